//! A request as every provider means it: who said what, which tools there are, what is wanted.

use serde::Serialize;
use serde_json::Value;

use crate::said::own_words;

/// Whose API a request speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Anthropic Messages.
    Anthropic,
    /// OpenAI Responses.
    Responses,
    /// OpenAI Chat Completions.
    Chat,
    /// Gemini generateContent.
    Gemini,
    /// Amazon Bedrock Converse.
    Bedrock,
}

impl Provider {
    /// All of them, by the names that scripts use.
    pub const ALL: [(&'static str, Self); 5] = [
        ("anthropic", Self::Anthropic),
        ("responses", Self::Responses),
        ("chat", Self::Chat),
        ("gemini", Self::Gemini),
        ("bedrock", Self::Bedrock),
    ];
}

/// A request, read and found to be in order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Talk {
    /// Whose API.
    pub provider: Provider,
    /// The model that was asked for.
    pub model: String,
    /// Whether the reply is streamed.
    pub stream: bool,
    /// System and developer texts, joined.
    pub system: String,
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// The tools that were offered.
    pub tools: Vec<Tool>,
    /// A tool that must be called, if one must.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forced: Option<Forced>,
    /// The JSON schema that the answer must have, if it must have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
}

/// Which tool must be called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Forced {
    /// Any.
    Any,
    /// The one of this name.
    Named(String),
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The user, and the tools.
    User,
    /// The model.
    Assistant,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// Who.
    pub role: Role,
    /// What.
    pub parts: Vec<Part>,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Words.
    Text {
        /// They.
        text: String,
    },
    /// The model's thoughts.
    Thought {
        /// They, or their summary.
        text: String,
    },
    /// The model calls a tool.
    Call {
        /// The call's id; empty where the provider has none.
        id: String,
        /// The tool.
        name: String,
        /// What it was given.
        input: Value,
    },
    /// What came back.
    Result {
        /// The call's id; the tool's name where the provider has no ids.
        id: String,
        /// Its text.
        text: String,
    },
    /// An image, a file and so on.
    Other {
        /// The provider's name for it.
        kind: String,
    },
}

/// How a tool wants to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolKind {
    /// With arguments that its schema describes.
    Function,
    /// With free text (OpenAI's custom tools).
    Custom,
    /// OpenAI's `local_shell`: a list of words.
    LocalShell,
    /// OpenAI's `shell`: a list of commands.
    Shell,
    /// Anthropic's `bash`: a command, without a schema.
    Bash,
    /// The provider runs it.
    Hosted,
}

/// A tool that was offered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tool {
    /// Its name; for tools without one, their type.
    pub name: String,
    /// How it wants to be called.
    pub kind: ToolKind,
    /// The JSON schema of its arguments, null when there is none.
    pub schema: Value,
}

/// What the user's side of the conversation comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The user's own texts, oldest first: without what agents put around them.
    pub texts: Vec<String>,
    /// What the tools answered since the last of them, in order.
    pub results: Vec<String>,
}

impl Said {
    /// The last thing the user said.
    pub fn last(&self) -> &str {
        self.texts.last().map_or("", String::as_str)
    }
}

impl Talk {
    /// The user's own words, and what tools answered since the last of them.
    pub fn said(&self) -> Said {
        let mut said = Said::default();
        for message in self.messages.iter().filter(|m| m.role == Role::User) {
            let mut own = Vec::new();
            for part in &message.parts {
                match part {
                    Part::Text { text } => own.extend(own_words(text)),
                    Part::Result { text, .. } => said.results.push(text.clone()),
                    Part::Thought { .. } | Part::Call { .. } | Part::Other { .. } => {}
                }
            }
            if !own.is_empty() {
                said.texts.push(own.join("\n"));
                said.results.clear();
            }
        }
        said
    }

    /// The tool of this name.
    pub fn tool(&self, name: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.name == name)
    }
}

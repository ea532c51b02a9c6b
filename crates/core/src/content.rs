//! What people and agents say: content blocks, tool calls, plans, permission options, usage.
//!
//! The shapes are those of ACP (agent-client-protocol-schema 1.15) in our spelling; what the typed view would drop is
//! kept in fields that hold any JSON: `raw_input`, `raw_output`, `meta`, `resource`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// One piece of a prompt or of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ContentBlock {
    /// Plain text or markdown.
    Text {
        /// The text, UTF-8.
        text: String,
    },
    /// A link to something the agent can read by itself.
    ResourceLink {
        /// Where it is.
        uri: String,
        /// What it is called.
        name: String,
        /// Its media type.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
    },
    /// A picture.
    Image {
        /// Base64.
        data: String,
        /// Its media type.
        mime_type: String,
    },
    /// A sound.
    Audio {
        /// Base64.
        data: String,
        /// Its media type.
        mime_type: String,
    },
    /// An embedded file, in ACP's own shape.
    Resource {
        /// The resource as the protocol spells it.
        #[schema(value_type = Object)]
        resource: Value,
    },
}

impl ContentBlock {
    /// A text block.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text { text } => Some(text),
            Self::ResourceLink { .. } | Self::Image { .. } | Self::Audio { .. } | Self::Resource { .. } => None,
        }
    }
}

/// The text of several blocks, joined by newlines.
pub fn plain_text(blocks: &[ContentBlock]) -> String {
    blocks.iter().filter_map(ContentBlock::as_text).collect::<Vec<_>>().join("\n")
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The person or program that prompts.
    User,
    /// The agent.
    Agent,
}

/// Which of the agent's voices a message belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// What it says to the user.
    Answer,
    /// What it says to itself.
    Thought,
}

/// An action the agent asks for or reports; in events a patch by `id`: absent fields keep their value, arrays are
/// replaced whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToolCall {
    /// The agent's own id, unique in its session.
    pub id: String,
    /// What it does, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The tool's name, where the agent tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// ACP's kind: `read`, `edit`, `delete`, `move`, `search`, `execute`, `think`, `fetch`, `switch_mode`, `other`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// How far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ToolStatus>,
    /// What it produced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Vec<ToolContent>>,
    /// Files it touches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locations: Option<Vec<ToolLocation>>,
    /// The tool's input as the agent gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value)]
    pub raw_input: Option<Value>,
    /// The tool's output as the agent gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value)]
    pub raw_output: Option<Value>,
    /// The frame's `_meta`, where agents put what ACP has no field for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub meta: Option<Value>,
}

impl ToolCall {
    /// Takes over what `newer` tells; what it does not tell stays, lists are replaced whole.
    pub fn merge(&mut self, newer: &Self) {
        take(&mut self.title, &newer.title);
        take(&mut self.name, &newer.name);
        take(&mut self.kind, &newer.kind);
        take(&mut self.status, &newer.status);
        take(&mut self.content, &newer.content);
        take(&mut self.locations, &newer.locations);
        take(&mut self.raw_input, &newer.raw_input);
        take(&mut self.raw_output, &newer.raw_output);
        take(&mut self.meta, &newer.meta);
    }

    /// The output's text where an agent gives it as `raw_output` alone; empty if there is none.
    pub fn raw_text(&self) -> &str {
        const NAMES: [&str; 6] = ["formatted_output", "aggregated_output", "output", "stdout", "stderr", "error"];
        match &self.raw_output {
            Some(Value::String(text)) => text,
            Some(Value::Object(map)) => {
                let mut texts = NAMES.iter().filter_map(|name| map.get(*name).and_then(Value::as_str));
                texts.find(|text| !text.is_empty()).unwrap_or_default()
            }
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) | None => "",
        }
    }
}

/// How far a tool call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolStatus {
    /// Announced.
    Pending,
    /// At work.
    InProgress,
    /// Done.
    Completed,
    /// Failed, rejected, or cut off.
    Failed,
}

impl ToolStatus {
    /// Whether no further change is expected.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

/// A part of a tool call's product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToolContent {
    /// Text, a picture, a link.
    Content {
        /// The block.
        content: ContentBlock,
    },
    /// A change of a file.
    Diff {
        /// Absolute path.
        path: String,
        /// The text before; absent for a new file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        old_text: Option<String>,
        /// The text after.
        new_text: String,
    },
    /// A terminal that the runner holds for the agent.
    Terminal {
        /// Its id.
        terminal_id: String,
    },
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolLocation {
    /// Absolute path.
    pub path: String,
    /// Line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// A step of the agent's plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanEntry {
    /// What is to be done.
    pub content: String,
    /// `high`, `medium`, `low`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// `pending`, `in_progress`, `completed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// An answer that the agent offers to its permission request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PermissionOption {
    /// What the agent wants to hear.
    pub id: String,
    /// What people read.
    pub name: String,
    /// What it means; several options may share a kind.
    pub kind: PermissionKind,
}

/// What an offered answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PermissionKind {
    /// Allow this action.
    AllowOnce,
    /// Allow it from now on.
    AllowAlways,
    /// Reject this action.
    RejectOnce,
    /// Reject it from now on.
    RejectAlways,
    /// A kind this version does not know.
    #[serde(other)]
    Other,
}

impl PermissionKind {
    /// Whether the action goes ahead.
    pub const fn allows(self) -> bool {
        matches!(self, Self::AllowOnce | Self::AllowAlways)
    }
}

/// Tokens and money, as far as the agent tells them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// Tokens in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Tokens in and out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_tokens: Option<u64>,
    /// Tokens of thought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thought_tokens: Option<u64>,
    /// Tokens read from a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read_tokens: Option<u64>,
    /// Tokens written to a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_tokens: Option<u64>,
    /// Tokens of the context window in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_used: Option<u64>,
    /// Size of the context window, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_size: Option<u64>,
    /// Cost so far, in `currency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// ISO 4217 code of `cost`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

impl Usage {
    /// Takes over what `newer` tells; what it does not tell stays.
    pub fn merge(&mut self, newer: &Self) {
        take(&mut self.input_tokens, &newer.input_tokens);
        take(&mut self.output_tokens, &newer.output_tokens);
        take(&mut self.total_tokens, &newer.total_tokens);
        take(&mut self.thought_tokens, &newer.thought_tokens);
        take(&mut self.cache_read_tokens, &newer.cache_read_tokens);
        take(&mut self.cache_write_tokens, &newer.cache_write_tokens);
        take(&mut self.context_used, &newer.context_used);
        take(&mut self.context_size, &newer.context_size);
        take(&mut self.cost, &newer.cost);
        take(&mut self.currency, &newer.currency);
    }
}

fn take<T: Clone>(old: &mut Option<T>, new: &Option<T>) {
    if new.is_some() {
        old.clone_from(new);
    }
}

/// A setting that the agent offers for its session: model, mode, effort and others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConfigOption {
    /// What the agent wants to hear.
    pub id: String,
    /// What people read.
    pub name: String,
    /// ACP's category: `mode`, `model`, `thought_level`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Its value now: a text or a boolean.
    #[schema(value_type = Value)]
    pub value: Value,
    /// What may be chosen; empty for a boolean.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<ConfigChoice>,
    /// How it is changed: `config_option`, or the older `set_mode` and `set_model`.
    #[serde(default)]
    pub via: ConfigVia,
}

impl ConfigOption {
    /// Whether `name` means this option: its id, or a category such as `model` or `mode`.
    pub fn is_named(&self, name: &str) -> bool {
        self.id == name || self.category.as_deref() == Some(name)
    }
}

/// By which method of ACP a config option is changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConfigVia {
    /// `session/set_config_option`.
    #[default]
    ConfigOption,
    /// `session/set_mode`.
    SetMode,
    /// `session/set_model`, which older agents still speak.
    SetModel,
}

/// A value that a config option may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigChoice {
    /// What the agent wants to hear.
    pub value: String,
    /// What people read.
    pub name: String,
}

/// A slash command that the agent offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentCommand {
    /// Its name without the slash.
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub description: String,
}

/// A way to sign in that the agent announced.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuthMethod {
    /// What `authenticate` wants to hear.
    pub id: String,
    /// What people read.
    pub name: String,
    /// More for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who does what.
    #[serde(default)]
    pub kind: AuthKind,
    /// Environment variables that it wants to be set where the agent runs, as far as they are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<String>,
    /// The program and its arguments that sign in, to be run in a terminal on the worker's machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// What that program wants in its environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

/// Who does what in a sign-in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// The agent does it by itself when it is asked to.
    #[default]
    Agent,
    /// The agent takes a key from its environment when it is asked to.
    EnvVar,
    /// A person runs a program in a terminal; the agent then begins anew.
    Terminal,
    /// A kind this version does not know.
    #[serde(other)]
    Other,
}

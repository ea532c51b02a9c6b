//! Understands `session/update`.

use std::borrow::Cow;

use convene_core::content::{AgentCommand, Channel, ConfigOption, ContentBlock, PlanEntry, Role, ToolCall, Usage};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{config, content};

/// What is new in the agent's session.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// A piece of a message.
    Chunk {
        /// Who speaks.
        role: Role,
        /// Aloud or to itself.
        channel: Channel,
        /// The agent's id of the message.
        message: Option<String>,
        /// The piece.
        content: ContentBlock,
    },
    /// A tool call began or changed.
    Tool(Box<ToolCall>),
    /// The plan.
    Plan(Vec<PlanEntry>),
    /// Tokens and cost.
    Usage(Usage),
    /// The slash commands.
    Commands(Vec<AgentCommand>),
    /// The mode, in the old way.
    Mode(String),
    /// The settings.
    Config(Vec<ConfigOption>),
    /// The agent names its session.
    Title(String),
    /// Nothing that is new here.
    Nothing,
    /// A kind that is not known here, or a known one without what it needs.
    Unknown {
        /// Its name.
        kind: String,
        /// All of it.
        raw: Value,
    },
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow, rename = "sessionUpdate", default)]
    kind: Cow<'a, str>,
}

/// A chunk of plain text, which is most of all there is, without a detour through a tree.
#[derive(Deserialize)]
struct TextChunk<'a> {
    #[serde(borrow)]
    content: TextContent<'a>,
    #[serde(rename = "messageId", default)]
    message: Option<String>,
}

#[derive(Deserialize)]
struct TextContent<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    text: String,
}

impl Update {
    /// Reads an update.
    ///
    /// # Errors
    /// If it is nested too deeply to be read.
    pub fn of(raw: &RawValue) -> Result<Self, serde_json::Error> {
        let kind = serde_json::from_str::<Kind<'_>>(raw.get()).map(|k| k.kind).unwrap_or_default();
        let voice = match kind.as_ref() {
            "agent_message_chunk" => Some((Role::Agent, Channel::Answer)),
            "agent_thought_chunk" => Some((Role::Agent, Channel::Thought)),
            "user_message_chunk" => Some((Role::User, Channel::Answer)),
            _ => None,
        };
        if let Some((role, channel)) = voice
            && let Ok(chunk) = serde_json::from_str::<TextChunk<'_>>(raw.get())
            && chunk.content.kind == "text"
        {
            let content = ContentBlock::Text { text: chunk.content.text };
            return Ok(Self::Chunk { role, channel, message: chunk.message, content });
        }
        let mut value: Value = serde_json::from_str(raw.get())?;
        let unknown = |raw: Value| Self::Unknown { kind: kind.clone().into_owned(), raw };
        let taken = |value: &mut Value, name: &str| value.get_mut(name).map(Value::take);
        if let Some((role, channel)) = voice {
            let message = content::text(&value, "messageId");
            let Some(content) = taken(&mut value, "content") else { return Ok(unknown(value)) };
            return Ok(Self::Chunk { role, channel, message, content: content::block(content) });
        }
        Ok(match kind.as_ref() {
            "tool_call" | "tool_call_update" if value.get("toolCallId").is_some_and(Value::is_string) => {
                match content::tool_call(value) {
                    Some(call) => Self::Tool(Box::new(call)),
                    None => unknown(Value::Null),
                }
            }
            "plan" if value.get("entries").is_some_and(Value::is_array) => {
                Self::Plan(content::plan(taken(&mut value, "entries")))
            }
            "usage_update" => {
                let cost = value.get("cost");
                Self::Usage(Usage {
                    context_used: value.get("used").and_then(Value::as_u64),
                    context_size: value.get("size").and_then(Value::as_u64),
                    cost: cost.and_then(|cost| cost.get("amount")).and_then(Value::as_f64),
                    currency: cost.and_then(|cost| content::text(cost, "currency")),
                    ..Usage::default()
                })
            }
            "available_commands_update" => {
                let command = |value: Value| {
                    let name = content::text(&value, "name")?;
                    Some(AgentCommand { name, description: content::text(&value, "description").unwrap_or_default() })
                };
                let commands = content::items(taken(&mut value, "availableCommands"));
                Self::Commands(commands.into_iter().filter_map(command).collect())
            }
            "current_mode_update" => match content::text(&value, "currentModeId") {
                Some(mode) => Self::Mode(mode),
                None => unknown(value),
            },
            "config_option_update" => match value.get("configOptions") {
                Some(options) => Self::Config(config::options(options)),
                None => unknown(value),
            },
            "session_info_update" => match content::text(&value, "title") {
                Some(title) => Self::Title(title),
                // It may tell of things that only the agent knows: when it was changed, its own notes.
                None => Self::Nothing,
            },
            _ => unknown(value),
        })
    }
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;

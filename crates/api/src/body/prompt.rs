//! Bodies about prompts and the turns that they start.

use convene_core::{
    content::ContentBlock,
    ids::TurnId,
    view::{QueueEntryView, SessionView},
};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Cursor;

/// A prompt: text, or content blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum PromptInput {
    /// Plain text or markdown.
    Text(String),
    /// Content blocks.
    Blocks(#[serde(deserialize_with = "blocks")] Vec<ContentBlock>),
}

/// Each block is an object: `serde` would take a list of its fields in their order, too.
fn blocks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ContentBlock>, D::Error> {
    let objects: Vec<Map<String, Value>> = Deserialize::deserialize(deserializer)?;
    let block = |object| serde_json::from_value(Value::Object(object)).map_err(de::Error::custom);
    objects.into_iter().map(block).collect()
}

impl PromptInput {
    /// The content blocks.
    pub fn into_blocks(self) -> Vec<ContentBlock> {
        match self {
            Self::Text(text) => vec![ContentBlock::text(text)],
            Self::Blocks(blocks) => blocks,
        }
    }
}

/// Body of `POST /v1/sessions/{id}/prompts`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendPrompt {
    /// What is said.
    pub content: PromptInput,
    /// What happens when a turn is running.
    #[serde(default)]
    pub mode: PromptMode,
}

/// What happens to a prompt when a turn is running.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PromptMode {
    /// It waits.
    #[default]
    Queue,
    /// It is added to the running turn. Not built yet: refused by name.
    Steer,
    /// The running turn is cancelled and it goes first.
    Interrupt,
}

/// Answer of `POST /v1/sessions/{id}/prompts`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PromptAccepted {
    /// What happened.
    pub status: PromptStatus,
    /// Its turn, which is also the id of its queue entry.
    pub turn: TurnId,
    /// Its place in the queue, from 1; absent when it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<usize>,
    /// The session as it is after the transaction.
    pub session: SessionView,
    /// Where its events go on.
    pub cursor: Cursor,
}

/// What happened to a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PromptStatus {
    /// Its turn began, or begins as soon as the agent is up.
    Started,
    /// It waits behind a running turn.
    Queued,
}

/// Body of `PATCH /v1/sessions/{id}/queue/{entry}`; at least one of its fields.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditQueueEntry {
    /// The new content, if it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<PromptInput>,
    /// The new place in the queue, from 1 (the next one), if it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub position: Option<usize>,
}

/// Answer of a change of the queue.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct QueueChanged {
    /// The prompts that wait.
    pub items: Vec<QueueEntryView>,
    /// The session as it is after the transaction.
    pub session: SessionView,
    /// Where its events go on.
    pub cursor: Cursor,
}

/// Body of `POST /v1/sessions/{id}/cancel`; may be absent.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelTurn {
    /// The turn that is meant; the running one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnId>,
}

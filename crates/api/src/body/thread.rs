//! Bodies about threads.

use std::collections::BTreeMap;

use convene_core::view::{SessionView, ThreadView};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{CreateSession, Cursor, PromptInput};

/// Body of `POST /v1/threads`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateThread {
    /// Its title; the prompt's first line if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Its first session, made in the same transaction; `thread_id` must be absent in it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub session: Option<Box<CreateSession>>,
    /// Short for a `session` with this prompt, or without one if agent or cwd is given alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<PromptInput>,
    /// Short for a `session` of this agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Short for a `session` in this directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
}

/// `serde` would take a list of the fields in their order, too.
fn object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<CreateSession>>, D::Error> {
    let Some(object) = Option::<Map<String, Value>>::deserialize(deserializer)? else { return Ok(None) };
    serde_json::from_value(Value::Object(object)).map(Some).map_err(de::Error::custom)
}

/// Answer of `POST /v1/threads`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreatedThread {
    /// The thread.
    pub thread: ThreadView,
    /// Its first session, if it has one.
    pub session: Option<SessionView>,
    /// Where lists, and the session's events, go on.
    pub cursor: Cursor,
}

/// Body of `PATCH /v1/threads/{id}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchThread {
    /// The title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// The labels, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Whether it is put away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
}

//! Bodies about sessions.

use std::{collections::BTreeMap, sync::Arc};

use convene_core::{
    event::StopMode,
    failure::AttemptExit,
    health::HealthRow,
    ids::{SessionId, ThreadId, TurnId},
    spec::{CrashPolicy, OnTurnEnd, PermissionMode},
    view::{Badge, SessionView},
    workspace::WorktreeSpec,
};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Cursor, PromptInput};
use crate::frame::AnyEvent;

/// Body of `POST /v1/sessions`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSession {
    /// The first prompt; without one the session waits idle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<PromptInput>,
    /// The agent's name; the server's `run.agent` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The working directory, absolute; the caller's home if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Its title; the prompt's first line if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// An existing thread; a new one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<ThreadId>,
    /// Said to the agent before the first prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// The model, as the agent names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The agent's mode, as it names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Further config options of the agent, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub config: BTreeMap<String, Value>,
    /// Who answers permission requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<PermissionMode>,
    /// Environment of the agent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Directories beside `cwd`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_dirs: Vec<String>,
    /// MCP servers in ACP's own shape.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub mcp_servers: Vec<Value>,
    /// Not built yet: refused by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub repos: Option<Value>,
    /// A git worktree and branch of its own: `true`, or its details. `cwd` must lie in a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree: Option<WorktreeInput>,
    /// Not built yet: refused by name unless `"none"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub sandbox: Option<Value>,
    /// The worker it must run on, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub worker: Option<Value>,
    /// Wall clock for a turn, in seconds; 0 or absent is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// What happens when a turn ends and nothing is queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_turn_end: Option<OnTurnEnd>,
    /// What happens after a crash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crash_policy: Option<CrashPolicy>,
    /// Limits of its own; the server's where they say nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<SessionLimits>,
}

/// Limits of one session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionLimits {
    /// After so many seconds of a turn in which nothing happens it is said so; 0 is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inactivity_warn: Option<u64>,
    /// After so many seconds of a turn in which nothing happens it is cancelled; 0 is never. Waiting for a person does not
    /// count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inactivity_timeout: Option<u64>,
}

/// A wish for a worktree, short or in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged, expecting = "it must be true, false, or an object with branch and base")]
pub enum WorktreeInput {
    /// Whether there is to be one.
    Wanted(bool),
    /// One with these details.
    Spec(#[serde(deserialize_with = "details")] WorktreeSpec),
}

/// In a body an unknown field is an error; in the log, which has the same type, it comes from a later version.
fn details<'de, D: Deserializer<'de>>(deserializer: D) -> Result<WorktreeSpec, D::Error> {
    let object: Map<String, Value> = Deserialize::deserialize(deserializer)?;
    if let Some(field) = object.keys().find(|field| !matches!(field.as_str(), "branch" | "base")) {
        return Err(de::Error::unknown_field(field, &["branch", "base"]));
    }
    serde_json::from_value(Value::Object(object)).map_err(de::Error::custom)
}

impl From<bool> for WorktreeInput {
    fn from(wanted: bool) -> Self {
        Self::Wanted(wanted)
    }
}

/// Body of `DELETE /v1/sessions/{id}`; may be absent.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteSession {
    /// What becomes of the worktree that was made for it.
    #[serde(default)]
    pub worktree: WorktreeFate,
    /// Also if its log is damaged, so that nobody can say what there is to lose.
    #[serde(default)]
    pub force: bool,
}

/// What becomes of a session's worktree when the session is removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorktreeFate {
    /// It goes, unless it has files that are not committed: then nothing goes.
    #[default]
    Remove,
    /// It goes, whatever is in it.
    Discard,
    /// It stays.
    Keep,
}

/// Body of `DELETE /v1/sessions/{id}/worktree`; may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveWorktree {
    /// Whether it goes although it has files that are not committed.
    #[serde(default)]
    pub discard: bool,
}

/// Answer of `DELETE /v1/sessions/{id}/worktree`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorktreeRemoved {
    /// The session, which stays.
    pub id: SessionId,
    /// The directory that is gone.
    pub path: String,
    /// Its branch.
    pub branch: Option<String>,
    /// Whether the branch stays, because commits are on it that are nowhere else.
    pub branch_kept: bool,
}

/// Answer of `POST /v1/sessions`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreatedSession {
    /// The session as it is after the transaction.
    pub session: SessionView,
    /// Where its events go on.
    pub cursor: Cursor,
}

/// Body of `PATCH /v1/sessions/{id}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchSession {
    /// The title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The labels, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// The model, as the agent names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The agent's mode, as it names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Config options by id, merged over the old ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub config: BTreeMap<String, Value>,
    /// Who answers permission requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<PermissionMode>,
    /// Wall clock for a turn, in seconds; 0 is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// Limits of its own; those that are absent stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<SessionLimits>,
}

/// Body of `POST /v1/sessions/{id}/authenticate`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Authenticate {
    /// One of the session's `auth_methods`, by its id.
    pub method_id: String,
}

/// Body of `POST /v1/sessions/{id}/stop`; may be absent.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StopSession {
    /// Whether the agent gets time.
    #[serde(default)]
    pub mode: StopMode,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Health of a session: what is known about its life, and since when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionHealth {
    /// The session.
    pub id: SessionId,
    /// Its state.
    pub state: String,
    /// Its badge.
    pub badge: Badge,
    /// How it does.
    pub row: HealthRow,
    /// Whether its runner's uplink is up.
    pub runner_connected: bool,
    /// The current or last attempt.
    pub attempt: u32,
    /// Where it runs.
    pub worker: Option<String>,
    /// What its processes hold of that machine's memory, in bytes, as far as its worker has told.
    pub memory: Option<u64>,
    /// When its last event was.
    pub last_event_at: Timestamp,
    /// How its last attempt ended, if it ended.
    pub last_exit: Option<AttemptExit>,
}

/// Answer of `GET /v1/sessions/{id}/history`: events by turn, in first-seen order.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct History {
    /// The groups.
    pub turns: Vec<HistoryTurn>,
    /// Where the session's events go on.
    pub cursor: Cursor,
}

/// The events of one turn.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HistoryTurn {
    /// The turn; absent for events outside turns.
    pub turn: Option<TurnId>,
    /// Its events, as in the log.
    #[schema(value_type = Vec<AnyEvent>)]
    pub events: Vec<Arc<serde_json::value::RawValue>>,
}

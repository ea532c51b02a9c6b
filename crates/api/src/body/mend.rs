//! Bodies about logs that are closed, and conversations that are taken back or told shortly.

use std::sync::Arc;

use convene_core::{
    Timestamp,
    content::{ContentBlock, Role},
    ids::{SessionId, TurnId},
    repair::{Action, Issue},
    view::{QueueEntryView, SessionView},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Cursor;

/// Body of `POST /v1/sessions/{id}/repair`; may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RepairSession {
    /// Only tell what would be done.
    #[serde(default)]
    pub dry_run: bool,
    /// Close the last turn also of a session that did not end by a crash.
    #[serde(default)]
    pub force: bool,
}

/// Answer of a repair: the session as it is after it, and what was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RepairedSession {
    /// The session.
    #[serde(flatten)]
    pub session: SessionView,
    /// What was found and done.
    pub repair: RepairReport,
}

/// What is wrong with a log, and what was, or would be, appended to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RepairReport {
    /// Whose log it is.
    pub session_id: SessionId,
    /// Whether nothing was appended because that was not wanted.
    pub dry_run: bool,
    /// What is wrong; of each kind the first ones.
    pub issues: Vec<Issue>,
    /// Further issues that are not told one by one.
    pub more_issues: u64,
    /// What was appended, or would be.
    pub actions: Vec<Action>,
    /// Whether it was appended.
    pub persisted: bool,
}

/// Body of `POST /v1/sessions/{id}/rewind`. One of `turn` and `seq` says where to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RewindSession {
    /// The turn that begins with the prompt to take back: its id, or its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^trn_[0-9a-f]{32}$")]
    pub turn: Option<TurnName>,
    /// An event of that turn: the prompt, or anything after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The last event that the caller has seen; if there is a later one, nothing is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_seq: Option<u64>,
    /// The attempt that the caller has seen; if there is a later one, nothing is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_attempt: Option<u32>,
    /// The epoch that `seq` and `expected_seq` are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
}

/// A turn by its id or its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "it must be the id of a turn or its number")]
pub enum TurnName {
    /// By its number.
    Number(u32),
    /// By its id.
    Id(TurnId),
}

/// Answer of a rewind: the session as it is after it, and the prompt that was taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RewoundSession {
    /// The session.
    #[serde(flatten)]
    pub session: SessionView,
    /// The turn that began with the prompt.
    pub turn_id: TurnId,
    /// Its number.
    pub turn_number: u32,
    /// The prompt, to be changed and sent again.
    #[schema(value_type = Vec<ContentBlock>)]
    pub draft: Arc<Vec<ContentBlock>>,
}

/// Answer of `GET /v1/sessions/{id}/recap`: what somebody who comes back wants to see first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SessionRecap {
    /// The session.
    pub session: SessionView,
    /// What was said to the agent and what it answered lately, oldest first, whole messages.
    pub messages: Vec<RecapMessage>,
    /// What happened to the session lately: lost contexts, stops, clearings and the like, as the log has it.
    #[schema(value_type = Vec<Object>)]
    pub markers: Vec<Box<serde_json::value::RawValue>>,
    /// Prompts that wait.
    pub pending: Vec<QueueEntryView>,
    /// Where its events go on.
    pub cursor: Cursor,
}

/// A message of a recap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecapMessage {
    /// Its turn.
    pub turn: Option<TurnId>,
    /// Who speaks: `user` or `agent`.
    pub role: Role,
    /// What was said, cut to 16 KiB.
    pub text: String,
    /// Whether it was cut.
    pub cut: bool,
    /// When it began.
    pub at: Timestamp,
    /// The event by which it began.
    pub seq: u64,
}

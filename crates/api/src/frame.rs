//! Frames of `GET /v1/ws` and of the list stream `GET /v1/events`.

use convene_core::ids::SessionId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// What a client says on the socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientFrame {
    /// Follow a topic from a cursor on: everything after it, then live.
    Subscribe {
        /// `list`, or a session's id.
        topic: String,
        /// For `list` a `pos`, for a session a `seq`; absent: from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<u64>,
        /// The epoch that the cursor is of; one that is over closes the topic with `cursor_too_old`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<u64>,
    },
    /// Leave a topic.
    Unsubscribe {
        /// The topic.
        topic: String,
    },
    /// Are you there?
    Ping {},
}

/// The first frame of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hello {
    /// Always `hello`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The server's version.
    pub version: String,
    /// The log's epoch.
    pub epoch: u64,
    /// The server's clock.
    pub server_time: Timestamp,
}

/// A list frame: `session:started`, `session:updated`, `session:ended`, `session:deleted`, `thread:*`, `worker:*`,
/// `agent:*`. After a gap each changed object comes once, as it is now.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListFrame {
    /// What happened.
    #[serde(rename = "type")]
    pub kind: String,
    /// The change's place in the store; the cursor of the list.
    pub pos: u64,
    /// When.
    pub at: Timestamp,
    /// The idempotency key of the command that caused it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The full object; of a deleted one its `id` alone.
    pub data: Box<RawValue>,
}

/// A session's event on the socket.
#[derive(Debug, Serialize, Deserialize)]
pub struct TopicEvent {
    /// The session.
    pub topic: SessionId,
    /// The event, as in the log.
    pub event: Box<RawValue>,
}

/// Told once the past of a topic is delivered; what follows is live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CaughtUp {
    /// Always `caught_up`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The topic.
    pub topic: String,
    /// The cursor that is reached.
    pub after: u64,
}

//! Events and frames as they go over `GET /v1/ws`, the list stream `GET /v1/events` and the streams of sessions.

use convene_core::{
    event::KnownEvent,
    ids::{SessionId, TurnId},
    view::{SessionView, ThreadView},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::{
    body::{AgentView, WorkerView},
    problem::Problem,
};

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
        /// The epoch that the cursor is of; one that is over is refused with `cursor_too_old`.
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

/// What the server says on the socket, but for what passes through as text: [`ListFrame`] and [`TopicEvent`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The first frame.
    Hello {
        /// The server's version.
        version: String,
        /// The log's epoch.
        epoch: u64,
        /// The server's clock.
        server_time: Timestamp,
    },
    /// The past of a topic is delivered; what follows is live.
    CaughtUp {
        /// The topic.
        topic: String,
        /// The cursor that is reached.
        after: u64,
    },
    /// Events of a session are lost, and its log is repaired: the next event is `next`, and none comes in between.
    Hole {
        /// The session.
        topic: SessionId,
        /// The last event before them; 0 if the log begins with them.
        after: u64,
        /// The first event behind them.
        next: u64,
    },
    /// Answer to `ping`.
    Pong {},
    /// A frame of the client was refused, or a topic has ended.
    Problem {
        /// The topic, if it is about one.
        topic: Option<String>,
        /// Why.
        problem: Problem,
    },
}

/// A change of the list, as the object that it is now: `session:started`, `session:updated`, `session:ended`,
/// `session:deleted`, `thread:created`, `thread:updated`, `thread:deleted`, `worker:connected`, `worker:updated`,
/// `worker:disconnected`, `agent:updated`. After a gap each changed object comes once, and each worker and each agent
/// as it is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
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
    #[schema(value_type = ListObject)]
    pub data: Box<RawValue>,
}

/// What the list has.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes; objects are written from what changed")]
enum ListObject {
    /// A session.
    Session(Box<SessionView>),
    /// A thread.
    Thread(Box<ThreadView>),
    /// A worker.
    Worker(Box<WorkerView>),
    /// An agent.
    Agent(Box<AgentView>),
    /// What is gone.
    Gone(Gone),
}

/// What is left of something that was deleted.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes")]
struct Gone {
    /// Its id.
    id: String,
}

/// A session's event on the socket.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TopicEvent {
    /// The session.
    pub topic: SessionId,
    /// The event, as in the log.
    #[schema(value_type = AnyEvent)]
    pub event: Box<RawValue>,
}

/// An event as it is stored, streamed and shown: its place, and one of the events by its `type`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes; events themselves pass through as text")]
pub struct AnyEvent {
    /// The session's log.
    session: SessionId,
    /// Its place there, gapless from 1.
    seq: u64,
    /// Its place in the commit order of the whole store.
    pos: u64,
    /// When it was committed.
    at: Timestamp,
    /// The turn it belongs to.
    turn: Option<TurnId>,
    /// The attempt it comes from or is about.
    attempt: Option<u32>,
    /// The idempotency key of the command that caused it.
    command: Option<String>,
    /// What happened. A type that is not on the list comes from a newer runner.
    #[serde(flatten)]
    body: KnownEvent,
}

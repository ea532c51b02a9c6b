//! The one event vocabulary: stored = streamed = shown.
//!
//! Additive only: a tag is never renamed, a field never changes its meaning. A type that this version does not know
//! (from a newer runner) is kept verbatim as [`EventBody::Unknown`] and folds as a no-op.
//!
//! An [`EventData`] is what a row holds as JSON text; an [`Event`] is that in its place (`session`, `seq`, `pos`,
//! `at`), which the row carries in columns. The text is made once, by [`EventData::to_json`]; what clients see is that
//! text with the place spliced in front by [`wire_json`], without another look inside.

mod json;
mod known;
mod parts;

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::Value;

pub use json::{Place, wire_json};
pub use known::KnownEvent;
pub use parts::{
    AwakeReason, ContextLoss, Cut, Decision, Fork, LimitedBy, SessionChanges, SessionOpening, StopMode, TreeLimits,
    UnhealthyReason,
};

use crate::ids::{SessionId, TurnId};

/// An event's content: known, or verbatim from a newer version.
#[derive(Debug, Clone, PartialEq)]
pub enum EventBody {
    /// One of ours.
    Known(KnownEvent),
    /// A type that this version does not know: the whole object with its `type`, without the envelope's fields.
    Unknown(Arc<serde_json::Map<String, Value>>),
}

impl From<KnownEvent> for EventBody {
    fn from(event: KnownEvent) -> Self {
        Self::Known(event)
    }
}

impl Serialize for EventBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(known) => known.serialize(serializer),
            Self::Unknown(map) => map.serialize(serializer),
        }
    }
}

/// An event as it is stored: everything but its place (`session`, `seq`, `pos`, `at`), which the row carries.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventData {
    /// The turn it belongs to, if it belongs to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnId>,
    /// The attempt it comes from or is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The idempotency key of the command that caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Arc<str>>,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

impl EventData {
    /// An event without turn, attempt and command.
    pub fn new(body: impl Into<EventBody>) -> Self {
        Self { turn: None, attempt: None, command: None, body: body.into() }
    }

    /// In a turn.
    #[must_use]
    pub const fn turn(mut self, turn: TurnId) -> Self {
        self.turn = Some(turn);
        self
    }

    /// In an attempt.
    #[must_use]
    pub const fn attempt(mut self, attempt: u32) -> Self {
        self.attempt = Some(attempt);
        self
    }

    /// The tag.
    pub fn tag(&self) -> &str {
        match &self.body {
            EventBody::Known(known) => known.tag(),
            EventBody::Unknown(map) => map.get("type").and_then(Value::as_str).unwrap_or("unknown"),
        }
    }
}

/// An event in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The session's log.
    pub session: SessionId,
    /// Its position there: gapless, from 1.
    pub seq: u64,
    /// Its position in the store's commit order.
    pub pos: u64,
    /// When it was committed, to the millisecond.
    pub at: Timestamp,
    /// For an event that a runner reported: its index in the attempt, from 0. An attempt's indexes are gapless.
    pub index: Option<u64>,
    /// The event.
    pub data: EventData,
}

#[cfg(test)]
#[path = "event/event_tests.rs"]
mod event_tests;

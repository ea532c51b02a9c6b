//! A session's events over the WebSocket: each one once and in order, also over broken connections.
//!
//! The cursor is the `seq` of the last event handed out. Whatever breaks, the stream subscribes again after it; an
//! event that comes a second time is left out, and one that does not follow the cursor breaks the connection. Events that
//! the server says are lost are passed over.

use convene_core::{event::EventData, ids::SessionId};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::{Client, ClientError, redial::Redial};
use crate::{frame::ClientFrame, problem::Problem};

/// How often in a row events may be missing before it is an error and no accident.
const GAPS_MAX: u32 = 3;

/// An event as the server sent it, and as this version reads it.
#[derive(Debug, Clone)]
pub struct SessionEvent {
    /// The object as in the log.
    pub json: Box<str>,
    /// The session.
    pub session: SessionId,
    /// Its place in the session's log.
    pub seq: u64,
    /// When it was committed.
    pub at: Timestamp,
    /// What happened.
    pub data: EventData,
}

/// The place of an event, which the wire object carries beside its content.
#[derive(Deserialize)]
struct Place {
    session: SessionId,
    seq: u64,
    at: Timestamp,
}

impl SessionEvent {
    /// Reads an event's wire object.
    ///
    /// # Errors
    /// If the text is no event; an event of an unknown type is one.
    pub fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        let place: Place = serde_json::from_str(json)?;
        let data = EventData::from_json(json)?;
        Ok(Self { json: json.into(), session: place.session, seq: place.seq, at: place.at, data })
    }
}

/// What a stream tells.
#[derive(Debug)]
pub enum StreamItem {
    /// The next event.
    Event(Box<SessionEvent>),
    /// Everything there was is delivered; what follows is live.
    CaughtUp,
    /// The server cannot be reached; the stream goes on trying.
    Away {
        /// Since when.
        since: Instant,
    },
}

/// A session's events after a cursor, then live.
pub struct EventStream {
    redial: Redial,
    session: SessionId,
    after: u64,
    /// The log's epoch that the cursor is of, once the server told.
    epoch: Option<u64>,
    gaps: u32,
}

/// What the server may send on the socket.
#[derive(Deserialize)]
struct ServerFrame<'a> {
    #[serde(rename = "type", default)]
    kind: Option<&'a str>,
    #[serde(borrow, default)]
    event: Option<&'a RawValue>,
    #[serde(default)]
    problem: Option<Problem>,
    #[serde(default)]
    epoch: Option<u64>,
    #[serde(default)]
    after: Option<u64>,
    #[serde(default)]
    next: Option<u64>,
}

impl EventStream {
    pub(super) fn new(client: Client, session: SessionId, after: u64) -> Self {
        Self { redial: Redial::new(client), session, after, epoch: None, gaps: 0 }
    }

    /// The `seq` of the last event handed out, or of the last one that is lost before the next.
    pub fn cursor(&self) -> u64 {
        self.after
    }

    /// The next thing to tell. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When going on makes no sense: the session is gone, the token is refused, the cursor is too old.
    pub async fn next(&mut self) -> Result<StreamItem, ClientError> {
        loop {
            let (topic, after, epoch) = (self.session, Some(self.after), self.epoch);
            let subscribe = || ClientFrame::Subscribe { topic: topic.to_string(), after, epoch };
            let step = match self.redial.next(subscribe).await {
                Ok(text) => self.take_text(text.as_str()),
                Err(error) => Step::Broken(error),
            };
            match step {
                Step::Nothing => {}
                Step::Tell(item) => return Ok(item),
                Step::Broken(error) => return Ok(StreamItem::Away { since: self.redial.broken(error)? }),
            }
        }
    }

    fn take_text(&mut self, text: &str) -> Step {
        let frame: ServerFrame<'_> = match serde_json::from_str(text) {
            Ok(frame) => frame,
            Err(error) => return Step::Broken(ClientError::answer(error)),
        };
        if let Some(problem) = frame.problem {
            return Step::Broken(ClientError::Problem(problem));
        }
        if let Some(event) = frame.event {
            return self.take_event(event.get());
        }
        match frame.kind {
            Some("hello") => {
                // The first epoch counts: the server refuses the cursor if the log is another one later.
                self.epoch = self.epoch.or(frame.epoch);
                Step::Nothing
            }
            Some("caught_up") => {
                self.redial.recovered();
                Step::Tell(StreamItem::CaughtUp)
            }
            Some("hole") => {
                // What is lost is not waited for; the log itself tells of it, where it was repaired.
                if let (Some(after), Some(next)) = (frame.after, frame.next)
                    && after <= self.after
                {
                    self.after = self.after.max(next.saturating_sub(1));
                }
                Step::Nothing
            }
            // `pong`, and what a newer server may say.
            _ => Step::Nothing,
        }
    }

    fn take_event(&mut self, json: &str) -> Step {
        let event = match SessionEvent::from_json(json) {
            Ok(event) => event,
            Err(error) => return Step::Broken(ClientError::answer(error)),
        };
        let expected = self.after + 1;
        if event.seq < expected {
            return Step::Nothing;
        }
        if event.seq > expected {
            self.gaps += 1;
            if self.gaps > GAPS_MAX {
                return Step::Broken(ClientError::Gap { expected, found: event.seq });
            }
            return Step::Broken(self.redial.lost(format!("event {expected} is missing, {} came", event.seq)));
        }
        self.after = event.seq;
        self.gaps = 0;
        self.redial.recovered();
        Step::Tell(StreamItem::Event(Box::new(event)))
    }
}

enum Step {
    Nothing,
    Tell(StreamItem),
    Broken(ClientError),
}

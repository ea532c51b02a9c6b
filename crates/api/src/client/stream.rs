//! A session's events over the WebSocket: each one once and in order, also over broken connections.
//!
//! The cursor is the `seq` of the last event handed out. Whatever breaks, the stream subscribes again after it; an
//! event that comes a second time is left out, and one that does not follow the cursor breaks the connection.

use std::{future::Future, pin::Pin, time::Duration};

use convene_core::{event::EventData, ids::SessionId};
use futures_util::{SinkExt as _, StreamExt as _};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes, protocol::CloseFrame};

use super::{
    Client, ClientError, FIRST_PAUSE, LONGEST_PAUSE,
    connection::{self, WebSocket},
};
use crate::{
    frame::ClientFrame,
    problem::{Code, Problem},
};

/// The path of the socket.
const PATH: &str = "/v1/ws";
/// After so long without a frame the server is asked whether it is there.
const QUIET: Duration = Duration::from_secs(15);
/// After so long without a frame the connection counts as broken.
const DEAD: Duration = Duration::from_secs(40);
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
    client: Client,
    session: SessionId,
    after: u64,
    /// The log's epoch that the cursor is of, once the server told.
    epoch: Option<u64>,
    link: Link,
    /// Since when there has been no connection, or no success with one.
    away_since: Option<Instant>,
    pause: Duration,
    gaps: u32,
}

type Opening = Pin<Box<dyn Future<Output = Result<WebSocket, ClientError>> + Send>>;

enum Link {
    /// Nothing is open; the next try is due then.
    Down { retry_at: Instant },
    /// A connection is coming about.
    Opening(Opening),
    /// A connection, and when it was last heard.
    Up { socket: Box<WebSocket>, heard: Instant, asked: bool },
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
}

impl EventStream {
    pub(super) fn new(client: Client, session: SessionId, after: u64) -> Self {
        let link = Link::Down { retry_at: Instant::now() };
        Self { client, session, after, epoch: None, link, away_since: None, pause: FIRST_PAUSE, gaps: 0 }
    }

    /// The `seq` of the last event handed out.
    pub fn cursor(&self) -> u64 {
        self.after
    }

    /// The next thing to tell. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When going on makes no sense: the session is gone, the token is refused, the cursor is too old.
    pub async fn next(&mut self) -> Result<StreamItem, ClientError> {
        loop {
            let step = match &mut self.link {
                Link::Down { retry_at } => {
                    sleep_until(*retry_at).await;
                    self.link = Link::Opening(open(self.client.clone(), self.session, self.after, self.epoch));
                    continue;
                }
                Link::Opening(opening) => match opening.await {
                    Ok(socket) => {
                        self.link = Link::Up { socket: Box::new(socket), heard: Instant::now(), asked: false };
                        continue;
                    }
                    Err(error) => Step::Broken(error),
                },
                Link::Up { socket, heard, asked } => {
                    let limit = *heard + if *asked { DEAD } else { QUIET };
                    match timeout_at(limit, socket.next()).await {
                        Ok(Some(Ok(message))) => {
                            *heard = Instant::now();
                            *asked = false;
                            self.take(message)
                        }
                        Ok(Some(Err(error))) => Step::Broken(self.lost(error)),
                        Ok(None) => Step::Broken(self.lost("the server closed it")),
                        Err(_) if *asked => Step::Broken(self.lost("the server is silent")),
                        Err(_) => {
                            *asked = true;
                            // A failure shows at the next read.
                            let _ = socket.send(text(&ClientFrame::Ping {})).await;
                            Step::Nothing
                        }
                    }
                }
            };
            match step {
                Step::Nothing => {}
                Step::Tell(item) => return Ok(item),
                Step::Broken(error) => {
                    let fatal = !error.passes_by_itself() || matches!(&error, ClientError::Gap { .. });
                    let now = Instant::now();
                    self.link = Link::Down { retry_at: now + self.pause };
                    if fatal {
                        return Err(error);
                    }
                    let since = *self.away_since.get_or_insert(now);
                    self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                    return Ok(StreamItem::Away { since });
                }
            }
        }
    }

    fn take(&mut self, message: Message) -> Step {
        match message {
            Message::Text(text) => self.take_text(text.as_str()),
            Message::Close(frame) => Step::Broken(self.closed(frame)),
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Step::Nothing,
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
                self.recovered();
                Step::Tell(StreamItem::CaughtUp)
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
            return Step::Broken(self.lost(format!("event {expected} is missing, {} came", event.seq)));
        }
        self.after = event.seq;
        self.gaps = 0;
        self.recovered();
        Step::Tell(StreamItem::Event(Box::new(event)))
    }

    fn recovered(&mut self) {
        self.away_since = None;
        self.pause = FIRST_PAUSE;
    }

    fn lost(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ClientError {
        ClientError::Lost { endpoint: self.client.endpoint().to_string(), source: source.into() }
    }

    /// A close frame's reason begins with a problem code where the server gave one.
    fn closed(&self, frame: Option<CloseFrame>) -> ClientError {
        let reason: Utf8Bytes = frame.map(|f| f.reason).unwrap_or_default();
        let word = reason.split([':', ' ']).next().unwrap_or_default();
        match Code::parse(word) {
            Some(code) => {
                let detail = reason.get(word.len()..).unwrap_or_default().trim_start_matches([':', ' ']);
                let detail = if detail.is_empty() { code.message() } else { detail };
                ClientError::Problem(Problem::new(code, detail))
            }
            None if word == "unauthorized" => ClientError::Problem(Problem::filled(Code::TokenInvalid, [])),
            None => self.lost(format!("the server closed it: {reason}")),
        }
    }
}

enum Step {
    Nothing,
    Tell(StreamItem),
    Broken(ClientError),
}

fn open(client: Client, session: SessionId, after: u64, epoch: Option<u64>) -> Opening {
    Box::pin(async move {
        let mut socket = connection::upgrade(client.endpoint(), client.token(), PATH).await?;
        let subscribe = ClientFrame::Subscribe { topic: session.to_string(), after: Some(after), epoch };
        socket
            .send(text(&subscribe))
            .await
            .map_err(|error| ClientError::Lost { endpoint: client.endpoint().to_string(), source: error.into() })?;
        Ok(socket)
    })
}

fn text(frame: &ClientFrame) -> Message {
    // The frame has no map with keys that are no texts, the only way to fail.
    Message::text(serde_json::to_string(frame).unwrap_or_default())
}

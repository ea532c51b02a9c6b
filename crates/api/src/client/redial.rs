//! A WebSocket that is opened again whenever it breaks, and asked now and then whether somebody is there.

use std::{future::Future, pin::Pin, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
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

/// The socket of one topic.
pub(super) struct Redial {
    client: Client,
    link: Link,
    /// Since when there has been no connection, or no success with one.
    away_since: Option<Instant>,
    pause: Duration,
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

impl Redial {
    pub(super) fn new(client: Client) -> Self {
        let link = Link::Down { retry_at: Instant::now() };
        Self { client, link, away_since: None, pause: FIRST_PAUSE }
    }

    /// The next text of the server; a new connection begins with `subscribe`. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the connection is broken; [`Redial::broken`] says whether another one makes sense.
    pub(super) async fn next(&mut self, subscribe: impl Fn() -> ClientFrame) -> Result<Utf8Bytes, ClientError> {
        loop {
            match &mut self.link {
                Link::Down { retry_at } => {
                    sleep_until(*retry_at).await;
                    self.link = Link::Opening(open(self.client.clone(), subscribe()));
                }
                Link::Opening(opening) => {
                    let socket = Box::new(opening.await?);
                    self.link = Link::Up { socket, heard: Instant::now(), asked: false };
                }
                Link::Up { socket, heard, asked } => {
                    let limit = *heard + if *asked { DEAD } else { QUIET };
                    match timeout_at(limit, socket.next()).await {
                        Ok(Some(Ok(message))) => {
                            *heard = Instant::now();
                            *asked = false;
                            match message {
                                Message::Text(text) => return Ok(text),
                                Message::Close(frame) => return Err(self.closed(frame)),
                                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
                            }
                        }
                        Ok(Some(Err(error))) => return Err(self.lost(error)),
                        Ok(None) => return Err(self.lost("the server closed it")),
                        Err(_) if *asked => return Err(self.lost("the server is silent")),
                        Err(_) => {
                            *asked = true;
                            // A failure shows at the next read.
                            let _ = socket.send(text(&ClientFrame::Ping {})).await;
                        }
                    }
                }
            }
        }
    }

    /// A connection is broken, or what came over it makes no sense: another one is due. Since when there has been none.
    ///
    /// # Errors
    /// If another one makes no sense.
    pub(super) fn broken(&mut self, error: ClientError) -> Result<Instant, ClientError> {
        let fatal = !error.passes_by_itself() || matches!(&error, ClientError::Gap { .. });
        let now = Instant::now();
        self.link = Link::Down { retry_at: now + self.pause };
        if fatal {
            return Err(error);
        }
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(*self.away_since.get_or_insert(now))
    }

    /// It does what it is to do.
    pub(super) fn recovered(&mut self) {
        self.away_since = None;
        self.pause = FIRST_PAUSE;
    }

    pub(super) fn lost(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ClientError {
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

fn open(client: Client, subscribe: ClientFrame) -> Opening {
    Box::pin(async move {
        let mut socket = connection::upgrade(client.endpoint(), client.token(), PATH).await?;
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

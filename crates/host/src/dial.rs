//! Dials the server: a WebSocket over its unix socket or TCP, with frames as JSON text.

use std::time::Duration;

use convene_api::uplink::FRAME_MAX;
use futures_util::{SinkExt, StreamExt};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::{Instant, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        http::{HeaderValue, StatusCode, header},
        protocol::WebSocketConfig,
    },
};

use crate::launch_spec::ServerAddr;

/// The first pause between two tries.
const FIRST: Duration = Duration::from_millis(50);

/// The longest pause while the server has just been lost: most are back within a second or two, and everybody waits
/// for them.
const SHORT: Duration = Duration::from_millis(250);

/// How long that lasts.
const JUST_LOST: Duration = Duration::from_secs(10);

/// The longest pause after that, and how long a link must have held to be dialed anew as one that has just been lost.
const LONG: Duration = Duration::from_secs(2);

/// The pauses between tries: each twice as long as the one before, up to a limit.
#[derive(Debug)]
pub(crate) struct Backoff {
    pause: Duration,
    lost: Option<Instant>,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { pause: FIRST, lost: None }
    }
}

impl Backoff {
    /// Waits between half of the pause and all of it, so that those who lost the same server don't come back at once.
    pub(crate) async fn wait(&mut self) {
        let mut byte = [0];
        // Without randomness there is no jitter, which is no reason to fail.
        let _ = getrandom::fill(&mut byte);
        let lost = *self.lost.get_or_insert_with(Instant::now);
        tokio::time::sleep(self.pause / 2 + self.pause * u32::from(byte[0]) / 512).await;
        let longest = if lost.elapsed() < JUST_LOST { SHORT } else { LONG };
        self.pause = (self.pause * 2).min(longest);
    }

    /// A link is lost that was up for so long: one that held is dialed again soon, but a server that takes a hello and
    /// hangs up is no reason to hurry.
    pub(crate) fn lost_after(&mut self, up: Duration) {
        if up > LONG {
            *self = Self::default();
        }
    }
}

/// How long a try may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often this side pings, and after how many silent periods it takes the link for dead.
const PING: Duration = Duration::from_secs(15);
const SILENT_PERIODS: u32 = 3;

/// How much is read at once. All of it is filled with zeros before each read, and servers say little.
const READ: usize = 4 << 10;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why a server could not be dialed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It refuses the token or the request; trying again is of no use.
    #[error("the server answers {status}")]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// The address is none.
    #[error("{address} is not an address of a server")]
    Address {
        /// What was given.
        address: String,
    },
    /// Nothing answers, or the connection broke.
    #[error("the server cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A link to the server.
pub struct Link {
    socket: WebSocketStream<Box<dyn Stream>>,
    heard: Instant,
    ping: tokio::time::Interval,
}

/// What dialing again and again came to.
pub enum Dialed {
    /// The link is up.
    Linked(Link),
    /// The server does not want this token.
    Refused(String),
}

/// Dials until the server answers.
pub async fn redial(server: ServerAddr, path: &'static str, token: String) -> Dialed {
    let mut backoff = Backoff::default();
    loop {
        match dial(&server, path, &token).await {
            Ok(link) => return Dialed::Linked(link),
            Err(Error::Refused { status }) if status == 401 || status == 403 => {
                return Dialed::Refused(format!("it answers {status}"));
            }
            Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "dialing again"),
        }
        backoff.wait().await;
    }
}

/// Dials once.
///
/// # Errors
/// If nothing answers, or what answers refuses.
pub async fn dial(server: &ServerAddr, path: &str, token: &str) -> Result<Link, Error> {
    match timeout(PATIENCE, try_dial(server, path, token)).await {
        Ok(result) => result,
        Err(elapsed) => Err(Error::Unreachable(Box::new(elapsed))),
    }
}

async fn try_dial(server: &ServerAddr, path: &str, token: &str) -> Result<Link, Error> {
    let unreachable = |e: std::io::Error| Error::Unreachable(Box::new(e));
    let (stream, host): (Box<dyn Stream>, &str) = match server {
        ServerAddr::Unix(socket) => (Box::new(UnixStream::connect(socket).await.map_err(unreachable)?), "localhost"),
        ServerAddr::Http(url) => {
            let host = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
            let host = host.ok_or_else(|| Error::Address { address: url.clone() })?;
            let stream = TcpStream::connect(host).await.map_err(unreachable)?;
            // Small frames must not wait for an acknowledgement of the one before.
            stream.set_nodelay(true).map_err(unreachable)?;
            (Box::new(stream), host)
        }
    };
    let bad_request = |e: tungstenite::Error| Error::Unreachable(Box::new(e));
    let mut request = format!("ws://{host}{path}").into_client_request().map_err(bad_request)?;
    let bearer = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| Error::Refused { status: StatusCode::UNAUTHORIZED.as_u16() })?;
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    let config = WebSocketConfig::default()
        .max_message_size(Some(FRAME_MAX))
        .max_frame_size(Some(FRAME_MAX))
        .read_buffer_size(READ);
    match client_async_with_config(request, stream, Some(config)).await {
        Ok((socket, _response)) => {
            let mut ping = tokio::time::interval(PING);
            ping.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            Ok(Link { socket, heard: Instant::now(), ping })
        }
        Err(tungstenite::Error::Http(response)) => Err(Error::Refused { status: response.status().as_u16() }),
        Err(error) => Err(Error::Unreachable(Box::new(error))),
    }
}

impl Link {
    /// Sends a frame.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn send<T: Serialize + Sync>(&mut self, frame: &T) -> Result<(), Error> {
        let text = serde_json::to_string(frame).map_err(|e| Error::Unreachable(Box::new(e)))?;
        self.send_text(text).await
    }

    /// Sends a frame that is JSON already.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn send_text(&mut self, text: String) -> Result<(), Error> {
        self.socket.send(Message::text(text)).await.map_err(|e| Error::Unreachable(Box::new(e)))
    }

    /// The next frame that this version knows; `None`: the connection is gone. May be dropped and called again.
    pub async fn receive<T: DeserializeOwned>(&mut self) -> Option<T> {
        loop {
            let message = tokio::select! {
                message = self.socket.next() => message?.ok()?,
                _ = self.ping.tick() => {
                    if self.heard.elapsed() > PING * SILENT_PERIODS {
                        return None;
                    }
                    self.socket.send(Message::Ping(bytes::Bytes::new())).await.ok()?;
                    continue;
                }
            };
            self.heard = Instant::now();
            match message {
                Message::Text(text) => match serde_json::from_str(&text) {
                    Ok(frame) => return Some(frame),
                    Err(error) => tracing::debug!(error = %error, "a frame of another version is passed over"),
                },
                Message::Close(_) => return None,
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }
}

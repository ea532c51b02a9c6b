//! Keeps a runner's WebSocket to its server: dials, says hello, redials for as long as it takes.
//!
//! The uplink knows frames, not what they mean: the runner decides what is sent on a link and what is sent again on the
//! next one. Everything of a lost link is gone with it, in both directions.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use convene_api::uplink::{FRAME_MAX, RUNNER_PATH, RunnerDown, RunnerHello, RunnerUp, RunnerWelcome};
use convene_core::directive::Directive;
use futures_util::{SinkExt as _, StreamExt as _};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    sync::mpsc,
    time::Instant,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        client::IntoClientRequest as _,
        http::{HeaderValue, StatusCode, header::AUTHORIZATION},
        protocol::WebSocketConfig,
    },
};

use crate::launch_spec::ServerAddr;

/// The first pause before dialing again, doubled up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// How long dialing and the answer to hello may take.
const ANSWER: Duration = Duration::from_secs(10);
/// A silent link is asked for a sign of life this often, and given up after three times that.
const PING: Duration = Duration::from_secs(20);
/// How long a server may refuse the token before the attempt counts as fenced. A server that restores its state, or
/// one behind a proxy that does, may refuse for a moment what it takes later.
const REFUSED: Duration = Duration::from_secs(60);
/// Frames on their way to a link: a batch at a time, and answers to directives, of which the server keeps 64 open.
const OUTGOING: usize = 80;

/// What came from the server, or became of the link to it.
#[derive(Debug)]
pub enum UplinkEvent {
    /// A link is up and this instance may append; what the server wants is in the welcome.
    Up {
        /// The answer to hello.
        welcome: Box<RunnerWelcome>,
        /// The way to send on this link.
        link: Link,
    },
    /// Everything before this index is committed.
    Ack(u64),
    /// Something to do.
    Directive(Directive),
    /// This instance may not append, and never will.
    Fenced(String),
    /// The link is lost; the next event is `Up` or `Fenced`.
    Down,
}

/// Sends frames on one link; on a lost one they are dropped.
#[derive(Debug, Clone)]
pub struct Link(mpsc::Sender<String>);

impl Link {
    /// Sends a frame. `false` if the link is lost, or takes nothing for the moment.
    pub fn send(&self, frame: &RunnerUp) -> bool {
        serde_json::to_string(frame).is_ok_and(|text| self.send_text(text))
    }

    /// Sends events as they are.
    pub fn send_batch(&self, first_index: u64, events: &[String]) -> bool {
        self.send_text(format!(r#"{{"batch":{{"first_index":{first_index},"events":[{}]}}}}"#, events.join(",")))
    }

    fn send_text(&self, text: String) -> bool {
        self.0.try_send(text).is_ok()
    }
}

/// What an uplink needs to know.
#[derive(Debug)]
pub struct Uplink {
    /// Where the server is.
    pub server: ServerAddr,
    /// What the server wants to see.
    pub token: String,
    /// What is said first on each link; `last_directive` is taken from the field below.
    pub hello: RunnerHello,
    /// The number of the last directive that the runner has seen.
    pub last_directive: Arc<AtomicU64>,
}

#[derive(Debug, Error)]
enum Error {
    #[error("cannot reach the server")]
    Dial(#[source] io::Error),
    #[error("{0:?} is no address of a server")]
    Address(String),
    #[error("the server refuses the token")]
    Refused,
    #[error("the link broke")]
    Link(#[source] Box<tungstenite::Error>),
    #[error("the server closed the link")]
    Closed,
    #[error("the server does not answer")]
    Silent,
    #[error("the server said what is no frame")]
    Frame(#[source] serde_json::Error),
    #[error("the runner is gone")]
    NobodyListens,
}

impl From<tungstenite::Error> for Error {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::Http(response)
                if matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) =>
            {
                Self::Refused
            }
            other => Self::Link(Box::new(other)),
        }
    }
}

enum End {
    Fenced(String),
}

impl Uplink {
    /// Serves the uplink until the server fences the runner or the runner drops the receiver.
    pub async fn serve(self, events: mpsc::Sender<UplinkEvent>) {
        let mut pause = PAUSE_MIN;
        let mut refused_since: Option<Instant> = None;
        loop {
            let mut up_since = None;
            let error = match self.link(&events, &mut up_since).await {
                Ok(End::Fenced(reason)) => {
                    let _ = events.send(UplinkEvent::Fenced(reason)).await;
                    return;
                }
                Err(error) => error,
            };
            if let Some(since) = up_since {
                // A server that takes a hello and hangs up is no reason to hurry.
                if since.elapsed() > PAUSE_MAX {
                    pause = PAUSE_MIN;
                }
                refused_since = None;
                if events.send(UplinkEvent::Down).await.is_err() {
                    return;
                }
            }
            match error {
                Error::NobodyListens => return,
                Error::Refused => {
                    let since = *refused_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= REFUSED {
                        let reason = "the server refuses the attempt's token".to_owned();
                        let _ = events.send(UplinkEvent::Fenced(reason)).await;
                        return;
                    }
                }
                Error::Dial(_)
                | Error::Address(_)
                | Error::Link(_)
                | Error::Closed
                | Error::Silent
                | Error::Frame(_) => refused_since = None,
            }
            tracing::debug!(error = &error as &dyn std::error::Error, pause_ms = pause.as_millis(), "no uplink");
            tokio::time::sleep(jittered(pause)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// One link, from dialing to its end.
    async fn link(&self, events: &mpsc::Sender<UplinkEvent>, up_since: &mut Option<Instant>) -> Result<End, Error> {
        let dialed = tokio::time::timeout(ANSWER, async {
            match &self.server {
                ServerAddr::Unix(path) => {
                    let stream = UnixStream::connect(path).await.map_err(Error::Dial)?;
                    let socket = self.upgrade("localhost", Stream::Unix(stream)).await?;
                    Ok(socket)
                }
                ServerAddr::Http(url) => {
                    let authority = authority(url).ok_or_else(|| Error::Address(url.clone()))?;
                    let stream = TcpStream::connect(&authority).await.map_err(Error::Dial)?;
                    stream.set_nodelay(true).map_err(Error::Dial)?;
                    self.upgrade(&authority, Stream::Tcp(stream)).await
                }
            }
        });
        let mut socket = dialed.await.map_err(|_| Error::Silent)??;
        let hello = RunnerHello { last_directive: self.last_directive.load(Ordering::Relaxed), ..self.hello.clone() };
        let hello = serde_json::to_string(&RunnerUp::Hello(hello)).map_err(Error::Frame)?;
        socket.send(Message::text(hello)).await?;
        let welcome = tokio::time::timeout(ANSWER, first_frame(&mut socket)).await.map_err(|_| Error::Silent)??;
        let welcome = match welcome {
            RunnerDown::Welcome(welcome) => welcome,
            RunnerDown::Fenced { reason } => return Ok(End::Fenced(reason)),
            RunnerDown::Ack { .. } | RunnerDown::Directive(_) => return Err(Error::Closed),
        };
        let (sender, outgoing) = mpsc::channel(OUTGOING);
        events.send(UplinkEvent::Up { welcome, link: Link(sender) }).await.map_err(|_| Error::NobodyListens)?;
        *up_since = Some(Instant::now());
        pump(socket, outgoing, events).await
    }

    async fn upgrade(&self, authority: &str, stream: Stream) -> Result<WebSocketStream<Stream>, Error> {
        let mut request = format!("ws://{authority}{RUNNER_PATH}").into_client_request()?;
        let mut token = HeaderValue::from_str(&format!("Bearer {}", self.token))
            .map_err(|_| Error::Address("a token that fits no header".to_owned()))?;
        token.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, token);
        let config = WebSocketConfig::default().max_message_size(Some(FRAME_MAX)).max_frame_size(Some(FRAME_MAX));
        let (socket, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
        Ok(socket)
    }
}

/// Passes frames in both directions until the link ends.
async fn pump(
    mut socket: WebSocketStream<Stream>,
    mut outgoing: mpsc::Receiver<String>,
    events: &mpsc::Sender<UplinkEvent>,
) -> Result<End, Error> {
    let mut heard = Instant::now();
    let mut ping = tokio::time::interval_at(heard + PING, PING);
    loop {
        tokio::select! {
            frame = socket.next() => {
                heard = Instant::now();
                let text = match frame.ok_or(Error::Closed)?? {
                    Message::Text(text) => text,
                    Message::Close(_) => return Err(Error::Closed),
                    Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
                };
                let event = match serde_json::from_str(&text) {
                    Ok(RunnerDown::Ack { next_index }) => UplinkEvent::Ack(next_index),
                    Ok(RunnerDown::Directive(directive)) => UplinkEvent::Directive(directive),
                    Ok(RunnerDown::Fenced { reason }) => return Ok(End::Fenced(reason)),
                    Ok(RunnerDown::Welcome(_)) => continue,
                    // A frame of a newer server: nothing is expected in answer.
                    Err(error) => {
                        tracing::debug!(%error, "unknown frame");
                        continue;
                    }
                };
                events.send(event).await.map_err(|_| Error::NobodyListens)?;
            }
            frame = outgoing.recv() => match frame {
                Some(text) => socket.send(Message::text(text)).await?,
                None => {
                    let _ = socket.close(None).await;
                    return Err(Error::NobodyListens);
                }
            },
            _ = ping.tick() => {
                if heard.elapsed() > PING * 3 {
                    return Err(Error::Silent);
                }
                socket.send(Message::Ping(Vec::new().into())).await?;
            }
        }
    }
}

async fn first_frame(socket: &mut WebSocketStream<Stream>) -> Result<RunnerDown, Error> {
    loop {
        match socket.next().await.ok_or(Error::Closed)?? {
            Message::Text(text) => return serde_json::from_str(&text).map_err(Error::Frame),
            Message::Close(_) => return Err(Error::Closed),
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
}

/// `host:port` of an `http://` address.
fn authority(url: &str) -> Option<String> {
    let rest = url.strip_prefix("http://")?;
    let authority = rest.split('/').next().filter(|a| !a.is_empty())?;
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    Some(if has_port { authority.to_owned() } else { format!("{authority}:80") })
}

/// Between half of it and all of it, so that runners that lost the same server don't come back at once.
fn jittered(pause: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness there is no jitter, which is no reason to fail.
    let _ = getrandom::fill(&mut byte);
    pause / 2 + pause * u32::from(byte[0]) / 512
}

/// The transports of an uplink.
enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => std::pin::Pin::new(stream).poll_read(cx, buffer),
            Self::Tcp(stream) => std::pin::Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Unix(stream) => std::pin::Pin::new(stream).poll_write(cx, bytes),
            Self::Tcp(stream) => std::pin::Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => std::pin::Pin::new(stream).poll_flush(cx),
            Self::Tcp(stream) => std::pin::Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => std::pin::Pin::new(stream).poll_shutdown(cx),
            Self::Tcp(stream) => std::pin::Pin::new(stream).poll_shutdown(cx),
        }
    }
}

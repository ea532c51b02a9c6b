//! A WebSocket client that records all it is told, and comes back with its cursor whenever the connection breaks.
//!
//! It is written from the interface's description and not with the product's own client, so that a fault in one is
//! not hidden by the same fault in the other.

use std::time::Duration;

use anyhow::{Result, bail};
use convene_api::{
    client::SessionEvent,
    frame::{ClientFrame, ListFrame},
};
use convene_core::ids::SessionId;
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::{
    net::TcpStream,
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, client::IntoClientRequest as _, protocol::WebSocketConfig},
};

use super::{PATIENCE, log::answer_text, sse::EventSource};

/// The pause before a client dials again.
const REDIAL: Duration = Duration::from_millis(20);
/// The largest frame that is taken.
const FRAME_MAX: usize = 64 << 20;
/// The most frames between two breaks of a connection that breaks by a seed.
const BREAK_EVERY: u64 = 400;

/// What is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// The list of everything.
    List,
    /// A session's events.
    Session(SessionId),
}

/// All that a client was told.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Events of a session, in the order in which they came.
    pub events: Vec<SeenEvent>,
    /// Frames of the list.
    pub frames: Vec<ListFrame>,
    /// All that the agent said aloud.
    pub text: String,
    /// Each thing that a stream by cursor must not do: gaps, doubles, frames that are none.
    pub faults: Vec<String>,
    /// How often a connection came about.
    pub connections: u32,
    /// How often the end of the past was announced.
    pub caught_up: u32,
}

/// An event as it came.
#[derive(Debug, Clone)]
pub struct SeenEvent {
    /// Its place in the log.
    pub seq: u64,
    /// Its tag.
    pub tag: String,
    /// The object.
    pub json: Box<str>,
}

impl Seen {
    /// How many events of a tag came.
    pub fn count(&self, tag: &str) -> usize {
        self.events.iter().filter(|event| event.tag == tag).count()
    }

    /// The place of the last event.
    pub fn last(&self) -> u64 {
        self.events.last().map_or(0, |event| event.seq)
    }
}

/// A client that follows one topic for as long as this lives.
pub struct Recorder {
    seen: watch::Receiver<Seen>,
    _task: JoinSet<()>,
}

impl Recorder {
    pub(super) fn start(port: u16, token: String, topic: Topic, after: u64, seed: Option<u64>) -> Self {
        let (sender, seen) = watch::channel(Seen::default());
        let mut task = JoinSet::new();
        let breaks = seed.map(Breaks::new);
        task.spawn(Follower { port, token, topic, after, epoch: None, sender, breaks }.run());
        Self { seen, _task: task }
    }

    pub(super) fn start_sse(port: u16, token: String, session: SessionId, after: u64) -> Self {
        let (sender, seen) = watch::channel(Seen::default());
        let mut task = JoinSet::new();
        let topic = Topic::Session(session);
        let mut follower = Follower { port, token, topic, after, epoch: None, sender, breaks: None };
        task.spawn(async move {
            while !follower.sender.is_closed() {
                if let Ok(mut stream) = EventSource::open(port, &follower.token, session, follower.after).await {
                    follower.sender.send_modify(|seen| seen.connections += 1);
                    while let Ok(Some(event)) = stream.next().await {
                        follower.take_event(&event);
                    }
                }
                sleep(REDIAL).await;
            }
        });
        Self { seen, _task: task }
    }

    /// What was seen so far.
    pub fn seen(&self) -> watch::Ref<'_, Seen> {
        self.seen.borrow()
    }

    /// Waits until what was seen is as it should be.
    ///
    /// # Errors
    /// If it does not become so in time.
    pub async fn wait(&self, what: &str, is: impl Fn(&Seen) -> bool) -> Result<()> {
        self.wait_within(what, PATIENCE, is).await
    }

    /// As [`Self::wait`], for as long as the caller thinks right.
    ///
    /// # Errors
    /// If it does not become so in time.
    pub async fn wait_within(&self, what: &str, patience: Duration, is: impl Fn(&Seen) -> bool) -> Result<()> {
        let mut seen = self.seen.clone();
        let came = timeout(patience, seen.wait_for(|seen| is(seen))).await;
        if matches!(came, Ok(Ok(_))) {
            return Ok(());
        }
        drop(came);
        let seen = self.seen.borrow();
        let tail: Vec<&SeenEvent> = seen.events.iter().rev().take(5).collect();
        let (events, frames, faults) = (seen.events.len(), seen.frames.len(), &seen.faults);
        bail!(
            "{what}: not in {patience:?}; seen were {events} events and {frames} frames, faults {faults:?}, last {tail:#?}"
        )
    }

    /// Waits until it has seen an event of a tag.
    ///
    /// # Errors
    /// If none comes in time.
    pub async fn wait_tag(&self, tag: &str) -> Result<()> {
        self.wait(&format!("an event {tag} came"), |seen| seen.events.iter().rev().any(|event| event.tag == tag)).await
    }

    /// Waits until the agent has said this.
    ///
    /// # Errors
    /// If it does not say it in time.
    pub async fn wait_text(&self, text: &str) -> Result<()> {
        self.wait(&format!("the agent said {text:?}"), |seen| seen.text.contains(text)).await
    }
}

/// Connects and subscribes.
pub(super) async fn open(
    port: u16,
    token: &str,
    topic: Topic,
    after: u64,
    epoch: Option<u64>,
) -> Result<WebSocketStream<TcpStream>> {
    let mut request = format!("ws://127.0.0.1:{port}/v1/ws").into_client_request()?;
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse()?);
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let config = WebSocketConfig::default().max_message_size(Some(FRAME_MAX)).max_frame_size(Some(FRAME_MAX));
    let (mut socket, _) = client_async_with_config(request, stream, Some(config)).await?;
    let topic = match topic {
        Topic::List => "list".to_owned(),
        Topic::Session(session) => session.to_string(),
    };
    let subscribe = ClientFrame::Subscribe { topic, after: Some(after), epoch };
    socket.send(Message::text(serde_json::to_string(&subscribe)?)).await?;
    Ok(socket)
}

struct Follower {
    port: u16,
    token: String,
    topic: Topic,
    after: u64,
    epoch: Option<u64>,
    sender: watch::Sender<Seen>,
    breaks: Option<Breaks>,
}

/// A frame of the server, whichever.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type", default)]
    kind: Option<&'a str>,
    #[serde(borrow, default)]
    event: Option<&'a RawValue>,
    #[serde(default)]
    pos: Option<u64>,
    #[serde(default)]
    epoch: Option<u64>,
    #[serde(default)]
    next: Option<u64>,
    #[serde(borrow, default)]
    problem: Option<&'a RawValue>,
}

impl Follower {
    async fn run(mut self) {
        while !self.sender.is_closed() {
            if let Ok(socket) = open(self.port, &self.token, self.topic, self.after, self.epoch).await {
                self.sender.send_modify(|seen| seen.connections += 1);
                self.follow(socket).await;
            }
            sleep(REDIAL).await;
        }
    }

    async fn follow(&mut self, mut socket: WebSocketStream<TcpStream>) {
        let mut left = self.breaks.as_mut().map(Breaks::next);
        while let Some(Ok(message)) = socket.next().await {
            match message {
                Message::Text(text) => self.take(&text),
                Message::Close(frame) => {
                    // A server that ends says so; every other reason is one that a test wants to know.
                    let reason = frame.map(|f| f.reason.to_string()).unwrap_or_default();
                    if reason.starts_with("cursor") || reason.starts_with("unauthorized") {
                        self.fault(format!("closed: {reason}"));
                    }
                    return;
                }
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
            if let Some(left) = &mut left {
                *left -= 1;
                if *left == 0 {
                    // Dropped without a goodbye, as a train in a tunnel does.
                    return;
                }
            }
        }
    }

    fn take(&mut self, text: &str) {
        let frame: Frame<'_> = match serde_json::from_str(text) {
            Ok(frame) => frame,
            Err(error) => return self.fault(format!("{error}: {text}")),
        };
        if let Some(problem) = frame.problem {
            return self.fault(format!("refused: {problem}"));
        }
        if let Some(event) = frame.event {
            return self.take_event(event.get());
        }
        match frame.kind {
            Some("hello") => self.epoch = self.epoch.or(frame.epoch),
            // What is told to be lost is missed by nobody.
            Some("hole") => self.after = frame.next.map_or(self.after, |next| next - 1),
            Some("caught_up") => self.sender.send_modify(|seen| seen.caught_up += 1),
            Some(kind) if kind.contains(':') => self.take_frame(frame.pos, text),
            Some(_) | None => {}
        }
    }

    fn take_event(&mut self, json: &str) {
        let event = match SessionEvent::from_json(json) {
            Ok(event) => event,
            Err(error) => return self.fault(format!("{error}: {json}")),
        };
        if event.seq != self.after + 1 {
            self.fault(format!("event {} came after {}", event.seq, self.after));
        }
        self.after = event.seq;
        self.sender.send_modify(|seen| {
            if let Some(text) = answer_text(&event) {
                seen.text.push_str(text);
            }
            let tag = event.data.tag().to_owned();
            seen.events.push(SeenEvent { seq: event.seq, tag, json: event.json });
        });
    }

    fn take_frame(&mut self, pos: Option<u64>, text: &str) {
        let Ok(frame) = serde_json::from_str::<ListFrame>(text) else {
            return self.fault(format!("no frame of a list: {text}"));
        };
        // Frames of one commit may share a place; none goes back.
        if pos.is_none_or(|pos| pos < self.after) {
            self.fault(format!("frame {pos:?} came after {}", self.after));
        }
        self.after = pos.unwrap_or(self.after).max(self.after);
        self.sender.send_modify(|seen| seen.frames.push(frame));
    }

    fn fault(&self, what: String) {
        self.sender.send_modify(|seen| seen.faults.push(what));
    }
}

/// When a connection breaks: pseudo-random, the same for the same seed.
struct Breaks(u64);

impl Breaks {
    fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    fn next(&mut self) -> u64 {
        // Xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        1 + self.0 % BREAK_EVERY
    }
}

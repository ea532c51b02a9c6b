//! A WebSocket of an uplink: frames as JSON, a beat so that a dead peer is noticed, patience with a slow one.

use std::{future::Future, time::Duration};

use axum::extract::{
    WebSocketUpgrade,
    ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code},
};
use convene_api::uplink::FRAME_MAX;
use futures_util::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use serde::Serialize;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout};

/// How often the peer is asked whether it is there.
const BEAT: Duration = Duration::from_secs(15);

/// A peer that owes an answer for so long is gone.
const DEAD: Duration = Duration::from_secs(45);

/// For so long a write may wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// For so long the first frame may take.
pub const HELLO_PATIENCE: Duration = Duration::from_secs(15);

/// The link is over.
#[derive(Debug)]
pub struct Over;

/// The two halves of a link.
pub struct Link {
    /// What the peer says.
    pub up: Up,
    /// What it is told.
    pub down: Down,
}

/// The half that reads.
pub struct Up {
    stream: SplitStream<WebSocket>,
    silence: Silence,
}

/// For how long a peer owes an answer. What it cannot know of does not count: a time in which nobody asked it, because
/// this side had something else to wait for.
#[derive(Debug, Default)]
pub struct Silence {
    /// Since when a question is open.
    asked: Option<Instant>,
}

/// The half that writes.
pub struct Down {
    sink: SplitSink<WebSocket, Message>,
    beat: Interval,
}

/// How much is read at once: a batch of an agent that streams, or a piece of a larger one. All of it is filled with
/// zeros before each read.
const READ: usize = 16 << 10;

/// The limits of an uplink's socket.
pub fn limits(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade.max_message_size(FRAME_MAX).max_frame_size(FRAME_MAX).read_buffer_size(READ)
}

impl Link {
    /// Over an open socket.
    pub fn new(socket: WebSocket) -> Self {
        Self::with_beat(socket, BEAT)
    }

    /// Over an open socket whose peer is asked so often whether it is there.
    pub fn with_beat(socket: WebSocket, every: Duration) -> Self {
        let (sink, stream) = socket.split();
        let mut beat = interval(every);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat.reset();
        Self { up: Up { stream, silence: Silence::default() }, down: Down { sink, beat } }
    }
}

impl Silence {
    /// The peer was asked whether it is there.
    pub fn asked(&mut self, now: Instant) {
        self.asked.get_or_insert(now);
    }

    /// Something came, whatever it was.
    pub fn broken(&mut self) {
        self.asked = None;
    }

    /// How long it has lasted.
    pub fn lasts(&self, now: Instant) -> Duration {
        self.asked.map_or(Duration::ZERO, |asked| now.duration_since(asked))
    }
}

impl Up {
    /// The next text frame.
    pub async fn next(&mut self) -> Result<Utf8Bytes, Over> {
        loop {
            let message = self.stream.next().await.ok_or(Over)?.map_err(|_broken| Over)?;
            self.silence.broken();
            match message {
                Message::Text(text) => return Ok(text),
                Message::Close(_) => return Err(Over),
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => {}
            }
        }
    }

    /// For how long the peer has owed an answer.
    pub fn silence(&self) -> Duration {
        self.silence.lasts(Instant::now())
    }

    /// Whether the peer has been silent for too long.
    pub fn is_dead(&self) -> bool {
        self.silence() > DEAD
    }
}

impl Down {
    /// Sends a frame.
    pub async fn send(&mut self, frame: &impl Serialize) -> Result<(), Over> {
        // Our own frames always serialize: string keys, finite numbers.
        let text = serde_json::to_string(frame).unwrap_or_default();
        patient(self.sink.send(Message::text(text))).await
    }

    /// Waits until it is time to ask the peer whether it is there.
    pub async fn beat(&mut self) {
        self.beat.tick().await;
    }

    /// Asks the peer whether it is there.
    pub async fn ping(&mut self, up: &mut Up) -> Result<(), Over> {
        up.silence.asked(Instant::now());
        patient(self.sink.send(Message::Ping(Vec::new().into()))).await
    }

    /// Says why it is over.
    pub async fn close(&mut self, reason: &str) {
        let frame = CloseFrame { code: close_code::AGAIN, reason: Utf8Bytes::from(reason) };
        // The peer may be the one that does not read.
        let _ = timeout(Duration::from_secs(1), self.sink.send(Message::Close(Some(frame)))).await;
    }
}

async fn patient(write: impl Future<Output = Result<(), axum::Error>>) -> Result<(), Over> {
    timeout(PATIENCE, write).await.map_err(|_| Over)?.map_err(|_| Over)
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;

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

/// After so long without a frame the peer is gone.
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
    heard: Instant,
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
        Self { up: Up { stream, heard: Instant::now() }, down: Down { sink, beat } }
    }
}

impl Up {
    /// The next text frame.
    pub async fn next(&mut self) -> Result<Utf8Bytes, Over> {
        loop {
            let message = self.stream.next().await.ok_or(Over)?.map_err(|_broken| Over)?;
            self.heard = Instant::now();
            match message {
                Message::Text(text) => return Ok(text),
                Message::Close(_) => return Err(Over),
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => {}
            }
        }
    }

    /// For how long the peer has been silent.
    pub fn silence(&self) -> Duration {
        self.heard.elapsed()
    }

    /// Whether the peer has been silent for too long.
    pub fn is_dead(&self) -> bool {
        self.heard.elapsed() > DEAD
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
    pub async fn ping(&mut self) -> Result<(), Over> {
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

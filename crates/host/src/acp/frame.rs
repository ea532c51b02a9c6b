//! Reads an agent's stdout line by line, within limits, and tells what kind of frame each line is.

use std::{borrow::Cow, io};

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::unix::pipe;

/// How much is asked of the pipe at a time: what a pipe holds.
const CHUNK: usize = 64 << 10;

/// Lines of a pipe.
#[derive(Debug)]
pub struct Lines {
    pipe: pipe::Receiver,
    buffer: BytesMut,
    /// How far the buffer is known to have no newline.
    scanned: usize,
    max: usize,
    ended: bool,
}

/// What the pipe gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// A line, without its end.
    Line(Bytes),
    /// A line that grew beyond the limit: its beginning. Nothing more can be read.
    TooLong(Bytes),
    /// The end; what was left without a newline.
    End(Bytes),
}

impl Lines {
    /// Reads lines of at most `max` bytes.
    pub fn new(pipe: pipe::Receiver, max: usize) -> Self {
        Self { pipe, buffer: BytesMut::new(), scanned: 0, max, ended: false }
    }

    /// Whether [`Read::End`] or [`Read::TooLong`] was given.
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// The next line. May be dropped at any time; after the end it never returns.
    pub async fn next(&mut self) -> Read {
        loop {
            if self.ended {
                std::future::pending::<()>().await;
            }
            if let Some(at) = self.buffer[self.scanned..].iter().position(|byte| *byte == b'\n') {
                let mut line = self.buffer.split_to(self.scanned + at + 1).freeze();
                self.scanned = 0;
                let end = if line.ends_with(b"\r\n") { 2 } else { 1 };
                line.truncate(line.len() - end);
                return if line.len() > self.max { self.too_long(line) } else { Read::Line(line) };
            }
            self.scanned = self.buffer.len();
            if self.buffer.len() > self.max {
                let line = self.buffer.split().freeze();
                return self.too_long(line);
            }
            if self.pipe.readable().await.is_err() {
                return self.end();
            }
            self.buffer.reserve(CHUNK);
            match self.pipe.try_read_buf(&mut self.buffer) {
                Ok(0) => return self.end(),
                Ok(_) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(_) => return self.end(),
            }
        }
    }

    fn too_long(&mut self, mut line: Bytes) -> Read {
        self.ended = true;
        self.buffer = BytesMut::new();
        line.truncate(256);
        Read::TooLong(Bytes::copy_from_slice(&line))
    }

    fn end(&mut self) -> Read {
        self.ended = true;
        Read::End(std::mem::take(&mut self.buffer).freeze())
    }
}

/// A line, as far as one must look into it to know who takes it.
#[derive(Debug)]
pub enum Frame<'a> {
    /// `session/update`.
    Update {
        /// The agent's id of the session.
        session: Cow<'a, str>,
        /// What is new.
        update: &'a RawValue,
    },
    /// `$/cancel_request`: the agent takes a question back. The crate wants to see it, too.
    CancelRequest {
        /// The question's JSON-RPC id, as JSON.
        id: &'a str,
    },
    /// Another notification.
    Notification {
        /// Its method.
        method: Cow<'a, str>,
        /// Its parameters.
        params: Option<&'a RawValue>,
    },
    /// A request or an answer.
    Call,
    /// Not of the protocol.
    Noise,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Cow<'a, str>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct UpdateParams<'a> {
    #[serde(borrow, rename = "sessionId", alias = "session_id", default)]
    session: Cow<'a, str>,
    #[serde(borrow)]
    update: &'a RawValue,
}

#[derive(Deserialize)]
struct CancelParams<'a> {
    #[serde(borrow, rename = "requestId")]
    id: &'a RawValue,
}

impl<'a> Frame<'a> {
    /// Looks at a line.
    pub fn of(line: &'a str) -> Self {
        let Ok(envelope) = serde_json::from_str::<Envelope<'a>>(line) else { return Self::Noise };
        let method = envelope.method;
        if method.is_empty() {
            let is_answer = envelope.id.is_some() || envelope.result.is_some() || envelope.error.is_some();
            return if is_answer { Self::Call } else { Self::Noise };
        }
        if envelope.id.is_some() {
            return Self::Call;
        }
        let params = envelope.params;
        match method.as_ref() {
            "session/update" => {
                let parsed = params.and_then(|params| serde_json::from_str::<UpdateParams<'a>>(params.get()).ok());
                match parsed {
                    Some(UpdateParams { session, update }) => Self::Update { session, update },
                    None => Self::Notification { method, params },
                }
            }
            "$/cancel_request" => {
                let parsed = params.and_then(|params| serde_json::from_str::<CancelParams<'a>>(params.get()).ok());
                match parsed {
                    Some(CancelParams { id }) => Self::CancelRequest { id: id.get() },
                    None => Self::Notification { method, params },
                }
            }
            _ => Self::Notification { method, params },
        }
    }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;

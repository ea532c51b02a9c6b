//! Reads and writes lines of JSON-RPC, by hand.

use std::io::{BufRead, BufWriter, Stdout, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError};
use std::time::Duration;

use serde_json::{Value, json};

pub enum Incoming {
    Message(Value),
    NotJson(String),
    Eof,
}

pub struct Wire {
    inbox: Receiver<Incoming>,
    out: BufWriter<Stdout>,
    next_id: u64,
    /// Nobody sends any more.
    closed: bool,
}

/// Reads stdin to its end, on a thread of its own.
pub fn read_lines(sender: &SyncSender<Incoming>) {
    for line in std::io::stdin().lock().split(b'\n') {
        let Ok(line) = line else { break };
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let incoming = match serde_json::from_slice(&line) {
            Ok(message) => Incoming::Message(message),
            Err(_) => Incoming::NotJson(String::from_utf8_lossy(&line).into_owned()),
        };
        if sender.send(incoming).is_err() {
            return;
        }
    }
    // The receiver is gone only when the process ends.
    let _ = sender.send(Incoming::Eof);
}

/// A notification as a line without its end.
pub fn frame(method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string()
}

impl Wire {
    pub fn new(inbox: Receiver<Incoming>) -> Self {
        Self { inbox, out: BufWriter::with_capacity(64 * 1024, std::io::stdout()), next_id: 1, closed: false }
    }

    /// Waits for the next message, for so long at most; `None` is no message in that time.
    pub fn next(&mut self, wait: Option<Duration>) -> Option<Incoming> {
        self.flush();
        let received = match wait {
            None => self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(wait) => self.inbox.recv_timeout(wait),
        };
        match received {
            Ok(incoming) => Some(self.note(incoming)),
            Err(RecvTimeoutError::Disconnected) => Some(Incoming::Eof),
            Err(RecvTimeoutError::Timeout) => None,
        }
    }

    /// Takes a message that is already there; does not flush.
    pub fn try_next(&mut self) -> Option<Incoming> {
        match self.inbox.try_recv() {
            Ok(incoming) => Some(self.note(incoming)),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
        }
    }

    fn note(&mut self, incoming: Incoming) -> Incoming {
        self.closed |= matches!(incoming, Incoming::Eof);
        incoming
    }

    /// Tells whether stdin has ended.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Writes bytes as they are. A reader that is gone is none of the agent's business: its end comes over stdin.
    pub fn raw(&mut self, bytes: &[u8]) {
        let _ = self.out.write_all(bytes);
        self.flush();
    }

    pub fn flush(&mut self) {
        let _ = self.out.flush();
    }

    /// Writes a line without flushing.
    pub fn line(&mut self, line: &str) {
        let _ = self.out.write_all(line.as_bytes()).and_then(|()| self.out.write_all(b"\n"));
    }

    /// Writes a message without flushing.
    pub fn send(&mut self, message: &Value) {
        let _ = writeln!(self.out, "{message}");
    }

    pub fn notify(&mut self, method: &str, params: &Value) {
        self.line(&frame(method, params));
    }

    pub fn update(&mut self, session: &str, update: &Value) {
        self.notify("session/update", &json!({"sessionId": session, "update": update}));
    }

    pub fn say(&mut self, session: &str, text: &str) {
        let content = json!({"type": "text", "text": text});
        self.update(session, &json!({"sessionUpdate": "agent_message_chunk", "content": content}));
    }

    /// Sends a request and returns its id.
    pub fn request(&mut self, method: &str, params: &Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        self.flush();
        id
    }

    pub fn respond(&mut self, id: &Value, result: &Value) {
        self.send(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
        self.flush();
    }

    pub fn fail(&mut self, id: &Value, code: i64, message: &str, data: &Value) {
        let error = json!({"code": code, "message": message, "data": data});
        self.send(&json!({"jsonrpc": "2.0", "id": id, "error": error}));
        self.flush();
    }

    pub fn parse_error(&mut self, line: &str) {
        let start: String = line.chars().take(100).collect();
        self.fail(&Value::Null, -32700, "Parse error", &json!({"line": start}));
    }
}

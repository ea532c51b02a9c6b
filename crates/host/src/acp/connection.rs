//! The official crate at work: it matches answers to questions, both ways. Nothing else of it is used anywhere.
//!
//! Its dispatch loop is serial, so a handler here only hands over what came and returns; whoever answers keeps the
//! [`Responder`] for as long as a person or a process takes.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use agent_client_protocol::{Agent, Builder, Client, ConnectionTo, Lines, UntypedMessage};
use convene_core::ids::TurnId;
use futures_util::{SinkExt as _, stream};
use serde_json::Value;
use tokio::{
    io::AsyncWriteExt as _,
    net::unix::pipe,
    sync::{Notify, mpsc},
};
use tokio_util::sync::PollSender;

use crate::quirks::{SIGN_IN_SENTENCES, SIGN_IN_WORDS};

/// Lines between the crate and the agent's stdin. Each was caused by us or answers a question, of which only so many
/// may be open; the crate keeps what does not fit.
const WRITES: usize = 64;

/// Lines that may wait in the crate until the agent takes them. Past this the agent is not read: it caused them.
const BACKLOG: u64 = 256;

/// How many lines the agent has not taken yet, which the crate keeps without a bound.
#[derive(Debug, Default)]
pub struct Backlog {
    sent: AtomicU64,
    written: AtomicU64,
    progress: Notify,
}

impl Backlog {
    /// Waits until there is not too much.
    pub async fn is_short(&self) {
        loop {
            let progress = self.progress.notified();
            let waiting = self.sent.load(Ordering::Relaxed).saturating_sub(self.written.load(Ordering::Relaxed));
            if waiting <= BACKLOG {
                return;
            }
            progress.await;
        }
    }

    fn note_sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    fn note_written(&self) {
        self.written.fetch_add(1, Ordering::Relaxed);
        self.progress.notify_waiters();
    }

    /// Nothing will be taken any more, so nothing is worth waiting for.
    fn give_up(&self) {
        self.written.store(u64::MAX / 2, Ordering::Relaxed);
        self.progress.notify_waiters();
    }
}

/// What the crate hands over.
#[derive(Debug)]
pub enum Incoming {
    /// The connection can be used.
    Ready(Peer),
    /// The agent asks.
    Request(Request),
    /// The agent answers.
    Response {
        /// What it was asked.
        asked: Asked,
        /// Its answer.
        result: Result<Value, RpcError>,
    },
}

/// A question that was put to the agent.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// `initialize`.
    Initialize,
    /// `session/new`.
    NewSession,
    /// `session/load`.
    LoadSession,
    /// `session/resume`.
    ResumeSession,
    /// `session/fork`.
    ForkSession,
    /// `authenticate`.
    Authenticate,
    /// `session/prompt`.
    Prompt(TurnId),
    /// A setting, by the name that it was asked for, and its value.
    Configure {
        /// `model`, `mode`, or the id of a config option.
        option: String,
        /// The wanted value.
        value: Value,
        /// Whether the session was made with it.
        at_start: bool,
    },
}

/// An error in an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct RpcError {
    /// The JSON-RPC code.
    pub code: i32,
    /// For people.
    pub message: String,
    /// More.
    pub data: Option<Value>,
}

impl RpcError {
    /// `auth_required`.
    pub const AUTH_REQUIRED: i32 = -32000;
    /// The question is not known.
    pub const METHOD_NOT_FOUND: i32 = -32601;
    /// The parameters are wrong.
    pub const INVALID_PARAMS: i32 = -32602;
    /// Something else went wrong.
    pub const INTERNAL: i32 = -32603;
    /// There is no such file, session, terminal.
    pub const NOT_FOUND: i32 = -32002;

    /// An error with a text.
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// Whether the agent wants the user to sign in. The code alone does not say so, it is that of any error of a server;
    /// and some say it by words alone.
    pub fn wants_sign_in(&self) -> bool {
        let data = self.data.as_ref().map(Value::to_string).unwrap_or_default();
        let words = format!("{} {data}", self.message).to_ascii_lowercase();
        let says = |any: &[&str]| any.iter().any(|word| words.contains(word));
        let is_code = self.code == Self::AUTH_REQUIRED;
        (is_code && (self.message.trim().is_empty() || says(SIGN_IN_WORDS))) || says(SIGN_IN_SENTENCES)
    }

    /// Its message with what its data add.
    pub fn text(&self) -> String {
        let detail = match &self.data {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Object(map)) => {
                let named = ["details", "detail", "message", "error", "reason"].iter().find_map(|key| map.get(*key));
                Some(
                    named.and_then(Value::as_str).map_or_else(|| Value::Object(map.clone()).to_string(), str::to_owned),
                )
            }
            Some(other) => Some(other.to_string()),
        };
        match detail {
            Some(detail) if !self.message.contains(&detail) => format!("{}: {detail}", self.message),
            Some(_) | None => self.message.clone(),
        }
    }
}

impl From<agent_client_protocol::Error> for RpcError {
    fn from(error: agent_client_protocol::Error) -> Self {
        Self { code: error.code.value(), message: error.message, data: error.data }
    }
}

impl From<RpcError> for agent_client_protocol::Error {
    fn from(error: RpcError) -> Self {
        let converted = Self::new(error.code, error.message);
        match error.data {
            Some(data) => converted.data(data),
            None => converted,
        }
    }
}

/// A question of the agent.
#[derive(Debug)]
pub struct Request {
    /// Its method.
    pub method: String,
    /// Its parameters.
    pub params: Value,
    /// The way to answer.
    pub responder: Responder,
}

/// The way to answer a question. Dropped unanswered, it answers with an error.
#[derive(Debug)]
pub struct Responder {
    inner: agent_client_protocol::Responder<Value>,
    backlog: Arc<Backlog>,
}

impl Responder {
    /// The question's JSON-RPC id, as JSON.
    pub fn id(&self) -> String {
        serde_json::to_string(self.inner.raw_id()).unwrap_or_default()
    }

    /// Answers.
    pub fn respond(self, result: Result<Value, RpcError>) {
        self.backlog.note_sent();
        // It fails if the connection is gone, and then nobody waits.
        let _ = match result {
            Ok(value) => self.inner.respond(value),
            Err(error) => self.inner.respond_with_error(error.into()),
        };
    }
}

/// The agent, as somebody one can talk to.
#[derive(Debug, Clone)]
pub struct Peer {
    connection: ConnectionTo<Agent>,
    incoming: mpsc::Sender<Incoming>,
    backlog: Arc<Backlog>,
}

impl Peer {
    /// Puts a question; the answer comes as [`Incoming::Response`].
    pub fn ask(&self, asked: Asked, method: &str, params: Value) {
        let Ok(message) = UntypedMessage::new(method, params) else { return };
        self.backlog.note_sent();
        let incoming = self.incoming.clone();
        // It fails if the connection is gone; the agent's end tells the rest.
        let _ = self.connection.send_request(message).on_receiving_result(async move |result| {
            let result = result.map_err(RpcError::from);
            let _ = incoming.send(Incoming::Response { asked, result }).await;
            Ok(())
        });
    }

    /// Says something that needs no answer.
    pub fn notify(&self, method: &str, params: Value) {
        let Ok(message) = UntypedMessage::new(method, params) else { return };
        self.backlog.note_sent();
        let _ = self.connection.send_notification(message);
    }
}

/// Serves the connection until its task is dropped, which closes the agent's stdin, or the agent closes it.
pub async fn serve(
    stdin: pipe::Sender,
    lines: mpsc::Receiver<String>,
    incoming: mpsc::Sender<Incoming>,
    backlog: Arc<Backlog>,
) {
    let (sender, written) = mpsc::channel(WRITES);
    let outgoing = PollSender::new(sender).sink_map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe));
    let lines =
        stream::unfold(lines, async |mut lines| lines.recv().await.map(|line| (Ok::<_, io::Error>(line), lines)));
    let requests = incoming.clone();
    let (for_requests, for_peer) = (Arc::clone(&backlog), Arc::clone(&backlog));
    // Without the crate's own check of the version: which one an agent speaks is said better by the runner.
    let connection = Builder::new(Client)
        .name("convene")
        .on_receive_request(
            async move |message: UntypedMessage, responder, _connection| {
                let (method, params) = message.into_parts();
                let request = Request {
                    method,
                    params,
                    responder: Responder { inner: responder, backlog: Arc::clone(&for_requests) },
                };
                let _ = requests.send(Incoming::Request(request)).await;
                Ok(())
            },
            agent_client_protocol::on_receive_request!(),
        )
        .connect_with(Lines::new(outgoing, lines), async move |connection: ConnectionTo<Agent>| {
            let peer = Peer { connection, incoming: incoming.clone(), backlog: for_peer };
            let _ = incoming.send(Incoming::Ready(peer)).await;
            std::future::pending::<Result<(), agent_client_protocol::Error>>().await
        });
    let served = async {
        if let Err(error) = connection.await {
            tracing::debug!(error = &error as &dyn std::error::Error, "the agent's connection ended");
        }
    };
    tokio::join!(served, write_lines(stdin, written, &backlog));
}

async fn write_lines(mut stdin: pipe::Sender, mut lines: mpsc::Receiver<String>, backlog: &Backlog) {
    while let Some(mut line) = lines.recv().await {
        line.push('\n');
        if stdin.write_all(line.as_bytes()).await.is_err() {
            return backlog.give_up();
        }
        backlog.note_written();
    }
}

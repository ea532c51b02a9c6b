//! The official crate at work: it matches answers to questions, both ways. Nothing else of it is used anywhere.
//!
//! Its dispatch loop is serial, so a handler here only hands over what came and returns; whoever answers keeps the
//! [`Responder`] for as long as a person or a process takes.

use std::io;

use agent_client_protocol::{Agent, Builder, Client, ConnectionTo, Lines, UntypedMessage};
use convene_core::ids::TurnId;
use futures_util::{SinkExt as _, stream};
use serde_json::Value;
use tokio::{io::AsyncWriteExt as _, net::unix::pipe, sync::mpsc};
use tokio_util::sync::PollSender;

/// Lines between the crate and the agent's stdin. Each was caused by us or answers a question, of which only so many
/// may be open; the crate keeps what does not fit.
const WRITES: usize = 64;

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
    /// `session/prompt`.
    Prompt(TurnId),
    /// A setting, by the name that it was asked for, and its value.
    Configure {
        /// `model`, `mode`, or the id of a config option.
        option: String,
        /// The wanted value.
        value: Value,
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

    /// Whether the agent wants the user to sign in, by code or, as some say it, by text.
    pub fn wants_sign_in(&self) -> bool {
        let data = self.data.as_ref().map(Value::to_string).unwrap_or_default();
        let says =
            |text: &str| self.message.to_ascii_lowercase().contains(text) || data.to_ascii_lowercase().contains(text);
        self.code == Self::AUTH_REQUIRED || says("authentication required") || says("auth_required")
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
pub struct Responder(agent_client_protocol::Responder<Value>);

impl Responder {
    /// The question's JSON-RPC id, as JSON.
    pub fn id(&self) -> String {
        serde_json::to_string(self.0.raw_id()).unwrap_or_default()
    }

    /// Answers.
    pub fn respond(self, result: Result<Value, RpcError>) {
        // It fails if the connection is gone, and then nobody waits.
        let _ = match result {
            Ok(value) => self.0.respond(value),
            Err(error) => self.0.respond_with_error(error.into()),
        };
    }
}

/// The agent, as somebody one can talk to.
#[derive(Debug, Clone)]
pub struct Peer {
    connection: ConnectionTo<Agent>,
    incoming: mpsc::Sender<Incoming>,
}

impl Peer {
    /// Puts a question; the answer comes as [`Incoming::Response`].
    pub fn ask(&self, asked: Asked, method: &str, params: Value) {
        let Ok(message) = UntypedMessage::new(method, params) else { return };
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
        let _ = self.connection.send_notification(message);
    }
}

/// Serves the connection until its task is dropped, which closes the agent's stdin, or the agent closes it.
pub async fn serve(stdin: pipe::Sender, lines: mpsc::Receiver<String>, incoming: mpsc::Sender<Incoming>) {
    let (sender, written) = mpsc::channel(WRITES);
    let outgoing = PollSender::new(sender).sink_map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe));
    let lines =
        stream::unfold(lines, async |mut lines| lines.recv().await.map(|line| (Ok::<_, io::Error>(line), lines)));
    let requests = incoming.clone();
    // Without the crate's own check of the version: which one an agent speaks is said better by the runner.
    let connection = Builder::new(Client)
        .name("convene")
        .on_receive_request(
            async move |message: UntypedMessage, responder, _connection| {
                let (method, params) = message.into_parts();
                let request = Request { method, params, responder: Responder(responder) };
                let _ = requests.send(Incoming::Request(request)).await;
                Ok(())
            },
            agent_client_protocol::on_receive_request!(),
        )
        .connect_with(Lines::new(outgoing, lines), async move |connection: ConnectionTo<Agent>| {
            let peer = Peer { connection, incoming: incoming.clone() };
            let _ = incoming.send(Incoming::Ready(peer)).await;
            std::future::pending::<Result<(), agent_client_protocol::Error>>().await
        });
    let served = async {
        if let Err(error) = connection.await {
            tracing::debug!(error = &error as &dyn std::error::Error, "the agent's connection ended");
        }
    };
    tokio::join!(served, write_lines(stdin, written));
}

async fn write_lines(mut stdin: pipe::Sender, mut lines: mpsc::Receiver<String>) {
    while let Some(mut line) = lines.recv().await {
        line.push('\n');
        if stdin.write_all(line.as_bytes()).await.is_err() {
            return;
        }
    }
}

//! Drives the builtin agent over a pipe with the official protocol crate as its client.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_client_protocol as acp;
use agent_client_protocol::v1::schema as v1;
use convene_agent::{Ended, Script};
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::compat::{TokioAsyncReadCompatExt as _, TokioAsyncWriteCompatExt as _};

pub type Connection = acp::v1::ConnectionTo<acp::Agent>;

/// How a scripted person answers permission questions.
#[derive(Debug, Clone)]
pub enum Person {
    Chooses(&'static str),
    Cancels,
    /// Never answers.
    Silent,
}

/// What the client has seen.
#[derive(Debug, Clone)]
pub struct Seen {
    updates: Arc<Mutex<Vec<Value>>>,
    questions: Arc<Mutex<Vec<Value>>>,
    writes: Arc<Mutex<Vec<Value>>>,
    changed: Arc<watch::Sender<()>>,
}

impl Seen {
    fn new() -> Self {
        Self {
            updates: Arc::default(),
            questions: Arc::default(),
            writes: Arc::default(),
            changed: Arc::new(watch::Sender::new(())),
        }
    }

    pub fn updates(&self) -> Vec<Value> {
        self.updates.lock().unwrap().clone()
    }

    pub fn of(&self, kind: &str) -> Vec<Value> {
        self.updates().into_iter().filter(|u| u["sessionUpdate"] == kind).collect()
    }

    pub fn questions(&self) -> Vec<Value> {
        self.questions.lock().unwrap().clone()
    }

    pub fn writes(&self) -> Vec<Value> {
        self.writes.lock().unwrap().clone()
    }

    /// The whole text of all messages.
    pub fn text(&self) -> String {
        self.of("agent_message_chunk")
            .iter()
            .map(|update| update["content"]["text"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Title and last status of every tool call, in order of appearance.
    pub fn tools(&self) -> Vec<(String, String)> {
        let mut tools: Vec<(Value, String, String)> = Vec::new();
        for update in self.updates() {
            let id = update["toolCallId"].clone();
            if update["sessionUpdate"] == "tool_call" {
                let status = update["status"].as_str().unwrap_or("pending").to_owned();
                tools.push((id, update["title"].as_str().unwrap().to_owned(), status));
            } else if let Some(status) = update["status"].as_str()
                && let Some(tool) = tools.iter_mut().find(|tool| tool.0 == id)
            {
                status.clone_into(&mut tool.2);
            }
        }
        tools.into_iter().map(|(_, title, status)| (title, status)).collect()
    }

    pub async fn wait(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let mut changed = self.changed.subscribe();
        let waited = tokio::time::timeout(Duration::from_secs(60), async {
            while !condition(self) {
                changed.changed().await.unwrap();
            }
        });
        waited.await.unwrap_or_else(|_| panic!("never saw {what}: {:#?}", self.updates()));
    }
}

/// Runs `story` as a client of a fresh agent and says how the agent ended.
pub async fn with_agent(
    script: Option<&str>,
    person: Person,
    writes_files: bool,
    story: impl AsyncFnOnce(Connection, Seen),
) -> Ended {
    let script = script.map(|text| Script::parse(text).unwrap());
    let (to_agent, from_client) = tokio::io::duplex(1 << 20);
    let (to_client, from_agent) = tokio::io::duplex(1 << 20);
    let mut agent = tokio::task::JoinSet::new();
    agent.spawn(convene_agent::builtin(script, from_client, to_client));
    let seen = Seen::new();
    let (on_update, on_question, on_write) = (seen.clone(), seen.clone(), seen.clone());
    let told = seen.clone();
    acp::Client
        .v1()
        .on_receive_notification(
            async move |notice: v1::SessionNotification, _| {
                let update = serde_json::to_value(&notice.update).unwrap();
                on_update.updates.lock().unwrap().push(update);
                on_update.changed.send_replace(());
                Ok(())
            },
            acp::on_receive_notification!(),
        )
        .on_receive_request(
            async move |request: v1::RequestPermissionRequest, responder, connection: Connection| {
                let question = serde_json::to_value(&request).unwrap();
                on_question.questions.lock().unwrap().push(question);
                on_question.changed.send_replace(());
                let outcome = match person {
                    Person::Chooses(option) => {
                        v1::RequestPermissionOutcome::Selected(v1::SelectedPermissionOutcome::new(option))
                    }
                    Person::Cancels => v1::RequestPermissionOutcome::Cancelled,
                    Person::Silent => {
                        // Kept open until the agent gives the question up.
                        let given_up = responder.cancellation();
                        return connection.spawn(async move {
                            given_up.cancelled().await;
                            responder
                                .respond(v1::RequestPermissionResponse::new(v1::RequestPermissionOutcome::Cancelled))
                        });
                    }
                };
                responder.respond(v1::RequestPermissionResponse::new(outcome))
            },
            acp::on_receive_request!(),
        )
        .on_receive_request(
            async move |request: v1::WriteTextFileRequest, responder, _| {
                std::fs::write(&request.path, &request.content).unwrap();
                on_write.writes.lock().unwrap().push(serde_json::to_value(&request).unwrap());
                responder.respond(v1::WriteTextFileResponse::new())
            },
            acp::on_receive_request!(),
        )
        .connect_with(
            acp::ByteStreams::new(to_agent.compat_write(), from_agent.compat()),
            async move |connection: Connection| {
                let fs = v1::FileSystemCapabilities::new().write_text_file(writes_files);
                let request = v1::InitializeRequest::new(acp::schema::ProtocolVersion::V1)
                    .client_capabilities(v1::ClientCapabilities::new().fs(fs));
                connection.send_request(request).block_task().await?;
                story(connection, told).await;
                Ok(())
            },
        )
        .await
        .unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), agent.join_next());
    ended.await.unwrap().unwrap().unwrap().unwrap()
}

pub async fn new_session(connection: &Connection, cwd: &Path) -> v1::SessionId {
    let request = v1::NewSessionRequest::new(cwd);
    connection.send_request(request).block_task().await.unwrap().session_id
}

pub async fn prompt(connection: &Connection, session: &v1::SessionId, text: &str) -> v1::StopReason {
    try_prompt(connection, session, text).await.unwrap()
}

pub async fn try_prompt(
    connection: &Connection,
    session: &v1::SessionId,
    text: &str,
) -> Result<v1::StopReason, acp::Error> {
    let block = v1::ContentBlock::Text(v1::TextContent::new(text));
    let request = v1::PromptRequest::new(session.clone(), vec![block]);
    connection.send_request(request).block_task().await.map(|response| response.stop_reason)
}

//! Speaks ACP: the only module that knows the official protocol crate.
//!
//! Its dispatch loop is serial, and answers come in through it. A handler therefore never waits: a turn moves its
//! responder into a task of the connection and asks its questions from there.

mod convert;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agent_client_protocol as acp;
use agent_client_protocol::v1::schema as v1;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_util::compat::{TokioAsyncReadCompatExt as _, TokioAsyncWriteCompatExt as _};

use crate::script::Script;
use crate::session::{Begun, ClientAbilities, Sessions, Unready};
use crate::speech::{Answer, ConfigOption, FormAnswer, Question, Stop, StopReason, Update};
use crate::turn::{Turn, new_id};
use crate::{Ended, player, worker};

type Connection = acp::v1::ConnectionTo<acp::Client>;

/// What an agent knows besides its connection.
#[derive(Debug, Clone)]
struct Agent {
    script: Option<Arc<Script>>,
    sessions: Sessions,
    /// Set to an exit code when a script wants the whole agent to leave.
    leave: watch::Sender<Option<u8>>,
}

/// The client of one session, as its turns see it.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    connection: Connection,
    session: String,
    sessions: Sessions,
}

/// Serves one client until it leaves or a script ends the agent.
pub(crate) async fn serve<R, W>(script: Option<Script>, reader: R, writer: W) -> Result<Ended, acp::Error>
where
    R: AsyncRead + Send + 'static,
    W: AsyncWrite + Send + 'static,
{
    let (leave, mut leaving) = watch::channel(None);
    let agent = Agent { script: script.map(Arc::new), sessions: Sessions::default(), leave };
    let sessions = agent.sessions.clone();
    let on = || agent.clone();
    let (initialize, new, resume, close) = (on(), on(), on(), on());
    let (prompt, cancel, config, mode) = (on(), on(), on(), on());
    let ended = acp::Agent
        .v1()
        .name("builtin")
        .on_receive_request(
            async move |request: v1::InitializeRequest, responder, _| {
                responder.respond(initialize.initialize(&request))
            },
            acp::on_receive_request!(),
        )
        .on_receive_request(
            async move |request: v1::NewSessionRequest, responder, connection: Connection| match new
                .new_session(request.cwd)
            {
                Ok((id, response)) => {
                    responder.respond(response)?;
                    new.announce(connection, id)
                }
                Err(error) => responder.respond_with_error(error),
            },
            acp::on_receive_request!(),
        )
        .on_receive_request(
            async move |request: v1::ResumeSessionRequest, responder, connection: Connection| match resume
                .resume(&request.session_id, request.cwd)
            {
                Ok(response) => {
                    responder.respond(response)?;
                    resume.announce(connection, request.session_id.to_string())
                }
                Err(error) => responder.respond_with_error(error),
            },
            acp::on_receive_request!(),
        )
        .on_receive_request(
            async move |request: v1::CloseSessionRequest, responder, _| {
                if close.sessions.close(&request.session_id.to_string()) {
                    responder.respond(v1::CloseSessionResponse::new())
                } else {
                    responder.respond_with_error(unknown_session(&request.session_id))
                }
            },
            acp::on_receive_request!(),
        )
        .on_receive_request(
            async move |request: v1::SetSessionConfigOptionRequest, responder, _| {
                responder.respond_with_result(config.set_config(&request))
            },
            acp::on_receive_request!(),
        )
        .on_receive_request(
            async move |request: v1::SetSessionModeRequest, responder, _| {
                responder.respond_with_result(mode.set_mode(&request))
            },
            acp::on_receive_request!(),
        )
        .on_receive_request(
            async move |request: v1::PromptRequest, responder, connection: Connection| {
                prompt.prompt(&request, responder, connection)
            },
            acp::on_receive_request!(),
        )
        .on_receive_notification(
            async move |notice: v1::CancelNotification, _| {
                cancel.sessions.cancel(&notice.session_id.to_string());
                Ok(())
            },
            acp::on_receive_notification!(),
        )
        .connect_with(
            acp::ByteStreams::new(writer.compat_write(), reader.compat()),
            async move |connection: Connection| {
                tokio::select! {
                    () = connection.incoming_closed() => Ok(Ended::ClientLeft),
                    code = leaving.wait_for(Option::is_some) => {
                        Ok(code.ok().and_then(|code| *code).map_or(Ended::ClientLeft, Ended::Exit))
                    }
                }
            },
        )
        .await;
    sessions.cancel_all();
    ended
}

impl Agent {
    fn initialize(&self, request: &v1::InitializeRequest) -> v1::InitializeResponse {
        self.sessions.initialize(ClientAbilities { writes_files: request.client_capabilities.fs.write_text_file });
        let title = match self.script {
            Some(_) => "builtin (scripted)",
            None => "Convene builtin agent",
        };
        let info = v1::Implementation::new("builtin", env!("CARGO_PKG_VERSION")).title(title.to_owned());
        let sessions = v1::SessionCapabilities::new()
            .resume(v1::SessionResumeCapabilities::new())
            .close(v1::SessionCloseCapabilities::new());
        let response = v1::InitializeResponse::new(acp::schema::ProtocolVersion::V1)
            .agent_info(info)
            .agent_capabilities(v1::AgentCapabilities::new().session_capabilities(sessions));
        match self.script {
            Some(_) => response.meta(meta(json!({"scripted": true}))),
            None => response,
        }
    }

    fn new_session(&self, cwd: PathBuf) -> Result<(String, v1::NewSessionResponse), acp::Error> {
        self.check_directory(&cwd)?;
        let id = new_id("builtin");
        self.sessions.open(&id, cwd, self.script.as_deref());
        let mut response = v1::NewSessionResponse::new(id.clone());
        if let Some(modes) = self.sessions.modes(&id) {
            response = response.modes(convert::modes(&modes));
        }
        let config = self.sessions.config(&id);
        if !config.is_empty() {
            response = response.config_options(convert::config(&config));
        }
        Ok((id, response))
    }

    /// Takes up a session of any earlier process: everything it is made of is in the directory.
    fn resume(&self, id: &v1::SessionId, cwd: PathBuf) -> Result<v1::ResumeSessionResponse, acp::Error> {
        self.check_directory(&cwd)?;
        let id = id.to_string();
        self.sessions.open(&id, cwd, self.script.as_deref());
        let mut response = v1::ResumeSessionResponse::new();
        if let Some(modes) = self.sessions.modes(&id) {
            response = response.modes(convert::modes(&modes));
        }
        let config = self.sessions.config(&id);
        if !config.is_empty() {
            response = response.config_options(convert::config(&config));
        }
        Ok(response)
    }

    fn check_directory(&self, cwd: &Path) -> Result<(), acp::Error> {
        if self.sessions.abilities().is_none() {
            let problem = "`initialize` comes first";
            return Err(acp::Error::invalid_request().data(json!({"problem": problem})));
        }
        let problem = if !cwd.is_absolute() {
            "is not absolute"
        } else if !cwd.is_dir() {
            "is not a directory"
        } else {
            return Ok(());
        };
        Err(acp::Error::invalid_params().data(json!({"field": "cwd", "problem": problem, "cwd": cwd})))
    }

    /// Tells the client which commands the session understands.
    fn announce(&self, connection: Connection, id: String) -> Result<(), acp::Error> {
        let commands = match &self.script {
            Some(script) => script.commands.clone(),
            None => worker::commands(),
        };
        if commands.is_empty() {
            return Ok(());
        }
        let update = v1::SessionUpdate::AvailableCommandsUpdate(convert::commands(&commands));
        connection.send_notification(v1::SessionNotification::new(id, update))
    }

    fn set_config(
        &self,
        request: &v1::SetSessionConfigOptionRequest,
    ) -> Result<v1::SetSessionConfigOptionResponse, acp::Error> {
        let id = request.session_id.to_string();
        if !self.sessions.knows(&id) {
            return Err(unknown_session(&request.session_id));
        }
        let value = request.value.as_value_id().map(ToString::to_string).unwrap_or_default();
        let option = request.config_id.to_string();
        let options = self.sessions.set_config(&id, &option, &value).ok_or_else(|| {
            acp::Error::invalid_params().data(json!({"field": "value", "configId": option, "value": value}))
        })?;
        Ok(v1::SetSessionConfigOptionResponse::new(convert::config(&options)))
    }

    fn set_mode(&self, request: &v1::SetSessionModeRequest) -> Result<v1::SetSessionModeResponse, acp::Error> {
        let id = request.session_id.to_string();
        if !self.sessions.knows(&id) {
            return Err(unknown_session(&request.session_id));
        }
        let mode = request.mode_id.to_string();
        if !self.sessions.set_mode(&id, &mode) {
            return Err(acp::Error::invalid_params().data(json!({"field": "modeId", "modeId": mode})));
        }
        Ok(v1::SetSessionModeResponse::new())
    }

    /// Begins a turn; its answer comes from the task that plays it.
    fn prompt(
        &self,
        request: &v1::PromptRequest,
        responder: acp::v1::Responder<v1::PromptResponse>,
        connection: Connection,
    ) -> Result<(), acp::Error> {
        let id = request.session_id.to_string();
        let Begun { cwd, mut memory, cancel } = match self.sessions.begin(&id) {
            Ok(begun) => begun,
            Err(Unready::UnknownSession) => {
                return responder.respond_with_error(unknown_session(&request.session_id));
            }
            Err(Unready::Busy) => {
                let data = json!({"problem": "a turn is already running in this session", "sessionId": id});
                return responder.respond_with_error(acp::Error::invalid_request().data(data));
            }
        };
        let turn = Turn {
            client: Client { connection: connection.clone(), session: id.clone(), sessions: self.sessions.clone() },
            cwd,
            prompt: convert::prompt_text(&request.prompt),
            cancel: cancel.clone(),
        };
        let agent = self.clone();
        connection.spawn(async move {
            let cancelled_by_request = responder.cancellation();
            let played = {
                let play = async {
                    match &agent.script {
                        Some(script) => player::play(&turn, script, &mut memory.player).await,
                        None => worker::play(&turn, &mut memory.worker).await,
                    }
                };
                tokio::pin!(play);
                tokio::select! {
                    played = &mut play => played,
                    // `$/cancel_request` for a prompt means what `session/cancel` means.
                    () = cancelled_by_request.cancelled() => {
                        cancel.cancel();
                        play.await
                    }
                }
            };
            // Before the answer: a client may send its next prompt as soon as it has this one's.
            agent.sessions.end(&id, memory);
            match played {
                Ok(reason) => responder.respond(v1::PromptResponse::new(convert::stop_reason(reason))),
                Err(Stop::Cancelled) => {
                    responder.respond(v1::PromptResponse::new(convert::stop_reason(StopReason::Cancelled)))
                }
                Err(Stop::Fail { code, message, data }) => {
                    responder.respond_with_error(v1::Error::new(code, message).data(data).into())
                }
                Err(Stop::Exit(code)) => {
                    agent.leave.send_replace(Some(code));
                    // Never answered: the agent is gone in the middle of its turn.
                    std::future::pending().await
                }
            }
        })
    }
}

impl Client {
    pub(crate) fn send(&self, update: Update) -> Result<(), Stop> {
        let sent = match convert::update(update) {
            convert::Wire::Known(update) => {
                self.connection.send_notification(v1::SessionNotification::new(self.session.clone(), update))
            }
            convert::Wire::Raw(update) => {
                acp::UntypedMessage::new("session/update", json!({"sessionId": self.session, "update": update}))
                    .and_then(|message| self.connection.send_notification(message))
            }
        };
        // Fails only when the connection has ended, and with it every turn.
        sent.map_err(|_| Stop::Cancelled)
    }

    pub(crate) async fn ask(&self, question: Question) -> Answer {
        let request = convert::question(&self.session, question);
        match self.connection.send_request(request).block_task().await {
            Ok(response) => match response.outcome {
                v1::RequestPermissionOutcome::Selected(selected) => Answer::Selected(selected.option_id.to_string()),
                v1::RequestPermissionOutcome::Cancelled => Answer::Cancelled,
                other => Answer::Failed(format!("the outcome {other:?} is not known")),
            },
            Err(error) => Answer::Failed(error.message),
        }
    }

    pub(crate) async fn elicit(&self, message: &str, schema: &Value) -> FormAnswer {
        let request = json!({
            "mode": "form",
            "sessionId": self.session,
            "message": message,
            "requestedSchema": schema,
        });
        let request: v1::CreateElicitationRequest = match serde_json::from_value(request) {
            Ok(request) => request,
            Err(error) => return FormAnswer::Failed(error.to_string()),
        };
        let response = match self.connection.send_request(request).block_task().await {
            Ok(response) => response,
            Err(error) => return FormAnswer::Failed(error.message),
        };
        match response.action {
            v1::ElicitationAction::Accept(accepted) => {
                FormAnswer::Accepted(serde_json::to_value(accepted.content).unwrap_or(Value::Null))
            }
            v1::ElicitationAction::Decline => FormAnswer::Declined,
            v1::ElicitationAction::Cancel => FormAnswer::Cancelled,
            other => FormAnswer::Failed(format!("the action {other:?} is not known")),
        }
    }

    pub(crate) fn writes_files(&self) -> bool {
        self.sessions.abilities().is_some_and(|client| client.writes_files)
    }

    pub(crate) async fn write_file(&self, path: &Path, text: &str) -> Result<(), String> {
        let request = v1::WriteTextFileRequest::new(self.session.clone(), path, text);
        match self.connection.send_request(request).block_task().await {
            Ok(_) => Ok(()),
            Err(error) => Err(error.message),
        }
    }

    pub(crate) fn set_mode(&self, mode: &str) {
        self.sessions.set_mode(&self.session, mode);
    }

    pub(crate) fn set_config(&self, option: &str, value: &str) -> Vec<ConfigOption> {
        self.sessions.set_config(&self.session, option, value).unwrap_or_else(|| self.sessions.config(&self.session))
    }
}

fn unknown_session(id: &v1::SessionId) -> acp::Error {
    v1::Error::session_not_found(id.clone()).into()
}

fn meta(value: Value) -> v1::Meta {
    match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => v1::Meta::new(),
    }
}

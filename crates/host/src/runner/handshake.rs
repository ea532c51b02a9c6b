//! From the server's welcome to an agent that can take a prompt: launch, `initialize`, a session, its settings.

use std::{collections::VecDeque, path::Path, sync::Arc, time::Duration};

use convene_api::uplink::RunnerWelcome;
use convene_core::{
    event::{KnownEvent, SessionOpening},
    failure::{Failure, FailureKind},
    spec::SessionSpec,
};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::Instant};

use super::{Runner, agent, context::Context, environment, trouble};
use crate::{
    acp::{
        PROTOCOL_VERSION, config,
        connection::{self, Asked, Incoming, RpcError},
        content,
    },
    quirks,
    rundir::Containment,
};

/// Lines for the crate that it has not read yet. It reads at once; this many come with one read of the pipe at most.
const CALLS: usize = 256;

/// How far the attempt is.
#[derive(Debug)]
pub(super) enum Stage {
    /// The server has not answered yet; nothing is launched.
    Waiting,
    /// The agent is launched and has not answered `initialize`.
    Starting,
    /// It wants somebody to sign in before it opens a session.
    SigningIn,
    /// It has not answered about its session.
    Opening,
    /// It has a session; these settings are still to be made, one after the other.
    Configuring(VecDeque<(String, Value)>),
    /// It takes prompts.
    Ready,
}

/// What the agent said it can do.
#[derive(Debug, Default)]
pub(super) struct Announced {
    pub(super) can_resume: bool,
    pub(super) can_load: bool,
    pub(super) can_fork: bool,
    takes_directories: bool,
    takes_system_prompt: bool,
    /// Ways to reach MCP servers beside stdio.
    mcp_kinds: Vec<String>,
    pub(super) auth_methods: Vec<convene_core::content::AuthMethod>,
}

impl Announced {
    /// Whether a session of its can be opened again.
    pub(super) const fn can_reopen(&self) -> bool {
        self.can_resume || self.can_load
    }
}

impl Runner {
    /// The first welcome: this instance owns the attempt, so the agent may be launched.
    pub(super) fn begin(&mut self, welcome: &RunnerWelcome, now: Instant) {
        let mut spec = welcome.spec.clone();
        if let Some(workspace) = self.config.workspace.clone() {
            Arc::make_mut(&mut spec).cwd.clone_from(&workspace.cwd);
            self.emit(KnownEvent::WorkspaceReady { workspace });
        }
        self.spec = Some(spec.clone());
        self.earlier_session.clone_from(&welcome.agent_session_id);
        self.context = Context::of(welcome);
        match self.launch(&spec) {
            Ok(()) => {
                self.stage = Stage::Starting;
                self.stage_until = Some(now + self.start_timeout());
                self.watch_start(now);
                self.weigh_soon(now);
            }
            Err(failure) => self.fail(failure, now),
        }
    }

    fn launch(&mut self, spec: &SessionSpec) -> Result<(), Failure> {
        self.outbox.redactor.register_spec(spec);
        let environment = environment::of_agent(&self.config, spec);
        self.outbox.redactor.register_secrets_of(&environment);
        let limits = self.limit_tree();
        let command = &self.config.agent.command;
        let log = self.side.run_dir().path().join("agent_stderr");
        let started = agent::start(command, &environment, Path::new(&spec.cwd), &log, self.config.line_max);
        let started =
            started.map_err(|error| trouble::launch_failure(&self.config.agent, Path::new(&spec.cwd), &error))?;
        let pid = started.agent.pid;
        let command = command.iter().map(|word| self.outbox.redactor.scrub(word).into_owned()).collect();
        self.agent = Some(started.agent);
        let containment = match self.side.containment() {
            Containment::Cgroup => "cgroup",
            Containment::Subreaper => "subreaper",
            Containment::ProcessTree => "process_tree",
        };
        let containment = containment.to_owned();
        self.emit(KnownEvent::AgentLaunched { pid: pid.cast_unsigned(), command, containment, limits });
        if self.config.agent.downloads {
            let detail = format!("the first start of {} downloads it, which may take minutes", self.config.agent.name);
            self.emit(KnownEvent::LogNote { code: "agent_downloads".to_owned(), detail, raw: None });
        }
        let (calls, lines) = mpsc::channel(CALLS);
        self.calls = Some(calls);
        let serve = connection::serve(started.stdin, lines, self.incoming_sender.clone(), Arc::clone(&self.backlog));
        self.connection = Some(self.tasks.spawn(serve));
        Ok(())
    }

    pub(super) fn on_incoming(&mut self, incoming: Incoming, now: Instant) {
        match incoming {
            Incoming::Ready(peer) => {
                peer.ask(Asked::Initialize, "initialize", initialize_params());
                self.peer = Some(peer);
            }
            Incoming::Request(request) => self.on_request(request, now),
            // Once it is being left, what it says about beginning is of no use.
            Incoming::Response { asked: Asked::Prompt(turn), result } => self.on_prompt_response(turn, result, now),
            Incoming::Response { .. } if self.leaving.is_some() => {}
            Incoming::Response { asked: Asked::Initialize, result } => self.on_initialized(result, now),
            Incoming::Response { asked: Asked::NewSession, result } => {
                self.on_session(SessionOpening::New, result, now);
            }
            Incoming::Response { asked: Asked::ResumeSession, result } => {
                self.on_session(SessionOpening::Resumed, result, now);
            }
            Incoming::Response { asked: Asked::LoadSession, result } => {
                self.on_session(SessionOpening::Loaded, result, now);
            }
            Incoming::Response { asked: Asked::ForkSession, result } => {
                self.on_session(SessionOpening::Forked, result, now);
            }
            Incoming::Response { asked: Asked::Authenticate, result } => self.on_authenticated(result, now),
            Incoming::Response { asked: Asked::Configure { option, value, at_start: true }, result } => {
                if self.on_start_setting(&option, value, result, now) {
                    self.configure_next(now);
                }
            }
            Incoming::Response { asked: Asked::Configure { option, value, at_start: false }, result } => {
                self.on_configured(&option, value, result);
            }
        }
    }

    fn on_initialized(&mut self, result: Result<Value, RpcError>, now: Instant) {
        let response = match result {
            Ok(response) => response,
            // The agent ended, or is about to: its exit says more.
            Err(_) if self.has_agent_closed() => return,
            Err(error) => {
                let summary =
                    format!("{} answered initialize with: {}", self.config.agent.display_name(), error.text());
                let failure = Failure::new(FailureKind::HandshakeFailure, summary)
                    .code("agent_not_acp")
                    .hint(format!("convene agents show {}", self.config.agent.name));
                return self.fail(failure, now);
            }
        };
        // Some say it as a text.
        let version = match response.get("protocolVersion") {
            Some(Value::String(text)) => text.parse().ok(),
            Some(other) => other.as_u64().and_then(|version| u32::try_from(version).ok()),
            None => None,
        };
        if version != Some(PROTOCOL_VERSION) {
            let spoken = version.map_or_else(|| "no version at all".to_owned(), |version| version.to_string());
            let name = self.config.agent.display_name();
            let which = if version.is_some_and(|v| v > PROTOCOL_VERSION) { "convene" } else { name };
            let hint = format!("update {which}");
            let summary = format!("{name} speaks ACP {spoken}, we speak {PROTOCOL_VERSION}");
            let failure =
                Failure::new(FailureKind::HandshakeFailure, summary).code("agent_protocol_unsupported").hint(hint);
            return self.fail(failure, now);
        }
        let info = response.get("agentInfo");
        let name = info.and_then(|info| content::text(info, "name"));
        let capabilities = response.get("agentCapabilities").cloned().unwrap_or_else(|| json!({}));
        let auth_methods = content::auth_methods(response.get("authMethods"), &self.config.agent.command);
        let session = capabilities.get("sessionCapabilities");
        let mcp = capabilities.get("mcpCapabilities").and_then(Value::as_object);
        let mcp_kinds =
            mcp.into_iter().flatten().filter(|(_, able)| **able == Value::Bool(true)).map(|(kind, _)| kind.clone());
        let has = |name: &str| session.and_then(|session| session.get(name)).is_some_and(|value| !value.is_null());
        self.announced = Announced {
            can_resume: has("resume"),
            can_load: capabilities.get("loadSession").and_then(Value::as_bool).unwrap_or(false),
            can_fork: has("fork"),
            takes_directories: has("additionalDirectories"),
            takes_system_prompt: has("systemPrompt"),
            mcp_kinds: mcp_kinds.collect(),
            auth_methods: auth_methods.clone(),
        };
        self.emit(KnownEvent::AgentInitialized {
            name: name.unwrap_or_else(|| self.config.agent.name.clone()),
            title: info.and_then(|info| content::text(info, "title")),
            version: info.and_then(|info| content::text(info, "version")).unwrap_or_default(),
            protocol_version: PROTOCOL_VERSION,
            capabilities: capabilities.into(),
            auth_methods,
        });
        self.open_session(now);
    }

    /// Opens the best session there is: the earlier one if the agent remembers it, else a new one.
    pub(super) fn open_session(&mut self, now: Instant) {
        let (Some(spec), Some(peer)) = (self.spec.clone(), self.peer.clone()) else { return };
        self.stage_until = Some(now + self.start_timeout());
        let mut params = json!({"cwd": spec.cwd, "mcpServers": self.mcp_servers(&spec)});
        if !spec.add_dirs.is_empty() {
            if self.announced.takes_directories {
                params["additionalDirectories"] = json!(spec.add_dirs);
            } else if self.session.is_none() {
                let name = self.config.agent.display_name();
                let detail =
                    format!("{name} takes no further directories; it is not told of {}", spec.add_dirs.join(", "));
                self.emit(KnownEvent::LogNote { code: "add_dirs_left_out".to_owned(), detail, raw: None });
            }
        }
        let how = self.opening();
        let (asked, method) = self.opening_question(how, &mut params);
        if let Some(prompt) = spec.system_prompt.as_ref().filter(|_| self.announced.takes_system_prompt) {
            params["systemPrompt"] = json!({"mode": "append", "content": [{"type": "text", "text": prompt}]});
        }
        self.stage = Stage::Opening;
        // The log has what was said before; until the next prompt whatever the agent says is taken for a replay.
        self.voice.mute(how != SessionOpening::New);
        peer.ask(asked, method, params);
    }

    /// The session's MCP servers that this agent can use. The others are told, not dropped in silence.
    fn mcp_servers(&mut self, spec: &SessionSpec) -> Vec<Value> {
        let (usable, others): (Vec<Value>, Vec<Value>) =
            spec.mcp_servers.iter().cloned().partition(|server| match server.get("type").and_then(Value::as_str) {
                None | Some("stdio") => true,
                Some(kind) => self.announced.mcp_kinds.iter().any(|known| known == kind),
            });
        for server in others {
            let name = content::text(&server, "name").unwrap_or_default();
            let kind = content::text(&server, "type").unwrap_or_default();
            let detail = format!("{} takes no MCP servers over {kind}: left out {name}", self.config.agent.name);
            self.emit(KnownEvent::LogNote { code: "mcp_server_left_out".to_owned(), detail, raw: None });
        }
        usable
    }

    fn on_session(&mut self, how: SessionOpening, result: Result<Value, RpcError>, now: Instant) {
        let was_new = how == SessionOpening::New;
        let response = match result {
            Ok(response) => response,
            Err(_) if self.has_agent_closed() => return,
            Err(error) if error.wants_sign_in() => return self.sign_in_wanted(&error, now),
            Err(error) if !was_new => {
                self.not_opened(how, error.text());
                return self.open_session(now);
            }
            Err(error) => {
                let summary = format!("{} opened no session: {}", self.config.agent.display_name(), error.text());
                let failure = Failure::new(FailureKind::LoadSessionFailure, summary)
                    .code("agent_start_failed")
                    .hint(format!("convene agents show {}", self.config.agent.name));
                return self.fail(failure, now);
            }
        };
        let said = content::text(&response, "sessionId");
        let session = said.or_else(|| self.earlier_session.clone().filter(|_| !was_new));
        let Some(session) = session else {
            let summary = format!("{} opened a session without an id", self.config.agent.display_name());
            return self.fail(Failure::new(FailureKind::ProtocolFailure, summary).code("agent_not_acp"), now);
        };
        // What was due before a session was opened again is due after it.
        if !self.is_reopening(how) {
            self.system_prompt_due = was_new && !self.announced.takes_system_prompt;
        }
        self.signed_in();
        self.tell_context(how);
        self.session = Some(session.clone());
        self.earlier_session = None;
        self.emit(KnownEvent::AgentSessionStarted { agent_session_id: session, how });
        let found = config::of_session(&response);
        if !found.is_empty() || self.options.is_empty() {
            self.options = found;
        }
        if !self.options.is_empty() {
            self.emit(KnownEvent::ConfigUpdated { options: self.options.clone().into() });
        }
        self.stage_until = Some(now + self.start_timeout());
        let wanted = self.spec.as_deref().map(wanted_settings).unwrap_or_default();
        self.stage = Stage::Configuring(wanted);
        self.configure_next(now);
    }

    /// Makes the next setting that the session's spec wants; with none left, the agent takes prompts.
    fn configure_next(&mut self, now: Instant) {
        loop {
            let Stage::Configuring(wanted) = &mut self.stage else { return };
            let Some((option, value)) = wanted.pop_front() else { break };
            if config::find(&self.options, &option).is_none() {
                let failure = self.no_such_setting(&option);
                return self.fail(failure, now);
            }
            if self.ask_for_setting(&option, value, true) {
                return;
            }
        }
        self.stage = Stage::Ready;
        self.stage_until = None;
        self.prompt_next();
    }

    /// What a session was made with is wanted, not wished: work with another model than the wanted one is not begun.
    /// Returns whether it was taken.
    fn on_start_setting(&mut self, option: &str, value: Value, result: Result<Value, RpcError>, now: Instant) -> bool {
        let result = settled(&value, result);
        let refused = match &result {
            Err(_) if self.has_agent_closed() => return false,
            Err(error) => Some(self.refused_setting(option, &value, error)),
            Ok(_) => None,
        };
        self.on_configured(option, value, result);
        match refused {
            Some(failure) => {
                self.fail(failure, now);
                false
            }
            None => true,
        }
    }

    fn no_such_setting(&self, option: &str) -> Failure {
        let known: Vec<&str> = self.options.iter().map(|o| o.id.as_str()).collect();
        let summary = format!("{} has no option {option}", self.config.agent.display_name());
        let hint = if known.is_empty() { "it has none".to_owned() } else { format!("it has: {}", known.join(", ")) };
        Failure::new(FailureKind::LoadSessionFailure, summary).code("config_option_unknown").hint(hint)
    }

    fn refused_setting(&self, option: &str, value: &Value, error: &RpcError) -> Failure {
        let name = self.config.agent.display_name();
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let known = config::find(&self.options, option);
        let choices: Vec<&str> = known.into_iter().flat_map(|o| &o.choices).map(|c| c.value.as_str()).collect();
        let is_model = known.is_some_and(|o| o.is_named("model"));
        let listed = choices.contains(&value.as_str());
        let (code, summary) = if is_model && !listed {
            ("model_unknown", format!("{name} has no model {value}: {}", error.text()))
        } else {
            ("agent_start_failed", format!("{name} does not take {value} as its {option}: {}", error.text()))
        };
        let failure = Failure::new(FailureKind::LoadSessionFailure, summary).code(code);
        if choices.is_empty() { failure } else { failure.hint(format!("it has: {}", choices.join(", "))) }
    }

    /// Asks the agent for a setting. `false` if there is nothing to ask, which is said if it is a pity.
    pub(super) fn ask_for_setting(&mut self, option: &str, value: Value, at_start: bool) -> bool {
        let (Some(peer), Some(session)) = (&self.peer, &self.session) else { return false };
        let Some(known) = config::find(&self.options, option) else {
            let names: Vec<&str> = self.options.iter().map(|o| o.id.as_str()).collect();
            let mut detail = format!("{} has no option {option}", self.config.agent.name);
            if !names.is_empty() {
                detail = format!("{detail}; it has: {}", names.join(", "));
            }
            self.emit(KnownEvent::ConfigRejected { option: option.to_owned(), detail });
            return false;
        };
        let value = config::meant(known, value);
        if known.value == value {
            return false;
        }
        let (method, params) = config::change(known, session, &value);
        peer.ask(Asked::Configure { option: option.to_owned(), value, at_start }, method, params);
        true
    }

    fn on_configured(&mut self, option: &str, value: Value, result: Result<Value, RpcError>) {
        match settled(&value, result) {
            Ok(response) => {
                match response.get("configOptions") {
                    Some(options) => config::replace(&mut self.options, config::options(options)),
                    None => self.note_setting(option, value),
                }
                self.emit(KnownEvent::ConfigUpdated { options: self.options.clone().into() });
            }
            Err(error) => {
                self.emit(KnownEvent::ConfigRejected { option: option.to_owned(), detail: error.text() });
            }
        }
    }

    pub(super) fn note_setting(&mut self, option: &str, value: Value) {
        let id = config::find(&self.options, option).map(|o| o.id.clone());
        if let Some(known) = self.options.iter_mut().find(|o| Some(&o.id) == id.as_ref()) {
            known.value = value;
        }
    }

    pub(super) fn start_timeout(&self) -> Duration {
        Duration::from_millis(self.config.start_timeout_ms)
    }

    /// The stage took too long.
    pub(super) fn on_stage_timeout(&mut self, now: Instant) {
        let name = self.config.agent.display_name().to_owned();
        let patience = self.start_timeout();
        let failure = match &self.stage {
            Stage::Waiting | Stage::Ready => return,
            Stage::SigningIn => self.no_sign_in(),
            Stage::Starting => match self.noise.first.clone() {
                Some(line) => self.not_acp(&line),
                None => Failure::new(
                    FailureKind::HandshakeFailure,
                    format!("no answer from {name} to initialize in {patience:?}"),
                )
                .code("agent_no_handshake")
                .hint("raise start_timeout, or check its command"),
            },
            Stage::Opening | Stage::Configuring(_) => Failure::new(
                FailureKind::LoadSessionFailure,
                format!("no answer from {name} about its session in {patience:?}"),
            )
            .code("agent_no_handshake")
            .hint("raise start_timeout, or look whether it waits for a sign-in"),
        };
        self.fail(failure, now);
    }

    pub(super) fn not_acp(&self, line: &str) -> Failure {
        let agent = &self.config.agent;
        let summary = format!("{} wrote {line:?} where ACP was expected", agent.display_name());
        let flag = match agent.acp_flag.as_str() {
            "" => "check its ACP flag".to_owned(),
            flag => format!("its ACP flag is {flag}"),
        };
        Failure::new(FailureKind::HandshakeFailure, summary)
            .code("agent_not_acp")
            .hint(format!("{flag}; it was started as: {}", agent.command.join(" ")))
    }
}

/// The settings that the spec wants, in the order in which they are made: a mode may change which models there are.
fn wanted_settings(spec: &SessionSpec) -> VecDeque<(String, Value)> {
    let mode = spec.mode.iter().map(|mode| ("mode".to_owned(), mode.as_str().into()));
    let model = spec.model.iter().map(|model| ("model".to_owned(), model.as_str().into()));
    let config = spec.config.iter().map(|(id, value)| (id.clone(), value.clone()));
    mode.chain(model).chain(config).collect()
}

fn initialize_params() -> Value {
    json!({
        "protocolVersion": PROTOCOL_VERSION,
        "clientInfo": {"name": "convene", "title": "Convene", "version": env!("CARGO_PKG_VERSION")},
        "clientCapabilities": {
            "fs": {"readTextFile": true, "writeTextFile": true},
            "terminal": true,
            "elicitation": {"form": {}, "url": {}},
            "session": {"configOptions": {"boolean": {}}},
            // The command of a sign-in is shown to whoever has a terminal; older agents ask for the second one.
            "auth": {"terminal": true},
            "_meta": {"terminal-auth": true},
        },
    })
}

/// An agent that refuses a setting because it is so already has taken it.
fn settled(value: &Value, result: Result<Value, RpcError>) -> Result<Value, RpcError> {
    match (value.as_str(), result) {
        (Some(value), Err(error)) if quirks::is_so_already(&error.text(), value) => Ok(Value::Null),
        (_, result) => result,
    }
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;

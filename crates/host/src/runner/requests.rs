//! What the agent asks: permissions and other questions for people, files, terminals. No answer is waited for here.

use std::collections::HashMap;

use convene_api::uplink::DirectiveOutcome;
use convene_core::{
    content::{PermissionKind, PermissionOption},
    event::{Decision, KnownEvent},
    ids::{ElicitationId, PermissionId, TurnId},
    spec::PermissionMode,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Runner, environment, files, new_uuid};
use crate::acp::{
    connection::{Request, Responder, RpcError},
    content,
};

/// Questions that may be open at a time. An agent that asks more is told so.
const QUESTIONS: usize = 64;
/// Questions that were taken back before they came through the crate.
const TAKEN_BACK: usize = 64;

/// Questions that people have not answered yet.
#[derive(Debug, Default)]
pub(super) struct Questions {
    permissions: HashMap<PermissionId, Permission>,
    elicitations: HashMap<ElicitationId, (Option<TurnId>, Responder)>,
    taken_back: Vec<String>,
}

#[derive(Debug)]
struct Permission {
    turn: Option<TurnId>,
    options: Vec<PermissionOption>,
    is_reading: bool,
    responder: Responder,
}

impl Questions {
    fn open(&self) -> usize {
        self.permissions.len() + self.elicitations.len()
    }

    /// Answers everything that is open `cancelled`, and tells whether there was something. The server says so in its log.
    pub(super) fn cancel_all(&mut self) -> bool {
        let some = self.open() > 0;
        for (_, permission) in self.permissions.drain() {
            permission.responder.respond(Ok(cancelled()));
        }
        for (_, (_, responder)) in self.elicitations.drain() {
            responder.respond(Ok(json!({"action": "cancel"})));
        }
        some
    }

    pub(super) fn answer(&mut self, request: ElicitationId, action: &str, content: Option<Value>) -> DirectiveOutcome {
        let Some((_, responder)) = self.elicitations.remove(&request) else { return DirectiveOutcome::Stale };
        let mut answer = json!({"action": action});
        if let Some(content) = content.filter(|_| action == "accept") {
            answer["content"] = content;
        }
        responder.respond(Ok(answer));
        DirectiveOutcome::Applied
    }

    /// The agent takes a question back: what is to be told about that.
    pub(super) fn take_back(&mut self, id: &str) -> Option<(Option<TurnId>, KnownEvent)> {
        let by = || "agent".to_owned();
        let permission = self.permissions.iter().find(|(_, open)| open.responder.id() == id).map(|(id, _)| *id);
        if let Some(request) = permission {
            let permission = self.permissions.remove(&request)?;
            permission.responder.respond(Ok(cancelled()));
            let decision = Decision::Cancelled;
            let event = KnownEvent::PermissionDecided { request, option_id: None, decision, by: by(), message: None };
            return Some((permission.turn, event));
        }
        let elicitation = self.elicitations.iter().find(|(_, (_, open))| open.id() == id).map(|(id, _)| *id);
        if let Some(request) = elicitation {
            let (turn, responder) = self.elicitations.remove(&request)?;
            responder.respond(Ok(json!({"action": "cancel"})));
            let action = "cancel".to_owned();
            return Some((turn, KnownEvent::ElicitationAnswered { request, action, content: None, by: by() }));
        }
        if self.taken_back.len() < TAKEN_BACK {
            self.taken_back.push(id.to_owned());
        }
        None
    }

    fn was_taken_back(&mut self, id: &str) -> bool {
        let at = self.taken_back.iter().position(|taken| taken == id);
        at.map(|at| self.taken_back.swap_remove(at)).is_some()
    }
}

impl Runner {
    pub(super) fn on_request(&mut self, request: Request, now: Instant) {
        let Request { method, params, responder } = request;
        // What it said before it acts is on disk before it acts.
        self.outbox.keep(now);
        let is_question = matches!(method.as_str(), "session/request_permission" | "elicitation/create");
        if is_question && self.questions.was_taken_back(&responder.id()) {
            return responder.respond(Err(RpcError::new(-32800, "the request was taken back")));
        }
        if is_question && self.questions.open() >= QUESTIONS {
            return responder.respond(Err(RpcError::new(RpcError::INTERNAL, "too many questions are open")));
        }
        match method.as_str() {
            "session/request_permission" => self.on_permission(params, responder),
            "elicitation/create" => self.on_elicitation(params, responder),
            "fs/read_text_file" => responder.respond(self.read_file(&params)),
            "fs/write_text_file" => responder.respond(self.write_file(&params)),
            "terminal/create" => {
                let result = self.create_terminal(&params);
                responder.respond(result);
            }
            "terminal/output" => responder.respond(self.terminals.output(&params)),
            "terminal/wait_for_exit" => self.terminals.wait_for_exit(&params, responder),
            "terminal/kill" => responder.respond(self.terminals.kill(&params)),
            "terminal/release" => responder.respond(self.terminals.release(&params)),
            _ => {
                if !method.starts_with('_') {
                    let detail = format!("an unknown request, {method}");
                    self.emit(KnownEvent::AgentDiagnostic { code: "unknown_method".to_owned(), detail });
                }
                responder
                    .respond(Err(RpcError::new(RpcError::METHOD_NOT_FOUND, format!("there is no method {method}"))));
            }
        }
    }

    fn on_permission(&mut self, mut params: Value, responder: Responder) {
        let options = content::permission_options(params.get_mut("options").map(Value::take));
        let tool_call = params.get_mut("toolCall").map(Value::take).and_then(content::tool_call);
        let Some(tool_call) = tool_call else {
            return responder.respond(Err(RpcError::new(RpcError::INVALID_PARAMS, "toolCall.toolCallId is missing")));
        };
        let tool_call = match &self.turn {
            Some(turn) => turn.known_tool(tool_call),
            None => tool_call,
        };
        let is_over = self.leaving.is_some() || self.turn.as_ref().is_some_and(|turn| turn.cancel_until.is_some());
        if is_over {
            return responder.respond(Ok(cancelled()));
        }
        let request = PermissionId::new(new_uuid());
        let is_reading = matches!(tool_call.kind.as_deref(), Some("read" | "search"));
        let turn = self.turn_id();
        self.questions
            .permissions
            .insert(request, Permission { turn, options: options.clone(), is_reading, responder });
        self.emit(KnownEvent::PermissionRequested { request, tool_call, options });
    }

    pub(super) fn decide(&mut self, request: PermissionId, option_id: Option<String>) -> DirectiveOutcome {
        let Some(permission) = self.questions.permissions.remove(&request) else { return DirectiveOutcome::Stale };
        let Some(option_id) = option_id else {
            permission.responder.respond(Ok(cancelled()));
            return DirectiveOutcome::Applied;
        };
        let chosen = permission.options.iter().find(|option| option.id == option_id).map(|option| option.kind);
        if chosen.is_some_and(PermissionKind::allows)
            && !permission.is_reading
            && let Some(turn) = self.turn.as_mut().filter(|turn| Some(turn.id) == permission.turn)
        {
            turn.allowed = true;
        }
        permission.responder.respond(Ok(json!({"outcome": {"outcome": "selected", "optionId": option_id}})));
        DirectiveOutcome::Applied
    }

    fn on_elicitation(&mut self, params: Value, responder: Responder) {
        let is_over = self.leaving.is_some() || self.turn.as_ref().is_some_and(|turn| turn.cancel_until.is_some());
        if is_over {
            return responder.respond(Ok(json!({"action": "cancel"})));
        }
        let request = ElicitationId::new(new_uuid());
        let message = content::text(&params, "message").unwrap_or_default();
        self.questions.elicitations.insert(request, (self.turn_id(), responder));
        self.emit(KnownEvent::ElicitationRequested { request, message, params });
    }

    /// Whether the agent may read through us.
    fn may_read(&self) -> Result<(), RpcError> {
        match self.spec.as_ref().map_or(PermissionMode::Deny, |spec| spec.permissions) {
            PermissionMode::Deny => Err(denied("reading files")),
            PermissionMode::Ask | PermissionMode::Reads | PermissionMode::All => Ok(()),
        }
    }

    /// Whether the agent may change things through us. What a person allowed is not refused here again.
    fn may_act(&self, what: &str) -> Result<(), RpcError> {
        match self.spec.as_ref().map_or(PermissionMode::Deny, |spec| spec.permissions) {
            PermissionMode::Deny => Err(denied(what)),
            PermissionMode::Reads if self.turn.as_ref().is_none_or(|turn| !turn.allowed) => Err(denied(what)),
            // In `ask` the agent asks before it acts, if it is well-behaved; without a sandbox that is all there is.
            PermissionMode::Reads | PermissionMode::Ask | PermissionMode::All => Ok(()),
        }
    }

    fn read_file(&self, params: &Value) -> Result<Value, RpcError> {
        self.may_read()?;
        let path = self.path_of(params, "path")?;
        let number = |name: &str| params.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let text = files::read(&path, number("line"), number("limit"))?;
        Ok(json!({"content": text}))
    }

    fn write_file(&self, params: &Value) -> Result<Value, RpcError> {
        self.may_act("writing files")?;
        let path = self.path_of(params, "path")?;
        let text = content::text(params, "content")
            .ok_or_else(|| RpcError::new(RpcError::INVALID_PARAMS, "content is missing"))?;
        files::write(&path, &text)?;
        Ok(json!({}))
    }

    fn create_terminal(&mut self, params: &Value) -> Result<Value, RpcError> {
        self.may_act("running commands")?;
        let Some(spec) = self.spec.clone() else { return Err(RpcError::new(RpcError::INTERNAL, "no session")) };
        if self.leaving.is_some() {
            return Err(RpcError::new(RpcError::INTERNAL, "the session is ending"));
        }
        let cwd = match params.get("cwd").and_then(Value::as_str) {
            Some(cwd) => files::confine(&spec, cwd)?,
            None => spec.cwd.clone().into(),
        };
        let environment = environment::of_agent(&self.config, &spec);
        self.terminals.create(params, &cwd, environment, &mut self.tasks)
    }

    fn path_of(&self, params: &Value, name: &str) -> Result<std::path::PathBuf, RpcError> {
        let path = content::text(params, name)
            .ok_or_else(|| RpcError::new(RpcError::INVALID_PARAMS, format!("{name} is missing")))?;
        let spec = self.spec.as_deref().ok_or_else(|| RpcError::new(RpcError::INTERNAL, "no session"))?;
        files::confine(spec, &path)
    }
}

fn cancelled() -> Value {
    json!({"outcome": {"outcome": "cancelled"}})
}

fn denied(what: &str) -> RpcError {
    RpcError::new(RpcError::INTERNAL, format!("the session's permissions do not allow {what}"))
}

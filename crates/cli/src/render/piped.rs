//! A session in a pipe: one line on standard error for each thing that matters; the answer comes at the end.

use convene_api::{client::SessionEvent, exit};
use convene_core::{
    content::ToolCall,
    event::{Decision, EventBody, KnownEvent},
    ids::PermissionId,
};

use jiff::Timestamp;

use super::{
    clean::clean_line,
    facts::{End, Facts},
    question::short_request,
    tool::{self, Tools},
    transcript::decision_word,
    words,
};

/// The lines of a session.
#[derive(Debug)]
pub struct Piped {
    id: String,
    agent: String,
    cwd: String,
    home: Option<String>,
    tools: Tools,
    /// Each with its call and the time at which it came.
    requests: Vec<(PermissionId, ToolCall, Timestamp)>,
    waiting: Option<String>,
}

impl Piped {
    /// The lines of a session with this short id.
    pub fn new(id: &str, agent: &str, cwd: &str, home: Option<&str>) -> Self {
        Self {
            id: id.to_owned(),
            agent: agent.to_owned(),
            cwd: cwd.to_owned(),
            home: home.map(str::to_owned),
            tools: Tools::default(),
            requests: Vec::new(),
            waiting: None,
        }
    }

    /// The first line.
    pub fn header(&self, permissions: &str) -> String {
        let cwd = words::at_home(&self.cwd, self.home.as_deref());
        line(&format!("session {}, {}, {cwd}, permissions {permissions}", self.id, self.agent))
    }

    /// The lines of an event.
    pub fn event(&mut self, event: &SessionEvent) -> Vec<String> {
        let EventBody::Known(known) = &event.data.body else { return Vec::new() };
        match known {
            KnownEvent::ToolCallUpdated { tool_call } => self.tool(tool_call, event).into_iter().collect(),
            KnownEvent::PermissionRequested { request, tool_call, .. } => {
                self.tools.update(tool_call, event.at);
                self.requests.push((*request, tool_call.clone(), event.at));
                Vec::new()
            }
            KnownEvent::PermissionDecided { request, decision, by, .. } => {
                let known = self.requests.iter().position(|(id, ..)| id == request);
                let (call, asked_at) =
                    known.map(|i| self.requests.remove(i)).map_or((None, None), |(_, call, at)| (Some(call), Some(at)));
                let title = call.as_ref().map(|call| self.subject(call)).unwrap_or_default();
                if let Some(call) = call.and_then(|call| self.tools.get_mut(&call.id)) {
                    call.rejected = decision.is_rejection() || *decision == Decision::Cancelled;
                    // The person's time is not the tool's.
                    call.since = event.at;
                }
                let short = short_request(*request);
                match (by.as_str(), decision.is_rejection()) {
                    ("policy", false) => Vec::new(),
                    ("timeout", _) => {
                        let waited =
                            asked_at.map_or_else(|| "time".to_owned(), |at| words::clock(tool::between(at, event.at)));
                        let why = "permissions.ask_timeout sets how long questions wait";
                        vec![line(&format!("no answer to {short} in {waited}, rejected [permission_timed_out]; {why}"))]
                    }
                    ("cancel" | "stop", _) => vec![line(&format!("cancelled with the turn: {title}"))],
                    (by, _) => vec![line(&format!("{} by {by}: {title}", decision_word(*decision)))],
                }
            }
            KnownEvent::SessionWaiting { detail, .. } if self.waiting.as_ref() != Some(detail) => {
                self.waiting = Some(detail.clone());
                vec![line(&format!("waiting: {detail}"))]
            }
            KnownEvent::AttemptRefused { detail, .. } => vec![line(&format!("not started: {detail}"))],
            KnownEvent::TurnRequeued {} => {
                vec![line("the runner died before the prompt was handed over; it is sent again")]
            }
            KnownEvent::LogNote { code, detail, .. } if words::is_for_all(code) => vec![line(detail)],
            KnownEvent::ConfigRejected { option, detail } => {
                vec![line(&format!("{option} was not changed: {detail}"))]
            }
            KnownEvent::TurnCancelRequested { by } if by != "stop" => vec![line(&format!("cancelling, asked by {by}"))],
            KnownEvent::SessionStopping { by, .. } => vec![line(&format!("being stopped by {by}"))],
            _ => Vec::new(),
        }
    }

    fn subject(&self, call: &ToolCall) -> String {
        tool::subject(call, &self.cwd, self.home.as_deref())
    }

    fn tool(&mut self, patch: &ToolCall, event: &SessionEvent) -> Option<String> {
        let call = self.tools.update(patch, event.at);
        if call.shown || call.ended.is_none() {
            return None;
        }
        call.shown = true;
        let call = call.clone();
        if call.rejected && !call.completed() {
            return None;
        }
        let mut facts = vec![if call.completed() { "done".to_owned() } else { "failed".to_owned() }];
        if let Some(code) = tool::exit_code(&call.call).filter(|code| *code != 0) {
            facts.push(format!("exit {code}"));
        }
        if let Some((added, removed)) = call.changes() {
            facts.push(format!("+{added} -{removed}"));
        }
        facts.push(words::took(call.took(event.at)));
        let verb = tool::verb(&call.call);
        Some(line(&format!("{verb} {}: {}", self.subject(&call.call), facts.join(", "))))
    }

    /// The last line.
    pub fn last(&self, facts: &Facts, end: &End, code: u8) -> String {
        let took = match (facts.since, facts.last_at) {
            (Some(from), Some(to)) => format!(" in {}", words::clock(tool::between(from, to))),
            _ => String::new(),
        };
        let tools = if facts.tools > 0 { format!(", {}", words::count(facts.tools, "tool")) } else { String::new() };
        let said = if code == exit::DONE { String::new() } else { format!(" (exit {code})") };
        let words = end.words(facts.rejected);
        line(&format!(
            "turn {words}{took}{tools}{said}; go on: convene prompt {} \"...\"; look: convene show {}",
            self.id, self.id
        ))
    }
}

/// What an agent asks for, as in "codex asks to run: git push".
pub fn asks(agent: &str, call: &ToolCall, cwd: &str, home: Option<&str>) -> String {
    let verb = match tool::verb(call) {
        "run" => "to run",
        "edit" => "to edit",
        "read" => "to read",
        "delete" => "to delete",
        "move" => "to move",
        "fetch" => "to fetch",
        "search" => "to search",
        _ => "for",
    };
    format!("{agent} asks {verb}: {}", tool::subject(call, cwd, home))
}

/// A line of ours on standard error.
pub fn line(text: &str) -> String {
    format!("convene: {}", clean_line(text))
}

//! A session in a terminal: rows that are appended once, streamed prose, and what the live row says.

mod live;
mod look;
mod tools;

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use convene_api::client::SessionEvent;
use convene_core::{
    content::{Channel, ContentBlock, PlanEntry, Role, ToolCall, plain_text},
    event::{Decision, EventBody, KnownEvent},
    ids::{MessageId, PermissionId, TurnId},
};
use jiff::Timestamp;

pub use look::{Amount, Look, Thoughts};

use super::{
    clean::{Cleaner, clean, clean_line},
    facts::Facts,
    markdown::Markdown,
    screen::Screen,
    style::{Paint, Style},
    tool::{self, Call, Tools},
    words,
};

/// A shorter thought is no row.
const THOUGHT_MIN: Duration = Duration::from_secs(1);

/// The view of a session.
#[derive(Debug)]
pub struct Transcript {
    look: Look,
    /// What is written, and the live row.
    pub screen: Screen,
    header: bool,
    version: Option<String>,
    speaking: Option<Speech>,
    thought: Option<(Timestamp, Timestamp)>,
    tools: Tools,
    requests: Vec<(PermissionId, ToolCall)>,
    plan: Option<String>,
    waiting: Option<String>,
    /// Prompts whose turn has not started, where prompts are shown.
    queued: HashMap<TurnId, String>,
    /// The turn that runs, where its end is told here.
    turn: Facts,
    /// Keys of commands that this process sent: what they caused was done "by you".
    mine: HashSet<String>,
    last_text: Option<Timestamp>,
    last_still: Option<Timestamp>,
    frame: usize,
}

#[derive(Debug)]
struct Speech {
    message: MessageId,
    channel: Channel,
    role: Role,
    cleaner: Cleaner,
    markdown: Markdown,
}

impl Transcript {
    /// A view that has shown nothing yet.
    pub fn new(look: Look, screen: Screen) -> Self {
        Self {
            look,
            screen,
            header: false,
            version: None,
            speaking: None,
            thought: None,
            tools: Tools::default(),
            requests: Vec::new(),
            plan: None,
            waiting: None,
            queued: HashMap::new(),
            turn: Facts::default(),
            mine: HashSet::new(),
            last_text: None,
            last_still: None,
            frame: 0,
        }
    }

    /// What this key causes was done by the person at this terminal.
    pub fn mine(&mut self, key: &str) {
        self.mine.insert(key.to_owned());
    }

    /// Takes in what is known of a session that is not shown from its beginning: its agent's version, and the prompts
    /// whose turns are still to come.
    pub fn begin(&mut self, version: Option<&str>, prompts: impl IntoIterator<Item = (TurnId, String)>) {
        self.version = version.map(clean_line).filter(|v| !v.is_empty());
        self.queued.extend(prompts);
    }

    /// Marks that a call's changes were shown with its question.
    pub fn diff_shown(&mut self, id: &str) {
        if let Some(call) = self.tools.get_mut(id) {
            call.diff_shown = true;
        }
    }

    /// Shows an event.
    pub fn event(&mut self, event: &SessionEvent) {
        let EventBody::Known(known) = &event.data.body else {
            if self.look.verbose {
                let tag = clean_line(event.data.tag());
                self.note(&format!("an event of a newer version: {tag}"));
            }
            return;
        };
        let by_me = event.data.command.as_deref().is_some_and(|key| self.mine.contains(key));
        self.before(known, event.at);
        if self.look.prompts {
            self.turns(known, event);
        }
        match known {
            KnownEvent::MessageAppended { message, role, channel, content } => {
                self.message(*message, *role, *channel, content, event.at);
            }
            KnownEvent::ToolCallUpdated { tool_call } => self.tool(tool_call, event.at),
            KnownEvent::PlanUpdated { entries } => self.plan(entries),
            KnownEvent::PermissionRequested { request, tool_call, .. } => {
                self.tools.update(tool_call, event.at);
                self.requests.push((*request, tool_call.clone()));
            }
            KnownEvent::PermissionDecided { request, decision, by, message, .. } => {
                let by = if by_me { "you" } else { by };
                self.decided(*request, *decision, by, message.as_deref(), event.at);
            }
            KnownEvent::TurnEnded { .. } => {
                self.turn_ended(event.at);
                self.turn_row();
            }
            known => self.rest(known, by_me),
        }
    }

    /// Ends what an event of another kind ends: an open message, a row of thought; prints the header first.
    fn before(&mut self, known: &KnownEvent, at: Timestamp) {
        let speech = match known {
            KnownEvent::MessageAppended { message, channel, .. } => Some((*message, *channel)),
            _ => None,
        };
        if let Some((_, Channel::Thought)) = speech {
            let (since, _) = self.thought.unwrap_or((at, at));
            self.thought = Some((since, at));
        }
        let shows = !matches!(
            known,
            KnownEvent::SessionCreated { .. }
                | KnownEvent::TurnQueued { .. }
                | KnownEvent::TurnStarted { .. }
                | KnownEvent::TurnHandedOver {}
                | KnownEvent::AttemptAssigned { .. }
                | KnownEvent::AttemptStarted { .. }
                | KnownEvent::WorkspaceReady { .. }
                | KnownEvent::AgentLaunched { .. }
                | KnownEvent::AgentInitialized { .. }
                | KnownEvent::ConfigUpdated { .. }
                | KnownEvent::AgentCommandsUpdated { .. }
                | KnownEvent::UsageUpdated { .. }
                | KnownEvent::SessionUpdated { .. }
        );
        if !shows {
            return;
        }
        self.head();
        let goes_on = match (&self.speaking, speech) {
            (Some(open), Some((message, channel))) => open.message == message && open.channel == channel,
            _ => false,
        };
        if !goes_on {
            self.end_speech();
        }
        if !matches!(speech, Some((_, Channel::Thought))) {
            self.end_thought(at);
        }
    }

    fn head(&mut self) {
        if self.header {
            return;
        }
        self.header = true;
        let dot = self.look.style.dot();
        let agent = match &self.version {
            Some(version) => format!("{} {version}", self.look.agent),
            None => self.look.agent.clone(),
        };
        let cwd = words::at_home(&self.look.cwd, self.look.home.as_deref());
        let permissions = &self.look.permissions;
        let row = format!("session {}{dot}{agent}{dot}{cwd}{dot}permissions {permissions}", self.look.id);
        self.screen.row(&self.look.style.paint(Paint::Dim, &clean_line(&row)));
    }

    fn message(&mut self, id: MessageId, role: Role, channel: Channel, content: &ContentBlock, at: Timestamp) {
        let hidden = match (role, channel) {
            (Role::User, _) => !self.look.prompts,
            (Role::Agent, Channel::Thought) => self.look.thoughts != Thoughts::Full,
            (Role::Agent, Channel::Answer) => false,
        };
        if hidden {
            return;
        }
        let Some(text) = content.as_text() else {
            self.end_speech();
            self.note(&format!("{} says something that is no text", self.look.agent));
            return;
        };
        if self.speaking.is_none() {
            self.screen.close_line();
            let style = if role == Role::Agent { self.look.style } else { Style { color: false, ..self.look.style } };
            let markdown = Markdown::new(style, self.screen.width());
            self.speaking = Some(Speech { message: id, channel, role, cleaner: Cleaner::default(), markdown });
            if channel == Channel::Thought {
                self.screen.text(self.look.style.on(Paint::Dim));
            }
        }
        let Some(speech) = &mut self.speaking else { return };
        let text = speech.cleaner.push(text);
        let mut out = String::new();
        speech.markdown.push(&text, &mut out);
        self.screen.text(&out);
        self.last_text = Some(at);
    }

    fn end_speech(&mut self) {
        let Some(mut speech) = self.speaking.take() else { return };
        let mut out = String::new();
        speech.markdown.finish(&mut out);
        self.screen.text(&out);
        if speech.role == Role::Agent && speech.channel == Channel::Thought {
            self.screen.text(self.look.style.off());
        }
        self.screen.close_line();
    }

    fn end_thought(&mut self, at: Timestamp) {
        let Some((since, _)) = self.thought.take() else { return };
        let took = tool::between(since, at);
        if self.look.thoughts == Thoughts::Folded && took >= THOUGHT_MIN {
            let took = words::seconds(took);
            self.sign_row("~", "note:", Paint::Dim, &format!("thought for {took}"));
        }
    }

    fn plan(&mut self, entries: &[PlanEntry]) {
        let is = |entry: &PlanEntry, status: &str| entry.status.as_deref() == Some(status);
        let done = entries.iter().filter(|e| is(e, "completed")).count();
        let now = entries.iter().find(|e| is(e, "in_progress")).map(|e| clean_line(&e.content));
        let row = match now {
            Some(now) => format!("plan {} of {}  {now}", done + 1, entries.len()),
            None if done == entries.len() && done > 0 => format!("plan {done} of {done}  done"),
            None => format!("plan of {}", words::count(entries.len(), "step")),
        };
        if !entries.is_empty() && self.plan.as_ref() != Some(&row) {
            self.sign_row("=", "plan:", Paint::Dim, &row);
            self.plan = Some(row);
        }
    }

    fn decided(&mut self, request: PermissionId, decision: Decision, by: &str, message: Option<&str>, at: Timestamp) {
        let place = self.requests.iter().position(|(id, _)| *id == request);
        let call = place.map(|i| self.requests.remove(i).1);
        let title = call.as_ref().map(|call| self.say(call).1).unwrap_or_default();
        if let Some(call) = call.as_ref().and_then(|c| self.tools.get_mut(&c.id)) {
            call.rejected = decision.is_rejection() || decision == Decision::Cancelled;
            // The person's time is not the tool's.
            call.since = at;
        }
        let word = decision_word(decision);
        // What the mode allows by itself is what was asked for.
        if by == "policy" && !decision.is_rejection() {
            return;
        }
        let is_timeout = by == "timeout";
        let by = match by {
            "policy" => format!("by permissions {}", self.look.permissions),
            "timeout" => format!("because {}", clean_line(message.unwrap_or("nobody answered in time"))),
            "cancel" | "stop" => "with the turn".to_owned(),
            by => format!("by {}", clean_line(by)),
        };
        // Why nobody decided is said already.
        let message = message.filter(|_| !is_timeout).map(|m| format!(" ({})", clean_line(m))).unwrap_or_default();
        let paint = if decision.is_rejection() { Paint::Bad } else { Paint::Dim };
        self.sign_row("-", "decided:", paint, &format!("{word} {by}: {title}{message}"));
    }

    /// A prompt is said when its turn starts, as it is then.
    fn turns(&mut self, known: &KnownEvent, event: &SessionEvent) {
        let Some(turn) = event.data.turn else { return };
        match known {
            KnownEvent::TurnQueued { content, .. } | KnownEvent::QueueEntryEdited { content } => {
                self.queued.insert(turn, plain_text(content));
            }
            KnownEvent::TurnStarted { .. } => {
                self.turn = Facts::of(Some(turn));
                if let Some(text) = self.queued.remove(&turn) {
                    self.prompt(&text);
                }
            }
            KnownEvent::QueueEntryDropped { .. } => drop(self.queued.remove(&turn)),
            _ => {}
        }
        self.turn.fold(event);
    }

    /// How a turn ended; `run` has a last line of its own for it.
    fn turn_row(&mut self) {
        let (true, Some(end)) = (self.look.turn_ends, &self.turn.end) else { return };
        let mut row = match self.turn.number {
            Some(number) => format!("turn {number} {}", end.words(self.turn.rejected)),
            None => format!("turn {}", end.words(self.turn.rejected)),
        };
        if let (Some(from), Some(to)) = (self.turn.since, self.turn.last_at) {
            row.push_str(&format!(" in {}", words::clock(tool::between(from, to))));
        }
        if let Some(failure) = end.failure() {
            row.push_str(&format!(": {}", clean_line(&failure.summary)));
        }
        self.note(&row);
    }

    fn turn_ended(&mut self, at: Timestamp) {
        self.tools.close(at);
        let open: Vec<Call> =
            self.tools.all().into_iter().filter(|c| !c.shown && c.call.title.is_some()).cloned().collect();
        for call in open {
            if let Some(call) = self.tools.get_mut(&call.call.id) {
                call.shown = true;
            }
            if !call.rejected && self.look.tools != Amount::None {
                let (verb, subject) = self.say(&call.call);
                self.two_part_row("-", "cut off:", Paint::Dim, &format!("{verb:<5} {subject}"), "cut off");
            }
        }
        self.requests.clear();
    }

    /// Events that are one row, or none.
    fn rest(&mut self, known: &KnownEvent, by_me: bool) {
        match known {
            KnownEvent::AgentInitialized { version, .. } => {
                self.version = Some(clean_line(version)).filter(|v| !v.is_empty());
                self.waiting = None;
            }
            KnownEvent::AttemptAssigned { .. } => self.waiting = None,
            KnownEvent::WorkspaceReady { workspace } if workspace.worktree_of.is_some() => {
                let branch =
                    workspace.branch.as_deref().map(|b| format!(", branch {}", clean_line(b))).unwrap_or_default();
                self.note(&format!("works in the worktree {}{branch}", clean_line(&workspace.cwd)));
            }
            KnownEvent::AgentSessionStarted { .. } => self.head(),
            KnownEvent::SessionWaiting { detail, .. } => {
                let detail = clean_line(detail);
                if self.waiting.as_ref() != Some(&detail) {
                    self.note(&format!("waiting: {detail}"));
                    self.waiting = Some(detail);
                }
            }
            KnownEvent::AttemptRefused { detail, .. } => self.note(&format!("not started: {}", clean_line(detail))),
            KnownEvent::AttemptEnded { exit, .. } if self.look.verbose => {
                let verified = if exit.verified { "no process is left" } else { "processes may be left" };
                let took = exit.step.map(|step| format!("{}; ", step.words())).unwrap_or_default();
                self.note(&format!("the attempt is over; {took}{verified}"));
            }
            KnownEvent::TurnRequeued {} => {
                self.note("the runner died before the prompt was handed over; it is sent again");
            }
            // That the session is stopped is said by an event of its own.
            KnownEvent::TurnCancelRequested { by } if !by_me && by != "stop" => {
                self.note(&format!("cancelled by {}", clean_line(by)));
            }
            KnownEvent::QueueEntryDropped { by } if !by_me => {
                self.note(&format!("taken out of the queue by {}", clean_line(by)));
            }
            KnownEvent::ConfigRejected { option, detail } => {
                self.note(&format!("{} was not changed: {}", clean_line(option), clean_line(detail)));
            }
            KnownEvent::AgentDiagnostic { code, detail } if self.look.verbose => {
                self.note(&format!("{}: {}", clean_line(code), clean_line(detail)));
            }
            KnownEvent::LogNote { code, detail, .. } if words::is_for_all(code) => self.note(&clean_line(detail)),
            KnownEvent::LogNote { code, detail, .. } if self.look.verbose => {
                self.note(&format!("{}: {}", clean_line(code), clean_line(detail)));
            }
            KnownEvent::ElicitationAnswered { action, by, .. } => {
                let by = if by_me { "you" } else { by };
                let word = match action.as_str() {
                    "accept" => "answered",
                    "decline" => "declined",
                    _ => "closed",
                };
                self.sign_row("-", "answered:", Paint::Dim, &format!("{word} by {}", clean_line(by)));
            }
            KnownEvent::SessionStopping { by, .. } if !by_me => {
                self.note(&format!("being stopped by {}", clean_line(by)));
            }
            KnownEvent::SessionStopped { detail, verified, step, .. } => {
                let detail = detail.as_deref().map(|d| format!(": {}", clean_line(d))).unwrap_or_default();
                let step = step.filter(|step| !step.is_polite());
                let took = step.map(|step| format!("; {}", step.words())).unwrap_or_default();
                let verified = if *verified { "" } else { "; not every process could be proved dead" };
                self.note(&format!("session stopped{detail}{took}{verified}"));
            }
            KnownEvent::AgentContextLost { detail, recap, .. } => {
                let told = if *recap > 0 { "; it gets a recap with the next prompt" } else { "" };
                self.note(&format!("context lost: {}{told}", clean_line(detail)));
            }
            KnownEvent::TurnInactive { silent, cancelled_in } => {
                let silent = words::span(*silent);
                let then = cancelled_in.map(|left| format!("; it is cancelled in {}", words::span(left)));
                self.note(&format!("nothing has come from the agent for {silent}{}", then.unwrap_or_default()));
            }
            KnownEvent::SessionUnhealthy { detail, .. } => self.note(&format!("not well: {}", clean_line(detail))),
            KnownEvent::SessionRecovered { reason } => self.note(words::well_again(*reason)),
            KnownEvent::SessionResumed { by } if !by_me => self.note(&format!("resumed by {}", clean_line(by))),
            KnownEvent::SessionHibernating { by } if !by_me => {
                self.note(&format!("going to sleep ({})", clean_line(by)));
            }
            KnownEvent::SessionKeptAwake { detail, .. } => {
                self.note(&format!("stays awake: {}", clean_line(detail)));
            }
            KnownEvent::SessionHibernated {} => self.note("session hibernated"),
            KnownEvent::SessionCleared { by } => {
                let by = if by_me { "you" } else { by };
                self.note(&format!("cleared by {}: the agent remembers nothing of what is above", clean_line(by)));
            }
            KnownEvent::SessionRewound { number, by, .. } => {
                let by = clean_line(if by_me { "you" } else { by });
                self.note(&format!(
                    "taken back by {by} to before turn {number}: the agent will know nothing of what came since"
                ));
            }
            KnownEvent::RepairCompleted { by, .. } => {
                self.note(&format!("log repaired by {}", clean_line(if by_me { "you" } else { by })));
            }
            KnownEvent::SessionArchived {} => self.note("session archived"),
            KnownEvent::SessionUnarchived {} => self.note("session back from the archive"),
            KnownEvent::SessionDeleted { .. } => self.note("session removed"),
            _ => {}
        }
    }

    fn prompt(&mut self, text: &str) {
        self.head();
        self.end_speech();
        for line in clean(text).lines() {
            let row = format!("> {line}");
            self.screen.row(&self.look.style.paint(Paint::Bold, row.trim_end()));
        }
    }

    fn note(&mut self, text: &str) {
        self.sign_row("~", "note:", Paint::Dim, text);
    }

    /// A row that begins with a sign, or with a word where signs are not wanted.
    pub fn sign_row(&mut self, sign: &str, word: &str, paint: Paint, text: &str) {
        let sign = if self.look.style.plain { word } else { sign };
        self.screen.row(&self.look.style.paint(paint, &format!("{sign} {text}")));
    }

    /// Ends the view: whatever is open is printed.
    pub fn finish(&mut self) {
        self.end_speech();
        for text in std::mem::take(&mut self.queued).into_values() {
            self.note(&format!("a prompt waits: {}", words::cut(&clean_line(&text), 60, self.look.style.ellipsis())));
        }
        self.screen.close_line();
        self.screen.live(None);
    }
}

/// A decision as people say it.
pub fn decision_word(decision: Decision) -> &'static str {
    match decision {
        Decision::AllowOnce => "allowed once",
        Decision::AllowAlways => "allowed always",
        Decision::RejectOnce => "rejected",
        Decision::RejectAlways => "rejected always",
        Decision::Other => "answered",
        Decision::Cancelled => "cancelled",
    }
}

#[cfg(test)]
#[path = "transcript_tests.rs"]
mod tests;

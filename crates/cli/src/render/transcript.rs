//! A session in a terminal: rows that are appended once, streamed prose, and what the live row says.

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

use super::{
    clean::{Cleaner, clean, clean_line},
    diff,
    facts::Facts,
    markdown::Markdown,
    screen::Screen,
    style::{Paint, Style},
    tool::{self, Call, Tools},
    words,
};

/// After so much silence an open line is closed and the live row returns.
const SILENCE: Duration = Duration::from_secs(5);
/// Without a live row, how often a sign of life is printed.
const STILL: Duration = Duration::from_secs(30);
/// A shorter thought is no row.
const THOUGHT_MIN: Duration = Duration::from_secs(1);
/// A line of output is cut after so many characters.
const LINE_MAX: usize = 500;
/// Where the right part of a row ends, unless the terminal is narrower.
const ROW_WIDTH: usize = 76;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Thoughts {
    /// One row with the seconds.
    Folded,
    /// All of them.
    Full,
    /// Not at all.
    None,
}

/// How much of tools or of diffs is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Amount {
    /// Bounded, with the command that shows the rest.
    Short,
    /// All of it.
    Full,
    /// Not at all.
    None,
}

/// What is shown, and of which session.
#[derive(Debug, Clone)]
pub struct Look {
    /// Colors and signs.
    pub style: Style,
    /// Thoughts.
    pub thoughts: Thoughts,
    /// Tool calls and their output.
    pub tools: Amount,
    /// Changes of files.
    pub diff: Amount,
    /// Last lines of a tool's output.
    pub tool_lines: usize,
    /// Lines of a file's change.
    pub diff_lines: usize,
    /// Whether prompts are shown: they are not, to the one who just typed them.
    pub prompts: bool,
    /// Whether a call has a row at its start where there is no live row; what is over needs none.
    pub started: bool,
    /// Whether diagnostics are shown.
    pub verbose: bool,
    /// The session's short id.
    pub id: String,
    /// Its agent.
    pub agent: String,
    /// Its directory.
    pub cwd: String,
    /// Who answers its permission requests.
    pub permissions: String,
    /// The person's home directory.
    pub home: Option<String>,
    /// Whether all tool calls of the session are seen, so that they can be counted.
    pub from_start: bool,
}

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

    fn tool(&mut self, patch: &ToolCall, at: Timestamp) {
        let new = self.tools.get_mut(&patch.id).is_none();
        let call = self.tools.update(patch, at).clone();
        if call.shown || self.look.tools == Amount::None {
            return;
        }
        if call.ended.is_some() {
            self.tool_row(&call);
        } else if new && self.look.started && !self.screen.has_live_row() && call.call.title.is_some() {
            let (verb, subject) = self.say(&call.call);
            self.sign_row("~", "started:", Paint::Dim, &format!("{verb:<5} {subject}"));
        }
    }

    fn say(&self, call: &ToolCall) -> (String, String) {
        (tool::verb(call).to_owned(), tool::subject(call, &self.look.cwd, self.look.home.as_deref()))
    }

    fn tool_row(&mut self, call: &Call) {
        if let Some(call) = self.tools.get_mut(&call.call.id) {
            call.shown = true;
        }
        // The rejection was a row already.
        if call.rejected && !call.completed() {
            return;
        }
        let (verb, subject) = self.say(&call.call);
        let changes = call.changes().map(|(a, r)| format!("  +{a} -{r}")).unwrap_or_default();
        let exit = tool::exit_code(&call.call).filter(|code| *code != 0).map(|code| format!("  exit {code}"));
        let took = call.ended.map(|at| words::took(call.took(at))).unwrap_or_default();
        let (sign, word, paint) =
            if call.completed() { ("+", "done:", Paint::Good) } else { ("x", "failed:", Paint::Bad) };
        let right = format!("{took}{}", exit.unwrap_or_default());
        self.two_part_row(sign, word, paint, &format!("{verb:<5} {subject}{changes}"), &right);
        if !call.diff_shown || !call.completed() {
            self.diffs(call);
        }
        let shows_output = !call.completed() || matches!(verb.as_str(), "run" | "tool");
        if shows_output && call.changes().is_none() {
            self.output(call);
        }
    }

    fn diffs(&mut self, call: &Call) {
        if self.look.diff == Amount::None {
            return;
        }
        let several = call.diffs().count() > 1;
        let limit = if self.look.diff == Amount::Full { usize::MAX } else { self.look.diff_lines };
        let drawn: Vec<(String, Vec<String>)> = call
            .diffs()
            .map(|(path, old, new)| {
                let path = clean_line(&words::path(path, &self.look.cwd, self.look.home.as_deref()));
                (path, diff::lines(old, new, self.look.style))
            })
            .collect();
        for (path, lines) in drawn {
            if several {
                self.screen.row(&format!("    {path}"));
            }
            for line in lines.iter().take(limit) {
                self.screen.row(&format!("    {line}"));
            }
            if lines.len() > limit {
                self.rest_row(lines.len() - limit, call);
            }
        }
    }

    fn output(&mut self, call: &Call) {
        let text = tool::output(&call.call);
        let lines: Vec<&str> = text.lines().collect();
        let start = lines.iter().position(|l| !l.trim().is_empty()).unwrap_or(lines.len());
        let end = lines.iter().rposition(|l| !l.trim().is_empty()).map_or(start, |i| i + 1);
        let lines = &lines[start..end];
        let last = self.look.tool_lines;
        let whole = self.look.tools == Amount::Full || lines.len() <= last + 2;
        let mut print = |line: &str| {
            let line = format!("    {}", words::cut_long(line, LINE_MAX));
            self.screen.row(&self.look.style.paint(Paint::Dim, line.trim_end()));
        };
        if whole {
            lines.iter().for_each(|line| print(line));
            return;
        }
        lines.iter().take(1).for_each(|line| print(line));
        self.rest_row(lines.len() - 1 - last, call);
        for line in &lines[lines.len() - last..] {
            let line = format!("    {}", words::cut_long(line, LINE_MAX));
            self.screen.row(&self.look.style.paint(Paint::Dim, line.trim_end()));
        }
    }

    fn rest_row(&mut self, left: usize, call: &Call) {
        let which = if self.look.from_start { call.number.to_string() } else { clean_line(&call.call.id) };
        let row =
            format!("    ... {} not shown: convene show {} --tool {which}", words::count(left, "line"), self.look.id);
        self.screen.row(&self.look.style.paint(Paint::Dim, &row));
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
        let by = match by {
            "policy" => format!("by permissions {}", self.look.permissions),
            "timeout" => "because nobody answered in time".to_owned(),
            "cancel" => "with the turn".to_owned(),
            by => format!("by {}", clean_line(by)),
        };
        let message = message.map(|m| format!(" ({})", clean_line(m))).unwrap_or_default();
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
        let (true, Some(end)) = (self.look.prompts, &self.turn.end) else { return };
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
            KnownEvent::AgentSessionStarted { .. } => self.head(),
            KnownEvent::SessionWaiting { detail, .. } => {
                let detail = clean_line(detail);
                if self.waiting.as_ref() != Some(&detail) {
                    self.note(&format!("waiting: {detail}"));
                    self.waiting = Some(detail);
                }
            }
            KnownEvent::AttemptRefused { detail, .. } => self.note(&format!("not started: {}", clean_line(detail))),
            KnownEvent::AttemptEnded { exit } if self.look.verbose => {
                let verified = if exit.verified { "no process is left" } else { "processes may be left" };
                self.note(&format!("the attempt is over; {verified}"));
            }
            KnownEvent::TurnRequeued {} => {
                self.note("the runner died before the prompt was handed over; it is sent again");
            }
            KnownEvent::TurnCancelRequested { by } if !by_me => self.note(&format!("cancelled by {}", clean_line(by))),
            KnownEvent::QueueEntryDropped { by } if !by_me => {
                self.note(&format!("taken out of the queue by {}", clean_line(by)));
            }
            KnownEvent::ConfigRejected { option, detail } => {
                self.note(&format!("{} was not changed: {}", clean_line(option), clean_line(detail)));
            }
            KnownEvent::AgentDiagnostic { code, detail } if self.look.verbose => {
                self.note(&format!("{}: {}", clean_line(code), clean_line(detail)));
            }
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
            KnownEvent::SessionStopped { detail, verified, .. } => {
                let detail = detail.as_deref().map(|d| format!(": {}", clean_line(d))).unwrap_or_default();
                let verified = if *verified { "" } else { "; not every process could be proved dead" };
                self.note(&format!("session stopped{detail}{verified}"));
            }
            KnownEvent::SessionHibernated {} => self.note("session hibernated"),
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

    fn two_part_row(&mut self, sign: &str, word: &str, paint: Paint, left: &str, right: &str) {
        let style = self.look.style;
        let sign = if style.plain { word } else { sign };
        let end = ROW_WIDTH.min(self.screen.width().saturating_sub(1));
        let used = words::width(sign) + 1 + words::width(left) + words::width(right);
        let gap = " ".repeat(end.saturating_sub(used).max(2));
        let right = style.paint(Paint::Dim, right);
        self.screen.row(&format!("{} {left}{gap}{right}", style.paint(paint, sign)));
    }

    /// Moves time on: closes a line that has been silent, renews the live row.
    pub fn tick(&mut self, facts: &Facts, extra: Option<String>, now: Timestamp) {
        if self.screen.line_open() && self.last_text.is_some_and(|at| tool::between(at, now) >= SILENCE) {
            self.screen.close_line();
        }
        self.frame = self.frame.wrapping_add(1);
        if self.screen.has_live_row() {
            let row = extra.unwrap_or_else(|| self.live_row(facts, now));
            self.screen.live(Some(row));
        } else if extra.is_none() {
            let since = *self.last_still.get_or_insert(now);
            if tool::between(since, now) >= STILL {
                self.last_still = Some(now);
                let elapsed = facts.since.map(|at| words::clock(tool::between(at, now))).unwrap_or_default();
                self.screen.row(&format!("still running {elapsed}: {}", self.doing(now)));
            }
        }
    }

    /// What goes on, in a few words.
    fn doing(&self, now: Timestamp) -> String {
        let open = self.tools.open();
        if let Some(last) = open.last() {
            let (verb, subject) = self.say(&last.call);
            let verb = if verb == "run" { String::new() } else { format!("{verb} ") };
            let more = if open.len() > 1 { format!(" and {} more", open.len() - 1) } else { String::new() };
            return format!("{verb}{subject} {}{more}", words::seconds(last.took(now)));
        }
        if let Some((since, _)) = self.thought {
            return format!("thinking {}", words::seconds(tool::between(since, now)));
        }
        match (&self.waiting, &self.version) {
            (Some(why), _) => format!("waiting: {why}"),
            (None, None) => format!("starting {}", self.look.agent),
            (None, Some(_)) => format!("{} is working", self.look.agent),
        }
    }

    fn live_row(&self, facts: &Facts, now: Timestamp) -> String {
        let style = self.look.style;
        let frames = style.spinner();
        let mut parts = vec![format!("{} {}", frames[self.frame % frames.len()], self.doing(now))];
        if facts.tools > 0 {
            parts.push(words::count(facts.tools, "tool"));
        }
        if let Some(tokens) = facts.tokens() {
            parts.push(format!("{} tokens", words::tokens(tokens)));
        }
        if let Some(since) = facts.since {
            parts.push(words::clock(tool::between(since, now)));
        }
        parts.push("Ctrl-C cancels".to_owned());
        parts.join(style.dot())
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

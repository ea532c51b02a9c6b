//! Asks the person at the terminal: one question at a time, oldest first, typed answers only.

use std::time::Duration;

use convene_api::body::{AnswerElicitation, DecisionInput};
use convene_core::{
    content::{PermissionOption, ToolCall},
    ids::{ElicitationId, PermissionId},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    elicitation::{Form, Step},
    view::View,
};
use crate::{
    app::now,
    render::{
        clean::clean_line,
        piped,
        question::{Place, Question, Reply, short_request},
        screen::Screen,
        style::{Paint, Style},
        tool,
        transcript::Look,
        words,
    },
    terminal::{self, Keys},
};

/// A request that a policy answers is answered in the same commit; a question is asked only if it stays open.
const SETTLE: Duration = Duration::from_millis(50);
/// What is typed in a question's first moments was meant for something else.
const DEAF: Duration = Duration::from_millis(500);

/// The questions of a session.
pub struct Asker {
    waiting: Vec<Waiting>,
    open: Option<Open>,
    typed: String,
    changed: bool,
    caught_up: bool,
    /// Whether somebody is there.
    present: bool,
    /// Whether what nobody can answer is rejected at once.
    rejects: bool,
    bell: bool,
    /// How long a permission request waits; none waits for ever.
    patience: Option<SignedDuration>,
    id: String,
    agent: String,
    cwd: String,
    home: Option<String>,
    style: Style,
}

struct Waiting {
    what: What,
    since: Instant,
    told: bool,
}

enum What {
    Permission { request: PermissionId, call: ToolCall, options: Vec<PermissionOption>, at: Timestamp },
    Elicitation { request: ElicitationId, message: String, params: Value },
}

struct Open {
    kind: Kind,
    since: Instant,
    expires: Option<Timestamp>,
    sent: bool,
}

enum Kind {
    Permission(Box<Question>),
    Elicitation(Box<Form>),
}

/// What the person wants.
pub enum Wish {
    /// Nothing yet.
    Nothing,
    /// To leave.
    Leave,
    /// An option of a permission request.
    Decide {
        /// The request.
        request: PermissionId,
        /// The option's id.
        option: String,
    },
    /// An answer to a question.
    Answer {
        /// The question.
        request: ElicitationId,
        /// The answer.
        body: AnswerElicitation,
    },
}

impl Asker {
    /// An asker that has nothing to ask.
    pub fn new(look: &Look, present: bool, rejects: bool, bell: bool, ask_timeout: u64) -> Self {
        let seconds = i64::try_from(ask_timeout).unwrap_or(i64::MAX);
        Self {
            patience: (seconds > 0).then(|| SignedDuration::from_secs(seconds)),
            waiting: Vec::new(),
            open: None,
            typed: String::new(),
            changed: false,
            caught_up: false,
            present,
            rejects,
            bell,
            id: look.id.clone(),
            agent: look.agent.clone(),
            cwd: look.cwd.clone(),
            home: look.home.clone(),
            style: look.style,
        }
    }

    /// Where the agent works: another place than it was told, if it has a worktree.
    pub fn works_in(&mut self, cwd: &str) {
        cwd.clone_into(&mut self.cwd);
    }

    /// The past is over: what is open now is really open.
    pub fn caught_up(&mut self) {
        self.caught_up = true;
    }

    /// A permission request came.
    pub fn requested(&mut self, request: PermissionId, call: &ToolCall, options: &[PermissionOption], at: Timestamp) {
        let what = What::Permission { request, call: call.clone(), options: options.to_vec(), at };
        self.waiting.push(Waiting { what, since: Instant::now(), told: false });
    }

    /// A question came.
    pub fn elicited(&mut self, request: ElicitationId, message: &str, params: &Value) {
        let what = What::Elicitation { request, message: message.to_owned(), params: params.clone() };
        self.waiting.push(Waiting { what, since: Instant::now(), told: false });
    }

    /// A permission request has its answer; tells whether it was the open one.
    pub fn decided(&mut self, request: PermissionId) -> bool {
        self.waiting.retain(|w| !matches!(&w.what, What::Permission { request: r, .. } if *r == request));
        self.close(|kind| matches!(kind, Kind::Permission(q) if q.request == request))
    }

    /// A question has its answer; tells whether it was the open one.
    pub fn answered(&mut self, request: ElicitationId) -> bool {
        self.waiting.retain(|w| !matches!(&w.what, What::Elicitation { request: r, .. } if *r == request));
        self.close(|kind| matches!(kind, Kind::Elicitation(form) if form.request == request))
    }

    fn close(&mut self, is: impl Fn(&Kind) -> bool) -> bool {
        let closes = self.open.as_ref().is_some_and(|open| is(&open.kind));
        if closes {
            self.open = None;
            self.typed.clear();
            self.changed = true;
        }
        closes
    }

    /// An answer was refused: the same question is open again.
    pub fn again(&mut self) {
        if let Some(open) = &mut self.open {
            open.sent = false;
            self.changed = true;
        }
    }

    /// Takes back what was typed; tells whether there was something.
    pub fn clear_typed(&mut self) -> bool {
        let was = !self.typed.is_empty();
        self.typed.clear();
        self.changed |= was;
        was
    }

    /// Whether a question is open.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether the input row is another one since the last look.
    pub fn changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// When the next question is due.
    pub fn opens_at(&self) -> Option<Instant> {
        if !self.caught_up || self.open.is_some() {
            return None;
        }
        self.waiting.iter().find(|w| !w.told).map(|w| w.since + SETTLE)
    }

    /// Opens the oldest question that is due. Where nobody can answer, says so; what is to be rejected is handed back.
    pub fn open_due(
        &mut self,
        keys: Option<&Keys>,
        view: &mut View,
        now: Timestamp,
    ) -> Vec<(PermissionId, DecisionInput)> {
        let mut rejected = Vec::new();
        if self.opens_at().is_none_or(|at| Instant::now() < at) {
            return rejected;
        }
        if self.present {
            self.open_first(keys, view, now);
            return rejected;
        }
        let settled = Instant::now();
        for waiting in self.waiting.iter_mut().filter(|w| !w.told && settled >= w.since + SETTLE) {
            waiting.told = true;
            match &waiting.what {
                What::Permission { request, call, at, .. } => {
                    if self.rejects {
                        rejected.push((*request, DecisionInput::RejectOnce));
                    }
                    let asks = piped::asks(&self.agent, call, &self.cwd, self.home.as_deref());
                    let row = if self.rejects {
                        format!(
                            "{asks}. Nobody can answer here: rejected [permission_unanswered]. \
                             Use --permissions reads|all, or --ask wait"
                        )
                    } else {
                        let (id, request) = (&self.id, short_request(*request));
                        let left = expires(*at, self.patience)
                            .map(|at| format!(" (rejects in {})", words::clock(tool::between(now, at))));
                        format!("{asks}. Answer: convene approve {id} {request}{}", left.unwrap_or_default())
                    };
                    let row = piped::line(&row);
                    view.screen().row(&row);
                }
                What::Elicitation { message, .. } => {
                    let message = clean_line(message);
                    let row = format!("{} asks: {message}. Nobody can answer here; the dashboard can", self.agent);
                    view.screen().row(&piped::line(&row));
                }
            }
        }
        rejected
    }

    fn open_first(&mut self, keys: Option<&Keys>, view: &mut View, now: Timestamp) {
        let of = self.waiting.len();
        let Some(waiting) = self.waiting.first_mut() else { return };
        waiting.told = true;
        let place = Place { cwd: &self.cwd, home: self.home.as_deref() };
        let (kind, expires, rows) = match &waiting.what {
            What::Permission { request, call, options, at } => {
                let mut question = Question::new(*request, call, options, self.style, place);
                let also = format!("(also: convene approve {})", self.id);
                let mut rows = question.opening(self.style, &self.agent, &also);
                rows.push(question.choices(self.style, place, 1, of));
                if question.shows_diff() {
                    view.diff_shown(&call.id);
                }
                (Kind::Permission(Box::new(question)), expires(*at, self.patience), rows)
            }
            What::Elicitation { request, message, params } => {
                let form = Form::new(*request, params);
                let sign = if self.style.plain { "asks:" } else { "?" };
                let head = format!("{sign} {} asks: {}", clean_line(&self.agent), clean_line(message));
                let mut rows = vec![self.style.paint(Paint::Ask, &head)];
                rows.extend(form.opening());
                (Kind::Elicitation(Box::new(form)), None, rows)
            }
        };
        let screen = view.screen();
        rows.iter().for_each(|row| screen.row(row));
        if self.bell {
            screen.bell();
        }
        if let Some(keys) = keys {
            keys.forget_typed();
        }
        self.typed.clear();
        self.open = Some(Open { kind, since: Instant::now(), expires, sent: false });
        self.changed = true;
        self.prompt_in_line(view.screen(), now);
    }

    /// Without a live row the question stands in the line in which the terminal echoes the answer.
    fn prompt_in_line(&self, screen: &mut Screen, now: Timestamp) {
        if !screen.has_live_row()
            && let Some(row) = self.input_row(now)
        {
            screen.text(&row);
        }
    }

    /// The row in which the answer is typed, if a question is open.
    pub fn input_row(&self, now: Timestamp) -> Option<String> {
        let open = self.open.as_ref()?;
        if open.sent {
            return Some("  sending the answer".to_owned());
        }
        Some(match &open.kind {
            Kind::Permission(question) => {
                let left = open.expires.map(|at| tool::between(now, at));
                let row = question.input_row(self.style, left, &self.typed);
                // What is typed stands at the end, and must be seen.
                if words::width(&row) < terminal::width() { row } else { question.short_input_row(&self.typed) }
            }
            Kind::Elicitation(form) => form.input_row(&self.typed),
        })
    }

    /// Takes in keys.
    pub fn typed(&mut self, bytes: &[u8], single: bool, screen: &mut Screen) -> Wish {
        if bytes.is_empty() {
            return if self.typed.is_empty() { Wish::Leave } else { Wish::Nothing };
        }
        let deaf = self.open.as_ref().is_some_and(|open| open.since.elapsed() < DEAF || open.sent);
        let text = String::from_utf8_lossy(bytes);
        for c in text.chars() {
            match c {
                '\x04' if self.typed.is_empty() => return Wish::Leave,
                // An escape sequence is no answer; nor is what comes with it.
                '\x1b' => break,
                _ if self.open.is_none() || deaf => {}
                '\r' | '\n' => {
                    if !single {
                        screen.line_was_closed();
                    }
                    return self.submit(screen);
                }
                '\x7f' | '\x08' => drop(self.typed.pop()),
                '\x15' => self.typed.clear(),
                c if c.is_control() => {}
                c => self.typed.push(c),
            }
            self.changed = true;
        }
        Wish::Nothing
    }

    fn submit(&mut self, screen: &mut Screen) -> Wish {
        let typed = std::mem::take(&mut self.typed);
        self.changed = true;
        let Some(open) = &mut self.open else { return Wish::Nothing };
        let wish = match &mut open.kind {
            Kind::Permission(question) => match question.reply(&typed) {
                Reply::Choose(option) => Wish::Decide { request: question.request, option: option.id },
                Reply::Details => {
                    question.more_or_details().iter().for_each(|row| screen.row(row));
                    Wish::Nothing
                }
                Reply::Nothing => Wish::Nothing,
                Reply::Unclear(why) => {
                    screen.row(&format!("  {why}"));
                    Wish::Nothing
                }
            },
            Kind::Elicitation(form) => match form.typed(&typed) {
                Step::Next => Wish::Nothing,
                Step::Unclear(why) => {
                    screen.row(&format!("  {why}"));
                    Wish::Nothing
                }
                Step::Answer(body) => Wish::Answer { request: form.request, body },
            },
        };
        match wish {
            Wish::Decide { .. } | Wish::Answer { .. } => open.sent = true,
            Wish::Nothing | Wish::Leave => self.prompt_in_line(screen, now()),
        }
        wish
    }
}

/// When a request of that time is rejected.
fn expires(at: Timestamp, patience: Option<SignedDuration>) -> Option<Timestamp> {
    patience.map(|patience| at.saturating_add(patience).unwrap_or(Timestamp::MAX))
}

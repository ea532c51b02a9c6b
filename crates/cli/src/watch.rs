//! Watches a turn to its end: events in, a view out, keys and signals on the way.
//!
//! One place waits (`next`), one place thinks (`handle`), and nothing is awaited while the state changes.

mod action;
mod asker;
mod elicitation;
mod line;
mod sign_in;
mod signals;
mod typing;
mod view;

use std::time::Duration;

use convene_api::{
    client::{Client, ClientError, EventStream, SessionEvent, StreamItem},
    exit,
    problem::{Code, Problem},
};
use convene_core::{
    event::{EventBody, KnownEvent},
    ids::TurnId,
    view::SessionView,
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::{Instant, sleep_until};

use crate::{
    app::{App, now},
    failure::{self, Failure, Outcome, Report},
    render::{facts::Facts, screen::LiveRow, transcript::Look, words},
    terminal::{self, Keys},
    turn,
};
use action::{Action, Done};
use asker::Asker;
pub use line::Attach;
use line::Line;
use sign_in::SignIn;
use signals::{Signal, Signals};
use view::View;

/// At most so many writes a second to a terminal.
const WRITE_PAUSE: Duration = Duration::from_millis(34);
/// How often the live row moves.
const ANIMATION: Duration = Duration::from_millis(250);
/// After SIGTERM the turn has so long to end.
const TERM_PATIENCE: Duration = Duration::from_secs(5);
/// From when on an absent server is mentioned.
const AWAY_SHOWN: Duration = Duration::from_secs(2);

/// What is watched, and how.
pub struct Plan {
    /// The session as it is now.
    pub session: SessionView,
    /// Events after this one are shown.
    pub after: u64,
    /// The turn; none is the first that is queued.
    pub turn: Option<TurnId>,
    /// What is shown.
    pub look: Look,
    /// What happens when nobody can answer a question.
    pub ask: Ask,
    /// Whether the answer alone goes to standard output.
    pub how: How,
    /// Whether it goes on after the turn, and prompts are typed in it.
    pub attach: Option<Attach>,
}

/// What happens when nobody can answer a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Ask {
    /// It waits for a second terminal, the dashboard or its timeout.
    Wait,
    /// It is rejected at once.
    Reject,
}

/// Where the turn is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// On a terminal, as it happens.
    Terminal,
    /// The answer at the end, progress on standard error.
    Piped,
    /// The stored events.
    Json,
}

/// What happened.
enum Input {
    Stream(Result<StreamItem, ClientError>),
    Keys(std::io::Result<Vec<u8>>),
    Signal(Signal),
    Done(Done),
    Tick,
}

/// Somebody wants the turn to end.
#[derive(Debug, Clone, Copy)]
struct Ending {
    code: u8,
    deadline: Option<Instant>,
}

struct Watch<'a> {
    app: &'a App,
    client: Client,
    session: SessionView,
    stream: EventStream,
    facts: Facts,
    view: View,
    asker: Asker,
    sign_in: SignIn,
    line: Option<Line>,
    keys: Option<Keys>,
    signals: Signals,
    /// Requests on their way; a person answers one question at a time, so there are few.
    actions: FuturesUnordered<Action>,
    ending: Option<Ending>,
    /// Whether the server has taken the cancel.
    cancel_taken: bool,
    caught_up: bool,
    away: Option<Instant>,
    away_told: bool,
    written: Instant,
    animated: Instant,
}

/// Watches until the turn ends, somebody leaves, or the server is gone for good.
///
/// # Errors
/// If the stream cannot go on, or the reader of standard output went away.
pub async fn watch(app: &App, client: &Client, plan: Plan) -> Outcome {
    let signals = Signals::install()
        .map_err(|error| Failure::new(Code::Internal, format!("the system takes no signal handlers: {error}")))?;
    let settings = app.out.settings();
    let shown = if plan.how == How::Terminal { settings.terminal } else { settings.stderr_terminal };
    let live = shown && settings.live && terminal::in_foreground();
    let mut line = Line::of(&plan, app.style());
    let wanted = app.may_ask() && settings.stderr_terminal && (line.is_none() || plan.how == How::Terminal && shown);
    let keys = if wanted { Keys::open(live) } else { None };
    if let Some(line) = &mut line {
        line.read_only |= keys.is_none();
    }
    let present = keys.is_some() && line.as_ref().is_none_or(|line| !line.read_only);
    // Who only looks decides for nobody.
    let rejects = line.is_none() && (plan.ask == Ask::Reject || !app.may_ask());
    let bell = app.config.permissions.bell;
    let asker = Asker::new(&plan.look, present, rejects, bell, plan.session.ask_timeout);
    let stream = client.follow(plan.session.id, plan.after);
    let view = View::new(app, &plan, live);
    let mut watch = Watch {
        app,
        client: client.clone(),
        session: plan.session,
        stream,
        facts: Facts::of(plan.turn),
        view,
        asker,
        sign_in: SignIn::new(),
        line,
        keys,
        signals,
        actions: FuturesUnordered::new(),
        ending: None,
        cancel_taken: false,
        caught_up: false,
        away: None,
        away_told: false,
        written: Instant::now() - WRITE_PAUSE,
        animated: Instant::now() - ANIMATION,
    };
    let result = watch.run().await;
    // Whatever the end, the terminal is left with a finished line and no live row.
    let left = watch.view.leave();
    let code = result?;
    left.map(|()| code)
}

impl Watch<'_> {
    async fn run(&mut self) -> Outcome {
        loop {
            self.draw()?;
            let input = self.next().await;
            if let Some(code) = self.handle(input)? {
                return Ok(code);
            }
        }
    }

    /// Waits for the next thing; all the waiting there is.
    async fn next(&mut self) -> Input {
        let wake = self.wake_at();
        tokio::select! {
            biased;
            signal = self.signals.next() => Input::Signal(signal),
            Some(done) = self.actions.next(), if !self.actions.is_empty() => Input::Done(done),
            keys = read_keys(self.keys.as_ref()) => Input::Keys(keys),
            () = sleep_until(wake) => Input::Tick,
            item = self.stream.next() => Input::Stream(item),
        }
    }

    fn wake_at(&self) -> Instant {
        let mut wake = self.animated + ANIMATION;
        if self.view.dirty() {
            wake = wake.min(self.written + WRITE_PAUSE);
        }
        if let Some(opens) = self.asker.opens_at() {
            wake = wake.min(opens);
        }
        if let Some(deadline) = self.ending.and_then(|e| e.deadline) {
            wake = wake.min(deadline);
        }
        wake
    }

    /// Thinks; nothing is awaited here.
    fn handle(&mut self, input: Input) -> Result<Option<u8>, Failure> {
        match input {
            Input::Stream(Ok(StreamItem::Event(event))) => {
                self.back();
                self.event(&event)
            }
            Input::Stream(Ok(StreamItem::CaughtUp)) => {
                self.back();
                self.asker.caught_up();
                Ok(self.nothing_to_wait_for())
            }
            Input::Stream(Ok(StreamItem::Away { .. })) => self.gone_away(),
            Input::Stream(Err(error)) => Err(error.into()),
            Input::Keys(Ok(bytes)) => self.typed(&bytes),
            Input::Keys(Err(_)) => {
                // The terminal is lost; SIGHUP says so too, if it is gone for good.
                self.keys = None;
                Ok(None)
            }
            Input::Signal(signal) => self.signal(signal),
            Input::Done(done) => self.done(done),
            Input::Tick => self.tick(),
        }
    }

    fn event(&mut self, event: &SessionEvent) -> Result<Option<u8>, Failure> {
        self.follow_turns(event);
        self.facts.fold(event);
        self.view.event(event)?;
        if let EventBody::Known(known) = &event.data.body {
            match known {
                KnownEvent::PermissionRequested { request, tool_call, options } => {
                    self.asker.requested(*request, tool_call, options, event.at);
                }
                KnownEvent::PermissionDecided { request, .. } => {
                    let open = self.asker.decided(*request);
                    self.view.question_closed(open);
                }
                KnownEvent::WorkspaceReady { workspace } => self.asker.works_in(&workspace.cwd),
                KnownEvent::ElicitationRequested { request, message, params } => {
                    self.asker.elicited(*request, message, params);
                }
                KnownEvent::ElicitationAnswered { request, .. } => {
                    let open = self.asker.answered(*request);
                    self.view.question_closed(open);
                }
                _ => self.on_sign_in(known, event.data.turn.is_some()),
            }
        }
        if self.facts.end.is_none() || !self.ends_with_turn() {
            return Ok(self.removed(event));
        }
        self.ended().map(Some)
    }

    /// The turn is over: the answer, what went wrong, the last line.
    fn ended(&mut self) -> Outcome {
        let Some(end) = self.facts.end.clone() else { return Ok(exit::BUG) };
        self.view.finish(&self.facts)?;
        let code = self.ending.map_or_else(|| end.exit_code(self.facts.rejected), |ending| ending.code);
        let how =
            if self.app.json { Report::Json } else { Report::Text { color: self.app.out.settings().stderr_color } };
        if let Some(problem) = turn::problem_of(&end, &self.session.short_id) {
            self.app.out.note(failure::text_of_end(&problem, how, code).trim_end());
        }
        self.view.last_line(&self.facts, &end, code)?;
        Ok(code)
    }

    fn signal(&mut self, signal: Signal) -> Result<Option<u8>, Failure> {
        match signal {
            Signal::Interrupt if self.clear_typed() => Ok(None),
            Signal::Interrupt if self.only_looks() => {
                self.detach()?;
                Ok(Some(exit::INTERRUPTED))
            }
            Signal::Terminate if self.only_looks() => {
                self.detach()?;
                Ok(Some(exit::TERMINATED))
            }
            Signal::Interrupt if self.ending.is_some() => {
                self.detach()?;
                Ok(Some(exit::INTERRUPTED))
            }
            Signal::Interrupt => {
                self.cancel(Ending { code: exit::INTERRUPTED, deadline: None });
                Ok(None)
            }
            Signal::Terminate => {
                self.cancel(Ending { code: exit::TERMINATED, deadline: Some(Instant::now() + TERM_PATIENCE) });
                Ok(None)
            }
            Signal::HangUp => Ok(Some(exit::READER_GONE)),
            Signal::Suspend => {
                self.view.pause()?;
                if let Some(keys) = &self.keys {
                    keys.give_back();
                }
                signals::stop_self();
                // Here the shell has brought us back.
                if let Some(keys) = &self.keys {
                    keys.take_again();
                }
                self.view.resize(terminal::width());
                Ok(None)
            }
            Signal::Resize => {
                self.view.resize(terminal::width());
                Ok(None)
            }
        }
    }

    fn cancel(&mut self, ending: Ending) {
        let first = self.ending.is_none();
        self.ending = Some(ending);
        if first {
            let key = self.view.new_key();
            self.actions.push(action::cancel(self.client.clone(), self.session.id, self.facts.turn, key));
            self.view.say("cancelling; Ctrl-C again leaves it to finish alone");
        }
    }

    fn done(&mut self, done: Done) -> Result<Option<u8>, Failure> {
        match done {
            Done::Fine => {
                self.answered();
                Ok(None)
            }
            Done::Cancelling => {
                self.cancel_taken = true;
                self.answered();
                Ok(None)
            }
            Done::Said(rows) => {
                self.answered();
                rows.iter().for_each(|row| self.view.say(row));
                Ok(None)
            }
            Done::NotTaken { problem, typed } => {
                self.answered();
                self.not_taken(&problem, &typed);
                Ok(None)
            }
            // Somebody was faster; the event says who.
            Done::Refused { problem, .. } if problem.code == Code::PermissionAlreadyDecided => Ok(None),
            Done::Refused { problem, retry } => {
                self.view.say(&format!("{}: {}", problem.code.as_str(), problem.detail));
                if retry {
                    self.asker.again();
                } else if self.ending.is_some() && problem.code != Code::NothingRunning {
                    return Err(problem.into());
                }
                Ok(None)
            }
        }
    }

    fn tick(&mut self) -> Result<Option<u8>, Failure> {
        if self.ending.and_then(|e| e.deadline).is_some_and(|deadline| Instant::now() >= deadline) {
            self.detach()?;
            return Ok(Some(exit::TERMINATED));
        }
        Ok(None)
    }

    fn gone_away(&mut self) -> Result<Option<u8>, Failure> {
        let since = *self.away.get_or_insert_with(Instant::now);
        if since.elapsed() > self.app.config.client.reconnect_timeout {
            let addr = self.client.endpoint().to_string();
            return Err(Problem::filled(Code::ServerUnreachable, [("addr", addr.into())]).into());
        }
        Ok(None)
    }

    fn back(&mut self) {
        if self.away_told && !self.view.is_live() {
            self.view.say("the server is back");
        }
        self.away = None;
        self.away_told = false;
    }

    fn detach(&mut self) -> Result<(), Failure> {
        let id = &self.session.short_id;
        self.view.pause()?;
        self.app.out.note(&match &self.line {
            Some(line) if !line.busy => format!("left session {id}, which is idle. Back: convene attach {id}"),
            Some(_) => format!("left session {id}; it goes on by itself. Back: convene attach {id}"),
            None if self.ending.is_none() => {
                format!("left session {id}; it goes on by itself. Look: convene logs -f {id}")
            }
            None if self.cancel_taken => {
                format!("left session {id}; its turn is being cancelled. Look: convene logs -f {id}")
            }
            None => format!(
                "left session {id}; the cancel may not have reached the server. Look: convene show {id}, \
                 and cancel: convene cancel {id}"
            ),
        });
        Ok(())
    }

    /// Opens a question that is due, renews the live row, and writes what is to be written, not too often.
    fn draw(&mut self) -> Result<(), Failure> {
        let now_ = Instant::now();
        for (request, decision) in self.asker.open_due(self.keys.as_ref(), &mut self.view, now()) {
            let key = self.view.new_key();
            let action = action::reject(self.client.clone(), self.session.id, request, decision, key);
            self.actions.push(action);
        }
        let away = self.away.map(|since| since.elapsed()).filter(|away| *away >= AWAY_SHOWN);
        if away.is_some() && !self.away_told {
            self.away_told = true;
            if !self.view.is_live() {
                self.view.say("the server is away; the agent goes on");
            }
        }
        if now_ >= self.animated + ANIMATION || self.asker.changed() || self.typing_changed() {
            self.animated = now_;
            let extra = match (self.asker.input_row(now()), away) {
                (Some(row), _) => Some(LiveRow::Text(row)),
                (None, Some(away)) if !self.is_typing() => {
                    Some(LiveRow::Text(format!("server away {}, the agent goes on", words::seconds(away))))
                }
                (None, _) => self.typing_row(),
            };
            let hold = self.asker.is_open() || self.is_typing();
            let live = self.view.is_live();
            self.view.screen().hold(hold && live);
            self.view.tick(&self.facts, extra, self.ending.is_some(), now());
        }
        self.prompt_in_line();
        if self.view.dirty() && now_ >= self.written + WRITE_PAUSE {
            self.written = now_;
            self.view.write()?;
        }
        Ok(())
    }
}

async fn read_keys(keys: Option<&Keys>) -> std::io::Result<Vec<u8>> {
    match keys {
        Some(keys) => keys.read().await,
        None => std::future::pending().await,
    }
}

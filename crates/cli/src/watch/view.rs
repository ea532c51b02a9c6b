//! The three views of a turn: on a terminal, in a pipe, as JSON.

use std::io::{self, Write as _};

use convene_api::client::{CommandKey, SessionEvent};
use jiff::Timestamp;

use super::{How, Plan};
use crate::{
    app::App,
    failure::Failure,
    out::Out,
    render::{
        clean::clean,
        facts::{End, Facts},
        piped::{self, Piped},
        screen::{LiveRow, Screen},
        style::{Paint, Style},
        transcript::Transcript,
    },
    terminal, turn,
};

/// What a person or a program sees of the turn.
pub struct View {
    out: Out,
    kind: Kind,
    id: String,
    style: Style,
    live: bool,
}

enum Kind {
    /// Standard output is a terminal.
    Terminal(Box<Transcript>),
    /// Progress and questions on standard error.
    Piped { piped: Piped, errors: Screen },
    /// Events on standard output, questions on standard error.
    Json { piped: Piped, errors: Screen },
}

impl View {
    /// The view of a plan.
    pub fn new(app: &App, plan: &Plan, live: bool) -> Self {
        let settings = app.out.settings();
        let style = app.style();
        let width = terminal::width();
        let color = if plan.how == How::Terminal { settings.color } else { settings.stderr_color };
        let paint = if color { (style_on(Paint::Dim), "\x1b[0m") } else { ("", "") };
        let screen = Screen::new(width, live, paint, style.ellipsis());
        let look = &plan.look;
        let piped = || Piped::new(&look.id, &look.agent, &look.cwd, look.home.as_deref());
        let kind = match plan.how {
            How::Terminal => {
                let mut transcript = Transcript::new(look.clone(), screen);
                if let Some(attach) = &plan.attach {
                    transcript.begin(plan.session.agent_version.as_deref(), attach.prompts.iter().cloned());
                }
                Kind::Terminal(Box::new(transcript))
            }
            How::Piped => {
                let (piped, mut errors) = (piped(), screen);
                errors.row(&piped.header(&look.permissions));
                Kind::Piped { piped, errors }
            }
            How::Json => Kind::Json { piped: piped(), errors: screen },
        };
        Self { out: app.out.clone(), kind, id: look.id.clone(), style, live }
    }

    /// Where rows go.
    pub fn screen(&mut self) -> &mut Screen {
        match &mut self.kind {
            Kind::Terminal(transcript) => &mut transcript.screen,
            Kind::Piped { errors, .. } | Kind::Json { errors, .. } => errors,
        }
    }

    /// Whether there is a live row that shows what goes on.
    pub fn is_live(&self) -> bool {
        self.live && matches!(self.kind, Kind::Terminal(_))
    }

    /// Takes in an event.
    pub fn event(&mut self, event: &SessionEvent) -> Result<(), Failure> {
        match &mut self.kind {
            Kind::Terminal(transcript) => transcript.event(event),
            Kind::Piped { piped, errors } => {
                for line in piped.event(event) {
                    errors.row(&line);
                }
            }
            Kind::Json { piped, .. } => {
                // Only what questions need to know.
                piped.event(event);
                return self.out.line(&event.json);
            }
        }
        Ok(())
    }

    /// A key for a command of the person at this terminal; what it causes is shown as theirs.
    pub fn new_key(&mut self) -> CommandKey {
        let key = CommandKey::fresh();
        if let Kind::Terminal(transcript) = &mut self.kind {
            transcript.mine(key.as_str());
        }
        key
    }

    /// Marks that a question showed the changes of a tool call.
    pub fn diff_shown(&mut self, tool_call: &str) {
        if let Kind::Terminal(transcript) = &mut self.kind {
            transcript.diff_shown(tool_call);
        }
    }

    /// A question that was open is closed; a half-typed answer must not stand in front of the next row.
    pub fn question_closed(&mut self, was_open: bool) {
        if was_open {
            self.screen().close_line();
            self.screen().live(None);
        }
    }

    /// Says something about the watch itself.
    pub fn say(&mut self, text: &str) {
        match &mut self.kind {
            Kind::Terminal(transcript) => transcript.sign_row("~", "note:", Paint::Dim, text),
            Kind::Piped { errors, .. } => errors.row(&piped::line(text)),
            Kind::Json { .. } => {}
        }
    }

    /// The sign of life and what goes on, for a row that shows more.
    pub fn status(&self, facts: &Facts, now: Timestamp) -> String {
        match &self.kind {
            Kind::Terminal(transcript) => transcript.status(facts, now),
            Kind::Piped { .. } | Kind::Json { .. } => String::new(),
        }
    }

    /// Moves time on.
    pub fn tick(&mut self, facts: &Facts, extra: Option<LiveRow>, cancelling: bool, now: Timestamp) {
        match &mut self.kind {
            Kind::Terminal(transcript) => {
                let cancels = || format!("cancelling{}Ctrl-C again leaves it to finish alone", self.style.dot());
                let extra = extra.or_else(|| cancelling.then(|| LiveRow::Text(cancels())));
                transcript.tick(facts, extra, now);
            }
            Kind::Piped { errors, .. } | Kind::Json { errors, .. } => errors.live(extra),
        }
    }

    /// A new width, for the next live row.
    pub fn resize(&mut self, width: usize) {
        self.screen().resize(width);
    }

    /// Whether there is something to write.
    pub fn dirty(&self) -> bool {
        match &self.kind {
            Kind::Terminal(transcript) => transcript.screen.dirty(),
            Kind::Piped { errors, .. } | Kind::Json { errors, .. } => errors.dirty(),
        }
    }

    /// Writes what is to be written, in one write.
    pub fn write(&mut self) -> Result<(), Failure> {
        let frame = self.screen().frame();
        self.put(frame)
    }

    /// Leaves the terminal to somebody else: a finished line, no live row.
    pub fn pause(&mut self) -> Result<(), Failure> {
        let frame = self.screen().leave();
        self.put(frame)
    }

    /// As [`View::pause`], at the end.
    pub fn leave(&mut self) -> Result<(), Failure> {
        if let Kind::Terminal(transcript) = &mut self.kind {
            transcript.finish();
        }
        self.pause()
    }

    fn put(&self, frame: Option<String>) -> Result<(), Failure> {
        let Some(frame) = frame else { return Ok(()) };
        match self.kind {
            Kind::Terminal(_) => self.out.text(&frame),
            Kind::Piped { .. } | Kind::Json { .. } => {
                let mut stderr = io::stderr().lock();
                // A standard error that nobody reads is no reason to end.
                let _ = stderr.write_all(frame.as_bytes());
                Ok(())
            }
        }
    }

    /// The turn is over: what is open is ended; a pipe gets the answer.
    pub fn finish(&mut self, facts: &Facts) -> Result<(), Failure> {
        self.leave()?;
        match &self.kind {
            Kind::Terminal(_) | Kind::Json { .. } => Ok(()),
            Kind::Piped { .. } if facts.answer.is_empty() => Ok(()),
            Kind::Piped { .. } => {
                let answer = clean(&facts.answer);
                self.out.line(answer.strip_suffix('\n').unwrap_or(&answer))
            }
        }
    }

    /// The last line: how it ended, and how to go on.
    pub fn last_line(&mut self, facts: &Facts, end: &End, code: u8) -> Result<(), Failure> {
        match &mut self.kind {
            Kind::Terminal(transcript) => {
                let style = self.style;
                let width = transcript.screen.width();
                transcript.screen.row(&turn::last_line(facts, end, code, &self.id, style, width));
            }
            Kind::Piped { piped, errors } => errors.row(&piped.last(facts, end, code)),
            Kind::Json { .. } => {}
        }
        self.write()
    }
}

fn style_on(paint: Paint) -> &'static str {
    Style { color: true, unicode: false, plain: false }.on(paint)
}

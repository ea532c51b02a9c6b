//! How a command ends when it does not succeed, and what is said about it.

use std::io::Write as _;

use convene_api::{
    client::ClientError,
    exit,
    problem::{Code, Problem},
};
use serde_json::Value;

use crate::render::clean::clean_line;

/// At most so many lines of a foreign cause are shown.
const CAUSE_LINES: usize = 3;

/// What a command answers: its exit code.
pub type Outcome = Result<u8, Failure>;

/// Why a command ends early.
#[derive(Debug)]
pub enum Failure {
    /// Something was refused or went wrong.
    Problem(Box<Problem>),
    /// The reader of our standard output went away, which is nobody's fault.
    ReaderGone,
    /// Everything is said; only the code is left.
    Said(u8),
}

impl Failure {
    /// A failure with its own words.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self::from(Problem::new(code, detail))
    }

    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Problem(problem) => problem.exit_code(),
            Self::ReaderGone => exit::READER_GONE,
            Self::Said(code) => *code,
        }
    }

    /// Says it on stderr, the last thing that is printed.
    pub fn report(&self, how: Report) {
        if let Self::Problem(problem) = self {
            // Nobody is left to tell when stderr is closed.
            let _ = std::io::stderr().write_all(text(problem, how).as_bytes());
        }
    }
}

/// How problems are said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// For people, in color or not.
    Text {
        /// Whether stderr takes colors.
        color: bool,
    },
    /// One line of JSON.
    Json,
}

/// A problem as it is said, with its line ends.
pub fn text(problem: &Problem, how: Report) -> String {
    text_of_end(problem, how, problem.exit_code())
}

/// A problem that ended a turn, whose exit code the log decides.
pub fn text_of_end(problem: &Problem, how: Report, exit: u8) -> String {
    match how {
        Report::Text { color } => people(problem, color),
        Report::Json => {
            let mut object = serde_json::to_value(problem).unwrap_or_default();
            if let Value::Object(map) = &mut object {
                map.insert("exit".to_owned(), exit.into());
            }
            format!("{object}\n")
        }
    }
}

fn people(problem: &Problem, color: bool) -> String {
    let (red, cyan, off) = if color { ("\x1b[1;31m", "\x1b[36m", "\x1b[0m") } else { ("", "", "") };
    let detail = clean_line(&problem.detail);
    let mut out = format!("{red}error[{}]{off}: {detail}\n", problem.code.as_str());
    if let Some(cause) = problem.fields.get("cause").and_then(Value::as_str) {
        for line in cause.lines().filter(|l| !l.trim().is_empty()).take(CAUSE_LINES) {
            let line = clean_line(line);
            if !detail.contains(&line) {
                out.push_str(&format!("  cause: {line}\n"));
            }
        }
    }
    if let Some(hint) = &problem.hint {
        out.push_str(&format!("  {cyan}hint{off}: {}\n", clean_line(hint)));
    }
    out
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::from(error.into_problem())
    }
}

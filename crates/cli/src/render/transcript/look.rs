//! What is shown of a session, and how much of it.

use crate::render::style::Style;

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
    /// Whether the end of a turn is a row; where one turn is watched its end is the last line.
    pub turn_ends: bool,
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

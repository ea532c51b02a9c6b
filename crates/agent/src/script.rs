//! Reads scripts: what the builtin agent plays instead of working (the format is described in this crate's README).

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::speech::{
    ChoiceKind, CommandHint, ConfigOption, Diff, Location, Modes, PlanEntry, StopReason, ToolKind, ToolStatus, Usage,
};

/// A script, read and checked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The title that sessions get.
    #[serde(default)]
    pub(crate) title: Option<String>,
    #[serde(default)]
    pub(crate) commands: Vec<CommandHint>,
    #[serde(default)]
    pub(crate) config_options: Vec<ConfigOption>,
    #[serde(default)]
    pub(crate) modes: Option<Modes>,
    pub(crate) turns: Vec<ScriptTurn>,
}

/// What is played for one prompt.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptTurn {
    /// Words that the prompt must contain, in any case.
    #[serde(default, rename = "match")]
    pub(crate) matches: Option<String>,
    pub(crate) steps: Vec<ScriptStep>,
}

/// One thing that a script does; written as `{"say": {"text": "…"}}`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ScriptStep {
    Say(Speech),
    Think(Speech),
    Plan(PlanStep),
    ToolCall(ToolCallStep),
    ToolUpdate(ToolUpdateStep),
    Ask(AskStep),
    Elicit(ElicitStep),
    Run(RunStep),
    WriteFile(WriteFileStep),
    DelayMs(u64),
    Title(String),
    Commands(Vec<CommandHint>),
    Mode(String),
    Config(ConfigStep),
    Usage(Usage),
    /// A `session/update` written by hand, sent as it is.
    Update(Value),
    StopReason(StopReason),
    Fail(FailStep),
    Exit(u8),
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Speech {
    /// `{{prompt}}`, `{{cwd}}` and `{{n}}` (the number of the repetition, from 1) are filled in.
    pub(crate) text: String,
    /// Into how many pieces the text is cut.
    #[serde(default = "one")]
    pub(crate) chunks: usize,
    /// How often the text is said.
    #[serde(default = "one")]
    pub(crate) repeat: usize,
    /// The pause before each piece but the first.
    #[serde(default)]
    pub(crate) every_ms: u64,
}

fn one() -> usize {
    1
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanStep {
    pub(crate) entries: Vec<PlanEntry>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToolCallStep {
    pub(crate) id: String,
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) kind: ToolKind,
    #[serde(default)]
    pub(crate) status: ToolStatus,
    #[serde(default)]
    pub(crate) text: Option<String>,
    #[serde(default)]
    pub(crate) diff: Option<Diff>,
    #[serde(default)]
    pub(crate) locations: Vec<Location>,
    #[serde(default)]
    pub(crate) raw_input: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToolUpdateStep {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) title: Option<String>,
    #[serde(default)]
    pub(crate) kind: Option<ToolKind>,
    #[serde(default)]
    pub(crate) status: Option<ToolStatus>,
    #[serde(default)]
    pub(crate) text: Option<String>,
    #[serde(default)]
    pub(crate) diff: Option<Diff>,
    #[serde(default)]
    pub(crate) raw_output: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskStep {
    /// The tool call that is asked about; a new id when it is left out.
    #[serde(default)]
    pub(crate) id: Option<String>,
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) kind: ToolKind,
    #[serde(default)]
    pub(crate) text: Option<String>,
    #[serde(default)]
    pub(crate) diff: Option<Diff>,
    pub(crate) options: Vec<AskOption>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskOption {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kind: ChoiceKind,
    /// What is played when this option is chosen; the script goes on afterwards.
    #[serde(default)]
    pub(crate) steps: Vec<ScriptStep>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ElicitStep {
    pub(crate) message: String,
    /// A form as ACP wants it: `{"type": "object", "properties": {…}}`.
    pub(crate) schema: Value,
    #[serde(default)]
    pub(crate) on_accept: Vec<ScriptStep>,
    #[serde(default)]
    pub(crate) on_decline: Vec<ScriptStep>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunStep {
    /// The program and its arguments; run in the session's directory.
    pub(crate) command: Vec<String>,
    #[serde(default)]
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) title: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WriteFileStep {
    /// Relative to the session's directory, and never outside of it.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigStep {
    pub(crate) id: String,
    pub(crate) value: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FailStep {
    pub(crate) code: i32,
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) data: Option<Value>,
}

/// Why a script cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The file cannot be read.
    #[error("cannot read script {path}")]
    Read {
        /// The script.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It is not the JSON that a script is made of; says field, line and column.
    #[error("script {path} is not valid")]
    Parse {
        /// The script, or `<text>`.
        path: PathBuf,
        /// What is wrong and where.
        #[source]
        source: serde_json::Error,
    },
    /// It is well formed, but means nothing.
    #[error("script {path} is not valid: {problem}")]
    Meaning {
        /// The script, or `<text>`.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

impl Script {
    /// Reads a script from a file.
    pub fn load(path: &Path) -> Result<Self, ScriptError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ScriptError::Read { path: path.to_owned(), source })?;
        Self::read(path, &text)
    }

    /// Reads a script from its text.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        Self::read(Path::new("<text>"), text)
    }

    fn read(path: &Path, text: &str) -> Result<Self, ScriptError> {
        let script: Self =
            serde_json::from_str(text).map_err(|source| ScriptError::Parse { path: path.to_owned(), source })?;
        match script.problem() {
            Some(problem) => Err(ScriptError::Meaning { path: path.to_owned(), problem }),
            None => Ok(script),
        }
    }

    fn problem(&self) -> Option<String> {
        if self.turns.is_empty() {
            return Some("`turns` is empty".to_owned());
        }
        let unknown_value =
            self.config_options.iter().find(|option| option.choices.iter().all(|choice| choice.value != option.value));
        if let Some(option) = unknown_value {
            return Some(format!("config option `{}`: `{}` is none of its choices", option.id, option.value));
        }
        let unknown_mode =
            self.modes.as_ref().filter(|modes| modes.available.iter().all(|mode| mode.id != modes.current));
        if let Some(modes) = unknown_mode {
            return Some(format!("mode `{}` is none of the available ones", modes.current));
        }
        self.turns.iter().find_map(|turn| problem_of(&turn.steps))
    }
}

fn problem_of(steps: &[ScriptStep]) -> Option<String> {
    steps.iter().find_map(|step| match step {
        ScriptStep::Ask(ask) if ask.options.is_empty() => Some(format!("ask `{}` has no options", ask.title)),
        ScriptStep::Ask(ask) => ask.options.iter().find_map(|option| problem_of(&option.steps)),
        ScriptStep::Elicit(elicit) => problem_of(&elicit.on_accept).or_else(|| problem_of(&elicit.on_decline)),
        ScriptStep::Run(run) if run.command.is_empty() => Some("run has an empty `command`".to_owned()),
        ScriptStep::WriteFile(file) if !stays_inside(&file.path) => {
            Some(format!("write_file `{}` leaves the session's directory", file.path.display()))
        }
        ScriptStep::Say(_)
        | ScriptStep::Think(_)
        | ScriptStep::Plan(_)
        | ScriptStep::ToolCall(_)
        | ScriptStep::ToolUpdate(_)
        | ScriptStep::Run(_)
        | ScriptStep::WriteFile(_)
        | ScriptStep::DelayMs(_)
        | ScriptStep::Title(_)
        | ScriptStep::Commands(_)
        | ScriptStep::Mode(_)
        | ScriptStep::Config(_)
        | ScriptStep::Usage(_)
        | ScriptStep::Update(_)
        | ScriptStep::StopReason(_)
        | ScriptStep::Fail(_)
        | ScriptStep::Exit(_) => None,
    })
}

fn stays_inside(path: &Path) -> bool {
    use std::path::Component;
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

#[cfg(test)]
#[path = "script_tests.rs"]
mod tests;

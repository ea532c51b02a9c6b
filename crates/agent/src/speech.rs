//! Holds the words in which an agent of ours speaks to its client.
//!
//! They are our own types, not those of the protocol crate: the worker and the script player stay the same when the
//! protocol crate changes, and a script can be read straight into them.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

/// Something the agent tells its client while a turn runs.
#[derive(Debug, Clone)]
pub(crate) enum Update {
    /// A piece of the answer.
    Message { message_id: String, text: String },
    /// A piece of the reasoning.
    Thought { message_id: String, text: String },
    /// The whole plan, replacing the one before.
    Plan(Vec<PlanEntry>),
    /// A new tool call.
    ToolCall(ToolCall),
    /// What changed about a tool call.
    ToolPatch(ToolPatch),
    /// The title of the session.
    Title(String),
    /// The commands that the agent understands.
    Commands(Vec<CommandHint>),
    /// The mode that is now current.
    Mode(String),
    /// The configuration options, all of them, with their present values.
    Config(Vec<ConfigOption>),
    /// How full the context is, and what it has cost.
    Usage(Usage),
    /// An update written by hand, sent as it is.
    Raw(Value),
}

/// One line of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanEntry {
    pub(crate) content: String,
    #[serde(default)]
    pub(crate) priority: Priority,
    #[serde(default)]
    pub(crate) status: PlanStatus,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Priority {
    High,
    #[default]
    Medium,
    Low,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PlanStatus {
    #[default]
    Pending,
    InProgress,
    Completed,
}

/// A tool call as it is first announced.
#[derive(Debug, Clone)]
pub(crate) struct ToolCall {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) kind: ToolKind,
    pub(crate) status: ToolStatus,
    pub(crate) content: Vec<ToolContent>,
    pub(crate) locations: Vec<Location>,
    pub(crate) raw_input: Option<Value>,
}

/// What changed about a tool call; `None` leaves a field as it was.
#[derive(Debug, Clone, Default)]
pub(crate) struct ToolPatch {
    pub(crate) id: String,
    pub(crate) title: Option<String>,
    pub(crate) kind: Option<ToolKind>,
    pub(crate) status: Option<ToolStatus>,
    pub(crate) content: Option<Vec<ToolContent>>,
    pub(crate) raw_output: Option<Value>,
}

#[derive(Debug, Clone)]
pub(crate) enum ToolContent {
    Text(String),
    Diff(Diff),
}

/// A file before and after.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Diff {
    pub(crate) path: PathBuf,
    /// `None` for a new file.
    #[serde(default)]
    pub(crate) old_text: Option<String>,
    pub(crate) new_text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Location {
    pub(crate) path: PathBuf,
    #[serde(default)]
    pub(crate) line: Option<u32>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ToolKind {
    Read,
    Edit,
    Delete,
    Move,
    Search,
    Execute,
    Think,
    Fetch,
    #[default]
    Other,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ToolStatus {
    #[default]
    Pending,
    InProgress,
    Completed,
    Failed,
}

/// A permission question about a tool call.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) tool_call_id: String,
    pub(crate) title: String,
    pub(crate) kind: ToolKind,
    pub(crate) content: Vec<ToolContent>,
    pub(crate) options: Vec<Choice>,
}

#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kind: ChoiceKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChoiceKind {
    AllowOnce,
    AllowAlways,
    RejectOnce,
    RejectAlways,
}

/// What the client answered to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The id of the chosen option.
    Selected(String),
    /// Nobody will answer: the turn is being cancelled.
    Cancelled,
    /// The client could not ask.
    Failed(String),
}

/// What the client answered to a form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FormAnswer {
    Accepted(Value),
    Declined,
    Cancelled,
    Failed(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandHint {
    pub(crate) name: String,
    pub(crate) description: String,
    /// What may be written after the command's name.
    #[serde(default)]
    pub(crate) hint: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigOption {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) category: Option<ConfigCategory>,
    pub(crate) value: String,
    pub(crate) choices: Vec<ConfigChoice>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ConfigCategory {
    Mode,
    Model,
    ModelConfig,
    ThoughtLevel,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigChoice {
    pub(crate) value: String,
    pub(crate) name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Modes {
    pub(crate) current: String,
    pub(crate) available: Vec<Mode>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mode {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Usage {
    pub(crate) used: u64,
    pub(crate) size: u64,
    #[serde(default)]
    pub(crate) cost: Option<Cost>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cost {
    pub(crate) amount: f64,
    pub(crate) currency: String,
}

/// Why a turn ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StopReason {
    EndTurn,
    MaxTokens,
    MaxTurnRequests,
    Refusal,
    Cancelled,
}

/// Why a turn broke off; travels up through `?`.
#[derive(Debug, Clone)]
pub(crate) enum Stop {
    /// The client cancelled the turn.
    Cancelled,
    /// The prompt is answered by a JSON-RPC error.
    Fail { code: i32, message: String, data: Option<Value> },
    /// The whole agent leaves, with this exit code.
    Exit(u8),
}

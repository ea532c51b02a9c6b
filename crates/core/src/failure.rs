//! Why turns and sessions end: stop reasons, stop causes, failure kinds, exits.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::TurnId;

/// Why a turn ended; the first five are ACP's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The agent is done.
    EndTurn,
    /// The model's token limit.
    MaxTokens,
    /// The agent's limit of model requests in a turn.
    MaxTurnRequests,
    /// The agent refused.
    Refusal,
    /// It was cancelled.
    Cancelled,
    /// It ran longer than the session's `timeout`.
    Timeout,
    /// The agent answered with an error, or could not be started.
    Failed,
    /// The agent, runner, keeper or machine died after the prompt was handed over: the outcome is unknown.
    Interrupted,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopCause {
    /// A one-shot session's turn ended and nothing was queued.
    Completed,
    /// It could not start, or its runner was lost.
    Failed,
    /// Somebody stopped it.
    UserRequested,
    /// A turn ran out of time and the agent did not yield.
    Timeout,
    /// The agent's process ended by itself.
    AgentExited,
    /// The server was told to stop all sessions.
    Shutdown,
}

/// The rungs of the ladder by which an attempt is ended, in their order. What is told is the last one that was needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopStep {
    /// The agent was told to cancel its turn, and ended.
    Cancel,
    /// Its input was closed, and it ended.
    Close,
    /// Its process group got SIGTERM.
    Terminate,
    /// It got SIGKILL.
    Kill,
    /// Processes that it had started, or that outlived their runner, got SIGKILL.
    Tree,
    /// A rung of a later version.
    #[serde(other)]
    Other,
}

impl StopStep {
    /// What it took, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Cancel => "a cancel was enough",
            Self::Close => "closing its input was enough",
            Self::Terminate => "it took SIGTERM",
            Self::Kill => "it took SIGKILL",
            Self::Tree => "it took SIGKILL to the tree",
            Self::Other => "it took something that is not known here",
        }
    }

    /// Whether it went as every stop should: by asking.
    pub const fn is_polite(self) -> bool {
        matches!(self, Self::Cancel | Self::Close)
    }
}

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The agent could not be launched.
    StartupFailure,
    /// It was launched and did not complete `initialize`.
    HandshakeFailure,
    /// It could not open or load its session.
    LoadSessionFailure,
    /// It broke the protocol.
    ProtocolFailure,
    /// It answered a prompt with an error.
    PromptFailure,
    /// It was cancelled.
    Cancellation,
    /// A permission stood in the way.
    PermissionFailure,
    /// It wants the user to sign in.
    ProviderAuthFailure,
    /// Its process ended.
    ProcessExit,
    /// Its runner or keeper was lost.
    TransportFailure,
    /// It ran out of time.
    Timeout,
    /// None of the above.
    UnknownFailure,
}

/// What went wrong, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// The kind.
    pub kind: FailureKind,
    /// A problem code from the API's closed list, where one fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// One line, redacted, at most 2,048 bytes.
    pub summary: String,
    /// One thing to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Where the crash bundle lies, on the worker's machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
}

/// The longest summary of a failure, in bytes.
pub const SUMMARY_MAX: usize = 2048;

impl Failure {
    /// A failure with a summary cut to its limit.
    pub fn new(kind: FailureKind, summary: impl Into<String>) -> Self {
        let mut summary = summary.into();
        if summary.len() > SUMMARY_MAX {
            let end = (0..=SUMMARY_MAX - 15).rev().find(|&i| summary.is_char_boundary(i)).unwrap_or(0);
            summary.truncate(end);
            summary.push_str("...[truncated]");
        }
        Self { kind, code: None, summary, hint: None, bundle: None }
    }

    /// With a problem code.
    #[must_use]
    pub fn code(mut self, code: &str) -> Self {
        self.code = Some(code.to_owned());
        self
    }

    /// With a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProcessExit {
    /// The exit code, if it exited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The signal's number, if one killed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
}

impl std::fmt::Display for ProcessExit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.code, self.signal) {
            (_, Some(signal)) => write!(f, "signal {signal}"),
            (Some(code), None) => write!(f, "exit code {code}"),
            (None, None) => f.write_str("an unknown exit"),
        }
    }
}

/// How an attempt ended, as its keeper, its worker or the server found it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttemptExit {
    /// Who found out: `keeper`, `runner`, `worker`, `server`; `cancel` if the runner left in order because its agent would
    /// not yield, which is no crash.
    pub by: String,
    /// How the runner's process ended, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner: Option<ProcessExit>,
    /// How the agent's process ended, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<ProcessExit>,
    /// Whether it was proved that no process of the tree is left.
    pub verified: bool,
    /// Processes that could not be proved dead.
    #[serde(default)]
    pub survivors: u32,
    /// The last rung of the ladder that was needed; none if everything ended by itself, or nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StopStep>,
    /// The last turn whose prompt was handed to the agent, from the marker on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_over: Option<TurnId>,
    /// More for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Where the crash bundle lies, on the worker's machine, if its runner or keeper crashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
}

#[cfg(test)]
#[path = "failure_tests.rs"]
mod failure_tests;

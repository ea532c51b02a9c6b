//! What is known of a turn, folded from its events, and how it counts in the end.
//!
//! The exit code is a projection of the log: of the turn's events, never of what went by on the screen.

use std::collections::{BTreeMap, BTreeSet};

use convene_api::{client::SessionEvent, exit, problem::Code};
use convene_core::{
    content::{Channel, Role, ToolContent, ToolStatus, Usage},
    event::{EventBody, KnownEvent},
    failure::{Failure, StopCause, StopReason},
    ids::{MessageId, TurnId},
    view::SessionView,
};
use jiff::Timestamp;

use super::diff;

/// A turn so far.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The turn that is watched, once it is known.
    pub turn: Option<TurnId>,
    /// Its number in the session.
    pub number: Option<u32>,
    /// When it was queued or started, whichever was seen first.
    pub since: Option<Timestamp>,
    /// When its last event was.
    pub last_at: Option<Timestamp>,
    /// Tools that ended.
    pub tools: usize,
    /// Rejections.
    pub rejections: usize,
    /// Whether the last decision was a rejection and no tool call completed after it.
    pub rejected: bool,
    /// Changed files with lines added and removed.
    pub files: BTreeMap<String, (usize, usize)>,
    /// Tokens and cost.
    pub usage: Usage,
    /// The last answer.
    pub answer: String,
    answer_message: Option<MessageId>,
    counted: BTreeSet<String>,
    /// What calls would change that have not ended: a change that was rejected or failed is none.
    proposed: BTreeMap<String, BTreeMap<String, (usize, usize)>>,
    /// How it ended.
    pub end: Option<End>,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// By its own end.
    Turn {
        /// Why.
        stop_reason: StopReason,
        /// What went wrong.
        failure: Option<Failure>,
    },
    /// It was taken out of the queue before it began.
    Dropped {
        /// By whom, or why.
        by: String,
    },
    /// Its session was stopped before it began or ended.
    Stopped {
        /// Why.
        cause: StopCause,
        /// What went wrong.
        failure: Option<Failure>,
    },
    /// Its session was removed.
    Deleted,
}

impl Facts {
    /// A watch on a turn; without one the first that is queued is watched.
    pub fn of(turn: Option<TurnId>) -> Self {
        Self { turn, ..Self::default() }
    }

    /// Takes in an event of the session.
    pub fn fold(&mut self, event: &SessionEvent) {
        let EventBody::Known(known) = &event.data.body else { return };
        match known {
            KnownEvent::SessionStopped { cause, failure, .. } if self.end.is_none() => {
                self.end = Some(End::Stopped { cause: *cause, failure: failure.clone() });
            }
            KnownEvent::SessionDeleted { .. } if self.end.is_none() => self.end = Some(End::Deleted),
            KnownEvent::UsageUpdated { usage } => self.usage.merge(usage),
            KnownEvent::TurnQueued { .. } if self.turn.is_none() => self.turn = event.data.turn,
            _ => {}
        }
        if self.turn.is_none() || event.data.turn != self.turn || self.end.is_some() {
            return;
        }
        self.since.get_or_insert(event.at);
        self.last_at = Some(event.at);
        self.fold_turn(known, event.at);
    }

    fn fold_turn(&mut self, known: &KnownEvent, at: Timestamp) {
        match known {
            KnownEvent::TurnStarted { number } => {
                self.number = Some(*number);
                self.since = Some(at);
            }
            KnownEvent::MessageAppended { message, role: Role::Agent, channel: Channel::Answer, content } => {
                let Some(text) = content.as_text() else { return };
                if self.answer_message != Some(*message) {
                    self.answer_message = Some(*message);
                    self.answer.clear();
                }
                self.answer.push_str(text);
            }
            KnownEvent::ToolCallUpdated { tool_call } => {
                for content in tool_call.content.iter().flatten() {
                    if let ToolContent::Diff { path, old_text, new_text } = content {
                        let counts = diff::counts(old_text.as_deref().unwrap_or_default(), new_text);
                        self.proposed.entry(tool_call.id.clone()).or_default().insert(path.clone(), counts);
                    }
                }
                if tool_call.status.is_some_and(ToolStatus::is_final) && self.counted.insert(tool_call.id.clone()) {
                    self.tools += 1;
                }
                if tool_call.status == Some(ToolStatus::Completed) {
                    self.files.append(&mut self.proposed.remove(&tool_call.id).unwrap_or_default());
                    self.rejected = false;
                }
            }
            KnownEvent::PermissionDecided { decision, .. } => {
                self.rejected = decision.is_rejection();
                self.rejections += usize::from(self.rejected);
            }
            KnownEvent::TurnEnded { stop_reason, failure, usage } => {
                if let Some(usage) = usage {
                    self.usage.merge(usage);
                }
                self.end = Some(End::Turn { stop_reason: *stop_reason, failure: failure.clone() });
            }
            KnownEvent::QueueEntryDropped { by } => self.end = Some(End::Dropped { by: by.clone() }),
            _ => {}
        }
    }

    /// Tokens, as far as the agent tells them.
    pub fn tokens(&self) -> Option<u64> {
        tokens(&self.usage)
    }
}

/// Tokens of a usage, as far as the agent tells them.
pub fn tokens(usage: &Usage) -> Option<u64> {
    let summed = || match (usage.input_tokens, usage.output_tokens) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or(0) + b.unwrap_or(0)),
    };
    usage.total_tokens.or_else(summed).or(usage.context_used).filter(|n| *n > 0)
}

impl End {
    /// The exit code of an end, given whether the last decision was a rejection.
    pub fn exit_code(&self, rejected: bool) -> u8 {
        match self {
            Self::Turn { stop_reason, failure } => turn_exit_code(*stop_reason, failure.as_ref(), rejected),
            Self::Dropped { .. } | Self::Deleted => exit::NOT_COMPLETED,
            Self::Stopped { cause, failure } => stopped_exit_code(*cause, failure.as_ref()),
        }
    }

    /// What went wrong, if something did.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Turn { failure, .. } | Self::Stopped { failure, .. } => failure.as_ref(),
            Self::Dropped { .. } | Self::Deleted => None,
        }
    }

    /// The end in a word or two, for the last line.
    pub fn words(&self, rejected: bool) -> &'static str {
        match self {
            Self::Turn { stop_reason: StopReason::Failed, .. } => "failed",
            Self::Turn { stop_reason: StopReason::Interrupted, .. } => "interrupted, outcome unknown",
            Self::Turn { stop_reason: StopReason::Timeout, .. } => "ran out of time",
            Self::Turn { .. } if rejected => "ended on a rejection",
            Self::Turn { stop_reason: StopReason::EndTurn, .. } => "done",
            Self::Turn { stop_reason: StopReason::MaxTokens, .. } => "ended at the token limit",
            Self::Turn { stop_reason: StopReason::MaxTurnRequests, .. } => "ended at the request limit",
            Self::Turn { stop_reason: StopReason::Refusal, .. } => "refused",
            Self::Turn { stop_reason: StopReason::Cancelled, .. } => "cancelled",
            Self::Dropped { .. } => "taken out of the queue",
            Self::Stopped { cause: StopCause::Failed | StopCause::AgentExited, .. } => "failed",
            Self::Stopped { cause: StopCause::Timeout, .. } => "ran out of time",
            Self::Stopped { .. } => "stopped",
            Self::Deleted => "removed",
        }
    }
}

/// The exit code of a turn's end.
pub fn turn_exit_code(stop_reason: StopReason, failure: Option<&Failure>, rejected: bool) -> u8 {
    match stop_reason {
        StopReason::Failed | StopReason::Interrupted => failure_exit_code(failure),
        StopReason::Timeout => exit::NOT_COMPLETED,
        StopReason::EndTurn
        | StopReason::MaxTokens
        | StopReason::MaxTurnRequests
        | StopReason::Refusal
        | StopReason::Cancelled
            if rejected =>
        {
            exit::PERMISSION_DENIED
        }
        StopReason::EndTurn => exit::DONE,
        StopReason::MaxTokens | StopReason::MaxTurnRequests | StopReason::Refusal | StopReason::Cancelled => {
            exit::NOT_COMPLETED
        }
    }
}

/// The exit code of a session that is stopped.
fn stopped_exit_code(cause: StopCause, failure: Option<&Failure>) -> u8 {
    match cause {
        StopCause::Completed => exit::DONE,
        StopCause::Failed | StopCause::AgentExited => failure_exit_code(failure),
        StopCause::UserRequested | StopCause::Timeout | StopCause::Shutdown => exit::NOT_COMPLETED,
    }
}

/// A failure's code may say that it was a limit, a refusal or a permission; everything else is the agent's.
fn failure_exit_code(failure: Option<&Failure>) -> u8 {
    let code = failure.and_then(|f| f.code.as_deref()).and_then(Code::parse).map(Code::exit_code);
    match code {
        Some(code @ (exit::NOT_COMPLETED | exit::PERMISSION_DENIED)) => code,
        _ => exit::AGENT_FAILED,
    }
}

/// How a session counts that is idle or stopped: by its last turn, else by its stop.
pub fn session_exit_code(session: &SessionView) -> u8 {
    if let Some(cause) = session.stop_cause
        && !matches!(cause, StopCause::Completed)
    {
        return stopped_exit_code(cause, session.failure.as_ref());
    }
    session
        .last_turn
        .as_ref()
        .map_or(exit::DONE, |turn| turn_exit_code(turn.stop_reason, turn.failure.as_ref(), turn.rejected))
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;

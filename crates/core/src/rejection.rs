//! The domain's "no": why a command changes nothing.

use crate::{
    failure::StopCause,
    ids::{ElicitationId, PermissionId, TurnId},
};

/// Why a command was refused. The API gives each one a problem code.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// The session is in a state that does not allow it.
    #[error("cannot {command} a session that is {state}")]
    WrongState {
        /// The command.
        command: &'static str,
        /// The state.
        state: &'static str,
    },
    /// A question waits for an answer, or a sign-in is wanted.
    #[error("cannot {command} a session that needs you")]
    NeedsYou {
        /// The command.
        command: &'static str,
    },
    /// The agent would not remember what was said.
    #[error("the agent can neither resume nor load its conversation")]
    WouldForget,
    /// The session is archived.
    #[error("the session is archived")]
    Archived,
    /// The session is being stopped.
    #[error("the session is being stopped ({cause:?})")]
    Stopping {
        /// Why.
        cause: StopCause,
    },
    /// There is no turn to act on.
    #[error("no turn is running")]
    NothingRunning,
    /// The turn that was named is not the running one.
    #[error("{turn} is not the running turn")]
    NotThatTurn {
        /// The turn that was named.
        turn: TurnId,
    },
    /// The prompt has no text and no other content.
    #[error("the prompt is empty")]
    PromptEmpty,
    /// No further session may be live.
    #[error("{live} of {max} sessions are live")]
    SessionLimit {
        /// How many are live.
        live: usize,
        /// How many may be.
        max: usize,
    },
    /// The queue is full.
    #[error("{length} prompts wait already")]
    QueueFull {
        /// How many wait.
        length: usize,
    },
    /// No such entry waits.
    #[error("{turn} does not wait in the queue")]
    QueueEntryNotFound {
        /// The entry.
        turn: TurnId,
    },
    /// The queue has no such place.
    #[error("the queue has places 1 to {length}, not {position}")]
    QueuePosition {
        /// The place that was named.
        position: usize,
        /// How many prompts wait.
        length: usize,
    },
    /// No such request is known.
    #[error("no permission request {request}")]
    PermissionNotFound {
        /// The request.
        request: PermissionId,
    },
    /// Somebody was faster.
    #[error("{request} was decided already by {by}")]
    PermissionAlreadyDecided {
        /// The request.
        request: PermissionId,
        /// By whom.
        by: String,
        /// What they said.
        decision: crate::event::Decision,
        /// When.
        at: jiff::Timestamp,
    },
    /// The agent did not offer that answer.
    #[error("the agent did not offer {wanted:?}")]
    PermissionOptionInvalid {
        /// What was wanted.
        wanted: String,
        /// The ids it offered.
        offered: Vec<String>,
    },
    /// No such question is open.
    #[error("no open question {request}")]
    ElicitationNotFound {
        /// The question.
        request: ElicitationId,
    },
    /// The agent does not wait for a sign-in.
    #[error("the agent does not wait for a sign-in")]
    NoSignInWanted,
    /// The agent offers no such way to sign in.
    #[error("the agent offers no sign-in {method:?}")]
    SignInUnknown {
        /// The way that was named.
        method: String,
        /// The ids of those it offers.
        offered: Vec<String>,
    },
    /// The agent has no such setting.
    #[error("the agent has no option {option:?}")]
    ConfigOptionUnknown {
        /// The setting.
        option: String,
        /// What it has.
        known: Vec<String>,
    },
    /// The setting does not take that value.
    #[error("{option:?} does not take {value:?}")]
    ConfigValueUnknown {
        /// The setting.
        option: String,
        /// The value.
        value: String,
        /// What it takes.
        known: Vec<String>,
    },
    /// The report comes from an attempt or an instance that is not the current one.
    #[error("attempt {attempt} is not the current one")]
    Fenced {
        /// The attempt that reported.
        attempt: u32,
    },
    /// The report leaves out events.
    #[error("events from {expected} on are missing, {first} is the first that came")]
    IndexGap {
        /// The first index that is missing.
        expected: u64,
        /// The first index that came.
        first: u64,
    },
    /// Something happened since somebody looked.
    #[error("the log has gone on from {expected} to {seq}")]
    Moved {
        /// The last event that was looked at.
        expected: u64,
        /// The last event that there is.
        seq: u64,
    },
    /// There is nothing to close in the log.
    #[error("the log is whole")]
    LogIsWhole,
    /// The log's events contradict each other or cannot be read, so nothing may be appended.
    #[error("the log cannot be repaired: {why}")]
    Unrepairable {
        /// The first of what is wrong.
        why: String,
    },
    /// The session did not end by a crash, so that it must be said that it is meant.
    #[error("the session did not end by a crash")]
    WantsForce,
    /// Nothing would change.
    #[error("there is nothing to do")]
    Nothing,
}

//! Decides and folds what keeps a session and ends its agent, or the other way round: resumed without a prompt,
//! hibernated, cleared, rewound.

use std::sync::Arc;

use serde_json::Value;

use super::{
    decider::Decider,
    questions,
    state::{Phase, SessionState},
};
use crate::{
    directive::Order,
    event::{Cut, Event, KnownEvent, StopMode},
    ids::TurnId,
    rejection::Rejection,
};

/// A session without a runner gets one; for one that has a runner, or is about to get one, there is nothing to do.
pub(super) fn resume(d: &mut Decider<'_>, by: String) -> Result<(), Rejection> {
    if d.state.archived {
        return Err(Rejection::Archived);
    }
    match &d.state.phase {
        Phase::Stopped { .. } | Phase::Hibernated => {}
        // Its agent is about to go: then there will be another one.
        Phase::Idle { attempt } if attempt.leaving.is_some() && !d.state.is_resumed_since(attempt.leaving) => {}
        Phase::Stopping { cause, .. } => return Err(Rejection::Stopping { cause: *cause }),
        Phase::Pending { .. } | Phase::Starting { .. } | Phase::Idle { .. } | Phase::Running { .. } => {
            return Err(Rejection::Nothing);
        }
    }
    d.emit(KnownEvent::SessionResumed { by });
    Ok(())
}

/// Asks the runner of an idle session to end its agent. Whether the agent has work that would be lost, the runner sees.
pub(super) fn hibernate(d: &mut Decider<'_>, recap: bool, by: String) -> Result<(), Rejection> {
    match &d.state.phase {
        Phase::Hibernated => return Err(Rejection::Nothing),
        Phase::Idle { attempt } if attempt.hibernating.is_some() => return Err(Rejection::Nothing),
        Phase::Idle { attempt } if attempt.leaving.is_none() => {}
        Phase::Stopping { cause, .. } => return Err(Rejection::Stopping { cause: *cause }),
        Phase::Pending { .. }
        | Phase::Starting { .. }
        | Phase::Idle { .. }
        | Phase::Running { .. }
        | Phase::Stopped { .. } => {
            return Err(Rejection::WrongState { command: "hibernate", state: d.state.phase.name() });
        }
    }
    if d.state.needs_you_since.is_some() {
        return Err(Rejection::NeedsYou { command: "hibernate" });
    }
    if !recap && !d.state.forgets_nothing() {
        return Err(Rejection::WouldForget);
    }
    d.emit(KnownEvent::SessionHibernating { by });
    Ok(())
}

/// Refuses a command that changes the conversation, unless nothing runs in it and nothing waits to.
fn is_at_rest(state: &SessionState, command: &'static str) -> Result<(), Rejection> {
    if state.archived {
        return Err(Rejection::Archived);
    }
    match &state.phase {
        // What is queued was meant for the conversation that there is.
        Phase::Idle { .. } | Phase::Hibernated | Phase::Stopped { .. } if state.queue.is_empty() => Ok(()),
        Phase::Idle { .. } | Phase::Hibernated | Phase::Stopped { .. } => {
            Err(Rejection::WrongState { command, state: "about to run a prompt" })
        }
        Phase::Stopping { cause, .. } => Err(Rejection::Stopping { cause: *cause }),
        Phase::Pending { .. } | Phase::Starting { .. } | Phase::Running { .. } => {
            Err(Rejection::WrongState { command, state: state.phase.name() })
        }
    }
}

/// Begins the conversation anew: the agent of an idle session ends, and the next one knows nothing. One event says all of
/// it, so that no crash can leave half of it.
pub(super) fn clear(d: &mut Decider<'_>, by: String) -> Result<(), Rejection> {
    is_at_rest(&d.state, "clear")?;
    if !d.state.has_conversation() {
        return Err(Rejection::Nothing);
    }
    questions::close(d, "clear");
    d.emit(KnownEvent::SessionCleared { by });
    Ok(())
}

/// A prompt to go back to, found in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewind {
    /// The last event before the turn began.
    pub to_seq: u64,
    /// The turn that began with the prompt.
    pub prompt: TurnId,
    /// Its number.
    pub number: u32,
    /// Turns that the conversation has before it.
    pub kept: u32,
    /// The last event of the log that somebody looked at.
    pub expected: u64,
}

/// Takes the conversation back to before a prompt. As with a clear one event says all of it.
pub(super) fn rewind(d: &mut Decider<'_>, to: Rewind, by: String) -> Result<(), Rejection> {
    is_at_rest(&d.state, "rewind")?;
    if d.state.needs_you_since.is_some() {
        return Err(Rejection::NeedsYou { command: "rewind" });
    }
    if d.state.seq != to.expected {
        return Err(Rejection::Moved { expected: to.expected, seq: d.state.seq });
    }
    let Rewind { to_seq, prompt, number, kept, expected: _ } = to;
    d.emit(KnownEvent::SessionRewound { to_seq, prompt, number, kept, by });
    Ok(())
}

/// Removes a session that is at rest, that nothing waits for, and that is as it was when somebody looked.
pub(super) fn prune(d: &mut Decider<'_>, expected: u64, by: String) -> Result<(), Rejection> {
    if !d.state.may_be_pruned() {
        return Err(Rejection::WrongState { command: "prune", state: d.state.phase.name() });
    }
    if d.state.seq != expected {
        return Err(Rejection::Moved { expected, seq: d.state.seq });
    }
    d.emit(KnownEvent::SessionDeleted { by });
    Ok(())
}

impl SessionState {
    /// Whether it is at rest for good, as far as that can be told: stopped, or asleep and put away, and nothing waits in it.
    pub fn may_be_pruned(&self) -> bool {
        let at_rest = match &self.phase {
            Phase::Stopped { .. } => true,
            Phase::Hibernated => self.archived,
            Phase::Pending { .. }
            | Phase::Starting { .. }
            | Phase::Idle { .. }
            | Phase::Running { .. }
            | Phase::Stopping { .. } => false,
        };
        at_rest && self.queue.is_empty() && self.needs_you_since.is_none() && !self.deleted
    }

    /// Whether anything was said that an agent without a memory would have to be told.
    pub const fn has_conversation(&self) -> bool {
        self.turns > self.cleared_turns || self.fork.is_some()
    }

    /// Whether its agent can open its conversation again, by its own account.
    pub fn can_reopen(&self) -> bool {
        let Some(capabilities) = &self.agent.capabilities else { return false };
        let resumes = capabilities.pointer("/sessionCapabilities/resume").is_some_and(|resume| !resume.is_null());
        resumes || capabilities.get("loadSession").and_then(Value::as_bool).unwrap_or(false)
    }

    /// Whether ending its agent loses nothing that was said.
    pub fn forgets_nothing(&self) -> bool {
        self.can_reopen() || !self.has_conversation()
    }

    /// Whether it is idle, and ending its agent loses nothing, as far as that can be told from here.
    pub fn may_sleep(&self) -> bool {
        let at_rest = matches!(&self.phase, Phase::Idle { attempt } if attempt.leaving.is_none());
        at_rest && self.queue.is_empty() && self.needs_you_since.is_none() && !self.deleted && self.forgets_nothing()
    }

    /// How often its runner said since the last turn that it cannot sleep.
    pub fn kept_awake(&self) -> u32 {
        self.phase.attempt().map_or(0, |attempt| attempt.kept_awake)
    }

    /// Whether somebody wanted a runner since then.
    pub(super) fn is_resumed_since(&self, since: Option<jiff::Timestamp>) -> bool {
        since.is_some_and(|since| self.resumed_at.is_some_and(|at| at >= since))
    }

    pub(super) fn apply_resumed(&mut self, event: &Event) {
        self.resumed_at = Some(event.at);
        self.crashes.clear();
        if matches!(self.phase, Phase::Stopped { .. } | Phase::Hibernated) {
            self.phase = Phase::Pending { waiting: None };
        }
    }

    pub(super) fn apply_hibernating(&mut self, event: &Event) {
        let Some(attempt) = self.phase.attempt_mut() else { return };
        attempt.hibernating = Some(event.at);
        attempt.leaving = attempt.leaving.or(Some(event.at));
        self.direct(event.seq, Order::Hibernate {});
    }

    pub(super) fn apply_kept_awake(&mut self, event: &Event) {
        self.drop_hibernate();
        let Some(attempt) = self.phase.attempt_mut() else { return };
        if attempt.leaving == attempt.hibernating && attempt.agent_exit.is_none() {
            attempt.leaving = None;
        }
        attempt.hibernating = None;
        attempt.kept_awake_at = Some(event.at);
        attempt.kept_awake = attempt.kept_awake.saturating_add(1);
    }

    pub(super) fn apply_cleared(&mut self, event: &Event) {
        self.agent.session_id = None;
        (self.agent.recap_due, self.agent.context_lost_at) = (false, None);
        self.fork = None;
        (self.cleared_seq, self.cleared_turns) = (event.seq, self.turns);
        self.forget_answer();
        self.begin_anew(event);
    }

    pub(super) fn apply_rewound(&mut self, event: &Event, to_seq: u64, kept: u32) {
        Cut { after: to_seq, before: event.seq }.add(&mut self.rewound);
        // The agent remembers what was taken back; another one is told of what is left.
        self.agent.session_id = None;
        (self.agent.recap_due, self.agent.context_lost_at) = (kept > 0, None);
        if kept == 0 {
            self.cleared_turns = self.turns;
        }
        self.last_turn = None;
        self.forget_answer();
        self.begin_anew(event);
    }

    fn forget_answer(&mut self) {
        self.result_message = None;
        self.result = Arc::default();
        (self.last_line, self.line_open) = (None, false);
    }

    /// Ends an agent that remembers another conversation.
    fn begin_anew(&mut self, event: &Event) {
        if let Phase::Idle { attempt } = &mut self.phase {
            attempt.leaving = attempt.leaving.or(Some(event.at));
            // Whoever changes a conversation means to go on with it.
            self.resumed_at = Some(event.at);
            self.direct(event.seq, Order::Stop { mode: StopMode::Graceful });
        }
    }
}

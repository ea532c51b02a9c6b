//! Decides and folds what supervision finds: turns in which nothing happens, agents, runners and workers that are not as
//! they should be. What is found is told once when it begins and once when it is over.
//!
//! What counts is that the agent does something, not how long it takes. Waiting for a person is no inactivity.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    decider::Decider,
    handle::{request_cancel, stop},
    state::{ActiveTurn, Phase, SessionState},
};
use crate::{
    command::Expiry,
    event::{Event, KnownEvent, StopMode, UnhealthyReason},
    failure::{Failure, FailureKind, StopCause},
    ids::TurnId,
    limits,
    rejection::Rejection,
};

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ailment {
    /// For people.
    pub detail: String,
    /// Since when.
    pub since: Timestamp,
}

impl Expiry {
    /// Who cancels a turn for it.
    pub(super) const fn by(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Inactivity => "inactivity",
        }
    }

    /// The expiry that cancelled a turn, if it was one.
    pub(super) fn that_cancelled(by: &str) -> Option<Self> {
        [Self::Timeout, Self::Inactivity].into_iter().find(|expiry| expiry.by() == by)
    }
}

/// Ends a turn that is out of time: asks for its end first, and where that does not help, stops the session.
pub(super) fn expire(d: &mut Decider<'_>, turn: TurnId, why: Expiry) -> Result<(), Rejection> {
    let Some(running) = d.state.phase.turn().filter(|running| running.id == turn) else {
        return Err(Rejection::NotThatTurn { turn });
    };
    if matches!(d.state.phase, Phase::Stopping { .. }) {
        return Err(Rejection::Nothing);
    }
    if running.cancelled_by.is_none() {
        // Whoever looked may have looked before the agent's last word, or before a person was asked.
        if !is_out_of(why, running, &d.state, d.now) {
            return Err(Rejection::Nothing);
        }
        request_cancel(d, turn, why.by().to_owned());
        return Ok(());
    }
    // Somebody was faster, or it still has time to yield.
    let Some(why) = running.ignores_its_end(d.now) else { return Err(Rejection::Nothing) };
    let message = format!("the turn was to end for its {}, and nothing came of it", why.by());
    stop(d, StopCause::Timeout, StopMode::Now, Some(message), why.by().to_owned());
    Ok(())
}

/// Whether a turn is out of a time now.
fn is_out_of(why: Expiry, turn: &ActiveTurn, state: &SessionState, now: Timestamp) -> bool {
    match why {
        Expiry::Timeout => turn.handed_over_at.is_some_and(|at| has_passed(at, state.spec.timeout, now)),
        Expiry::Inactivity => state.is_silent_for(state.spec.inactivity_timeout, now),
    }
}

/// Whether so many seconds are over; 0 is never.
fn has_passed(since: Timestamp, seconds: u64, now: Timestamp) -> bool {
    let passed = u64::try_from(now.as_millisecond() - since.as_millisecond());
    seconds > 0 && passed.is_ok_and(|passed| passed >= seconds.saturating_mul(1000))
}

/// Says that nothing happens in a turn, once until something does.
pub(super) fn warn(d: &mut Decider<'_>, turn: TurnId) -> Result<(), Rejection> {
    let Some(running) = d.state.phase.turn().filter(|running| running.id == turn) else {
        return Err(Rejection::NotThatTurn { turn });
    };
    let is_silent = d.state.is_silent_for(d.state.spec.inactivity_warn, d.now);
    if running.warned_at.is_some() || running.cancelled_by.is_some() || !is_silent {
        return Err(Rejection::Nothing);
    }
    let silent = running.silent_since().map_or(0, |since| d.now.as_second() - since.as_second());
    let silent = u64::try_from(silent).unwrap_or(0);
    let timeout = Some(d.state.spec.inactivity_timeout).filter(|seconds| *seconds > 0);
    let event =
        KnownEvent::TurnInactive { silent, cancelled_in: timeout.map(|timeout| timeout.saturating_sub(silent)) };
    d.emit_in(turn, event);
    Ok(())
}

/// Takes note of something that is not as it should be.
pub(super) fn fall_ill(d: &mut Decider<'_>, reason: UnhealthyReason, detail: String) -> Result<(), Rejection> {
    if d.state.phase.attempt().is_none() || d.state.unhealthy.contains_key(&reason) {
        return Err(Rejection::Nothing);
    }
    if reason == UnhealthyReason::Silent && !d.state.is_silent_for(d.state.silence(), d.now) {
        return Err(Rejection::Nothing);
    }
    d.emit(KnownEvent::SessionUnhealthy { reason, detail });
    Ok(())
}

/// Takes note that it is as it should be again.
pub(super) fn recover(d: &mut Decider<'_>, reason: UnhealthyReason) -> Result<(), Rejection> {
    if !d.state.unhealthy.contains_key(&reason) {
        return Err(Rejection::Nothing);
    }
    d.emit(KnownEvent::SessionRecovered { reason });
    Ok(())
}

/// An agent that was silent is not any more once it did something, its turn is over, or a person is asked.
pub(super) fn settle(d: &mut Decider<'_>) {
    let Some(silence) = d.state.unhealthy.get(&UnhealthyReason::Silent) else { return };
    let since = silence.since;
    let goes_on = d.state.phase.turn().is_some_and(|turn| turn.silent_since().is_none_or(|at| at <= since));
    if !goes_on || d.state.needs_you_since.is_some() {
        d.emit(KnownEvent::SessionRecovered { reason: UnhealthyReason::Silent });
    }
}

/// The failure of a turn that ran out of time.
pub(super) fn timed_out(state: &SessionState, why: Expiry) -> Failure {
    match why {
        Expiry::Timeout => {
            let summary = format!("the turn ran longer than {} s", state.spec.timeout);
            Failure::new(FailureKind::Timeout, summary).code("turn_timeout")
        }
        Expiry::Inactivity => {
            let summary = format!("nothing came from the agent for {} s", state.spec.inactivity_timeout);
            Failure::new(FailureKind::Timeout, summary).code("turn_inactive")
        }
    }
}

impl ActiveTurn {
    /// Since when nothing happens in it; none before its prompt is with the agent.
    pub fn silent_since(&self) -> Option<Timestamp> {
        self.active_at.or(self.handed_over_at)
    }

    /// The time that it was out of so long ago that its agent will not see to its end, if there is one.
    pub fn ignores_its_end(&self, now: Timestamp) -> Option<Expiry> {
        let why = self.cancelled_by.as_deref().and_then(Expiry::that_cancelled)?;
        let since = self.cancelled_at?;
        (now.as_second() - since.as_second() >= limits::CANCEL_GRACE).then_some(why)
    }
}

impl SessionState {
    /// After how many seconds of a turn in which nothing happens its agent is called silent: no later than it is warned of.
    pub fn silence(&self) -> u64 {
        let limits = [self.spec.inactivity_warn, self.spec.inactivity_timeout, limits::SILENT];
        limits.into_iter().filter(|seconds| *seconds > 0).min().unwrap_or(limits::SILENT)
    }

    /// Whether nothing has happened in its turn for so many seconds, and nobody is waited for; 0 is never.
    fn is_silent_for(&self, seconds: u64, now: Timestamp) -> bool {
        let since = self.phase.turn().and_then(ActiveTurn::silent_since).filter(|_| self.needs_you_since.is_none());
        since.is_some_and(|since| has_passed(since, seconds, now))
    }

    /// Takes note of what shows that the agent, or the person that it waited for, does something.
    pub(super) fn note_activity(&mut self, event: &Event, body: &KnownEvent) {
        let answered = matches!(body, KnownEvent::PermissionDecided { .. } | KnownEvent::ElicitationAnswered { .. });
        let said = event.index.is_some()
            && matches!(
                body,
                KnownEvent::TurnHandedOver {}
                    | KnownEvent::MessageAppended { .. }
                    | KnownEvent::ToolCallUpdated { .. }
                    | KnownEvent::PlanUpdated { .. }
                    | KnownEvent::UsageUpdated { .. }
                    | KnownEvent::ConfigUpdated { .. }
                    | KnownEvent::AgentCommandsUpdated { .. }
                    | KnownEvent::AgentSignedIn { .. }
                    | KnownEvent::PermissionRequested { .. }
                    | KnownEvent::ElicitationRequested { .. }
            );
        if let Some(turn) = self.phase.turn_mut().filter(|_| answered || said) {
            turn.active_at = Some(event.at);
            turn.warned_at = None;
        }
    }

    pub(super) fn apply_inactive(&mut self, event: &Event) {
        if let Some(turn) = self.phase.turn_mut().filter(|turn| Some(turn.id) == event.data.turn) {
            turn.warned_at = Some(event.at);
        }
    }

    pub(super) fn apply_unhealthy(&mut self, event: &Event, reason: UnhealthyReason, detail: &str) {
        self.unhealthy.insert(reason, Ailment { detail: detail.to_owned(), since: event.at });
    }

    /// Takes note of the end of an attempt that nobody wanted.
    pub(super) fn apply_crash(&mut self, at: Timestamp) {
        self.crashes.push_back(at);
        while self.crashes.len() > limits::CRASHES {
            self.crashes.pop_front();
        }
    }

    /// Whether one more crash now is one too many: it would only crash again.
    pub(super) fn crashes_again_and_again(&self, now: Timestamp) -> bool {
        let recent = self.crashes.iter().filter(|at| now.as_second() - at.as_second() < limits::CRASH_WINDOW);
        recent.count() + 1 >= limits::CRASHES
    }
}

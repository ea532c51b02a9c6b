//! Decides what is appended where nobody can tell any more what a session was doing: its log has holes, or the database
//! is an older one. What was open is closed and the session stops, with an outcome that is said to be unknown; and what a
//! repair of the log appends.

use jiff::Timestamp;

use super::{
    attempt,
    decider::{Decider, Decision, PosSource},
    handle::drop_queue,
    questions,
    state::{Phase, SessionState},
};
use crate::{
    event::{EventData, KnownEvent},
    failure::{AttemptExit, Failure, FailureKind, StopCause, StopReason},
    rejection::Rejection,
    repair::{Findings, IssueCode},
};

/// Why nobody can tell any more what a session was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubt {
    /// Who found out, and closes what is open.
    pub by: Mender,
    /// How many events its log lacks. Each of them may have begun an attempt, so that many numbers are not given again.
    pub lost: u64,
    /// Whether it is sure that it had no runner when its last event was written.
    pub rests: bool,
}

/// Who closes what a session left open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mender {
    /// A repair of its log.
    Repair,
    /// Whoever made a new database of a damaged one.
    Salvage,
    /// Whoever put a backup in the place of the database.
    Restore,
}

impl Mender {
    /// Its name, as events tell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Repair => "repair",
            Self::Salvage => "salvage",
            Self::Restore => "restore",
        }
    }

    const fn detail(self) -> &'static str {
        match self {
            Self::Repair => "its log was damaged and is repaired",
            Self::Salvage => "events of it were lost with a part of the database",
            Self::Restore => "the database was put back from a backup, and what came after it is not known",
        }
    }

    fn failure(self) -> Failure {
        let failure = Failure::new(FailureKind::UnknownFailure, self.detail());
        match self {
            Self::Repair => failure,
            Self::Salvage | Self::Restore => failure.code("session_damaged"),
        }
    }
}

/// Brings a session to rest of which nobody can tell any more what it was doing. Empty if it has nothing open and rests.
pub fn break_off(state: &SessionState, doubt: Doubt, now: Timestamp, pos: PosSource<'_>) -> Decision {
    let mut d = Decider::new(state.clone(), now, pos);
    end_all(&mut d, doubt);
    d.finish()
}

pub(super) fn mend(
    d: &mut Decider<'_>,
    findings: Findings,
    doubt: Option<Doubt>,
    expected: u64,
    by: String,
) -> Result<(), Rejection> {
    if d.state.seq != expected {
        return Err(Rejection::Moved { expected, seq: d.state.seq });
    }
    if let Some(why) = findings.issues.iter().find(|issue| issue.code.blocks()) {
        let why = match why.seq {
            Some(seq) => format!("event {seq}: {}", why.detail),
            None => why.detail.clone(),
        };
        return Err(Rejection::Unrepairable { why });
    }
    if findings.has(IssueCode::SessionNotStopped) {
        return Err(Rejection::WrongState { command: "repair", state: d.state.phase.name() });
    }
    if findings.has(IssueCode::StopReasonRequiresForce) {
        return Err(Rejection::WantsForce);
    }
    if !findings.is_needed() {
        return Err(Rejection::LogIsWhole);
    }
    // Before the end of the turn that they were asked in.
    questions::close(d, Mender::Repair.name());
    for closing in findings.closings() {
        d.emit_data(closing, None);
    }
    if let Some(doubt) = doubt {
        end_all(d, doubt);
    }
    d.emit(KnownEvent::RepairCompleted { by, issues: findings.issues, actions: findings.actions });
    Ok(())
}

/// Closes what is open, and stops the session. The outcome of its turn is not known, and what waits in its queue may have
/// been handed over where nobody can see it: neither is ever sent again.
fn end_all(d: &mut Decider<'_>, doubt: Doubt) {
    let (by, detail) = (doubt.by.name(), doubt.by.detail());
    let number = d.state.phase.attempt().map_or(d.state.attempts, |attempt| attempt.number);
    let open = has_open(&d.state);
    attempt::close_tools(d, number);
    questions::close(d, by);
    if let Some(turn) = d.state.phase.turn().map(|turn| turn.id) {
        let failure = Some(doubt.by.failure().code("prompt_outcome_unknown"));
        let body = KnownEvent::TurnEnded { stop_reason: StopReason::Interrupted, failure, usage: None };
        d.emit_data(EventData::new(body).turn(turn).attempt(number), None);
    }
    if open {
        let exit = AttemptExit { by: by.to_owned(), detail: detail.to_owned(), ..AttemptExit::default() };
        d.emit_data(EventData::new(KnownEvent::AttemptEnded { exit, crash: false }).attempt(number), None);
    }
    drop_queue(d, by);
    if doubt.rests && matches!(d.state.phase, Phase::Stopped { .. } | Phase::Hibernated) {
        return;
    }
    let mut stopped = EventData::new(KnownEvent::SessionStopped {
        cause: StopCause::Failed,
        detail: Some(detail.to_owned()),
        failure: Some(doubt.by.failure()),
        // What is not known may be the begin of an attempt as well as its end.
        verified: false,
        step: None,
    });
    if doubt.lost > 0 {
        let lost = u32::try_from(doubt.lost).unwrap_or(u32::MAX);
        // The next attempt gets a number that none of those can have that nobody knows of.
        stopped = stopped.attempt(d.state.attempts.saturating_add(lost));
    }
    d.emit_data(stopped, None);
}

/// Whether something is open that ends with an attempt: a log with holes may tell of it and not of the attempt.
fn has_open(state: &SessionState) -> bool {
    state.phase.attempt().is_some()
        || !state.open_tools.is_empty()
        || !state.unhealthy.is_empty()
        || !state.directives.is_empty()
        || state.needs_you_since.is_some()
}

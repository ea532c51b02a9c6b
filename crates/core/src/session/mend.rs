//! Decides what a repair of the log appends: what its last turn left open, and for a session that nobody can say anything
//! certain about any more, its stop.

use super::{attempt, decider::Decider, questions, state::Phase};
use crate::{
    event::{EventData, KnownEvent},
    failure::{AttemptExit, Failure, FailureKind, StopCause},
    rejection::Rejection,
    repair::{Findings, IssueCode},
};

/// What is said of a session whose log had holes.
const DETAIL: &str = "its log was damaged and is repaired";

pub(super) fn mend(d: &mut Decider<'_>, findings: Findings, expected: u64, by: String) -> Result<(), Rejection> {
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
    for closing in findings.closings() {
        d.emit_data(closing, None);
    }
    come_to_rest(d);
    d.emit(KnownEvent::RepairCompleted { by, issues: findings.issues, actions: findings.actions });
    Ok(())
}

/// What the holes hide may be the end of an attempt; nobody can prove what is left of it.
fn come_to_rest(d: &mut Decider<'_>) {
    let verified = match &d.state.phase {
        Phase::Stopped { .. } | Phase::Hibernated => return,
        Phase::Pending { .. } => true,
        Phase::Starting { .. } | Phase::Idle { .. } | Phase::Running { .. } | Phase::Stopping { .. } => false,
    };
    let number = d.state.attempts;
    attempt::close_tools(d, number);
    questions::close(d, "repair");
    if d.state.phase.attempt().is_some() {
        let exit = AttemptExit { by: "repair".to_owned(), detail: DETAIL.to_owned(), ..AttemptExit::default() };
        d.emit_data(EventData::new(KnownEvent::AttemptEnded { exit, crash: false }).attempt(number), None);
    }
    let failure = Failure::new(FailureKind::UnknownFailure, DETAIL);
    d.emit(KnownEvent::SessionStopped {
        cause: StopCause::Failed,
        detail: Some(DETAIL.to_owned()),
        failure: Some(failure),
        verified,
        step: None,
    });
}

//! Sessions of which nobody can tell any more what they were doing.

use super::world::*;
use crate::{
    command::Command,
    content::ToolStatus,
    event::{Event, EventBody, KnownEvent, UnhealthyReason},
    failure::{StopCause, StopReason},
    rejection::Rejection,
    repair::{Analysis, IssueCode, Line, Standing},
    session::{Doubt, Mender, Phase, SessionState},
};

const RESTORED: Doubt = Doubt { by: Mender::Restore, lost: 0, rests: true };

fn tags(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.data.tag()).collect()
}

/// The state that a log folds to where events of some types are lost.
fn without(w: &World, lost: &[&str]) -> SessionState {
    let mut state = SessionState::begin(&w.log[0]).unwrap();
    w.log[1..].iter().filter(|event| !lost.contains(&event.data.tag())).for_each(|event| state.apply(event));
    state
}

#[test]
fn all_that_was_open_is_closed_and_nothing_of_it_is_sent_again() {
    let mut w = World::prompted(spec()).with_turn();
    let turn = w.turn();
    for text in ["deploy", "and then"] {
        let more = w.prompt(text);
        w.ok(more);
    }
    w.ok(w.report([tool("t", ToolStatus::InProgress), asks(1), elicits(1)]));
    w.ok(Command::FallIll { reason: UnhealthyReason::WorkerOffline, detail: "d".to_owned() });
    let events = w.break_off(RESTORED);
    assert_eq!(
        tags(&events),
        [
            "tool_call_updated",
            "permission_decided",
            "elicitation_answered",
            "turn_ended",
            "attempt_ended",
            "queue_entry_dropped",
            "queue_entry_dropped",
            "session_stopped"
        ]
    );
    assert_eq!(w.ends(), [(turn, StopReason::Interrupted)]);
    let failure = w.state.last_turn.clone().unwrap().failure.unwrap();
    assert_eq!(failure.code.as_deref(), Some("prompt_outcome_unknown"));
    let EventBody::Known(KnownEvent::QueueEntryDropped { by }) = &events[5].data.body else { panic!() };
    assert_eq!(by, "restore");
    let (cause, verified, _) = w.stopped();
    assert_eq!((cause, verified), (StopCause::Failed, false));
    let state = &w.state;
    assert!(state.queue.is_empty() && state.permissions.is_empty() && state.elicitations.is_empty());
    assert!(state.open_tools.is_empty() && state.unhealthy.is_empty() && state.directives.is_empty());
    assert_eq!((state.needs_you_since, state.crashes.len()), (None, 0), "nobody crashed");
    assert!(w.break_off(RESTORED).is_empty(), "once is enough");
    // It goes on with what is said from now on.
    let next = w.prompt("next");
    w.ok(next);
    w.ok(w.assign());
    assert_eq!(w.attempt(), 2);
}

#[test]
fn what_waits_in_a_session_at_rest_is_dropped_and_its_stop_stays() {
    let mut w = World::prompted(spec()).with_turn();
    let more = w.prompt("deploy");
    w.ok(more);
    w.ok(w.end(gone()));
    let before = w.stopped();
    assert_eq!(w.state.queue.len(), 1);
    assert_eq!(tags(&w.break_off(RESTORED)), ["queue_entry_dropped"]);
    assert_eq!(w.stopped(), before);
}

#[test]
fn a_turn_whose_begin_is_lost_is_not_sent_again() {
    let mut w = World::prompted(spec()).with_turn();
    let turn = w.turn();
    w.ok(w.report([ended(turn, StopReason::EndTurn)]));
    w.state = without(&w, &["turn_started", "turn_handed_over"]);
    assert_eq!(w.state.queue.len(), 1, "as it folds");
    w.break_off(Doubt { by: Mender::Repair, lost: 2, rests: false });
    assert!(w.state.queue.is_empty());
    assert!(!w.stopped().1);
}

#[test]
fn a_rest_that_is_not_sure_is_a_stop_without_proof() {
    let mut w = World::said(spec());
    w.ok(w.end(gone()));
    let next = w.prompt("next");
    w.ok(next);
    let mut w = w.with_runner();
    w.ok(w.report([ready()]));
    let turn = w.turn();
    w.ok(w.report([handed_over(turn), asks(1)]));
    // It folds to a session that is stopped, of which an agent asks something.
    let lost = ["attempt_assigned", "attempt_started"];
    let mut state = without(&w, &lost);
    state.phase = Phase::Stopped { cause: StopCause::Completed, detail: None, verified: true, step: None };
    w.state = state;
    let events = w.break_off(Doubt { by: Mender::Salvage, lost: 0, rests: false });
    let told = tags(&events);
    assert_eq!(told.first(), Some(&"permission_decided"));
    assert!(told.ends_with(&["session_stopped"]) && told.contains(&"attempt_ended"), "{told:?}");
    assert_eq!((w.stopped().1, w.state.needs_you_since), (false, None));
    assert!(w.state.directives.is_empty());
}

#[test]
fn no_number_of_an_attempt_is_given_twice() {
    // Its begin is lost, and what it said is not.
    let mut w = World::prompted(spec()).with_turn();
    w.state = without(&w, &["attempt_assigned", "attempt_started", "agent_session_started"]);
    assert_eq!(w.state.attempts, 1);
    // All of an attempt may be lost.
    w.break_off(Doubt { by: Mender::Salvage, lost: 7, rests: false });
    assert_eq!(w.state.attempts, 8);
    let mut folded = SessionState::begin(&w.log[0]).unwrap();
    w.log[1..].iter().for_each(|event| folded.apply(event));
    assert_eq!(folded.attempts, 8, "the log says so");
    let next = w.prompt("next");
    w.ok(next);
    w.ok(w.assign());
    assert_eq!(w.state.phase.attempt().map(|attempt| attempt.number), Some(9));
    // A worker knows one that this log does not.
    let mut w = World::prompted(spec());
    let Command::Assign { worker, .. } = w.assign() else { panic!() };
    w.ok(Command::Assign { worker, above: 41 });
    assert_eq!(w.attempt(), 42);
}

#[test]
fn a_repair_past_holes_drops_what_may_have_run_and_is_needed_once() {
    let mut w = World::prompted(spec()).with_turn();
    let turn = w.turn();
    let more = w.prompt("more");
    w.ok(more);
    w.ok(w.report([tool("t", ToolStatus::InProgress), asks(1)]));
    // Whoever reads the log past its hole sees the turn wait.
    let lost = ["turn_started", "turn_handed_over"];
    w.state = without(&w, &lost);
    w.log.retain(|event| !lost.contains(&event.data.tag()));
    assert_eq!(w.state.queue.len(), 2);
    let at_rest = |w: &World| Standing { at_rest: true, crashed: true, seq: Some(w.state.seq) };
    let findings = |w: &World| {
        let mut analysis = Analysis::default();
        for event in &w.log {
            let text = event.data.to_json();
            analysis.take(Line { seq: event.seq, pos: Some(event.pos), kind: None, text: Some(&text) });
        }
        analysis.finish(at_rest(w), false)
    };
    let repair = |w: &World| Command::Repair {
        findings: Box::new(findings(w)),
        doubt: Some(Doubt { by: Mender::Repair, lost: 2, rests: false }),
        expected: w.state.seq,
        by: "ada".to_owned(),
    };
    assert!(findings(&w).has(IssueCode::EventSequenceGap));
    let events = w.ok(repair(&w));
    let told = tags(&events);
    assert_eq!(told.iter().filter(|tag| **tag == "queue_entry_dropped").count(), 2);
    assert!(told.ends_with(&["session_stopped", "repair_completed"]), "{told:?}");
    assert!(w.state.queue.is_empty() && w.state.needs_you_since.is_none() && w.state.open_tools.is_empty());
    assert!(!w.ends().iter().any(|(of, _)| *of == turn), "nobody can tell that it ran");
    assert_eq!((w.state.attempts, w.stopped().1), (3, false));
    assert_eq!(w.run(repair(&w)), Err(Rejection::LogIsWhole));
}

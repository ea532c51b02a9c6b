//! Cancel, stop, and the deaths of runners.

use super::world::*;
use crate::{
    command::{BusyMode, Command, Expiry},
    content::{ContentBlock, ToolStatus, plain_text},
    directive::Order,
    event::{EventBody, EventData, KnownEvent, StopMode},
    failure::{AttemptExit, FailureKind, ProcessExit, StopCause, StopReason},
    limits,
    rejection::Rejection,
    session::Phase,
    spec::CrashPolicy,
    view::{self, Badge},
};

fn with(policy: CrashPolicy) -> crate::spec::SessionSpec {
    crate::spec::SessionSpec { crash_policy: policy, ..spec() }
}

fn killed(by: &str) -> AttemptExit {
    let killed = Some(ProcessExit { code: None, signal: Some(9) });
    AttemptExit { by: by.to_owned(), runner: killed, agent: killed, verified: true, ..AttemptExit::default() }
}

#[test]
fn the_first_cause_wins_and_stop_is_idempotent() {
    let mut w = World::prompted(spec()).with_turn();
    let queued = w.prompt("never runs");
    w.ok(queued);
    w.ok(stop(StopMode::Graceful));
    let Phase::Stopping { since, cause, .. } = w.state.phase else { panic!() };
    assert_eq!(cause, StopCause::UserRequested);
    assert!(matches!(w.orders()[..], [Order::Cancel { .. }, Order::Stop { mode: StopMode::Graceful }]));
    assert_eq!(w.state.queue.len(), 0);

    assert!(w.ok(stop(StopMode::Graceful)).is_empty(), "asking again says nothing new");
    let now = Command::Stop { cause: StopCause::Timeout, mode: StopMode::Now, message: None, by: "timer".to_owned() };
    w.ok(now);
    let Phase::Stopping { since: still, cause, detail, .. } = &w.state.phase else { panic!() };
    assert_eq!((*still, *cause, detail), (since, StopCause::UserRequested, &None), "only the order is stronger");
    assert!(matches!(w.orders()[..], [Order::Cancel { .. }, Order::Stop { mode: StopMode::Now }]));
    assert_eq!(w.state.directives.back().unwrap().seq, w.state.seq);

    let turn = w.turn();
    w.ok(w.report([ended(turn, StopReason::Cancelled)]));
    w.ok(w.end(gone()));
    assert_eq!(w.stopped(), (StopCause::UserRequested, true, None));
    assert!(w.ok(stop(StopMode::Now)).is_empty());
}

#[test]
fn a_stop_that_killed_its_turn_is_no_failure() {
    let mut w = World::prompted(spec()).with_turn();
    w.ok(stop(StopMode::Now));
    w.ok(w.end(killed("keeper")));
    assert_eq!(w.stopped(), (StopCause::UserRequested, true, None));
    let last = w.state.last_turn.clone().unwrap();
    assert_eq!((last.stop_reason, last.failure), (StopReason::Cancelled, None));
}

#[test]
fn a_stop_without_proof_says_so() {
    let mut w = World::prompted(spec()).with_turn();
    w.ok(stop(StopMode::Now));
    w.ok(w.end(AttemptExit { verified: false, survivors: 2, ..gone() }));
    assert!(!w.stopped().1);
}

#[test]
fn a_prompt_while_stopping_is_refused_and_after_it_taken() {
    let mut w = World::prompted(spec()).with_turn();
    w.ok(stop(StopMode::Graceful));
    let more = w.prompt("more");
    assert_eq!(w.run(more), Err(Rejection::Stopping { cause: StopCause::UserRequested }));
    w.ok(w.end(gone()));
    let more = w.prompt("more");
    w.ok(more);
    assert_eq!(w.state.phase.name(), "pending");
}

#[test]
fn a_cancel_while_starting_reaches_the_turn() {
    let mut w = World::prompted(spec()).with_runner();
    let turn = w.turn();
    w.ok(cancel());
    assert!(matches!(w.orders()[..], [Order::Prompt { .. }, Order::Cancel { .. }]));
    assert!(w.ok(cancel()).is_empty(), "a second cancel says nothing new");
    w.ok(w.report([ended(turn, StopReason::Cancelled)]));
    assert!(matches!(w.state.phase, Phase::Starting { turn: None, .. }));
    assert!(w.orders().is_empty());
    w.ok(w.report([ready()]));
    assert_eq!(w.state.phase.name(), "idle");
}

#[test]
fn a_cancel_before_there_is_a_runner_takes_the_prompt_back() {
    let mut w = World::prompted(spec());
    let turn = w.state.queue[0].id;
    assert_eq!(w.run(cancel()), Err(Rejection::NothingRunning), "which one is meant is not said");
    let events = w.ok(Command::Cancel { turn: Some(turn), by: "ada".to_owned() });
    assert_eq!(events[0].data.tag(), "queue_entry_dropped");
    assert!(w.state.queue.is_empty());
}

#[test]
fn a_cancelled_turn_whose_runner_dies_was_cancelled() {
    let mut w = World::prompted(spec()).with_runner();
    let turn = w.turn();
    w.ok(cancel());
    w.ok(w.end(killed("keeper")));
    assert_eq!(w.ends(), [(turn, StopReason::Cancelled)]);
    assert_eq!(w.state.phase.name(), "hibernated");
}

#[test]
fn a_turn_out_of_time_is_told_as_such() {
    let mut w = World::prompted(crate::spec::SessionSpec { timeout: 5, ..spec() }).with_turn();
    let turn = w.turn();
    assert_eq!(w.run(Command::ExpireTurn { turn, why: Expiry::Timeout }), Err(Rejection::Nothing), "it has time left");
    w.later(5);
    w.ok(Command::ExpireTurn { turn, why: Expiry::Timeout });
    assert_eq!(w.run(Command::ExpireTurn { turn, why: Expiry::Timeout }), Err(Rejection::Nothing));
    w.ok(w.report([ended(turn, StopReason::Cancelled)]));
    let last = w.state.last_turn.clone().unwrap();
    assert_eq!(last.stop_reason, StopReason::Timeout);
    let failure = last.failure.unwrap();
    assert_eq!((failure.kind, failure.code.as_deref()), (FailureKind::Timeout, Some("turn_timeout")));
    assert_eq!(w.state.phase.name(), "idle");
}

#[test]
fn an_agent_that_does_not_yield_in_time_is_stopped_for_it() {
    let mut w = World::prompted(crate::spec::SessionSpec { timeout: 5, ..spec() }).with_turn();
    let turn = w.turn();
    w.later(5);
    w.ok(Command::ExpireTurn { turn, why: Expiry::Timeout });
    w.ok(Command::Stop { cause: StopCause::Timeout, mode: StopMode::Now, message: None, by: "timer".to_owned() });
    w.ok(w.end(killed("keeper")));
    assert_eq!(w.ends(), [(turn, StopReason::Timeout)]);
    let (cause, _, failure) = w.stopped();
    assert_eq!((cause, failure.unwrap().kind), (StopCause::Timeout, FailureKind::Timeout));
    assert_eq!(view::badge(&w.state), Badge::Failed);
}

#[test]
fn an_interrupt_goes_first_and_drops_nothing() {
    let mut w = World::prompted(spec()).with_turn();
    let running = w.turn();
    for text in ["second", "third"] {
        let command = w.prompt(text);
        w.ok(command);
    }
    let command = w.interrupt("at once");
    let Command::Prompt { prompt, busy: BusyMode::Interrupt } = &command else { panic!() };
    let at_once = prompt.turn;
    w.ok(command);
    assert_eq!(w.state.queue.len(), 3);
    w.ok(w.report([ended(running, StopReason::Cancelled)]));
    assert_eq!(w.turn(), at_once);
    assert_eq!(w.state.queue.len(), 2);
}

#[test]
fn the_queue_has_a_limit_and_an_order() {
    let mut w = World::prompted(spec()).with_turn();
    for n in 0..limits::QUEUE_MAX {
        let command = w.prompt(&format!("prompt {n}"));
        w.ok(command);
    }
    let more = w.prompt("one too many");
    assert_eq!(w.run(more), Err(Rejection::QueueFull { length: limits::QUEUE_MAX }));
    let positions: Vec<usize> = view::queue(&w.state).iter().map(|e| e.position).collect();
    assert_eq!(positions, (1..=limits::QUEUE_MAX).collect::<Vec<_>>());
}

#[test]
fn a_prompt_that_waits_can_be_moved_and_changed_at_once() {
    let mut w = World::prompted(spec()).with_turn();
    for n in 1..=4 {
        let command = w.prompt(&format!("prompt {n}"));
        w.ok(command);
    }
    let order = |w: &World| -> Vec<String> { w.state.queue.iter().map(|e| plain_text(&e.content)).collect() };
    let turn = w.state.queue[2].id;
    let edit = |content: Option<&str>, position| Command::EditQueued {
        turn,
        content: content.map(|text| vec![ContentBlock::text(text)].into()),
        position,
    };
    let events = w.ok(edit(None, Some(1)));
    assert_eq!(events.iter().map(|e| e.data.tag()).collect::<Vec<_>>(), ["queue_entry_moved"]);
    assert_eq!(order(&w), ["prompt 3", "prompt 1", "prompt 2", "prompt 4"]);
    w.ok(edit(Some("other"), Some(4)));
    assert_eq!(order(&w), ["prompt 1", "prompt 2", "prompt 4", "other"]);
    assert_eq!(w.ok(edit(None, Some(4))).len(), 0, "it is there already");
    for position in [0, 5] {
        assert_eq!(w.run(edit(Some("x"), Some(position))), Err(Rejection::QueuePosition { position, length: 4 }));
    }
    assert_eq!(w.run(edit(None, None)), Err(Rejection::Nothing));
    assert_eq!(order(&w), ["prompt 1", "prompt 2", "prompt 4", "other"], "what is refused changes nothing");
}

#[test]
fn a_turn_that_was_not_handed_over_is_tried_again_but_not_for_ever() {
    let mut w = World::prompted(spec());
    let turn = w.state.queue[0].id;
    for n in 1..=limits::TURN_TRIES {
        w.ok(w.assign());
        w.ok(w.hello());
        assert_eq!((w.turn(), w.state.turns), (turn, 1), "it keeps its number");
        assert!(w.ends().is_empty(), "try {n}");
        w.ok(w.end(killed("keeper")));
    }
    assert_eq!(w.ends(), [(turn, StopReason::Failed)]);
    assert_eq!(w.stopped().0, StopCause::Failed);
}

#[test]
fn a_start_that_nobody_explains_is_tried_again_but_not_for_ever() {
    for mut w in [World::prompted(spec()), World::new(spec())] {
        let prompted = !w.state.queue.is_empty();
        for _ in 0..limits::START_TRIES {
            assert_eq!(w.state.phase.name(), "pending");
            w.ok(w.assign());
            w.ok(w.end(killed("worker")));
        }
        let (cause, _, failure) = w.stopped();
        assert_eq!(cause, StopCause::Failed);
        assert!(failure.unwrap().summary.contains("3 times"));
        assert_eq!(w.ends().len(), usize::from(prompted), "who waits for the turn is told");
    }
}

#[test]
fn a_refused_attempt_ends_its_first_turn_and_keeps_the_others() {
    let mut w = World::prompted(spec());
    let turn = w.state.queue[0].id;
    let more = w.prompt("more");
    w.ok(more);
    w.ok(w.assign());
    w.ok(Command::Refuse { attempt: 1, code: "cwd_missing".to_owned(), detail: "/repo does not exist".to_owned() });
    assert_eq!(w.ends(), [(turn, StopReason::Failed)]);
    let (cause, verified, failure) = w.stopped();
    assert_eq!((cause, verified, failure.unwrap().code.as_deref()), (StopCause::Failed, true, Some("cwd_missing")));
    assert_eq!(w.state.queue.len(), 1);
}

#[test]
fn a_failed_start_fails_one_turn_only_and_is_not_repeated_by_the_crash_policy() {
    for policy in [CrashPolicy::Ask, CrashPolicy::Resume, CrashPolicy::Fail] {
        let mut w = World::prompted(with(policy)).with_runner();
        let turn = w.turn();
        let more = w.prompt("more");
        w.ok(more);
        w.ok(w.report([fails(FailureKind::HandshakeFailure), ended(turn, StopReason::Failed)]));
        assert!(w.state.phase.turn().is_none(), "a leaving runner gets no further turn");
        w.ok(w.end(gone()));
        assert_eq!(w.ends(), [(turn, StopReason::Failed)]);
        let (cause, _, failure) = w.stopped();
        assert_eq!((cause, failure.unwrap().kind), (StopCause::Failed, FailureKind::HandshakeFailure));
        assert_eq!(w.state.queue.is_empty(), policy == CrashPolicy::Fail);
    }
}

#[test]
fn an_old_failure_does_not_explain_a_new_attempt() {
    let mut w = World::prompted(spec()).with_runner();
    w.ok(w.report([fails(FailureKind::HandshakeFailure)]));
    w.ok(w.end(gone()));
    let more = w.prompt("again");
    w.ok(more);
    w.ok(w.assign());
    w.ok(w.end(killed("worker")));
    assert_eq!(w.state.phase.name(), "pending", "this one said nothing");
}

#[test]
fn a_turn_of_unknown_outcome_is_said_and_never_sent_again() {
    for policy in [CrashPolicy::Ask, CrashPolicy::Resume, CrashPolicy::Fail] {
        let mut w = World::prompted(with(policy)).with_turn();
        let turn = w.turn();
        let more = w.prompt("more");
        w.ok(more);
        w.ok(w.report([tool("t", ToolStatus::InProgress), asks(1), elicits(1)]));
        w.ok(w.end(killed("keeper")));
        assert_eq!(w.ends(), [(turn, StopReason::Interrupted)]);
        let last = w.state.last_turn.clone().unwrap();
        let failure = last.failure.unwrap();
        assert_eq!(failure.code.as_deref(), Some("prompt_outcome_unknown"));
        assert_eq!(failure.summary, "the runner ended with signal 9", "the agent's death was the keeper's doing");
        assert!(w.state.open_tools.is_empty() && w.state.permissions.is_empty() && w.state.elicitations.is_empty());
        match policy {
            CrashPolicy::Ask => assert_eq!((w.stopped().0, w.state.queue.len()), (StopCause::Failed, 1)),
            CrashPolicy::Resume => assert_eq!((w.state.phase.name(), w.state.queue.len()), ("pending", 1)),
            CrashPolicy::Fail => assert_eq!((w.stopped().0, w.state.queue.len()), (StopCause::Failed, 0)),
        }
    }
}

#[test]
fn a_prompt_that_met_a_dying_agent_waits_for_the_next_one() {
    for policy in [CrashPolicy::Ask, CrashPolicy::Resume, CrashPolicy::Fail] {
        let mut w = World::prompted(with(policy)).with_agent();
        let turn = w.turn();
        w.ok(w.report([fails(FailureKind::ProcessExit)]));
        w.ok(w.end(gone()));
        if policy == CrashPolicy::Fail {
            assert_eq!(w.ends(), [(turn, StopReason::Failed)]);
            continue;
        }
        assert_eq!((w.state.phase.name(), w.ends().len()), ("pending", 0), "{policy:?}");
        assert_eq!(w.state.queue.front().map(|entry| entry.id), Some(turn));
        for _ in 1..limits::TURN_TRIES {
            w = w.with_agent();
            w.ok(w.report([fails(FailureKind::ProcessExit)]));
            w.ok(w.end(gone()));
        }
        assert_eq!(w.ends(), [(turn, StopReason::Failed)], "but not for ever");
    }
}

#[test]
fn the_marker_on_disk_counts_as_handed_over() {
    let mut w = World::prompted(spec()).with_agent();
    let turn = w.turn();
    w.ok(w.end(AttemptExit { handed_over: Some(turn), ..killed("worker") }));
    assert_eq!(w.ends(), [(turn, StopReason::Interrupted)]);
}

#[test]
fn resume_with_nothing_to_do_hibernates_and_a_one_shot_stops() {
    let mut w = World::new(with(CrashPolicy::Resume)).with_agent();
    w.ok(w.end(killed("keeper")));
    assert_eq!(w.state.phase.name(), "hibernated");
    let more = w.prompt("wake");
    w.ok(more);
    assert_eq!(w.state.phase.name(), "pending");

    let one_shot = crate::spec::SessionSpec { on_turn_end: crate::spec::OnTurnEnd::Stop, ..with(CrashPolicy::Resume) };
    let mut w = World::prompted(one_shot).with_turn();
    w.ok(w.end(killed("keeper")));
    let (cause, _, failure) = w.stopped();
    assert_eq!((cause, failure.is_some()), (StopCause::Failed, true));
}

#[test]
fn an_agent_that_was_killed_because_it_did_not_yield_has_not_crashed() {
    let mut w = World::prompted(spec()).with_turn();
    let turn = w.turn();
    let next = w.prompt("next");
    w.ok(next);
    w.ok(cancel());
    w.ok(w.end(killed("keeper")));
    assert_eq!(w.ends(), [(turn, StopReason::Cancelled)]);
    assert_eq!(w.state.last_turn.as_ref().unwrap().failure, None);
    assert_eq!((w.state.phase.name(), w.state.queue.len()), ("pending", 1), "what waits goes on");
}

#[test]
fn a_runner_that_left_an_agent_that_would_not_yield_has_not_crashed() {
    let mut w = World::prompted(spec()).with_turn();
    let turn = w.turn();
    w.ok(cancel());
    w.ok(w.report([ended(turn, StopReason::Cancelled)]));
    w.ok(w.end(AttemptExit { by: "cancel".to_owned(), ..gone() }));
    assert_eq!(w.state.phase.name(), "hibernated");
}

#[test]
fn the_end_of_a_turn_closes_what_it_left_open() {
    let mut w = World::prompted(spec()).with_turn();
    let turn = w.turn();
    w.ok(w.report([tool("a", ToolStatus::InProgress), tool("b", ToolStatus::Completed), asks(1), elicits(1)]));
    let from = w.log.len();
    w.ok(w.report([ended(turn, StopReason::EndTurn)]));
    assert_eq!(
        w.tags()[from..],
        ["tool_call_updated", "permission_decided", "elicitation_answered", "turn_ended"],
        "before the end, so that it is the turn's last event"
    );
    assert!(w.log[from..].iter().all(|e| e.index.is_some() == (e.data.tag() == "turn_ended")));
}

#[test]
fn an_end_that_cannot_be_read_is_an_end() {
    let mut w = World::prompted(spec()).with_turn();
    let turn = w.turn();
    let text = format!(r#"{{"type":"turn_ended","turn":"{turn}","stop_reason":"exploded"}}"#);
    w.ok(w.report([EventData::from_report(&text)]));
    assert_eq!(w.ends(), [(turn, StopReason::Failed)]);
    let note = w.log.iter().find(|e| e.data.tag() == "log_note").unwrap();
    let EventBody::Known(KnownEvent::LogNote { code, raw, .. }) = &note.data.body else { panic!() };
    assert_eq!((code.as_str(), &raw.as_ref().unwrap()["stop_reason"]), ("malformed", &"exploded".into()));
    assert_eq!(w.state.phase.name(), "idle");
}

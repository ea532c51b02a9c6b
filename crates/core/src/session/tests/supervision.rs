//! Turns in which nothing happens, what is not as it should be, and crashes again and again.

use super::world::*;
use crate::{
    command::{Command, Expiry},
    directive::Order,
    event::{EventData, KnownEvent, StopMode, UnhealthyReason},
    failure::{AttemptExit, Failure, FailureKind, ProcessExit, StopCause, StopReason},
    health::{self, Activity, Health, Ineligible},
    limits,
    rejection::Rejection,
    session::Phase,
    spec::{CrashPolicy, SessionSpec},
    view::{self, Badge},
};

fn impatient() -> SessionSpec {
    SessionSpec { inactivity_warn: 60, inactivity_timeout: 90, ..spec() }
}

fn inactive(w: &World) -> Command {
    Command::ExpireTurn { turn: w.turn(), why: Expiry::Inactivity }
}

fn ill(reason: UnhealthyReason) -> Command {
    Command::FallIll { reason, detail: "so it is".to_owned() }
}

fn silent_since(w: &World) -> i64 {
    w.state.phase.turn().unwrap().silent_since().unwrap().as_second() - at(0).as_second()
}

fn killed() -> AttemptExit {
    let killed = Some(ProcessExit { code: None, signal: Some(9) });
    AttemptExit { by: "keeper".to_owned(), runner: killed, agent: killed, verified: true, ..AttemptExit::default() }
}

fn exits_early() -> EventData {
    let failure = Failure::new(FailureKind::StartupFailure, "it ended with exit code 1").code("agent_exited_early");
    EventData::new(KnownEvent::AttemptFailed { failure })
}

#[test]
fn only_what_the_agent_does_and_what_it_waited_for_moves_the_clock() {
    let mut w = World::prompted(impatient()).with_turn();
    let began = silent_since(&w);
    w.later(30);
    let note = KnownEvent::AgentDiagnostic { code: "stdout_noise".to_owned(), detail: "beat".to_owned() };
    w.ok(w.report([EventData::new(note)]));
    assert_eq!(silent_since(&w), began, "noise is not work");
    w.ok(w.report([says(1, "a word")]));
    assert!(silent_since(&w) > began);
    let said = silent_since(&w);
    w.ok(w.report([asks(1)]));
    w.later(500);
    w.ok(picks(1, "yes"));
    assert!(silent_since(&w) >= said + 500, "the agent waited for a person");
}

#[test]
fn a_turn_in_which_nothing_happens_is_warned_of_once_and_again_after_a_word() {
    let mut w = World::prompted(impatient()).with_turn();
    w.later(59);
    let events = w.ok(Command::WarnTurn { turn: w.turn() });
    let told = events[0].data.to_json();
    assert!(told.contains(r#""silent":60,"cancelled_in":30"#), "{told}");
    assert_eq!(w.run(Command::WarnTurn { turn: w.turn() }), Err(Rejection::Nothing));
    w.ok(w.report([says(1, "a word")]));
    assert_eq!(w.run(Command::WarnTurn { turn: w.turn() }), Err(Rejection::Nothing), "it was before the word");
    w.later(58);
    w.ok(Command::WarnTurn { turn: w.turn() });
    w.ok(w.report([asks(1)]));
    w.later(60);
    assert_eq!(w.run(Command::WarnTurn { turn: w.turn() }), Err(Rejection::Nothing), "a person is waited for");
}

#[test]
fn an_agent_that_yields_to_the_end_of_its_patience_goes_on() {
    let mut w = World::prompted(impatient()).with_turn();
    let turn = w.turn();
    w.later(90);
    w.ok(inactive(&w));
    assert!(matches!(w.orders()[..], [Order::Cancel { .. }]));
    w.ok(w.report([ended(turn, StopReason::Cancelled)]));
    assert_eq!(w.ends(), [(turn, StopReason::Timeout)]);
    let failure = w.state.last_turn.clone().unwrap().failure.unwrap();
    assert_eq!((failure.kind, failure.code.as_deref()), (FailureKind::Timeout, Some("turn_inactive")));
    assert_eq!(w.state.phase.name(), "idle");
}

#[test]
fn whoever_looked_before_the_last_word_ends_and_says_nothing() {
    let says_something: [fn(&mut World); 2] = [
        |w| drop(w.ok(w.report([says(1, "a word")]))),
        // A person has all the time of the world.
        |w| drop(w.ok(w.report([asks(1)]))),
    ];
    for say in says_something {
        let mut w = World::prompted(impatient()).with_turn();
        w.later(1000);
        say(&mut w);
        for late in [inactive(&w), Command::WarnTurn { turn: w.turn() }, ill(UnhealthyReason::Silent)] {
            assert_eq!(w.run(late), Err(Rejection::Nothing));
        }
    }
    let mut w = World::prompted(impatient()).with_turn();
    w.later(1000);
    w.ok(w.report([asks(1)]));
    w.later(1000);
    assert_eq!(w.run(inactive(&w)), Err(Rejection::Nothing), "a person was asked since");
}

#[test]
fn an_agent_that_does_not_yield_is_stopped_for_it() {
    let mut w = World::prompted(impatient()).with_turn();
    w.later(90);
    w.ok(inactive(&w));
    assert_eq!(w.run(inactive(&w)), Err(Rejection::Nothing), "it has its grace");
    w.later(limits::CANCEL_GRACE.unsigned_abs());
    w.ok(inactive(&w));
    let Phase::Stopping { cause: StopCause::Timeout, .. } = &w.state.phase else { panic!("{:?}", w.state.phase) };
    assert!(matches!(w.orders()[..], [Order::Cancel { .. }, Order::Stop { mode: StopMode::Now }]));
    assert_eq!(w.run(inactive(&w)), Err(Rejection::Nothing));
    w.ok(w.end(killed()));
    let (cause, _, failure) = w.stopped();
    assert_eq!((cause, failure.unwrap().code.as_deref()), (StopCause::Timeout, Some("turn_inactive")));
}

#[test]
fn a_cancel_of_a_person_is_not_hurried() {
    let mut w = World::prompted(impatient()).with_turn();
    w.ok(cancel());
    w.later(1000);
    assert_eq!(w.run(inactive(&w)), Err(Rejection::Nothing));
}

#[test]
fn silence_is_told_once_and_over_with_the_next_word() {
    let mut w = World::prompted(impatient()).with_turn();
    w.later(limits::SILENT);
    w.ok(ill(UnhealthyReason::Silent));
    assert_eq!(view::badge(&w.state), Badge::Hung);
    assert_eq!(w.run(ill(UnhealthyReason::Silent)), Err(Rejection::Nothing));
    w.ok(w.report([says(1, "a word")]));
    assert_eq!(view::badge(&w.state), Badge::Running);
    assert_eq!(w.tags().last(), Some(&"session_recovered"));
}

#[test]
fn what_ails_an_attempt_is_over_with_it() {
    let mut w = World::prompted(impatient()).with_turn();
    w.ok(ill(UnhealthyReason::WorkerOffline));
    assert_eq!(view::badge(&w.state), Badge::Unhealthy);
    assert_eq!(view::session(&w.state).unhealthy[0].reason, UnhealthyReason::WorkerOffline);
    w.ok(ill(UnhealthyReason::RunnerUnreachable));
    w.ok(Command::Recover { reason: UnhealthyReason::WorkerOffline });
    assert_eq!(w.run(Command::Recover { reason: UnhealthyReason::WorkerOffline }), Err(Rejection::Nothing));
    w.ok(w.end(killed()));
    assert!(w.state.unhealthy.is_empty());
    assert_eq!(w.run(ill(UnhealthyReason::WorkerOffline)), Err(Rejection::Nothing), "there is no attempt");
}

#[test]
fn a_runner_speaks_of_its_agent_alone() {
    let mut w = World::prompted(impatient()).with_turn();
    let says_ill = |reason| EventData::new(KnownEvent::SessionUnhealthy { reason, detail: "d".to_owned() });
    w.ok(w.report([says_ill(UnhealthyReason::AgentStopped), says_ill(UnhealthyReason::WorkerOffline)]));
    assert_eq!(w.state.unhealthy.keys().copied().collect::<Vec<_>>(), [UnhealthyReason::AgentStopped]);
    assert_eq!(view::badge(&w.state), Badge::Hung);
    let well = EventData::new(KnownEvent::SessionRecovered { reason: UnhealthyReason::AgentStopped });
    w.ok(w.report([well]));
    assert!(w.state.unhealthy.is_empty());
}

#[test]
fn an_agent_that_ends_before_it_is_ready_is_tried_again_where_a_crash_is_to_stop_nothing() {
    let mut w = World::prompted(SessionSpec { crash_policy: CrashPolicy::Resume, ..spec() });
    let turn = w.state.queue[0].id;
    for n in 1..=limits::CRASHES {
        assert_eq!(w.state.phase.name(), "pending", "try {n}");
        w.ok(w.assign());
        w.ok(w.hello());
        w.ok(w.report([exits_early()]));
        w.ok(w.end(gone()));
    }
    assert_eq!(w.ends(), [(turn, StopReason::Failed)]);
    let (cause, _, failure) = w.stopped();
    let failure = failure.unwrap();
    assert_eq!((cause, failure.code.as_deref()), (StopCause::Failed, Some("crash_loop")));
    assert!(failure.summary.ends_with("it ended with exit code 1") && failure.hint.is_some(), "{failure:?}");
}

#[test]
fn crashes_again_and_again_stop_what_waits_until_a_person_prompts() {
    let mut w = World::prompted(SessionSpec { crash_policy: CrashPolicy::Resume, ..spec() });
    for n in 0..limits::CRASHES + 1 {
        let more = w.prompt(&format!("prompt {n}"));
        w.ok(more);
    }
    let crash = |w: &mut World| {
        w.ok(w.assign());
        w.ok(w.hello());
        w.ok(w.report([ready()]));
        let turn = w.turn();
        w.ok(w.report([handed_over(turn)]));
        w.ok(w.end(killed()));
    };
    for _ in 0..limits::CRASHES {
        assert_eq!(w.state.phase.name(), "pending");
        crash(&mut w);
    }
    assert_eq!(w.stopped().2.unwrap().code.as_deref(), Some("crash_loop"));
    assert_eq!(w.state.queue.len(), 2, "what waits is not dropped");
    let again = w.prompt("again");
    w.ok(again);
    crash(&mut w);
    assert_eq!(w.state.phase.name(), "pending", "the count began anew");
}

#[test]
fn crashes_long_ago_do_not_count() {
    let mut w = World::prompted(SessionSpec { crash_policy: CrashPolicy::Resume, ..spec() });
    for n in 0..limits::CRASHES + 1 {
        let more = w.prompt(&format!("prompt {n}"));
        w.ok(more);
    }
    for _ in 0..=limits::CRASHES {
        w.ok(w.assign());
        w.ok(w.hello());
        w.ok(w.report([ready()]));
        let turn = w.turn();
        w.ok(w.report([handed_over(turn)]));
        w.ok(w.end(killed()));
        assert_eq!(w.state.phase.name(), "pending");
        w.later(limits::CRASH_WINDOW.unsigned_abs());
    }
}

#[test]
fn the_row_says_what_it_does_how_it_does_and_why_it_cannot_be_given_work() {
    let seen = |w: &World| {
        let row = health::row(&w.state, false);
        assert_eq!(row.eligible_for_wake, row.ineligible.is_none());
        (row.activity, row.health, row.attachable, row.ineligible)
    };
    let pending = World::prompted(spec());
    assert_eq!(seen(&pending), (Activity::Detached, Health::Healthy, false, Some(Ineligible::NotAttachable)));
    let idle = World::said(spec());
    assert_eq!(seen(&idle), (Activity::Idle, Health::Healthy, true, None));
    let mut w = World::prompted(spec()).with_turn();
    assert_eq!(seen(&w), (Activity::Prompting, Health::Healthy, true, Some(Ineligible::PromptActive)));
    w.later(limits::SILENT);
    w.ok(ill(UnhealthyReason::Silent));
    assert_eq!(seen(&w), (Activity::Prompting, Health::Degraded, true, Some(Ineligible::Hung)));
    w.ok(ill(UnhealthyReason::WorkerOffline));
    assert_eq!(seen(&w), (Activity::Prompting, Health::Stale, false, Some(Ineligible::Stale)));
    w.ok(w.end(killed()));
    assert_eq!(seen(&w), (Activity::Stopped, Health::Dead, false, Some(Ineligible::Dead)));
    assert_eq!(health::row(&w.state, true).ineligible, Some(Ineligible::Unknown));
}

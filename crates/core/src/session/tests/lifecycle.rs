//! Sessions that are resumed, put to sleep and cleared.

use super::world::*;
use crate::{
    command::Command,
    directive::Order,
    event::{ContextLoss, EventData, KnownEvent, StopMode},
    failure::{AttemptExit, ProcessExit, StopCause, StopReason},
    rejection::Rejection,
    session::Phase,
    spec::{CrashPolicy, OnTurnEnd},
};

fn left() -> EventData {
    let exit = ProcessExit { code: Some(0), signal: None };
    EventData::new(KnownEvent::AgentExited { exit, stderr: String::new(), step: None })
}

fn lost(recap: u64) -> EventData {
    let (why, detail) = (ContextLoss::SessionUnknown, "gone".to_owned());
    EventData::new(KnownEvent::AgentContextLost { why, detail, recap })
}

#[test]
fn a_session_that_sleeps_wakes_on_a_prompt_with_its_agents_session() {
    for policy in [CrashPolicy::Ask, CrashPolicy::Resume, CrashPolicy::Fail] {
        let mut spec = spec();
        spec.crash_policy = policy;
        let mut w = World::said(spec);
        w.ok(hibernate());
        assert_eq!(w.orders(), [&Order::Hibernate {}]);
        assert_eq!(w.run(hibernate()), Err(Rejection::Nothing));
        w.ok(w.report([left()]));
        w.ok(w.end(gone()));
        assert_eq!((&w.state.phase, &w.state.failure), (&Phase::Hibernated, &None), "{policy:?}");
        assert_eq!(w.run(hibernate()), Err(Rejection::Nothing));
        let next = w.prompt("next");
        w.ok(next);
        assert!(matches!(w.state.phase, Phase::Pending { .. }));
        assert_eq!(w.state.agent.session_id.as_deref(), Some("agent-1"));
        w.check_fold();
    }
}

#[test]
fn a_prompt_that_comes_while_it_falls_asleep_is_run_by_the_next_agent() {
    let mut w = World::said(spec());
    w.ok(hibernate());
    let next = w.prompt("next");
    w.ok(next);
    assert!(matches!(w.state.phase, Phase::Idle { .. }), "the runner may be ending its agent already");
    assert_eq!(w.orders(), [&Order::Hibernate {}]);
    w.ok(w.report([left()]));
    w.ok(w.end(gone()));
    assert!(matches!(w.state.phase, Phase::Pending { .. }) && w.state.queue.len() == 1);
    assert!(!w.tags().contains(&"session_hibernated"));
    w.all([w.assign()]);
    w.ok(w.hello());
    assert_eq!(w.state.phase.turn().map(|t| t.tries), Some(1));
}

#[test]
fn a_runner_that_stays_awake_gets_the_prompt_that_waited() {
    let mut w = World::said(spec());
    w.ok(hibernate());
    let next = w.prompt("next");
    w.ok(next);
    w.ok(w.report([awake()]));
    assert!(matches!(w.state.phase, Phase::Running { .. }));
    assert!(matches!(w.orders()[..], [Order::Prompt { .. }]), "{:?}", w.orders());
    assert_eq!(w.state.kept_awake(), 0, "it has had a turn since");
    let turn = w.turn();
    w.ok(w.report([handed_over(turn), ended(turn, StopReason::EndTurn)]));
    for n in 1..=2 {
        w.ok(hibernate());
        w.ok(w.report([awake()]));
        assert_eq!(w.state.kept_awake(), n);
    }
    // An answer that nobody asked for is no answer.
    let noted = w.ok(w.report([awake()]));
    assert_eq!(noted.iter().map(|e| e.data.tag()).collect::<Vec<_>>(), ["log_note"]);
}

#[test]
fn what_would_forget_stays_awake_unless_a_recap_is_wanted() {
    // Nothing was said: nothing can be forgotten.
    let mut w = World::new(spec()).with_agent();
    w.ok(hibernate());
    // Something was said, and the agent announced nothing.
    let mut w = World::prompted(spec()).with_turn();
    let turn = w.turn();
    w.ok(w.report([ended(turn, StopReason::EndTurn)]));
    assert_eq!(w.run(hibernate()), Err(Rejection::WouldForget));
    w.ok(Command::Hibernate { recap: true, by: "ada".to_owned() });
}

#[test]
fn what_is_lost_while_it_falls_asleep_is_not_called_asleep() {
    let mut w = World::said(spec());
    w.ok(hibernate());
    w.ok(w.end(AttemptExit { verified: false, ..gone() }));
    assert!(!w.stopped().1, "nothing is proved");
}

#[test]
fn a_stop_while_it_falls_asleep_stops_it() {
    let mut w = World::said(spec());
    w.all([hibernate(), stop(StopMode::Graceful)]);
    assert_eq!(w.orders(), [&Order::Stop { mode: StopMode::Graceful }]);
    w.ok(w.end(gone()));
    assert_eq!(w.stopped(), (StopCause::UserRequested, true, None));
}

#[test]
fn resuming_starts_an_agent_without_a_turn() {
    let mut w = World::said(spec());
    assert_eq!(w.run(resume()), Err(Rejection::Nothing));
    w.all([stop(StopMode::Now)]);
    assert_eq!(w.run(resume()), Err(Rejection::Stopping { cause: StopCause::UserRequested }));
    w.ok(w.end(gone()));
    w.ok(resume());
    assert_eq!(w.run(resume()), Err(Rejection::Nothing), "it is on its way");
    w.ok(w.assign());
    w.ok(w.hello());
    w.ok(w.report([ready()]));
    assert!(matches!(w.state.phase, Phase::Idle { .. }));
    assert_eq!(w.state.turns, 1);
    // One that falls asleep is woken again.
    w.all([hibernate(), resume()]);
    assert_eq!(w.run(resume()), Err(Rejection::Nothing));
    w.ok(w.end(gone()));
    assert!(matches!(w.state.phase, Phase::Pending { .. }));
}

#[test]
fn a_resumed_session_that_crashes_is_not_resumed_for_ever() {
    let mut w = World::said(spec());
    w.ok(stop(StopMode::Now));
    w.ok(w.end(gone()));
    w.ok(resume());
    w.ok(w.assign());
    w.ok(w.hello());
    w.ok(w.report([ready(), fails(crate::failure::FailureKind::ProcessExit)]));
    w.ok(w.end(gone()));
    assert_eq!(w.stopped().0, StopCause::AgentExited);
}

#[test]
fn a_one_shot_session_that_is_resumed_waits_for_one_more_turn() {
    let mut spec = spec();
    spec.on_turn_end = OnTurnEnd::Stop;
    let mut w = World::said(spec);
    w.ok(w.end(gone()));
    w.ok(resume());
    w.ok(w.assign());
    w.ok(w.hello());
    w.ok(w.report([ready()]));
    assert!(matches!(w.state.phase, Phase::Idle { .. }));
    let next = w.prompt("more");
    w.ok(next);
    let turn = w.turn();
    w.ok(w.report([handed_over(turn), ended(turn, StopReason::EndTurn)]));
    assert!(matches!(w.state.phase, Phase::Stopping { cause: StopCause::Completed, .. }));
}

#[test]
fn a_cleared_session_gets_an_agent_that_knows_nothing() {
    let mut w = World::said(spec());
    w.ok(clear());
    assert_eq!(w.orders(), [&Order::Stop { mode: StopMode::Graceful }]);
    assert_eq!((w.state.agent.session_id.as_deref(), w.state.result.as_str()), (None, ""));
    assert_eq!(w.run(clear()), Err(Rejection::Nothing), "nothing was said since");
    // What the old agent still says about its session is not about the new one.
    w.ok(w.report([ready(), left()]));
    assert_eq!(w.state.agent.session_id, None);
    w.ok(w.end(gone()));
    assert!(matches!(w.state.phase, Phase::Pending { .. }), "{:?}", w.state.phase);
    assert!(w.state.failure.is_none());
    // At rest it stays at rest.
    let mut w = World::said(spec());
    w.ok(stop(StopMode::Now));
    w.ok(w.end(gone()));
    w.ok(clear());
    assert!(matches!(w.state.phase, Phase::Stopped { .. }));
    assert_eq!(w.state.cleared_seq, w.state.seq);
    assert_eq!(World::new(spec()).with_agent().run(clear()), Err(Rejection::Nothing), "nothing was said");
}

#[test]
fn what_waits_for_the_conversation_is_not_cleared_away_from_it() {
    let mut w = World::said(spec());
    w.ok(hibernate());
    let next = w.prompt("next");
    w.ok(next);
    let refused = w.run(clear()).unwrap_err();
    assert_eq!(refused.to_string(), "cannot clear a session that is about to run a prompt");
}

#[test]
fn an_agent_that_crashes_while_it_falls_asleep_has_crashed() {
    let mut w = World::said(spec());
    w.ok(hibernate());
    w.ok(w.report([fails(crate::failure::FailureKind::ProcessExit)]));
    w.ok(w.end(gone()));
    assert_eq!(w.stopped().0, StopCause::AgentExited);
}

#[test]
fn a_recap_is_due_until_a_prompt_is_handed_over() {
    let mut w = World::said(spec());
    w.ok(stop(StopMode::Now));
    w.ok(w.end(gone()));
    w.ok(resume());
    for _ in 0..2 {
        w.ok(w.assign());
        w.ok(w.hello());
        w.ok(w.report([lost(9), ready()]));
        assert!(w.state.agent.recap_due && w.state.agent.context_lost_at.is_some());
        w.ok(hibernate());
        w.ok(w.end(gone()));
        w.ok(resume());
    }
    w.ok(w.assign());
    w.ok(w.hello());
    w.ok(w.report([ready()]));
    assert!(w.state.agent.recap_due, "it resumed what never heard of the conversation");
    let next = w.prompt("more");
    w.ok(next);
    let turn = w.turn();
    w.ok(w.report([handed_over(turn)]));
    assert!(!w.state.agent.recap_due);
    w.ok(w.report([lost(0)]));
    assert!(!w.state.agent.recap_due, "there is nothing to say");
}

#[test]
fn a_session_that_was_taken_back_gets_an_agent_that_is_told_what_is_left() {
    let mut w = World::said(spec());
    let next = w.prompt("and then");
    w.ok(next);
    let turn = w.turn();
    w.ok(w.report([handed_over(turn), says(2, "other words"), ended(turn, StopReason::EndTurn)]));
    let before = w.state.seq;
    let refused = w.run(match rewind(&w, 2) {
        Command::Rewind { to, by } => Command::Rewind { to: crate::session::Rewind { expected: before - 1, ..to }, by },
        other => other,
    });
    assert_eq!(refused, Err(Rejection::Moved { expected: before - 1, seq: before }));
    let back = rewind(&w, 2);
    w.ok(back);
    assert_eq!(w.orders(), [&Order::Stop { mode: StopMode::Graceful }]);
    assert!(w.state.agent.session_id.is_none() && w.state.agent.recap_due, "the next agent is told");
    assert_eq!((w.state.result.as_str(), w.state.last_turn.is_none()), ("", true));
    let [cut] = w.state.rewound[..] else { panic!("{:?}", w.state.rewound) };
    assert!(cut.holds(before) && !cut.holds(cut.after) && !cut.holds(w.state.seq));
    w.ok(w.end(gone()));
    assert!(matches!(w.state.phase, Phase::Pending { .. }), "{:?}", w.state.phase);
    // To the very first prompt: nothing is left to tell.
    w.ok(stop(StopMode::Now));
    let back = rewind(&w, 1);
    w.ok(back);
    assert!(matches!(w.state.phase, Phase::Stopped { .. }) && !w.state.agent.recap_due && !w.state.has_conversation());
    assert_eq!(w.state.rewound.len(), 1, "the larger cut takes in the smaller one: {:?}", w.state.rewound);
}

#[test]
fn an_agent_that_ends_because_its_conversation_begins_anew_has_not_crashed() {
    let killed = || {
        let killed = Some(ProcessExit { code: None, signal: Some(15) });
        AttemptExit { runner: killed, agent: killed, ..gone() }
    };
    let mut w = World::said(crate::spec::SessionSpec { crash_policy: CrashPolicy::Resume, ..spec() });
    for anew in [|w: &World| rewind(w, 1), |_: &World| clear(), |w: &World| rewind(w, 1)] {
        let anew = anew(&w);
        if w.run(anew).is_err() {
            continue;
        }
        w.ok(w.end(killed()));
        assert!(matches!(w.state.phase, Phase::Pending { .. }), "{:?}", w.state.phase);
        w.ok(w.assign());
        w.ok(w.hello());
        w.ok(w.report([able(), ready()]));
    }
    assert!(w.state.crashes.is_empty(), "{:?}", w.state.crashes);
    w.ok(w.end(killed()));
    assert_eq!(w.state.crashes.len(), 1, "this one nobody wanted");
    assert_eq!(w.state.phase.name(), "hibernated");
}

#[test]
fn what_waits_or_asks_is_not_taken_back() {
    let mut w = World::said(spec());
    w.ok(w.report([elicits(1)]));
    let back = rewind(&w, 1);
    assert_eq!(w.run(back), Err(Rejection::NeedsYou { command: "rewind" }));
    let mut w = World::prompted(spec()).with_turn();
    let back = rewind(&w, 1);
    assert_eq!(w.run(back), Err(Rejection::WrongState { command: "rewind", state: "running" }));
}

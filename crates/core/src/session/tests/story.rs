//! The main job, from the first prompt to a stopped session that is taken up again.

use super::world::*;
use crate::{
    command::Command,
    content::ToolStatus,
    directive::Order,
    event::StopMode,
    failure::{AttemptExit, ProcessExit, StopCause, StopReason},
    session::Phase,
    spec::OnTurnEnd,
    view::{self, Badge},
};

#[test]
fn the_main_job() {
    let mut w = World::prompted(spec());
    assert_eq!(w.tags(), ["session_created", "turn_queued"]);
    assert_eq!(w.state.title, "Mend the tests", "the title is the prompt's first line");
    assert_eq!(view::badge(&w.state), Badge::Pending);

    w.ok(Command::Wait { reason: "no_worker".to_owned(), detail: "no worker is connected".to_owned() });
    assert_eq!(view::session(&w.state).waiting.unwrap().reason, "no_worker");
    w.ok(w.assign());
    assert_eq!((w.state.phase.name(), w.attempt()), ("starting", 1));
    w.ok(w.hello());
    let turn = w.turn();
    assert!(matches!(w.orders()[..], [Order::Prompt { .. }]), "the prompt is in the reply to the hello");
    assert_eq!(w.state.last_worker.as_ref().map(ToString::to_string).as_deref(), Some("local"));

    w.ok(w.report([ready(), handed_over(turn)]));
    assert_eq!(w.state.phase.name(), "running");
    assert!(w.orders().is_empty(), "what was handed over is not said again");
    w.ok(w.report([says(1, "I look at the "), says(1, "tests.\n"), tool("t1", ToolStatus::Pending), asks(1)]));
    assert_eq!(view::badge(&w.state), Badge::NeedsYou);
    w.ok(picks(1, "yes"));
    assert!(matches!(w.orders()[..], [Order::Decide { option_id: Some(option), .. }] if option == "yes"));
    assert_eq!(view::badge(&w.state), Badge::Running);

    let second = w.prompt("And the linter");
    w.ok(second);
    w.ok(w.report([tool("t1", ToolStatus::Completed), says(2, "Two of them "), says(2, "were wrong.")]));
    w.ok(w.report([ended(turn, StopReason::EndTurn)]));
    let next = w.turn();
    assert_ne!(next, turn, "the next turn begins in the same decision");
    assert_eq!(w.tags()[w.log.len() - 2..], ["turn_ended", "turn_started"]);
    let shown = view::session(&w.state);
    assert_eq!(shown.result.as_deref(), Some("Two of them were wrong."));
    assert_eq!(shown.last_line.unwrap().text, "Two of them were wrong.");
    assert_eq!(shown.last_turn.unwrap().tools, 1);

    w.ok(w.report([handed_over(next), ended(next, StopReason::EndTurn)]));
    assert_eq!(w.state.phase.name(), "idle");
    w.ok(stop(StopMode::Graceful));
    assert!(matches!(w.orders()[..], [Order::Stop { mode: StopMode::Graceful }]));
    w.ok(w.end(gone()));
    assert_eq!(w.stopped(), (StopCause::UserRequested, true, None));

    let again = w.prompt("One more");
    w.ok(again);
    assert_eq!(w.state.phase.name(), "pending");
    assert_eq!(w.state.candidate().unwrap().worker, w.state.last_worker, "the directory is on that machine");
    w.all([w.assign()]);
    w.ok(w.hello());
    assert_eq!((w.attempt(), w.state.turns), (2, 3), "a new attempt of the same session");
    assert_eq!(w.state.agent.session_id.as_deref(), Some("agent-1"), "which the runner resumes");
    w.check_fold();
}

#[test]
fn a_one_shot_session_ends_with_its_last_turn() {
    let mut spec = spec();
    spec.on_turn_end = OnTurnEnd::Stop;
    let mut w = World::prompted(spec).with_turn();
    let next = w.prompt("and this");
    w.ok(next);
    let turn = w.turn();
    w.ok(w.report([ended(turn, StopReason::EndTurn)]));
    assert_eq!(w.state.phase.name(), "running", "something was queued");
    let turn = w.turn();
    w.ok(w.report([handed_over(turn), ended(turn, StopReason::EndTurn)]));
    assert_eq!(w.state.phase.name(), "stopping");
    w.ok(w.end(gone()));
    assert_eq!(w.stopped(), (StopCause::Completed, true, None));
    assert_eq!(view::badge(&w.state), Badge::Stopped);

    let again = w.prompt("again");
    w.ok(again);
    assert_eq!(w.state.phase.name(), "pending", "a prompt takes it up again");
}

#[test]
fn a_one_shot_session_does_not_call_a_failure_completed() {
    for (reason, cause) in [
        (StopReason::EndTurn, StopCause::Completed),
        (StopReason::Refusal, StopCause::Completed),
        (StopReason::Cancelled, StopCause::UserRequested),
        (StopReason::Timeout, StopCause::Timeout),
        (StopReason::Failed, StopCause::Failed),
        (StopReason::Interrupted, StopCause::Failed),
    ] {
        let mut spec = spec();
        spec.on_turn_end = OnTurnEnd::Stop;
        let mut w = World::prompted(spec).with_turn();
        let turn = w.turn();
        w.ok(w.report([ended(turn, reason)]));
        w.ok(w.end(gone()));
        assert_eq!(w.stopped().0, cause, "{reason:?}");
    }
}

#[test]
fn a_session_without_a_prompt_waits_idle() {
    let w = World::new(spec()).with_agent();
    assert_eq!(w.state.phase.name(), "idle");
    assert_eq!(view::badge(&w.state), Badge::Idle);
}

#[test]
fn an_agent_that_ends_in_order_between_turns_has_not_failed() {
    let mut w = World::new(spec()).with_agent();
    w.ok(w.report([exits(0)]));
    w.ok(w.end(gone()));
    assert_eq!(w.stopped(), (StopCause::Completed, true, None));

    let mut w = World::new(spec()).with_agent();
    w.ok(w.report([exits(3)]));
    w.ok(w.end(gone()));
    let (cause, _, failure) = w.stopped();
    assert_eq!(
        (cause, failure.unwrap().summary.as_str()),
        (StopCause::AgentExited, "the agent ended with exit code 3")
    );
}

#[test]
fn a_prompt_between_the_agents_end_and_the_attempts_is_not_forgotten() {
    let mut w = World::prompted(spec()).with_turn();
    let turn = w.turn();
    w.ok(w.report([exits(1), ended(turn, StopReason::Interrupted)]));
    assert!(matches!(w.state.phase, Phase::Idle { .. }));
    let next = w.prompt("go on");
    w.ok(next);
    assert!(matches!(w.state.phase, Phase::Idle { .. }), "no turn begins with an agent that is gone");
    w.ok(w.end(AttemptExit { agent: Some(ProcessExit { code: Some(1), signal: None }), ..gone() }));
    assert_eq!((w.state.phase.name(), w.state.queue.len()), ("pending", 1));
}

fn exits(code: i32) -> crate::event::EventData {
    let exit = ProcessExit { code: Some(code), signal: None };
    crate::event::EventData::new(crate::event::KnownEvent::AgentExited { exit, stderr: String::new(), step: None })
}

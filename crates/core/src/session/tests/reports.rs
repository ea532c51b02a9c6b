//! What runners report: fenced, gapless, stored once, and never refused for what it says.

use serde_json::Value;

use super::world::*;
use crate::{
    command::Command,
    content::{Channel, ToolStatus},
    event::{Event, EventBody, EventData, KnownEvent},
    failure::StopReason,
    limits,
    rejection::Rejection,
    session::SessionState,
};

fn report(w: &World, attempt: u32, first_index: u64, events: Vec<EventData>) -> Command {
    let _ = w;
    Command::Report { attempt, instance: instance(0), first_index, events }
}

#[test]
fn the_first_instance_of_an_attempt_wins() {
    let mut w = World::prompted(spec()).with_runner();
    assert!(w.ok(w.hello()).is_empty(), "the same one may say hello again");
    let other = Command::Hello { attempt: 1, instance: instance(1), version: String::new() };
    assert_eq!(w.run(other), Err(Rejection::Fenced { attempt: 1 }));
    let other = Command::Report { attempt: 1, instance: instance(1), first_index: 0, events: vec![ready()] };
    assert_eq!(w.run(other), Err(Rejection::Fenced { attempt: 1 }));
}

#[test]
fn a_stale_attempt_is_fenced_in_all_it_says() {
    let mut w = World::prompted(spec()).with_agent();
    w.ok(w.end(gone()));
    w.ok(w.assign());
    w.ok(Command::Hello { attempt: 2, instance: instance(2), version: String::new() });
    let hello = Command::Hello { attempt: 1, instance: instance(0), version: String::new() };
    for command in [hello, report(&w, 1, 1, vec![says(1, "late")]), Command::EndAttempt { attempt: 1, exit: gone() }] {
        assert_eq!(w.run(command), Err(Rejection::Fenced { attempt: 1 }));
    }
    w.ok(w.end(gone()));
    let after = report(&w, 2, 0, vec![]);
    assert_eq!(w.run(after), Err(Rejection::Fenced { attempt: 2 }), "an attempt that is over is stale");
}

#[test]
fn what_comes_twice_is_stored_once_and_a_gap_is_refused() {
    let mut w = World::prompted(spec()).with_turn();
    let next = w.state.next_index;
    let both = || vec![says(1, "a"), says(1, "b")];
    w.ok(report(&w, 1, next, both()));
    assert!(w.ok(report(&w, 1, next, both())).is_empty());
    let mut three = both();
    three.push(says(1, "c"));
    assert_eq!(w.ok(report(&w, 1, next, three)).len(), 1);
    assert_eq!(w.state.result.as_str(), "abc");
    let gap = w.run(report(&w, 1, next + 4, both()));
    assert_eq!(gap, Err(Rejection::IndexGap { expected: next + 3, first: next + 4 }));
    assert!(w.ok(report(&w, 1, 0, vec![])).is_empty(), "an empty batch is fine");
}

#[test]
fn what_does_not_fit_is_kept_under_its_index() {
    let mut w = World::prompted(spec()).with_turn();
    let turn = w.turn();
    let stranger = crate::ids::TurnId::new(uuid::Uuid::from_u128(0xDEAD));
    let bad = [
        "garbage",
        "null",
        r#"{"no":"type"}"#,
        r#"{"type":"message_appended","turn":7}"#,
        r#"{"type":"message_appended","message":"msg_1"}"#,
        r#"{"type":"session_stopped","cause":"completed","verified":true}"#,
        r#"{"type":"session_stopped"}"#,
        r#"{"type":"session_deleted","by":"me"}"#,
        r#"{"type":"session_updated","changes":{"permissions":"all"}}"#,
        r#"{"type":"attempt_assigned","worker":"mine"}"#,
    ];
    let next = w.state.next_index;
    let mut events: Vec<EventData> = bad.iter().map(|text| EventData::from_report(text)).collect();
    events.push(handed_over(turn));
    events.push(ended(stranger, StopReason::EndTurn));
    let n = events.len();
    let stored = w.ok(w.report(events));
    let indexes: Vec<u64> = stored.iter().filter_map(|e| e.index).collect();
    assert_eq!(indexes, (next..).take(n).collect::<Vec<_>>());
    assert!(stored.iter().all(|e| e.data.tag() == "log_note" && e.data.attempt == Some(1)));
    assert!(stored.iter().all(|e| e.data.to_json().contains("\"raw\"")), "nothing of it is lost");
    assert_eq!((w.state.phase.name(), w.turn()), ("running", turn));
}

#[test]
fn an_unknown_type_is_kept_verbatim_and_folds_as_nothing() {
    let mut w = World::prompted(spec()).with_turn();
    let before = w.state.clone();
    // The place and the origin are not its to say.
    let text =
        r#"{"type":"quantum_leaped","far":[1,2.5,null],"seq":999,"session":"x","attempt":77,"command":"forged"}"#;
    let stored = w.ok(w.report([EventData::from_report(text)]));
    let kept: serde_json::Value = serde_json::from_str(&stored[0].data.to_json()).unwrap();
    assert_eq!(kept, serde_json::json!({"attempt": 1, "far": [1, 2.5, null], "type": "quantum_leaped"}));
    let mut same = w.state.clone();
    (same.seq, same.pos, same.updated_at, same.next_index) =
        (before.seq, before.pos, before.updated_at, before.next_index);
    assert_eq!(same, before);
}

#[test]
fn the_agents_title_is_taken_and_nothing_else() {
    let mut w = World::prompted(spec()).with_turn();
    w.ok(w.report([EventData::from_report(r#"{"type":"session_updated","changes":{"title":"Tests"}}"#)]));
    assert_eq!(w.state.title, "Tests");
    w.ok(w.report([EventData::from_report(
        r#"{"type":"session_updated","changes":{"title":"Mine","permissions":"all"}}"#,
    )]));
    assert_eq!((w.state.title.as_str(), w.state.spec.permissions), ("Tests", crate::spec::PermissionMode::Ask));
}

#[test]
fn the_answer_and_its_last_line() {
    let mut w = World::prompted(spec()).with_turn();
    let mut line = |texts: &[&str], message| {
        w.ok(w.report(texts.iter().map(|text| says(message, text))));
        crate::view::session(&w.state).last_line.unwrap().text
    };
    assert_eq!(line(&["Hel", "lo ", "world"], 1), "Hello world");
    assert_eq!(line(&["\n\n  "], 1), "Hello world", "a blank line is none");
    assert_eq!(line(&["  next", " one\n"], 1), "next one");
    assert_eq!(line(&["third"], 1), "third");
    assert_eq!(line(&["\nfirst\nsecond\n\n"], 1), "second");
    assert_eq!(line(&["of another message"], 2), "of another message");
    assert_eq!(line(&["é".repeat(150).as_str(), "tail"], 3), "é".repeat(100));
    let mut thought = says(4, "hm");
    if let EventBody::Known(KnownEvent::MessageAppended { channel, .. }) = &mut thought.body {
        *channel = Channel::Thought;
    }
    w.ok(w.report([thought]));
    assert_eq!(w.state.result.as_str(), format!("{}tail", "é".repeat(150)), "a thought is no answer");
}

#[test]
fn a_long_answer_is_cut_and_its_last_line_goes_on() {
    let mut w = World::prompted(spec()).with_turn();
    let piece = format!("{}\n", "ü".repeat(511));
    w.ok(w.report((0..100).map(|_| says(1, &piece))));
    w.ok(w.report([says(1, "the very end")]));
    check_bounds(&w.state);
    assert!(w.state.result.len() > limits::RESULT - 4);
    assert_eq!(w.state.last_line.as_ref().unwrap().0.as_ref(), "the very end");
}

#[test]
fn tool_calls_without_end_are_bounded() {
    let mut w = World::prompted(spec()).with_turn();
    let turn = w.turn();
    w.ok(w.report((0..limits::OPEN_TOOLS + 50).map(|n| tool(&n.to_string(), ToolStatus::InProgress))));
    check_bounds(&w.state);
    w.ok(w.report([ended(turn, StopReason::EndTurn)]));
    assert!(w.state.open_tools.is_empty());
}

#[test]
fn a_burst_of_equal_tool_updates_and_its_end() {
    let mut w = World::prompted(spec()).with_turn();
    w.ok(w.report((0..1100).map(|_| tool("t", ToolStatus::InProgress))));
    w.ok(w.report([tool("t", ToolStatus::Completed), tool("t", ToolStatus::Completed)]));
    assert!(w.state.open_tools.is_empty());
}

#[test]
fn a_state_is_stored_and_read_back() {
    let mut w = World::prompted(spec()).with_turn();
    w.ok(w.report([tool("t", ToolStatus::InProgress), asks(1), elicits(1), says(1, "so far")]));
    w.ok(cancel());
    let text = serde_json::to_string(&w.state).unwrap();
    assert_eq!(serde_json::from_str::<SessionState>(&text).unwrap(), w.state);
    // A snapshot of before these fields were there.
    let mut old: Value = serde_json::from_str(&text).unwrap();
    for field in ["starts", "last_worker", "line_open", "decided"] {
        assert!(old.as_object_mut().unwrap().remove(field).is_some(), "{field}");
    }
    for field in ["leaving", "agent_exit"] {
        assert!(old["phase"]["attempt"].as_object_mut().unwrap().remove(field).is_some(), "{field}");
    }
    serde_json::from_value::<SessionState>(old).unwrap();
}

#[test]
fn events_that_contradict_the_state_fold_without_harm() {
    let w = World::prompted(spec()).with_turn();
    // As a log cut short and repaired by hand may have them: each event of another log, in any state.
    let mut other = World::prompted(spec());
    other.ok(other.assign());
    other.ok(other.end(gone()));
    let mut state = other.state.clone();
    for event in &w.log {
        let event = Event { seq: state.seq + 1, pos: state.pos + 1, ..event.clone() };
        state.apply(&event);
        assert_eq!(state.seq, event.seq);
    }
}

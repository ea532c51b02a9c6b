//! Permission requests, elicitations and settings.

use super::world::*;
use crate::{
    command::{Choice, Command},
    content::{ConfigChoice, ConfigOption, ConfigVia, PermissionKind, PermissionOption, ToolCall, ToolStatus},
    directive::Order,
    event::{Decision, EventData, KnownEvent, SessionChanges, StopMode},
    failure::StopReason,
    limits,
    rejection::Rejection,
    session::SessionState,
    spec::{PermissionMode, SessionSpec},
};

fn with(permissions: PermissionMode) -> SessionSpec {
    SessionSpec { permissions, ..spec() }
}

fn decisions(w: &World) -> Vec<(Decision, &str, Option<&str>)> {
    let decision = |event: &'_ crate::event::Event| match &event.data.body {
        crate::event::EventBody::Known(KnownEvent::PermissionDecided { .. }) => Some(event.seq),
        crate::event::EventBody::Known(_) | crate::event::EventBody::Unknown(_) => None,
    };
    let seqs: Vec<u64> = w.log.iter().filter_map(decision).collect();
    w.log
        .iter()
        .filter(|e| seqs.contains(&e.seq))
        .filter_map(|e| match &e.data.body {
            crate::event::EventBody::Known(KnownEvent::PermissionDecided { decision, by, option_id, .. }) => {
                Some((*decision, by.as_str(), option_id.as_deref()))
            }
            crate::event::EventBody::Known(_) | crate::event::EventBody::Unknown(_) => None,
        })
        .collect()
}

#[test]
fn the_first_answer_wins_and_the_second_is_told() {
    let mut w = World::prompted(spec()).with_turn();
    w.ok(w.report([asks(1)]));
    assert!(w.state.needs_you_since.is_some());
    w.ok(picks(1, "no"));
    assert!(w.state.needs_you_since.is_none());
    let Err(Rejection::PermissionAlreadyDecided { by, decision, .. }) = w.run(picks(1, "yes")) else { panic!() };
    assert_eq!((by.as_str(), decision), ("ada", Decision::RejectOnce));
    assert_eq!(w.run(picks(2, "yes")), Err(Rejection::PermissionNotFound { request: request(2) }));
    w.ok(w.end(gone()));
    let late = w.run(picks(1, "yes"));
    assert!(matches!(late, Err(Rejection::PermissionAlreadyDecided { .. })), "also after the attempt: {late:?}");
}

#[test]
fn kinds_fall_back_to_their_siblings_and_what_was_not_offered_is_refused() {
    let kind = |n, kind| Command::Decide {
        request: request(n),
        choice: Choice::Kind(kind),
        message: None,
        by: "ada".to_owned(),
    };
    let mut w = World::prompted(spec()).with_turn();
    w.ok(w.report([asks(1), asks(2), asks(3)]));
    w.ok(kind(1, Decision::AllowAlways));
    w.ok(kind(2, Decision::RejectAlways));
    assert_eq!(
        decisions(&w),
        [(Decision::AllowAlways, "ada", Some("always")), (Decision::RejectOnce, "ada", Some("no"))]
    );
    for choice in [Choice::Option("maybe".to_owned()), Choice::Kind(Decision::Cancelled), Choice::Kind(Decision::Other)]
    {
        let command = Command::Decide { request: request(3), choice, message: None, by: "ada".to_owned() };
        let refused = w.run(command);
        let Err(Rejection::PermissionOptionInvalid { offered, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(offered, ["yes", "always", "no"]);
    }
}

#[test]
fn nobody_answering_is_a_no() {
    let mut w = World::prompted(spec()).with_turn();
    w.ok(w.report([asks(1)]));
    w.ok(Command::ExpirePermission { request: request(1) });
    assert_eq!(decisions(&w), [(Decision::RejectOnce, "timeout", Some("no"))]);
    assert!(matches!(
        w.run(Command::ExpirePermission { request: request(1) }),
        Err(Rejection::PermissionAlreadyDecided { .. })
    ));
    let turn = w.turn();
    w.ok(w.report([ended(turn, StopReason::EndTurn)]));
    assert!(w.state.last_turn.as_ref().unwrap().rejected, "the turn ended on a rejection");
}

#[test]
fn a_call_that_completed_after_a_rejection_takes_it_back() {
    let mut w = World::prompted(spec()).with_turn();
    let turn = w.turn();
    w.ok(w.report([tool("a", ToolStatus::Pending), asks(1)]));
    w.ok(picks(1, "no"));
    w.ok(w.report([tool("a", ToolStatus::Failed), tool("b", ToolStatus::Completed)]));
    // A question that is taken back at the end says neither yes nor no.
    w.ok(w.report([asks(2), ended(turn, StopReason::EndTurn)]));
    let last = w.state.last_turn.as_ref().unwrap();
    assert_eq!((last.rejected, last.tools), (false, 2));
}

#[test]
fn modes_answer_by_themselves() {
    let call = |n: u128, kind: &str, path: &str| {
        let text = format!(r#"{{"id":"c{n}","kind":"{kind}","locations":[{{"path":"{path}"}}]}}"#);
        let tool_call: ToolCall = serde_json::from_str(&text).unwrap();
        EventData::new(KnownEvent::PermissionRequested { request: request(n), tool_call, options: options() })
    };
    for (mode, expected) in [
        (PermissionMode::Ask, vec![]),
        (PermissionMode::Deny, vec![Decision::RejectOnce; 4]),
        (PermissionMode::Reads, vec![Decision::AllowOnce, Decision::RejectOnce, Decision::RejectOnce]),
        (
            PermissionMode::All,
            vec![Decision::AllowOnce, Decision::AllowOnce, Decision::RejectOnce, Decision::RejectOnce],
        ),
    ] {
        let mut w = World::prompted(with(mode)).with_turn();
        w.ok(w.report([
            call(1, "read", "/repo/a"),
            call(2, "edit", "b"),
            call(3, "read", "/etc/passwd"),
            call(4, "edit", "/repo/../x"),
        ]));
        let taken: Vec<Decision> = decisions(&w).iter().map(|d| d.0).collect();
        assert_eq!(taken, expected, "{mode:?}");
        assert!(decisions(&w).iter().all(|d| d.1 == "policy"));
        assert_eq!(w.state.permissions.len(), 4 - taken.len());
    }
}

#[test]
fn a_changed_mode_answers_what_is_open() {
    let mut w = World::prompted(spec()).with_turn();
    w.ok(w.report([asks(1)]));
    let changes = SessionChanges { permissions: Some(PermissionMode::All), ..SessionChanges::default() };
    w.ok(Command::Change { changes });
    assert_eq!(decisions(&w), [(Decision::AllowOnce, "policy", Some("yes"))]);
}

#[test]
fn a_runner_is_told_of_a_changed_mode_once_and_keeps_it_past_the_turn() {
    let change = |mode| {
        let changes = SessionChanges { permissions: Some(mode), ..SessionChanges::default() };
        Command::Change { changes }
    };
    let modes = |w: &World| -> Vec<PermissionMode> {
        let orders = w.orders();
        orders
            .iter()
            .filter_map(|order| if let Order::Permissions { mode } = order { Some(*mode) } else { None })
            .collect()
    };
    // Nobody has said hello: the welcome will have the spec.
    let mut w = World::prompted(spec());
    w.ok(change(PermissionMode::Reads));
    assert_eq!(modes(&w), []);

    let mut w = World::prompted(spec()).with_turn();
    w.ok(change(PermissionMode::All));
    w.ok(change(PermissionMode::Deny));
    assert_eq!(modes(&w), [PermissionMode::Deny]);
    let turn = w.turn();
    w.ok(w.report([ended(turn, StopReason::EndTurn)]));
    assert_eq!(modes(&w), [PermissionMode::Deny]);
}

#[test]
fn a_mode_that_would_allow_asks_a_person_when_the_agent_offers_no_yes() {
    let mut w = World::prompted(with(PermissionMode::All)).with_turn();
    let odd = vec![PermissionOption { id: "x".to_owned(), name: "X".to_owned(), kind: PermissionKind::Other }];
    let tool_call = ToolCall { id: "c".to_owned(), ..ToolCall::default() };
    w.ok(w.report([EventData::new(KnownEvent::PermissionRequested { request: request(1), tool_call, options: odd })]));
    assert_eq!(w.state.permissions.len(), 1);
    w.ok(picks(1, "x"));
    assert_eq!(decisions(&w), [(Decision::Other, "ada", Some("x"))]);
}

#[test]
fn a_cancel_answers_open_questions_and_those_that_come_after_it() {
    let mut w = World::prompted(spec()).with_turn();
    w.ok(w.report([asks(1), elicits(1)]));
    w.ok(cancel());
    assert!(matches!(
        w.orders()[..],
        [Order::Cancel { .. }, Order::Decide { option_id: None, .. }, Order::Answer { .. }]
    ));
    w.ok(w.report([asks(2), elicits(2)]));
    assert_eq!(decisions(&w), [(Decision::Cancelled, "cancel", None); 2]);
    assert_eq!(w.orders().len(), 5);
    assert!(w.state.permissions.is_empty() && w.state.elicitations.is_empty() && w.state.needs_you_since.is_none());
}

#[test]
fn a_question_while_stopping_is_answered_at_once() {
    let mut w = World::new(with(PermissionMode::All)).with_agent();
    w.ok(stop(StopMode::Graceful));
    w.ok(w.report([asks(1), elicits(1)]));
    assert_eq!(decisions(&w), [(Decision::Cancelled, "stop", None)]);
    assert!(w.state.elicitations.is_empty());
}

#[test]
fn a_flood_of_questions_is_bounded() {
    let mut w = World::prompted(spec()).with_turn();
    let n = u128::try_from(limits::OPEN_QUESTIONS).unwrap() + 3;
    w.ok(w.report((0..n).flat_map(|n| [asks(n), elicits(n)])));
    assert_eq!(
        (w.state.permissions.len(), w.state.elicitations.len()),
        (limits::OPEN_QUESTIONS, limits::OPEN_QUESTIONS)
    );
    assert_eq!(decisions(&w), [(Decision::Cancelled, "limit", None); 3]);
    // Answered one after the other, they leave a bounded memory.
    for round in 1..10 {
        w.ok(cancel_all(&w.state));
        w.ok(w.report((0..n).map(|n| asks(1000 * round + n))));
        check_bounds(&w.state);
    }
}

/// Rejects the first open request.
fn cancel_all(state: &SessionState) -> Command {
    let request = *state.permissions.keys().next().unwrap();
    Command::Decide { request, choice: Choice::Option("no".to_owned()), message: None, by: "ada".to_owned() }
}

#[test]
fn a_runner_takes_back_and_refuses_but_does_not_allow() {
    let decided = |n, decision| {
        let (by, option_id) = ("agent".to_owned(), None);
        EventData::new(KnownEvent::PermissionDecided { request: request(n), option_id, decision, by, message: None })
    };
    let mut w = World::prompted(spec()).with_turn();
    w.ok(w.report([
        asks(1),
        asks(2),
        asks(3),
        decided(1, Decision::Cancelled),
        decided(2, Decision::RejectOnce),
        decided(3, Decision::AllowOnce),
        decided(9, Decision::Cancelled),
    ]));
    assert_eq!(w.state.permissions.keys().copied().collect::<Vec<_>>(), [request(3)]);
    assert!(w.orders().is_empty(), "it need not be told what it said");
    assert_eq!(w.tags().iter().filter(|t| **t == "log_note").count(), 2);
}

#[test]
fn settings_of_a_live_agent_are_checked_and_asked_for() {
    let choice = |value: &str| ConfigChoice { value: value.to_owned(), name: value.to_owned() };
    let model = |value: &str| ConfigOption {
        id: "models".to_owned(),
        name: "Model".to_owned(),
        category: Some("model".to_owned()),
        value: value.into(),
        choices: vec![choice("small"), choice("large")],
        via: ConfigVia::ConfigOption,
    };
    let wants = |value: &str| {
        let changes = SessionChanges { model: Some(value.to_owned()), ..SessionChanges::default() };
        Command::Change { changes }
    };
    let updated = |value: &str| EventData::new(KnownEvent::ConfigUpdated { options: vec![model(value)].into() });

    let mut w = World::new(spec()).with_runner();
    w.ok(wants("large"));
    assert!(matches!(w.orders()[..], [Order::Configure { .. }]), "the runner has the old spec already");
    w.ok(w.report([ready(), updated("small")]));
    assert_eq!(w.orders().len(), 1, "the wish is still on its way");
    w.ok(w.report([updated("large")]));
    assert!(w.orders().is_empty(), "and has come true");

    let refused = w.run(wants("huge"));
    assert!(matches!(refused, Err(Rejection::ConfigValueUnknown { .. })), "{refused:?}");
    let changes = SessionChanges {
        config: [("nope".to_owned(), true.into())].into(),
        title: Some("T".to_owned()),
        ..SessionChanges::default()
    };
    let refused = w.run(Command::Change { changes });
    assert!(matches!(refused, Err(Rejection::ConfigOptionUnknown { .. })), "{refused:?}");
    assert_eq!(w.state.title, "", "a refused change changes nothing");

    w.all([wants("small"), wants("large")]);
    assert_eq!(w.orders().len(), 1, "the newest wish counts");
    w.ok(w.report([EventData::new(KnownEvent::ConfigRejected { option: "model".to_owned(), detail: "no".to_owned() })]));
    assert!(w.orders().is_empty());
}

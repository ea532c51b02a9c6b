//! The transition table: every state by every command, as a snapshot.

use std::fmt::Write;

use super::world::*;
use crate::{
    command::{Choice, Command, Expiry},
    content::{ContentBlock, ToolStatus},
    event::{Decision, SessionChanges, StopMode, UnhealthyReason},
    failure::{FailureKind, StopCause, StopReason},
    ids::{TurnId, WorkerName},
    limits,
    session::{Phase, Rewind},
    spec::SessionSpec,
};

/// How long a turn may take, in seconds.
const TIMEOUT: u64 = 60;

fn spec() -> SessionSpec {
    SessionSpec { timeout: TIMEOUT, ..super::world::spec() }
}

type Build = fn() -> World;
type Say = fn(&mut World) -> Command;

const STATES: &[(&str, Build)] = &[
    ("pending", || World::prompted(spec())),
    ("pending, nothing to do", || World::new(spec())),
    ("starting, no runner yet", || {
        let mut w = World::prompted(spec());
        w.ok(w.assign());
        w
    }),
    ("starting, with its turn", || World::prompted(spec()).with_runner()),
    ("idle", || World::new(spec()).with_agent()),
    ("idle, after a turn", || World::said(spec())),
    ("idle, to hibernate", || {
        let mut w = World::said(spec());
        w.ok(hibernate());
        w
    }),
    ("idle, to hibernate, one waits", || {
        let mut w = World::said(spec());
        w.ok(hibernate());
        let next = w.prompt("next");
        w.ok(next);
        w
    }),
    ("idle, cleared", || {
        let mut w = World::said(spec());
        w.ok(clear());
        w
    }),
    ("running", || World::prompted(spec()).with_turn()),
    ("running, prompt not handed over", || World::prompted(spec()).with_agent()),
    ("running, cancelled", || {
        let mut w = World::prompted(spec()).with_turn();
        w.ok(cancel());
        w
    }),
    ("running, with questions", || {
        let mut w = World::prompted(spec()).with_turn();
        w.ok(w.report([tool("t", ToolStatus::InProgress), asks(1), elicits(1)]));
        w
    }),
    ("running, one waits", || {
        let mut w = World::prompted(spec()).with_turn();
        let next = w.prompt("next");
        w.ok(next);
        w
    }),
    ("running, agent gone", || {
        let mut w = World::prompted(spec()).with_turn();
        w.ok(w.report([fails(FailureKind::ProcessExit)]));
        w
    }),
    ("stopping", || {
        let mut w = World::prompted(spec()).with_turn();
        w.ok(stop(StopMode::Graceful));
        w
    }),
    ("hibernated", || {
        let mut spec = spec();
        spec.crash_policy = crate::spec::CrashPolicy::Resume;
        let mut w = World::new(spec).with_agent();
        w.ok(w.end(gone()));
        w
    }),
    ("stopped", || {
        let mut w = World::prompted(spec()).with_turn();
        w.ok(w.end(gone()));
        w
    }),
    ("archived", || {
        let mut w = World::new(spec());
        w.all([stop(StopMode::Now), Command::Archive]);
        w
    }),
    ("deleted", || {
        let mut w = World::new(spec());
        w.ok(Command::Delete { damaged: false, by: "ada".to_owned() });
        w
    }),
];

/// The turn that the session has or waits for; else one that nobody knows.
fn some_turn(w: &World) -> TurnId {
    let waiting = w.state.queue.back().map(|e| e.id);
    waiting.or_else(|| w.state.phase.turn().map(|t| t.id)).unwrap_or(TurnId::new(uuid::Uuid::nil()))
}

const COMMANDS: &[(&str, Say)] = &[
    ("prompt", |w| w.prompt("more")),
    ("prompt, interrupting", |w| w.interrupt("at once")),
    ("prompt, empty", |w| w.prompt(" \n")),
    ("edit queued", |w| {
        let content = Some(vec![ContentBlock::text("new")].into());
        Command::EditQueued { turn: some_turn(w), content, position: None }
    }),
    ("drop queued", |w| Command::DropQueued { turn: some_turn(w), by: "ada".to_owned() }),
    ("cancel", |_| cancel()),
    ("cancel by turn", |w| Command::Cancel { turn: Some(some_turn(w)), by: "ada".to_owned() }),
    ("stop", |_| stop(StopMode::Graceful)),
    ("stop now", |_| stop(StopMode::Now)),
    ("stop, out of time", |_| Command::Stop {
        cause: StopCause::Timeout,
        mode: StopMode::Now,
        message: None,
        by: "timer".to_owned(),
    }),
    ("change title", |_| {
        let changes = SessionChanges { title: Some("Other".to_owned()), ..SessionChanges::default() };
        Command::Change { changes }
    }),
    ("change model", |_| {
        let changes = SessionChanges { model: Some("large".to_owned()), ..SessionChanges::default() };
        Command::Change { changes }
    }),
    ("change nothing", |_| Command::Change { changes: SessionChanges::default() }),
    ("decide", |_| picks(1, "yes")),
    ("decide, not offered", |_| picks(1, "maybe")),
    ("decide by kind", |_| Command::Decide {
        request: request(1),
        choice: Choice::Kind(Decision::RejectAlways),
        message: None,
        by: "ada".to_owned(),
    }),
    ("answer", |_| Command::Answer {
        request: question(1),
        action: "decline".to_owned(),
        content: None,
        by: "ada".to_owned(),
    }),
    ("resume", |_| Command::Resume { by: "ada".to_owned() }),
    ("hibernate", |_| Command::Hibernate { recap: false, by: "idle".to_owned() }),
    ("hibernate, with a recap", |_| Command::Hibernate { recap: true, by: "ada".to_owned() }),
    ("clear", |_| Command::Clear { by: "ada".to_owned() }),
    ("rewind", |w| rewind(w, 1)),
    ("rewind, and the log went on", |w| match rewind(w, 1) {
        Command::Rewind { to, by } => Command::Rewind { to: Rewind { expected: to.expected - 1, ..to }, by },
        other => other,
    }),
    ("repair", |w| repair(w)),
    ("archive", |_| Command::Archive),
    ("unarchive", |_| Command::Unarchive),
    ("delete", |_| Command::Delete { damaged: false, by: "ada".to_owned() }),
    ("prune", |w| Command::Prune { expected: w.state.seq, by: "retention".to_owned() }),
    ("assign", |_| Command::Assign { worker: WorkerName::new("other"), above: 0 }),
    ("wait", |_| Command::Wait { reason: "no_seat".to_owned(), detail: "every seat is taken".to_owned() }),
    ("refuse", |w| Command::Refuse {
        attempt: w.attempt(),
        code: "cwd_missing".to_owned(),
        detail: "/repo does not exist".to_owned(),
    }),
    ("hello", |w| w.hello()),
    ("hello of another instance", |w| Command::Hello {
        attempt: w.attempt(),
        instance: instance(9),
        version: "1".to_owned(),
    }),
    ("report: agent ready", |w| w.report([ready()])),
    ("report: handed over", |w| w.report([handed_over(some_turn(w))])),
    ("report: text", |w| w.report([says(1, "hello")])),
    ("report: asks", |w| w.report([asks(2)])),
    ("report: turn ended", |w| {
        let turn = w.state.phase.turn().map_or(TurnId::new(uuid::Uuid::nil()), |t| t.id);
        w.report([ended(turn, StopReason::EndTurn)])
    }),
    ("report: kept awake", |w| w.report([awake()])),
    ("report: attempt failed", |w| w.report([fails(FailureKind::HandshakeFailure)])),
    ("report of a stale attempt", |w| Command::Report {
        attempt: w.attempt().wrapping_sub(1),
        instance: instance(0),
        first_index: 0,
        events: vec![says(1, "late")],
    }),
    ("report with a gap", |w| Command::Report {
        attempt: w.attempt(),
        instance: instance(0),
        first_index: w.state.next_index + 2,
        events: vec![says(1, "early")],
    }),
    ("end attempt", |w| w.end(gone())),
    ("end a stale attempt", |w| Command::EndAttempt { attempt: w.attempt().wrapping_sub(1), exit: gone() }),
    ("expire turn", |w| {
        w.later(TIMEOUT);
        Command::ExpireTurn { turn: some_turn(w), why: Expiry::Timeout }
    }),
    ("expire turn, inactive", |w| {
        w.later(limits::INACTIVITY_TIMEOUT);
        Command::ExpireTurn { turn: some_turn(w), why: Expiry::Inactivity }
    }),
    ("expire turn, which did something since", |w| Command::ExpireTurn { turn: some_turn(w), why: Expiry::Inactivity }),
    ("warn of a turn", |w| {
        w.later(limits::INACTIVITY_WARN);
        Command::WarnTurn { turn: some_turn(w) }
    }),
    ("find fault", |_| Command::FallIll { reason: UnhealthyReason::WorkerOffline, detail: "d".to_owned() }),
    ("find well", |_| Command::Recover { reason: UnhealthyReason::WorkerOffline }),
    ("expire permission", |_| Command::ExpirePermission { request: request(1) }),
];

#[test]
fn every_state_by_every_command() {
    let mut table = String::new();
    for (state, build) in STATES {
        let _ = writeln!(table, "{state}");
        for (command, say) in COMMANDS {
            let mut w = build();
            let command_value = say(&mut w);
            let before = w.state.clone();
            let outcome = match w.run(command_value) {
                Ok(events) if events.is_empty() => "ok, nothing new".to_owned(),
                Ok(events) => {
                    let tags: Vec<&str> = events.iter().map(|e| e.data.tag()).collect();
                    format!("{} [{}]", phase(&w.state.phase), tags.join(" "))
                }
                Err(no) => {
                    assert_eq!(w.state, before, "a refused command changed something");
                    format!("refused: {no}")
                }
            };
            let _ = writeln!(table, "  {command}: {outcome}");
            w.check_fold();
        }
    }
    insta::assert_snapshot!("transitions", table);
}

fn phase(phase: &Phase) -> String {
    match phase {
        Phase::Stopped { cause, verified, .. } => format!("stopped({cause:?}, verified: {verified})"),
        Phase::Stopping { cause, .. } => format!("stopping({cause:?})"),
        Phase::Pending { .. }
        | Phase::Starting { .. }
        | Phase::Idle { .. }
        | Phase::Running { .. }
        | Phase::Hibernated => phase.name().to_owned(),
    }
}

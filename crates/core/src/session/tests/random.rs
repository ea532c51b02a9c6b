//! Random commands: whatever is asked and reported, the log stays legal.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use uuid::Uuid;

use super::world::*;
use crate::{
    command::{BusyMode, Choice, Command, Expiry},
    content::{ContentBlock, ToolStatus},
    event::{ContextLoss, Decision, Event, EventBody, EventData, KnownEvent, SessionChanges, StopMode},
    failure::{AttemptExit, FailureKind, ProcessExit, StopCause, StopReason},
    ids::{TurnId, WorkerName},
    rejection::Rejection,
    session::{Phase, SessionState},
    spec::{CrashPolicy, OnTurnEnd, PermissionMode, SessionSpec},
};

/// What somebody does. Numbers pick among what there is.
#[derive(Debug, Clone)]
enum Step {
    Prompt {
        interrupt: bool,
    },
    EditQueued(usize),
    DropQueued(usize),
    Cancel(Option<usize>),
    Stop {
        now: bool,
        cause: StopCause,
    },
    Change(PermissionMode),
    Title(u8),
    Decide(usize, usize),
    Answer(usize),
    Resume,
    Hibernate {
        recap: bool,
    },
    Clear,
    Rewind(u32),
    Repair,
    Archive,
    Unarchive,
    Delete,
    Assign,
    Wait(u8),
    Refuse {
        stale: bool,
    },
    Hello {
        stale: bool,
        other: bool,
    },
    /// `again`: how many of the last events are sent once more.
    Report {
        stale: bool,
        other: bool,
        gap: bool,
        again: usize,
        says: Vec<Say>,
    },
    EndAttempt {
        stale: bool,
        handed_over: bool,
        verified: bool,
        by_cancel: bool,
    },
    ExpireTurn(usize),
    ExpirePermission(usize),
}

/// What a runner says.
#[derive(Debug, Clone)]
enum Say {
    Ready,
    Able,
    KeptAwake,
    ContextLost,
    HandedOver(usize),
    TurnEnded(usize, StopReason),
    Text(String),
    Tool(u8, ToolStatus),
    Asks(u8),
    TakesBack(u8, Decision),
    Elicits(u8),
    Exits(i32),
    Fails(FailureKind),
    Raw(&'static str),
    Foreign(KnownEvent),
}

const RAW: &[&str] = &[
    "garbage",
    "null",
    "[]",
    r#"{"type":"quantum_leaped","turn":null,"deep":{"a":[1,{"b":"\u00e9"}]}}"#,
    r#"{"type":"turn_ended"}"#,
    r#"{"type":"turn_ended","turn":"trn_00000000000000000000000000000101"}"#,
    r#"{"type":"message_appended","message":1}"#,
    r#"{"type":"usage_updated","usage":{"cost":0.1,"input_tokens":7}}"#,
    r#"{"type":"agent_auth_required"}"#,
    r#"{"type":"config_updated","options":[]}"#,
    r#"{"type":"plan_updated","entries":[{"content":"think"}]}"#,
    r#"{"type":"session_updated","changes":{"title":"by the agent"}}"#,
    r#"{"type":"log_note","code":"x","detail":"y"}"#,
    r#"{"type":"session_created"}"#,
];

fn step() -> impl Strategy<Value = Step> {
    let pick = || 0..4_usize;
    let rarely = || prop::bool::weighted(0.1);
    let cause = prop_oneof![Just(StopCause::UserRequested), Just(StopCause::Timeout), Just(StopCause::Shutdown)];
    let modes = prop_oneof![
        Just(PermissionMode::Ask),
        Just(PermissionMode::Deny),
        Just(PermissionMode::Reads),
        Just(PermissionMode::All)
    ];
    prop_oneof![
        8 => rarely().prop_map(|interrupt| Step::Prompt { interrupt }),
        1 => pick().prop_map(Step::EditQueued),
        1 => pick().prop_map(Step::DropQueued),
        2 => prop::option::of(pick()).prop_map(Step::Cancel),
        1 => (any::<bool>(), cause).prop_map(|(now, cause)| Step::Stop { now, cause }),
        1 => modes.prop_map(Step::Change),
        1 => any::<u8>().prop_map(Step::Title),
        3 => (pick(), pick()).prop_map(|(a, b)| Step::Decide(a, b)),
        1 => pick().prop_map(Step::Answer),
        2 => Just(Step::Resume),
        3 => any::<bool>().prop_map(|recap| Step::Hibernate { recap }),
        1 => Just(Step::Clear),
        1 => (1..4_u32).prop_map(Step::Rewind),
        1 => Just(Step::Repair),
        1 => Just(Step::Archive),
        1 => Just(Step::Unarchive),
        8 => Just(Step::Assign),
        1 => (0..2_u8).prop_map(Step::Wait),
        1 => rarely().prop_map(|stale| Step::Refuse { stale }),
        8 => (rarely(), rarely()).prop_map(|(stale, other)| Step::Hello { stale, other }),
        24 => (rarely(), rarely(), rarely(), 0..3_usize, prop::collection::vec(say(), 0..5))
            .prop_map(|(stale, other, gap, again, says)| Step::Report { stale, other, gap, again, says }),
        3 => (rarely(), any::<bool>(), any::<bool>(), rarely()).prop_map(|(stale, handed_over, verified, by_cancel)| {
            Step::EndAttempt { stale, handed_over, verified, by_cancel }
        }),
        1 => pick().prop_map(Step::ExpireTurn),
        1 => pick().prop_map(Step::ExpirePermission),
        1 => prop::bool::weighted(0.05).prop_map(|delete| if delete { Step::Delete } else { Step::Unarchive }),
    ]
}

fn say() -> impl Strategy<Value = Say> {
    let pick = || prop_oneof![6 => Just(0), 1 => 1..4_usize];
    let reason = prop_oneof![Just(StopReason::EndTurn), Just(StopReason::Cancelled), Just(StopReason::Failed)];
    let status = prop_oneof![
        Just(ToolStatus::Pending),
        Just(ToolStatus::InProgress),
        Just(ToolStatus::Completed),
        Just(ToolStatus::Failed)
    ];
    let decision = prop_oneof![Just(Decision::Cancelled), Just(Decision::AllowOnce), Just(Decision::RejectOnce)];
    let kind = prop_oneof![Just(FailureKind::HandshakeFailure), Just(FailureKind::ProcessExit)];
    let foreign = prop_oneof![
        Just(KnownEvent::SessionHibernated {}),
        Just(KnownEvent::TurnRequeued {}),
        Just(KnownEvent::TurnStarted { number: 7 }),
        Just(KnownEvent::SessionDeleted { by: "agent".to_owned() }),
    ];
    prop_oneof![
        6 => Just(Say::Ready),
        2 => Just(Say::Able),
        2 => Just(Say::KeptAwake),
        1 => Just(Say::ContextLost),
        8 => pick().prop_map(Say::HandedOver),
        5 => (pick(), reason).prop_map(|(turn, reason)| Say::TurnEnded(turn, reason)),
        5 => "[a-z\\n é\"]{0,8}".prop_map(Say::Text),
        3 => (0..4_u8, status).prop_map(|(id, status)| Say::Tool(id, status)),
        3 => (0..6_u8).prop_map(Say::Asks),
        1 => (0..6_u8, decision).prop_map(|(n, decision)| Say::TakesBack(n, decision)),
        1 => (0..4_u8).prop_map(Say::Elicits),
        1 => (0..2_i32).prop_map(Say::Exits),
        1 => kind.prop_map(Say::Fails),
        3 => prop::sample::select(RAW).prop_map(Say::Raw),
        1 => foreign.prop_map(Say::Foreign),
    ]
}

fn specs() -> impl Strategy<Value = SessionSpec> {
    let policy = prop_oneof![Just(CrashPolicy::Ask), Just(CrashPolicy::Resume), Just(CrashPolicy::Fail)];
    (policy, prop::bool::weighted(0.3), any::<bool>()).prop_map(|(crash_policy, one_shot, all)| SessionSpec {
        crash_policy,
        timeout: 1,
        on_turn_end: if one_shot { OnTurnEnd::Stop } else { OnTurnEnd::Keep },
        permissions: if all { PermissionMode::All } else { PermissionMode::Ask },
        ..spec()
    })
}

/// A session, and what its runners have in their spools.
struct Play {
    w: World,
    spool: Vec<EventData>,
    instance: u128,
}

impl Play {
    /// The running turn, then those that wait, then strangers.
    fn pick_turn(&self, n: usize) -> TurnId {
        let running = self.w.state.phase.turn().map(|t| t.id);
        let known: Vec<TurnId> = running.into_iter().chain(self.w.state.queue.iter().map(|e| e.id)).collect();
        known.get(n).copied().unwrap_or(TurnId::new(Uuid::from_u128(0xF00 + u128::try_from(n).unwrap())))
    }

    fn event(&self, say: &Say) -> EventData {
        match say {
            Say::Ready => ready(),
            Say::Able => able(),
            Say::KeptAwake => awake(),
            Say::ContextLost => EventData::new(KnownEvent::AgentContextLost {
                why: ContextLoss::SessionUnknown,
                detail: "gone".to_owned(),
                recap: 9,
            }),
            Say::HandedOver(n) => handed_over(self.pick_turn(*n)),
            Say::TurnEnded(n, reason) => ended(self.pick_turn(*n), *reason),
            Say::Text(text) => says(u128::from(text.len() > 4), text),
            Say::Tool(id, status) => tool(&id.to_string(), *status),
            Say::Asks(n) => asks(u128::from(*n)),
            Say::TakesBack(n, decision) => EventData::new(KnownEvent::PermissionDecided {
                request: request(u128::from(*n)),
                option_id: None,
                decision: *decision,
                by: "agent".to_owned(),
                message: None,
            }),
            Say::Elicits(n) => elicits(u128::from(*n)),
            Say::Exits(code) => {
                let exit = ProcessExit { code: Some(*code), signal: None };
                EventData::new(KnownEvent::AgentExited { exit, stderr: String::new(), step: None })
            }
            Say::Fails(kind) => fails(*kind),
            Say::Raw(text) => EventData::from_report(text),
            Say::Foreign(event) => EventData::new(event.clone()),
        }
    }

    fn step(&mut self, step: &Step) {
        let by = || "ada".to_owned();
        let attempt = |stale: bool| self.w.attempt().wrapping_sub(u32::from(stale));
        let command = match step {
            Step::Prompt { interrupt } => {
                let mut command = self.w.prompt("more");
                if let (Command::Prompt { busy, .. }, true) = (&mut command, interrupt) {
                    *busy = BusyMode::Interrupt;
                }
                command
            }
            Step::EditQueued(n) => {
                let content = vec![ContentBlock::text("other")].into();
                let position = (n % 3 > 0).then_some(n % 4);
                Command::EditQueued { turn: self.pick_turn(*n), content: (n % 3 < 2).then_some(content), position }
            }
            Step::DropQueued(n) => Command::DropQueued { turn: self.pick_turn(*n), by: by() },
            Step::Cancel(n) => Command::Cancel { turn: n.map(|n| self.pick_turn(n)), by: by() },
            Step::Stop { now, cause } => {
                let mode = if *now { StopMode::Now } else { StopMode::Graceful };
                Command::Stop { cause: *cause, mode, message: None, by: by() }
            }
            Step::Change(mode) => {
                let changes = SessionChanges { permissions: Some(*mode), ..SessionChanges::default() };
                Command::Change { changes }
            }
            Step::Title(n) => {
                let changes = SessionChanges { title: Some(n.to_string()), ..SessionChanges::default() };
                Command::Change { changes }
            }
            Step::Decide(n, option) => {
                let choice = match option {
                    0 => Choice::Option("yes".to_owned()),
                    1 => Choice::Option("maybe".to_owned()),
                    2 => Choice::Kind(Decision::RejectAlways),
                    _ => Choice::Kind(Decision::AllowAlways),
                };
                Command::Decide { request: request(u128::try_from(*n).unwrap()), choice, message: None, by: by() }
            }
            Step::Answer(n) => Command::Answer {
                request: question(u128::try_from(*n).unwrap()),
                action: "accept".to_owned(),
                content: Some(serde_json::Value::Null),
                by: by(),
            },
            Step::Resume => resume(),
            Step::Hibernate { recap } => Command::Hibernate { recap: *recap, by: by() },
            Step::Clear => clear(),
            Step::Rewind(number) => rewind(&self.w, *number),
            Step::Repair => repair(&self.w),
            Step::Archive => Command::Archive,
            Step::Unarchive => Command::Unarchive,
            Step::Delete => Command::Delete { damaged: false, by: by() },
            Step::Assign => Command::Assign { worker: WorkerName::new("local"), above: 0 },
            Step::Wait(n) => Command::Wait { reason: "no_seat".to_owned(), detail: n.to_string() },
            Step::Refuse { stale } => {
                Command::Refuse { attempt: attempt(*stale), code: "cwd_missing".to_owned(), detail: String::new() }
            }
            Step::Hello { stale, other } => Command::Hello {
                attempt: attempt(*stale),
                instance: instance(if *other { 99 } else { self.instance }),
                version: String::new(),
            },
            Step::Report { stale, other, gap, again, says } => {
                return self.report(*stale, *other, *gap, *again, says);
            }
            Step::EndAttempt { stale, handed_over, verified, by_cancel } => {
                let turn = self.w.state.phase.turn().map(|t| t.id);
                let exit = AttemptExit {
                    by: if *by_cancel { "cancel" } else { "keeper" }.to_owned(),
                    verified: *verified,
                    handed_over: turn.filter(|_| *handed_over),
                    ..AttemptExit::default()
                };
                Command::EndAttempt { attempt: attempt(*stale), exit }
            }
            Step::ExpireTurn(n) => Command::ExpireTurn { turn: self.pick_turn(*n), why: Expiry::Timeout },
            Step::ExpirePermission(n) => Command::ExpirePermission { request: request(u128::try_from(*n).unwrap()) },
        };
        let before = self.w.attempt();
        // A refusal changes nothing; the table says which ones are right.
        let _refused = self.w.run(command);
        if self.w.attempt() != before {
            self.spool.clear();
            self.instance += 1;
        }
    }

    fn report(&mut self, stale: bool, other: bool, gap: bool, again: usize, says: &[Say]) {
        let new: Vec<EventData> = says.iter().map(|say| self.event(say)).collect();
        let from = self.spool.len().saturating_sub(again);
        let events: Vec<EventData> = self.spool[from..].iter().chain(&new).cloned().collect();
        let first_index = u64::try_from(from).unwrap() + if gap { 1 + u64::try_from(again).unwrap() } else { 0 };
        let attempt = self.w.attempt().wrapping_sub(u32::from(stale));
        let instance = instance(if other { 99 } else { self.instance });
        let current = self.w.state.phase.attempt();
        let fenced = current.is_none_or(|a| a.number != attempt || a.instance != Some(instance));
        let expected = self.w.state.next_index;
        let outcome = self.w.run(Command::Report { attempt, instance, first_index, events });
        if fenced {
            assert_eq!(outcome, Err(Rejection::Fenced { attempt }));
        } else if first_index > expected {
            assert_eq!(outcome, Err(Rejection::IndexGap { expected, first: first_index }));
        } else {
            // Never an error for what it says.
            let stored = outcome.unwrap();
            let indexes: Vec<u64> = stored.iter().filter_map(|e| e.index).collect();
            assert_eq!(indexes, (expected..).take(new.len()).collect::<Vec<_>>());
            self.spool.extend(new);
            assert_eq!(self.w.state.next_index, u64::try_from(self.spool.len()).unwrap());
        }
    }
}

/// What must hold after every decision.
fn check_state(state: &SessionState) {
    check_bounds(state);
    assert!(state.directives.iter().all(|d| d.seq <= state.seq), "no directive comes from an event that is not there");
    assert!(state.directives.iter().zip(state.directives.iter().skip(1)).all(|(a, b)| a.seq < b.seq));
    let ending =
        matches!(state.phase, Phase::Stopping { .. }) || state.phase.turn().is_some_and(|t| t.cancelled_by.is_some());
    if ending || state.phase.attempt().is_none() {
        assert!(state.permissions.is_empty() && state.elicitations.is_empty(), "an agent would hang on it");
    }
    if state.phase.attempt().is_none() {
        assert!(state.open_tools.is_empty() && state.directives.is_empty());
    }
    if matches!(state.phase, Phase::Hibernated) {
        assert!(state.queue.is_empty(), "a prompt wakes it");
    }
    if let Phase::Idle { attempt } = &state.phase {
        assert!(attempt.hibernating.is_none() || attempt.leaving.is_some(), "a turn would run into its end");
        assert!(state.queue.is_empty() || attempt.leaving.is_some(), "a prompt waits for nothing");
    }
    assert_eq!(
        state.needs_you_since.is_some(),
        !state.permissions.is_empty() || !state.elicitations.is_empty() || state.agent.auth_required
    );
    let text = serde_json::to_string(state).unwrap();
    assert_eq!(&serde_json::from_str::<SessionState>(&text).unwrap(), state, "a snapshot reads back as it was");
}

/// What must hold of a whole log.
fn check_log(log: &[Event], state: &SessionState) {
    let mut indexes: BTreeMap<u32, u64> = BTreeMap::new();
    let mut active: Option<TurnId> = None;
    let (mut queued, mut over, mut handed_over) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut stop: Option<StopCause> = None;
    for event in log {
        let data = &event.data;
        let text = data.to_json();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), serde_json::to_value(data).unwrap());
        assert_eq!(&EventData::from_json(&text).unwrap(), data, "an event reads back as it was: {text}");
        if let Some(index) = event.index {
            let next = indexes.entry(data.attempt.unwrap()).or_default();
            assert_eq!(index, *next, "every index is stored once, in order");
            *next += 1;
        }
        let EventBody::Known(known) = &data.body else { continue };
        // Of all events only these tell of turns and of stops.
        if let KnownEvent::TurnQueued { .. } = known {
            assert!(queued.insert(data.turn.unwrap()));
        } else if let KnownEvent::TurnStarted { .. } = known {
            assert_eq!(active, None, "at most one turn is active");
            active = data.turn;
        } else if let KnownEvent::TurnHandedOver {} = known {
            assert_eq!(data.turn, active);
            assert!(handed_over.insert(data.turn.unwrap()), "a turn is handed over at most once");
        } else if let KnownEvent::TurnRequeued {} = known {
            assert_eq!(data.turn, active);
            assert!(!handed_over.contains(&data.turn.unwrap()), "what was handed over is never sent again");
            active = None;
        } else if let KnownEvent::TurnEnded { .. } = known {
            assert_eq!(data.turn, active);
            active = None;
            assert!(over.insert(data.turn.unwrap()), "a turn ends once");
        } else if let KnownEvent::QueueEntryDropped { .. } = known {
            assert!(over.insert(data.turn.unwrap()));
        } else if let KnownEvent::SessionCleared { .. } = known {
            assert_eq!(active, None, "a turn is not cleared away");
        } else if let KnownEvent::SessionRewound { to_seq, .. } = known {
            assert_eq!(active, None, "a turn is not taken back while it runs");
            assert!(*to_seq < event.seq);
        } else if let KnownEvent::RepairCompleted { .. } = known {
            panic!("what the engine writes needs no repair");
        } else if let KnownEvent::SessionStopping { cause, .. } = known {
            assert_eq!(*stop.get_or_insert(*cause), *cause, "the first cause wins");
        } else if let KnownEvent::SessionStopped { cause, .. } = known {
            assert_eq!(stop.take().unwrap_or(*cause), *cause);
        }
    }
    assert_eq!(active, state.phase.turn().map(|t| t.id));
    let waiting: BTreeSet<TurnId> = state.queue.iter().map(|e| e.id).chain(active).collect();
    assert!(waiting.is_disjoint(&over));
    assert_eq!(queued, &waiting | &over, "every prompt waits, runs or is over: none is lost");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_commands_fold_legally(spec in specs(), steps in prop::collection::vec(step(), 1..60)) {
        let mut play = Play { w: World::prompted(spec), spool: Vec::new(), instance: 0 };
        // Most sessions get somewhere.
        play.w.all([Command::Assign { worker: WorkerName::new("local"), above: 0 }]);
        play.w.ok(Command::Hello { attempt: 1, instance: instance(0), version: String::new() });
        for step in &steps {
            play.step(step);
            check_state(&play.w.state);
        }
        play.w.check_fold();
        check_log(&play.w.log, &play.w.state);
    }
}

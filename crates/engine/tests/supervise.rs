//! What supervision finds due, and when: by what is published, the clock, and who can be reached.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use convene_core::{
    Timestamp,
    command::{Command, Expiry, NewPrompt},
    content::{Channel, ContentBlock, Role},
    dispatch::WorkerStatus,
    event::{EventData, KnownEvent, SessionOpening, UnhealthyReason},
    ids::{InstanceId, MessageId, SessionId, ThreadId, TurnId, WorkerName},
    spec::{Origin, SessionSpec, TurnSource},
};
use convene_engine::{
    Clock, Env, NewSession, Sequencer, ThreadPlace, Work, WorkerRecord, Workers,
    reconcile::{Windows, supervise_pass},
};
use convene_testkit::sim::{MemDisk, MemStore};

/// A clock that is set, in milliseconds since 1970.
#[derive(Clone)]
struct Hand(Arc<AtomicI64>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::Relaxed)).expect("a time")
    }
}

struct World {
    sequencer: Sequencer<MemStore>,
    clock: Hand,
    workers: Workers,
    session: SessionId,
    instance: InstanceId,
    index: u64,
    /// When the turn began.
    began: Timestamp,
}

fn uuid() -> uuid::Uuid {
    Env::system().ids.uuid()
}

fn event(event: KnownEvent) -> EventData {
    EventData::new(event)
}

impl World {
    /// A turn that its agent has, on a worker that is there.
    fn new() -> Self {
        let clock = Hand(Arc::new(AtomicI64::new(1_800_000_000_000)));
        let env = Env { clock: Arc::new(clock.clone()), ..Env::system() };
        let (sequencer, _) = Sequencer::open(MemDisk::default().open(), env).expect("a sequencer");
        let (session, instance) = (SessionId::new(uuid()), InstanceId::new(uuid()));
        let began = clock.now();
        let mut this = Self { sequencer, clock, workers: Workers::default(), session, instance, index: 0, began };
        let spec =
            SessionSpec { inactivity_warn: 900, inactivity_timeout: 1800, ..SessionSpec::new("builtin", "/tmp") };
        let turn = TurnId::new(uuid());
        let content = Arc::new(vec![ContentBlock::text("go")]);
        this.run(Work::CreateSession(Box::new(NewSession {
            id: session,
            spec,
            thread: ThreadPlace::New(ThreadId::new(uuid())),
            owner: "ana".to_owned(),
            namespace: "default".to_owned(),
            origin: Origin::User,
            title: String::new(),
            labels: BTreeMap::new(),
            prompt: Some(NewPrompt { turn, content, source: TurnSource::User }),
            fork: None,
        })));
        this.command(Command::Assign { worker: WorkerName::new("local"), above: 0 });
        this.command(Command::Hello { attempt: 1, instance, version: "0".to_owned() });
        let how = SessionOpening::New;
        this.report(event(KnownEvent::AgentSessionStarted { agent_session_id: "a".to_owned(), how }));
        this.report(event(KnownEvent::TurnHandedOver {}).turn(turn));
        this.sequencer.shared().runners.here(session);
        this.worker(true, None);
        this
    }

    fn run(&mut self, work: Work) {
        self.sequencer.run_group(vec![(work, None)]).remove(0).expect("taken");
    }

    fn command(&mut self, command: Command) {
        self.run(Work::Command { session: self.session, command });
    }

    fn report(&mut self, event: EventData) {
        let (instance, first_index) = (self.instance, self.index);
        self.index += 1;
        self.command(Command::Report { attempt: 1, instance, first_index, events: vec![event] });
    }

    fn later(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    fn says(&mut self) {
        self.report(event(KnownEvent::MessageAppended {
            message: MessageId::new(uuid()),
            role: Role::Agent,
            channel: Channel::Answer,
            content: ContentBlock::text("a word"),
        }));
    }

    fn worker(&self, connected: bool, quiet_since: Option<Timestamp>) {
        let status = WorkerStatus {
            name: WorkerName::new("local"),
            connected,
            seats: 4,
            labels: BTreeMap::new(),
            agents: Vec::new(),
        };
        let (instance, version) = (self.instance, "0".to_owned());
        let last_seen_at = self.began;
        self.workers.register(WorkerRecord { instance, version, status, roots: Vec::new(), last_seen_at, quiet_since });
        if !connected {
            self.workers.disconnect(&WorkerName::new("local"), self.instance, self.began);
        }
    }

    fn at(&self, seconds: i64) -> Timestamp {
        Timestamp::from_millisecond(self.began.as_millisecond() + seconds * 1000 + 900).expect("a time")
    }

    /// What is due so many seconds after the turn began, in words.
    fn due(&self, windows: impl Into<Windows>, seconds: i64) -> Vec<&'static str> {
        let commands = supervise_pass(&self.sequencer.shared(), &self.workers, windows, self.at(seconds));
        let word = |(_, command): (SessionId, Command)| match command {
            Command::ExpireTurn { why: Expiry::Inactivity, .. } => "expire",
            Command::ExpireTurn { why: Expiry::Timeout, .. } => "expire by the clock",
            Command::WarnTurn { .. } => "warn",
            Command::FallIll { reason, .. } => reason.name(),
            Command::Recover { .. } => "recover",
            _ => "something else",
        };
        commands.into_iter().map(word).collect()
    }
}

#[test]
fn silence_is_shown_then_warned_of_then_ended() {
    let w = World::new();
    assert!(w.due(w.began, 119).is_empty());
    assert_eq!(w.due(w.began, 121), ["silent"]);
    assert_eq!(w.due(w.began, 901), ["warn", "silent"]);
    assert_eq!(w.due(w.began, 1801), ["expire"]);
}

#[test]
fn what_is_told_is_not_told_again_until_something_happens() {
    let mut w = World::new();
    let turn = w.sequencer.shared().session(w.session).expect("there").state.phase.turn().expect("a turn").id;
    w.later(900);
    w.command(Command::WarnTurn { turn });
    w.command(Command::FallIll { reason: UnhealthyReason::Silent, detail: "d".to_owned() });
    assert!(w.due(w.began, 901).is_empty());
    w.later(1);
    w.says();
    assert!(w.due(w.began, 902).is_empty(), "silence begins anew");
    assert_eq!(w.due(w.began, 1802), ["warn", "silent"]);
}

#[test]
fn who_stood_still_gives_everybody_all_of_their_time() {
    let w = World::new();
    let woke = Windows { up: w.began, whole: w.at(5000) };
    assert!(w.due(woke, 5100).is_empty());
    assert_eq!(w.due(woke, 5125), ["silent"]);
    assert_eq!(w.due(woke, 6801), ["expire"]);
}

#[test]
fn who_cannot_be_reached_is_told_after_a_moment_and_when_it_is_back() {
    let mut w = World::new();
    w.worker(false, None);
    assert!(w.due(w.began, 1).is_empty());
    assert_eq!(w.due(w.began, 4), ["worker_offline"]);
    w.command(Command::FallIll { reason: UnhealthyReason::WorkerOffline, detail: "d".to_owned() });
    assert!(w.due(w.began, 5).is_empty());
    w.worker(true, None);
    assert_eq!(w.due(w.began, 6), ["recover"]);
    w.command(Command::Recover { reason: UnhealthyReason::WorkerOffline });
    w.worker(true, Some(w.began));
    assert_eq!(w.due(w.began, 4), ["worker_offline"], "it is connected and does not answer");
    w.worker(true, None);
    w.sequencer.shared().runners.away(w.session, w.began);
    assert!(w.due(w.began, 8).is_empty());
    assert_eq!(w.due(w.began, 12), ["runner_unreachable"]);
}

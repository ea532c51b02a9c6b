//! What supervision finds due, and when: by what is published, the clock, and who can be reached.

use std::{collections::BTreeMap, sync::Arc};

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
    Env, NewSession, Sequencer, ThreadPlace, Work, WorkerRecord, Workers,
    reconcile::{Windows, supervise_pass},
};
use convene_testkit::sim::{MemDisk, MemStore};

struct World {
    sequencer: Sequencer<MemStore>,
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
        let (sequencer, _) = Sequencer::open(MemDisk::default().open(), Env::system()).expect("a sequencer");
        let (session, instance) = (SessionId::new(uuid()), InstanceId::new(uuid()));
        let began = Env::system().clock.now();
        let mut this = Self { sequencer, workers: Workers::default(), session, instance, index: 0, began };
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
        this.command(Command::Assign { worker: WorkerName::new("local") });
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

    fn says(&mut self) {
        // Not in the millisecond in which something was told of it.
        let before = Env::system().clock.now();
        while Env::system().clock.now() <= before {
            std::hint::spin_loop();
        }
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
    w.command(Command::WarnTurn { turn });
    w.command(Command::FallIll { reason: UnhealthyReason::Silent, detail: "d".to_owned() });
    assert!(w.due(w.began, 901).is_empty());
    w.says();
    assert_eq!(w.due(w.began, 901), ["warn", "silent"], "the word was now, and silence begins anew");
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

//! Which sessions are put to sleep: those that nobody uses or watches, and those whose seats others wait for.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use convene_core::{
    Timestamp,
    command::{Command, NewPrompt},
    content::ContentBlock,
    dispatch::{DetectedAgent, WorkerStatus},
    event::{AwakeReason, EventData, KnownEvent, SessionOpening},
    failure::{AttemptExit, StopReason},
    ids::{InstanceId, SessionId, ThreadId, TurnId, WorkerName},
    session::SessionState,
    spec::{Origin, SessionSpec, TurnSource},
};
use convene_engine::{
    Clock, Engine, Env, IdSource, NewSession, Registered, Running, ThreadPlace, Work, WorkerOrder, WorkerRecord,
    reconcile::{self, LastWatched},
};
use convene_store::{SqliteReader, SqliteStore};
use uuid::Uuid;

const QUARTER: Duration = Duration::from_secs(900);

#[derive(Clone)]
struct TestClock(Arc<AtomicI64>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::Relaxed)).expect("a time")
    }
}

struct TestIds(AtomicU64);

impl IdSource for TestIds {
    fn uuid(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)))
    }
}

/// An engine with a clock that stands still until it is moved.
struct World {
    engine: Engine<SqliteReader>,
    _running: Running,
    clock: TestClock,
    started: Timestamp,
    last: LastWatched,
    _dir: tempfile::TempDir,
}

impl World {
    fn new(seats: u32) -> Self {
        let clock = TestClock(Arc::new(AtomicI64::new(1_800_000_000_000)));
        let env = Env { clock: Arc::new(clock.clone()), ids: Arc::new(TestIds(AtomicU64::new(1))) };
        let dir = tempfile::tempdir().expect("a directory");
        let store = SqliteStore::open(dir.path(), clock.now(), 7).expect("a store");
        let (engine, running) = Engine::start(store, env).expect("an engine");
        let agent = DetectedAgent { name: "builtin".to_owned(), installed: true, ..DetectedAgent::default() };
        let record = WorkerRecord {
            instance: InstanceId::new(Uuid::from_u128(9)),
            version: "0".to_owned(),
            status: WorkerStatus {
                name: WorkerName::new("local"),
                connected: true,
                seats,
                labels: BTreeMap::new(),
                agents: vec![agent],
            },
            roots: Vec::new(),
            last_seen_at: clock.now(),
            quiet_since: None,
        };
        assert_eq!(engine.workers().register(record), Registered::Yes);
        let (started, last) = (clock.now(), LastWatched::default());
        Self { engine, _running: running, clock, started, last, _dir: dir }
    }

    fn later(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    fn prompt(&self) -> NewPrompt {
        let content = Arc::new(vec![ContentBlock::text("hello")]);
        NewPrompt { turn: TurnId::new(self.engine.uuid()), content, source: TurnSource::User }
    }

    async fn create(&self) -> SessionId {
        let spec: SessionSpec = serde_json::from_str(r#"{"agent":"builtin","cwd":"/tmp"}"#).expect("a spec");
        let id = SessionId::new(self.engine.uuid());
        let new = NewSession {
            id,
            spec,
            thread: ThreadPlace::New(ThreadId::new(self.engine.uuid())),
            owner: "ana".to_owned(),
            namespace: "default".to_owned(),
            origin: Origin::User,
            title: String::new(),
            labels: BTreeMap::new(),
            prompt: Some(self.prompt()),
            fork: None,
        };
        self.engine.submit(Work::CreateSession(Box::new(new)), None).await.expect("created");
        id
    }

    async fn ok(&self, id: SessionId, command: Command) {
        self.engine.command(id, command).await.expect("taken");
    }

    fn state(&self, id: SessionId) -> Arc<SessionState> {
        self.engine.shared().session(id).expect("published").state
    }

    async fn report(&self, id: SessionId, events: Vec<EventData>) {
        let state = self.state(id);
        let instance = InstanceId::new(Uuid::from_u128(1));
        let (attempt, first_index) = (state.attempts, state.next_index);
        self.ok(id, Command::Report { attempt, instance, first_index, events }).await;
    }

    /// Idle after its first turn, with an agent that can load its session again if `able`.
    async fn idle(&self, able: bool) -> SessionId {
        let id = self.create().await;
        self.ok(id, Command::Assign { worker: WorkerName::new("local"), above: 0 }).await;
        let instance = InstanceId::new(Uuid::from_u128(1));
        self.ok(id, Command::Hello { attempt: 1, instance, version: "0".to_owned() }).await;
        let turn = self.state(id).phase.turn().expect("a turn").id;
        let initialized = KnownEvent::AgentInitialized {
            name: "a".to_owned(),
            title: None,
            version: "1".to_owned(),
            protocol_version: 1,
            capabilities: Arc::new(serde_json::json!({"loadSession": able})),
            auth_methods: Vec::new(),
        };
        let opened = KnownEvent::AgentSessionStarted { agent_session_id: "a1".to_owned(), how: SessionOpening::New };
        let ended = KnownEvent::TurnEnded { stop_reason: StopReason::EndTurn, failure: None, usage: None };
        let events = vec![
            EventData::new(initialized),
            EventData::new(opened),
            EventData::new(KnownEvent::TurnHandedOver {}).turn(turn),
            EventData::new(ended).turn(turn),
        ];
        self.report(id, events).await;
        assert_eq!(self.state(id).phase.name(), "idle");
        id
    }

    /// Who would be put to sleep for idleness now.
    fn due(&mut self) -> Vec<SessionId> {
        let now = self.clock.now();
        let due = reconcile::idle_pass(self.engine.shared(), &mut self.last, QUARTER, self.started, now);
        assert!(due.iter().all(|(_, c)| matches!(c, Command::Hibernate { recap: false, by } if by == "idle")));
        due.into_iter().map(|(id, _)| id).collect()
    }

    async fn dispatch(&self) {
        for (id, command) in reconcile::dispatch_pass(self.engine.shared(), self.engine.workers()) {
            self.ok(id, command).await;
        }
    }

    /// Whose seats would be taken now.
    fn given_up(&self) -> Vec<SessionId> {
        let due = reconcile::seats_pass(self.engine.shared(), self.engine.workers(), self.clock.now());
        assert!(due.iter().all(|(_, c)| matches!(c, Command::Hibernate { recap: false, by } if by == "seats")));
        due.into_iter().map(|(id, _)| id).collect()
    }

    async fn hibernate(&self, id: SessionId) {
        self.ok(id, Command::Hibernate { recap: false, by: "test".to_owned() }).await;
    }

    async fn kept_awake(&self, id: SessionId) {
        self.hibernate(id).await;
        let (why, detail) = (AwakeReason::LiveWork, "a server".to_owned());
        self.report(id, vec![EventData::new(KnownEvent::SessionKeptAwake { why, detail })]).await;
    }
}

#[tokio::test]
async fn what_is_idle_and_unwatched_for_long_enough_is_put_to_sleep() {
    let mut world = World::new(8);
    let (first, forgetful) = (world.idle(true).await, world.idle(false).await);
    let running = world.create().await;
    world.later(899);
    assert_eq!(world.due(), [], "not yet");
    world.later(1);
    assert_eq!(world.due(), [first], "not {forgetful}, which would forget, nor {running}, which is not idle");
    world.hibernate(first).await;
    assert_eq!(world.due(), [], "it is on its way");
    let off = reconcile::idle_pass(
        world.engine.shared(),
        &mut LastWatched::default(),
        Duration::ZERO,
        world.started,
        world.clock.now(),
    );
    assert!(off.is_empty(), "zero is never");
}

#[tokio::test]
async fn what_somebody_watches_stays_and_its_time_begins_when_they_leave() {
    let mut world = World::new(8);
    let id = world.idle(true).await;
    let (one, other) =
        (world.engine.follow(id, 0).await.expect("a reader"), world.engine.follow(id, 0).await.expect("a reader"));
    world.later(5000);
    drop(one);
    assert_eq!(world.due(), [], "the other one is still there");
    drop(other);
    assert_eq!(world.due(), [], "a moment ago it was watched");
    world.later(899);
    assert_eq!(world.due(), []);
    world.later(1);
    assert_eq!(world.due(), [id]);
}

#[tokio::test]
async fn a_server_that_has_just_started_puts_nobody_to_sleep() {
    let mut world = World::new(8);
    let id = world.idle(true).await;
    world.later(100_000);
    world.started = world.clock.now();
    assert_eq!(world.due(), []);
    world.later(900);
    assert_eq!(world.due(), [id]);
}

#[tokio::test]
async fn what_stays_awake_is_asked_later_and_later() {
    let mut world = World::new(8);
    let id = world.idle(true).await;
    for doubled in [1, 2, 4] {
        world.later(900 * doubled - 1);
        assert_eq!(world.due(), [], "after {doubled}");
        world.later(1);
        assert_eq!(world.due(), [id], "after {doubled}");
        world.kept_awake(id).await;
    }
}

#[tokio::test]
async fn whoever_waits_for_a_seat_gets_that_of_the_least_recently_used() {
    let world = World::new(3);
    let oldest = world.idle(true).await;
    world.later(1);
    let watched = world.idle(true).await;
    world.later(1);
    let newest = world.idle(true).await;
    assert_eq!(world.given_up(), [], "nobody waits");
    let wants = world.create().await;
    world.dispatch().await;
    assert_eq!(world.state(wants).phase.name(), "pending");
    let _reader = world.engine.follow(watched, 0).await.expect("a reader");
    assert_eq!(world.given_up(), [oldest]);
    world.hibernate(oldest).await;
    assert_eq!(world.given_up(), [], "one seat is enough for one");
    for _ in 0..2 {
        world.later(1);
        world.create().await;
    }
    world.dispatch().await;
    assert_eq!(world.given_up(), [newest, watched], "what somebody watches goes last");
    // The seat is free when nothing is left, not before.
    world.dispatch().await;
    assert_eq!(world.state(wants).phase.name(), "pending");
    let exit = AttemptExit { by: "keeper".to_owned(), verified: true, ..AttemptExit::default() };
    world.ok(oldest, Command::EndAttempt { attempt: 1, exit }).await;
    assert_eq!(world.state(oldest).phase.name(), "hibernated");
    world.dispatch().await;
    assert_eq!(world.state(wants).phase.name(), "starting");
}

#[tokio::test]
async fn who_cannot_give_up_its_seat_is_not_asked_all_the_time() {
    let world = World::new(1);
    let id = world.idle(true).await;
    world.create().await;
    world.dispatch().await;
    assert_eq!(world.given_up(), [id]);
    world.kept_awake(id).await;
    world.later(59);
    assert_eq!(world.given_up(), []);
    world.later(1);
    assert_eq!(world.given_up(), [id]);
}

#[tokio::test]
async fn a_runner_that_does_not_answer_is_ended_once_a_prompt_waits_for_it() {
    let world = World::new(1);
    let id = world.idle(true).await;
    world.hibernate(id).await;
    world.later(60);
    let name = WorkerName::new("local");
    let orders = || world.engine.workers().orders(&name, world.engine.shared(), world.clock.now());
    assert!(orders().is_empty(), "it may have work that would be lost");
    let prompt = world.prompt();
    world.ok(id, Command::Prompt { prompt, busy: convene_core::command::BusyMode::Queue }).await;
    assert!(matches!(orders()[..], [WorkerOrder::End { session, attempt: 1, .. }] if session == id), "{:?}", orders());
}

//! The engine through its door, on the default store.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use convene_core::{
    Timestamp,
    command::{BusyMode, Command, NewPrompt},
    content::{Channel, ContentBlock, Role},
    dispatch::{DetectedAgent, WorkerStatus},
    event::{EventData, KnownEvent, SessionOpening},
    failure::StopReason,
    ids::{InstanceId, MessageId, SessionId, ThreadId, TurnId, WorkerName},
    rejection::Rejection,
    session::Phase,
    spec::{Origin, SessionSpec, TurnSource},
};
use convene_engine::{
    Clock, Done, Engine, Env, Error, IdSource, Idempotency, ListObject, NewSession, Registered, Running, Sequencer,
    ThreadPlace, Work, WorkerOrder, WorkerRecord, reconcile,
};
use convene_store::{
    EventFilter, Reader, SessionFilter,
    sqlite::{SqliteReader, SqliteStore},
};
use uuid::Uuid;

/// A clock that is set by hand.
#[derive(Clone)]
struct FixedClock(Arc<AtomicI64>);

impl FixedClock {
    fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).expect("in range")
    }
}

/// Ids that count.
struct CountingIds(AtomicU64);

impl IdSource for CountingIds {
    fn uuid(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::SeqCst)))
    }
}

struct Bench {
    dir: tempfile::TempDir,
    clock: FixedClock,
    env: Env,
}

impl Bench {
    fn new() -> Self {
        let clock = FixedClock(Arc::new(AtomicI64::new(1_800_000_000_000)));
        let env = Env { clock: Arc::new(clock.clone()), ids: Arc::new(CountingIds(AtomicU64::new(1))) };
        Self { dir: tempfile::tempdir().expect("a directory"), clock, env }
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(self.dir.path(), self.clock.now(), 7).expect("a store")
    }

    fn sequencer(&self) -> Sequencer<SqliteStore> {
        let (sequencer, quarantined) = Sequencer::open(self.store(), self.env.clone()).expect("a sequencer");
        assert!(quarantined.is_empty(), "{quarantined:?}");
        sequencer
    }

    fn engine(&self) -> (Engine<SqliteReader>, Running) {
        Engine::start(self.store(), self.env.clone()).expect("an engine")
    }

    fn session_id(&self) -> SessionId {
        SessionId::new(self.env.ids.uuid())
    }

    fn prompt(&self, text: &str) -> NewPrompt {
        NewPrompt {
            turn: TurnId::new(self.env.ids.uuid()),
            content: Arc::new(vec![ContentBlock::text(text)]),
            source: TurnSource::User,
        }
    }

    fn new_session(&self, id: SessionId, prompt: Option<&str>) -> Work {
        let spec: SessionSpec = serde_json::from_str(r#"{"agent":"builtin","cwd":"/tmp"}"#).expect("a spec");
        Work::CreateSession(Box::new(NewSession {
            id,
            spec,
            thread: ThreadPlace::New(ThreadId::new(self.env.ids.uuid())),
            owner: "ana".to_owned(),
            namespace: "default".to_owned(),
            origin: Origin::User,
            title: String::new(),
            labels: BTreeMap::new(),
            prompt: prompt.map(|text| self.prompt(text)),
            fork: None,
        }))
    }
}

fn keyed(key: &str, request: &str) -> Option<Idempotency> {
    Some(Idempotency {
        owner: "ana".to_owned(),
        key: key.into(),
        request: request.to_owned(),
        render: Box::new(|outcome| outcome.session.as_ref().expect("a session").id.to_string()),
    })
}

fn one(sequencer: &mut Sequencer<SqliteStore>, work: Work) -> Result<Done, Error> {
    sequencer.run_group(vec![(work, None)]).remove(0)
}

fn worker(name: &str, seats: u32) -> WorkerRecord {
    let agent = DetectedAgent {
        name: "builtin".to_owned(),
        installed: true,
        starts_with: "built in".to_owned(),
        ..DetectedAgent::default()
    };
    WorkerRecord {
        instance: InstanceId::new(Uuid::from_u128(99)),
        version: "0".to_owned(),
        status: WorkerStatus {
            name: WorkerName::new(name),
            connected: true,
            seats,
            labels: BTreeMap::new(),
            agents: vec![agent],
        },
        roots: Vec::new(),
        last_seen_at: Timestamp::UNIX_EPOCH,
        quiet_since: None,
    }
}

fn text_piece(message: u128, text: &str) -> EventData {
    EventData::new(KnownEvent::MessageAppended {
        message: MessageId::new(Uuid::from_u128(message)),
        role: Role::Agent,
        channel: Channel::Answer,
        content: ContentBlock::text(text),
    })
}

/// Brings a session to `running` with a runner that says hello.
async fn run(engine: &Engine<SqliteReader>, id: SessionId, instance: InstanceId) {
    engine.command(id, Command::Assign { worker: WorkerName::new("local"), above: 0 }).await.expect("assigned");
    engine
        .command(id, Command::Hello { attempt: 1, instance, version: "0".to_owned() })
        .await
        .expect("the first instance wins");
    let started =
        EventData::new(KnownEvent::AgentSessionStarted { agent_session_id: "a1".to_owned(), how: SessionOpening::New });
    report(engine, id, instance, 0, vec![started]).await.expect("taken");
}

async fn report(
    engine: &Engine<SqliteReader>,
    session: SessionId,
    instance: InstanceId,
    first_index: u64,
    events: Vec<EventData>,
) -> Result<u64, Error> {
    let outcome = engine.command(session, Command::Report { attempt: 1, instance, first_index, events }).await?;
    Ok(outcome.session.expect("a session").next_index)
}

#[test]
fn twenty_creates_with_one_key_in_one_group_make_one_session_and_one_prompt() {
    let bench = Bench::new();
    let mut sequencer = bench.sequencer();
    let items: Vec<_> =
        (0..20).map(|_| (bench.new_session(bench.session_id(), Some("hello")), keyed("k", "same"))).collect();
    let answers = sequencer.run_group(items);
    let bodies: Vec<String> = answers
        .into_iter()
        .map(|answer| match answer.expect("no error") {
            Done::Fresh(outcome) => outcome.session.expect("a session").id.to_string(),
            Done::Replayed(body) => body,
        })
        .collect();
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    let reader = sequencer.reader();
    let rows = reader.sessions(&SessionFilter { limit: 100, ..SessionFilter::default() }).expect("rows");
    assert_eq!(rows.len(), 1);
    let events = reader.events(rows[0].log, &EventFilter { limit: 100, ..EventFilter::default() }).expect("events");
    let queued = events.iter().filter(|e| e.data.contains("turn_queued")).count();
    assert_eq!(queued, 1);
}

#[test]
fn a_key_with_another_command_is_a_conflict_also_after_a_restart() {
    let bench = Bench::new();
    let first = bench.session_id();
    {
        let mut sequencer = bench.sequencer();
        let items = vec![(bench.new_session(first, Some("hello")), keyed("k", "one"))];
        assert!(matches!(sequencer.run_group(items)[0], Ok(Done::Fresh(_))));
    }
    let mut sequencer = bench.sequencer();
    let items = vec![
        (bench.new_session(bench.session_id(), Some("hello")), keyed("k", "one")),
        (bench.new_session(bench.session_id(), Some("other")), keyed("k", "two")),
    ];
    let answers = sequencer.run_group(items);
    assert!(matches!(&answers[0], Ok(Done::Replayed(body)) if *body == first.to_string()), "{answers:?}");
    assert!(matches!(&answers[1], Err(Error::IdempotencyConflict)), "{answers:?}");
}

#[test]
fn a_refused_item_changes_nothing_and_the_others_of_its_group_go_on() {
    let bench = Bench::new();
    let mut sequencer = bench.sequencer();
    let (good, empty) = (bench.session_id(), bench.session_id());
    let answers = sequencer.run_group(vec![
        (bench.new_session(empty, Some("  ")), None),
        (bench.new_session(good, Some("hello")), None),
        (Work::Command { session: good, command: Command::Cancel { turn: None, by: "ana".to_owned() } }, None),
    ]);
    assert!(matches!(&answers[0], Err(Error::Rejected(Rejection::PromptEmpty))), "{answers:?}");
    assert!(answers[1].is_ok());
    assert!(matches!(&answers[2], Err(Error::Rejected(Rejection::NothingRunning))), "{answers:?}");
    let rows = sequencer.reader().sessions(&SessionFilter { limit: 9, ..SessionFilter::default() }).expect("rows");
    assert_eq!(rows.iter().map(|r| r.id).collect::<Vec<_>>(), vec![good]);
}

#[test]
fn states_after_a_restart_equal_those_before() {
    let bench = Bench::new();
    let ids: Vec<SessionId> = (0..5).map(|_| bench.session_id()).collect();
    let before: Vec<_> = {
        let mut sequencer = bench.sequencer();
        for (n, id) in ids.iter().enumerate() {
            one(&mut sequencer, bench.new_session(*id, Some("hello"))).expect("created");
            for _ in 0..n {
                let command = Command::Prompt { prompt: bench.prompt("more"), busy: BusyMode::Queue };
                one(&mut sequencer, Work::Command { session: *id, command }).expect("queued");
            }
        }
        let shared = sequencer.shared();
        ids.iter().map(|id| shared.session(*id).expect("published").state).collect()
    };
    let shared = bench.sequencer().shared();
    let after: Vec<_> = ids.iter().map(|id| shared.session(*id).expect("loaded").state).collect();
    assert_eq!(before, after);
}

#[test]
fn a_session_without_a_worker_says_why_it_waits_and_gets_its_seat_when_one_comes() {
    let bench = Bench::new();
    let mut sequencer = bench.sequencer();
    let shared = sequencer.shared();
    let workers = convene_engine::Workers::default();
    let (first, second) = (bench.session_id(), bench.session_id());
    for id in [first, second] {
        one(&mut sequencer, bench.new_session(id, Some("hello"))).expect("created");
        bench.clock.advance(1);
    }
    let mut pass = |workers: &convene_engine::Workers| {
        let commands = reconcile::dispatch_pass(&shared, workers);
        for (session, command) in &commands {
            one(&mut sequencer, Work::Command { session: *session, command: command.clone() }).expect("taken");
        }
        commands.len()
    };
    assert_eq!(pass(&workers), 2);
    assert_eq!(pass(&workers), 0, "the same reason is said once");
    let waiting = |id| match &shared.session(id).expect("published").state.phase {
        Phase::Pending { waiting } => waiting.as_ref().map(|w| w.reason.clone()),
        _ => None,
    };
    assert_eq!(waiting(first).as_deref(), Some("no_worker"));

    assert_eq!(workers.register(worker("local", 1)), Registered::Yes);
    assert_eq!(pass(&workers), 2);
    assert_eq!(shared.session(first).expect("published").state.phase.name(), "starting", "the oldest comes first");
    assert_eq!(waiting(second).as_deref(), Some("no_seat"));
    let name = WorkerName::new("local");
    let orders = workers.orders(&name, &shared, bench.clock.now());
    assert!(matches!(&orders[..], [WorkerOrder::Start { session, attempt: 1, .. }] if *session == first), "{orders:?}");
    workers.taken(first, 1);
    assert!(workers.orders(&name, &shared, bench.clock.now()).is_empty(), "a taken attempt is not sent again");
}

#[test]
fn a_session_waits_for_the_end_of_an_attempt_that_only_its_worker_knows_and_gets_another_number() {
    let bench = Bench::new();
    let mut sequencer = bench.sequencer();
    let (shared, workers) = (sequencer.shared(), convene_engine::Workers::default());
    let id = bench.session_id();
    one(&mut sequencer, bench.new_session(id, Some("hello"))).expect("created");
    let mut pass = || {
        for (session, command) in reconcile::dispatch_pass(&shared, &workers) {
            one(&mut sequencer, Work::Command { session, command }).expect("taken");
        }
        shared.session(id).expect("published").state
    };
    // Its backup is older than two of its attempts.
    assert_eq!(workers.register_with(worker("local", 2), [(id, 1), (id, 2)].into()), Registered::Yes);
    for ended in [1, 2] {
        let state = pass();
        let Phase::Pending { waiting: Some(waiting) } = &state.phase else { panic!("{:?}", state.phase) };
        assert_eq!(waiting.reason, "earlier_attempt");
        workers.ended(id, ended);
    }
    let state = pass();
    assert_eq!(state.phase.attempt().map(|attempt| attempt.number), Some(3), "{:?}", state.phase);
    let attempt = state.phase.attempt().expect("one");
    assert!(!workers.is_of_another(&WorkerName::new("local"), attempt));
    assert!(workers.is_of_another(&WorkerName::new("other"), attempt), "it has the number by another log");
    let instance = worker("local", 2).instance;
    workers.disconnect(&WorkerName::new("local"), instance, bench.clock.now());
    assert!(!workers.is_of_another(&WorkerName::new("renamed"), attempt), "nobody else has it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_readers_see_a_create_from_its_own_commit_and_catch_up_after_a_gap() {
    let bench = Bench::new();
    let (engine, running) = bench.engine();
    let mut live = engine.follow_list(0);
    let id = bench.session_id();
    let outcome = engine.submit(bench.new_session(id, Some("hello")), None).await.expect("created");
    let pos = outcome.fresh().expect("fresh").pos;
    let changes = live.next().await.expect("changes");
    let session = changes
        .iter()
        .find_map(|c| match &c.object {
            ListObject::Session(p) => Some((c.is_new, p.state.id, c.pos)),
            ListObject::SessionGone(_) | ListObject::Thread(..) | ListObject::ThreadGone(_) => None,
        })
        .expect("the session");
    assert_eq!((session.0, session.1), (true, id));
    assert!(session.2 <= pos);

    // Away while three more are made and one of them goes again.
    let cursor = live.after();
    drop(live);
    let mut made = Vec::new();
    for _ in 0..3 {
        let id = bench.session_id();
        engine.submit(bench.new_session(id, None), None).await.expect("created");
        made.push(id);
    }
    engine.command(made[1], Command::Delete { damaged: false, by: "ana".to_owned() }).await.expect("deleted");
    let mut back = engine.follow_list(cursor);
    let mut seen: Vec<(SessionId, bool)> = Vec::new();
    for change in back.read().await.expect("changes") {
        match change.object {
            ListObject::Session(p) => seen.push((p.state.id, false)),
            ListObject::SessionGone(id) => seen.push((id, true)),
            ListObject::Thread(..) | ListObject::ThreadGone(_) => {}
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, vec![(made[0], false), (made[1], true), (made[2], false)]);
    drop((engine, back));
    running.join();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_reader_at_any_cursor_reads_exactly_the_log_while_it_grows() {
    let bench = Bench::new();
    let (engine, running) = bench.engine();
    let (id, instance) = (bench.session_id(), InstanceId::new(Uuid::from_u128(5)));
    engine.submit(bench.new_session(id, Some("hello")), None).await.expect("created");
    run(&engine, id, instance).await;

    let pieces = 3000_u64;
    let follower = {
        let engine = engine.clone();
        async move {
            let mut log = engine.follow(id, 0).await.expect("a reader");
            let mut seqs = Vec::new();
            while u64::try_from(seqs.len()).expect("small") < pieces {
                for event in log.next().await.expect("events").expect("the session is there") {
                    seqs.push(event.seq);
                }
                // Away and back, at every fifth cursor.
                if log.after() % 5 == 0 {
                    let after = log.after();
                    log = engine.follow(id, after).await.expect("a reader");
                }
            }
            seqs
        }
    };
    let writer = async {
        let mut index = 1;
        while index < pieces {
            let batch: Vec<_> = (index..(index + 40).min(pieces)).map(|n| text_piece(1, &format!("w{n} "))).collect();
            index = report(&engine, id, instance, index, batch).await.expect("taken");
        }
    };
    let (seqs, ()) = tokio::join!(follower, writer);
    let expected: Vec<u64> = (1..=u64::try_from(seqs.len()).expect("small")).collect();
    assert_eq!(seqs, expected, "gapless, nothing twice");
    drop(engine);
    running.join();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_sent_again_is_taken_once_and_a_stale_one_not_at_all() {
    let bench = Bench::new();
    let (engine, running) = bench.engine();
    let (id, instance) = (bench.session_id(), InstanceId::new(Uuid::from_u128(5)));
    engine.submit(bench.new_session(id, Some("hello")), None).await.expect("created");
    run(&engine, id, instance).await;
    let batch = || vec![text_piece(1, "a"), text_piece(1, "b")];
    assert_eq!(report(&engine, id, instance, 1, batch()).await.expect("taken"), 3);
    assert_eq!(report(&engine, id, instance, 1, batch()).await.expect("known"), 3);
    let gap = report(&engine, id, instance, 9, batch()).await;
    assert!(matches!(gap, Err(Error::Rejected(Rejection::IndexGap { expected: 3, first: 9 }))), "{gap:?}");
    let stranger = report(&engine, id, InstanceId::new(Uuid::from_u128(6)), 3, batch()).await;
    assert!(matches!(stranger, Err(Error::Rejected(Rejection::Fenced { attempt: 1 }))), "{stranger:?}");
    let second = engine
        .command(
            id,
            Command::Hello { attempt: 1, instance: InstanceId::new(Uuid::from_u128(6)), version: String::new() },
        )
        .await;
    assert!(matches!(second, Err(Error::Rejected(Rejection::Fenced { .. }))), "the first instance wins");
    let published = engine.session(id).await.expect("a session");
    assert_eq!(published.state.result.as_str(), "ab");
    drop(engine);
    running.join();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_is_out_of_time_is_cancelled_and_ends_as_timeout() {
    let bench = Bench::new();
    let (engine, running) = bench.engine();
    let started = engine.now();
    let (id, instance) = (bench.session_id(), InstanceId::new(Uuid::from_u128(5)));
    let Work::CreateSession(mut new) = bench.new_session(id, Some("hello")) else { unreachable!("it is a create") };
    new.spec.timeout = 60;
    engine.submit(Work::CreateSession(new), None).await.expect("created");
    run(&engine, id, instance).await;
    let turn = engine.session(id).await.expect("a session").state.phase.turn().expect("a turn").id;
    report(&engine, id, instance, 1, vec![EventData::new(KnownEvent::TurnHandedOver {}).turn(turn)])
        .await
        .expect("taken");
    bench.clock.advance(59);
    assert!(reconcile::timers_pass(engine.shared(), started, engine.now()).is_empty());
    bench.clock.advance(1);
    for (session, command) in reconcile::timers_pass(engine.shared(), started, engine.now()) {
        engine.command(session, command).await.expect("expired");
    }
    let ended = KnownEvent::TurnEnded { stop_reason: StopReason::Cancelled, failure: None, usage: None };
    report(&engine, id, instance, 2, vec![EventData::new(ended).turn(turn)]).await.expect("taken");
    let last = engine.session(id).await.expect("a session").state.last_turn.clone().expect("ended");
    assert_eq!(last.stop_reason, StopReason::Timeout);
    drop(engine);
    running.join();
}

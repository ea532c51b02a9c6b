//! The engine when something is wrong: a store that fails, a damaged log, a panic, a reader that was away, a worker
//! that is gone, and more sessions than memory holds.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use convene_core::{
    Timestamp,
    command::{BusyMode, Command, NewPrompt},
    content::{ContentBlock, ToolCall},
    dispatch::WorkerStatus,
    event::{EventData, KnownEvent, StopMode},
    failure::StopCause,
    ids::{InstanceId, PermissionId, SessionId, ThreadId, TurnId, WorkerName},
    session::Phase,
    spec::{Origin, SessionSpec, TurnSource},
};
use convene_engine::{
    Done, Engine, Env, Error, Idempotency, ListChange, ListCursor, ListObject, NewSession, Registered, Sequencer,
    ThreadPlace, Work, WorkerOrder, WorkerRecord, Workers, reconcile,
};
use convene_store::{EventFilter, SessionFilter, Store};
use convene_testkit::{
    fault_store::{Fault, FaultStore, Faults},
    sim::MemDisk,
};
use tokio_util::sync::CancellationToken;

fn id() -> SessionId {
    SessionId::new(Env::system().ids.uuid())
}

fn prompt() -> NewPrompt {
    let turn = TurnId::new(Env::system().ids.uuid());
    NewPrompt { turn, content: Arc::new(vec![ContentBlock::text("go")]), source: TurnSource::User }
}

fn create(id: SessionId, prompt: Option<NewPrompt>) -> Work {
    let spec: SessionSpec = serde_json::from_str(r#"{"agent":"builtin","cwd":"/tmp"}"#).expect("a spec");
    Work::CreateSession(Box::new(NewSession {
        id,
        spec,
        thread: ThreadPlace::New(ThreadId::new(Env::system().ids.uuid())),
        owner: "ana".to_owned(),
        namespace: "default".to_owned(),
        origin: Origin::User,
        title: String::new(),
        labels: BTreeMap::new(),
        prompt,
        fork: None,
    }))
}

fn command(session: SessionId, command: Command) -> Work {
    Work::Command { session, command }
}

fn stop() -> Command {
    Command::Stop { cause: StopCause::UserRequested, mode: StopMode::Graceful, message: None, by: "ana".to_owned() }
}

fn keyed(key: &str) -> Option<Idempotency> {
    Some(Idempotency {
        owner: "ana".to_owned(),
        key: key.into(),
        request: "same".to_owned(),
        render: Box::new(|outcome| outcome.session.as_ref().expect("a session").id.to_string()),
    })
}

fn one<S: Store>(sequencer: &mut Sequencer<S>, work: Work) -> Result<Done, Error> {
    sequencer.run_group(vec![(work, None)]).remove(0)
}

fn open<S: Store>(store: S) -> Sequencer<S> {
    Sequencer::open(store, Env::system()).expect("a sequencer").0
}

fn worker(name: &str, instance: u128) -> WorkerRecord {
    WorkerRecord {
        instance: InstanceId::new(uuid::Uuid::from_u128(instance)),
        version: "0".to_owned(),
        status: WorkerStatus {
            name: WorkerName::new(name),
            connected: true,
            seats: 4,
            labels: BTreeMap::new(),
            agents: Vec::new(),
        },
        roots: Vec::new(),
        last_seen_at: Timestamp::UNIX_EPOCH,
        quiet_since: None,
    }
}

#[test]
fn a_commit_that_fails_leaves_nothing_and_its_positions_are_not_given_again() {
    let (disk, faults) = (MemDisk::default(), Faults::default());
    let mut sequencer = open(FaultStore::new(disk.open(), faults.clone()));
    let shared = sequencer.shared();
    let (lost, kept) = (id(), id());
    faults.fail_next(Fault::Full);
    let answers = sequencer.run_group(vec![
        (create(lost, Some(prompt())), keyed("k")),
        // Refused only because of what comes before it in the group; that is no answer to keep.
        (command(lost, Command::Archive), None),
    ]);
    assert!(answers.iter().all(|a| matches!(a, Err(Error::Store(_)))), "{answers:?}");
    assert!(shared.session(lost).is_none());
    assert!(matches!(one(&mut sequencer, command(lost, stop())), Err(Error::SessionNotFound(_))));

    let answers = sequencer.run_group(vec![(create(kept, Some(prompt())), keyed("k"))]);
    assert!(matches!(&answers[0], Ok(Done::Fresh(_))), "{answers:?}");
    assert!(shared.session(kept).expect("published").created_pos > 2, "the lost group had the first positions");
}

#[test]
fn a_commit_whose_answer_is_lost_is_found_in_the_store_and_told() {
    let (disk, faults) = (MemDisk::default(), Faults::default());
    let mut sequencer = open(FaultStore::new(disk.open(), faults.clone()));
    let session = id();
    faults.fail_next(Fault::AnswerLost);
    one(&mut sequencer, create(session, Some(prompt()))).expect("it is durable");
    assert_eq!(sequencer.shared().session(session).expect("published").state.queue.len(), 1);
}

#[test]
fn a_damaged_session_is_listed_and_read_as_far_as_it_goes_and_takes_no_command() {
    let disk = MemDisk::default();
    let (bad, good) = (id(), id());
    {
        let mut sequencer = open(disk.open());
        for session in [bad, good] {
            one(&mut sequencer, create(session, Some(prompt()))).expect("created");
            let more = Command::Prompt { prompt: prompt(), busy: BusyMode::Queue };
            one(&mut sequencer, command(session, more)).expect("queued");
        }
    }
    disk.damage(bad, 3);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let (engine, running) = Engine::start(disk.open(), Env::system()).expect("an engine");
        assert_eq!(running.quarantined.iter().map(|(id, _)| *id).collect::<Vec<_>>(), vec![bad]);
        let refused = engine.command(bad, stop()).await;
        assert!(matches!(&refused, Err(Error::Damaged { session, .. }) if *session == bad), "{refused:?}");
        let page = engine.sessions(SessionFilter { limit: 9, ..SessionFilter::default() }).await.expect("a page");
        assert_eq!(page.items.iter().map(|p| p.state.id).collect::<Vec<_>>(), vec![good, bad]);
        let shown = &page.items[1];
        assert!(shown.damaged.is_some());
        assert!(matches!(&shown.state.phase, Phase::Stopped { cause: StopCause::Failed, .. }));
        assert_eq!(shown.state.failure.as_ref().and_then(|f| f.code.as_deref()), Some("session_damaged"));
        let all = EventFilter { limit: 9, ..EventFilter::default() };
        assert!(engine.events(bad, all).await.expect("readable").len() >= 2);
        engine.command(good, stop()).await.expect("the others go on");
        drop(engine);
        running.join();
    });
}

#[test]
fn many_live_sessions_are_all_there_after_a_start_and_each_damaged_one_is_told() {
    let disk = MemDisk::default();
    let sessions: Vec<_> = (0..100).map(|_| id()).collect();
    let mut sequencer = open(disk.open());
    for session in &sessions {
        one(&mut sequencer, create(*session, Some(prompt()))).expect("created");
    }
    drop(sequencer);
    let bad = [sessions[3], sessions[97]];
    for session in bad {
        disk.damage(session, 2);
    }
    let (sequencer, quarantined) = Sequencer::open(disk.open(), Env::system()).expect("a sequencer");
    assert_eq!(quarantined.iter().map(|(id, _)| *id).collect::<Vec<_>>(), bad);
    let shared = sequencer.shared();
    for session in sessions {
        let published = shared.session(session).expect("loaded");
        assert_eq!(published.state.id, session);
        assert_eq!(published.damaged.is_some(), bad.contains(&session));
    }
}

#[test]
fn a_snapshot_that_cannot_be_read_is_no_damage() {
    let disk = MemDisk::default();
    let session = id();
    let before = {
        let mut sequencer = open(disk.open());
        one(&mut sequencer, create(session, Some(prompt()))).expect("created");
        one(&mut sequencer, command(session, stop())).expect("stopped");
        let more = Command::Prompt { prompt: prompt(), busy: BusyMode::Queue };
        one(&mut sequencer, command(session, more)).expect("queued");
        sequencer.shared().session(session).expect("published").state
    };
    disk.damage_snapshot(session);
    let (sequencer, quarantined) = Sequencer::open(disk.open(), Env::system()).expect("a sequencer");
    assert!(quarantined.is_empty(), "{quarantined:?}");
    assert_eq!(sequencer.shared().session(session).expect("loaded").state, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_of_the_sequencer_wedges_nobody() {
    let (engine, running) = Engine::start(MemDisk::default().open(), Env::system()).expect("an engine");
    let bad = Idempotency {
        owner: "ana".to_owned(),
        key: "k".into(),
        request: String::new(),
        render: Box::new(|_| panic!("a bug")),
    };
    let waiting = engine.submit(create(id(), None), Some(bad));
    let behind = engine.submit(create(id(), None), None);
    assert!(matches!(waiting.await, Err(Error::Stopped)));
    // It may have been committed in a group before, or be dropped with the queue.
    let _ = behind.await;
    engine.stopped().await;
    assert!(matches!(engine.submit(create(id(), None), None).await, Err(Error::Stopped)));
    running.join();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asked_may_go_away() {
    let (engine, running) = Engine::start(MemDisk::default().open(), Env::system()).expect("an engine");
    let session = id();
    drop(engine.submit(create(session, None), None));
    engine.submit(create(id(), None), None).await.expect("created");
    engine.session(session).await.expect("the work was done");
    drop(engine);
    running.join();
}

#[test]
fn a_list_reader_pages_through_a_gap_and_is_told_of_each_session_as_new_once() {
    let disk = MemDisk::default();
    let mut sequencer = open(disk.open());
    let (shared, reader) = (sequencer.shared(), sequencer.reader());
    let mut live = ListCursor::new(0);
    assert!(live.read(&shared, &reader).expect("nothing").is_empty());
    let ids: Vec<SessionId> = (0..600).map(|_| id()).collect();
    sequencer.run_group(ids.iter().map(|id| (create(*id, None), None)).collect());
    // The first ones change last, so that they come pages after the position of their birth.
    let stops = ids.iter().take(50).map(|id| (command(*id, stop()), None)).collect();
    sequencer.run_group(stops);
    let mut new = HashSet::new();
    let mut pages = 0;
    loop {
        let changes = live.read(&shared, &reader).expect("changes");
        if changes.is_empty() {
            break;
        }
        pages += 1;
        for change in changes {
            let ListChange { object: ListObject::Session(published), is_new, .. } = change else { continue };
            assert!(is_new && new.insert(published.state.id), "{}", published.state.id);
        }
    }
    assert!(pages > 1);
    assert_eq!(new.len(), ids.len());
    // From now on they are known.
    one(&mut sequencer, command(ids[0], Command::Archive)).expect("archived");
    let changes = live.read(&shared, &reader).expect("changes");
    assert!(matches!(&changes[..], [ListChange { is_new: false, .. }]), "{changes:?}");
}

#[test]
fn memory_keeps_the_live_sessions_and_the_newest_of_the_others_and_the_rest_is_read() {
    let disk = MemDisk::default();
    let live = id();
    let mut sequencer = open(disk.open());
    let (shared, reader) = (sequencer.shared(), sequencer.reader());
    one(&mut sequencer, create(live, Some(prompt()))).expect("created");
    let ids: Vec<SessionId> = (0..3000).map(|_| id()).collect();
    for some in ids.chunks(250) {
        sequencer.run_group(some.iter().map(|id| (create(*id, None), None)).collect());
        sequencer.run_group(some.iter().map(|id| (command(*id, stop()), None)).collect());
    }
    let held = shared.sessions_where(|_| true).len();
    assert!(held < 1500, "{held} sessions are in memory");
    assert!(shared.session(live).is_some(), "a live one is not let go");
    assert!(shared.session(ids[0]).is_none() && shared.session(ids[2999]).is_some());
    // One that is not in memory takes commands, and is then as new as any.
    one(&mut sequencer, command(ids[0], Command::Archive)).expect("archived");
    assert!(shared.session(ids[0]).is_some_and(|p| p.state.archived));
    // A list reader that was away for longer than memory reaches has all of them.
    let mut cursor = ListCursor::new(0);
    let mut seen = HashSet::new();
    loop {
        let changes = cursor.read(&shared, &reader).expect("changes");
        if changes.is_empty() {
            break;
        }
        seen.extend(changes.iter().filter_map(|c| match &c.object {
            ListObject::Session(p) => Some(p.state.id),
            ListObject::SessionGone(_) | ListObject::Thread(..) | ListObject::ThreadGone(_) => None,
        }));
    }
    assert_eq!(seen.len(), 3001);
    assert!(shared.sessions_where(|_| true).len() < 1500, "reading does not fill memory either");
}

#[test]
fn a_stop_waits_for_a_worker_that_is_away_and_then_says_that_nothing_is_proved() {
    let mut sequencer = open(MemDisk::default().open());
    let (shared, workers) = (sequencer.shared(), Workers::default());
    let session = id();
    one(&mut sequencer, create(session, Some(prompt()))).expect("created");
    let name = WorkerName::new("local");
    one(&mut sequencer, command(session, Command::Assign { worker: name.clone(), above: 0 })).expect("assigned");
    one(&mut sequencer, command(session, stop())).expect("stopping");
    let since = shared.session(session).expect("published").state.updated_at.as_second();
    let at = |seconds: i64| Timestamp::from_second(since + seconds).expect("in range");

    assert!(reconcile::unreachable_pass(&shared, &workers, at(0), at(44)).is_empty(), "it may come back");
    assert!(reconcile::unreachable_pass(&shared, &workers, at(60), at(90)).is_empty(), "the server has just started");
    assert_eq!(workers.register(worker("local", 1)), Registered::Yes);
    assert!(reconcile::unreachable_pass(&shared, &workers, at(0), at(900)).is_empty(), "it is there");
    workers.disconnect(&name, InstanceId::new(uuid::Uuid::from_u128(1)), at(880));
    assert!(reconcile::unreachable_pass(&shared, &workers, at(0), at(900)).is_empty(), "it was there a moment ago");
    for (session, due) in reconcile::unreachable_pass(&shared, &workers, at(0), at(930)) {
        one(&mut sequencer, command(session, due)).expect("ended");
    }
    let phase = &shared.session(session).expect("published").state.phase;
    assert!(matches!(phase, Phase::Stopped { cause: StopCause::UserRequested, verified: false, .. }), "{phase:?}");
}

#[test]
fn a_server_that_has_just_come_up_expires_nothing_that_began_before() {
    let mut sequencer = open(MemDisk::default().open());
    let shared = sequencer.shared();
    let session = id();
    one(&mut sequencer, create(session, Some(prompt()))).expect("created");
    one(&mut sequencer, command(session, Command::Assign { worker: WorkerName::new("local"), above: 0 }))
        .expect("assigned");
    let instance = InstanceId::new(uuid::Uuid::from_u128(9));
    one(&mut sequencer, command(session, Command::Hello { attempt: 1, instance, version: String::new() }))
        .expect("won");
    let request = PermissionId::new(Env::system().ids.uuid());
    let asked = KnownEvent::PermissionRequested { request, tool_call: ToolCall::default(), options: Vec::new() };
    let events = vec![EventData::new(asked)];
    one(&mut sequencer, command(session, Command::Report { attempt: 1, instance, first_index: 0, events }))
        .expect("taken");
    let at = shared.session(session).expect("published").state.updated_at.as_second();
    let at = |seconds: i64| Timestamp::from_second(at + seconds).expect("in range");

    let due = |started, now| reconcile::timers_pass(&shared, started, now).len();
    assert_eq!(due(at(-10), at(299)), 0);
    assert_eq!(due(at(-10), at(301)), 1, "a server that was there all the time");
    assert_eq!(due(at(1000), at(1044)), 0, "a server that came up after the time was over");
    assert_eq!(due(at(1000), at(1045)), 1);
}

#[test]
fn a_worker_that_lost_what_it_took_is_sent_it_again() {
    let mut sequencer = open(MemDisk::default().open());
    let (shared, workers) = (sequencer.shared(), Workers::default());
    let name = WorkerName::new("local");
    let (waits, runs) = (id(), id());
    for session in [waits, runs] {
        one(&mut sequencer, create(session, Some(prompt()))).expect("created");
        one(&mut sequencer, command(session, Command::Assign { worker: name.clone(), above: 0 })).expect("assigned");
        workers.taken(session, 1);
    }
    let hello =
        Command::Hello { attempt: 1, instance: InstanceId::new(uuid::Uuid::from_u128(9)), version: String::new() };
    one(&mut sequencer, command(runs, hello)).expect("the first instance wins");
    assert!(workers.orders(&name, &shared, Timestamp::UNIX_EPOCH).is_empty(), "both were taken");

    // It redialed and had neither.
    workers.ended(waits, 1);
    workers.ended(runs, 1);
    let orders = workers.orders(&name, &shared, Timestamp::UNIX_EPOCH);
    assert!(matches!(&orders[..], [WorkerOrder::Start { session, .. }] if *session == waits), "{orders:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconcilers_end_with_the_engine() {
    let (engine, running) = Engine::start(MemDisk::default().open(), Env::system()).expect("an engine");
    let bad = Idempotency {
        owner: "ana".to_owned(),
        key: "k".into(),
        request: String::new(),
        render: Box::new(|_| panic!("a bug")),
    };
    let never = CancellationToken::new();
    let reconcilers = async {
        tokio::join!(
            reconcile::dispatch(engine.clone(), never.clone()),
            reconcile::timers(engine.clone(), never.clone())
        )
    };
    // Whoever runs them sees that they end, and ends too.
    let (_, answer) = tokio::join!(reconcilers, engine.submit(create(id(), None), Some(bad)));
    assert!(matches!(answer, Err(Error::Stopped)));
    drop(engine);
    running.join();
}

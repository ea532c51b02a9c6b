//! A damaged database comes back with the states that it had, and a backup without what came after it.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use convene_core::{
    command::{BusyMode, Command, NewPrompt},
    content::{ContentBlock, ToolCall},
    event::{EventData, KnownEvent, SessionOpening, StopMode},
    failure::{AttemptExit, StopCause},
    ids::{InstanceId, PermissionId, SessionId, ThreadId, TurnId, WorkerName},
    session::{Phase, SessionState},
    spec::{Origin, SessionSpec, TurnSource},
};
use convene_engine::{
    Engine, Env, Error, NewSession, ThreadPlace, Work,
    salvage::{restore, salvage},
    storage::{Damage, EventFilter, SqliteReader, SqliteStore, backup},
};

fn uuid() -> uuid::Uuid {
    Env::system().ids.uuid()
}

fn prompt(text: &str) -> NewPrompt {
    let content = Arc::new(vec![ContentBlock::text(text)]);
    NewPrompt { turn: TurnId::new(uuid()), content, source: TurnSource::User }
}

fn create(id: SessionId, text: &str) -> Work {
    let spec: SessionSpec = serde_json::from_str(r#"{"agent":"builtin","cwd":"/tmp"}"#).expect("a spec");
    Work::CreateSession(Box::new(NewSession {
        id,
        spec,
        thread: ThreadPlace::New(ThreadId::new(uuid())),
        owner: "ana".to_owned(),
        namespace: "default".to_owned(),
        origin: Origin::User,
        title: "a title".to_owned(),
        labels: BTreeMap::new(),
        prompt: Some(prompt(text)),
        fork: None,
    }))
}

fn stop() -> Command {
    Command::Stop { cause: StopCause::UserRequested, mode: StopMode::Graceful, message: None, by: "ana".to_owned() }
}

/// Runs what is to be done with an engine over the database of a directory.
fn with<T>(dir: &Path, work: impl AsyncFnOnce(&Engine<SqliteReader>) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    runtime.block_on(async {
        let env = Env::system();
        let store = SqliteStore::open(dir, env.clock.now(), 1).expect("a store");
        let (engine, running) = Engine::start(store, env).expect("an engine");
        let result = work(&engine).await;
        drop(engine);
        running.join();
        result
    })
}

/// Three sessions: one that was stopped and prompted again, one with many prompts, one with one.
fn sessions(dir: &Path) -> Vec<SessionId> {
    let ids: Vec<SessionId> = (0..3).map(|_| SessionId::new(uuid())).collect();
    with(dir, async |engine| {
        for (n, id) in ids.iter().enumerate() {
            engine.submit(create(*id, &format!("needle of {n}")), None).await.expect("created");
        }
        engine.command(ids[0], stop()).await.expect("stopped");
        for n in 0..20 {
            let more = Command::Prompt { prompt: prompt(&format!("more {n}")), busy: BusyMode::Queue };
            if let Err(error) = engine.command(ids[1], more).await {
                assert!(matches!(error, Error::Rejected(_)), "{error:?}");
            }
        }
    });
    ids
}

/// A session whose agent has a turn and asks something, and in which prompts wait: its id, and its turn.
fn at_work(dir: &Path, text: &str) -> (SessionId, TurnId) {
    let (id, instance) = (SessionId::new(uuid()), InstanceId::new(uuid()));
    let turn = with(dir, async |engine| {
        engine.submit(create(id, text), None).await.expect("created");
        let state = engine.session(id).await.expect("a session").state;
        let turn = state.queue[0].id;
        let report = |first_index, event| Command::Report { attempt: 1, instance, first_index, events: vec![event] };
        let (agent_session_id, how) = (format!("agent of {text}"), SessionOpening::New);
        let opened = KnownEvent::AgentSessionStarted { agent_session_id, how };
        let asks = KnownEvent::PermissionRequested {
            request: PermissionId::new(uuid()),
            tool_call: ToolCall::default(),
            options: Vec::new(),
        };
        for command in [
            Command::Assign { worker: WorkerName::new("local"), above: 0 },
            Command::Hello { attempt: 1, instance, version: String::new() },
            report(0, EventData::new(opened)),
            report(1, EventData::new(KnownEvent::TurnHandedOver {}).turn(turn)),
            report(2, EventData::new(asks).turn(turn)),
            Command::Prompt { prompt: prompt("deploy"), busy: BusyMode::Queue },
        ] {
            engine.command(id, command).await.expect("taken");
        }
        turn
    });
    (id, turn)
}

/// Nothing of it is open, and nothing of it is sent again.
fn is_broken_off(state: &SessionState, turn: TurnId) {
    assert!(matches!(state.phase, Phase::Stopped { verified: false, .. }), "{:?}", state.phase);
    let last = state.last_turn.as_ref().expect("a turn that ended");
    let code = last.failure.as_ref().and_then(|failure| failure.code.as_deref());
    assert_eq!((last.id, code), (turn, Some("prompt_outcome_unknown")));
    assert!(state.queue.is_empty() && state.permissions.is_empty() && state.directives.is_empty());
    assert_eq!(state.needs_you_since, None);
}

fn states(dir: &Path, ids: &[SessionId]) -> Vec<SessionState> {
    with(dir, async |engine| {
        let mut states = Vec::new();
        for id in ids {
            let published = engine.session(*id).await.expect("a session");
            assert_eq!(published.damaged, None);
            states.push(SessionState::clone(&published.state));
        }
        states
    })
}

/// Changes a byte behind each place in the database where a text is: the row has one, and a page may keep what was there
/// before.
fn damage(dir: &Path, text: &str, behind: usize) {
    let path = dir.join("convene.db");
    let mut bytes = fs::read(&path).expect("the database");
    let is_there = |at: &usize| bytes[*at..].starts_with(text.as_bytes());
    let places: Vec<usize> = (0..bytes.len()).filter(is_there).collect();
    assert!(!places.is_empty(), "{text} is nowhere");
    for at in places {
        bytes[at + behind] ^= 1;
    }
    fs::write(path, bytes).expect("written");
}

#[test]
fn a_database_without_its_schema_comes_back_as_it_was() {
    let dir = tempfile::tempdir().expect("a directory");
    let ids = sessions(dir.path());
    let before = states(dir.path(), &ids);
    let path = dir.path().join("convene.db");
    let mut bytes = fs::read(&path).expect("the database");
    bytes[..3000].fill(0xa5);
    fs::write(&path, &bytes).expect("written");
    let refused = SqliteStore::open(dir.path(), Env::system().clock.now(), 1);
    assert!(refused.is_err());

    let salvaged = salvage(dir.path(), &Env::system(), 9).expect("salvaged");
    assert_eq!((salvaged.lost.len(), salvaged.stopped.len()), (0, 0), "{salvaged:?}");
    assert_eq!(states(dir.path(), &ids), before);
    assert!(fs::read(&salvaged.kept[0]).expect("kept") == bytes, "the damaged one is kept as it was");
    with(dir.path(), async |engine| assert_eq!(engine.shared().epoch, 9));
    // Once more changes nothing but the epoch.
    let again = salvage(dir.path(), &Env::system(), 10).expect("salvaged");
    assert_eq!((again.events, again.lost.len(), again.rebuilt), (salvaged.events, 0, 0));
    assert_eq!(states(dir.path(), &ids), before);
}

#[test]
fn a_lost_row_of_a_session_is_made_anew_from_its_events() {
    let dir = tempfile::tempdir().expect("a directory");
    let ids = sessions(dir.path());
    let before = states(dir.path(), &ids);
    // The row alone has the two ids side by side.
    damage(dir.path(), &format!("{}{}", ids[1], before[1].thread), 50);
    assert!(SqliteStore::open(dir.path(), Env::system().clock.now(), 1).is_err());
    let salvaged = salvage(dir.path(), &Env::system(), 9).expect("salvaged");
    assert_eq!((salvaged.rebuilt, salvaged.lost.len()), (1, 0), "{salvaged:?}");
    assert_eq!(states(dir.path(), &ids), before);
}

#[test]
fn a_lost_event_is_said_in_its_log_and_the_others_are_as_they_were() {
    let dir = tempfile::tempdir().expect("a directory");
    let ids = sessions(dir.path());
    let before = states(dir.path(), &ids);
    damage(dir.path(), "needle of 2", 3);
    with(dir.path(), async |engine| {
        let hit = engine.session(ids[2]).await.expect("shown as far as it goes");
        assert!(hit.damaged.is_some());
        for id in &ids[..2] {
            assert_eq!(engine.session(*id).await.expect("a session").damaged, None);
        }
    });
    let salvaged = salvage(dir.path(), &Env::system(), 9).expect("salvaged");
    assert_eq!(salvaged.lost, [(ids[2], 1)]);
    assert_eq!(salvaged.stopped, [ids[2]]);
    let after = states(dir.path(), &ids);
    assert_eq!(after[..2], before[..2]);
    assert!(matches!(after[2].phase, Phase::Stopped { cause: StopCause::Failed, .. }), "{:?}", after[2].phase);
    with(dir.path(), async |engine| {
        let filter = EventFilter { limit: 99, ..EventFilter::default() };
        let events = engine.events(ids[2], filter).await.expect("readable to its end");
        assert!(events.iter().any(|event| event.data.contains("event_lost")), "{events:?}");
        assert_eq!(events.last().map(|event| event.seq), Some(after[2].seq));
        // It goes on.
        let more = Command::Prompt { prompt: prompt("go on"), busy: BusyMode::Queue };
        engine.command(ids[2], more).await.expect("prompted");
    });
}

#[test]
fn a_restored_backup_has_what_it_had_and_nothing_of_it_runs() {
    let (dir, place) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let ids = sessions(dir.path());
    let before = states(dir.path(), &ids);
    let copy = place.path().join("backup");
    let later = SessionId::new(uuid());
    let made = with(dir.path(), async |engine| {
        let made = backup(dir.path(), &copy).expect("a backup");
        engine.submit(create(later, "too late"), None).await.expect("created");
        made
    });
    assert_eq!(made.sessions, 3);
    let restored = restore(dir.path(), &copy, Damage::Refused, &Env::system(), 9).expect("restored");
    assert!(restored.kept[0].exists());
    assert_eq!(restored.tokens, Some(0), "what is replaced can be read");
    let after = states(dir.path(), &ids);
    assert_eq!(after[0], before[0], "what was at rest is as it was");
    for state in &after[1..] {
        assert!(matches!(state.phase, Phase::Stopped { verified: false, .. }), "{:?}", state.phase);
    }
    with(dir.path(), async |engine| {
        assert_eq!(engine.shared().epoch, 9);
        assert!(matches!(engine.session(later).await, Err(Error::SessionNotFound(_))));
        let more = Command::Prompt { prompt: prompt("go on"), busy: BusyMode::Queue };
        engine.command(ids[2], more).await.expect("prompted");
    });
}

#[test]
fn what_ran_when_a_backup_was_made_is_broken_off_and_what_waited_is_not_sent_again() {
    let (dir, place) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let (running, turn) = at_work(dir.path(), "run");
    // One that crashed, and has kept the prompt that waits.
    let (stopped, _) = at_work(dir.path(), "crash");
    with(dir.path(), async |engine| {
        let exit = AttemptExit { verified: true, ..AttemptExit::default() };
        engine.command(stopped, Command::EndAttempt { attempt: 1, exit }).await.expect("ended");
    });
    let before = states(dir.path(), &[stopped]).remove(0);
    assert!(matches!(before.phase, Phase::Stopped { .. }) && before.queue.len() == 1, "{:?}", before.phase);
    let copy = place.path().join("backup");
    with(dir.path(), async |_| backup(dir.path(), &copy).expect("a backup"));
    restore(dir.path(), &copy, Damage::Refused, &Env::system(), 9).expect("restored");
    let after = states(dir.path(), &[running, stopped]);
    is_broken_off(&after[0], turn);
    assert!(after[1].queue.is_empty(), "it may have run since");
    assert_eq!(after[1].phase, before.phase);
    with(dir.path(), async |engine| {
        for id in [running, stopped] {
            engine.command(id, Command::Resume { by: "ana".to_owned() }).await.expect("resumed");
            engine.command(id, Command::Assign { worker: WorkerName::new("local"), above: 0 }).await.expect("assigned");
            let hello = Command::Hello { attempt: 2, instance: InstanceId::new(uuid()), version: String::new() };
            let outcome = engine.command(id, hello).await.expect("it has a runner");
            assert_eq!(outcome.session.and_then(|state| state.phase.turn().map(|turn| turn.id)), None);
        }
    });
}

#[test]
fn a_session_that_lost_events_in_a_turn_is_broken_off_and_the_numbers_of_its_attempts_stay_given() {
    let dir = tempfile::tempdir().expect("a directory");
    let (id, turn) = at_work(dir.path(), "needle");
    let (other, _) = at_work(dir.path(), "other");
    let before = states(dir.path(), &[other]);
    damage(dir.path(), "agent of needle", 3);
    let salvaged = salvage(dir.path(), &Env::system(), 9).expect("salvaged");
    assert!(salvaged.stopped.contains(&id), "{salvaged:?}");
    let state = states(dir.path(), &[id]).remove(0);
    is_broken_off(&state, turn);
    assert_eq!(state.attempts, 2, "one event was lost, which may have begun an attempt");
    assert_eq!(states(dir.path(), &[other]), before, "the others go on");
}

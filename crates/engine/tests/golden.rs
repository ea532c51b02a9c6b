//! Databases that released versions wrote (and one of before the first) open, are brought up, and fold to the states that they had.
//!
//! At a release: `CONVENE_GOLDEN=0.2.0 cargo nextest run -p convene-engine --test golden --run-ignored all`, then add the
//! new directory under `tests/golden`. Those that are there are never made again.

use std::{collections::BTreeMap, env, fs, path::Path, sync::Arc};

use convene_core::{
    command::{BusyMode, Command, NewPrompt},
    content::ContentBlock,
    event::StopMode,
    failure::StopCause,
    ids::{SessionId, ThreadId, TurnId},
    spec::{Origin, SessionSpec, TurnSource},
};
use convene_engine::{
    Engine, Env, NewSession, ThreadPlace, Work,
    storage::{EventFilter, SqliteReader, SqliteStore},
};
use serde_json::Value;

fn golden() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

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

/// The states of sessions, by their ids.
fn states(dir: &Path, ids: &[SessionId]) -> BTreeMap<String, Value> {
    with(dir, async |engine| {
        let mut states = BTreeMap::new();
        for id in ids {
            let published = engine.session(*id).await.expect("a session");
            assert_eq!(published.damaged, None);
            let events =
                engine.events(*id, EventFilter { limit: 999, ..EventFilter::default() }).await.expect("events");
            assert_eq!(events.last().map(|event| event.seq), Some(published.state.seq));
            states.insert(id.to_string(), serde_json::to_value(&*published.state).expect("a state"));
        }
        states
    })
}

/// Everything that was said is said still; there may be more.
fn fits(old: &Value, new: &Value, path: &str) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, old) in old {
                fits(old, new.get(key).unwrap_or(&Value::Null), &format!("{path}.{key}"));
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (place, (old, new)) in old.iter().zip(new).enumerate() {
                fits(old, new, &format!("{path}[{place}]"));
            }
        }
        _ => assert_eq!(old, new, "{path}"),
    }
}

#[test]
fn databases_of_released_versions_open_and_fold_to_what_they_were() {
    let mut versions = 0;
    for version in fs::read_dir(golden()).expect("golden databases") {
        let version = version.expect("an entry").path();
        let text = fs::read_to_string(version.join("states.json")).expect("states");
        let before: BTreeMap<String, Value> = serde_json::from_str(&text).expect("states");
        let ids: Vec<SessionId> = before.keys().map(|id| id.parse().expect("an id")).collect();
        let copy = tempfile::tempdir().expect("a directory");
        fs::copy(version.join("convene.db"), copy.path().join("convene.db")).expect("copied");
        let after = states(copy.path(), &ids);
        for (id, before) in &before {
            fits(before, &after[id], &format!("{} {id}", version.display()));
        }
        // It goes on from there.
        with(copy.path(), async |engine| {
            let more = Command::Prompt { prompt: prompt("go on"), busy: BusyMode::Queue };
            // The first one is archived.
            engine.command(ids[2], more).await.expect("prompted");
        });
        versions += 1;
    }
    assert!(versions > 0);
}

fn prompt(text: &str) -> NewPrompt {
    let content = Arc::new(vec![ContentBlock::text(text)]);
    NewPrompt { turn: TurnId::new(Env::system().ids.uuid()), content, source: TurnSource::User }
}

#[test]
#[ignore = "writes the database of a release, once"]
fn make() {
    let Ok(version) = env::var("CONVENE_GOLDEN") else { return };
    let place = golden().join(version);
    fs::create_dir_all(&place).expect("a directory");
    assert!(!place.join("convene.db").exists(), "what was released stays as it is");
    let dir = tempfile::tempdir().expect("a directory");
    let ids: Vec<SessionId> = (0..3).map(|_| SessionId::new(Env::system().ids.uuid())).collect();
    with(dir.path(), async |engine| {
        for (n, id) in ids.iter().enumerate() {
            let spec: SessionSpec = serde_json::from_str(r#"{"agent":"builtin","cwd":"/tmp"}"#).expect("a spec");
            let new = NewSession {
                id: *id,
                spec,
                thread: ThreadPlace::New(ThreadId::new(Env::system().ids.uuid())),
                owner: "ana".to_owned(),
                namespace: "default".to_owned(),
                origin: Origin::User,
                title: format!("session {n}"),
                labels: BTreeMap::new(),
                prompt: Some(prompt("go")),
                fork: None,
            };
            engine.submit(Work::CreateSession(Box::new(new)), None).await.expect("created");
        }
        let stop = |message: Option<String>| Command::Stop {
            cause: StopCause::UserRequested,
            mode: StopMode::Graceful,
            message,
            by: "ana".to_owned(),
        };
        for id in &ids[..2] {
            engine.command(*id, stop(Some("enough".to_owned()))).await.expect("stopped");
        }
        let more = Command::Prompt { prompt: prompt("more"), busy: BusyMode::Queue };
        engine.command(ids[1], more).await.expect("prompted");
        let archived = engine.command(ids[0], Command::Archive).await;
        assert!(archived.is_ok(), "{archived:?}");
    });
    let states = states(dir.path(), &ids);
    fs::copy(dir.path().join("convene.db"), place.join("convene.db")).expect("copied");
    let text = serde_json::to_string_pretty(&states).expect("states");
    fs::write(place.join("states.json"), text + "\n").expect("written");
}

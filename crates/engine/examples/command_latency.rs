//! Measures how long a command takes to be committed while sessions stream as fast as they are acknowledged.
//!
//! `cargo run --release -p convene-engine --example command_latency [sessions [events in a batch [commands]]]`
//!
//! The times stand beside those of a bare fdatasync in the same directory in the same run, because the disk decides.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use convene_core::{
    command::{Command, NewPrompt},
    content::{Channel, ContentBlock, Role},
    event::{EventData, KnownEvent, SessionChanges, SessionOpening},
    ids::{InstanceId, MessageId, SessionId, ThreadId, TurnId, WorkerName},
    spec::{Origin, SessionSpec, TurnSource},
};
use convene_engine::{Engine, Env, Error, NewSession, ThreadPlace, Work};
use convene_store::sqlite::{SqliteReader, SqliteStore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut numbers = std::env::args().skip(1).map(|arg| arg.parse::<usize>());
    let sessions = numbers.next().transpose()?.unwrap_or(20);
    let batch = numbers.next().transpose()?.unwrap_or(64);
    let commands = numbers.next().transpose()?.unwrap_or(500);
    let dir = tempfile::tempdir()?;
    let env = Env::system();
    let store = SqliteStore::open(dir.path(), env.clock.now(), 1)?;
    let (engine, running) = Engine::start(store, env)?;

    let target = SessionId::new(engine.uuid());
    create(&engine, target).await?;
    let stop = CancellationToken::new();
    let mut streams = JoinSet::new();
    for _ in 0..sessions {
        streams.spawn(stream(engine.clone(), batch, stop.clone()));
    }
    let mut taken = Vec::with_capacity(commands);
    let mut disk = Vec::with_capacity(commands);
    for number in 0..commands {
        let changes = SessionChanges { title: Some(format!("title {number}")), ..SessionChanges::default() };
        let begun = Instant::now();
        engine.command(target, Command::Change { changes }).await?;
        taken.push(begun.elapsed());
        disk.push(bare_sync(dir.path())?);
        // People and programs do not ask in step with the commits.
        tokio::time::sleep(Duration::from_millis(u64::try_from(number * 7 % 13)?)).await;
    }
    stop.cancel();
    let mut events = 0;
    while let Some(streamed) = streams.join_next().await {
        events += streamed??;
    }
    println!("{sessions} sessions streamed {events} events in batches of {batch}");
    println!("command  p50 {:?}  p99 {:?}", at(&mut taken, 50), at(&mut taken, 99));
    println!("fdatasync p50 {:?}  p99 {:?}", at(&mut disk, 50), at(&mut disk, 99));
    drop(engine);
    tokio::task::spawn_blocking(|| running.join()).await?;
    Ok(())
}

fn at(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times.get(times.len() * percent / 100).copied().unwrap_or_default()
}

fn bare_sync(dir: &std::path::Path) -> std::io::Result<Duration> {
    let mut file = File::options().append(true).create(true).open(dir.join("probe"))?;
    file.write_all(&[0; 4096])?;
    let begun = Instant::now();
    file.sync_data()?;
    Ok(begun.elapsed())
}

async fn create(engine: &Engine<SqliteReader>, id: SessionId) -> Result<(), Error> {
    let spec: SessionSpec = serde_json::from_str(r#"{"agent": "builtin", "cwd": "/repo"}"#)
        .unwrap_or_else(|error| unreachable!("these are all required fields: {error}"));
    let content = Arc::new(vec![ContentBlock::text("go")]);
    let prompt = NewPrompt { turn: TurnId::new(engine.uuid()), content, source: TurnSource::User };
    let new = NewSession {
        id,
        spec,
        thread: ThreadPlace::New(ThreadId::new(engine.uuid())),
        owner: "owner".to_owned(),
        namespace: "default".to_owned(),
        origin: Origin::User,
        title: String::new(),
        labels: BTreeMap::new(),
        prompt: Some(prompt),
        fork: None,
    };
    engine.submit(Work::CreateSession(Box::new(new)), None).await.map(drop)
}

/// A runner whose agent never pauses; returns how many events it got in.
async fn stream(engine: Engine<SqliteReader>, batch: usize, stop: CancellationToken) -> Result<u64, Error> {
    let (id, instance) = (SessionId::new(engine.uuid()), InstanceId::new(engine.uuid()));
    create(&engine, id).await?;
    engine.command(id, Command::Assign { worker: WorkerName::new("local"), above: 0 }).await?;
    engine.command(id, Command::Hello { attempt: 1, instance, version: String::new() }).await?;
    let opened = KnownEvent::AgentSessionStarted { agent_session_id: "a".to_owned(), how: SessionOpening::New };
    let mut events = vec![EventData::new(opened)];
    let message = MessageId::new(engine.uuid());
    let mut first_index = 0;
    while !stop.is_cancelled() {
        let report = Command::Report { attempt: 1, instance, first_index, events };
        first_index = engine.command(id, report).await?.session.map_or(0, |state| state.next_index);
        let piece = |n| {
            let content =
                ContentBlock::text(format!("piece {n} of an answer that goes on and on, about as long as they are "));
            EventData::new(KnownEvent::MessageAppended {
                message,
                role: Role::Agent,
                channel: Channel::Answer,
                content,
            })
        };
        events = (0..batch).map(piece).collect();
    }
    Ok(first_index)
}

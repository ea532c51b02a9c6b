//! Measures what streamed text costs the server flat out: parse, decide, commit to SQLite, publish.
//!
//! `cargo run --release -p convene-engine --example ingest [sessions [batches]]`
//!
//! Each group has as many batches as the engine takes into one. The processor time of the thread counts, so a slow
//! disk does not.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use convene_core::{
    command::{Command, NewPrompt},
    content::{Channel, ContentBlock, Role},
    event::{EventData, KnownEvent, SessionOpening},
    ids::{InstanceId, MessageId, SessionId, ThreadId, TurnId, WorkerName},
    spec::{Origin, SessionSpec, TurnSource},
};
use convene_engine::{Env, NewSession, Sequencer, ThreadPlace, Work};
use convene_store::sqlite::SqliteStore;

/// What a runner sends at once at most.
const BATCH: usize = 512;

/// Batches in a group, as the engine's backlog takes them.
const PER_GROUP: usize = 2;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut numbers = std::env::args().skip(1).map(|arg| arg.parse::<usize>());
    let sessions = numbers.next().transpose()?.unwrap_or(64);
    let batches = numbers.next().transpose()?.unwrap_or(20);
    let dir = tempfile::tempdir()?;
    let env = Env::system();
    let (mut sequencer, _) = Sequencer::open(SqliteStore::open(dir.path(), env.clock.now(), 1)?, env.clone())?;
    let ids: Vec<_> =
        (0..sessions).map(|_| (SessionId::new(env.ids.uuid()), InstanceId::new(env.ids.uuid()))).collect();
    for (id, instance) in &ids {
        begin(&mut sequencer, &env, *id, *instance)?;
    }

    let message = MessageId::new(env.ids.uuid());
    let (mut cpu, mut parse, started) = (0.0, 0.0, Instant::now());
    for batch in 0..batches {
        let first = 1 + batch * BATCH;
        for group in ids.chunks(PER_GROUP) {
            let raw: Vec<Vec<String>> = group.iter().map(|_| texts(message, first)).collect();
            let before = cpu_seconds();
            let begun = Instant::now();
            let mut works = Vec::with_capacity(group.len());
            for ((session, instance), raw) in group.iter().zip(raw) {
                let events = raw.iter().map(|text| EventData::from_report(text)).collect();
                let first_index = u64::try_from(first)?;
                let command = Command::Report { attempt: 1, instance: *instance, first_index, events };
                works.push((Work::Command { session: *session, command }, None));
            }
            parse += begun.elapsed().as_secs_f64();
            for answer in sequencer.run_group(works) {
                answer?;
            }
            cpu += cpu_seconds() - before;
        }
    }
    let events = f64::from(u32::try_from(sessions * batches * BATCH)?);
    let wall = started.elapsed().as_secs_f64();
    let shared = sequencer.shared();
    let commit = shared.metrics.commit_nanos.load(std::sync::atomic::Ordering::Relaxed);
    println!("{events} events in {wall:.2} s, {:.0} a second with everything", events / wall);
    println!("cpu {:.2} us an event, of which parse (wall) {:.2}", cpu * 1e6 / events, parse * 1e6 / events);
    println!(
        "in the store (wall) {:.2} us an event",
        std::time::Duration::from_nanos(commit).as_secs_f64() * 1e6 / events
    );
    Ok(())
}

/// Brings a session to a running turn.
fn begin(
    sequencer: &mut Sequencer<SqliteStore>,
    env: &Env,
    id: SessionId,
    instance: InstanceId,
) -> Result<(), Box<dyn std::error::Error>> {
    let spec: SessionSpec = serde_json::from_str(r#"{"agent": "builtin", "cwd": "/repo"}"#)?;
    let turn = TurnId::new(env.ids.uuid());
    let content = Arc::new(vec![ContentBlock::text("go")]);
    let opened = KnownEvent::AgentSessionStarted { agent_session_id: "a".to_owned(), how: SessionOpening::New };
    let create = NewSession {
        id,
        spec,
        thread: ThreadPlace::New(ThreadId::new(env.ids.uuid())),
        owner: "owner".to_owned(),
        namespace: "default".to_owned(),
        origin: Origin::User,
        title: String::new(),
        labels: BTreeMap::new(),
        prompt: Some(NewPrompt { turn, content, source: TurnSource::User }),
        fork: None,
    };
    let commands = [
        Command::Assign { worker: WorkerName::new("local"), above: 0 },
        Command::Hello { attempt: 1, instance, version: String::new() },
        Command::Report { attempt: 1, instance, first_index: 0, events: vec![EventData::new(opened)] },
    ];
    let works = std::iter::once(Work::CreateSession(Box::new(create)))
        .chain(commands.map(|command| Work::Command { session: id, command }));
    for work in works {
        for answer in sequencer.run_group(vec![(work, None)]) {
            answer?;
        }
    }
    Ok(())
}

/// A batch as a runner writes it: a hundred bytes each, with an escape now and then, as models write.
fn texts(message: MessageId, first: usize) -> Vec<String> {
    let piece = |index: usize| {
        let end = if index.is_multiple_of(10) { "\n" } else { " " };
        let text =
            format!("piece {index:06} of \"an answer\" that goes on and on, so that it has about a hundred bytes{end}");
        let (role, channel, content) = (Role::Agent, Channel::Answer, ContentBlock::text(text));
        EventData::new(KnownEvent::MessageAppended { message, role, channel, content }).to_json()
    };
    (first..first + BATCH).map(piece).collect()
}

/// What this thread has used: everything that is measured runs on it.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    std::time::Duration::from_nanos(nanos).as_secs_f64()
}

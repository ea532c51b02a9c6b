//! Measures what an event costs: groups of 512 events of 575 bytes, of 64 logs that take turns, into SQLite, and for
//! comparison into a plain file with one `fdatasync` a group. CPU time, because a machine may have other work.
//!
//! `cargo run --release -p convene-store --example store_ingest [GROUPS [LOGS [SIZE [EVENTS]]]]`

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use convene_core::Timestamp;
use convene_store::{EventFilter, EventRow, Group, LogKey, Reader as _, SessionRow, SqliteStore, Store as _};
use rustix::time::{ClockId, clock_gettime};

struct Load {
    groups: u64,
    logs: u64,
    size: usize,
    events: u64,
}

fn main() {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<u64>().expect("a number"));
    let mut next = |default| args.next().unwrap_or(default);
    let load = Load { groups: next(400), logs: next(64), size: next(575) as usize, events: next(512) };
    println!("{} groups of {} events of {} bytes, {} logs", load.groups, load.events, load.size, load.logs);
    println!(
        "{:10} {:>10} {:>12} {:>10} {:>10} {:>10} {:>8}",
        "", "µs CPU/ev", "events/s", "commit p50", "p99", "max", "bytes"
    );
    for _ in 0..5 {
        measure("plain file", &load, plain);
        measure("SQLite", &load, sqlite);
    }
}

fn measure(name: &str, load: &Load, run: fn(&Path, &[Group]) -> Vec<Duration>) {
    let dir = tempfile::tempdir_in(".").expect("a directory");
    let groups: Vec<Group> = (0..load.groups).map(|n| group(load, n)).collect();
    let before = (cpu(), Instant::now());
    let mut times = run(dir.path(), &groups);
    let (cpu, wall) = (cpu() - before.0, before.1.elapsed());
    let events = load.groups * load.events;
    times.sort_unstable();
    let file = dir.path().join("convene.db");
    let bytes = file.metadata().map_or(0, |meta| meta.len());
    println!(
        "{name:10} {:10.2} {:12.0} {:>10.1?} {:>10.1?} {:>10.1?} {:8.3}",
        cpu.as_secs_f64() * 1e6 / events as f64,
        events as f64 / wall.as_secs_f64(),
        times[times.len() / 2],
        times[times.len() * 99 / 100],
        times[times.len() - 1],
        bytes as f64 / (events as usize * load.size) as f64,
    );
}

fn plain(dir: &Path, groups: &[Group]) -> Vec<Duration> {
    let mut file = File::create(dir.join("log")).expect("a file");
    let mut buffer = Vec::new();
    let mut times = Vec::new();
    for group in groups {
        let start = Instant::now();
        buffer.clear();
        for event in &group.events {
            buffer.extend_from_slice(&event.pos.to_le_bytes());
            buffer.extend_from_slice(event.data.as_bytes());
        }
        file.write_all(&buffer).expect("written");
        file.sync_data().expect("synced");
        times.push(start.elapsed());
    }
    times
}

fn sqlite(dir: &Path, groups: &[Group]) -> Vec<Duration> {
    let mut store = SqliteStore::open(dir, Timestamp::UNIX_EPOCH, 1).expect("opened");
    let mut times = Vec::new();
    for group in groups {
        let start = Instant::now();
        store.commit(group).expect("committed");
        times.push(start.elapsed());
    }
    let filter = EventFilter { limit: 1, newest: true, ..EventFilter::default() };
    assert_eq!(store.reader().events(LogKey(1), &filter).expect("read").len(), 1);
    times
}

fn group(load: &Load, n: u64) -> Group {
    let mut group = Group::default();
    for place in 0..load.events {
        let pos = n * load.events + place + 1;
        let (log, seq) = ((pos - 1) % load.logs + 1, (pos - 1) / load.logs + 1);
        let frame = r#"{"type":"agent_text","text":""}"#;
        group.events.push(EventRow {
            log: LogKey(log as i64),
            seq,
            pos,
            at: Timestamp::from_millisecond(1_700_000_000_000 + pos as i64).expect("in range"),
            index: Some(seq),
            turn: Some(format!("trn_{log:032x}").parse().expect("an id")),
            data: format!("{}{}\"}}", &frame[..frame.len() - 2], "x".repeat(load.size - frame.len())).into(),
        });
        if place + load.logs >= load.events {
            group.sessions.push(session(log, seq, pos));
        }
    }
    group
}

fn session(log: u64, seq: u64, pos: u64) -> SessionRow {
    SessionRow {
        log: LogKey(log as i64),
        id: format!("ses_{log:032x}").parse().expect("an id"),
        thread: format!("thr_{log:032x}").parse().expect("an id"),
        owner: "local".to_owned(),
        namespace: "default".to_owned(),
        agent: "builtin".to_owned(),
        cwd: "/home/somebody/src/project".to_owned(),
        title: "Mend the failing test of the parser".to_owned(),
        state: "running".to_owned(),
        badge: "running".to_owned(),
        archived: false,
        deleted: false,
        seq,
        created_pos: log,
        pos,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::from_millisecond(1_700_000_000_000 + pos as i64).expect("in range"),
    }
}

fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

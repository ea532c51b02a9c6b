//! A writer that is killed at any moment loses nothing that it was told is durable, and leaves no gap.

mod rows;

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use convene_core::Timestamp;
use convene_store::{Error, EventFilter, Group, LogKey, Reader as _, SnapshotRow, SqliteStore, Store as _};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

/// Tells the child where to write.
const DIR: &str = "STORE_CRASH_DIR";

/// How many logs a group writes to, and how many events to each.
const LOGS: i64 = 3;
const EVENTS: u64 = 5;

fn open(dir: &Path) -> SqliteStore {
    SqliteStore::open(dir, Timestamp::UNIX_EPOCH, 1).unwrap()
}

/// The group after the one that ended with `seq` in each log.
fn group(seq: u64, mut pos: u64) -> Group {
    let mut group = Group::default();
    for log in 1..=LOGS {
        for n in 1..=EVENTS {
            pos += 1;
            // Now and then one that goes to a file.
            let size = if (seq + n).is_multiple_of(40) { 70_000 } else { 300 };
            let data = format!("{{\"n\":{},\"text\":\"{}\"}}", seq + n, "x".repeat(size));
            group.events.push(rows::event(log, seq + n, pos, data));
        }
        group.sessions.push(rows::session(log, seq + EVENTS, pos));
        if seq.is_multiple_of(50) {
            group.snapshots.push(SnapshotRow { log: LogKey(log), seq: seq + EVENTS, state: "{}".to_owned() });
        }
    }
    group
}

#[test]
#[ignore = "the child that `a_killed_writer_loses_nothing` starts and kills"]
fn child() {
    let Some(dir) = env::var_os(DIR) else { return };
    let mut store = open(Path::new(&dir));
    let mut seq = store.reader().session(format!("ses_{:032x}", 1).parse().unwrap()).unwrap().map_or(0, |row| row.seq);
    let mut out = std::io::stdout();
    loop {
        store.commit(&group(seq, store.info().last_pos)).unwrap();
        seq += EVENTS;
        // Not `print!`, which the test harness may keep; a parent that is gone ends this process too.
        writeln!(out, "acknowledged {seq}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn a_killed_writer_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 0..20_u64 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The kill meets the writer wherever it is some commits later, now and then in the first one.
        let enough = round * 7 % 23;
        let mut seen = 0;
        let mut read = |line: std::io::Result<String>| {
            if let Some(number) = line.ok().as_deref().and_then(|line| line.strip_prefix("acknowledged ")) {
                acknowledged = number.parse().unwrap();
                seen += 1;
            }
            seen
        };
        for line in lines.by_ref() {
            if read(line) >= enough {
                break;
            }
        }
        child.kill().unwrap();
        // What it said before it died was said.
        for line in lines {
            read(line);
        }
        child.wait().unwrap();
        check(dir.path(), acknowledged);
    }
    assert!(acknowledged > 0);
}

/// How many copies are taken of a writer at work; more by `CONVENE_COPIES`.
const COPIES: u64 = 3;

#[test]
fn copies_that_are_taken_at_any_moment_miss_nothing_and_a_torn_tail_costs_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DIR, dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = Pid::from_child(&child);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let copies = env::var("CONVENE_COPIES").map_or(COPIES, |number| number.parse().unwrap());
    for round in 0..copies {
        let mut acknowledged = 0;
        let mut seen = 0;
        while seen <= round * 11 % 29 {
            let line = lines.next().unwrap().unwrap();
            if let Some(number) = line.strip_prefix("acknowledged ") {
                acknowledged = number.parse().unwrap();
                seen += 1;
            }
        }
        kill_process(pid, Signal::STOP).unwrap();
        let copy = tempfile::tempdir().unwrap();
        copy_all(dir.path(), copy.path());
        kill_process(pid, Signal::CONT).unwrap();
        let wal = fs::read(copy.path().join("convene.db-wal")).unwrap();
        let synced = before_last_transaction(&wal);
        let torn = |name: String, wal: &[u8]| {
            let torn = tempfile::tempdir().unwrap();
            copy_all(copy.path(), torn.path());
            fs::write(torn.path().join("convene.db-wal"), wal).unwrap();
            // The last transaction may not have been acknowledged; nothing before it is lost.
            let end = consistent(torn.path());
            assert!(end + EVENTS >= acknowledged, "{name}: {end} of {acknowledged}");
        };
        // A tail that is cut off, at the end of a frame and in the middle of one.
        for cut in [synced, synced + FRAME / 2, wal.len() - 1] {
            torn(format!("cut at {cut}"), &wal[..cut.min(wal.len())]);
        }
        // Sectors of the last transaction that did not reach the disk, in no order.
        for lost in 0..2 {
            let mut wal = wal.clone();
            for (number, sector) in wal[synced..].chunks_mut(512).enumerate() {
                if (number as u64 * 2_654_435_761 + round * 97 + lost).is_multiple_of(3) {
                    sector.fill(0);
                }
            }
            torn(format!("sectors lost {lost}"), &wal);
        }
        let end = consistent(copy.path());
        assert!(end >= acknowledged, "{end} of {acknowledged}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A frame of the WAL with its header.
const FRAME: usize = 24 + 4096;

/// Where the last transaction begins in a WAL: everything before it was synced before it was begun.
fn before_last_transaction(wal: &[u8]) -> usize {
    let salts = wal.get(16..24).unwrap_or_default();
    let frames: Vec<(usize, bool)> = (32..)
        .step_by(FRAME)
        .map_while(|at| wal.get(at..at + FRAME).map(|frame| (at, frame)))
        .take_while(|(_, frame)| &frame[8..16] == salts)
        .map(|(at, frame)| (at + FRAME, frame[4..8] != [0; 4]))
        .collect();
    let last = frames.len().saturating_sub(1);
    let ended = frames[..last].iter().rfind(|(_, ends)| *ends);
    ended.map_or(32, |(end, _)| *end)
}

fn copy_all(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir(&to).unwrap();
            copy_all(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

#[test]
#[ignore = "the child that `a_disk_that_fails_is_met_and_survived` starts"]
fn child_at_its_limit() {
    let Some(dir) = env::var_os(DIR) else { return };
    let mut store = open(Path::new(&dir));
    let mut seq = 0;
    let mut failures = 0;
    for _ in 0..200 {
        let next = group(seq, store.info().last_pos);
        if let Err(error) = store.commit(&next) {
            failures += 1;
            assert!(matches!(error, Error::Full { .. }), "{error:?}");
            // The disk still fails, and the writer says so each time; nothing of the group is there.
            assert!(store.commit(&next).is_err(), "after {error:?}");
            let row = store.reader().session(format!("ses_{:032x}", 1).parse().unwrap()).unwrap();
            assert_eq!(row.map_or(0, |row| row.seq), seq);
            let limits = getrlimit(Resource::Fsize);
            setrlimit(Resource::Fsize, Rlimit { current: limits.maximum, ..limits }).unwrap();
            store.commit(&next).unwrap();
        }
        seq += EVENTS;
    }
    assert_eq!(failures, 1, "the limit was met once and then lifted");
    drop(store);
    check(Path::new(&dir), seq);
}

#[test]
fn a_disk_that_fails_is_met_and_survived() {
    let dir = tempfile::tempdir().unwrap();
    // A file may not grow beyond the limit, which SQLite meets as a failure of the disk; the store says that there is no room.
    let status = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -S -f 400; exec \"$0\" \"$@\""])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "child_at_its_limit", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DIR, dir.path())
        .status()
        .unwrap();
    assert!(status.success());
}

/// All that was acknowledged is there, at most one group more, and nothing half.
fn check(dir: &Path, acknowledged: u64) {
    let end = consistent(dir);
    assert!(end == acknowledged || end == acknowledged + EVENTS, "{end} of {acknowledged}");
}

/// There is nothing half. Where the logs end.
fn consistent(dir: &Path) -> u64 {
    let store = open(dir);
    let mut ends = Vec::new();
    for log in 1..=LOGS {
        let reader = store.reader();
        let events = reader.events(LogKey(log), &EventFilter { limit: usize::MAX, ..EventFilter::default() }).unwrap();
        assert!(events.iter().map(|row| row.seq).eq(1..=events.len() as u64), "a gap in log {log}");
        for row in &events {
            assert!(row.data.starts_with(&format!("{{\"n\":{},", row.seq)), "event {} is another's", row.seq);
        }
        let loaded = reader.load(format!("ses_{log:032x}").parse().unwrap()).unwrap();
        assert_eq!(loaded.map_or(0, |loaded| loaded.row.seq), events.len() as u64);
        ends.push(events.len() as u64);
    }
    assert!(ends.iter().all(|end| *end == ends[0]), "half a group: {ends:?}");
    assert_eq!(store.info().last_pos, ends[0] * LOGS as u64);
    ends[0]
}

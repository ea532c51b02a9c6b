//! The N-th call that writes, syncs or renames fails, or the writer is killed there, for every N of a story that has all
//! that a store does: nothing that was acknowledged is lost, nothing that was refused is there half, and the directory
//! opens.
//!
//! A device that fails once damages nothing here: what was refused is tried again and taken, in the same process. So no
//! fault may end in a database that calls itself damaged; that is for bytes that changed after they were synced
//! (`flips.rs`).
//!
//! Each fault is tried at every eleventh call, from a random one on, and `CONVENE_FAULTS=all` tries it at every call;
//! `CONVENE_FAULTS=from..to` at these.

#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

// By its path, so that these tests are built without the rooms above the store.
#[expect(dead_code, reason = "a part of it is for whole products")]
#[path = "../../testkit/src/faults.rs"]
mod faults;
mod rows;

use std::{
    env, fs,
    io::Write as _,
    path::Path,
    process::{Command, Output},
};

use convene_core::Timestamp;
use convene_store::{
    Chore, Error, EventFilter, EventRow, Group, LogKey, Reader as _, ReplyRow, SessionRow, SnapshotRow, SqliteStore,
    Store as _, backup,
};
use faults::{Disk, Fault, Plan};

/// Tells the child where to write.
const DIR: &str = "STORE_FAULTS_DIR";
/// Groups of the story.
const GROUPS: u64 = 8;
/// The group that removes log 3.
const PURGE: u64 = 4;
/// Events of a group in each of the logs 1 and 2.
const EVENTS: u64 = 3;
/// Positions that a group has.
const PLACES: u64 = 10;
/// How often something is tried that was refused.
const TRIES: usize = 4;

fn text(log: i64, seq: u64) -> String {
    // Now and then one that goes to a file.
    let size = if (log == 1 && seq % 9 == 5) || (log == 3 && seq == 2) { 70_000 } else { 300 };
    format!("{{\"log\":{log},\"n\":{seq},\"text\":\"{}\"}}", "x".repeat(size))
}

fn event(log: i64, seq: u64, pos: u64) -> EventRow {
    rows::event(log, seq, pos, text(log, seq))
}

fn session(log: i64, seq: u64, pos: u64) -> SessionRow {
    SessionRow { title: format!("at {seq}"), ..rows::session(log, seq, pos) }
}

/// The group with this number, from 1.
fn group(number: u64) -> Group {
    let first = (number - 1) * PLACES;
    let mut group = Group::default();
    for log in [1, 2] {
        let before = (number - 1) * EVENTS;
        for n in 1..=EVENTS {
            group.events.push(event(log, before + n, first + log.unsigned_abs() * EVENTS + n - EVENTS));
        }
        group.sessions.push(session(log, before + EVENTS, first + log.unsigned_abs() * EVENTS));
    }
    let last = first + 2 * EVENTS + 1;
    if number <= PURGE {
        group.events.push(event(3, number, last));
        group.sessions.push(SessionRow { deleted: number == PURGE, ..session(3, number, last) });
    }
    if number == PURGE {
        group.purged.push(LogKey(3));
    }
    if number.is_multiple_of(3) {
        group.snapshots.push(SnapshotRow {
            log: LogKey(1),
            seq: number * EVENTS,
            state: format!("{{\"n\":{number}}}"),
        });
    }
    group.replies.push(reply(number));
    group
}

fn reply(number: u64) -> ReplyRow {
    ReplyRow {
        owner: "local".to_owned(),
        key: format!("key-{number}"),
        request: String::new(),
        reply: format!("{{\"group\":{number}}}"),
        at: Timestamp::UNIX_EPOCH,
    }
}

fn open(dir: &Path) -> Result<SqliteStore, Error> {
    SqliteStore::open(dir, Timestamp::UNIX_EPOCH, 1)
}

/// How many groups a store shows; it shows each of them whole, and nothing else.
fn groups(store: &SqliteStore) -> u64 {
    let reader = store.reader();
    let log = |log| reader.events(LogKey(log), &EventFilter { limit: usize::MAX, ..EventFilter::default() }).unwrap();
    let events = log(1);
    assert_eq!(events.len() as u64 % EVENTS, 0, "half a group");
    let end = events.len() as u64 / EVENTS;
    for (number, events) in [(1, events), (2, log(2))] {
        assert!(events.iter().map(|row| row.seq).eq(1..=end * EVENTS), "log {number} has a gap, or half a group");
        assert!(events.iter().all(|row| *row.data == text(number, row.seq)), "log {number} has another event");
    }
    let kept = if end < PURGE { end } else { 0 };
    assert!(log(3).iter().map(|row| row.seq).eq(1..=kept), "log 3 has not {kept} events");
    for number in [1, 2] {
        let loaded = reader.load(session(number, 0, 0).id).unwrap();
        assert_eq!(loaded.as_ref().map_or(0, |loaded| loaded.row.seq), end * EVENTS);
        let folded = loaded.and_then(|loaded| loaded.snapshot).map_or(0, |snapshot| snapshot.seq);
        assert_eq!(folded, if number == 1 { end / 3 * 3 * EVENTS } else { 0 });
    }
    if end >= PURGE {
        assert!(reader.session(session(3, 0, 0).id).unwrap().unwrap().deleted);
    }
    for number in 1..=GROUPS + 1 {
        let found = reader.reply("local", &format!("key-{number}")).unwrap();
        assert_eq!(found, (number <= end).then(|| reply(number)));
    }
    end
}

fn say(what: std::fmt::Arguments<'_>) {
    // Not `print!`, which the test harness may keep. The harness itself writes to the same line now and then.
    let mut out = std::io::stdout();
    writeln!(out, "\n{what}").unwrap();
}

/// Tries until it is taken; each refusal is told, and says what it is.
fn tried<T>(what: &str, mut act: impl FnMut() -> Result<T, Error>) -> T {
    for _ in 0..TRIES {
        match act() {
            Ok(done) => return done,
            Err(error @ (Error::Damaged { .. } | Error::InUse { .. } | Error::Newer { .. })) => {
                panic!("{what}: a fault that is over is told as {error}")
            }
            Err(error) => {
                let full = matches!(error, Error::Full { .. });
                say(format_args!("refused {what}, {}: {error}", if full { "no room" } else { "another reason" }));
            }
        }
    }
    panic!("{what}: refused {TRIES} times");
}

fn commit(store: &mut SqliteStore, number: u64) {
    tried("commit", || {
        let before = store.info();
        let taken = store.commit(&group(number));
        if taken.is_err() {
            assert_eq!(store.info(), before);
            assert_eq!(groups(store), number - 1, "what was refused is shown");
        }
        taken
    });
    say(format_args!("acknowledged {number}"));
    assert_eq!(groups(store), number);
}

/// All that is done with a store.
fn story(dir: &Path) {
    let home = dir.join("home");
    let mut store = tried("open", || open(&home));
    for number in 1..=PURGE {
        commit(&mut store, number);
    }
    while tried("free pages", || store.tidy(Chore::FreePages)) {}
    for shelf in 0..=u8::MAX {
        tried("files", || store.tidy(Chore::Files { shelf }));
    }
    let to = dir.join("backup");
    tried("backup", || match backup::backup(&home, &to) {
        // It was there before the directory around it was synced.
        Err(Error::ReadOnly { .. }) if to.exists() => backup::verify(&to),
        made => made,
    });
    say(format_args!("backup"));
    commit(&mut store, 5);
    commit(&mut store, 6);
    drop(store);
    let mut store = tried("open", || open(&home));
    assert_eq!(groups(&store), 6, "after it was closed");
    commit(&mut store, 7);
    store.spend_reserve();
    tried("recover", || store.recover());
    commit(&mut store, 8);
}

/// The child of the others; by itself it is the story without a fault.
#[test]
fn story_of_the_child() {
    match env::var_os(DIR) {
        Some(dir) => story(Path::new(&dir)),
        None => {
            let dir = tempfile::tempdir().unwrap();
            story(dir.path());
            assert_eq!(groups(&open(&dir.path().join("home")).unwrap()), GROUPS);
        }
    }
}

/// Memory, where there is some: every sync of thousands of stories would wait for a disk that does not matter here.
fn place() -> tempfile::TempDir {
    let builder = tempfile::Builder::new();
    builder.tempdir_in("/dev/shm").or_else(|_| builder.tempdir()).unwrap()
}

/// How many calls are passed over between two that are tried.
const STEP: u64 = 11;

/// Tells the story with the fault at one call after another.
fn every_call(fault: Fault) {
    let wanted = env::var("CONVENE_FAULTS").unwrap_or_default();
    let chosen = wanted.split_once("..").map(|(from, to)| (from.parse().unwrap(), to.parse().unwrap(), 1));
    let some = (1 + u64::from(std::process::id()) % STEP, u64::MAX, STEP);
    let (from, to, step) = chosen.unwrap_or(if wanted == "all" { (1, u64::MAX, 1) } else { some });
    let mut wrong = Vec::new();
    let mut at = from;
    while at < to {
        let dir = place();
        let inside = dir.path().join("disk");
        fs::create_dir(&inside).unwrap();
        let plan = Plan { word: "", at, times: 1, fault };
        let disk = Disk::new(&inside, &dir.path().join("count"), plan).unwrap();
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", "story_of_the_child", "--nocapture", "--test-threads=1"])
            .env(DIR, &inside)
            .envs(disk.environment().iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap();
        let hits = disk.hits().unwrap();
        let told = std::panic::catch_unwind(|| check(&inside, fault, &output, hits.is_empty()));
        if told.is_err() {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let said = [said, String::from_utf8_lossy(&output.stderr).into_owned()].concat();
            wrong.push(format!("{} at {at}: {hits:?}\n{said}", fault.name()));
        }
        if hits.is_empty() {
            break;
        }
        at += step;
    }
    println!("{}: calls {from} to {at} by {step}", fault.name());
    assert!(at > 400 || chosen.is_some(), "the story has {at} calls, and should have hundreds");
    assert!(wrong.is_empty(), "{} went wrong:\n{}", wrong.len(), wrong.join("\n---\n"));
}

/// What is there after the child has ended.
fn check(dir: &Path, fault: Fault, output: &Output, was_spared: bool) {
    let said = String::from_utf8_lossy(&output.stdout);
    let number = |line: &str| line.strip_prefix("acknowledged ").and_then(|number| number.parse::<u64>().ok());
    let acknowledged = said.lines().filter_map(number).max().unwrap_or(0);
    let died = fault.is_death() && !was_spared;
    if matches!(fault, Fault::Enospc | Fault::Edquot) {
        // Agents wait for room and people are told of it, which begins with a commit.
        let wrong: Vec<&str> = said.lines().filter(|line| line.starts_with("refused commit, another")).collect();
        assert!(wrong.is_empty(), "a disk without room is told as {wrong:?}");
    }
    assert_eq!(output.status.success(), !died, "the child ended with {}", output.status);
    let home = dir.join("home");
    let mut store = open(&home).unwrap();
    let end = groups(&store);
    assert!(end == acknowledged || (died && end == acknowledged + 1), "{end} groups of {acknowledged}");
    let to = dir.join("backup");
    let backed_up = said.lines().any(|line| line == "backup");
    assert!(to.exists() || !backed_up, "the backup is not there");
    if to.exists() {
        let made = backup::verify(&to).unwrap();
        assert_eq!((made.events, made.damaged), (2 * EVENTS * PURGE, 0));
    }
    // It goes on, and what is closed can be opened.
    for number in end + 1..=GROUPS + 1 {
        store.commit(&group(number)).unwrap();
    }
    while store.tidy(Chore::FreePages).unwrap() {}
    drop(store);
    assert_eq!(groups(&open(&home).unwrap()), GROUPS + 1);
}

macro_rules! at_every_call {
    ($($name:ident: $fault:ident,)+) => {
        $(
            #[test]
            fn $name() {
                every_call(Fault::$fault);
            }
        )+
    };
}

at_every_call! {
    a_device_that_fails_once_loses_nothing_at_any_call: Eio,
    a_disk_that_is_full_once_loses_nothing_at_any_call: Enospc,
    a_quota_that_is_used_up_once_loses_nothing_at_any_call: Edquot,
    a_write_that_is_cut_short_loses_nothing_at_any_call: Short,
    a_writer_that_is_killed_before_any_call_loses_nothing: Kill,
    a_writer_that_is_killed_after_any_call_loses_nothing: KillAfter,
}

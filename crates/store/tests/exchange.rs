//! A restore and a salvage whose N-th call that changes a file fails, or who are killed there: the same again ends what was
//! begun, and the database that made room is kept whole.
//!
//! As in `faults.rs` each fault is tried at some of the calls, and `CONVENE_FAULTS=all` tries it at every one.

#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

#[expect(dead_code, reason = "a part of it is for whole products")]
#[path = "../../testkit/src/faults.rs"]
mod faults;

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use convene_core::Timestamp;
use convene_store::{
    Error, EventFilter, EventRow, Group, LogKey, Reader as _, SqliteStore, Store as _,
    backup::{self, Damage},
    salvage::Salvage,
    sqlite::inspect,
};
use faults::{Disk, Fault, Plan};

/// Tell the child where, and what.
const DIR: &str = "STORE_EXCHANGE_DIR";
const ACT: &str = "STORE_EXCHANGE_ACT";

/// How many calls are passed over between two that are tried.
const STEP: u64 = 13;

/// Events that there are, and those of the backup.
const ALL: u64 = 30;
const BACKED_UP: u64 = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Restore,
    Salvage,
}

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

fn place() -> tempfile::TempDir {
    let builder = tempfile::Builder::new();
    builder.tempdir_in("/dev/shm").or_else(|_| builder.tempdir()).unwrap()
}

fn open(home: &Path) -> Result<SqliteStore, Error> {
    SqliteStore::open(home, now(), 1)
}

fn events(seqs: impl Iterator<Item = u64>) -> Group {
    let event = |seq: u64| EventRow {
        log: LogKey(1),
        seq,
        pos: seq,
        at: now(),
        index: None,
        turn: None,
        // Now and then one that goes to a file.
        data: format!("{{\"n\":{seq},\"text\":\"{}\"}}", "x".repeat(if seq % 9 == 5 { 70_000 } else { 300 })).into(),
    };
    Group { events: seqs.map(event).collect(), ..Group::default() }
}

/// How many events there are, all of them whole.
fn count(home: &Path) -> Result<u64, Error> {
    let filter = EventFilter { limit: usize::MAX, ..EventFilter::default() };
    let events = open(home)?.reader().events(LogKey(1), &filter)?;
    assert!(events.iter().map(|event| event.seq).eq(1..=events.len() as u64));
    Ok(events.len() as u64)
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        let kind = path.symlink_metadata().unwrap().file_type();
        if kind.is_symlink() {
            symlink(fs::read_link(&path).unwrap(), to).unwrap();
        } else if kind.is_dir() {
            copy_all(&path, &to);
        } else if path.extension().is_none_or(|ending| ending != "db-shm") {
            fs::copy(&path, &to).unwrap();
        }
    }
}

/// `home`, as a writer leaves it that is killed, and `backup`, of before.
fn data(act: Act) -> tempfile::TempDir {
    let (work, dir) = (place(), place());
    let home = work.path().join("home");
    let mut store = open(&home).unwrap();
    store.commit(&events(1..=BACKED_UP)).unwrap();
    backup::backup(&home, &dir.path().join("backup")).unwrap();
    if act == Act::Salvage {
        drop(store);
        // Its schema cannot be read any more.
        let mut bytes = fs::read(home.join("convene.db")).unwrap();
        bytes[..3000].fill(0xa5);
        fs::write(home.join("convene.db"), bytes).unwrap();
    } else {
        store.commit(&events(BACKED_UP + 1..=ALL)).unwrap();
    }
    copy_all(&home, &dir.path().join("home"));
    dir
}

fn carry_out(dir: &Path, act: Act) -> Result<Vec<PathBuf>, Error> {
    let home = dir.join("home");
    let salvage = match act {
        Act::Restore => backup::restore(&home, &dir.join("backup"), Damage::Refused, now(), 9)?,
        Act::Salvage => Salvage::begin(&home, now(), 9)?,
    };
    salvage.finish(now())
}

/// The child of the others; by itself it does both without a fault.
#[test]
fn exchange_of_the_child() {
    let act = |name: &str| if name == "Restore" { Act::Restore } else { Act::Salvage };
    match env::var_os(DIR) {
        Some(dir) => {
            let done = carry_out(Path::new(&dir), act(&env::var(ACT).unwrap()));
            println!("\n{}", if done.is_ok() { "done" } else { "refused" });
        }
        None => {
            for act in [Act::Restore, Act::Salvage] {
                let dir = data(act);
                carry_out(dir.path(), act).unwrap();
                assert_eq!(count(&dir.path().join("home")).unwrap(), BACKED_UP);
            }
        }
    }
}

fn every_call(act: Act, fault: Fault) {
    let whole = data(act);
    let all = env::var("CONVENE_FAULTS").is_ok_and(|wanted| wanted == "all");
    let (mut at, step) = if all { (1, 1) } else { (1 + u64::from(std::process::id()) % STEP, STEP) };
    loop {
        let dir = place();
        let inside = dir.path().join("disk");
        copy_all(whole.path(), &inside);
        let plan = Plan { word: "", at, times: 1, fault };
        let disk = Disk::new(&inside, &dir.path().join("count"), plan).unwrap();
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", "exchange_of_the_child", "--nocapture", "--test-threads=1"])
            .env(DIR, &inside)
            .env(ACT, format!("{act:?}"))
            .envs(disk.environment().iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap();
        let hits = disk.hits().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        check(&inside, whole.path(), act, &said, &format!("{fault:?} at {at}: {hits:?}"));
        if hits.is_empty() {
            break;
        }
        at += step;
    }
    assert!(at > 60, "it has only {at} calls");
}

/// What is there after the child has ended, and after somebody has gone on.
fn check(dir: &Path, whole: &Path, act: Act, said: &str, what: &str) {
    let home = dir.join("home");
    let refused = said.lines().any(|line| line == "refused");
    assert!(!refused || !home.join("salvage.part").exists(), "{what}: a part is left");
    let names = |home: &Path| -> Vec<String> {
        fs::read_dir(home).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let kept = |home: &Path| -> Vec<String> {
        let is_kept = |name: &String| name.starts_with("convene.db.") && name.ends_with("Z");
        names(home).into_iter().filter(is_kept).collect()
    };

    // A doctor finds that it opens, or ends what was begun.
    let mended = place();
    copy_all(dir, mended.path());
    let other = mended.path().join("home");
    if !inspect(&other, Duration::from_secs(60)).is_ok_and(|found| found.faults.is_empty()) {
        carry_out(mended.path(), Act::Salvage).unwrap_or_else(|error| panic!("{what}: a doctor: {error:?}"));
    }
    let found = count(&other).unwrap_or_else(|error| panic!("{what}: it does not open: {error:?}"));
    assert!([BACKED_UP, ALL].contains(&found), "{what}: {found}");

    carry_out(dir, act).unwrap_or_else(|error| panic!("{what}: again: {error:?}"));
    assert_eq!(count(&home).unwrap(), BACKED_UP, "{what}");
    assert!(!names(&home).iter().any(|name| name.starts_with("salvage")), "{what}: {:?}", names(&home));
    let first = kept(&home).into_iter().min().unwrap_or_else(|| panic!("{what}: nothing is kept"));
    let back = place();
    copy_all(&home, back.path());
    for ending in ["", "-wal"] {
        let _ = fs::remove_file(back.path().join(format!("convene.db{ending}")));
        let _ =
            fs::rename(back.path().join(format!("{first}{ending}")), back.path().join(format!("convene.db{ending}")));
    }
    if act == Act::Restore {
        assert_eq!(count(back.path()).unwrap(), ALL, "{what}: what was put back");
    } else {
        let bytes = |home: &Path| fs::read(home.join("convene.db")).unwrap();
        assert!(bytes(back.path()) == bytes(&whole.join("home")), "{what}: the damaged one is kept as it was");
    }
}

macro_rules! at_every_call {
    ($($name:ident: $act:ident, $fault:ident,)+) => {
        $(
            #[test]
            fn $name() {
                every_call(Act::$act, Fault::$fault);
            }
        )+
    };
}

at_every_call! {
    a_restore_that_is_killed_before_a_call: Restore, Kill,
    a_restore_that_is_killed_after_a_call: Restore, KillAfter,
    a_restore_on_a_disk_that_is_full: Restore, Enospc,
    a_restore_on_a_disk_that_fails: Restore, Eio,
    a_salvage_that_is_killed_before_a_call: Salvage, Kill,
    a_salvage_that_is_killed_after_a_call: Salvage, KillAfter,
    a_salvage_on_a_disk_that_is_full: Salvage, Enospc,
    a_salvage_on_a_disk_that_fails: Salvage, Eio,
}

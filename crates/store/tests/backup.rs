//! A backup that is made while a writer writes has everything that was acknowledged before, and comes back.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use convene_core::Timestamp;
use convene_store::{
    Chore, Error, EventFilter, EventRow, Group, LogKey, Reader as _, SqliteStore, Store as _,
    backup::{self, Damage},
    salvage::Salvage,
};

fn open(dir: &Path) -> Result<SqliteStore, Error> {
    SqliteStore::open(dir, Timestamp::UNIX_EPOCH, 1)
}

fn restore(home: &Path, from: &Path, epoch: u64) -> Result<Salvage, Error> {
    backup::restore(home, from, Damage::Refused, Timestamp::UNIX_EPOCH, epoch)
}

fn event(seq: u64) -> EventRow {
    // Now and then one that goes to a file.
    let size = if seq.is_multiple_of(50) { 70_000 } else { 300 };
    EventRow {
        log: LogKey(1),
        seq,
        pos: seq,
        at: Timestamp::UNIX_EPOCH,
        index: Some(seq),
        turn: None,
        data: format!(r#"{{"type":"x","n":{seq},"text":"{}"}}"#, "x".repeat(size)).into(),
    }
}

fn count(dir: &Path) -> u64 {
    let filter = EventFilter { limit: usize::MAX, ..EventFilter::default() };
    let events = open(dir).unwrap().reader().events(LogKey(1), &filter).unwrap();
    assert!(events.iter().map(|event| event.seq).eq(1..=events.len() as u64));
    events.len() as u64
}

#[test]
fn a_backup_under_load_has_what_was_acknowledged_and_comes_back_under_another_epoch() {
    let (home, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut store = open(home.path()).unwrap();
    let (acknowledged, over) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut seq = 0;
            while !over.load(Ordering::Relaxed) {
                let events = (seq + 1..=seq + 5).map(event).collect();
                store.commit(&Group { events, ..Group::default() }).unwrap();
                seq += 5;
                acknowledged.store(seq, Ordering::SeqCst);
            }
        });
        for number in 0..4 {
            let wanted = acknowledged.load(Ordering::SeqCst) + 60;
            while acknowledged.load(Ordering::SeqCst) < wanted {
                std::thread::yield_now();
            }
            let before = acknowledged.load(Ordering::SeqCst);
            let to = place.path().join(number.to_string());
            let made = backup::backup(home.path(), &to).unwrap();
            assert!(made.events >= before, "{} of {before}", made.events);
            assert_eq!(made.damaged, 0);
            assert_eq!(backup::verify(&to).unwrap(), made);
        }
        over.store(true, Ordering::Relaxed);
    });
    let refused = backup::backup(home.path(), &place.path().join("3"));
    assert!(refused.is_err(), "nothing is overwritten: {refused:?}");
    let from = place.path().join("3");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&from), mode(&from.join("convene.db"))), (0o700, 0o600));

    // Not over a server that runs; and over what it left, which is kept.
    let refused = restore(home.path(), &from, 9);
    assert!(matches!(refused, Err(Error::InUse { .. })), "{refused:?}");
    drop(store);
    let had = backup::verify(&from).unwrap().events;
    let kept = restore(home.path(), &from, 9).unwrap().finish(Timestamp::UNIX_EPOCH).unwrap();
    assert!(kept.iter().any(|path| path.ends_with("convene.db.replaced-19700101T000000Z")), "{kept:?}");
    assert_eq!(count(home.path()), had);
    assert_eq!(open(home.path()).unwrap().info().epoch, 9);
    // To a place where there was nothing.
    let anew = place.path().join("anew");
    restore(&anew, &from, 10).unwrap().finish(Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(count(&anew), had);
}

#[test]
fn what_is_no_backup_or_not_whole_is_not_restored() {
    let (home, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut store = open(home.path()).unwrap();
    store.commit(&Group { events: (1..=60).map(event).collect(), ..Group::default() }).unwrap();
    let to = place.path().join("b");
    backup::backup(home.path(), &to).unwrap();
    let mut bytes = fs::read(to.join("convene.db")).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0x5a);
    fs::write(to.join("convene.db"), bytes).unwrap();
    for from in [to.as_path(), place.path(), Path::new("/nowhere")] {
        let refused = restore(&place.path().join("anew"), from, 9);
        assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
    }
    assert!(!place.path().join("anew").exists());
}

fn data(home: &Path, events: u64) -> SqliteStore {
    let mut store = open(home).unwrap();
    let last = store.info().last_pos;
    store.commit(&Group { events: (last + 1..=events).map(event).collect(), ..Group::default() }).unwrap();
    store
}

fn blobs(home: &Path) -> Vec<PathBuf> {
    let shelves = fs::read_dir(home.join("blobs")).into_iter().flatten().map(|shelf| shelf.unwrap().path());
    shelves.flat_map(|shelf| fs::read_dir(shelf).unwrap().map(|file| file.unwrap().path())).collect()
}

fn sweep(store: &mut SqliteStore) {
    for shelf in 0..=u8::MAX {
        store.tidy(Chore::Files { shelf }).unwrap();
    }
}

#[test]
fn what_was_put_aside_keeps_its_files_until_it_is_gone() {
    let (home, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let to = place.path().join("b");
    drop(data(home.path(), 40));
    backup::backup(home.path(), &to).unwrap();
    drop(data(home.path(), 60));
    assert_eq!(blobs(home.path()).len(), 1, "of the fiftieth, which is not in the backup");
    let kept = restore(home.path(), &to, 9).unwrap().finish(Timestamp::UNIX_EPOCH).unwrap();

    // The one that is there now refers to none of them, and removes one of its own that had the same bytes.
    let mut store = open(home.path()).unwrap();
    let same = EventRow { pos: 41, seq: 41, ..event(50) };
    store.commit(&Group { events: vec![same], ..Group::default() }).unwrap();
    store.commit(&Group { purged: vec![LogKey(1)], ..Group::default() }).unwrap();
    sweep(&mut store);
    drop(store);
    let other = place.path().join("new");
    fs::rename(home.path().join("convene.db"), &other).unwrap();
    fs::rename(&kept[0], home.path().join("convene.db")).unwrap();
    assert_eq!(count(home.path()), 60);

    // The other way round: what is put away for good is no reason to keep anything.
    fs::rename(&other, home.path().join("convene.db")).unwrap();
    sweep(&mut open(home.path()).unwrap());
    assert_eq!(blobs(home.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_file_that_is_short_or_damaged_is_put_back_whole() {
    let (home, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let to = place.path().join("b");
    drop(data(home.path(), 100));
    backup::backup(home.path(), &to).unwrap();
    let files = blobs(home.path());
    assert_eq!(files.len(), 2);
    let mut bytes = fs::read(&files[0]).unwrap();
    bytes[7] ^= 1;
    fs::write(&files[0], bytes).unwrap();
    fs::write(&files[1], "short").unwrap();
    restore(home.path(), &to, 9).unwrap().finish(Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(count(home.path()), 100);
    // A file of the backup that is damaged takes no place of a whole one.
    let damaged = blobs(&to);
    fs::write(&damaged[0], "short").unwrap();
    let accepted = backup::restore(home.path(), &to, Damage::Accepted, Timestamp::UNIX_EPOCH, 10).unwrap();
    accepted.finish(Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(count(home.path()), 100);
}

#[test]
fn a_damaged_backup_is_put_back_only_by_who_wants_it() {
    let (home, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let to = place.path().join("b");
    drop(data(home.path(), 40));
    backup::backup(home.path(), &to).unwrap();
    let conn = rusqlite::Connection::open(to.join("convene.db")).unwrap();
    conn.execute("UPDATE events SET at = 7 WHERE pos > 37", []).unwrap();
    drop(conn);
    assert_eq!(backup::verify(&to).unwrap().damaged, 3);
    drop(data(home.path(), 60));
    let before = fs::read(home.path().join("convene.db")).unwrap();
    match restore(home.path(), &to, 9) {
        Err(Error::Damaged { why, .. }) => assert_eq!(why, "3 of its 40 events cannot be read"),
        other => panic!("{other:?}"),
    }
    assert!(fs::read(home.path().join("convene.db")).unwrap() == before, "nothing is replaced");
    let accepted = backup::restore(home.path(), &to, Damage::Accepted, Timestamp::UNIX_EPOCH, 9).unwrap();
    accepted.finish(Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(count(home.path()), 37);

    // What has a write-ahead log was not made by a backup, and would come without it.
    let elsewhere = place.path().join("data");
    let _at_work = data(&elsewhere, 5);
    let refused = restore(home.path(), &elsewhere, 9);
    assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
}

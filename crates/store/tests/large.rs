//! A large database: it is used before all of it is looked at, and its WAL stays short while it grows.

mod rows;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use convene_store::{Error, EventFilter, Group, LogKey, Reader as _, SessionRow, SqliteStore, Store as _};
use rows::now;

/// Above this a database is looked at beside its use, in bytes.
const LARGE: u64 = 64 << 20;
/// The length of an event's text: just not a file of its own.
const TEXT: usize = 60_000;
/// Events in a group: about a megabyte.
const AT_ONCE: u64 = 16;
/// What the WAL may come to, in bytes: 4,000 pages and the group that was being written.
const WAL: u64 = 20 << 20;

fn open(dir: &Path) -> Result<SqliteStore, Error> {
    SqliteStore::open(dir, now(), 7)
}

fn group(first: u64) -> Group {
    let last = first + AT_ONCE - 1;
    let data = format!(r#"{{"type":"message_appended","text":"{}"}}"#, "x".repeat(TEXT));
    let events = (first..=last).map(|seq| rows::event(1, seq, seq, data.as_str())).collect();
    let session = SessionRow { cwd: "/src/of/a/large/session".to_owned(), ..rows::session(1, last, last) };
    Group { events, sessions: vec![session], ..Group::default() }
}

/// Commits groups until the database is large; how long the WAL was at most.
fn fill(store: &mut SqliteStore, dir: &Path) -> u64 {
    let size = |name: &str| fs::metadata(dir.join(name)).map_or(0, |meta| meta.len());
    let (mut first, mut longest) = (1, 0);
    while size("convene.db") <= LARGE + (4 << 20) {
        store.commit(&group(first)).unwrap();
        longest = longest.max(size("convene.db-wal"));
        first += AT_ONCE;
    }
    longest
}

fn look(store: &SqliteStore) -> u64 {
    let filter = EventFilter { limit: 1, newest: true, ..EventFilter::default() };
    store.reader().events(LogKey(1), &filter).unwrap().first().map_or(0, |event| event.seq)
}

#[test]
fn the_wal_of_a_database_that_grows_stays_short_and_nothing_waits_in_it_for_a_close() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let longest = fill(&mut store, dir.path());
    assert!(longest <= WAL, "{longest} bytes");
    let seq = look(&store);
    drop(store);
    let mut store = open(dir.path()).unwrap();
    assert_eq!(look(&store), seq);
    let findings = store.findings().unwrap();
    let began = Instant::now();
    while !store.is_looked_at() {
        assert!(began.elapsed() < Duration::from_secs(30), "the look does not end");
        std::thread::yield_now();
    }
    assert!(findings.try_recv().is_err(), "nothing is wrong with it");
}

#[test]
fn damage_of_a_large_one_is_told_while_it_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    fill(&mut store, dir.path());
    drop(store);
    let path = dir.path().join("convene.db");
    let mut bytes = fs::read(&path).unwrap();
    let wanted = b"/src/of/a/large/session";
    let at = bytes.windows(wanted.len()).rposition(|found| found == wanted).unwrap();
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    let mut store = open(dir.path()).unwrap();
    assert!(look(&store) > 0, "it is used meanwhile");
    let found = store.findings().unwrap().recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(matches!(&found, Error::Damaged { .. }), "{found}");
}

#[test]
fn closing_does_not_wait_for_the_look() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    fill(&mut store, dir.path());
    drop(store);
    let began = Instant::now();
    drop(open(dir.path()).unwrap());
    assert!(began.elapsed() < Duration::from_secs(10));
    let lock = fs::read_to_string(dir.path().join("convene.db.lock")).unwrap();
    assert_eq!(lock.trim(), "closed");
}

#[test]
fn a_bad_wal_of_a_large_one_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    fill(&mut store, dir.path());
    // As a kill leaves it.
    let killed = tempfile::tempdir().unwrap();
    for name in ["convene.db", "convene.db-wal", "convene.db.lock"] {
        fs::copy(dir.path().join(name), killed.path().join(name)).unwrap();
    }
    let wal = killed.path().join("convene.db-wal");
    let mut bytes = fs::read(&wal).unwrap();
    bytes[5] ^= 1;
    fs::write(&wal, &bytes).unwrap();
    let refused = open(killed.path()).unwrap_err();
    assert!(matches!(&refused, Error::Damaged { what, .. } if what.ends_with("convene.db-wal")), "{refused:?}");
    assert!(fs::read(&wal).unwrap() == bytes, "nothing was written to it");
    bytes[5] ^= 1;
    fs::write(&wal, &bytes).unwrap();
    assert_eq!(look(&open(killed.path()).unwrap()), look(&store), "with the byte as it was nothing is missing");
}

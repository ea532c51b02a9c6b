//! What needs a look inside: the rest is told through the door, in `tests/`.

use std::fs;

use super::*;
use crate::{EventFilter, Reader as _};

fn now() -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_000).unwrap()
}

fn event(log: i64, seq: u64, pos: u64, data: &str) -> EventRow {
    EventRow { log: LogKey(log), seq, pos, at: now(), index: None, turn: None, data: data.into() }
}

fn events(rows: Vec<EventRow>) -> Group {
    Group { events: rows, ..Group::default() }
}

#[test]
fn a_commit_waits_for_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path(), now(), 1).unwrap();
    let pragma = |name: &str| store.writer.pragma_query_value(None, name, |row| row.get::<_, String>(0));
    assert_eq!(pragma("journal_mode").unwrap(), "wal");
    let level: i64 = store.writer.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
    assert_eq!(level, 2, "FULL");
}

#[test]
fn a_full_database_is_said_and_gets_over_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(dir.path(), now(), 1).unwrap();
    store.commit(&events(vec![event(1, 1, 1, "{}")])).unwrap();
    let pages: i64 = store.writer.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    store.writer.pragma_update(None, "max_page_count", pages).unwrap();
    let text = format!("\"{}\"", "x".repeat(50_000));
    let large = events(vec![event(1, 2, 2, "{}"), event(1, 3, 3, &text)]);
    assert!(matches!(store.commit(&large), Err(Error::Full { .. })));
    assert_eq!(store.info().last_pos, 1);
    let filter = EventFilter { limit: 10, ..EventFilter::default() };
    assert_eq!(store.reader().events(LogKey(1), &filter).unwrap().len(), 1);

    store.writer.pragma_update(None, "max_page_count", 1_000_000).unwrap();
    store.commit(&large).unwrap();
    assert_eq!(store.info().last_pos, 3);
    assert_eq!(store.reader().events(LogKey(1), &filter).unwrap().len(), 3);
}

#[test]
fn a_suspect_writer_is_replaced_before_it_writes() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(dir.path(), now(), 1).unwrap();
    store.commit(&events(vec![event(1, 1, 1, "{}")])).unwrap();
    store.suspect = true;
    // Told apart from the new one by a setting that a new one does not have.
    store.writer.pragma_update(None, "cache_size", 7).unwrap();
    store.commit(&events(vec![event(1, 2, 2, "{}")])).unwrap();
    let pages: i64 = store.writer.pragma_query_value(None, "cache_size", |row| row.get(0)).unwrap();
    assert_ne!(pages, 7);
    assert!(!store.suspect);
}

#[test]
fn a_writer_that_fails_at_a_chore_is_not_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(dir.path(), now(), 1).unwrap();
    let text = format!("\"{}\"", "x".repeat(50_000));
    store.commit(&events((1..=20).map(|seq| event(1, seq, seq, &text)).collect())).unwrap();
    store.commit(&Group { purged: vec![LogKey(1)], ..Group::default() }).unwrap();
    store.tidy(crate::Chore::Files { shelf: 0 }).unwrap();
    assert!(!store.suspect);
    // The pages that it is to give back cannot be read.
    store.writer.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap();
    let whole = fs::read(&store.path).unwrap();
    fs::OpenOptions::new().write(true).open(&store.path).unwrap().set_len(4096).unwrap();
    store.writer.pragma_update(None, "shrink_memory", "").unwrap();
    assert!(store.tidy(crate::Chore::FreePages).is_err());
    assert!(store.suspect);
    fs::write(&store.path, whole).unwrap();
    store.commit(&events(vec![event(2, 1, 30, "{}")])).unwrap();
    assert!(!store.suspect, "it is another one, and whole");
}

#[test]
fn a_database_that_is_elsewhere_than_its_writer_knew_takes_no_commits() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(dir.path(), now(), 1).unwrap();
    store.commit(&events(vec![event(1, 1, 1, "{}")])).unwrap();
    // As if a transaction had been refused and were there after all.
    let other = open::writer(&store.path).unwrap();
    other.execute("INSERT INTO events (pos, log, seq, at, data) VALUES (2, 1, 2, 0, '{}')", []).unwrap();
    store.suspect = true;
    for _ in 0..2 {
        let refused = store.commit(&events(vec![event(1, 2, 2, "{}")]));
        assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
    }
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(dir.path(), now(), 1).unwrap();
    store.commit(&events(vec![event(1, 1, 1, "{}")])).unwrap();
    store
        .writer
        .execute(
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (99, 'x', '', '')",
            [],
        )
        .unwrap();
    drop(store);
    let bytes = || fs::read(dir.path().join("convene.db")).unwrap();
    let before = bytes();
    for _ in 0..2 {
        let refused = SqliteStore::open(dir.path(), now(), 2);
        assert!(matches!(refused, Err(Error::Newer { found: 99, known: 4 })), "{refused:?}");
    }
    assert_eq!(bytes(), before);
}

#[test]
fn a_database_of_somebody_else_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    Connection::open(dir.path().join("convene.db")).unwrap().execute("CREATE TABLE notes (text TEXT)", []).unwrap();
    assert!(matches!(SqliteStore::open(dir.path(), now(), 1), Err(Error::Damaged { .. })));
    let conn = Connection::open(dir.path().join("convene.db")).unwrap();
    let tables: i64 = conn.query_row("SELECT COUNT(*) FROM sqlite_master", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn hot_reads_go_by_an_index() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path(), now(), 1).unwrap();
    let plan = |sql: &str| {
        let mut query = store.writer.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = query.query_map([], |row| row.get::<_, String>(3)).unwrap();
        steps.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    };
    for (sql, index) in [
        (
            "SELECT data FROM events WHERE log = 1 AND seq > 1 AND seq < 9 AND NULL IS NULL ORDER BY seq",
            "events_log_seq",
        ),
        ("SELECT data FROM events WHERE log = 1 AND seq > 1 AND seq < 9 ORDER BY seq DESC", "events_log_seq"),
        ("SELECT id FROM sessions WHERE pos > 1 UNION ALL SELECT id FROM threads WHERE pos > 1", "sessions_pos"),
        (
            "SELECT id FROM sessions WHERE state <> 'stopped' AND state <> 'hibernated' AND deleted = 0
                ORDER BY created_pos",
            "sessions_live",
        ),
        ("SELECT badge, COUNT(*) FROM sessions WHERE archived = 0 AND deleted = 0 GROUP BY badge", "sessions_badge"),
        ("SELECT id FROM sessions WHERE deleted = 0 ORDER BY created_pos DESC", "sessions_created"),
        ("SELECT id FROM sessions WHERE thread = 'x' AND deleted = 0 ORDER BY created_pos", "sessions_thread"),
    ] {
        let plan = plan(sql);
        assert!(plan.contains(index), "{sql}: {plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{sql}: {plan}");
    }
}

#[test]
fn where_a_sync_failed_the_wal_is_kept_until_the_next_opening() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(dir.path(), now(), 1).unwrap();
    let findings = store.findings().unwrap();
    let size = |name: &str| fs::metadata(dir.path().join(name)).unwrap().len();
    let text = format!("\"{}\"", "x".repeat(60_000));
    let mut seq = 0;
    let mut commit = |store: &mut SqliteStore| {
        seq += 16;
        store.commit(&events((seq - 15..=seq).map(|seq| event(1, seq, seq, &text)).collect())).unwrap();
        seq
    };
    commit(&mut store);
    let failure = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
    store.checkpoints.doubt.raise(rusqlite::Error::SqliteFailure(failure, None));
    assert!(matches!(findings.try_recv(), Ok(Error::Failed { .. })));
    let before = size("convene.db");
    let mut last = 0;
    while size("convene.db-wal") < 20 << 20 {
        last = commit(&mut store);
    }
    while store.tidy(crate::Chore::FreePages).unwrap() {}
    let (wal, database) = (size("convene.db-wal"), size("convene.db"));
    drop(store);
    assert_eq!((size("convene.db-wal"), size("convene.db"), database), (wal, before, before), "nothing was moved");
    let store = SqliteStore::open(dir.path(), now(), 1).unwrap();
    let filter = EventFilter { limit: usize::MAX, ..EventFilter::default() };
    assert_eq!(store.reader().events(LogKey(1), &filter).unwrap().len() as u64, last);
}

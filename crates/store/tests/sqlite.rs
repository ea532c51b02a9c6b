//! What is SQLite's own: the files, and what is said when they are not as they should be.

use std::{
    fs::{self, File},
    io::{Seek as _, SeekFrom, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use convene_core::Timestamp;
use convene_store::{
    Error, EventFilter, EventRow, Group, LogKey, Reader as _, SessionRow, SqliteReader, SqliteStore, Store as _,
};
use rusqlite::{Connection, params};

fn open(dir: &Path) -> Result<SqliteStore, Error> {
    SqliteStore::open(dir, Timestamp::UNIX_EPOCH, 1)
}

fn event(log: i64, seq: u64, pos: u64) -> EventRow {
    let data = format!(r#"{{"type":"agent_text","text":"{}"}}"#, "x".repeat(200));
    EventRow {
        log: LogKey(log),
        seq,
        pos,
        at: Timestamp::UNIX_EPOCH,
        index: Some(seq),
        turn: Some(format!("trn_{seq:032x}").parse().unwrap()),
        data: data.into(),
    }
}

fn session(log: i64, seq: u64, pos: u64) -> SessionRow {
    SessionRow {
        log: LogKey(log),
        id: format!("ses_{log:032x}").parse().unwrap(),
        thread: format!("thr_{log:032x}").parse().unwrap(),
        owner: "local".to_owned(),
        namespace: "default".to_owned(),
        agent: "builtin".to_owned(),
        cwd: "/src".to_owned(),
        title: String::new(),
        state: "idle".to_owned(),
        badge: "idle".to_owned(),
        archived: false,
        deleted: false,
        seq,
        created_pos: pos,
        pos,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    }
}

/// Two sessions with nine events each, that take turns.
fn two_sessions(dir: &Path) {
    let mut store = open(dir).unwrap();
    let events = (1..=9).flat_map(|seq| [event(1, seq, 2 * seq - 1), event(2, seq, 2 * seq)]).collect();
    let sessions = vec![session(1, 9, 17), session(2, 9, 18)];
    store.commit(&Group { events, sessions, ..Group::default() }).unwrap();
}

fn seqs(reader: &SqliteReader, log: i64, filter: EventFilter) -> Result<Vec<u64>, Error> {
    let rows = reader.events(LogKey(log), &EventFilter { limit: 99, ..filter })?;
    Ok(rows.iter().map(|row| row.seq).collect())
}

/// Puts bytes over a part of a file.
fn garble(path: &Path, from: u64, bytes: &[u8]) {
    let mut file = File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(from)).unwrap();
    file.write_all(bytes).unwrap();
}

#[test]
fn everything_is_the_owners_alone() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("a/b");
    let mut store = open(&data).unwrap();
    let large = EventRow { data: "x".repeat(100_000).into(), ..event(1, 1, 1) };
    store.commit(&Group { events: vec![large], ..Group::default() }).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let mut files = 0;
    for entry in fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
        files += 1;
    }
    assert_eq!(files, 6, "database, WAL, index of the WAL, lock, blobs, reserve");
    drop(store);
    fs::set_permissions(data.join("convene.db"), fs::Permissions::from_mode(0o644)).unwrap();
    drop(open(&data).unwrap());
    assert_eq!(mode(&data.join("convene.db")), 0o600);
}

#[test]
fn a_second_writer_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    assert!(matches!(open(dir.path()), Err(Error::InUse { .. })));
    let reader = store.reader();
    drop(store);
    // Readers do not hold the place.
    let _store = open(dir.path()).unwrap();
    assert_eq!(reader.live_sessions().unwrap(), vec![]);
}

#[test]
fn a_place_that_cannot_be_written_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    // Permissions do not stop root; a file in the way and the kernel's own file systems do.
    for place in [&file, &file.join("below"), Path::new("/sys/convene")] {
        let refused = open(place);
        assert!(matches!(refused, Err(Error::ReadOnly { .. })), "{}: {refused:?}", place.display());
    }
    assert_eq!(fs::read(&file).unwrap(), b"");
}

#[test]
fn a_damaged_file_is_said_and_never_replaced() {
    let whole = tempfile::tempdir().unwrap();
    two_sessions(whole.path());
    let whole = fs::read(whole.path().join("convene.db")).unwrap();

    let mut no_header = whole.clone();
    no_header[..16].fill(b'x');
    let mut no_schema = whole.clone();
    no_schema[100..4096].fill(0xa5);
    let mut shredded = whole.clone();
    for (n, byte) in shredded.iter_mut().enumerate() {
        *byte ^= (n % 251) as u8;
    }
    let text = b"This is no database, but it is longer than the header of one, so that it is looked at. ".repeat(9);
    for (what, bytes) in [("no header", no_header), ("no schema", no_schema), ("shredded", shredded), ("text", text)] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("convene.db");
        fs::write(&path, &bytes).unwrap();
        for _ in 0..2 {
            let refused = open(dir.path());
            assert!(matches!(refused, Err(Error::Damaged { .. })), "{what}: {refused:?}");
        }
        assert!(fs::read(&path).unwrap() == bytes, "{what}: the file was changed");
    }
}

#[test]
fn a_lost_database_is_not_made_anew_beside_its_remains() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let large = EventRow { data: "x".repeat(100_000).into(), ..event(1, 1, 1) };
    store.commit(&Group { events: vec![large], ..Group::default() }).unwrap();
    // As a crash leaves them: the WAL has what the database does not.
    let copy = tempfile::tempdir().unwrap();
    for name in ["convene.db", "convene.db-wal"] {
        fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
    }
    drop(store);

    let wal = fs::read(copy.path().join("convene.db-wal")).unwrap();
    let base = fs::read(copy.path().join("convene.db")).unwrap();
    fs::write(copy.path().join("convene.db"), "").unwrap();
    assert!(matches!(open(copy.path()), Err(Error::Damaged { .. })));
    fs::remove_file(copy.path().join("convene.db")).unwrap();
    assert!(matches!(open(copy.path()), Err(Error::Damaged { .. })));
    assert!(fs::read(copy.path().join("convene.db-wal")).unwrap() == wal, "the WAL was changed");
    fs::write(copy.path().join("convene.db"), base).unwrap();
    assert_eq!(open(copy.path()).unwrap().info().last_pos, 1);

    fs::write(dir.path().join("convene.db"), "").unwrap();
    assert!(matches!(open(dir.path()), Err(Error::Damaged { .. })), "an empty database with blobs beside it");
}

#[test]
fn a_damaged_log_is_read_as_far_as_it_goes() {
    let dir = tempfile::tempdir().unwrap();
    two_sessions(dir.path());
    let conn = Connection::open(dir.path().join("convene.db")).unwrap();
    // Bytes that are no text, in the middle of the first log.
    conn.execute("UPDATE events SET data = CAST(?1 AS TEXT) WHERE log = 1 AND seq = 5", params![&b"\xff\xfe"[..]])
        .unwrap();
    conn.close().unwrap();

    let mut store = open(dir.path()).unwrap();
    let reader = store.reader();
    let load = |log: u64| reader.load(format!("ses_{log:032x}").parse().unwrap());
    let Err(Error::Damaged { what, why }) = load(1) else { panic!("loaded what is damaged") };
    assert!(what.starts_with("session ses_") && why.contains("event 5 of log 1"), "{what}: {why}");
    assert_eq!(load(2).unwrap().unwrap().tail.len(), 9);

    let all = EventFilter::default;
    assert_eq!(seqs(&reader, 1, all()).unwrap(), [1, 2, 3, 4]);
    assert!(matches!(seqs(&reader, 1, EventFilter { after: Some(4), ..all() }), Err(Error::Damaged { .. })));
    assert_eq!(seqs(&reader, 1, EventFilter { after: Some(5), ..all() }).unwrap(), [6, 7, 8, 9]);
    assert_eq!(seqs(&reader, 1, EventFilter { newest: true, ..all() }).unwrap(), [6, 7, 8, 9]);
    assert_eq!(seqs(&reader, 1, EventFilter { newest: true, before: Some(5), ..all() }).unwrap(), [1, 2, 3, 4]);
    assert_eq!(seqs(&reader, 2, all()).unwrap().len(), 9);
    // The damaged session's log can still be purged, and the other one goes on.
    let sessions = vec![SessionRow { deleted: true, ..session(1, 9, 17) }, session(2, 10, 19)];
    let purged = vec![LogKey(1)];
    store.commit(&Group { events: vec![event(2, 10, 19)], sessions, purged, ..Group::default() }).unwrap();
    assert_eq!(seqs(&reader, 1, all()).unwrap(), Vec::<u64>::new());
    assert_eq!(seqs(&reader, 2, all()).unwrap().len(), 10);
}

#[test]
fn a_lost_or_changed_blob_damages_its_event_only() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let large = |seq: u64| EventRow { data: seq.to_string().repeat(100_000).into(), ..event(1, seq, seq) };
    let events = vec![event(1, 1, 1), large(2), event(1, 3, 3), large(4), event(1, 5, 5)];
    store.commit(&Group { events, sessions: vec![session(1, 5, 5)], ..Group::default() }).unwrap();
    let blobs = blobs(dir.path());
    assert_eq!(blobs.len(), 2);
    let (lost, changed) = (&blobs[0], &blobs[1]);
    garble(changed, 10, b"x");
    fs::remove_file(lost).unwrap();

    let reader = store.reader();
    let pick = |after| seqs(&reader, 1, EventFilter { after: Some(after), ..EventFilter::default() });
    assert_eq!(pick(0).unwrap(), [1]);
    assert!(matches!(pick(1), Err(Error::Damaged { .. })));
    assert_eq!(pick(2).unwrap(), [3]);
    assert!(matches!(pick(3), Err(Error::Damaged { .. })));
    assert_eq!(pick(4).unwrap(), [5]);
    assert!(matches!(reader.load(format!("ses_{:032x}", 1).parse().unwrap()), Err(Error::Damaged { .. })));
}

#[test]
fn purged_blobs_leave_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let large = |log, seq, pos, text: &str| EventRow { data: text.repeat(100_000).into(), ..event(log, seq, pos) };
    let events = vec![large(1, 1, 1, "a"), large(1, 2, 2, "b"), large(2, 1, 3, "b"), large(1, 3, 4, "a")];
    store.commit(&Group { events, ..Group::default() }).unwrap();
    assert_eq!(blobs(dir.path()).len(), 2);
    store.commit(&Group { purged: vec![LogKey(1)], ..Group::default() }).unwrap();
    assert_eq!(blobs(dir.path()).len(), 1);
    // In the group that purges the last reference there is a new one.
    let events = vec![large(3, 1, 5, "b")];
    store.commit(&Group { events, purged: vec![LogKey(2)], ..Group::default() }).unwrap();
    assert_eq!(seqs(&store.reader(), 3, EventFilter::default()).unwrap(), [1]);
    store.commit(&Group { purged: vec![LogKey(3)], ..Group::default() }).unwrap();
    assert_eq!(blobs(dir.path()).len(), 0);
}

#[test]
fn a_reader_that_stays_at_a_moment_does_not_hold_up_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    two_sessions(dir.path());
    let mut store = open(dir.path()).unwrap();
    let conn = Connection::open(dir.path().join("convene.db")).unwrap();
    let moment = conn.unchecked_transaction().unwrap();
    let count = || moment.query_row("SELECT COUNT(*) FROM events", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count(), 18);
    for n in 0..20 {
        store.commit(&Group { events: vec![event(3, n + 1, 19 + n)], ..Group::default() }).unwrap();
    }
    assert_eq!(count(), 18);
    assert_eq!(store.reader().events(LogKey(3), &EventFilter { limit: 99, ..Default::default() }).unwrap().len(), 20);
}

#[test]
fn many_readers_share_few_connections() {
    let dir = tempfile::tempdir().unwrap();
    two_sessions(dir.path());
    let store = open(dir.path()).unwrap();
    let reader = store.reader();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            let reader = reader.clone();
            scope.spawn(move || {
                for _ in 0..50 {
                    assert_eq!(seqs(&reader, 1, EventFilter::default()).unwrap().len(), 9);
                }
            });
        }
    });
    let path = dir.path().join("convene.db");
    let open_files = fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .filter(|entry| entry.as_ref().is_ok_and(|entry| fs::read_link(entry.path()).is_ok_and(|to| to == path)))
        .count();
    assert!(open_files <= 5, "{open_files} connections");
}

#[test]
fn an_event_costs_little_more_than_its_bytes() {
    const LOGS: u64 = 64;
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let mut payload = 0;
    for round in 0..40 {
        let events: Vec<EventRow> = (0..512)
            .map(|n| {
                let pos = round * 512 + n + 1;
                let (log, seq) = (n % LOGS + 1, (pos - 1) / LOGS + 1);
                let data = format!(r#"{{"type":"agent_text","text":"{}"}}"#, "x".repeat(544));
                payload += data.len() as u64;
                EventRow { data: data.into(), ..event(log as i64, seq, pos) }
            })
            .collect();
        store.commit(&Group { events, ..Group::default() }).unwrap();
    }
    drop(store);
    let size = fs::metadata(dir.path().join("convene.db")).unwrap().len();
    let ratio = size as f64 / payload as f64;
    println!("{ratio:.3} bytes on disk a payload byte");
    assert!(ratio <= 1.3, "{ratio:.3}");
}

/// The files of large data.
fn blobs(dir: &Path) -> Vec<std::path::PathBuf> {
    let shelves = fs::read_dir(dir.join("blobs")).unwrap();
    let mut files: Vec<_> = shelves
        .flat_map(|shelf| fs::read_dir(shelf.unwrap().path()).unwrap())
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files
}

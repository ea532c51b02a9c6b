//! A byte that flips on the disk is met: everything is as before, or the database is refused, or the session that it hit
//! is damaged and the others are whole. What can be read comes back by a salvage.
//!
//! `CONVENE_FLIPS` is how many bytes are flipped.

mod rows;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use convene_core::ids::SessionId;
use convene_store::{
    Error, EventFilter, EventRow, Group, LogKey, Reader as _, ReplyRow, SessionFilter, SessionRow, SnapshotRow,
    SqliteReader, SqliteStore, Store as _, ThreadRow, TokenRow, salvage::Salvage,
};
use rows::{id, now};

const SESSIONS: i64 = 4;
const EVENTS: u64 = 12;
const THREAD: i64 = 9;

fn open(dir: &Path) -> Result<SqliteStore, Error> {
    SqliteStore::open(dir, now(), 7)
}

/// An event that says which it is. Every third is larger than a page, the last of each log goes to a file.
fn event(log: i64, seq: u64, pos: u64) -> EventRow {
    let size = if seq == EVENTS {
        70_000
    } else if seq.is_multiple_of(3) {
        6000
    } else {
        150
    };
    let word = format!("{log}.{seq} ");
    let text = word.repeat(size / word.len());
    let data = format!(r#"{{"type":"message_appended","text":"{text}"}}"#);
    let turn = Some(format!("trn_{seq:032x}").parse().unwrap());
    EventRow { index: (seq > 2).then_some(seq), turn, ..rows::event(log, seq, pos, data) }
}

fn session(log: i64, seq: u64, pos: u64) -> SessionRow {
    let thread = format!("thr_{THREAD:032x}").parse().unwrap();
    SessionRow { thread, state: "idle".to_owned(), badge: "idle".to_owned(), ..rows::session(log, seq, pos) }
}

/// Groups as an engine commits them: sessions that take turns, one event each a group.
fn groups() -> Vec<Group> {
    let mut pos = 0;
    let mut groups = Vec::new();
    for seq in 1..=EVENTS {
        let mut group = Group::default();
        for log in 1..=SESSIONS {
            pos += 1;
            group.events.push(event(log, seq, pos));
            group.sessions.push(session(log, seq, pos));
            if seq == 6 {
                group.snapshots.push(SnapshotRow { log: LogKey(log), seq, state: format!("{{\"of\":{log}}}") });
            }
        }
        if seq == 1 {
            pos += 1;
            group.events.push(EventRow { turn: None, index: None, ..event(THREAD, 1, pos) });
            group.threads.push(ThreadRow {
                log: LogKey(THREAD),
                id: format!("thr_{THREAD:032x}").parse().unwrap(),
                namespace: "default".to_owned(),
                archived: false,
                deleted: false,
                created_pos: pos,
                pos,
                state: "{}".to_owned(),
            });
            group.tokens.push(TokenRow {
                id: format!("tok_{:032x}", 1).parse().unwrap(),
                hash: "ab".repeat(32),
                name: "laptop".to_owned(),
                scope: "owner".to_owned(),
                owner: "ana".to_owned(),
                created_at: now(),
                expires_at: None,
                generation: 1,
                previous_until: None,
                last_used_at: None,
            });
        }
        group.replies.push(ReplyRow {
            owner: "ana".to_owned(),
            key: format!("key {seq}"),
            request: "r".to_owned(),
            reply: "{}".to_owned(),
            at: now(),
        });
        groups.push(group);
    }
    groups
}

/// A data directory as a writer leaves it that was closed, or was killed.
fn data(closed: bool) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    for group in groups() {
        store.commit(&group).unwrap();
    }
    if closed {
        drop(store);
        return dir;
    }
    let killed = tempfile::tempdir().unwrap();
    copy(dir.path(), killed.path());
    fs::remove_file(killed.path().join("blobs")).unwrap();
    fs::rename(dir.path().join("blobs"), killed.path().join("blobs")).unwrap();
    killed
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        match path.file_name().unwrap().to_str().unwrap() {
            "reserve" | "convene.db-shm" => {}
            // It never changes, so one is enough for all copies.
            "blobs" => std::os::unix::fs::symlink(&path, to).unwrap(),
            _ => drop(fs::copy(&path, &to).unwrap()),
        }
    }
}

/// What a reader sees of everything.
#[derive(Debug, PartialEq)]
struct Seen {
    listed: Vec<SessionRow>,
    live: Vec<SessionId>,
    logs: Vec<Vec<EventRow>>,
    loaded: Vec<bool>,
    threads: usize,
    tokens: Vec<TokenRow>,
    replies: Vec<bool>,
}

fn seen(reader: &SqliteReader) -> Result<Seen, Error> {
    let log = |log| {
        let filter = EventFilter { limit: 999, ..EventFilter::default() };
        match reader.events(LogKey(log), &filter) {
            Err(Error::Damaged { .. }) => Vec::new(),
            events => events.unwrap(),
        }
    };
    let load = |log| match reader.load(id(log)) {
        Ok(loaded) => loaded.is_some_and(|loaded| loaded.row == session(log, EVENTS, loaded.row.pos)),
        Err(Error::Damaged { .. }) => false,
        Err(error) => panic!("{error:?}"),
    };
    let reply = |seq| reader.reply("ana", &format!("key {seq}")).map(|reply| reply.is_some());
    Ok(Seen {
        listed: reader.sessions(&SessionFilter { limit: 99, ..SessionFilter::default() })?,
        live: reader.live_sessions()?,
        logs: (1..=SESSIONS).map(log).collect(),
        loaded: (1..=SESSIONS).map(load).collect(),
        threads: reader.threads("default", false, None, 99)?.len(),
        tokens: reader.tokens()?,
        replies: (1..=EVENTS).map(reply).collect::<Result<_, _>>()?,
    })
}

/// What one flip came to.
#[derive(Debug, Default)]
struct Tally {
    same: usize,
    refused: usize,
    one_damaged: usize,
    shorter: usize,
    salvaged_whole: usize,
    salvaged_less: usize,
}

/// Which bytes are flipped.
fn places(length: u64, some: u64) -> Vec<u64> {
    let some = env::var("CONVENE_FLIPS").map_or(some, |number| number.parse().expect("a number"));
    // Odd, so that every place on a page comes up.
    let step = (length / some).max(1) | 1;
    (0..length).step_by(usize::try_from(step).unwrap()).collect()
}

fn flipped(whole: &Path, name: &str, at: u64) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    copy(whole, dir.path());
    let path = dir.path().join(name);
    let mut bytes = fs::read(&path).unwrap();
    // Another bit from place to place, and now and then the whole byte.
    bytes[usize::try_from(at).unwrap()] ^= if at.is_multiple_of(9) { 0xff } else { 1 << (at % 8) };
    fs::write(&path, bytes).unwrap();
    (dir, path)
}

/// The logs that are not as before; each of them has to be a beginning of what it was, and nothing else may differ.
fn hit(found: &Seen, before: &Seen, what: &str) -> Vec<usize> {
    assert_eq!(found.listed, before.listed, "{what}");
    assert_eq!(found.live, before.live, "{what}");
    assert_eq!((found.threads, &found.tokens), (before.threads, &before.tokens), "{what}");
    (0..before.logs.len())
        .filter(|log| {
            let (found_log, log_before) = (&found.logs[*log], &before.logs[*log]);
            assert!(log_before.starts_with(found_log), "{what}: log {} has what was never written", log + 1);
            found_log != log_before || !found.loaded[*log]
        })
        .collect()
}

/// Makes a new database of the damaged one, and tells whether all events are in it.
fn salvage(dir: &Path, before: &Seen, what: &str) -> bool {
    let salvage = Salvage::begin(dir, now(), 8).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    let lost: Vec<_> = salvage.found().lost.clone();
    let places: usize = lost.iter().map(|lost| lost.places.len()).sum();
    assert!(places <= 1, "{what}: one byte costs one event at most: {lost:?}");
    salvage.finish(now()).unwrap();
    let store = open(dir).unwrap_or_else(|error| panic!("{what}: after the salvage: {error:?}"));
    assert_eq!(store.info().epoch, 8);
    let found = seen(&store.reader()).unwrap();
    for (log, rows) in found.logs.iter().enumerate() {
        assert!(before.logs[log].starts_with(rows), "{what}: log {} has what was never written", log + 1);
        let damaged = lost.iter().any(|lost| lost.log == LogKey(log as i64 + 1));
        let named = found.listed.iter().any(|row| row.log == LogKey(log as i64 + 1));
        assert!(damaged || !named || rows == &before.logs[log], "{what}: log {} is short", log + 1);
    }
    // A row of a session follows from its events, and is made by whoever folds them.
    assert!(found.listed.len() + 1 >= before.listed.len(), "{what}: {:?}", found.listed);
    places == 0
}

#[test]
fn a_flipped_byte_of_a_database_is_met_or_harmless() {
    let whole = data(true);
    let before = seen(&open(whole.path()).unwrap().reader()).unwrap();
    assert!(before.loaded.iter().all(|loaded| *loaded), "{before:?}");
    let length = fs::metadata(whole.path().join("convene.db")).unwrap().len();
    let mut tally = Tally::default();
    for at in places(length, 120) {
        let what = format!("byte {at} of {length}");
        let (dir, path) = flipped(whole.path(), "convene.db", at);
        let bytes = fs::read(&path).unwrap();
        match open(dir.path()) {
            Err(Error::Newer { .. }) => continue,
            Err(Error::Damaged { .. }) => {
                tally.refused += 1;
                assert!(fs::read(&path).unwrap() == bytes, "{what}: a refused file was changed");
            }
            Err(error) => panic!("{what}: {error:?}"),
            Ok(store) => match seen(&store.reader()) {
                // A recorded answer that cannot be read is said when it is asked for.
                Err(Error::Damaged { .. }) => tally.one_damaged += 1,
                Err(error) => panic!("{what}: {error:?}"),
                Ok(found) => match hit(&found, &before, &what).len() {
                    0 => {
                        tally.same += 1;
                        continue;
                    }
                    1 => tally.one_damaged += 1,
                    n => panic!("{what}: {n} sessions are damaged"),
                },
            },
        }
        let whole = salvage(dir.path(), &before, &what);
        if whole { tally.salvaged_whole += 1 } else { tally.salvaged_less += 1 }
    }
    println!("{tally:?}");
    assert!(tally.same > 0 && tally.refused > 0 && tally.one_damaged > 0, "{tally:?}");
}

#[test]
fn a_flipped_byte_of_a_wal_is_met_or_costs_what_nobody_can_tell_from_a_crash() {
    let whole = data(false);
    let wal = fs::read(whole.path().join("convene.db-wal")).unwrap();
    let reference = tempfile::tempdir().unwrap();
    copy(whole.path(), reference.path());
    let before = seen(&open(reference.path()).unwrap().reader()).unwrap();
    let mut tally = Tally::default();
    for at in places(wal.len() as u64, 40) {
        let what = format!("byte {at} of {} of the WAL", wal.len());
        let (dir, _) = flipped(whole.path(), "convene.db-wal", at);
        match open(dir.path()) {
            Err(Error::Damaged { .. }) => {
                tally.refused += 1;
                if salvage(dir.path(), &before, &what) { tally.salvaged_whole += 1 } else { tally.salvaged_less += 1 }
            }
            Err(error) => panic!("{what}: {error:?}"),
            Ok(store) => {
                let found = seen(&store.reader()).unwrap();
                let ends: Vec<usize> = found.logs.iter().map(Vec::len).collect();
                for (log, rows) in found.logs.iter().enumerate() {
                    assert!(before.logs[log].starts_with(rows), "{what}: log {}", log + 1);
                }
                if found == before {
                    tally.same += 1;
                } else {
                    // The last transactions: a torn tail looks the same.
                    assert!(ends.iter().all(|end| *end == ends[0] && *end + 2 >= EVENTS as usize), "{what}: {ends:?}");
                    tally.shorter += 1;
                }
            }
        }
    }
    println!("{tally:?}");
    assert!(tally.refused > tally.shorter && tally.salvaged_whole > 0, "{tally:?}");
}

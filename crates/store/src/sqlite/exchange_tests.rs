//! A salvage, a restore and a shutdown are stopped before each of their steps. What a kill leaves there opens, or is
//! brought to its end by the same again and by a doctor; and a disk that refuses leaves nothing behind.

use std::{cell::RefCell, os::unix::fs::symlink, rc::Rc, time::Duration};

use tempfile::TempDir;

use super::*;
use crate::{
    EventFilter, EventRow, Group, LogKey, Reader as _, SqliteStore, Store as _, TokenRow,
    backup::{self, Damage},
    salvage::Salvage,
    sqlite::inspect,
    steps::tests::looking,
};

fn now() -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_000).unwrap()
}

/// In memory where there is such a place: what is on the disk is looked at, and not whether it comes there.
fn place() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn open(dir: &Path) -> Result<SqliteStore, Error> {
    SqliteStore::open(dir, now(), 1)
}

/// Every fourth goes to a file.
fn event(log: i64, seq: u64, pos: u64) -> EventRow {
    let size = if seq.is_multiple_of(4) { 70_000 } else { 300 };
    let data = format!(r#"{{"type":"x","n":{seq},"text":"{}"}}"#, "x".repeat(size)).into();
    EventRow { log: LogKey(log), seq, pos, at: now(), index: None, turn: None, data }
}

fn events(seqs: impl Iterator<Item = u64>) -> Group {
    Group { events: seqs.map(|seq| event(1, seq, seq)).collect(), ..Group::default() }
}

fn token(number: u32, generation: u32) -> TokenRow {
    TokenRow {
        id: format!("tok_{number:032x}").parse().unwrap(),
        hash: format!("{number}.{generation}"),
        name: String::new(),
        scope: "owner".to_owned(),
        owner: "ana".to_owned(),
        created_at: now(),
        expires_at: None,
        generation,
        previous_until: None,
        last_used_at: None,
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        let kind = path.symlink_metadata().unwrap().file_type();
        match path.file_name().unwrap().to_str().unwrap() {
            "reserve" | "convene.db-shm" => {}
            _ if kind.is_symlink() => symlink(fs::read_link(&path).unwrap(), to).unwrap(),
            _ if kind.is_dir() => copy_all(&path, &to),
            _ => drop(fs::copy(&path, &to).unwrap()),
        }
    }
}

fn copy_of(dir: &Path) -> TempDir {
    let copy = place();
    copy_all(dir, copy.path());
    copy
}

/// All that is in a directory, to tell it from another.
fn tree(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut tree = Vec::new();
    let mut left = vec![dir.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.symlink_metadata().unwrap().is_dir() {
                left.push(path.clone());
            }
            tree.push((path.strip_prefix(dir).unwrap().to_owned(), fs::read(&path).unwrap_or_default()));
        }
    }
    tree.sort();
    tree
}

/// What is in a database: its events, and its tokens with their generations. None is lost of what the events refer to.
#[derive(Debug, PartialEq, Eq)]
struct Content {
    events: Vec<u64>,
    tokens: Vec<String>,
}

fn content(home: &Path) -> Result<Content, Error> {
    let reader = open(home)?.reader();
    let filter = EventFilter { limit: usize::MAX, ..EventFilter::default() };
    let events = reader.events(LogKey(1), &filter)?.iter().map(|event| event.seq).collect();
    let mut tokens: Vec<String> = reader.tokens()?.into_iter().map(|token| token.hash).collect();
    tokens.sort();
    Ok(Content { events, tokens })
}

fn made_of(last: u64, tokens: &[&str]) -> Content {
    Content { events: (1..=last).collect(), tokens: tokens.iter().map(|&token| token.to_owned()).collect() }
}

/// A data directory as a writer leaves it that was killed, or was closed; and a backup of before its last third. Since
/// that a token was revoked, one rotated, and one made.
fn data(closed: bool) -> (TempDir, TempDir) {
    let (home, place) = (place(), place());
    let mut store = open(home.path()).unwrap();
    let tokens = vec![token(1, 0), token(2, 0), token(3, 0)];
    store.commit(&Group { tokens, ..events(1..=8) }).unwrap();
    backup::backup(home.path(), &place.path().join("b")).unwrap();
    let (tokens, revoked) = (vec![token(3, 1), token(4, 0)], vec![token(2, 0).id]);
    store.commit(&Group { tokens, revoked, ..events(9..=12) }).unwrap();
    if closed {
        drop(store);
        return (home, place);
    }
    (copy_of(home.path()), place)
}

const OLD: (u64, &[&str]) = (12, &["1.0", "3.1", "4.0"]);

/// A database whose schema cannot be read, but all of its rows.
fn damage(home: &Path) {
    let mut bytes = fs::read(home.join("convene.db")).unwrap();
    bytes[..3000].fill(0xa5);
    fs::write(home.join("convene.db"), bytes).unwrap();
}

/// What an engine does with a new database before it is put in its place.
fn rebuild(salvage: &Salvage) -> Result<(), Error> {
    let mut store = SqliteStore::open(&salvage.dir(), now(), 1)?;
    let pos = store.info().last_pos + 1;
    store.commit(&Group { events: vec![event(7, pos, pos)], ..Group::default() })
}

fn restore(home: &Path, from: &Path) -> Result<Vec<PathBuf>, Error> {
    let salvage = backup::restore(home, &from.join("b"), Damage::Refused, now(), 9)?;
    rebuild(&salvage)?;
    salvage.finish(now())
}

fn salvage(home: &Path) -> Result<Vec<PathBuf>, Error> {
    let salvage = Salvage::begin(home, now(), 9)?;
    if salvage.is_new() {
        rebuild(&salvage)?;
    } else {
        assert!(salvage.found().events > 0, "what is finished is counted: {:?}", salvage.found());
    }
    salvage.finish(now())
}

fn names(home: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(home).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Databases that were put aside.
fn kept(home: &Path) -> Vec<String> {
    names(home).into_iter().filter(|name| is_kept(name) && !name.ends_with("-wal")).collect()
}

/// Puts one that was put aside back, as somebody does who reads how to.
fn put_back(home: &Path, kept: &str) -> TempDir {
    let back = copy_of(home);
    for ending in ["", "-wal"] {
        let _ = fs::remove_file(back.path().join(format!("convene.db{ending}")));
        let _ =
            fs::rename(back.path().join(format!("{kept}{ending}")), back.path().join(format!("convene.db{ending}")));
    }
    back
}

/// What is exchanged in a test.
struct Case {
    what: &'static str,
    home: TempDir,
    from: TempDir,
    act: fn(&Path, &Path) -> Result<Vec<PathBuf>, Error>,
    /// What is there before, if that can be read, and after.
    old: Option<Content>,
    new: Content,
    /// How many databases are kept.
    kept: usize,
}

fn cases() -> Vec<Case> {
    let old = || Some(made_of(OLD.0, OLD.1));
    let mut cases = Vec::new();
    for (closed, what) in [(true, "a restore over a closed one"), (false, "a restore over one that was killed")] {
        let (home, from) = data(closed);
        let new = made_of(8, &["1.0", "3.1"]);
        cases.push(Case { what, home, from, act: restore, old: old(), new, kept: 1 });
    }
    let (_, from) = data(true);
    let (home, new) = (place(), made_of(8, &["1.0", "2.0", "3.0"]));
    let empty = Some(made_of(0, &[]));
    cases.push(Case { what: "a restore where nothing is", home, from, act: restore, old: empty, new, kept: 0 });
    for (closed, what) in [(true, "a salvage of a closed one"), (false, "a salvage of one that was killed")] {
        let (home, from) = data(closed);
        damage(home.path());
        // Its table of tokens is not found again, unless a page with the schema is in the WAL.
        let tokens: &[&str] = if closed { &[] } else { OLD.1 };
        let new = made_of(OLD.0, tokens);
        cases.push(Case { what, home, from, act: |home, _| salvage(home), old: None, new, kept: 1 });
    }
    cases
}

impl Case {
    /// Carries it out on a copy of what is there, and calls `look` before each step with its number.
    fn run(&self, look: impl Fn(usize, &Path) -> io::Result<()> + 'static) -> (TempDir, Result<Vec<PathBuf>, Error>) {
        let home = copy_of(self.home.path());
        let (path, mut step) = (home.path().to_owned(), 0);
        let look = move |_| {
            step += 1;
            look(step, &path)
        };
        let done = looking(look, || (self.act)(home.path(), self.from.path()));
        (home, done)
    }

    /// It is over, and the old one can come back.
    fn is_over(&self, home: &Path, what: &str) {
        assert_eq!(content(home).unwrap(), self.new, "{what}");
        let left: Vec<String> = names(home).into_iter().filter(|name| name.starts_with("salvage")).collect();
        assert_eq!(left, Vec::<String>::new(), "{what}");
        let kept = kept(home);
        assert_eq!(kept.len(), self.kept, "{what}: {kept:?}");
        for kept in &kept {
            let back = put_back(home, kept);
            match &self.old {
                Some(old) => assert_eq!(content(back.path()).unwrap(), *old, "{what}: what was put back"),
                None => {
                    for name in ["convene.db", "convene.db-wal"] {
                        let bytes = |dir: &Path| fs::read(dir.join(name)).ok().filter(|bytes| !bytes.is_empty());
                        assert!(bytes(back.path()) == bytes(self.home.path()), "{what}: {name} is kept as it was");
                    }
                }
            }
        }
    }

    /// It was stopped: somebody goes on.
    fn goes_on(&self, home: &Path, what: &str) {
        let again = copy_of(home);
        // Where it was over but for the last step it begins anew, and keeps what it made itself.
        let is_over = content(copy_of(home).path()).is_ok_and(|content| content == self.new);
        (self.act)(again.path(), self.from.path()).unwrap_or_else(|error| panic!("{what}: again: {error:?}"));
        if !is_over {
            self.is_over(again.path(), what);
        }
        assert_eq!(content(again.path()).unwrap(), self.new, "{what}: again");

        let mended = copy_of(home);
        let found = inspect(mended.path(), Duration::from_secs(60));
        if found.is_ok_and(|found| found.faults.is_empty()) {
            let content = content(mended.path()).unwrap_or_else(|error| panic!("{what}: it does not open: {error:?}"));
            assert!(content == self.new || self.old.as_ref() == Some(&content), "{what}: {content:?}");
            return;
        }
        assert!(content(copy_of(home).path()).is_err(), "{what}: it opens, and a doctor finds it damaged");
        salvage(mended.path()).unwrap_or_else(|error| panic!("{what}: a doctor: {error:?}"));
        self.is_over(mended.path(), what);
    }
}

#[test]
fn whoever_is_killed_is_gone_on_from() {
    for case in cases() {
        let stops: Rc<RefCell<Vec<TempDir>>> = Rc::default();
        let seen = Rc::clone(&stops);
        let (home, done) = case.run(move |_, home| {
            seen.borrow_mut().push(copy_of(home));
            Ok(())
        });
        done.unwrap_or_else(|error| panic!("{}: {error:?}", case.what));
        case.is_over(home.path(), case.what);
        let stops = stops.take();
        assert!(stops.len() > 12, "{}: it has only {} steps", case.what, stops.len());
        let mut before = Vec::new();
        for (step, stop) in stops.iter().enumerate() {
            let now = tree(stop.path());
            if now == before {
                continue;
            }
            before = now;
            case.goes_on(stop.path(), &format!("{}, killed before step {}", case.what, step + 1));
        }
    }
}

#[test]
fn what_is_refused_leaves_no_part_and_is_gone_on_from() {
    for case in cases() {
        let (mut refusals, mut before) = (0, Vec::new());
        for refused in 1.. {
            let last = Rc::new(RefCell::new(0));
            let seen = Rc::clone(&last);
            let (home, done) = case.run(move |step, _| {
                *seen.borrow_mut() = step;
                if step == refused { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
            });
            if *last.borrow() < refused {
                break;
            }
            let what = format!("{}, refused at step {refused}", case.what);
            if let Err(error) = done {
                refusals += 1;
                assert!(matches!(error, Error::Full { .. }), "{what}: {error:?}");
                assert!(!home.path().join(PART).exists(), "{what}: a part is left");
                let now = tree(home.path());
                if now != before {
                    case.goes_on(home.path(), &what);
                }
                before = now;
            } else {
                assert_eq!(content(home.path()).unwrap(), case.new, "{what}");
            }
        }
        assert!(refusals > 8, "{}: only {refusals} steps can be refused", case.what);
    }
}

#[test]
fn a_restore_and_a_salvage_end_what_the_other_began() {
    let (home, from) = data(false);
    damage(home.path());
    let stops: Rc<RefCell<Vec<TempDir>>> = Rc::default();
    let (seen, path) = (Rc::clone(&stops), home.path().to_owned());
    let look = move |_| {
        if interrupted(&path) {
            seen.borrow_mut().push(copy_of(&path));
        }
        Ok(())
    };
    looking(look, || salvage(home.path())).unwrap();
    let stops = stops.take();
    assert!(stops.len() > 4, "{}", stops.len());
    for stop in &stops {
        let refused = open(stop.path());
        assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
        let refused = backup::backup(stop.path(), &from.path().join("none"));
        assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
        restore(stop.path(), from.path()).unwrap();
        assert_eq!(content(stop.path()).unwrap().events.len(), 8);
        assert_eq!(kept(stop.path()), ["convene.db.damaged-20231114T221320Z"]);
    }
}

#[test]
fn a_new_database_comes_with_what_it_committed_last_or_not_at_all() {
    let (home, _) = data(true);
    damage(home.path());
    let before = fs::read(home.path().join("convene.db")).unwrap();
    let new = Salvage::begin(home.path(), now(), 9).unwrap();
    let store = SqliteStore::open(&new.dir(), now(), 1).unwrap();
    let refused = new.finish(now());
    assert!(matches!(refused, Err(Error::InUse { .. })), "{refused:?}");
    drop(store);
    assert!(fs::read(home.path().join("convene.db")).unwrap() == before, "the old one stays");
    assert!(!home.path().join(PART).exists());

    let new = Salvage::begin(home.path(), now(), 9).unwrap();
    let mut store = SqliteStore::open(&new.dir(), now(), 1).unwrap();
    store.commit(&events(13..=13)).unwrap();
    // Its last checkpoint fails: what it committed is in the WAL alone.
    store.suspect = true;
    drop(store);
    assert!(fs::metadata(new.dir().join("convene.db-wal")).unwrap().len() > 0);
    new.finish(now()).unwrap();
    assert_eq!(content(home.path()).unwrap().events, (1..=13).collect::<Vec<u64>>());
}

#[test]
fn a_writer_that_is_killed_while_it_closes_leaves_a_database_that_opens() {
    let (home, _) = data(true);
    let stops: Rc<RefCell<Vec<TempDir>>> = Rc::default();
    let (seen, path) = (Rc::clone(&stops), home.path().to_owned());
    let look = move |_| {
        seen.borrow_mut().push(copy_of(&path));
        Ok(())
    };
    let mut store = open(home.path()).unwrap();
    store.commit(&events(13..=20)).unwrap();
    looking(look, || drop(store));
    let stops = stops.take();
    assert_eq!(stops.len(), 4);
    for stop in stops.iter().map(|stop| copy_of(stop.path())).chain([home]) {
        let found = inspect(stop.path(), Duration::from_secs(60)).unwrap();
        assert_eq!(found.faults, Vec::<String>::new());
        assert_eq!(content(stop.path()).unwrap().events.len(), 20);
    }
    // What was said is true: nothing of the WAL is needed any more.
    let stop = &stops[2];
    fs::remove_file(stop.path().join("convene.db-wal")).unwrap();
    assert_eq!(content(stop.path()).unwrap().events.len(), 20);
}

#[test]
fn tokens_are_not_taken_over_where_a_revocation_may_be_lost() {
    // A frame of the WAL has gone bad, and whole ones follow.
    let (home, from) = data(false);
    let wal = home.path().join("convene.db-wal");
    let mut bytes = fs::read(&wal).unwrap();
    bytes[32 + 24 + 100] ^= 1;
    fs::write(&wal, bytes).unwrap();
    let restored = backup::restore(copy_of(home.path()).path(), &from.path().join("b"), Damage::Refused, now(), 9);
    assert_eq!(restored.unwrap().found().tokens, None, "as of the backup");
    let salvaged = Salvage::begin(home.path(), now(), 9).unwrap();
    assert_eq!(salvaged.found().tokens, None, "none at all");
    salvaged.finish(now()).unwrap();
    assert_eq!(content(home.path()).unwrap().tokens, Vec::<String>::new());

    let (home, from) = data(true);
    let restored = backup::restore(home.path(), &from.path().join("b"), Damage::Refused, now(), 9).unwrap();
    assert_eq!(restored.found().tokens, Some(2));
}

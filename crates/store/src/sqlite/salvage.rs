//! Makes a new database of every row of a damaged one that is as it was written.
//!
//! The rows are looked for page by page, so it does not matter which part of the old one no longer leads to them. What
//! follows from events is not made here: whoever folds them does, in [`Salvage::dir`], before [`Salvage::finish`] puts
//! the new database in the place of the old one, which stays beside it under another name.

mod pages;

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use convene_core::{
    Timestamp,
    ids::{SessionId, ThreadId},
};
use rusqlite::{Connection, params, types::ValueRef};

use self::pages::{Pages, Record};
use super::{
    inspect,
    lock::{self, Lock, State},
    open,
    sum::{self, Table},
    wal::Wal,
};
use crate::{Error, LogKey, SqliteStore, blobs, fail};

/// Where the new database is made, and where it is when it is whole.
pub(super) const PART: &str = "salvage.part";
const WHOLE: &str = "salvage";

/// A new database on its way to the place of a damaged one. Dropping it leaves the old one where it is.
#[derive(Debug)]
pub struct Salvage {
    home: PathBuf,
    lock: Lock,
    found: Found,
    /// What the old database is called: what became of it.
    fate: &'static str,
}

/// What was found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Found {
    /// Events.
    pub events: u64,
    /// Rows of sessions and threads; what has events and no row is in `names` alone.
    pub objects: u64,
    /// Tokens; `None` if the table could not be read, and there are none in the new database.
    pub tokens: Option<u64>,
    /// Logs with holes.
    pub lost: Vec<Lost>,
    /// Logs with events that no row of a session or thread knows of.
    pub stale: Vec<LogKey>,
    /// Whose logs they are, as far as anything tells.
    pub names: BTreeMap<LogKey, Name>,
}

/// A hole in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The log.
    pub log: LogKey,
    /// The events that are gone, by `seq`, each with a position that no other event has.
    pub places: Vec<(u64, u64)>,
}

/// Whose log it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// A session's.
    Session(SessionId),
    /// A thread's.
    Thread(ThreadId),
}

impl Salvage {
    /// Takes out of the database in `home` what can be taken. The new one gets the epoch `epoch_seed`, because positions
    /// of before may mean something else in it.
    ///
    /// # Errors
    /// `InUse` while a server runs, `Newer` if this build does not know the database, or if the disk refuses.
    pub fn begin(home: &Path, now: Timestamp, epoch_seed: u64) -> Result<Self, Error> {
        let lock = lock::lock(home)?;
        if home.join(WHOLE).join("convene.db").exists() {
            // An earlier one was interrupted when it was nearly over.
            return Ok(Self { home: home.to_owned(), lock, found: Found::default(), fate: "damaged" });
        }
        let source = home.join("convene.db");
        if let Err(newer @ Error::Newer { .. }) = inspect::readable(home, &source) {
            return Err(newer);
        }
        let part = home.join(PART);
        let said = |error| fail::io("making a new database", &part, error);
        match fs::remove_dir_all(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(said(error)),
            Ok(()) | Err(_) => {}
        }
        blobs::make_dir(&part, home).map_err(said)?;
        drop(SqliteStore::open(&part, now, epoch_seed)?);
        symlink("../blobs", part.join("blobs")).map_err(said)?;
        let found = fill(home, &source, &part)?;
        Ok(Self { home: home.to_owned(), lock, found, fate: "damaged" })
    }

    /// A database from a backup, on its way to its place.
    pub(super) fn restored(home: PathBuf, lock: Lock) -> Self {
        Self { home, lock, found: Found::default(), fate: "replaced" }
    }

    /// Where the new database is: a data directory of its own, with the files of the old one.
    pub fn dir(&self) -> PathBuf {
        self.home.join(PART)
    }

    /// What was found; nothing if an earlier salvage is only to be finished.
    pub const fn found(&self) -> &Found {
        &self.found
    }

    /// Whether there is something to be made of what was found.
    pub fn is_new(&self) -> bool {
        self.dir().exists()
    }

    /// Puts the new database in the place of the old one; tells where that one is now.
    ///
    /// # Errors
    /// If the disk refuses. What is done is done when it is called again.
    pub fn finish(self, now: Timestamp) -> Result<Vec<PathBuf>, Error> {
        let Self { home, lock, fate, .. } = self;
        let said = |error| fail::io("putting a new database in its place", &home, error);
        if home.join(PART).exists() {
            fs::remove_file(home.join(PART).join("blobs")).map_err(said)?;
            fs::rename(home.join(PART), home.join(WHOLE)).map_err(said)?;
            blobs::sync_dir(&home).map_err(said)?;
        }
        let day = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut kept = Vec::new();
        // First what must not be taken for a part of the new one.
        for ending in ["-wal", "-shm", ""] {
            let name = format!("convene.db{ending}");
            let aside = home.join(format!("convene.db.{fate}-{day}{ending}"));
            match fs::rename(home.join(&name), &aside) {
                Ok(()) if ending == "-shm" => fs::remove_file(&aside).map_err(said)?,
                Ok(()) => kept.push(aside),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(said(error)),
            }
        }
        lock.say(State::Closed).map_err(said)?;
        fs::rename(home.join(WHOLE).join("convene.db"), home.join("convene.db")).map_err(said)?;
        blobs::sync_dir(&home).map_err(said)?;
        fs::remove_dir_all(home.join(WHOLE)).map_err(said)?;
        kept.reverse();
        Ok(kept)
    }
}

/// Whether a salvage was interrupted when the new database was whole already.
pub(super) fn interrupted(home: &Path) -> bool {
    home.join(WHOLE).join("convene.db").exists()
}

/// Brings everything that is whole from one database to the other.
fn fill(home: &Path, source: &Path, part: &Path) -> Result<Found, Error> {
    let wal = Wal::read_what_is_sound(&home.join("convene.db-wal"))
        .map_err(|error| fail::io("reading the WAL", source, error))?;
    let pages = Pages::open(source, wal.as_ref()).map_err(|error| fail::io("reading the database", source, error))?;
    let target = part.join("convene.db");
    let failed = |error| fail::sql("making a new database", &target, error);
    let conn = open::writer(&target)?;
    // It is synced once, when it is whole.
    conn.pragma_update(None, "synchronous", "OFF").map_err(failed)?;
    let mut taken = Taken::default();
    let tx = conn.unchecked_transaction().map_err(failed)?;
    pages.each_record(|record| taken.row(&tx, record)).map_err(failed)?;
    taken.settle(&tx).map_err(failed)?;
    taken.found.tokens = tokens(home, source, &tx);
    tx.commit().map_err(failed)?;
    conn.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    if taken.found.events + taken.found.objects == 0 {
        let what = source.display().to_string();
        return Err(Error::Damaged { what, why: "no row of it can be read".to_owned() });
    }
    if open::put_away(&conn).map_err(failed)? {
        return Ok(taken.found);
    }
    Err(Error::InUse { path: part.to_owned() })
}

/// What was taken so far.
#[derive(Default)]
struct Taken {
    found: Found,
    last_pos: i64,
    last_key: i64,
}

impl Taken {
    /// Takes a record if it is a row.
    fn row(&mut self, to: &Connection, record: &Record) -> rusqlite::Result<()> {
        let Some(mut values) = record.values() else { return Ok(()) };
        self.name(record.key, &values);
        for table in sum::ALL {
            if values.len() != table.width + 1 {
                continue;
            }
            if let (Some(column), Some(key)) = (table.key, record.key)
                && let Some(value) = values.get_mut(column)
            {
                *value = ValueRef::Integer(key);
            }
            let Some((said, row)) = values.split_last() else { continue };
            if *said == ValueRef::Integer(table.sum(row.iter().copied())) {
                return self.put(to, table, row);
            }
        }
        Ok(())
    }

    fn put(&mut self, to: &Connection, table: Table, row: &[ValueRef<'_>]) -> rusqlite::Result<()> {
        let number = |column: usize| row.get(column).and_then(|value| value.as_i64().ok()).unwrap_or_default();
        // Which of several versions of a row counts; what is deleted or moved stays on a page for a while.
        let newest = match table {
            sum::SESSIONS => Some("pos"),
            sum::THREADS => Some("pos"),
            sum::SNAPSHOTS => Some("seq"),
            sum::META => return self.remember(row),
            // They are taken from the table itself, and not from what is left of rows that are revoked.
            sum::TOKENS => return Ok(()),
            _ => None,
        };
        let places: Vec<String> = (1..=row.len() + 1).map(|place| format!("?{place}")).collect();
        let mut sql = format!("INSERT INTO {} ({}, crc) VALUES ({})", table.name, table.columns, places.join(", "));
        if let Some(newest) = newest {
            let sets = table.columns.split(", ").chain(["crc"]).map(|name| format!("{name} = excluded.{name}"));
            let sets = sets.collect::<Vec<_>>().join(", ");
            sql += &format!(" ON CONFLICT (log) DO UPDATE SET {sets} WHERE excluded.{newest} > {newest}");
        } else {
            sql += " ON CONFLICT DO NOTHING";
        }
        to.prepare_cached(&sql)?.execute(table.sealed(row))?;
        match table {
            sum::EVENTS => self.last(number(0), number(1)),
            sum::SESSIONS => self.last(number(2), number(0)),
            sum::THREADS => self.last(number(1), number(0)),
            _ => {}
        }
        Ok(())
    }

    fn last(&mut self, pos: i64, key: i64) {
        self.last_pos = self.last_pos.max(pos);
        self.last_key = self.last_key.max(key);
    }

    /// The positions that were given stay given.
    fn remember(&mut self, row: &[ValueRef<'_>]) -> rusqlite::Result<()> {
        if let [ValueRef::Text(name), ValueRef::Text(value)] = row
            && let Some(value) = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok())
        {
            match *name {
                b"last_pos" => self.last(value, 0),
                b"last_key" => self.last(0, value),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whose log it is: an index of ids says so, and so does a row that is damaged elsewhere.
    fn name(&mut self, key: Option<i64>, values: &[ValueRef<'_>]) {
        let (text, log, sure) = match (values, key) {
            ([ValueRef::Text(text), ValueRef::Integer(log)], None) => (*text, *log, true),
            (values, Some(log)) if values.len() == sum::SESSIONS.width + 1 => match values.get(8) {
                Some(ValueRef::Text(text)) => (*text, log, false),
                _ => return,
            },
            (values, Some(log)) if values.len() == sum::THREADS.width + 1 => match values.get(5) {
                Some(ValueRef::Text(text)) => (*text, log, false),
                _ => return,
            },
            _ => return,
        };
        let Ok(text) = std::str::from_utf8(text) else { return };
        let session = || text.parse().map(Name::Session).ok();
        let Some(name) = session().or_else(|| text.parse().map(Name::Thread).ok()) else { return };
        if sure {
            self.found.names.insert(LogKey(log), name);
        } else {
            self.found.names.entry(LogKey(log)).or_insert(name);
        }
    }

    /// What can be said when all rows are there.
    fn settle(&mut self, to: &Connection) -> rusqlite::Result<()> {
        // What was deleted for good stays so.
        for table in ["events", "snapshots"] {
            to.execute(&format!("DELETE FROM {table} WHERE log IN (SELECT log FROM sessions WHERE deleted = 1)"), [])?;
        }
        sum::remember(to, "last_pos", &self.last_pos.to_string())?;
        sum::remember(to, "last_key", &self.last_key.to_string())?;
        let count = |sql: &str| to.query_row(sql, [], |row| row.get::<_, i64>(0));
        self.found.events = count("SELECT COUNT(*) FROM events")?.unsigned_abs();
        self.found.objects =
            count("SELECT (SELECT COUNT(*) FROM sessions) + (SELECT COUNT(*) FROM threads)")?.unsigned_abs();
        self.found.lost = lost(to)?;
        self.found.stale = stale(to)?;
        Ok(())
    }
}

/// The holes of all logs.
fn lost(conn: &Connection) -> rusqlite::Result<Vec<Lost>> {
    // A log begins with 1, and a session's ends where its row says.
    let mut holes = conn.prepare(
        "WITH ends AS (
            SELECT log, seq, pos FROM events
            UNION ALL SELECT log, seq + 1, pos + 1 FROM sessions
                WHERE deleted = 0 AND seq > COALESCE((SELECT MAX(seq) FROM events WHERE log = sessions.log), 0))
        SELECT log, before, seq, pos FROM
            (SELECT log, seq, pos, COALESCE(LAG(seq) OVER (PARTITION BY log ORDER BY seq), 0) AS before FROM ends)
        WHERE seq > before + 1 ORDER BY log, seq",
    )?;
    let mut taken = conn.prepare("SELECT 1 FROM events WHERE pos = ?1")?;
    let mut lost: Vec<Lost> = Vec::new();
    let mut rows = holes.query([])?;
    while let Some(row) = rows.next()? {
        let (log, before, behind, mut pos): (i64, i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let mut places = Vec::new();
        for seq in (before + 1..behind).rev() {
            pos -= 1;
            while pos > 0 && (taken.exists(params![pos])? || used(&lost, pos)) {
                pos -= 1;
            }
            if pos > 0 {
                places.push((seq.unsigned_abs(), pos.unsigned_abs()));
            }
        }
        places.reverse();
        match lost.last_mut().filter(|last| last.log == LogKey(log)) {
            Some(last) => last.places.extend(places),
            None => lost.push(Lost { log: LogKey(log), places }),
        }
    }
    Ok(lost)
}

/// Logs that go on behind what their row says, or have none.
fn stale(conn: &Connection) -> rusqlite::Result<Vec<LogKey>> {
    let mut logs = conn.prepare(
        "SELECT log FROM events LEFT JOIN sessions USING (log) WHERE log NOT IN (SELECT log FROM threads)
        GROUP BY log HAVING MAX(events.seq) > COALESCE(MAX(sessions.seq), 0) ORDER BY log",
    )?;
    logs.query_map([], |row| row.get(0).map(LogKey))?.collect()
}

fn used(lost: &[Lost], pos: i64) -> bool {
    lost.iter().flat_map(|lost| &lost.places).any(|(_, used)| *used == pos.unsigned_abs())
}

/// The tokens, from the table itself; none if any of it is unreadable.
fn tokens(home: &Path, source: &Path, to: &Connection) -> Option<u64> {
    let copy = || -> rusqlite::Result<u64> {
        let from = inspect::connect(home, source)?;
        let mut rows = from.prepare(&format!("SELECT {} FROM tokens", sum::TOKENS.checked()))?;
        let mut rows = rows.query([])?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            sum::TOKENS.check(row)?;
            let mut values = Vec::with_capacity(sum::TOKENS.width);
            for column in 0..sum::TOKENS.width {
                values.push(row.get_ref(column)?);
            }
            let places: Vec<String> = (1..=sum::TOKENS.width + 1).map(|place| format!("?{place}")).collect();
            let sql = format!("INSERT INTO tokens ({}, crc) VALUES ({})", sum::TOKENS.columns, places.join(", "));
            to.prepare_cached(&sql)?.execute(sum::TOKENS.sealed(&values))?;
            count += 1;
        }
        Ok(count)
    };
    match copy() {
        Ok(count) => Some(count),
        Err(error) => {
            tracing::warn!(%error, "the tokens cannot be read; new ones are needed");
            // Those that were read before are whole.
            None
        }
    }
}

//! Makes a new database of every row of a damaged one that is as it was written.
//!
//! The rows are looked for page by page, so it does not matter which part of the old one no longer leads to them. What
//! follows from events is not made here: whoever folds them does, in [`Salvage::dir`], before [`Salvage::finish`] puts
//! the new database in the place of the old one, which stays beside it under another name; see `exchange.rs`.

mod pages;

use std::{
    collections::{BTreeMap, BTreeSet},
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
    close, epochs,
    exchange::{Exchange, Fate},
    inspect, lock, open,
    sum::{self, Table},
    tokens,
    wal::Wal,
};
use crate::{Error, LogKey, SqliteStore, fail, steps};

/// A new database on its way to the place of another. Dropping it leaves the old one where it is.
#[derive(Debug)]
pub struct Salvage {
    exchange: Exchange,
    found: Found,
}

/// What was found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Found {
    /// Events.
    pub events: u64,
    /// Rows of sessions and threads; what has events and no row is in `names` alone.
    pub objects: u64,
    /// Tokens. `None` if it is not known which were revoked last: after a damage there are none in the new database then,
    /// and in one of a backup those that the backup has.
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
    /// of before may mean something else in it. If an earlier salvage or restore was interrupted when its database was
    /// whole, that one is only to be finished.
    ///
    /// # Errors
    /// `InUse` while a server runs, `Newer` if this build does not know the database, or if the disk refuses; nothing is
    /// left then.
    pub fn begin(home: &Path, now: Timestamp, epoch_seed: u64) -> Result<Self, Error> {
        let exchange = Exchange::begin(home, Fate::Damaged, now)?;
        if let Some(whole) = exchange.decided() {
            let found = count(&whole.join("convene.db"))?;
            return Ok(Self { exchange, found });
        }
        let source = exchange.old();
        if let Err(newer @ Error::Newer { .. }) = inspect::readable(&source) {
            return Err(newer);
        }
        let said = |error| fail::io("making a new database", home, error);
        let part = exchange.make_part().map_err(said)?;
        drop(SqliteStore::open(&part, now, epoch_seed)?);
        symlink("../blobs", part.join("blobs")).map_err(said)?;
        let found = fill(&source, &part, exchange.is_sound())?;
        steps::before("use").map_err(said)?;
        Ok(Self { exchange, found })
    }

    /// A database from a backup, on its way to its place.
    pub(super) const fn restored(exchange: Exchange, found: Found) -> Self {
        Self { exchange, found }
    }

    /// Where the new database is: a data directory of its own, with the files of the old one.
    pub fn dir(&self) -> PathBuf {
        self.exchange.part()
    }

    /// What was found; nothing but numbers if an earlier one is only to be finished.
    pub const fn found(&self) -> &Found {
        &self.found
    }

    /// Whether there is something to be made of what was found.
    pub fn is_new(&self) -> bool {
        self.dir().exists()
    }

    /// Puts the new database in the place of the old one; tells where that one is now. Nobody may have the new one open.
    ///
    /// # Errors
    /// If not all of the new one can be brought to the disk: the old one stays then. If the disk refuses later, the same
    /// again finishes it.
    pub fn finish(self, now: Timestamp) -> Result<Vec<PathBuf>, Error> {
        self.exchange.finish(now)
    }
}

/// What is in a database that is whole.
fn count(path: &Path) -> Result<Found, Error> {
    let failed = |error| fail::sql("reading a new database", path, error);
    let conn = inspect::connect(path).map_err(failed)?;
    let count = |table| {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        conn.query_row(&sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs).map_err(failed)
    };
    let objects = count("sessions")? + count("threads")?;
    Ok(Found { events: count("events")?, objects, tokens: Some(count("tokens")?), ..Found::default() })
}

/// Brings everything that is whole from one database to the other.
fn fill(source: &Path, part: &Path, sound: bool) -> Result<Found, Error> {
    let wal = Wal::read_what_is_sound(&source.with_file_name("convene.db-wal"))
        .map_err(|error| fail::io("reading the WAL", source, error))?;
    let pages = Pages::open(source, wal.as_ref()).map_err(|error| fail::io("reading the database", source, error))?;
    let target = part.join("convene.db");
    let failed = |error| fail::sql("making a new database", &target, error);
    let lock = lock::lock(part)?;
    let conn = open::writer(&target)?;
    // It is synced once, when it is whole.
    conn.pragma_update(None, "synchronous", "OFF").map_err(failed)?;
    let mut taken = Taken::default();
    let tx = conn.unchecked_transaction().map_err(failed)?;
    pages.each_record(|record| taken.row(&tx, record)).map_err(failed)?;
    taken.settle(&tx).map_err(failed)?;
    epochs::go_on(source, &taken.epochs, &tx).map_err(failed)?;
    // Behind a damage of the WAL there may be that one was revoked.
    taken.found.tokens = if sound { tokens::copy(source, &tx).map_err(failed)? } else { None };
    tx.commit().map_err(failed)?;
    conn.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    if taken.found.events + taken.found.objects == 0 {
        let what = source.display().to_string();
        return Err(Error::Damaged { what, why: "no row of it can be read".to_owned() });
    }
    // Who folds it has no WAL to read.
    close::close(&conn, &target, &lock)?;
    Ok(taken.found)
}

/// What was taken so far.
#[derive(Default)]
struct Taken {
    found: Found,
    epochs: BTreeSet<u64>,
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
                b"epoch" => drop(self.epochs.insert(value.unsigned_abs())),
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

//! Looks at a database without touching it: for a doctor, whether a server runs or not.

use std::{
    collections::HashMap,
    path::Path,
    time::{Duration, Instant},
};

use convene_core::ids::SessionId;
use rusqlite::{Connection, OpenFlags};

use super::{
    check::{self, Quick},
    columns, exchange, lock, schema, sum,
};
use crate::Error;

/// From so many events on a log is told as large.
pub const LARGE_LOG: u64 = 1_000_000;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspected {
    /// Whether there is a database.
    pub exists: bool,
    /// Whether all of it was looked at; a large one takes longer than there was time.
    pub whole: bool,
    /// What is wrong with it, in SQLite's words; at most the first three.
    pub faults: Vec<String>,
    /// Sessions with events that cannot be read, with how many those are.
    pub damaged: Vec<(SessionId, u64)>,
    /// Sessions with more than [`LARGE_LOG`] events, with how many.
    pub large: Vec<(SessionId, u64)>,
}

/// Looks at the database in a data directory for at most `within`.
///
/// # Errors
/// `Newer`; `Damaged` if it is none or cannot be read as one; `Failed` if the system refuses.
pub fn inspect(dir: &Path, within: Duration) -> Result<Inspected, Error> {
    let path = dir.join("convene.db");
    let damaged = |why: &str| Err(Error::Damaged { what: path.display().to_string(), why: why.to_owned() });
    if exchange::interrupted(dir) {
        return damaged("putting a new one in its place was interrupted");
    }
    if !path.exists() {
        if lock::state(dir) != lock::State::New || dir.join("blobs").exists() {
            return damaged("it is gone, but what is beside it belongs to a database");
        }
        return Ok(Inspected::default());
    }
    let failed = |error| crate::fail::sql("looking at the database", &path, error);
    let conn = connect(&path).map_err(failed)?;
    schema::readable(&conn, &path)?;
    let until = Instant::now() + within;
    let Quick { mut whole, mut faults } = check::quick(&conn, within).map_err(failed)?;
    if faults.is_empty() {
        faults.extend(check::files(dir, lock::state(dir)).and_then(|()| check::wal(dir)).err().map(why));
        faults.extend(check::rows(&conn, &path).err().map(why));
    }
    let mut damaged = Vec::new();
    if faults.is_empty() {
        let ended;
        (damaged, ended) = damaged_logs(&conn, until).map_err(failed)?;
        whole &= ended;
    }
    let large = large_logs(&conn).map_err(failed)?;
    Ok(Inspected { exists: true, whole, faults, damaged, large })
}

/// Whether this build knows the database.
pub(super) fn readable(path: &Path) -> Result<(), Error> {
    let conn = connect(path).map_err(|error| crate::fail::sql("looking at the database", path, error))?;
    schema::readable(&conn, path)
}

/// A connection that makes no file. Beside a WAL it reads as any other reader; without one nobody has the database open,
/// and it is read as a file that nobody changes.
pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let beside = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        Path::new(&name).exists()
    };
    let in_use = beside("-wal") || beside("-shm");
    let conn = if in_use {
        Connection::open_with_flags(path, flags)?
    } else {
        Connection::open_with_flags(format!("file:{}?immutable=1", escaped(path)), flags)?
    };
    conn.busy_timeout(Duration::from_millis(500))?;
    conn.pragma_update(None, "query_only", true)?;
    Ok(conn)
}

/// A path in an address, where three characters mean something else.
fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

fn why(error: Error) -> String {
    match error {
        Error::Damaged { what, why } => format!("{what}: {why}"),
        error => error.to_string(),
    }
}

/// Logs with events that are not as they were written, or missing, as far as there is time to look; and whether there
/// was.
fn damaged_logs(conn: &Connection, until: Instant) -> rusqlite::Result<(Vec<(SessionId, u64)>, bool)> {
    // A server may write meanwhile.
    let conn = conn.unchecked_transaction()?;
    let mut whole: HashMap<i64, u64> = HashMap::new();
    let mut events = conn.prepare(&format!("SELECT {} FROM events", sum::EVENTS.checked()))?;
    let mut rows = events.query([])?;
    let mut looked: u64 = 0;
    while let Some(row) = rows.next()? {
        looked += 1;
        if looked.is_multiple_of(1024) && Instant::now() > until {
            return Ok((Vec::new(), false));
        }
        if sum::EVENTS.check(row).is_ok() {
            *whole.entry(row.get(1)?).or_default() += 1;
        }
    }
    let mut sessions = conn.prepare(&format!("SELECT {} FROM sessions WHERE deleted = 0", sum::SESSIONS.checked()))?;
    let mut damaged = Vec::new();
    for row in sessions.query_map([], columns::session)? {
        let row = row?;
        let there = whole.get(&row.log.0).copied().unwrap_or_default();
        if there < row.seq {
            damaged.push((row.id, row.seq - there));
        }
    }
    Ok((damaged, true))
}

fn large_logs(conn: &Connection) -> rusqlite::Result<Vec<(SessionId, u64)>> {
    let mut query = conn.prepare("SELECT id, seq FROM sessions WHERE deleted = 0 AND seq > ?1 ORDER BY seq DESC")?;
    let rows = query.query_map([i64::try_from(LARGE_LOG).unwrap_or(i64::MAX)], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
    })?;
    let mut large = Vec::new();
    for row in rows {
        let (id, seq) = row?;
        if let Ok(id) = id.parse() {
            large.push((id, u64::try_from(seq).unwrap_or(0)));
        }
    }
    Ok(large)
}

#[cfg(test)]
#[path = "inspect_tests.rs"]
mod tests;

//! What is looked at before a database is used: files that belong together, the pages, and the rows by which everything
//! else is found. Events are checked as they are read.

use std::{
    fs, io,
    path::Path,
    sync::mpsc::{RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

use rusqlite::{Connection, ErrorCode};

use super::{
    lock::State,
    salvage,
    sum::{self, Table},
    wal::Wal,
};
use crate::{Error, fail};

/// How long the pages are looked at when a database is opened.
const AT_OPENING: Duration = Duration::from_millis(300);

/// The size up to which they are, in bytes. Of a larger database there is no time for more than a part, for which
/// everybody would wait after each crash; the doctor looks at all of it.
const LOOKED_AT_OPENING: u64 = 64 << 20;

/// Lists, look-ups and positions come from these.
const BOOKS: [Table; 4] = [sum::META, sum::SESSIONS, sum::THREADS, sum::TOKENS];

/// The WAL is there if there should be one, and no part of it has gone bad.
pub(super) fn files(dir: &Path, left: State) -> Result<(), Error> {
    let path = dir.join("convene.db-wal");
    let damaged = |why: String| Err(Error::Damaged { what: path.display().to_string(), why });
    if salvage::interrupted(dir) {
        let what = dir.join("convene.db").display().to_string();
        return Err(Error::Damaged { what, why: "making a new one of it was interrupted".to_owned() });
    }
    match Wal::read(&path) {
        Ok(None) if left == State::Open => {
            damaged("it is empty or gone, and the last writer was killed: what it committed last was in it".to_owned())
        }
        Ok(None) => Ok(()),
        Ok(Some(wal)) => match wal.damage() {
            Some(frame) => damaged(format!("frame {frame} does not fit its checksum, and whole ones follow")),
            None => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::InvalidData => damaged("its header is none".to_owned()),
        Err(error) => Err(fail::io("reading the WAL", &path, error)),
    }
}

/// The pages hold together, as far as there is time to look.
pub(super) fn pages(conn: &Connection, path: &Path) -> Result<(), Error> {
    if fs::metadata(path).is_ok_and(|meta| meta.len() > LOOKED_AT_OPENING) {
        return Ok(());
    }
    let looked = quick(conn, AT_OPENING).map_err(|error| fail::sql("checking the database", path, error))?;
    told(path, &looked.faults)
}

/// All pages hold together, and the rows of the small tables are as they were written.
pub(super) fn whole(conn: &Connection, path: &Path) -> Result<(), Error> {
    let looked = quick(conn, Duration::MAX).map_err(|error| fail::sql("checking the database", path, error))?;
    told(path, &looked.faults)?;
    rows(conn, path)
}

/// The rows of the small tables are as they were written, and their indexes fit them.
pub(super) fn rows(conn: &Connection, path: &Path) -> Result<(), Error> {
    let failed = |error| fail::sql("checking the database", path, error);
    for table in BOOKS {
        told(path, &integrity(conn, table).map_err(failed)?)?;
        let mut rows = conn.prepare(&format!("SELECT {} FROM {}", table.checked(), table.name)).map_err(failed)?;
        let mut rows = rows.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            table.check(row).map_err(failed)?;
        }
    }
    Ok(())
}

fn told(path: &Path, faults: &[String]) -> Result<(), Error> {
    if faults.is_empty() {
        return Ok(());
    }
    Err(Error::Damaged { what: path.display().to_string(), why: faults.join("; ") })
}

fn integrity(conn: &Connection, table: Table) -> rusqlite::Result<Vec<String>> {
    let mut check = conn.prepare(&format!("PRAGMA integrity_check({})", table.name))?;
    let lines = check.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").take(3).collect())
}

/// What SQLite's own check found.
pub(super) struct Quick {
    /// Whether it came to its end.
    pub(super) whole: bool,
    /// At most three.
    pub(super) faults: Vec<String>,
}

/// SQLite's own check of all pages, for at most so long.
pub(super) fn quick(conn: &Connection, within: Duration) -> rusqlite::Result<Quick> {
    let interrupt = conn.get_interrupt_handle();
    // Told once, when the check is over.
    let (over, end) = sync_channel::<()>(1);
    thread::scope(|scope| {
        let timer = move || {
            if end.recv_timeout(within) == Err(RecvTimeoutError::Timeout) {
                interrupt.interrupt();
            }
        };
        scope.spawn(timer);
        let found = conn.prepare("PRAGMA quick_check(3)").and_then(|mut check| {
            let rows = check.query_map([], |row| row.get::<_, String>(0))?;
            rows.collect::<rusqlite::Result<Vec<String>>>()
        });
        drop(over);
        match found {
            Ok(lines) => Ok(Quick { whole: true, faults: lines.into_iter().filter(|line| line != "ok").collect() }),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                Ok(Quick { whole: false, faults: Vec::new() })
            }
            Err(error) => Err(error),
        }
    })
}

//! What is looked at before a database is used: files that belong together, the pages, and the rows by which everything
//! else is found. Events are checked as they are read.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::mpsc::{self, RecvTimeoutError, sync_channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, InterruptHandle};

use super::{
    exchange,
    lock::State,
    open,
    sum::{self, Table},
    wal::{self, Condition},
};
use crate::{Error, fail};

/// How long the pages are looked at when a database is opened.
const AT_OPENING: Duration = Duration::from_millis(300);

/// The size up to which a database is looked at before it is used, in bytes. After a crash everybody would wait for a look
/// at a larger one: its rows are looked at beside its use, and its pages by the doctor.
const LOOKED_AT_OPENING: u64 = 64 << 20;

/// Lists, look-ups and positions come from these.
const BOOKS: [Table; 4] = [sum::META, sum::SESSIONS, sum::THREADS, sum::TOKENS];

/// The files that belong together are there.
pub(super) fn files(dir: &Path, left: State) -> Result<(), Error> {
    if exchange::interrupted(dir) {
        let what = dir.join("convene.db").display().to_string();
        return Err(Error::Damaged { what, why: "making a new one of it was interrupted".to_owned() });
    }
    let path = dir.join("convene.db-wal");
    if left == State::Open && wal::is_empty(&path).map_err(|error| fail::io("reading the WAL", &path, error))? {
        let why = "it is empty or gone, and the last writer was killed: what it committed last was in it".to_owned();
        return Err(Error::Damaged { what: path.display().to_string(), why });
    }
    Ok(())
}

/// No part of the WAL has gone bad.
pub(super) fn wal(dir: &Path) -> Result<(), Error> {
    let path = dir.join("convene.db-wal");
    let damaged = |why: String| Err(Error::Damaged { what: path.display().to_string(), why });
    match wal::look(&path).map_err(|error| fail::io("reading the WAL", &path, error))? {
        Condition::Empty | Condition::Sound => Ok(()),
        Condition::Bad(frame) => damaged(format!("frame {frame} does not fit its checksum, and whole ones follow")),
        Condition::NoHeader => damaged("its header is none".to_owned()),
    }
}

/// Whether there is no time to look at a database before it is used.
pub(super) fn is_large(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.len() > LOOKED_AT_OPENING)
}

/// The pages hold together, as far as there is time to look.
pub(super) fn pages(conn: &Connection, path: &Path) -> Result<(), Error> {
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

/// A look at the rows of the small tables that goes on while the database is used.
pub(super) struct Look {
    interrupt: InterruptHandle,
    thread: JoinHandle<()>,
}

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Look").field("over", &self.thread.is_finished()).finish_non_exhaustive()
    }
}

impl Look {
    /// Begins it. What it finds is sent, at most once.
    pub(super) fn begin(path: PathBuf, findings: mpsc::Sender<Error>) -> Result<Self, Error> {
        let failed = |error| fail::sql("checking the database", &path, error);
        let conn = open::reader(&path).map_err(failed)?;
        let interrupt = conn.get_interrupt_handle();
        let of = path.clone();
        let look = move || match rows(&conn, &of) {
            Ok(()) => tracing::debug!(path = %of.display(), "the rows are as they were written"),
            // Whoever asked may be gone.
            Err(error @ Error::Damaged { .. }) => drop(findings.send(error)),
            Err(error) => tracing::debug!(path = %of.display(), %error, "the rows were not all looked at"),
        };
        let thread = thread::Builder::new().name("checking".to_owned()).spawn(look);
        let thread = thread.map_err(|error| fail::io("checking the database", &path, error))?;
        Ok(Self { interrupt, thread })
    }

    pub(super) fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Ends it, wherever it is.
    pub(super) fn end(self) {
        self.interrupt.interrupt();
        if self.thread.join().is_err() {
            tracing::error!("the thread that checks the database panicked");
        }
    }
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

//! The default store: one SQLite database in WAL mode, durable at every commit.
//!
//! One connection writes, on the caller's thread; a few others read and never hold it up. After a failure of the disk
//! the writer is not trusted: the next commit opens a new one and goes on only if it finds what was last committed.

pub mod backup;
mod check;
mod checkpoint;
mod close;
mod columns;
mod epochs;
mod exchange;
mod inspect;
mod lock;
mod log;
mod open;
mod pool;
mod raw;
mod read;
mod room;
pub mod salvage;
mod schema;
mod sum;
mod tokens;
mod wal;
mod write;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
};

use convene_core::Timestamp;
use rusqlite::Connection;

pub use inspect::{Inspected, LARGE_LOG, inspect};
pub use read::SqliteReader;

use crate::{Error, EventRow, Group, LogKey, OpenInfo, Store, blobs::Blobs, fail, reserve::Reserve};

/// Data of events above this goes to a file, so that pages stay small and a log is cheap to walk.
const LARGE: usize = 64 * 1024;

/// The writer of a SQLite database.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    writer: Connection,
    checkpoints: checkpoint::Checkpoints,
    /// Goes on while the store is used, where it is large.
    look: Option<check::Look>,
    findings: Option<mpsc::Receiver<Error>>,
    /// The writer met a failure of the disk: nothing it says counts any more.
    suspect: bool,
    /// As of the last commit.
    info: OpenInfo,
    pool: Arc<pool::Pool>,
    blobs: Blobs,
    reserve: Reserve,
    /// Held as long as the store is open: there is one writer.
    lock: lock::Lock,
}

impl SqliteStore {
    /// Opens the database in `dir`, or makes one if there is none.
    ///
    /// `epoch_seed` becomes the epoch of a new one.
    ///
    /// # Errors
    /// `Newer`, `ReadOnly`, `Full`, `Damaged` or `InUse`; the files that are there are left as they are then.
    pub fn open(dir: &Path, now: Timestamp, epoch_seed: u64) -> Result<Self, Error> {
        let opened = open::open(dir, now, epoch_seed)?;
        let blobs = Blobs::open(dir);
        let (found, findings) = mpsc::channel();
        let doubt = checkpoint::Doubt::none(opened.path.clone(), found.clone());
        let look = if opened.large { Some(check::Look::begin(opened.path.clone(), found)?) } else { None };
        Ok(Self {
            look,
            findings: Some(findings),
            pool: Arc::new(pool::Pool::new(opened.path.clone(), blobs.clone())),
            path: opened.path,
            writer: opened.writer,
            checkpoints: checkpoint::Checkpoints::new(doubt),
            suspect: false,
            info: opened.info,
            blobs,
            reserve: Reserve::open(dir),
            lock: opened.lock,
        })
    }

    /// What is found while the database is used: by the look at a large one, which goes on meanwhile, or where pages cannot
    /// be synced. Who is told should use it no further, and open it in a new process.
    pub const fn findings(&mut self) -> Option<mpsc::Receiver<Error>> {
        self.findings.take()
    }

    /// Whether the look at a large database is over; of another one there is none.
    pub fn is_looked_at(&self) -> bool {
        self.look.as_ref().is_none_or(check::Look::is_over)
    }

    /// The files beside the database.
    pub fn blobs(&self) -> Blobs {
        self.blobs.clone()
    }

    /// Puts a new connection in the place of one that met a failure of the disk.
    ///
    /// The new one is opened before the old one is closed, so that SQLite's shared index of the WAL lives on: what
    /// the failed transaction may have left in the file is not in it, and is overwritten by the next commit.
    fn trust_again(&mut self) -> Result<(), Error> {
        if !self.suspect {
            return Ok(());
        }
        let writer = open::writer(&self.path)?;
        let found = open::info(&writer).map_err(|error| fail::sql("verifying the database", &self.path, error))?;
        if found != self.info {
            return Err(Error::Damaged {
                what: self.path.display().to_string(),
                why: format!(
                    "after a failed commit it is at position {}, where {} was the last that succeeded",
                    found.last_pos, self.info.last_pos
                ),
            });
        }
        self.writer = writer;
        self.suspect = false;
        tracing::warn!(path = %self.path.display(), "reopened the database after a failure");
        Ok(())
    }

    /// Says what failed, and no longer trusts the writer if the disk did.
    fn failed(&mut self, doing: &'static str, error: rusqlite::Error) -> Error {
        self.suspect = !fail::connection_is_sound(&error) || !self.writer.is_autocommit();
        if raw::has_no_room(&self.writer, &error) {
            return Error::Full { path: self.path.clone(), source: error.into() };
        }
        fail::sql(doing, &self.path, error)
    }

    /// Whether there is a database beside this one that was put aside, and may refer to files that this one does not.
    fn keeps_another(&self) -> bool {
        self.path.parent().is_none_or(exchange::keeps_another)
    }

    /// Brings the data that is too large for rows to files; the result is aligned with `events`, or empty if there is
    /// nothing large.
    fn keep_large(&self, events: &[EventRow]) -> Result<Vec<Option<String>>, Error> {
        if events.iter().all(|event| event.data.len() <= LARGE) {
            return Ok(Vec::new());
        }
        events
            .iter()
            .map(
                |event| {
                    if event.data.len() > LARGE { self.blobs.put(event.data.as_bytes()).map(Some) } else { Ok(None) }
                },
            )
            .collect()
    }
}

impl Store for SqliteStore {
    type Reader = SqliteReader;

    fn reader(&self) -> SqliteReader {
        SqliteReader::new(Arc::clone(&self.pool))
    }

    fn info(&self) -> OpenInfo {
        self.info
    }

    fn tidy(&mut self, chore: crate::Chore) -> Result<bool, Error> {
        self.trust_again()?;
        self.do_chore(chore).map_err(|error| self.failed("giving room back", error))
    }

    fn commit(&mut self, group: &Group) -> Result<(), Error> {
        if group.is_empty() {
            return Ok(());
        }
        self.trust_again()?;
        let files = self.keep_large(&group.events)?;
        let info = after(self.info, group);
        match write::group(&mut self.writer, group, &files, info) {
            Ok(orphans) => {
                self.info = info;
                if let Err(error) = self.checkpoints.after_commit(&self.writer) {
                    // The group is committed all the same.
                    self.suspect = !fail::connection_is_sound(&error);
                    tracing::warn!(path = %self.path.display(), %error, "cannot move pages from the WAL");
                }
                if !orphans.is_empty() && !self.keeps_another() {
                    for hash in &orphans {
                        self.blobs.remove(hash);
                    }
                }
                Ok(())
            }
            Err(error) => Err(self.failed("committing", error)),
        }
    }

    fn spend_reserve(&mut self) {
        self.reserve.spend();
    }

    fn recover(&mut self) -> Result<(), Error> {
        self.reserve.take().map_err(|error| fail::io("looking for room", &self.path, error))?;
        self.trust_again()
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.checkpoints.end();
        if let Some(look) = self.look.take() {
            look.end();
        }
        // After a failure the WAL is left for the next writer, as after a crash.
        if self.suspect || self.checkpoints.doubt.is_raised() {
            return;
        }
        if let Err(error) = close::close(&self.writer, &self.path, &self.lock) {
            tracing::warn!(path = %self.path.display(), %error, "the WAL stays");
        }
    }
}

/// What the writer goes on from after a group.
fn after(info: OpenInfo, group: &Group) -> OpenInfo {
    let pos = (group.events.iter().map(|row| row.pos))
        .chain(group.sessions.iter().map(|row| row.pos))
        .chain(group.threads.iter().map(|row| row.pos));
    let key = (group.events.iter().map(|row| row.log))
        .chain(group.sessions.iter().map(|row| row.log))
        .chain(group.threads.iter().map(|row| row.log));
    OpenInfo {
        epoch: info.epoch,
        last_pos: pos.fold(info.last_pos, u64::max),
        last_key: key.fold(info.last_key, LogKey::max),
    }
}

#[cfg(test)]
#[path = "sqlite_tests.rs"]
mod tests;

//! A few connections that read, opened when they are needed.

use std::{
    path::{Path, PathBuf},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use rusqlite::Connection;

use super::open;
use crate::{Error, blobs::Blobs, fail};

/// More than the cores of a small machine can use, and each has a page cache.
const CONNECTIONS: usize = 4;

/// Shared by all readers of a database.
#[derive(Debug)]
pub(super) struct Pool {
    path: PathBuf,
    blobs: Blobs,
    state: Mutex<State>,
    /// A connection came back, or there is room for another.
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Connection>,
    /// Idle ones and those in use.
    open: usize,
}

impl Pool {
    pub(super) fn new(path: PathBuf, blobs: Blobs) -> Self {
        Self { path, blobs, state: Mutex::default(), freed: Condvar::new() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Reads with a connection, waiting for one if all are in use.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        let mut lease = self.lease()?;
        let result = lease.conn.as_ref().map_or_else(|| Err(self.gone()), read);
        if result.is_err() {
            // What a failure of the disk left in its cache is not for the next reader.
            lease.conn = None;
        }
        result
    }

    fn lease(&self) -> Result<Lease<'_>, Error> {
        let mut state = self.state();
        loop {
            if let Some(conn) = state.idle.pop() {
                return Ok(Lease { pool: self, conn: Some(conn) });
            }
            if state.open < CONNECTIONS {
                state.open += 1;
                drop(state);
                // From here on the lease gives the room back, also if there is no connection.
                let mut lease = Lease { pool: self, conn: None };
                let conn = open::reader(&self.path);
                lease.conn = Some(conn.map_err(|error| fail::sql("opening the database", &self.path, error))?);
                return Ok(lease);
            }
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gone(&self) -> Error {
        Error::Damaged { what: self.path.display().to_string(), why: "no connection".to_owned() }
    }
}

struct Lease<'a> {
    pool: &'a Pool,
    /// `None`: it is not to be used again.
    conn: Option<Connection>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let conn = self.conn.take();
        let mut state = self.pool.state();
        match conn {
            Some(conn) if !std::thread::panicking() => state.idle.push(conn),
            Some(_) | None => state.open -= 1,
        }
        drop(state);
        self.pool.freed.notify_one();
    }
}

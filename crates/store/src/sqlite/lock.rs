//! The lock of a data directory: one writer, and whether the last one put everything away.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use crate::{Error, fail};

/// Held as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock(File);

/// What the last writer left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// There was none.
    New,
    /// A database with a WAL that belongs to it: it is in use, or its writer was killed.
    Open,
    /// A database that is whole without a WAL.
    Closed,
}

/// Takes the lock.
///
/// It is a file of its own: closing any descriptor of the database would drop SQLite's own locks on it.
pub(crate) fn lock(dir: &Path) -> Result<Lock, Error> {
    let path = dir.join("convene.db.lock");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| fail::io("locking the data directory", &path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { path: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(fail::io("locking the data directory", &path, error)),
    }
}

/// What the last writer said, without a lock; it may write at this moment.
pub(crate) fn state(dir: &Path) -> State {
    read(std::fs::read_to_string(dir.join("convene.db.lock")))
}

/// A word that nobody writes counts as one of somebody who wrote.
fn read(said: io::Result<String>) -> State {
    match said {
        Ok(text) if text.trim().is_empty() => State::New,
        Ok(text) if text.trim() == "open" => State::Open,
        Err(error) if error.kind() == io::ErrorKind::NotFound => State::New,
        Ok(_) | Err(_) => State::Closed,
    }
}

impl Lock {
    /// What the last writer said.
    pub(crate) fn state(&self) -> State {
        let mut text = String::new();
        let mut file = &self.0;
        read(file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_string(&mut text)).map(|_| text))
    }

    /// Says it to the next writer.
    pub(crate) fn say(&self, state: State) -> io::Result<()> {
        if self.state() == state {
            return Ok(());
        }
        let text = match state {
            State::New => "",
            State::Open => "open\n",
            State::Closed => "closed\n",
        };
        let mut file = &self.0;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(text.as_bytes())?;
        file.set_len(text.len() as u64)?;
        file.sync_all()
    }
}

//! Which directory holds a worker's run directories, so that two workers of one machine never take each other's.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

/// Names the worker that a directory belongs to.
const OWNER: &str = ".worker";
/// Held by the worker's process.
const LOCK: &str = ".worker.lock";

/// Why a worker cannot use a directory.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process looks after the run directories.
    #[error("another worker looks after {}", root.display())]
    Taken {
        /// The directory.
        root: PathBuf,
    },
    /// The system refused.
    #[error("cannot use {}", root.display())]
    Io {
        /// The directory.
        root: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The lock on a worker's run directories; closing it gives it back, also when the process is killed.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held, not used")] File);

/// The directory of a worker in a data directory: `run` for the first one there, `run-NAME` for others. The same one
/// each time, because it remembers whose it is.
///
/// # Errors
/// If the directory cannot be made or read.
pub fn of(data_dir: &Path, name: &str) -> io::Result<PathBuf> {
    let first = data_dir.join("run");
    DirBuilder::new().recursive(true).mode(0o700).create(&first)?;
    let owner = first.join(OWNER);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&owner) {
        Ok(mut file) => file.write_all(name.as_bytes())?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let mut whose = String::new();
    File::open(&owner)?.read_to_string(&mut whose)?;
    // Empty: its writer died between making and writing it, and nobody uses the directory.
    if whose.is_empty() {
        fs::write(&owner, name)?;
    }
    Ok(if whose.is_empty() || whose == name { first } else { data_dir.join(format!("run-{}", file_name(name))) })
}

/// A name as a part of a file's name.
fn file_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' }).collect()
}

/// Takes the run directories for this process.
///
/// # Errors
/// If another process has them, or the directory cannot be made.
pub fn lock(root: &Path) -> Result<Lock, Error> {
    let io_error = |source: io::Error| Error::Io { root: root.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(io_error)?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(root.join(LOCK));
    let file = file.map_err(io_error)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Lock(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::Taken { root: root.to_owned() }),
        Err(error) => Err(io_error(error.into())),
    }
}

#[cfg(test)]
#[path = "root_tests.rs"]
mod tests;

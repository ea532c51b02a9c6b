//! What is done to directories in several steps, one step at a time. In tests somebody may look before each of them at
//! what a kill would leave, or have it refused.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use crate::blobs;

/// The instant before a step.
#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "in tests it may be refused")]
pub(crate) const fn before(_step: &'static str) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(crate) use tests::before;

/// Renames a file or directory, unless it is not there; tells whether it was.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<bool> {
    before("rename")?;
    found(fs::rename(from, to))
}

/// Removes a file, if it is there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    before("remove")?;
    found(fs::remove_file(path)).map(drop)
}

/// Removes a directory with all that is in it, if it is there.
pub(crate) fn clear(dir: &Path) -> io::Result<()> {
    before("clear")?;
    found(fs::remove_dir_all(dir)).map(drop)
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    before("sync")?;
    blobs::sync_dir(dir)
}

/// Writes a file, durably but for its entry.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    before("write")?;
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn found(done: io::Result<()>) -> io::Result<bool> {
    match done {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[path = "steps_tests.rs"]
pub(crate) mod tests;

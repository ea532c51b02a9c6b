//! One server for each data directory: a locked file with the process id of its holder.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use rustix::fs::{FlockOperation, flock};

use crate::error::ServeError;

/// The lock; it is held for as long as this lives, and ends with the process whatever happens to it.
pub struct DataLock {
    file: File,
}

impl Drop for DataLock {
    /// An orderly end takes its name out; a name that is left says that its process was killed.
    fn drop(&mut self) {
        if let Err(error) = self.file.set_len(0) {
            tracing::debug!(error = %error, "the lock keeps the name of this process");
        }
    }
}

/// Makes the data directory and takes its lock.
pub fn take(dir: &Path) -> Result<DataLock, ServeError> {
    if !dir.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(ServeError::files(dir))?;
    }
    let path = dir.join("server.lock");
    let failed = || ServeError::files(&path);
    // Not truncated on opening: the holder's process id is in it.
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(&path).map_err(failed())?;
    if let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
        if error != rustix::io::Errno::WOULDBLOCK {
            return Err(failed()(error.into()));
        }
        let mut text = String::new();
        // Who holds it is only for the message.
        let _unread = file.read_to_string(&mut text);
        return Err(ServeError::AlreadyRunning { pid: text.trim().parse().unwrap_or(0) });
    }
    file.set_len(0).map_err(failed())?;
    file.rewind().map_err(failed())?;
    writeln!(file, "{}", std::process::id()).map_err(failed())?;
    Ok(DataLock { file })
}

//! Room that is kept for a full disk: a file that is given up when a commit finds none, so that what ends things can
//! still be written, and taken back once there is room again.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// How much is kept, in bytes: some fifty ends of sessions.
const SIZE: u64 = 2 << 20;

/// How much must be free beside it before it is said that there is room again, in bytes. Without it a disk would be full
/// and not full by turns.
const HEADROOM: u64 = 1 << 20;

/// The file, if there was room for it.
#[derive(Debug)]
pub(crate) struct Reserve {
    path: PathBuf,
}

impl Reserve {
    /// The reserve of a data directory, taken if there is room. A disk that has none to spare goes without one.
    pub(crate) fn open(dir: &Path) -> Self {
        let reserve = Self { path: dir.join("reserve") };
        let kept = fs::metadata(&reserve.path).is_ok_and(|meta| meta.len() == SIZE);
        if !kept && let Err(error) = reserve.take() {
            tracing::warn!(error = %error, "there is no room for a reserve");
        }
        reserve
    }

    /// Gives the room up.
    pub(crate) fn spend(&self) {
        // It may be spent already.
        let _ = fs::remove_file(&self.path);
    }

    /// Takes the room back, if there is enough of it and some more.
    pub(crate) fn take(&self) -> io::Result<()> {
        let taken = self.fill().and_then(|file| file.set_len(SIZE));
        if taken.is_err() {
            self.spend();
        }
        taken
    }

    fn fill(&self) -> io::Result<File> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.path)?;
        allocate(&file, SIZE + HEADROOM)?;
        Ok(file)
    }
}

/// Takes blocks of the disk, not only a size.
#[cfg(target_os = "linux")]
fn allocate(file: &File, size: u64) -> io::Result<()> {
    use rustix::{fs::FallocateFlags, io::Errno};
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, size) {
        Err(Errno::OPNOTSUPP) => write_zeros(file, size),
        result => Ok(result?),
    }
}

/// Takes blocks of the disk, not only a size.
#[cfg(not(target_os = "linux"))]
fn allocate(file: &File, size: u64) -> io::Result<()> {
    write_zeros(file, size)
}

fn write_zeros(file: &File, size: u64) -> io::Result<()> {
    io::copy(&mut io::Read::take(io::repeat(0), size), &mut &*file).map(drop)
}

#[cfg(test)]
#[path = "reserve_tests.rs"]
mod tests;

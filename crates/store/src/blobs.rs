//! Content-addressed files: what is too large for a row, under the hash of its bytes.
//!
//! A file is whole and durable before its hash is given out, never changes, and is checked against its name whenever
//! it is read.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sha2::{Digest as _, Sha256};

use crate::{Error, fail};

/// The files of one store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Blobs {
    dir: Arc<Path>,
    /// Tells apart the temporary files of writers at the same time.
    next: Arc<AtomicU64>,
}

impl Blobs {
    /// The files under `dir`, which is the store's directory; nothing is made before the first `put`.
    pub fn open(dir: &Path) -> Self {
        Self { dir: dir.join("blobs").into(), next: Arc::default() }
    }

    /// Keeps `bytes` and returns their hash, hexadecimal. Durable when it returns; keeping the same bytes again is
    /// free of harm.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn put(&self, bytes: &[u8]) -> Result<String, Error> {
        let hash = hash(bytes);
        let path = self.path(&hash);
        self.write(&path, bytes).map_err(|error| fail::io("keeping a blob", &path, error))?;
        Ok(hash)
    }

    /// The bytes with this hash, if there are such and the text is a hash at all.
    ///
    /// # Errors
    /// `Error::Damaged` if the file is not what its name says.
    pub fn get(&self, hash: &str) -> Result<Option<Vec<u8>>, Error> {
        if !is_hash(hash) {
            return Ok(None);
        }
        let path = self.path(hash);
        let mut bytes = Vec::new();
        match File::open(&path).and_then(|mut file| file.read_to_end(&mut bytes)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fail::io("reading a blob", &path, error)),
        }
        if self::hash(&bytes) != hash {
            return Err(Error::Damaged { what: format!("blob {hash}"), why: "its bytes have another hash".to_owned() });
        }
        Ok(Some(bytes))
    }

    /// Forgets the bytes with this hash. The caller knows that nothing refers to them.
    pub(crate) fn remove(&self, hash: &str) {
        if !is_hash(hash) {
            return;
        }
        let path = self.path(hash);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // It only takes space.
            Err(error) => tracing::warn!(path = %path.display(), %error, "a blob that nothing refers to stays"),
        }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // A blob has a parent, and that one has: `blobs/<2 hex>/<hash>`.
        let (Some(shelf), Some(store)) = (path.parent(), self.dir.parent()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let present = fs::metadata(path).is_ok_and(|meta| meta.len() == bytes.len() as u64);
        if !present {
            make_dir(&self.dir, store)?;
            make_dir(shelf, &self.dir)?;
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let temporary = shelf.join(format!(".{}-{number}", std::process::id()));
            let written = write_new(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
            if let Err(error) = written {
                // Whatever is left of it has no name that anybody asks for.
                let _ = fs::remove_file(&temporary);
                return Err(error);
            }
        }
        // Also when it was there already: whoever put it there may have died before this.
        sync_dir(shelf)
    }

    fn path(&self, hash: &str) -> PathBuf {
        self.dir.join(&hash[..2]).join(hash)
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Not `create_new`: a process of before with the same number may have left one.
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a directory and its entry durable, unless it is there.
pub(crate) fn make_dir(dir: &Path, parent: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => sync_dir(parent),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Hexadecimal SHA-256.
pub(crate) fn hash(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// Whether a text is a hash as `put` gives them; anything else is never made a path of.
fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
#[path = "blobs_tests.rs"]
mod tests;

//! Room: how much of it a log takes, and how what is not used goes back to the disk.

use std::{fs, path::Path};

use rusqlite::params;

use super::{SqliteReader, SqliteStore};
use crate::{Chore, Error, LogKey};

/// Free pages that go back at a time. Some tens of milliseconds, in which nothing is committed.
const PAGES: u32 = 2000;

/// Beside its text an event takes about so much, with its entries in the indexes.
const ROW: u64 = 80;

impl SqliteReader {
    /// About how many bytes the log of a session takes, with its files: what is free when it is gone.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn log_size(&self, log: LogKey) -> Result<u64, Error> {
        let (rows, files) = self.sizes(log)?;
        let dir = self.dir();
        let files =
            files.iter().map(|hash| fs::metadata(dir.join("blobs").join(&hash[..2.min(hash.len())]).join(hash)));
        Ok(rows + files.filter_map(Result::ok).map(|file| file.len()).sum::<u64>())
    }

    fn sizes(&self, log: LogKey) -> Result<(u64, Vec<String>), Error> {
        self.read("measuring a log", |conn| {
            let (text, count): (i64, i64) = conn
                .prepare_cached("SELECT COALESCE(SUM(LENGTH(data)), 0), COUNT(*) FROM events WHERE log = ?1")?
                .query_row([log.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let state: i64 = conn
                .prepare_cached("SELECT COALESCE(SUM(LENGTH(state)), 0) FROM snapshots WHERE log = ?1")?
                .query_row([log.0], |row| row.get(0))?;
            let mut query =
                conn.prepare_cached("SELECT DISTINCT blob FROM events WHERE log = ?1 AND blob IS NOT NULL")?;
            let files = query.query_map([log.0], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
            let number = |n: i64| u64::try_from(n).unwrap_or(0);
            Ok((number(text) + number(state) + number(count) * ROW, files))
        })
    }

    /// How many bytes the database takes, without its files and what waits in the WAL.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn disk_size(&self) -> Result<u64, Error> {
        self.read("measuring the database", |conn| {
            let number = |name: &str| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
            Ok(u64::try_from(number("page_count")? * number("page_size")?).unwrap_or(0))
        })
    }
}

impl SqliteStore {
    pub(super) fn do_chore(&self, chore: Chore) -> rusqlite::Result<bool> {
        match chore {
            Chore::FreePages => {
                let auto: u32 = self.writer.pragma_query_value(None, "auto_vacuum", |row| row.get(0))?;
                let free: u32 = self.writer.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
                if free == 0 {
                    return Ok(false);
                }
                if auto == 2 {
                    self.writer.execute_batch(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
                } else {
                    // Of before databases gave room back piece by piece: once, and from then on they do.
                    self.writer.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM")?;
                }
                // The WAL itself stays: one that is empty under a writer would pass for a lost one.
                self.checkpoints.doubt.pass(&self.writer)?;
                Ok(auto == 2 && free > PAGES)
            }
            Chore::Files { .. } if self.keeps_another() => {
                // It may come back, and then with all of its files.
                Ok(false)
            }
            Chore::Files { shelf } => {
                let dir = self.path.with_file_name("blobs").join(format!("{shelf:02x}"));
                for hash in hashes(&dir) {
                    let mut query = self.writer.prepare_cached("SELECT 1 FROM events WHERE blob = ?1 LIMIT 1")?;
                    if !query.exists(params![hash])? {
                        self.blobs.remove(&hash);
                    }
                }
                Ok(false)
            }
        }
    }
}

/// What lies on a shelf. Files of writers that died have names that are no hashes, and go with the next of that name.
fn hashes(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.len() == 64).collect()
}

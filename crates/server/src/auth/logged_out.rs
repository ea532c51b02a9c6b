//! Browsers that logged out. Their cookies are derived and not stored, so what is kept is which of them have ended, until
//! they would have ended by themselves.

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use convene_core::Timestamp;

/// Cookies that have ended before their time, by what tells them apart, with that time.
#[derive(Debug)]
pub struct LoggedOut {
    ended: Mutex<HashMap<u64, Timestamp>>,
    /// A line for each.
    file: PathBuf,
}

impl LoggedOut {
    /// Reads which there are; those whose time has come are left out from now on.
    ///
    /// # Errors
    /// If the file is there and cannot be read, or cannot be written. A line that nobody wrote whole is none.
    pub fn open(data_dir: &Path, now: Timestamp) -> io::Result<Self> {
        let file = data_dir.join("auth/logged_out");
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let line = |line: &str| {
            let (nonce, until) = line.split_once(' ')?;
            let until = Timestamp::from_second(until.parse().ok()?).ok()?;
            Some((u64::from_str_radix(nonce, 16).ok()?, until))
        };
        let ended: HashMap<u64, Timestamp> = text.lines().filter_map(line).filter(|(_, until)| *until > now).collect();
        if ended.len() < text.lines().count() {
            let mut text = String::new();
            for (nonce, until) in &ended {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{}", written(*nonce, *until));
            }
            let new = file.with_extension("new");
            write(&new, &text, true)?;
            std::fs::rename(&new, &file)?;
        }
        Ok(Self { ended: Mutex::new(ended), file })
    }

    /// Whether a cookie has ended before its time.
    pub fn has(&self, nonce: u64) -> bool {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&nonce)
    }

    /// Ends a cookie, also for a server that is started later. Blocks while it writes.
    ///
    /// # Errors
    /// If it cannot be put down; it has ended for as long as this server runs.
    pub fn end(&self, nonce: u64, until: Timestamp) -> io::Result<()> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).insert(nonce, until);
        write(&self.file, &format!("{}\n", written(nonce, until)), false)
    }
}

fn written(nonce: u64, until: Timestamp) -> String {
    format!("{nonce:016x} {}", until.as_second())
}

/// Writes a file anew, or goes on with it.
fn write(file: &Path, text: &str, is_new: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).mode(0o600).write(true).append(!is_new).truncate(is_new);
    let mut file = options.open(file)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
#[path = "logged_out_tests.rs"]
mod tests;

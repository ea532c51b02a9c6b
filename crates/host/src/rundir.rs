//! The run directory of one attempt, `run/<session>/<attempt>/`: all that outlives the processes of the attempt.
//!
//! | file | written by | content |
//! |---|---|---|
//! | `attempt.json` | worker, then keeper | [`AttemptRecord`] |
//! | `lock` | keeper | an exclusive `flock` as long as the keeper lives; nobody inherits it |
//! | `handed_over` | runner | [`HandOver`], on disk before the prompt goes to the agent |
//! | `agent_exit.json` | runner | [`AgentExit`] |
//! | `exit.json` | keeper, else runner, else worker; who holds the lock | [`ExitRecord`] |
//! | `end_ordered` | worker | nothing; it is there once the worker was told to kill the attempt |
//! | `stderr` | keeper and runner | their log |
//! | `agent_stderr` | runner | the end of what the agent wrote to stderr, redacted |
//! | `spool` | runner | events not yet acknowledged (a format of its own) |
//!
//! Files are replaced as a whole and synced, never changed in place.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

mod record;

pub use record::{AgentExit, AttemptRecord, Containment, EndReason, ExitRecord, HandOver, Recorder};

/// What can go wrong with a run directory.
#[derive(Debug, Error)]
pub enum Error {
    /// The system refused.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is not what was written.
    #[error("{path} is damaged")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The path is not one of a run directory.
    #[error("{path} is not a run directory: it must end in <session>/<attempt>")]
    NotARunDirectory {
        /// The path.
        path: PathBuf,
    },
}

/// The run directory of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDir {
    path: PathBuf,
    session: String,
    attempt: u32,
}

/// Which directory it is, whatever its name. See [`RunDir::is_lost`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    device: u64,
    inode: u64,
}

/// The held lock of a run directory. Closing the descriptor gives it back, also when the process is killed.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held, not used")] File);

impl RunDir {
    /// Makes the run directory of an attempt, with everything in it that is known before a process exists.
    ///
    /// # Errors
    /// If it cannot be written, or the session's name would lead out of `root`.
    pub fn create(root: &Path, record: &AttemptRecord) -> Result<RunDir, Error> {
        let path = root.join(&record.session).join(record.attempt.to_string());
        let run_dir = RunDir::open(&path)?;
        if run_dir.session != record.session || !path.starts_with(root) {
            return Err(Error::NotARunDirectory { path });
        }
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&path).map_err(io_error("create", &path))?;
        run_dir.write_attempt(&AttemptRecord { place: run_dir.place(), ..record.clone() })?;
        Ok(run_dir)
    }

    /// Names a run directory by its path; nothing is read.
    ///
    /// # Errors
    /// If the path does not end in `<session>/<attempt>`.
    pub fn open(path: &Path) -> Result<RunDir, Error> {
        let not_one = || Error::NotARunDirectory { path: path.to_owned() };
        let name = |path: &Path| Some(path.file_name()?.to_str()?.to_owned());
        let attempt = name(path).and_then(|name| name.parse().ok()).ok_or_else(not_one)?;
        let session = path.parent().and_then(name).ok_or_else(not_one)?;
        Ok(RunDir { path: path.to_owned(), session, attempt })
    }

    /// Every run directory below `root`, oldest session first. What is none is passed over.
    ///
    /// # Errors
    /// If a directory cannot be read.
    pub fn scan(root: &Path) -> Result<Vec<RunDir>, Error> {
        let mut found = Vec::new();
        for session in directories(root)? {
            found.extend(directories(&session)?.iter().filter_map(|attempt| RunDir::open(attempt).ok()));
        }
        found.sort_by(|a, b| (&a.session, a.attempt).cmp(&(&b.session, b.attempt)));
        Ok(found)
    }

    /// The run directories of one session, as far as they can be read.
    pub fn of_session(root: &Path, session: &str) -> Vec<RunDir> {
        let attempts = directories(&root.join(session)).unwrap_or_default();
        attempts.iter().filter_map(|attempt| RunDir::open(attempt).ok()).collect()
    }

    /// Deletes the directory, once everything in it has been delivered.
    ///
    /// # Errors
    /// If something in it cannot be deleted.
    pub fn remove(self) -> Result<(), Error> {
        match fs::remove_dir_all(&self.path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("remove", &self.path)(source));
            }
            Ok(()) | Err(_) => {}
        }
        // The session's directory goes with its last attempt; while others are in it, it stays.
        if let Some(session) = self.path.parent() {
            let _ = fs::remove_dir(session);
        }
        Ok(())
    }

    /// The session's id.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// The attempt's number.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which directory it is now; `None` if that cannot be told.
    pub fn place(&self) -> Option<Place> {
        let found = fs::metadata(&self.path).ok()?;
        Some(Place { device: found.dev(), inode: found.ino() })
    }

    /// Whether there is no such directory any more.
    pub fn is_gone(&self) -> bool {
        let gone = |error: &io::Error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        fs::metadata(&self.path).is_err_and(|error| gone(&error))
    }

    /// Whether somebody has removed the directory that this was, or put another one in its place. A disk that does not
    /// answer has lost nothing.
    pub fn is_lost(&self, was: Option<Place>) -> bool {
        match (was, self.place()) {
            (Some(was), Some(is)) => was != is,
            (_, None) => self.is_gone(),
            (None, Some(_)) => false,
        }
    }

    /// Whether this is a copy of the directory that the attempt was begun in: somebody uses a copy of the data directory,
    /// and the processes that are named here may go on for the other one.
    pub fn is_copy(&self, record: &AttemptRecord) -> bool {
        record.place.is_some() && self.is_lost(record.place)
    }

    /// The log of keeper and runner.
    pub fn stderr_path(&self) -> PathBuf {
        self.path.join("stderr")
    }

    /// The events that are not acknowledged yet.
    pub fn spool_path(&self) -> PathBuf {
        self.path.join("spool")
    }

    /// Opens the log of keeper and runner for appending.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn open_stderr(&self) -> Result<File, Error> {
        let path = self.stderr_path();
        fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&path).map_err(io_error("open", &path))
    }

    /// Who runs the attempt; `None` if that was never written.
    ///
    /// # Errors
    /// If the file cannot be read, or is damaged.
    pub fn attempt_record(&self) -> Result<Option<AttemptRecord>, Error> {
        self.read("attempt.json")
    }

    /// Puts down who runs the attempt.
    ///
    /// # Errors
    /// If the disk refuses; what was there stays.
    pub fn write_attempt(&self, record: &AttemptRecord) -> Result<(), Error> {
        self.write("attempt.json", record)
    }

    /// How the attempt ended; `None` while nobody has said so.
    ///
    /// # Errors
    /// If the file cannot be read, or is damaged.
    pub fn exit_record(&self) -> Result<Option<ExitRecord>, Error> {
        self.read("exit.json")
    }

    /// Puts down how the attempt ended. Only for who holds the lock: there is one end.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn write_exit(&self, _held: &Lock, record: &ExitRecord) -> Result<(), Error> {
        self.write("exit.json", record)
    }

    /// The last turn whose prompt was on its way to the agent; `None` if there was none.
    ///
    /// # Errors
    /// If the file cannot be read, or is damaged.
    pub fn handed_over(&self) -> Result<Option<HandOver>, Error> {
        self.read("handed_over")
    }

    /// Puts down that the prompt of a turn is on its way to the agent.
    ///
    /// # Errors
    /// If the disk refuses; then the prompt must not go.
    pub fn write_handed_over(&self, turn: &str) -> Result<(), Error> {
        self.write("handed_over", &HandOver { turn: turn.to_owned() })
    }

    /// The agent's exit status; `None` while nobody has collected it.
    ///
    /// # Errors
    /// If the file cannot be read, or is damaged.
    pub fn agent_exit(&self) -> Result<Option<AgentExit>, Error> {
        self.read("agent_exit.json")
    }

    /// Puts down the agent's exit status.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn write_agent_exit(&self, exit: &AgentExit) -> Result<(), Error> {
        self.write("agent_exit.json", exit)
    }

    /// Puts down that somebody wants the attempt killed: its end is no crash.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn note_end_ordered(&self) -> Result<(), Error> {
        let path = self.path.join("end_ordered");
        File::create(&path).map(drop).map_err(io_error("write", &path))
    }

    /// Whether somebody wanted the attempt killed.
    pub fn was_end_ordered(&self) -> bool {
        self.path.join("end_ordered").exists()
    }

    /// The end of a text file in the directory, at most so many bytes; empty if there is none.
    pub fn tail_of(&self, name: &str, max: u64) -> String {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(self.path.join(name))?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(max)))?;
            let mut bytes = Vec::new();
            file.take(max).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
    }

    /// Whether somebody holds the lock: the keeper, or who buries in its place.
    ///
    /// # Errors
    /// If the lock cannot be asked.
    pub fn is_alive(&self) -> Result<bool, Error> {
        // A shared lock, so that two who ask don't take each other for the keeper.
        let path = self.lock_path();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(source) => return Err(io_error("open", &path)(source)),
        };
        Ok(!try_flock(&file, FlockOperation::NonBlockingLockShared, &path)?)
    }

    /// Takes the lock. `None` when another process holds it.
    ///
    /// # Errors
    /// If the lock cannot be made or asked.
    pub fn try_lock(&self) -> Result<Option<Lock>, Error> {
        let path = self.lock_path();
        let mut options = fs::OpenOptions::new();
        let file = options
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(io_error("open", &path))?;
        // Somebody who merely asks holds a shared lock for an instant; only an exclusive one stops us.
        loop {
            if try_flock(&file, FlockOperation::NonBlockingLockExclusive, &path)? {
                return Ok(Some(Lock(file)));
            }
            if self.is_alive()? {
                return Ok(None);
            }
            std::thread::yield_now();
        }
    }

    /// Blocks until nobody holds the lock any more. For systems without pidfds.
    ///
    /// # Errors
    /// If the lock cannot be asked.
    pub fn wait_until_free(&self) -> Result<(), Error> {
        let path = self.lock_path();
        let Ok(file) = File::open(&path) else { return Ok(()) };
        rustix::fs::flock(&file, FlockOperation::LockShared).map_err(|error| io_error("lock", &path)(error.into()))
    }

    fn lock_path(&self) -> PathBuf {
        self.path.join("lock")
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let path = self.path.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(io_error("read", &path)(source)),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|source| Error::Malformed { path, source })
    }

    fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<(), Error> {
        let path = self.path.join(name);
        // The writer's pid keeps two of them out of each other's half-written file.
        let draft = self.path.join(format!(".{name}.{}", std::process::id()));
        let bytes = serde_json::to_vec(value).map_err(|source| Error::Malformed { path: path.clone(), source })?;
        let written = write_synced(&draft, &bytes).and_then(|()| fs::rename(&draft, &path));
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written.and_then(|()| File::open(&self.path)?.sync_all()).map_err(io_error("write", &path))
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn try_flock(file: &File, operation: FlockOperation, path: &Path) -> Result<bool, Error> {
    match rustix::fs::flock(file, operation) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(io_error("lock", path)(error.into())),
    }
}

/// The directories in `path`; none when it does not exist.
fn directories(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(io_error("read", path)(source)),
    };
    let is_directory = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    Ok(entries.filter_map(Result::ok).filter(is_directory).map(|entry| entry.path()).collect())
}

fn io_error(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path: path.clone(), source }
}

#[cfg(test)]
#[path = "rundir_tests.rs"]
mod tests;

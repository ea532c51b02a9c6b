//! The repository that a session works in: what is checked out, a worktree of one's own, what changed.
//!
//! Whatever could run somebody's hooks, filters or credentials is done by the `git` of the machine, so that it does what
//! its owner is used to. Only what every launch needs, the commit and branch that are checked out, is read from the
//! files, because starting a program costs more than the rest of a launch.

pub mod changes;
pub mod head;
pub mod worktree;

use std::{
    io::{self, Read as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use convene_api::problem::Code;
use rustix::process::{Pid, Signal};

/// How long a question to `git` may take.
pub(crate) const ASK: Duration = Duration::from_secs(20);

/// How long `git` may take to write a working tree.
pub(crate) const CHECK_OUT: Duration = Duration::from_secs(300);

/// Variables that would lead `git` elsewhere than to the directory it is called in.
const ELSEWHERE: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_EXTERNAL_DIFF",
];

/// Why `git` did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not a directory of a repository.
    #[error("{} is no git repository", .dir.display())]
    NotARepository {
        /// The directory.
        dir: PathBuf,
    },
    /// There is no `git` on this machine.
    #[error("git is not installed on this machine")]
    NotInstalled,
    /// It holds work that is nowhere else.
    #[error("{files} {} not committed in {}", if *.files == 1 { "file" } else { "files" }, .dir.display())]
    Dirty {
        /// The worktree.
        dir: PathBuf,
        /// Files that are changed or unknown to git.
        files: usize,
    },
    /// It took too long.
    #[error("git {action} in {} took longer than {limit:?}", .dir.display())]
    TooSlow {
        /// What it was to do.
        action: String,
        /// Where.
        dir: PathBuf,
        /// The limit.
        limit: Duration,
    },
    /// It said no.
    #[error("git {action} in {}: {said}", .dir.display())]
    Failed {
        /// What it was to do.
        action: String,
        /// Where.
        dir: PathBuf,
        /// Its last words.
        said: String,
    },
    /// The machine said no.
    #[error("cannot run git in {}", .dir.display())]
    Machine {
        /// Where.
        dir: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// The problem code.
    pub const fn code(&self) -> Code {
        match self {
            Self::NotARepository { .. } => Code::WorktreeNotGit,
            Self::Dirty { .. } => Code::WorktreeDirty,
            Self::NotInstalled | Self::TooSlow { .. } | Self::Failed { .. } | Self::Machine { .. } => {
                Code::WorktreeFailed
            }
        }
    }
}

/// What `git` wrote.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) stdout: Vec<u8>,
    /// Whether there was more than was wanted.
    pub(crate) cut: bool,
}

impl Output {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim().to_owned()
    }

    /// The pieces between the NULs of a `-z` listing.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = String> + '_ {
        let whole = if self.cut {
            self.stdout.iter().rposition(|byte| *byte == 0).map_or(0, |at| at + 1)
        } else {
            self.stdout.len()
        };
        self.stdout[..whole]
            .split(|byte| *byte == 0)
            .filter(|piece| !piece.is_empty())
            .map(|piece| String::from_utf8_lossy(piece).into_owned())
    }
}

/// One call of `git`.
#[derive(Clone, Copy)]
pub(crate) struct Git<'a> {
    dir: &'a Path,
    limit: Duration,
    /// The most bytes that are taken of what it writes.
    most: usize,
}

impl<'a> Git<'a> {
    pub(crate) const fn at(dir: &'a Path) -> Self {
        Self { dir, limit: ASK, most: 8 << 20 }
    }

    pub(crate) const fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it. Blocks, at most for the limit.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Output, Error> {
        let mut command = Command::new("git");
        // No optional locks: a question must not stand in the way of the agent's own git.
        command.args(["--no-optional-locks", "-c", "core.quotePath=false", "-c", "core.fsmonitor=false"]);
        command.args(arguments).current_dir(self.dir);
        for name in ELSEWHERE {
            command.env_remove(name);
        }
        command.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
        // A group of its own, so that what a hook started ends with it when it takes too long.
        command.process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let machine = |source| Error::Machine { dir: self.dir.to_owned(), source };
        let mut child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if self.dir.is_dir() => Error::NotInstalled,
            _ => machine(error),
        })?;
        let (Some(mut stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(machine(io::ErrorKind::BrokenPipe.into()));
        };
        let pid = Pid::from_child(&child);
        let mut written = Vec::new();
        let mut said = Vec::new();
        let mut late = false;
        let status = std::thread::scope(|scope| {
            let (over, ended) = mpsc::channel::<()>();
            let clock = scope.spawn(move || {
                let late = ended.recv_timeout(self.limit) == Err(mpsc::RecvTimeoutError::Timeout);
                if late {
                    // It is not waited for before this thread has ended, so the number is still its.
                    let _ = rustix::process::kill_process_group(pid, Signal::KILL);
                }
                late
            });
            let errors = scope.spawn(|| {
                let mut said = Vec::new();
                let _ = stderr.take(64 << 10).read_to_end(&mut said);
                said
            });
            let read = (&mut stdout).take(self.most as u64 + 1).read_to_end(&mut written);
            // It has nobody to write to any more, and ends.
            drop(stdout);
            said = errors.join().unwrap_or_default();
            drop(over);
            late = clock.join().unwrap_or_default();
            read.and_then(|_| child.wait())
        });
        let status = status.map_err(machine)?;
        let action = arguments.iter().find(|a| !a.starts_with('-')).copied().unwrap_or_default().to_owned();
        if late {
            return Err(Error::TooSlow { action, dir: self.dir.to_owned(), limit: self.limit });
        }
        let cut = written.len() > self.most;
        if !status.success() && !cut {
            let said = String::from_utf8_lossy(&said).into_owned();
            if said.contains("not a git repository") {
                return Err(Error::NotARepository { dir: self.dir.to_owned() });
            }
            let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it did not say why");
            return Err(Error::Failed { action, dir: self.dir.to_owned(), said: last.to_owned() });
        }
        written.truncate(self.most);
        Ok(Output { stdout: written, cut })
    }

    /// What it answers in one line.
    pub(crate) fn line(&self, arguments: &[&str]) -> Result<String, Error> {
        self.run(arguments).map(|output| output.text())
    }
}

#[cfg(test)]
#[path = "git_tests.rs"]
mod tests;

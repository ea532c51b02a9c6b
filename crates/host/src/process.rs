//! Knows processes by an identity that survives pid reuse and reboots; ends them and whole trees of them.

use std::io;
use std::time::Duration;

use convene_core::failure::ProcessExit;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};
use serde::{Deserialize, Serialize};
use thiserror::Error;

#[cfg(target_os = "linux")]
#[path = "process/proc_table.rs"]
mod table;
#[cfg(not(target_os = "linux"))]
#[path = "process/ps_table.rs"]
mod table;

mod tree;
mod weight;

pub use table::{boot_clock, name, pids, read, resident, stands_still};
pub use tree::{Burial, descendants, kill_tree_until_none};
pub use weight::{Weight, weight_below};

/// What can go wrong while looking at or ending processes.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no such process.
    #[error("process {pid} does not exist")]
    Gone {
        /// The pid that was looked for.
        pid: i32,
    },
    /// The system refused.
    #[error("cannot {action}")]
    System {
        /// What was tried.
        action: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn system(action: &'static str, source: impl Into<io::Error>) -> Error {
        Error::System { action, source: source.into() }
    }
}

/// Names one process for ever: a pid alone is reused, also after a reboot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// Its pid.
    pub pid: i32,
    /// When it was started, in the system's own unit (Linux: clock ticks since boot); only ever compared.
    pub start_time: u64,
    /// Which boot of the machine it belongs to; empty where the system does not tell.
    pub boot_id: String,
}

/// One line of the process table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its pid.
    pub pid: i32,
    /// Its parent's pid.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// As in [`Identity`].
    pub start_time: u64,
    /// Nothing of it runs any more; it only waits to be reaped.
    pub over: bool,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself, with this status.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Exit {
    /// The status that a shell would report.
    pub fn shell_code(self) -> i32 {
        match self {
            Exit::Code(code) => code,
            Exit::Signal(signal) => 128 + signal,
        }
    }

    /// `None` for a process that was only stopped or continued.
    pub fn from_wait(status: WaitStatus) -> Option<Exit> {
        status.exit_status().map(Exit::Code).or_else(|| status.terminating_signal().map(Exit::Signal))
    }
}

impl From<Exit> for ProcessExit {
    fn from(exit: Exit) -> ProcessExit {
        match exit {
            Exit::Code(code) => ProcessExit { code: Some(code), signal: None },
            Exit::Signal(signal) => ProcessExit { code: None, signal: Some(signal) },
        }
    }
}

impl Identity {
    /// The calling process.
    ///
    /// # Errors
    /// If the process table cannot be read.
    pub fn current() -> Result<Identity, Error> {
        Identity::of(std::process::id().cast_signed())
    }

    /// The process that has this pid now.
    ///
    /// # Errors
    /// If there is none.
    pub fn of(pid: i32) -> Result<Identity, Error> {
        let process = read(pid).ok_or(Error::Gone { pid })?;
        Ok(process.identity())
    }

    /// Whether this very process still runs. A zombie does not.
    pub fn is_alive(&self) -> bool {
        self.boot_id == table::boot_id()
            && read(self.pid).is_some_and(|process| process.start_time == self.start_time && !process.over)
    }

    /// Sends a signal to this process and to no later one of the same pid. `false` when it is gone.
    ///
    /// # Errors
    /// If this user may not.
    pub fn signal(&self, signal: Signal) -> Result<bool, Error> {
        #[cfg(target_os = "linux")]
        {
            let Some(handle) = self.pidfd()? else { return Ok(false) };
            match rustix::process::pidfd_send_signal(&handle, signal) {
                Ok(()) => Ok(true),
                Err(rustix::io::Errno::SRCH) => Ok(false),
                Err(error) => Err(Error::system("send a signal", error)),
            }
        }
        #[cfg(not(target_os = "linux"))]
        {
            if !self.is_alive() {
                return Ok(false);
            }
            match signal_pid(self.pid, signal) {
                Ok(()) => Ok(true),
                Err(rustix::io::Errno::SRCH) => Ok(false),
                Err(error) => Err(Error::system("send a signal", error)),
            }
        }
    }

    /// Opens a descriptor that becomes readable when this process has ended. `None` when it is gone already.
    ///
    /// # Errors
    /// If there are no descriptors left.
    #[cfg(target_os = "linux")]
    pub fn pidfd(&self) -> Result<Option<rustix::fd::OwnedFd>, Error> {
        use rustix::process::{PidfdFlags, pidfd_open};

        let Some(pid) = Pid::from_raw(self.pid) else { return Ok(None) };
        let handle = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => handle,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(error) => return Err(Error::system("open a pidfd", error)),
        };
        // Only now does the descriptor pin the pid, so only now does the comparison mean anything.
        let same = self.boot_id == table::boot_id()
            && read(self.pid).is_some_and(|process| process.start_time == self.start_time);
        Ok(same.then_some(handle))
    }

    /// Waits until this process has ended, at most for `patience`. It is not reaped. `true` when it has ended.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub fn wait_for_end(&self, patience: Duration) -> Result<bool, Error> {
        #[cfg(target_os = "linux")]
        {
            let Some(handle) = self.pidfd()? else { return Ok(true) };
            poll_any(&[handle], patience)?;
        }
        #[cfg(not(target_os = "linux"))]
        table::pause_until(patience, || !self.is_alive());
        Ok(!self.is_alive())
    }

    /// Collects the exit status if this process is an ended child of the caller's.
    pub fn reap(&self) -> Option<Exit> {
        let is_ours = read(self.pid).is_some_and(|process| {
            process.start_time == self.start_time && process.parent == own_pid() && process.over
        });
        if !is_ours {
            return None;
        }
        let (_, status) = rustix::process::waitpid(Pid::from_raw(self.pid), WaitOptions::NOHANG).ok()??;
        Exit::from_wait(status)
    }
}

impl Process {
    /// Its name for ever.
    pub fn identity(&self) -> Identity {
        Identity { pid: self.pid, start_time: self.start_time, boot_id: table::boot_id() }
    }
}

/// Gives memory back to the system that was needed only to begin.
pub fn release_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: it takes a number, keeps nothing, and may be called at any time from any thread.
        #[expect(unsafe_code, reason = "no safe library asks the allocator for it")]
        unsafe {
            libc::malloc_trim(0)
        };
    }
}

/// All processes of the machine that the caller may see.
///
/// # Errors
/// If the process table cannot be read.
pub fn list() -> Result<Vec<Process>, Error> {
    Ok(pids()?.filter_map(read).collect())
}

/// Returns when one of the pidfds is readable, when the time is over, or when a signal came.
#[cfg(target_os = "linux")]
pub(crate) fn poll_any(handles: &[rustix::fd::OwnedFd], patience: Duration) -> Result<(), Error> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let mut fds: Vec<_> = handles.iter().map(|handle| PollFd::new(handle, PollFlags::IN)).collect();
    let timeout =
        Timespec { tv_sec: patience.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: patience.subsec_nanos().into() };
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(Error::system("poll", error)),
    }
}

fn signal_pid(pid: i32, signal: Signal) -> Result<(), rustix::io::Errno> {
    let pid = Pid::from_raw(pid).ok_or(rustix::io::Errno::SRCH)?;
    rustix::process::kill_process(pid, signal)
}

fn own_pid() -> i32 {
    std::process::id().cast_signed()
}

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;

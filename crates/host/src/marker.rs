//! Marks every process of an attempt so that it can be found when nobody is left who remembers it.
//!
//! Two marks are inherited by all descendants: the environment (`CONVENE_SESSION_ID`, `CONVENE_ATTEMPT`), and the value of
//! a resource limit that nobody sets, which survives `env -i`, `setsid`, double forks and `execve` of set-uid programs.
//! The value is `1 << 62` plus 56 bits of a hash: as a limit it is as good as unlimited. A limit that carries another
//! mark already (Convene inside Convene) is left as it is and the next one is taken, so a tree within a tree has both.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::process::{self, Process};

/// Environment variable that names the session.
pub const SESSION_VARIABLE: &str = "CONVENE_SESSION_ID";
/// Environment variable that names the attempt.
pub const ATTEMPT_VARIABLE: &str = "CONVENE_ATTEMPT";

const PREFIX: u64 = 1 << 62;
const HASH_BITS: u32 = 56;

/// The value by which the processes of one attempt are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Marker(u64);

/// Where a mark could be put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// In a resource limit: survives an emptied environment.
    Limit,
    /// Every suitable limit was taken or is not there: only the environment tells.
    EnvironmentOnly,
}

/// Why a process could not be marked, or the marked ones not be found.
#[derive(Debug, Error)]
pub enum Error {
    /// The system refused.
    #[error("cannot set the resource limit that marks the processes of an attempt")]
    Limit(#[source] std::io::Error),
    /// The process table.
    #[error(transparent)]
    Process(#[from] process::Error),
}

impl Marker {
    /// The mark of an attempt.
    pub fn of(session: &str, attempt: u32) -> Marker {
        // FNV-1a, then a finalizer so that all bits of the short attempt number reach the 56 that are kept.
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for byte in session.bytes().chain([0]).chain(attempt.to_le_bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        hash ^= hash >> 31;
        Marker(PREFIX | (hash >> (64 - HASH_BITS)))
    }

    #[cfg(target_os = "linux")]
    fn from_limit(value: u64) -> Option<Marker> {
        (value >> HASH_BITS == PREFIX >> HASH_BITS).then_some(Marker(value))
    }
}

/// The variables that whoever starts a process of the attempt puts into its environment.
pub fn environment(session: &str, attempt: u32) -> [(&'static str, String); 2] {
    [(SESSION_VARIABLE, session.to_owned()), (ATTEMPT_VARIABLE, attempt.to_string())]
}

/// Marks the calling process and everything that it will start. The mark can't be taken off again.
///
/// # Errors
/// If the system refuses.
pub fn mark_self(session: &str, attempt: u32) -> Result<Hold, Error> {
    limits::set(Marker::of(session, attempt))
}

/// All marks of a process, the outermost first.
pub fn markers_of(pid: i32) -> Vec<Marker> {
    limits::of(pid)
}

/// The mark of the attempt that a process belongs to (the innermost one).
pub fn marker_of(pid: i32) -> Option<Marker> {
    markers_of(pid).pop()
}

/// Whether a process belongs to an attempt, whichever.
pub fn is_marked(pid: i32) -> bool {
    marker_of(pid).is_some()
}

/// Every running process of an attempt, found by either mark. Zombies are not among them.
///
/// # Errors
/// If the process table cannot be read.
pub fn marked_processes(session: &str, attempt: u32) -> Result<Vec<Process>, Error> {
    Ok(carriers(session, attempt)?.filter(|process| !process.over).collect())
}

/// As [`marked_processes`], with those that only wait to be reaped, and each one found when it is asked for.
pub(crate) fn carriers(session: &str, attempt: u32) -> Result<impl Iterator<Item = Process>, Error> {
    let marker = Marker::of(session, attempt);
    let variables = environment(session, attempt).map(|(name, value)| format!("{name}={value}"));
    let is_carrier =
        move |process: &Process| limits::of(process.pid).contains(&marker) || has_all(process.pid, &variables);
    Ok(process::pids()?.filter_map(process::read).filter(is_carrier))
}

/// Whether a process was started with all of `variables` in its environment.
#[cfg(target_os = "linux")]
fn has_all(pid: i32, variables: &[String]) -> bool {
    let Ok(environment) = std::fs::read(format!("/proc/{pid}/environ")) else { return false };
    variables.iter().all(|wanted| environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes()))
}

#[cfg(not(target_os = "linux"))]
fn has_all(pid: i32, variables: &[String]) -> bool {
    let mut ps = std::process::Command::new("/bin/ps");
    ps.args(["-Eww", "-p", &pid.to_string(), "-o", "command="]).current_dir("/");
    let Ok(output) = ps.output() else { return false };
    let line = String::from_utf8_lossy(&output.stdout);
    variables.iter().all(|wanted| line.split_ascii_whitespace().any(|word| word == wanted))
}

#[cfg(target_os = "linux")]
mod limits {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    use super::{Error, Hold, Marker};

    /// Unlimited by default and without effect at such a size: the CPU time of real-time threads, the resident set
    /// (ignored by Linux since 2.4.30) and file locks (since 2.4.25). With the names that `/proc/<pid>/limits` gives them.
    const CARRIERS: [(Resource, &str); 3] = [
        (Resource::Rttime, "Max realtime timeout"),
        (Resource::Rss, "Max resident set"),
        (Resource::Locks, "Max file locks"),
    ];

    pub(super) fn set(marker: Marker) -> Result<Hold, Error> {
        for (resource, _) in CARRIERS {
            let now = getrlimit(resource);
            if now.maximum == Some(marker.0) {
                return Ok(Hold::Limit);
            }
            if now.maximum.is_none() && now.current.is_none() {
                let limit = Rlimit { current: Some(marker.0), maximum: Some(marker.0) };
                setrlimit(resource, limit).map_err(|error| Error::Limit(error.into()))?;
                return Ok(Hold::Limit);
            }
        }
        Ok(Hold::EnvironmentOnly)
    }

    pub(super) fn of(pid: i32) -> Vec<Marker> {
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
        let hard = |name: &str| {
            let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
            Marker::from_limit(line.split_ascii_whitespace().nth(1)?.parse().ok()?)
        };
        CARRIERS.iter().filter_map(|(_, name)| hard(name)).collect()
    }
}

#[cfg(not(target_os = "linux"))]
mod limits {
    use super::{Error, Hold, Marker};

    #[expect(clippy::unnecessary_wraps, reason = "the same signature as on Linux")]
    pub(super) fn set(_marker: Marker) -> Result<Hold, Error> {
        Ok(Hold::EnvironmentOnly)
    }

    pub(super) fn of(_pid: i32) -> Vec<Marker> {
        Vec::new()
    }
}

#[cfg(test)]
#[path = "marker_tests.rs"]
mod tests;

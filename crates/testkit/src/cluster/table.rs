//! Finds processes by a name that is in their command line or environment.

use std::{
    fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    io::Errno,
    process::{Pid, Signal, kill_process},
};

/// The pause between two looks for what is left.
const LOOK: Duration = Duration::from_millis(10);

/// How long what was killed may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(30);

/// A process that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: i32,
    /// Its command line.
    pub command: String,
}

/// Every living process whose command line or environment has this text in it. The dead that nobody has collected yet
/// have neither, so they are not found.
pub(super) fn processes_naming(name: &str) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let own = std::process::id().cast_signed();
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != own)
        .filter_map(|pid| read(pid, name))
        .collect()
}

/// Kills every process that [`processes_naming`] finds until there is none, and returns those of the first look. What
/// cannot be killed, as a process that waits for a disk, is told and let be.
pub(super) fn kill_naming(name: &str) -> Vec<Process> {
    let found = processes_naming(name);
    let mut left = found.clone();
    let deadline = Instant::now() + GONE_WITHIN;
    while !left.is_empty() {
        if Instant::now() > deadline {
            eprintln!("killed {GONE_WITHIN:?} ago and still there: {left:#?}");
            break;
        }
        for process in &left {
            // It may have ended by itself meanwhile.
            let _ = kill(process.pid);
        }
        pause();
        left = processes_naming(name);
    }
    found
}

#[expect(clippy::disallowed_methods, reason = "it runs where a cluster is dropped, and nobody announces the death")]
fn pause() {
    thread::sleep(LOOK);
}

pub(super) fn kill(pid: i32) -> Result<(), Errno> {
    signal(pid, Signal::KILL)
}

pub(super) fn signal(pid: i32, signal: Signal) -> Result<(), Errno> {
    kill_process(Pid::from_raw(pid).ok_or(Errno::INVAL)?, signal)
}

/// Whether a living process has this text in its command line or environment.
pub(super) fn names(pid: i32, name: &str) -> bool {
    read(pid, name).is_some()
}

fn read(pid: i32, name: &str) -> Option<Process> {
    let directory = PathBuf::from(format!("/proc/{pid}"));
    let command = fs::read(directory.join("cmdline")).ok()?;
    let environment = fs::read(directory.join("environ")).unwrap_or_default();
    let has = |bytes: &[u8]| bytes.windows(name.len()).any(|window| window == name.as_bytes());
    (has(&command) || has(&environment))
        .then(|| Process { pid, command: String::from_utf8_lossy(&command).replace('\0', " ").trim_end().to_owned() })
}

//! What processes cost: CPU time to the nanosecond, memory as the kernel counts it.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};

/// CPU time of a living process so far, user and system, threads that have ended too.
///
/// # Errors
/// If there is no such process.
pub fn cpu(pid: i32) -> Result<Duration> {
    // The number that `/proc/PID/stat` rounds to hundredths of a second.
    let mut clock: libc::clockid_t = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[expect(unsafe_code, reason = "no safe crate has the clock of another process")]
    // SAFETY: both calls write to one place of the right type each, which lives longer than the call.
    let failed = unsafe {
        libc::clock_getcpuclockid(pid, &raw mut clock) != 0 || libc::clock_gettime(clock, &raw mut time) != 0
    };
    ensure!(!failed, "process {pid} is gone");
    Ok(Duration::new(u64::try_from(time.tv_sec)?, u32::try_from(time.tv_nsec)?))
}

/// CPU time of several processes together; those that are gone count nothing.
pub fn cpu_of(pids: &[i32]) -> Duration {
    pids.iter().filter_map(|pid| cpu(*pid).ok()).sum()
}

/// CPU time of a living process and of all its descendants that were collected, to a hundredth of a second.
///
/// # Errors
/// If there is no such process.
pub fn cpu_with_children(pid: i32) -> Result<Duration> {
    let fields = stat(pid)?;
    let ticks: u64 = fields.iter().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 10))
}

/// The parent of a living process.
///
/// # Errors
/// If there is no such process.
pub fn parent(pid: i32) -> Result<i32> {
    Ok(stat(pid)?.get(1).context("no parent")?.parse()?)
}

/// What the kernel tells of a process, from its state on.
fn stat(pid: i32) -> Result<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid}"))?;
    // The name may have spaces and parentheses in it.
    let rest = text.rsplit(") ").next().unwrap_or_default();
    Ok(rest.split_whitespace().map(str::to_owned).collect())
}

/// Memory of a process, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Everything that is mapped and present, shared pages too.
    pub resident: u64,
    /// Of that what no file is behind.
    pub anonymous: u64,
    /// Of it what no other process has.
    pub private: u64,
}

/// Memory of a living process.
///
/// # Errors
/// If there is no such process, or it is somebody else's.
pub fn memory(pid: i32) -> Result<Memory> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).with_context(|| format!("process {pid}"))?;
    Ok(read_rollup(&text))
}

fn read_rollup(text: &str) -> Memory {
    let kilobytes = |name: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim_start_matches(':').split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    Memory {
        resident: kilobytes("Rss") << 10,
        anonymous: kilobytes("Anonymous") << 10,
        private: (kilobytes("Private_Clean") + kilobytes("Private_Dirty")) << 10,
    }
}

/// The most memory that a process ever had, in bytes.
///
/// # Errors
/// If there is no such process.
pub fn peak(pid: i32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).with_context(|| format!("process {pid}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kilobytes: u64 = line.split_whitespace().next().context("an empty VmHWM")?.parse()?;
    Ok(kilobytes << 10)
}

/// Forgets the peak of a process, so that the next one is of what comes.
///
/// # Errors
/// If there is no such process, or it is somebody else's.
pub fn reset_peak(pid: i32) -> Result<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").with_context(|| format!("process {pid}"))
}

/// Whether a process runs this program.
pub fn runs(pid: i32, program: &Path) -> bool {
    fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program)
}

/// Space that the files below a directory take, in bytes.
pub fn disk(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    entries
        .filter_map(Result::ok)
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => disk(&entry.path()),
            Ok(data) => data.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;

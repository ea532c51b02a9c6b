//! Reads the process table by asking `ps`: slower and coarser than `/proc`, for systems that have none.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Error, Process};

/// The pids of the machine.
///
/// # Errors
/// If the process table cannot be read.
pub fn pids() -> Result<impl Iterator<Item = i32>, Error> {
    let table = ps(&["-axo", "pid="]).map_err(|error| Error::system("read the process table", error))?;
    let pids: Vec<i32> = table.lines().filter_map(|line| line.trim().parse().ok()).collect();
    Ok(pids.into_iter())
}

/// One process, or `None` when there is none of that pid.
pub fn read(pid: i32) -> Option<Process> {
    let line = ps(&["-p", &pid.to_string(), "-o", "ppid=,pgid=,state=,lstart="]).ok()?;
    let mut fields = line.split_ascii_whitespace();
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let over = fields.next()?.starts_with('Z');
    let mut hasher = DefaultHasher::new();
    fields.for_each(|field| field.hash(&mut hasher));
    Some(Process { pid, parent, group, start_time: hasher.finish(), over })
}

/// Start times are only compared for sameness here, so no process is older than another.
pub fn boot_clock() -> Option<u64> {
    None
}

/// What a process calls itself.
pub fn name(pid: i32) -> String {
    ps(&["-p", &pid.to_string(), "-o", "comm="]).unwrap_or_default().trim().to_owned()
}

/// Whether a signal stopped a process.
pub fn stands_still(pid: i32) -> bool {
    ps(&["-p", &pid.to_string(), "-o", "state="]).is_ok_and(|state| state.trim().starts_with('T'))
}

/// What a process has in memory, in bytes; 0 if it is gone.
pub fn resident(pid: i32) -> u64 {
    let told = ps(&["-p", &pid.to_string(), "-o", "rss="]).unwrap_or_default();
    told.trim().parse::<u64>().unwrap_or(0) << 10
}

/// There is no cheap boot id here; the start time has to do.
pub fn boot_id() -> String {
    String::new()
}

/// Without pidfds an end of a process that is not a child can only be asked for.
pub fn pause_until(patience: Duration, done: impl Fn() -> bool) {
    let since = Instant::now();
    while !done() && since.elapsed() < patience {
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn ps(arguments: &[&str]) -> std::io::Result<String> {
    let output = Command::new("/bin/ps").args(arguments).current_dir("/").stdin(Stdio::null()).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

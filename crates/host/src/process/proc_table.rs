//! Reads the process table from `/proc`, in a way that nothing can outrun.
//!
//! A listing of `/proc` is no snapshot: what forks and ends all the time can be younger than the listing whenever it is
//! read. But the kernel gives pids out in turn and tells the last one. So after the listing come those that were born
//! meanwhile, then those that were born during these, until there are none: who is not met then does not exist.

use std::collections::VecDeque;
use std::fs::{self, ReadDir};
use std::sync::OnceLock;

use super::{Error, Process};

/// Where the kernel starts again after the highest pid.
const FIRST_PID_AFTER_WRAP: i32 = 300;
/// More newborns than this (somebody else's fork bomb) are left to the caller's next look.
const NEWBORN_LIMIT: usize = 20_000;

/// The pids of the machine: in ascending order those that are there, then the ones that come meanwhile.
///
/// # Errors
/// If the process table cannot be read.
pub fn pids() -> Result<impl Iterator<Item = i32>, Error> {
    let newest = newest_pid();
    let listing = fs::read_dir("/proc").map_err(|error| Error::system("read the process table", error))?;
    Ok(Pids { listing: Some(listing), newborn: VecDeque::new(), newest, chased: 0 })
}

struct Pids {
    listing: Option<ReadDir>,
    newborn: VecDeque<i32>,
    /// The last pid that the kernel had given out when it was asked last.
    newest: Option<i32>,
    chased: usize,
}

impl Iterator for Pids {
    type Item = i32;

    fn next(&mut self) -> Option<i32> {
        if let Some(listing) = &mut self.listing {
            let pid = listing.find_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
            if pid.is_some() {
                return pid;
            }
            self.listing = None;
        }
        loop {
            while let Some(pid) = self.newborn.pop_front() {
                if is_process(pid) {
                    return Some(pid);
                }
            }
            let (before, now) = (self.newest?, newest_pid()?);
            self.newest = Some(now);
            if before == now || self.chased >= NEWBORN_LIMIT {
                return None;
            }
            if before < now {
                self.newborn.extend(before + 1..=now);
            } else {
                self.newborn.extend(before + 1..=highest_pid());
                self.newborn.extend(FIRST_PID_AFTER_WRAP..=now);
            }
            self.newborn.truncate(NEWBORN_LIMIT);
            self.chased += self.newborn.len();
        }
    }
}

/// One process, or `None` when there is none of that pid.
pub fn read(pid: i32) -> Option<Process> {
    parse_stat(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The unit of times in `/proc`, a part of the kernel's interface: so many in a second, on every machine.
const TICKS: u64 = 100;

/// The time now in the unit in which [`Process::start_time`] is told.
pub fn boot_clock() -> Option<u64> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let (seconds, nanoseconds) = (u64::try_from(now.tv_sec).ok()?, u64::try_from(now.tv_nsec).ok()?);
    Some(seconds * TICKS + nanoseconds * TICKS / 1_000_000_000)
}

/// What a process calls itself, at most fifteen bytes of it.
pub fn name(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

/// Whether a signal stopped a process.
pub fn stands_still(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| matches!(rest.split_ascii_whitespace().next(), Some("T" | "t")))
}

/// What a process has in memory, in bytes; 0 if it is gone.
pub fn resident(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) << 10
}

/// Differs after each boot; empty when the kernel does not tell.
pub fn boot_id() -> String {
    static BOOT_ID: OnceLock<String> = OnceLock::new();
    BOOT_ID
        .get_or_init(|| fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned())
        .clone()
}

/// The name in parentheses may itself hold spaces and parentheses: count from the last one.
pub(super) fn parse_stat(pid: i32, stat: &str) -> Option<Process> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<i32>().ok();
    let threads = number(17)?;
    Some(Process {
        pid,
        parent: number(1)?,
        group: number(2)?,
        start_time: fields.get(19)?.parse().ok()?,
        // A process whose first thread has ended shows as a zombie while its other threads go on.
        over: matches!(*fields.first()?, "Z" | "X") && threads <= 1,
    })
}

/// `0.20 0.18 0.12 1/80 11206`: the last word.
fn newest_pid() -> Option<i32> {
    fs::read_to_string("/proc/loadavg").ok()?.split_ascii_whitespace().nth(4)?.parse().ok()
}

fn highest_pid() -> i32 {
    let limit = fs::read_to_string("/proc/sys/kernel/pid_max").ok().and_then(|limit| limit.trim().parse::<i32>().ok());
    limit.unwrap_or(32_768) - 1
}

/// Threads have numbers of the same kind and a directory of their own, which is only not listed.
fn is_process(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let group = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
    group.is_some_and(|group| group.trim().parse() == Ok(pid))
}

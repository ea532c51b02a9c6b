//! Ends the tree below a process, with proof.
//!
//! The proof is the kernel's: a subreaper inherits every orphan below it, so when `wait()` says that there are no
//! children left, there is no descendant left either. Until then: kill what is there, reap, look again.

use std::collections::HashSet;
use std::io;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use super::{Error, Exit, Process, own_pid, pids, read, signal_pid};

/// All processes below `root`, zombies included.
///
/// # Errors
/// If the process table cannot be read.
pub fn descendants(root: i32) -> Result<Vec<Process>, Error> {
    let mut found = Vec::new();
    walk(root, &[], |process| found.push(process.clone()))?;
    Ok(found)
}

/// What `kill_tree_until_none` achieved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burial {
    /// Children whose status was collected.
    pub reaped: u32,
    /// Processes that lived and were sent SIGKILL.
    pub killed: u32,
    /// Processes that could not be ended: of another user, or stuck in the kernel for longer than the patience.
    pub survivors: u32,
}

impl Burial {
    /// Whether nothing is left.
    pub fn is_proven(&self) -> bool {
        self.survivors == 0
    }
}

/// Kills and reaps everything below the calling process until nothing is left, except `keep` and what is below it.
///
/// The caller must be a subreaper. With an empty `keep` the end is proven by `wait()` (`ECHILD`), else by a look at the
/// process table. `patience` is how long it waits without any process ending before it gives up on the rest.
///
/// Nothing outruns it: see `table::pids` for what forks while it looks.
///
/// Between looking and blocking there is no gap: children that exist when a look begins can't vanish during it, since
/// only the caller reaps them; so each look that does not end in `ECHILD` kills at least one, and its end wakes the wait.
///
/// # Errors
/// If the process table cannot be read, or children not be waited for.
pub fn kill_tree_until_none(
    keep: &[i32],
    patience: Duration,
    mut on_reaped: impl FnMut(i32, Exit),
) -> Result<Burial, Error> {
    let mut reaped = 0;
    let mut killed = HashSet::new();
    if keep.is_empty() {
        // Most trees are gone when their end is looked for. Who has no children has no descendants, and to ask for
        // them costs nothing beside a look at all processes of the machine.
        let harvest = reap(keep, &[], &mut on_reaped)?;
        reaped = harvest.reaped;
        if harvest.none_left {
            return Ok(Burial { reaped, killed: 0, survivors: 0 });
        }
    }
    let mut last_end = Instant::now();
    loop {
        let strike = strike(keep, &mut killed)?;
        let count = || killed.len().try_into().unwrap_or(u32::MAX);
        let harvest = reap(keep, &strike.children, &mut on_reaped)?;
        reaped += harvest.reaped;
        if harvest.none_left {
            return Ok(Burial { reaped, killed: count(), survivors: 0 });
        }
        if harvest.reaped > 0 {
            last_end = Instant::now();
            continue;
        }
        if strike.children.is_empty() && strike.immune > 0 {
            return Ok(Burial { reaped, killed: count(), survivors: strike.immune });
        }
        let left = patience.saturating_sub(last_end.elapsed());
        if left.is_zero() {
            let survivors = strike.children.len().try_into().unwrap_or(u32::MAX).saturating_add(strike.immune);
            return Ok(Burial { reaped, killed: count(), survivors });
        }
        wait_for_any_end(&strike.children, left)?;
    }
}

struct Strike {
    /// Direct children that were sent SIGKILL (or are zombies already).
    children: Vec<i32>,
    /// Processes that may not be killed by this user.
    immune: u32,
}

/// Kills what there is, and notes in `killed` who lived until then.
fn strike(keep: &[i32], killed: &mut HashSet<i32>) -> Result<Strike, Error> {
    let me = own_pid();
    let mut strike = Strike { children: Vec::new(), immune: 0 };
    walk(me, keep, |process| {
        let direct = process.parent == me;
        // A direct child can't be reaped, hence its pid not reused, behind the caller's back; others are checked.
        let outcome = if direct {
            signal_pid(process.pid, Signal::KILL).map_err(|error| Error::system("kill", error))
        } else {
            process.identity().signal(Signal::KILL).map(|_| ())
        };
        if outcome.is_ok() && !process.over {
            killed.insert(process.pid);
        }
        match outcome {
            Err(error) if is_permission(&error) && !process.over => strike.immune += 1,
            Ok(()) | Err(_) if direct => strike.children.push(process.pid),
            Ok(()) | Err(_) => {}
        }
    })?;
    Ok(strike)
}

struct Harvest {
    reaped: u32,
    none_left: bool,
}

fn reap(keep: &[i32], children: &[i32], on_reaped: &mut impl FnMut(i32, Exit)) -> Result<Harvest, Error> {
    let mut harvest = Harvest { reaped: 0, none_left: false };
    let mut note = |pid: Pid, status: WaitStatus| {
        if let Some(exit) = Exit::from_wait(status) {
            harvest.reaped += 1;
            on_reaped(pid.as_raw_nonzero().get(), exit);
        }
    };
    if !keep.is_empty() {
        for &child in children {
            if let Ok(Some((pid, status))) = rustix::process::waitpid(Pid::from_raw(child), WaitOptions::NOHANG) {
                note(pid, status);
            }
        }
        harvest.none_left = children.is_empty();
        return Ok(harvest);
    }
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) => note(pid, status),
            Ok(None) => return Ok(harvest),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::CHILD) => {
                harvest.none_left = true;
                return Ok(harvest);
            }
            Err(error) => return Err(Error::system("wait for children", error)),
        }
    }
}

/// Shows every process below `root` to `visit`, as soon as it is met: what forks and ends fast is caught in the act.
fn walk(root: i32, keep: &[i32], mut visit: impl FnMut(&Process)) -> Result<(), Error> {
    let mut tree = Tree { inside: HashSet::from([root]), outside: keep.iter().copied().collect() };
    for process in pids()?.filter_map(read) {
        if process.pid != root && tree.holds(&process) {
            visit(&process);
        }
    }
    Ok(())
}

/// What is known so far of who is below a process and who is not.
struct Tree {
    inside: HashSet<i32>,
    outside: HashSet<i32>,
}

impl Tree {
    /// Most parents have lower pids and are known; who comes from an unknown one (younger than the listing, or of a
    /// higher pid after a wrap-around) is followed upwards. When a parent ends meanwhile, the climb starts again.
    fn holds(&mut self, process: &Process) -> bool {
        let mut start = Some(process.clone());
        for _ in 0..CLIMBS {
            let Some(from) = start else { return false };
            if let Some(held) = self.climb(&from) {
                return held;
            }
            start = read(process.pid);
        }
        false
    }

    /// `None` when the way up was lost.
    fn climb(&mut self, from: &Process) -> Option<bool> {
        let mut path = vec![from.pid];
        let mut parent = from.parent;
        let held = loop {
            if self.outside.contains(&from.pid) || self.outside.contains(&parent) || parent <= 0 {
                break false;
            }
            if self.inside.contains(&parent) {
                break true;
            }
            if path.len() > DEEPEST {
                return None;
            }
            path.push(parent);
            parent = read(parent)?.parent;
        };
        let known = if held { &mut self.inside } else { &mut self.outside };
        known.extend(path);
        Some(held)
    }
}

/// How often a climb is tried; a parent that can't be seen at all would break it for ever.
const CLIMBS: usize = 3;

/// Ends a climb that changes under the climber's feet; nobody nests processes this deep.
const DEEPEST: usize = 10_000;

fn wait_for_any_end(children: &[i32], patience: Duration) -> Result<(), Error> {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{PidfdFlags, pidfd_open};

        /// One end is enough to go on, and descriptors may be scarce.
        const WATCHED: usize = 64;
        let handles: Vec<_> = children
            .iter()
            .take(WATCHED)
            .filter_map(|&pid| pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok())
            .collect();
        if !handles.is_empty() {
            return super::poll_any(&handles, patience);
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = patience;
    // No descriptor to be had: wait for one of those that were killed, however long that takes.
    let Some(pid) = children.first().copied().and_then(Pid::from_raw) else { return Ok(()) };
    let options = rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT;
    match rustix::process::waitid(rustix::process::WaitId::Pid(pid), options) {
        Ok(_) | Err(rustix::io::Errno::CHILD | rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(Error::system("wait for a child", error)),
    }
}

fn is_permission(error: &Error) -> bool {
    match error {
        Error::System { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
        Error::Gone { .. } => false,
    }
}

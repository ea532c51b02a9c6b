//! Puts the runner into a cgroup (v2) of its own, where one may be made: a single write then ends everything in it.
//!
//! Every limit of the parent goes on to apply. Made only where the hierarchy was given to us: the directory of our own
//! cgroup is ours to write, and for root (who may write anywhere) it is also marked as delegated. Otherwise, on cgroup v1
//! and on the hybrid layout without delegation, the subreapers do it alone. They do the proof in any case: a process of
//! the same user can leave a cgroup.
//!
//! The limits of a tree are the kernel's only where the cgroup above the attempts' has the controllers for it enabled, and
//! that is possible only while no process is in it. So a worker that begins moves itself, and what else of ours is there,
//! into [`LEAF`]. Where somebody else's process is beside it, nothing is moved: the runner then looks by itself.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::launch_spec::TreeMax;
use crate::marker;

/// Where workers and keepers are, beside the attempts. A service of systemd names it as its `DelegateSubgroup`.
const LEAF: &str = "convene.workers";
/// What the limits of a tree need.
const CONTROLLERS: [&str; 2] = ["memory", "pids"];
/// How often processes are moved that have come meanwhile.
const ROUNDS: u32 = 5;

/// Whether an attempt that is started from here can have a cgroup of its own.
pub(crate) fn may_enclose() -> bool {
    above_attempts().is_some()
}

/// Sees to it, if it is possible, that the cgroups of attempts have the controllers by which the kernel holds limits. Once,
/// at the start of a worker, before it starts anything.
pub(crate) fn enable_limits() {
    let Some(above) = above_attempts() else { return };
    // What is started by it goes where it is, and what somebody else started is not ours to move.
    let is_ours = |pid: i32| pid == std::process::id().cast_signed() || marker::is_marked(pid);
    match enable_in(&above, is_ours) {
        Ok(()) => tracing::debug!(cgroup = %above.display(), "the kernel holds the limits of attempts"),
        Err(why) => tracing::debug!(cgroup = %above.display(), why, "runners hold the limits of attempts"),
    }
}

/// Enables the controllers for the cgroups in `above`, and moves the processes in it to a leaf if they are all ours.
fn enable_in(above: &Path, is_ours: impl Fn(i32) -> bool) -> Result<(), String> {
    if has_controllers(&above.join("cgroup.subtree_control")) {
        return Ok(());
    }
    if !has_controllers(&above.join("cgroup.controllers")) {
        return Err(format!("it does not have the controllers {}", CONTROLLERS.join(" and ")));
    }
    // systemd starts a service again in the service's own cgroup, which would take no process any more.
    if above.extension().is_some_and(|kind| kind == "service") && !members(above).is_empty() {
        return Err(format!("it is a service's own, without DelegateSubgroup={LEAF}"));
    }
    let leaf = above.join(LEAF);
    let mut moved = Vec::new();
    let enabled = (0..ROUNDS).find_map(|round| {
        let inside = members(above);
        if let Some(other) = inside.iter().find(|pid| !is_ours(**pid)) {
            return Some(Err(format!("process {other} in it is none of ours")));
        }
        if !inside.is_empty()
            && let Err(error) = make(&leaf)
        {
            return Some(Err(format!("cannot make {}: {error}", leaf.display())));
        }
        for pid in inside {
            // One that has ended meanwhile needs no place.
            if put(&leaf.join("cgroup.procs"), &pid.to_string()).is_ok() {
                moved.push(pid);
            }
        }
        match put(&above.join("cgroup.subtree_control"), &CONTROLLERS.map(|name| format!("+{name}")).join(" ")) {
            Ok(()) => Some(Ok(())),
            // Somebody has come meanwhile.
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && round + 1 < ROUNDS => None,
            Err(error) => Some(Err(format!("it does not enable them: {error}"))),
        }
    });
    let enabled = enabled.unwrap_or_else(|| Err("processes come and go in it".to_owned()));
    if enabled.is_err() && !moved.is_empty() {
        for pid in moved {
            let _ = put(&above.join("cgroup.procs"), &pid.to_string());
        }
        let _ = fs::remove_dir(&leaf);
    }
    enabled
}

fn has_controllers(file: &Path) -> bool {
    let listed = fs::read_to_string(file).unwrap_or_default();
    CONTROLLERS.iter().all(|wanted| listed.split_ascii_whitespace().any(|name| name == *wanted))
}

fn members(path: &Path) -> Vec<i32> {
    let listed = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
    listed.lines().filter_map(|line| line.trim().parse().ok()).collect()
}

fn make(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes into a file that the kernel has made.
fn put(file: &Path, text: &str) -> io::Result<()> {
    fs::OpenOptions::new().write(true).truncate(true).open(file)?.write_all(text.as_bytes())
}

/// Makes the cgroup of an attempt and moves `runner` into it. `None` where that may not or can't be done.
pub(crate) fn enclose(session: &str, attempt: u32, runner: i32) -> Option<PathBuf> {
    let path = above_attempts()?.join(format!("convene-{session}-{attempt}"));
    make(&path).ok()?;
    let moved = path.join("cgroup.kill").exists() && put(&path.join("cgroup.procs"), &runner.to_string()).is_ok();
    if !moved {
        remove(&path);
        return None;
    }
    Some(path)
}

/// Has the kernel hold what a tree may take. `false` where it cannot, because the controllers are not enabled; then it
/// holds none of it.
pub(crate) fn limit(path: &Path, max: TreeMax) -> bool {
    is_ours(path) && limit_in(path, max)
}

fn limit_in(path: &Path, max: TreeMax) -> bool {
    let limits = [("pids.max", u64::from(max.processes)), ("memory.max", max.memory)];
    let set = |(file, most): &(&str, u64)| *most == 0 || put(&path.join(file), &most.to_string()).is_ok();
    let all = limits.iter().all(set);
    if !all {
        // One that holds and is told to be looked after by somebody else would be a riddle.
        for (file, _) in limits {
            let _ = put(&path.join(file), "max");
        }
    }
    all
}

/// Kills everything in the cgroup and below it.
pub(crate) fn kill(path: &Path) {
    if is_ours(path) {
        // Not there any more: then nothing is in it.
        let _ = put(&path.join("cgroup.kill"), "1");
    }
}

/// Removes the emptied cgroup, with what the agent may have made below it.
pub(crate) fn remove(path: &Path) {
    if is_ours(path) {
        remove_tree(path);
    }
}

fn remove_tree(path: &Path) {
    if let Ok(entries) = fs::read_dir(path) {
        for entry in entries.filter_map(Result::ok).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            remove_tree(&entry.path());
        }
    }
    let _ = fs::remove_dir(path);
}

/// The path comes from a file that an agent could have written: it must be a cgroup, and one of an attempt.
fn is_ours(path: &Path) -> bool {
    let named = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("convene-"));
    named && is_cgroup2(path)
}

fn is_cgroup2(path: &Path) -> bool {
    const CGROUP2_MAGIC: u64 = 0x6367_7270;
    rustix::fs::statfs(path).is_ok_and(|fs| u64::try_from(fs.f_type).is_ok_and(|magic| magic == CGROUP2_MAGIC))
}

/// The cgroup in which those of attempts are made, if it was given to us: our own, or the one above the leaf.
fn above_attempts() -> Option<PathBuf> {
    let own = own_cgroup()?;
    let above = if own.file_name().is_some_and(|name| name == LEAF) { own.parent()?.to_owned() } else { own };
    is_delegated(&above).then_some(above)
}

fn own_cgroup() -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let relative = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mount = mounts.lines().find_map(cgroup2_mount)?;
    let path = mount.join(relative);
    // A mount that shows another part of the hierarchy than ours would send us elsewhere.
    let members = fs::read_to_string(path.join("cgroup.procs")).ok()?;
    let me = std::process::id().to_string();
    members.lines().any(|member| member == me).then_some(path)
}

/// `36 25 0:30 / /sys/fs/cgroup rw,… shared:9 - cgroup2 cgroup2 rw`
fn cgroup2_mount(line: &str) -> Option<PathBuf> {
    let (mount, kind) = line.split_once(" - ")?;
    if !kind.starts_with("cgroup2 ") {
        return None;
    }
    mount.split(' ').nth(4).map(PathBuf::from)
}

fn is_delegated(own: &Path) -> bool {
    let writable = rustix::fs::access(own, rustix::fs::Access::WRITE_OK).is_ok();
    if !rustix::process::geteuid().is_root() {
        return writable;
    }
    // systemd says so by an attribute; a container that sees its own cgroup as a writable root owns it as well.
    let marked = ["trusted.delegate", "user.delegate"].iter().any(|name| {
        let mut value = [0_u8; 8];
        rustix::fs::getxattr(own, *name, &mut value).is_ok_and(|length| value.get(..length) == Some(b"1".as_slice()))
    });
    writable && marked
}

#[cfg(test)]
#[path = "cgroup_tests.rs"]
mod tests;

//! Puts the runner into a cgroup (v2) of its own, where one may be made: a single write then ends everything in it.
//!
//! Only the runner is moved, only from the process's own cgroup into a new child of it, and no controller is touched:
//! every limit of the parent goes on to apply. Made only where the hierarchy was given to us: the directory of our own
//! cgroup is ours to write, and for root (who may write anywhere) it is also marked as delegated. Otherwise, on cgroup v1
//! and on the hybrid layout without delegation, the subreapers do it alone. They do the proof in any case: a process of
//! the same user can leave a cgroup.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::launch_spec::TreeMax;

/// Whether an attempt that is started from here can have a cgroup of its own.
pub(crate) fn may_enclose() -> bool {
    own_cgroup().is_some_and(|own| is_delegated(&own))
}

/// Makes the cgroup of an attempt and moves `runner` into it. `None` where that may not or can't be done.
pub(crate) fn enclose(session: &str, attempt: u32, runner: i32) -> Option<PathBuf> {
    let own = own_cgroup()?;
    if !is_delegated(&own) {
        return None;
    }
    let path = own.join(format!("convene-{session}-{attempt}"));
    match fs::create_dir(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return None,
        Ok(()) | Err(_) => {}
    }
    let moved = path.join("cgroup.kill").exists() && fs::write(path.join("cgroup.procs"), runner.to_string()).is_ok();
    if !moved {
        remove(&path);
        return None;
    }
    Some(path)
}

/// Has the kernel hold what a tree may take. `false` where it cannot: whoever gave us the cgroup has not given us the
/// controllers, and to take them would change what holds for the processes beside the attempt.
pub(crate) fn limit(path: &Path, max: TreeMax) -> bool {
    let set = |file: &str, most: u64| most == 0 || fs::write(path.join(file), most.to_string()).is_ok();
    is_ours(path) && set("pids.max", max.processes.into()) && set("memory.max", max.memory)
}

/// Kills everything in the cgroup and below it.
pub(crate) fn kill(path: &Path) {
    if is_ours(path) {
        // Not there any more: then nothing is in it.
        let _ = fs::write(path.join("cgroup.kill"), "1");
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

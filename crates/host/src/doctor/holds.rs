//! What contains the processes of sessions here, and which limits hold for them.

use convene_api::doctor::{Finding, FindingCode};
use rustix::process::{Resource, getrlimit};

use crate::keeper::cgroup;

/// Files that a server with its runners and their agents may want open at once.
const FILES: u64 = 4096;
/// Processes that some agents with their tools may want at once.
const PROCESSES: u64 = 512;

/// Whether an attempt can have a cgroup of its own.
pub fn containment() -> Vec<Finding> {
    if cgroup::may_enclose() {
        return Vec::new();
    }
    let found = |holds: &str, summary: String, fix: &str| {
        vec![Finding::new(FindingCode::ContainmentWeak, summary, fix).with("holds", holds)]
    };
    if cfg!(target_os = "linux") {
        let summary = "no cgroup for each attempt here; keeper and runner hold its processes as subreapers, and the runner looks \
                       every few seconds whether they are within limits.tree_processes and limits.tree_memory"
            .to_owned();
        found("subreaper", summary, "systemd-run --user --scope -p Delegate=yes convene serve")
    } else {
        let summary = "this system has no cgroups; what leaves an agent's tree is found by its environment".to_owned();
        found("process_tree", summary, "run `convene serve` on Linux where that matters")
    }
}

/// Whether anything here can confine an agent.
pub fn sandbox() -> Vec<Finding> {
    let abi = landlock_abi();
    if abi > 0 || super::programs::on_path("bwrap") {
        return Vec::new();
    }
    let summary = "neither landlock nor bubblewrap is here: permissions are advice to a well-behaved agent";
    vec![Finding::new(FindingCode::SandboxAbsent, summary, "install bubblewrap").with("landlock_abi", abi)]
}

/// The version of landlock; 0 if the kernel has none.
#[cfg(target_os = "linux")]
fn landlock_abi() -> i64 {
    const VERSION: u32 = 1;
    // Asks for the version alone: no ruleset is made.
    #[expect(unsafe_code, reason = "no safe library that is here asks for it; null and zero are what the call wants")]
    // SAFETY: with this flag the kernel reads neither pointer nor size.
    let abi = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0_usize, VERSION) };
    abi.max(0)
}

#[cfg(not(target_os = "linux"))]
fn landlock_abi() -> i64 {
    0
}

/// Whether the limits of this process are too low for what it starts.
pub fn limits() -> Vec<Finding> {
    let low = |resource, what: &str, flag: &str, least: u64| {
        let limit = getrlimit(resource);
        let now = limit.current.filter(|now| *now < least)?;
        let fix = match limit.maximum.filter(|max| *max < least) {
            Some(max) => format!("raise the hard limit, which is {max}, then: ulimit -{flag} {least}"),
            None => format!("ulimit -{flag} {least}, before the server is started"),
        };
        let found = Finding::new(FindingCode::LimitsLow, format!("only {now} {what} are allowed"), fix);
        Some(found.with("limit", what).with("now", now).with("least", least))
    };
    let files = low(Resource::Nofile, "open files", "n", FILES);
    let processes = low(Resource::Nproc, "processes", "u", PROCESSES);
    files.into_iter().chain(processes).collect()
}

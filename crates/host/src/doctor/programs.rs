//! Programs that agents and worktrees need.

use std::{
    env,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

use convene_api::doctor::{Finding, FindingCode, Severity};

/// Most agents are npm packages, and want at least this.
const NODE: (u32, u32) = (20, 0);
/// What worktrees need.
const GIT: (u32, u32) = (2, 36);

/// Whether node is there and new enough.
pub fn node() -> Vec<Finding> {
    let fix = "install Node 20 or newer";
    match version("node") {
        None => {
            let summary = "node is not on the PATH; most agents are npm packages";
            vec![Finding::new(FindingCode::NodeOld, summary, fix).severity(Severity::Info)]
        }
        Some(found) if found < NODE => {
            let summary = format!("node {}.{} is older than {}, which agents need", found.0, found.1, NODE.0);
            vec![Finding::new(FindingCode::NodeOld, summary, fix).with("version", format!("{}.{}", found.0, found.1))]
        }
        Some(_) => Vec::new(),
    }
}

/// Whether git is there and new enough.
pub fn git() -> Vec<Finding> {
    match version("git") {
        None => {
            let summary = "git is not on the PATH, so nothing can be said about changes, and there are no worktrees";
            vec![Finding::new(FindingCode::GitOld, summary, "install git 2.36 or newer")]
        }
        Some(found) if found < GIT => {
            let summary =
                format!("git {}.{} is older than {}.{}, which worktrees need", found.0, found.1, GIT.0, GIT.1);
            let found = format!("{}.{}", found.0, found.1);
            vec![Finding::new(FindingCode::GitOld, summary, "install git 2.36 or newer").with("version", found)]
        }
        Some(_) => Vec::new(),
    }
}

/// Whether a program is on the search path.
pub fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|dir| {
        dir.join(program).metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    })
}

/// The version that a program tells of itself; none if it is not there or says nothing.
fn version(program: &str) -> Option<(u32, u32)> {
    let mut command = Command::new(program);
    command.arg("--version").current_dir("/").stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok()?;
    numbers(&String::from_utf8_lossy(&output.stdout))
}

/// The first two numbers of a version: `v22.3.1`, `git version 2.47.1 (Apple Git-154)`.
pub fn numbers(text: &str) -> Option<(u32, u32)> {
    let word = text
        .split_ascii_whitespace()
        .find(|word| word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit()))?;
    let mut parts = word.trim_start_matches('v').split('.');
    let number = |part: Option<&str>| part?.parse().ok();
    Some((number(parts.next())?, number(parts.next()).unwrap_or(0)))
}

//! What a session may do without a person: permission modes and the roots they are confined to.
//!
//! Without a sandbox this is advice to a well-behaved agent, and the product says so where it is set.

use std::path::{Component, Path, PathBuf};

use crate::{
    content::{ToolCall, ToolContent},
    event::Decision,
    spec::{PermissionMode, SessionSpec},
};

/// The decision that the session's mode takes by itself; `None` asks a person.
pub fn decide(spec: &SessionSpec, call: &ToolCall) -> Option<Decision> {
    match spec.permissions {
        PermissionMode::Ask => None,
        PermissionMode::Deny => Some(Decision::RejectOnce),
        // What a mode allows by itself it allows inside the session's directories only.
        PermissionMode::Reads | PermissionMode::All if !touches_only_roots(spec, call) => Some(Decision::RejectOnce),
        PermissionMode::All => Some(Decision::AllowOnce),
        PermissionMode::Reads => {
            let reads = matches!(call.kind.as_deref(), Some("read" | "search"));
            reads.then_some(Decision::AllowOnce)
        }
    }
}

/// Whether every file that a tool call names lies in the session's directories.
fn touches_only_roots(spec: &SessionSpec, call: &ToolCall) -> bool {
    let located = call.locations.iter().flatten().map(|location| &location.path);
    let changed = call.content.iter().flatten().filter_map(|part| match part {
        ToolContent::Diff { path, .. } => Some(path),
        ToolContent::Content { .. } | ToolContent::Terminal { .. } => None,
    });
    located.chain(changed).all(|path| inside_roots(spec, Path::new(path)))
}

/// Whether a path, made absolute against `cwd` and cleaned of `.` and `..`, lies in the session's directories: `cwd` and
/// `add_dirs`. Components are compared, not letters: `/a/bc` is not in `/a/b`.
///
/// Symbolic links are the caller's: it hands in the resolved path where it is about to act on a file.
pub fn inside_roots(spec: &SessionSpec, path: &Path) -> bool {
    let cwd = Path::new(&spec.cwd);
    let Some(path) = clean(&cwd.join(path)) else { return false };
    std::iter::once(&spec.cwd)
        .chain(&spec.add_dirs)
        // A root that is not absolute, or empty, is none: everything would lie in it.
        .filter_map(|root| clean(&cwd.join(root)).filter(|root| root.is_absolute()))
        .any(|root| path.starts_with(root))
}

/// A path without `.` and `..`; `None` if it climbs above the root or holds a NUL.
pub fn clean(path: &Path) -> Option<PathBuf> {
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return None;
    }
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => out.push(part),
            Component::CurDir => {}
            Component::ParentDir => {
                if !out.pop() {
                    return None;
                }
            }
        }
    }
    Some(out)
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod policy_tests;

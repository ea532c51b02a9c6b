//! What a session may do without a person: permission modes and the roots they are confined to.
//!
//! Without a sandbox this is advice to a well-behaved agent, and the product says so where it is set.

use std::path::{Component, Path, PathBuf};

use crate::{
    content::ToolCall,
    event::Decision,
    spec::{PermissionMode, SessionSpec},
};

/// The decision that the session's mode takes by itself; `None` asks a person.
pub fn decide(spec: &SessionSpec, call: &ToolCall) -> Option<Decision> {
    let outside = call.locations.iter().flatten().any(|l| !inside_roots(spec, Path::new(&l.path)));
    match spec.permissions {
        PermissionMode::Ask => None,
        PermissionMode::Deny => Some(Decision::RejectOnce),
        PermissionMode::Reads | PermissionMode::All if outside => Some(Decision::RejectOnce),
        PermissionMode::All => Some(Decision::AllowOnce),
        PermissionMode::Reads => {
            let reads = matches!(call.kind.as_deref(), Some("read" | "search"));
            reads.then_some(Decision::AllowOnce)
        }
    }
}

/// Whether a path, made absolute against `cwd` and cleaned of `.` and `..`, lies in the session's directories.
///
/// Symbolic links are the caller's: it hands in the resolved path where it is about to act on a file.
pub fn inside_roots(spec: &SessionSpec, path: &Path) -> bool {
    let Some(clean) = clean(&Path::new(&spec.cwd).join(path)) else { return false };
    std::iter::once(&spec.cwd).chain(&spec.add_dirs).any(|root| clean.starts_with(root))
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

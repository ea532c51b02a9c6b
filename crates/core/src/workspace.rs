//! Where a session works: its directory, the repository it lies in, and the worktree that was made for it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A wish for a git worktree of one's own, with a branch of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorktreeSpec {
    /// The name of the new branch; `convene/` and the short id if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit, branch or tag it begins on; what is checked out in the session's directory if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
}

/// What the worker found, or made, before the first agent was started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Workspace {
    /// The directory that the agent works in, absolute.
    pub cwd: String,
    /// The top of the git repository or worktree that it lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The branch that was checked out; absent on a detached head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit that was checked out: changes are compared with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The repository's top that the worktree was made from; absent if the session works where it was told to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree_of: Option<String>,
}

impl Workspace {
    /// The directory that the session was told to work in: of a worktree, the one in the repository it was made from.
    pub fn told(&self) -> PathBuf {
        let (Some(root), Some(repository)) = (&self.root, &self.worktree_of) else { return PathBuf::from(&self.cwd) };
        match Path::new(&self.cwd).strip_prefix(root) {
            Ok(below) if below.as_os_str().is_empty() => PathBuf::from(repository),
            Ok(below) => Path::new(repository).join(below),
            Err(_) => PathBuf::from(&self.cwd),
        }
    }
}

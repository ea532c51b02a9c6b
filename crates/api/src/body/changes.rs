//! Bodies about the files of a session's directory.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What changed in a session's directory: the working tree compared with the commit that the session began on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileChanges {
    /// The top directory of the repository or worktree.
    pub root: String,
    /// The branch that is checked out; absent on a detached head.
    pub branch: Option<String>,
    /// The commit that is compared with, in full; absent in a repository without commits.
    pub base: Option<String>,
    /// The commit that is checked out, in full.
    pub head: Option<String>,
    /// Commits that were made since the base.
    pub commits: u32,
    /// The files, by path.
    pub files: Vec<FileChange>,
    /// Lines added in all files.
    pub additions: u64,
    /// Lines removed in all files.
    pub deletions: u64,
    /// Whether files or diffs were left out because of the limits: 1,000 files, 200 KB a diff, 4 MB in all.
    pub truncated: bool,
}

/// A file that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileChange {
    /// Its path below the root.
    pub path: String,
    /// Its path before, if it was renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_path: Option<String>,
    /// What happened to it.
    pub status: FileStatus,
    /// Lines added; absent for a binary file.
    pub additions: Option<u64>,
    /// Lines removed; absent for a binary file.
    pub deletions: Option<u64>,
    /// Whether all of it is committed.
    pub committed: bool,
    /// The unified diff with three lines of context; absent for a binary file, or if it was too large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    /// It was not there, and git knows it now.
    Added,
    /// It was not there, and git does not know it.
    Untracked,
    /// It is another.
    Modified,
    /// It is gone.
    Deleted,
    /// It has another name.
    Renamed,
    /// Its kind changed: a file, a link, a submodule.
    TypeChanged,
    /// It has a conflict that nobody solved.
    Conflicted,
}

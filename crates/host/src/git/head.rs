//! What is checked out in a directory, read from the repository's files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use convene_core::workspace::Workspace;

/// The most bytes that are read of a file of the repository: `packed-refs` may be long.
const MOST: u64 = 16 << 20;

/// Looks at the repository that a directory lies in. What cannot be read is left out: it is for people to see, and for
/// comparing later.
pub fn look(cwd: &Path) -> Workspace {
    let mut found = Workspace { cwd: cwd.display().to_string(), ..Workspace::default() };
    let Some((root, git_dir)) = repository(cwd) else { return found };
    found.root = root.to_str().map(str::to_owned);
    let Some(head) = read(&git_dir.join("HEAD")) else { return found };
    match head.strip_prefix("ref: ") {
        Some(reference) => {
            found.branch = reference.strip_prefix("refs/heads/").map(str::to_owned);
            found.base = commit_of(&git_dir, reference);
        }
        None => found.base = as_commit(&head),
    }
    found
}

/// The top of the repository or worktree that a directory lies in, and its administrative directory.
fn repository(cwd: &Path) -> Option<(PathBuf, PathBuf)> {
    cwd.ancestors().find_map(|dir| {
        let dot = dir.join(".git");
        let found = fs::metadata(&dot).ok()?;
        if found.is_dir() {
            return Some((dir.to_owned(), dot));
        }
        // A worktree or a submodule: a file that says where.
        let elsewhere = read(&dot)?;
        let elsewhere = elsewhere.strip_prefix("gitdir: ")?;
        Some((dir.to_owned(), dir.join(elsewhere)))
    })
}

fn commit_of(git_dir: &Path, reference: &str) -> Option<String> {
    let common = read(&git_dir.join("commondir")).map_or_else(|| git_dir.to_owned(), |common| git_dir.join(common));
    // A name that climbs is none.
    if reference.split('/').any(|part| part.is_empty() || part == "..") {
        return None;
    }
    let loose = [git_dir, &common].into_iter().find_map(|dir| read(&dir.join(reference)));
    if let Some(commit) = loose {
        return as_commit(&commit);
    }
    let packed = read(&common.join("packed-refs"))?;
    packed.lines().find_map(|line| {
        let (commit, name) = line.split_once(' ')?;
        (name == reference).then(|| as_commit(commit)).flatten()
    })
}

fn as_commit(text: &str) -> Option<String> {
    let is_hash = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| text.to_owned())
}

fn read(path: &Path) -> Option<String> {
    let found = fs::metadata(path).ok()?;
    if !found.is_file() || found.len() > MOST {
        return None;
    }
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

//! A git worktree and a branch for one session, and their safe removal.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use convene_core::{
    ids::SessionId,
    workspace::{Workspace, WorktreeSpec},
};

use super::{CHECK_OUT, Error, Git, head};

/// Held by who removes one.
static REMOVING: Mutex<()> = Mutex::new(());

/// What became of the branch of a worktree that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Branch {
    /// It is gone too: every commit on it is on another branch.
    Removed,
    /// It stays: it has commits that are nowhere else.
    Kept,
}

/// Makes the worktree of a session, or takes the one that is there. Blocks.
///
/// The session works in the same directory of the worktree that it was told to work in of the repository.
///
/// # Errors
/// If `cwd` is in no repository, or git says no: a branch of that name exists, the base is no commit.
pub fn make(root: &Path, cwd: &Path, session: SessionId, spec: &WorktreeSpec) -> Result<Workspace, Error> {
    let git = Git::at(cwd);
    let top = PathBuf::from(git.line(&["rev-parse", "--show-toplevel"])?);
    let below = git.line(&["rev-parse", "--show-prefix"])?;
    let name = top.file_name().and_then(|name| name.to_str()).unwrap_or("repository");
    let path = root.join(format!("{name}-{}", session.short()));
    let branch = spec.branch.clone().unwrap_or_else(|| format!("convene/{}", session.short()));
    if !path.join(".git").exists() {
        make_root(root)?;
        let target = path.display().to_string();
        let base = spec.base.as_deref().unwrap_or("HEAD");
        // Whether it is a commit is said in better words than `worktree add` has.
        let base = git.line(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{base}^{{commit}}")]);
        let base = base.map_err(|error| match error {
            Error::Failed { dir, .. } => Error::Failed {
                action: "worktree add".to_owned(),
                dir,
                said: match &spec.base {
                    Some(base) => format!("{base:?} names no commit"),
                    None => "the repository has no commit yet".to_owned(),
                },
            },
            other => other,
        })?;
        // One that was deleted by hand is still in git's list.
        git.run(&["worktree", "prune"])?;
        let add = ["worktree", "add", "--quiet", "-b", &branch, "--", &target, &base];
        Git::at(cwd).limit(CHECK_OUT).run(&add)?;
    }
    let found = head::look(&path);
    let below = below.trim_end_matches('/');
    let cwd = if below.is_empty() { path } else { path.join(below) };
    Ok(Workspace { cwd: cwd.display().to_string(), worktree_of: Some(top.display().to_string()), ..found })
}

/// Makes a known worktree again whose directory is gone: what was committed on its branch is in it. Blocks.
///
/// # Errors
/// If the repository is gone, or git says no.
pub fn make_again(known: &Workspace) -> Result<(), Error> {
    let (Some(path), Some(repository)) = (&known.root, &known.worktree_of) else { return Ok(()) };
    if Path::new(&known.cwd).is_dir() {
        return Ok(());
    }
    let repository = Path::new(repository);
    if !repository.is_dir() {
        return Err(Error::NotARepository { dir: repository.to_owned() });
    }
    let git = Git::at(repository).limit(CHECK_OUT);
    git.run(&["worktree", "prune"])?;
    let base = known.base.as_deref().unwrap_or("HEAD");
    let Some(branch) = known.branch.as_deref() else {
        return git.run(&["worktree", "add", "--quiet", "--detach", "--", path, base]).map(drop);
    };
    let is_there = git.run(&["rev-parse", "--verify", "--quiet", &format!("refs/heads/{branch}")]).is_ok();
    let add = if is_there { vec!["--", path, branch] } else { vec!["-b", branch, "--", path, base] };
    git.run(&[&["worktree", "add", "--quiet"], &add[..]].concat()).map(drop)
}

/// Whether a worktree may go: one that convene made, without files that are not committed unless `force` says so. One whose
/// directory is gone is removed already. Blocks.
///
/// # Errors
/// `Dirty` if there are files that are not committed; else what git says.
pub fn may_remove(root: &Path, path: &Path, force: bool) -> Result<(), Error> {
    let inside = path.parent() == Some(root) && path.file_name().is_some();
    if !inside {
        let said = "it was not made by convene".to_owned();
        return Err(Error::Failed { action: "worktree remove".to_owned(), dir: path.to_owned(), said });
    }
    if !path.exists() {
        return Ok(());
    }
    let git = Git::at(path);
    let files = git.run(&["status", "--porcelain", "-z", "--untracked-files=all", "--ignore-submodules=none"])?;
    let files = files.pieces().count();
    if files > 0 && !force {
        return Err(Error::Dirty { dir: path.to_owned(), files });
    }
    Ok(())
}

/// Removes a worktree, if nothing is lost by that or `force` says so; its branch only if all its commits are on other
/// branches. One whose directory is gone is removed already. Blocks.
///
/// # Errors
/// `Dirty` if there are files that are not committed; else what git says.
pub fn remove(root: &Path, path: &Path, branch: &str, force: bool) -> Result<Branch, Error> {
    // One after the other: two branches may have commits that only they have, and the second must not count on the first.
    let _alone = REMOVING.lock().unwrap_or_else(PoisonError::into_inner);
    may_remove(root, path, force)?;
    if !path.exists() {
        return Ok(Branch::Kept);
    }
    let git = Git::at(path);
    // The main worktree: from there both can go. The first in the list is it, by git's own promise.
    let list = git.run(&["worktree", "list", "--porcelain", "-z"])?;
    let main = list.pieces().find_map(|line| line.strip_prefix("worktree ").map(PathBuf::from));
    let main = main.ok_or_else(|| Error::NotARepository { dir: path.to_owned() })?;
    let only_here = commits_only_on(&git, branch)?;
    let target = path.display().to_string();
    // Twice: git wants it twice for a locked one, and ignored files are no reason to stop.
    Git::at(&main).limit(CHECK_OUT).run(&["worktree", "remove", "--force", "--force", "--", &target])?;
    if branch.is_empty() || only_here > 0 {
        return Ok(Branch::Kept);
    }
    Git::at(&main).run(&["branch", "--quiet", "-D", "--", branch])?;
    Ok(Branch::Removed)
}

/// How many commits are on a branch and on no other, here or at a remote.
fn commits_only_on(git: &Git<'_>, branch: &str) -> Result<u64, Error> {
    if branch.is_empty() {
        return Ok(0);
    }
    let this = format!("refs/heads/{branch}");
    let format = "--format=%(objectname) %(refname)";
    let others = git.run(&["for-each-ref", format, "refs/heads", "refs/remotes", "refs/tags"])?;
    let others = others.text();
    let mut arguments = vec!["rev-list", "--count", &this, "--not"];
    // By what they point to: somebody may delete one of them meanwhile, and git does not go on with a name that is gone.
    let others = others.lines().filter_map(|line| line.split_once(' '));
    arguments.extend(others.filter(|(_, name)| *name != this).map(|(object, _)| object));
    Ok(git.line(&arguments)?.parse().unwrap_or(u64::MAX))
}

fn make_root(root: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(root);
    made.map_err(|source| Error::Machine { dir: root.to_owned(), source })
}

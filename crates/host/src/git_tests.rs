use std::{fs, path::Path, thread};

use convene_api::body::FileStatus;
use convene_core::{
    ids::SessionId,
    workspace::{Workspace, WorktreeSpec},
};

use super::{Error, Git, changes, head, worktree};

struct Repository {
    dir: tempfile::TempDir,
}

impl Repository {
    fn new() -> Self {
        let this = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir_all(this.path().join("sub")).unwrap();
        this.git(&["init", "--quiet", "-b", "main"]);
        this.git(&["config", "user.name", "T"]);
        this.git(&["config", "user.email", "t@example.invalid"]);
        this.write("a.txt", "one\ntwo\nthree\n");
        this.write("sub/b.txt", "b\n");
        this.commit("first");
        this
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().canonicalize().unwrap().join("repo")
    }

    fn worktrees(&self) -> std::path::PathBuf {
        self.dir.path().canonicalize().unwrap().join("worktrees")
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(&self.path(), arguments)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "--quiet", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }
}

fn git(dir: &Path, arguments: &[&str]) -> String {
    Git::at(dir).line(arguments).unwrap()
}

fn session() -> SessionId {
    SessionId::new(uuid::Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_00ab_cdef))
}

#[test]
fn head_is_read_as_git_reads_it() {
    let repo = Repository::new();
    let found = head::look(&repo.path().join("sub"));
    assert_eq!(found.root.as_deref(), repo.path().to_str());
    assert_eq!(found.branch.as_deref(), Some("main"));
    assert_eq!(found.base.as_deref(), Some(repo.git(&["rev-parse", "HEAD"]).as_str()));

    repo.git(&["pack-refs", "--all"]);
    assert_eq!(head::look(&repo.path()).base, found.base);
    repo.git(&["checkout", "--quiet", "--detach"]);
    let detached = head::look(&repo.path());
    assert_eq!((detached.branch, detached.base), (None, found.base));

    let outside = tempfile::tempdir().unwrap();
    let nothing = head::look(outside.path());
    assert_eq!((nothing.root, nothing.branch, nothing.base), (None, None, None));
}

#[test]
fn worktree_is_made_once_and_removed_when_nothing_is_lost() {
    let repo = Repository::new();
    let made =
        worktree::make(&repo.worktrees(), &repo.path().join("sub"), session(), &WorktreeSpec::default()).unwrap();
    assert_eq!(made.branch.as_deref(), Some("convene/abcdef"));
    assert!(made.cwd.ends_with("repo-abcdef/sub"), "{}", made.cwd);
    assert_eq!(made.worktree_of.as_deref(), repo.path().to_str());
    assert_eq!(fs::read_to_string(Path::new(&made.cwd).join("b.txt")).unwrap(), "b\n");
    let again =
        worktree::make(&repo.worktrees(), &repo.path().join("sub"), session(), &WorktreeSpec::default()).unwrap();
    assert_eq!(made, again);

    let root = made.root.clone().unwrap();
    fs::write(Path::new(&root).join("new.txt"), "n\n").unwrap();
    let dirty = worktree::remove(&repo.worktrees(), Path::new(&root), "convene/abcdef", false);
    assert!(matches!(dirty, Err(Error::Dirty { files: 1, .. })), "{dirty:?}");
    assert!(Path::new(&root).join("new.txt").exists());

    fs::remove_file(Path::new(&root).join("new.txt")).unwrap();
    let removed = worktree::remove(&repo.worktrees(), Path::new(&root), "convene/abcdef", false).unwrap();
    assert_eq!(removed, worktree::Branch::Removed);
    assert!(!Path::new(&root).exists());
    assert_eq!(repo.git(&["branch", "--list", "convene/*"]), "");
}

#[test]
fn branch_with_commits_of_its_own_stays() {
    let repo = Repository::new();
    let made = worktree::make(&repo.worktrees(), &repo.path(), session(), &WorktreeSpec::default()).unwrap();
    let root = made.root.clone().unwrap();
    fs::write(Path::new(&root).join("a.txt"), "other\n").unwrap();
    git(Path::new(&root), &["commit", "--quiet", "-a", "-m", "work"]);
    let removed = worktree::remove(&repo.worktrees(), Path::new(&root), "convene/abcdef", false).unwrap();
    assert_eq!(removed, worktree::Branch::Kept);
    // Its next attempt finds everything that was committed.
    worktree::make_again(&made).unwrap();
    assert_eq!(fs::read_to_string(Path::new(&root).join("a.txt")).unwrap(), "other\n");
}

#[test]
fn what_two_branches_share_stays_on_one_of_them_when_both_are_removed_at_once() {
    let repo = Repository::new();
    let other = SessionId::new(uuid::Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0012_3456));
    let made = [session(), other]
        .map(|session| worktree::make(&repo.worktrees(), &repo.path(), session, &WorktreeSpec::default()).unwrap());
    let [root, other] = made.each_ref().map(|made| Path::new(made.root.as_deref().unwrap()));
    fs::write(root.join("a.txt"), "other\n").unwrap();
    git(root, &["commit", "--quiet", "-a", "-m", "work"]);
    let work = git(root, &["rev-parse", "HEAD"]);
    git(other, &["reset", "--quiet", "--hard", &work]);

    let removed = thread::scope(|scope| {
        let remove = |made: &Workspace| {
            let (root, branch) = (made.root.clone().unwrap(), made.branch.clone().unwrap());
            let root_of_all = repo.worktrees();
            scope.spawn(move || worktree::remove(&root_of_all, Path::new(&root), &branch, false).unwrap())
        };
        made.each_ref().map(remove).map(|one| one.join().unwrap())
    });
    assert_eq!(removed.iter().filter(|branch| **branch == worktree::Branch::Kept).count(), 1, "{removed:?}");
    assert_eq!(repo.git(&["branch", "--list", "--format=%(objectname)", "convene/*"]), work);
}

#[test]
fn worktree_of_what_is_none_is_refused_and_makes_nothing() {
    let repo = Repository::new();
    let outside = tempfile::tempdir().unwrap();
    let refused = worktree::make(&repo.worktrees(), outside.path(), session(), &WorktreeSpec::default());
    assert!(matches!(refused, Err(Error::NotARepository { .. })), "{refused:?}");
    let wrong = WorktreeSpec { base: Some("no-such-branch".to_owned()), branch: None };
    let refused = worktree::make(&repo.worktrees(), &repo.path(), session(), &wrong).unwrap_err();
    assert!(refused.to_string().contains("\"no-such-branch\" names no commit"), "{refused}");
    assert_eq!(repo.git(&["worktree", "list"]).lines().count(), 1);
    let foreign = worktree::remove(&repo.worktrees(), &repo.path(), "main", true);
    assert!(matches!(foreign, Err(Error::Failed { .. })), "{foreign:?}");
    assert!(repo.path().join("a.txt").exists());
}

#[test]
fn changes_are_those_since_the_base() {
    let repo = Repository::new();
    repo.write("gone.txt", "x\n");
    repo.write("moved.txt", "a long enough text\nwith several lines\nto be known again\n");
    let base = repo.commit("second");
    repo.write("a.txt", "one\n2\nthree\n");
    fs::remove_file(repo.path().join("gone.txt")).unwrap();
    fs::rename(repo.path().join("moved.txt"), repo.path().join("sub/moved here.txt")).unwrap();
    repo.write("image.bin", "\0\u{1}");
    let head = repo.commit("third");
    repo.write("sub/b.txt", "b\nc");
    repo.write("new \u{e4}.txt", "n\nm\n");

    let found = changes::since(&repo.path().join("sub"), Some(&base)).unwrap();
    assert_eq!((found.branch.as_deref(), found.commits, found.truncated), (Some("main"), 1, false));
    assert_eq!((found.base, found.head), (Some(base), Some(head)));
    let seen: Vec<_> = found
        .files
        .iter()
        .map(|f| (f.path.as_str(), f.status, f.additions, f.deletions, f.committed, f.diff.is_some()))
        .collect();
    assert_eq!(
        seen,
        [
            ("a.txt", FileStatus::Modified, Some(1), Some(1), true, true),
            ("gone.txt", FileStatus::Deleted, Some(0), Some(1), true, true),
            ("image.bin", FileStatus::Added, None, None, true, false),
            ("new \u{e4}.txt", FileStatus::Untracked, Some(2), Some(0), false, true),
            ("sub/b.txt", FileStatus::Modified, Some(1), Some(0), false, true),
            ("sub/moved here.txt", FileStatus::Renamed, Some(0), Some(0), true, false),
        ]
    );
    assert_eq!(found.files[5].old_path.as_deref(), Some("moved.txt"));
    let diff = found.files[4].diff.as_deref().unwrap();
    assert!(diff.contains("+c\n\\ No newline at end of file"), "{diff}");
    assert!(found.files[3].diff.as_deref().unwrap().ends_with("@@ -0,0 +1,2 @@\n+n\n+m\n"));
}

#[test]
fn changes_of_a_repository_without_commits_are_all_its_files() {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "--quiet", "-b", "main"]);
    fs::write(dir.path().join("staged.txt"), "s\n").unwrap();
    git(dir.path(), &["add", "-A"]);
    fs::write(dir.path().join("loose.txt"), "l\n").unwrap();
    let found = changes::since(dir.path(), None).unwrap();
    let seen: Vec<_> = found.files.iter().map(|f| (f.path.as_str(), f.status, f.committed)).collect();
    assert_eq!(seen, [("loose.txt", FileStatus::Untracked, false), ("staged.txt", FileStatus::Added, false)]);
    assert_eq!(found.base, None);
    let outside = tempfile::tempdir().unwrap();
    assert!(matches!(changes::since(outside.path(), None), Err(Error::NotARepository { .. })));
}

#[test]
fn question_that_takes_too_long_is_given_up() {
    let repo = Repository::new();
    repo.git(&["config", "alias.wait", "!tail -f /dev/null"]);
    let limit = std::time::Duration::from_millis(300);
    let late = Git::at(&repo.path()).limit(limit).run(&["wait"]);
    assert!(matches!(late, Err(Error::TooSlow { .. })), "{late:?}");
}

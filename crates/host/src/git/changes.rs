//! What changed in a directory's repository since a commit, committed or not.

use std::{collections::HashSet, fs, path::Path};

use convene_api::body::{FileChange, FileChanges, FileStatus};

use super::{Error, Git};

/// The most files that are listed.
const FILES: usize = 1_000;
/// The largest diff of a file, in bytes.
const DIFF: usize = 200 << 10;
/// The most bytes of all diffs.
const DIFFS: usize = 4 << 20;

/// Compares the working tree with a commit. Blocks.
///
/// # Errors
/// If the directory is in no repository, or git says no.
pub fn since(cwd: &Path, base: Option<&str>) -> Result<FileChanges, Error> {
    let root = Git::at(cwd).line(&["rev-parse", "--show-toplevel"])?;
    let dir = Path::new(&root);
    let git = Git::at(dir);
    let commit = |name: &str| {
        let name = format!("{name}^{{commit}}");
        git.line(&["rev-parse", "--verify", "--quiet", "--end-of-options", &name]).ok()
    };
    let head = commit("HEAD");
    // A base that was thrown away by a rewrite of the history is none.
    let base = base.and_then(commit).or_else(|| head.clone());
    let tree = match &base {
        Some(base) => base.clone(),
        // Of a repository without commits everything is new: compared with the empty tree.
        None => git.line(&["hash-object", "-t", "tree", "--", "/dev/null"])?,
    };
    let commits = match (&base, &head) {
        (Some(base), Some(_)) => git.line(&["rev-list", "--count", &format!("{base}..HEAD")])?.parse().unwrap_or(0),
        (None, _) | (_, None) => 0,
    };
    let mut found = FileChanges {
        branch: git.line(&["symbolic-ref", "--quiet", "--short", "HEAD"]).ok(),
        base,
        head,
        commits,
        ..FileChanges::default()
    };
    tracked(&git, &tree, &mut found)?;
    untracked(&git, dir, &mut found)?;
    found.files.sort_by(|a, b| a.path.cmp(&b.path));
    found.additions = found.files.iter().filter_map(|file| file.additions).sum();
    found.deletions = found.files.iter().filter_map(|file| file.deletions).sum();
    found.root = root;
    Ok(found)
}

/// No helper of the repository's is run: neither external diffs nor filters for reading.
const PLAIN: [&str; 5] =
    ["--no-ext-diff", "--no-textconv", "--find-renames", "--no-color", "--ignore-submodules=dirty"];

fn tracked(git: &Git<'_>, tree: &str, found: &mut FileChanges) -> Result<(), Error> {
    let list = |what: &[&str]| git.run(&[&["diff"], &PLAIN[..], what, &[tree, "--"]].concat());
    let names = list(&["--name-status", "-z"])?;
    let counts = list(&["--numstat", "-z"])?;
    let dirty: Option<HashSet<String>> = match &found.head {
        Some(head) => Some(git.run(&["diff", "--no-ext-diff", "--name-only", "-z", head, "--"])?.pieces().collect()),
        None => None,
    };
    found.truncated |= names.cut || counts.cut;
    let mut counts = counts_of(&counts.pieces().collect::<Vec<_>>());
    let mut pieces = names.pieces();
    while let Some(status) = pieces.next() {
        let renamed = status.starts_with(['R', 'C']);
        let old_path = if renamed { pieces.next() } else { None };
        let Some(path) = pieces.next() else { break };
        let status = match status.as_bytes().first() {
            Some(b'A' | b'C') => FileStatus::Added,
            Some(b'D') => FileStatus::Deleted,
            Some(b'R') => FileStatus::Renamed,
            Some(b'T') => FileStatus::TypeChanged,
            Some(b'U') => FileStatus::Conflicted,
            _ => FileStatus::Modified,
        };
        // An unmerged file is listed twice: the conflict, and what it did to the file.
        if found.files.last().is_some_and(|last| last.path == path) {
            continue;
        }
        if found.files.len() >= FILES {
            found.truncated = true;
            break;
        }
        let (additions, deletions) = counts.remove(&path).unwrap_or((None, None));
        let committed = dirty.as_ref().is_some_and(|dirty| !dirty.contains(&path));
        found.files.push(FileChange { path, old_path, status, additions, deletions, committed, diff: None });
    }
    let patch = git_patch(git, tree)?;
    found.truncated |= patch.1;
    attach(&patch.0, found);
    Ok(())
}

fn git_patch(git: &Git<'_>, tree: &str) -> Result<(String, bool), Error> {
    let arguments =
        [&["diff"], &PLAIN[..], &["--unified=3", "--src-prefix=a/", "--dst-prefix=b/", tree, "--"]].concat();
    let output = Git { most: DIFFS, ..*git }.run(&arguments)?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.cut {
        // The last file is not whole.
        let whole = text.rfind("\ndiff --git ").map_or(0, |at| at + 1);
        text.truncate(whole);
    }
    Ok((text, output.cut))
}

/// Gives each file its part of the patch.
fn attach(patch: &str, found: &mut FileChanges) {
    for part in parts(patch) {
        let Some(file) = found.files.iter_mut().find(|file| is_about(part, file)) else { continue };
        if part.len() > DIFF {
            found.truncated = true;
            continue;
        }
        // A file whose kind changed has two parts: the old one goes, the new one comes.
        file.diff.get_or_insert_default().push_str(part);
    }
    for file in &mut found.files {
        // A part without a hunk says nothing that the fields do not: a binary file, a mode, a rename alone.
        if file.diff.as_ref().is_some_and(|diff| !diff.contains("\n@@ ")) {
            file.diff = None;
        }
    }
}

/// The parts of a patch, one for each `diff --git`.
fn parts(patch: &str) -> impl Iterator<Item = &str> {
    let starts: Vec<usize> = std::iter::once(0)
        .filter(|_| patch.starts_with("diff --git "))
        .chain(patch.match_indices("\ndiff --git ").map(|(at, _)| at + 1))
        .collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([patch.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| &patch[start..end])
}

fn is_about(part: &str, file: &FileChange) -> bool {
    let head = part.lines().next().unwrap_or_default();
    let old = file.old_path.as_deref().unwrap_or(&file.path);
    let quoted = |prefix: &str, path: &str| {
        let escaped = path.replace('\\', "\\\\").replace('"', "\\\"").replace('\t', "\\t").replace('\n', "\\n");
        format!("\"{prefix}/{escaped}\"")
    };
    let plain = |prefix: &str, path: &str| format!("{prefix}/{path}");
    [plain("a", old), quoted("a", old)].iter().any(|from| {
        [plain("b", &file.path), quoted("b", &file.path)].iter().any(|to| head == format!("diff --git {from} {to}"))
    })
}

/// Lines added and removed by path, from `--numstat -z`; of a binary file neither is known.
fn counts_of(pieces: &[String]) -> std::collections::HashMap<String, (Option<u64>, Option<u64>)> {
    let mut counts = std::collections::HashMap::new();
    let mut pieces = pieces.iter();
    while let Some(piece) = pieces.next() {
        let mut columns = piece.splitn(3, '\t');
        let (Some(added), Some(removed)) = (columns.next(), columns.next()) else { continue };
        let path = match columns.next() {
            // A rename: the old path and the new one are pieces of their own.
            None | Some("") => {
                let _old = pieces.next();
                pieces.next().cloned().unwrap_or_default()
            }
            Some(path) => path.to_owned(),
        };
        counts.insert(path, (added.parse().ok(), removed.parse().ok()));
    }
    counts
}

fn untracked(git: &Git<'_>, root: &Path, found: &mut FileChanges) -> Result<(), Error> {
    let listed = git.run(&["ls-files", "--others", "--exclude-standard", "--full-name", "-z"])?;
    found.truncated |= listed.cut;
    let mut left = DIFFS;
    for path in listed.pieces() {
        if found.files.len() >= FILES {
            found.truncated = true;
            break;
        }
        let mut file = FileChange {
            path,
            old_path: None,
            status: FileStatus::Untracked,
            additions: None,
            deletions: None,
            committed: false,
            diff: None,
        };
        match new_file(&root.join(&file.path), &file.path, left.min(DIFF)) {
            Content::Text { lines, diff } => {
                left -= diff.len();
                file.additions = Some(lines);
                file.deletions = Some(0);
                file.diff = Some(diff).filter(|diff| !diff.is_empty());
            }
            Content::TooLarge => found.truncated = true,
            Content::Other => {}
        }
        found.files.push(file);
    }
    Ok(())
}

enum Content {
    Text { lines: u64, diff: String },
    TooLarge,
    Other,
}

/// A file that git does not know, as a diff from nothing.
fn new_file(file: &Path, path: &str, most: usize) -> Content {
    // A link is not followed: it may lead out of the repository.
    let Ok(found) = fs::symlink_metadata(file) else { return Content::Other };
    if !found.is_file() {
        return Content::Other;
    }
    if found.len() > most as u64 {
        return Content::TooLarge;
    }
    let Ok(bytes) = fs::read(file) else { return Content::Other };
    let Ok(text) = String::from_utf8(bytes) else { return Content::Other };
    if text.contains('\0') {
        return Content::Other;
    }
    let lines = text.lines().count();
    if lines == 0 {
        return Content::Text { lines: 0, diff: String::new() };
    }
    let mut diff =
        format!("diff --git a/{path} b/{path}\nnew file\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{lines} @@\n");
    for line in text.split_inclusive('\n') {
        diff.push('+');
        diff.push_str(line);
    }
    if !text.ends_with('\n') {
        diff.push_str("\n\\ No newline at end of file\n");
    }
    if diff.len() > most { Content::TooLarge } else { Content::Text { lines: lines as u64, diff } }
}

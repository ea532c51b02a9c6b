//! Works out what a formatter would change, by running it on a copy: the project stays untouched until someone agrees.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use similar::{ChangeTag, TextDiff};
use tempfile::TempDir;

use crate::command::CommandLine;
use crate::project::{Fixer, is_skipped_dir};

/// Bounds of the copy; a project beyond them is told so rather than copied for minutes.
const MAX_FILES: usize = 20_000;
const MAX_TOTAL_BYTES: u64 = 200 * 1024 * 1024;
const MAX_FILE_BYTES: u64 = 2 * 1024 * 1024;
/// Bounds of what is shown for one decision; what is not shown is not changed either.
const MAX_SHOWN_FILES: usize = 50;
const MAX_SHOWN_BYTES: usize = 2 * 1024 * 1024;

/// A copy of a project on which a formatter may write.
#[derive(Debug)]
pub(crate) struct Copy {
    root: PathBuf,
    place: TempDir,
    files: Vec<PathBuf>,
}

/// Why no copy could be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    #[error("the project is too large to try the fix on a copy")]
    TooLarge,
    #[error("cannot copy {path}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// A file and what it would become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileFix {
    pub(crate) path: PathBuf,
    pub(crate) old: String,
    pub(crate) new: String,
}

/// The changes that fit into one decision, and how many files are left for the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fix {
    pub(crate) files: Vec<FileFix>,
    pub(crate) more: usize,
}

impl Copy {
    /// Copies what the formatter reads.
    pub(crate) fn make(fixer: &Fixer) -> Result<Self, CopyError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| CopyError::Io { path, source }
        };
        let mut files = Vec::new();
        let mut bytes = 0;
        collect(&fixer.root, Path::new(""), fixer.endings, &mut files, &mut bytes)?;
        let place = TempDir::with_prefix("builtin-fix-").map_err(failed(&fixer.root))?;
        for file in &files {
            let target = place.path().join(file);
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent).map_err(failed(parent))?;
            }
            fs::copy(fixer.root.join(file), &target).map_err(failed(file))?;
        }
        for name in fixer.linked {
            let original = fixer.root.join(name);
            if original.exists() {
                let link = place.path().join(name);
                std::os::unix::fs::symlink(&original, &link).map_err(failed(&link))?;
            }
        }
        Ok(Self { root: fixer.root.clone(), place, files })
    }

    /// Returns the formatter's command, moved into the copy.
    pub(crate) fn command(&self, fixer: &Fixer) -> CommandLine {
        let below = fixer.command.dir.strip_prefix(&self.root);
        let dir = below.map_or_else(|_| self.place.path().to_owned(), |b| self.place.path().join(b));
        CommandLine { dir, ..fixer.command.clone() }
    }

    /// Compares the copy with the project; files that are not text are left out.
    pub(crate) fn changes(&self) -> Fix {
        let mut changed = self.files.iter().filter_map(|file| {
            let path = self.root.join(file);
            let old = fs::read_to_string(&path).ok()?;
            let new = fs::read_to_string(self.place.path().join(file)).ok()?;
            (old != new).then_some(FileFix { path, old, new })
        });
        let mut fix = Fix::default();
        let mut bytes = 0;
        for file in changed.by_ref() {
            bytes += file.old.len() + file.new.len();
            if fix.files.len() == MAX_SHOWN_FILES || (bytes > MAX_SHOWN_BYTES && !fix.files.is_empty()) {
                fix.more = 1 + changed.count();
                break;
            }
            fix.files.push(file);
        }
        fix
    }
}

impl Fix {
    /// Counts added and removed lines.
    pub(crate) fn line_counts(&self) -> (usize, usize) {
        self.files.iter().fold((0, 0), |(added, removed), file| {
            let diff = TextDiff::from_lines(&file.old, &file.new);
            let count = |tag| diff.iter_all_changes().filter(|c| c.tag() == tag).count();
            (added + count(ChangeTag::Insert), removed + count(ChangeTag::Delete))
        })
    }
}

fn collect(
    root: &Path,
    below: &Path,
    endings: &[&str],
    files: &mut Vec<PathBuf>,
    bytes: &mut u64,
) -> Result<(), CopyError> {
    let dir = root.join(below);
    let failed = |source| CopyError::Io { path: dir.clone(), source };
    let mut entries = dir.read_dir().map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = below.join(entry.file_name());
        // Symbolic links are neither: what they point to is not ours to change.
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() {
            if !is_skipped_dir(&entry.path()) {
                collect(root, &path, endings, files, bytes)?;
            }
        } else if kind.is_file() && (endings.is_empty() || endings.iter().any(|e| name.ends_with(e))) {
            let size = entry.metadata().map_or(0, |meta| meta.len());
            if size > MAX_FILE_BYTES {
                continue;
            }
            *bytes += size;
            files.push(path);
            if files.len() > MAX_FILES || *bytes > MAX_TOTAL_BYTES {
                return Err(CopyError::TooLarge);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "fix_tests.rs"]
mod tests;

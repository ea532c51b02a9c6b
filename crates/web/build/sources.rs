//! What the dashboard is built from.

use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io,
    path::{Path, PathBuf},
};

/// What stands in `web/` and is no source of the dashboard: what a build makes, tests, and what tests leave.
const OTHERS: [&str; 7] = ["node_modules", "dist", "e2e", "test", "coverage", "playwright-report", "test-results"];

/// How names of tests among the sources end.
const TESTS: [&str; 5] = [".test.ts", ".test.tsx", ".test.mjs", ".spec.ts", ".md"];

/// The files and directories that a change in the dashboard is in.
pub fn watched(web: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(web)? {
        let entry = entry?;
        if is_source(&entry.file_name().to_string_lossy(), true) {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// A hash over all sources and over another file, which changes when one of them does.
pub fn hash(web: &Path, other: &Path) -> io::Result<String> {
    let mut files = vec![other.to_owned()];
    for path in watched(web)? {
        collect(&path, &mut files)?;
    }
    // By a fixed key. It tells changes from none; nobody is kept out by it.
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.strip_prefix(web).unwrap_or(Path::new("")).hash(&mut hasher);
        fs::read(&file)?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// The files below a path, in the order of their names.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries = fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if is_source(&entry.file_name().to_string_lossy(), false) {
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}

fn is_source(name: &str, is_top: bool) -> bool {
    !(name.starts_with('.') || (is_top && OTHERS.contains(&name)) || TESTS.iter().any(|end| name.ends_with(end)))
}

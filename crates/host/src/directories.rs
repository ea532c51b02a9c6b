//! Directories of this machine that a session may work in, for whoever types one.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use convene_api::body::{DirectoryEntry, DirectoryList};

/// The most entries of a directory that are looked at.
const LOOKED_AT: usize = 20_000;

/// The directories whose paths begin with a prefix, inside the roots. Blocks.
///
/// Below a prefix without a directory in it there is nothing. Links count as what they lead to, if that is inside the
/// roots too. Names that begin with a dot are listed once the prefix has the dot.
pub fn list(roots: &[PathBuf], prefix: &str, limit: usize) -> DirectoryList {
    let roots: Vec<PathBuf> = roots.iter().filter_map(|root| root.canonicalize().ok()).collect();
    let path = Path::new(prefix);
    let climbs = path.components().any(|part| part == Component::ParentDir);
    if prefix.is_empty() {
        let items = roots.iter().filter_map(|root| entry(root)).take(limit).collect();
        return DirectoryList { items, truncated: roots.len() > limit };
    }
    if !path.is_absolute() || climbs || prefix.contains('\0') {
        return DirectoryList::default();
    }
    let (parent, begin) = match prefix.rsplit_once('/') {
        Some(("", begin)) => (Path::new("/"), begin),
        Some((parent, begin)) => (Path::new(parent), begin),
        None => return DirectoryList::default(),
    };
    let inside = |dir: &Path| roots.iter().any(|root| dir.starts_with(root));
    // A root that one is on the way to.
    let mut items: Vec<DirectoryEntry> = roots
        .iter()
        .filter(|root| root.to_str().is_some_and(|root| root.starts_with(prefix)))
        .filter_map(|root| entry(root))
        .collect();
    let here = parent.canonicalize().ok().filter(|here| inside(here));
    for found in here.and_then(|_| fs::read_dir(parent).ok()).into_iter().flatten().take(LOOKED_AT).flatten() {
        let Ok(name) = found.file_name().into_string() else { continue };
        if !name.starts_with(begin) || (name.starts_with('.') && !begin.starts_with('.')) {
            continue;
        }
        let path = parent.join(&name);
        let Ok(true_path) = path.canonicalize() else { continue };
        if inside(&true_path) && true_path.is_dir() {
            items.extend(entry(&path));
        }
    }
    items.sort_by(|a, b| b.git.cmp(&a.git).then_with(|| a.path.cmp(&b.path)));
    items.dedup_by(|a, b| a.path == b.path);
    let truncated = items.len() > limit;
    items.truncate(limit);
    DirectoryList { items, truncated }
}

fn entry(path: &Path) -> Option<DirectoryEntry> {
    Some(DirectoryEntry { path: path.to_str()?.to_owned(), git: path.join(".git").exists() })
}

//! What attempts leave on this machine when they are over: tails that nobody wanted, and bundles that tell of crashes. They
//! stay for people to read, and go with their session: the worker says of which sessions it has something, and the server
//! says which of these are gone.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use convene_core::ids::SessionId;

use crate::rundir::RunDir;

/// Where tails are kept, and where crash bundles are, beside the run directories. Names begin with the session's id.
const KEPT: [&str; 2] = ["tails", "logs/crash-bundles"];

/// Sessions that are told at a time; the others come when these are gone, or on another turn.
const TOLD: usize = 200;

/// Sessions of which something is left, from the one after `after` on, and from the first one again behind the last.
pub(super) fn sessions(run_root: &Path, after: Option<SessionId>) -> Vec<SessionId> {
    let all: BTreeSet<SessionId> = files(run_root).into_iter().map(|(session, _)| session).collect();
    let (before, behind): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|session| after.is_some_and(|last| *session <= last));
    behind.into_iter().chain(before).take(TOLD).collect()
}

/// Removes what is left of sessions that are gone, and run directories of theirs that nobody watches.
pub(super) fn forget(run_root: &Path, gone: &BTreeSet<SessionId>, watched: &BTreeSet<SessionId>) {
    for (_, path) in files(run_root).into_iter().filter(|(session, _)| gone.contains(session)) {
        match fs::remove_file(&path) {
            Ok(()) => tracing::info!(path = %path.display(), "removed what was left of a session that is gone"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // It is told again.
            Err(error) => tracing::warn!(path = %path.display(), %error, "cannot remove what is left of a session"),
        }
    }
    for session in gone.difference(watched) {
        for attempt in RunDir::of_session(run_root, &session.to_string()) {
            super::attempt::remove(attempt);
        }
    }
}

/// Kept files, with their sessions. What has another name is nobody's, and stays.
fn files(run_root: &Path) -> Vec<(SessionId, PathBuf)> {
    let mut found = Vec::new();
    for kept in KEPT {
        // Mostly there is none.
        let Ok(entries) = fs::read_dir(run_root.with_file_name(kept)) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let session = name.to_str().and_then(|name| name.split(['-', '.']).next()).and_then(|id| id.parse().ok());
            if let Some(session) = session {
                found.push((session, entry.path()));
            }
        }
    }
    found
}

#[cfg(test)]
#[path = "leftovers_tests.rs"]
mod tests;

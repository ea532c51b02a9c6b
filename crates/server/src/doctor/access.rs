//! Who may read and write what is in a data directory, and whether a lock in it is stale.

use std::{
    fs::{self, Metadata, OpenOptions, Permissions},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use convene_api::doctor::{Finding, FindingCode};
use rustix::{
    fs::{FlockOperation, flock},
    process::{Pid, geteuid, test_kill_process},
};

/// The directory itself.
pub fn directory(dir: &Path) -> Vec<Finding> {
    let Ok(meta) = dir.metadata() else { return Vec::new() };
    open_to_others(FindingCode::DataDirOpen, dir, &meta, "the data directory").into_iter().collect()
}

/// The directory of the keys, and what is in it.
pub fn secrets(dir: &Path) -> Vec<Finding> {
    let auth = dir.join("auth");
    let files = fs::read_dir(&auth).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut found = Vec::new();
    for path in std::iter::once(auth.clone()).chain(files) {
        if let Ok(meta) = path.metadata() {
            let name = path.strip_prefix(dir).unwrap_or(&path).display().to_string();
            found.extend(open_to_others(FindingCode::SecretsOpen, &path, &meta, &name));
        }
    }
    found
}

/// The socket.
pub fn socket(dir: &Path) -> Vec<Finding> {
    let path = dir.join("server.sock");
    let Ok(meta) = path.symlink_metadata() else { return Vec::new() };
    if !meta.file_type().is_socket() {
        let summary = format!("{} is no socket", path.display());
        let fix = format!("rm {}", path.display());
        return vec![Finding::new(FindingCode::SocketOpen, summary, fix).with("not_a_socket", true)];
    }
    open_to_others(FindingCode::SocketOpen, &path, &meta, "server.sock").into_iter().collect()
}

/// A lock that names a process that is gone. The lock itself went with its process; only the name is left.
pub fn lock(dir: &Path) -> Vec<Finding> {
    let path = dir.join("server.lock");
    let Ok(text) = fs::read_to_string(&path) else { return Vec::new() };
    let Ok(pid) = text.trim().parse::<i32>() else { return Vec::new() };
    let gone = Pid::from_raw(pid).is_none_or(|pid| test_kill_process(pid) == Err(rustix::io::Errno::SRCH));
    if !gone {
        return Vec::new();
    }
    let summary = format!("server.lock names pid {pid}, which is gone: the server was killed");
    let fix = "nothing to do: the next server takes it over (`convene doctor --fix` clears it now)";
    let path = path.display().to_string();
    vec![Finding::new(FindingCode::LockStale, summary, fix).with("pid", pid).with("path", path)]
}

/// A finding if somebody else may do anything with a file, or it is somebody else's.
fn open_to_others(code: FindingCode, path: &Path, meta: &Metadata, name: &str) -> Option<Finding> {
    let mode = meta.mode() & 0o777;
    let shown = path.display();
    if meta.uid() != geteuid().as_raw() {
        let summary = format!("{name} is of user {}, not of this one", meta.uid());
        let fix = format!("chown -R {} {shown}", geteuid().as_raw());
        return Some(Finding::new(code, summary, fix).with("uid", meta.uid()));
    }
    if mode & 0o077 == 0 {
        return None;
    }
    let wanted = wanted(meta);
    let summary = format!("others may reach {name}: its mode is {mode:04o}");
    let found = Finding::new(code, summary, format!("chmod {wanted:o} {shown}"));
    Some(found.with("path", shown.to_string()).with("mode", format!("{mode:04o}")))
}

fn wanted(meta: &Metadata) -> u32 {
    if meta.is_dir() { 0o700 } else { 0o600 }
}

/// Takes every right from others.
pub fn close(path: &Path) -> Result<String, String> {
    let said = |error: std::io::Error| format!("cannot change the mode of {}: {error}", path.display());
    let wanted = wanted(&path.metadata().map_err(said)?);
    fs::set_permissions(path, Permissions::from_mode(wanted)).map_err(said)?;
    Ok(format!("set the mode of {} to {wanted:04o}", path.display()))
}

/// Takes the name of a dead process out of the lock, unless a server holds it by now.
pub fn clear_lock(dir: &Path) -> Result<String, String> {
    let path = dir.join("server.lock");
    let said = |error: std::io::Error| format!("cannot clear {}: {error}", path.display());
    let file = OpenOptions::new().write(true).open(&path).map_err(said)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {
            file.set_len(0).map_err(said)?;
            Ok(format!("cleared {}", path.display()))
        }
        Err(_held) => Ok("left server.lock alone: a server holds it by now".to_owned()),
    }
}

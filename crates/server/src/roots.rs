//! Which directories sessions may work in.

use std::{
    fs,
    path::{Path, PathBuf},
};

use convene_api::problem::{Code, Problem};
use convene_core::catalogue::nearest;

use crate::{config::ServeConfig, refusal::invalid};

/// Never a place to work in, unless a root says so that lies in it.
const SYSTEM: [&str; 14] = [
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys", "/usr", "/var",
    "/System",
];

/// Checks a directory and resolves its links; blocks.
///
/// # Errors
/// `cwd_missing`, `cwd_not_a_directory`, `cwd_not_allowed`.
pub fn check(config: &ServeConfig, field: &str, wanted: &str) -> Result<String, Problem> {
    let path = Path::new(wanted);
    if !path.is_absolute() || wanted.contains('\0') {
        return Err(invalid(field, format!("{wanted:?} is not an absolute path")));
    }
    // What it leads to is the server's own, and another thing at each look.
    if path.starts_with("/proc") {
        return Err(Problem::filled(Code::CwdNotAllowed, [("dir", wanted.into())]));
    }
    let dir = path.canonicalize().map_err(|_| missing(path))?;
    if !dir.is_dir() {
        return Err(Problem::filled(Code::CwdNotADirectory, [("dir", wanted.into())]));
    }
    let not_allowed = || Problem::filled(Code::CwdNotAllowed, [("dir", wanted.into())]);
    if !allowed(config, &dir) {
        return Err(not_allowed());
    }
    dir.to_str().map(str::to_owned).ok_or_else(|| invalid(field, "its path is not UTF-8"))
}

fn allowed(config: &ServeConfig, dir: &Path) -> bool {
    if config.data_dir.canonicalize().is_ok_and(|data| dir.starts_with(data)) {
        return false;
    }
    let roots = roots(config);
    let Some(root) = roots.iter().filter(|root| dir.starts_with(root)).max_by_key(|root| root.as_os_str().len()) else {
        return false;
    };
    // The whole machine as a root does not make its system directories a place to work in.
    dir != Path::new("/") && !SYSTEM.iter().any(|system| dir.starts_with(system) && !root.starts_with(system))
}

fn roots(config: &ServeConfig) -> Vec<PathBuf> {
    let mut roots = config.roots.clone();
    if roots.is_empty() {
        roots = vec![config.home.clone(), std::env::temp_dir(), "/tmp".into(), "/var/tmp".into()];
    }
    roots.iter().filter_map(|root| root.canonicalize().ok()).collect()
}

/// A directory that is not there, with the one that may have been meant.
fn missing(path: &Path) -> Problem {
    let dir = path.display().to_string();
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let siblings: Vec<String> = path
        .parent()
        .and_then(|parent| fs::read_dir(parent).ok())
        .into_iter()
        .flatten()
        .take(2000)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let near = nearest(name, siblings.iter().map(String::as_str)).first().map(|near| path.with_file_name(near));
    match near {
        Some(near) => {
            let near = near.display().to_string();
            Problem::filled(Code::CwdMissing, [("dir", dir.into()), ("near", near.into())])
        }
        None => Problem::filled(Code::CwdMissing, [("dir", dir.into())]),
    }
}

//! Files that an agent reads and writes through the runner: within the session's directories, links resolved.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use convene_core::{policy, spec::SessionSpec};
use rustix::fs::OFlags;

use crate::acp::connection::RpcError;

/// The largest file that is read for an agent, in bytes; what it gets must fit a line.
const LARGEST: u64 = 64 << 20;

/// The path as the system will see it, if that lies in one of the session's directories.
pub(super) fn confine(spec: &SessionSpec, path: &str) -> Result<PathBuf, RpcError> {
    let outside = || RpcError::new(RpcError::INVALID_PARAMS, format!("{path} is outside of the session's directories"));
    let absolute = policy::clean(&Path::new(&spec.cwd).join(path)).ok_or_else(outside)?;
    let real = resolve(&absolute).map_err(|error| io_error(path, &error))?;
    let roots = std::iter::once(&spec.cwd).chain(&spec.add_dirs);
    let is_inside = roots.filter_map(|root| fs::canonicalize(root).ok()).any(|root| real.starts_with(root));
    if is_inside { Ok(real) } else { Err(outside()) }
}

/// Resolves links as far as the path exists; what does not exist yet cannot be a link.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut rest = Vec::new();
    let mut existing = path;
    loop {
        // A dangling link exists, and leads somewhere that `canonicalize` cannot tell.
        match fs::symlink_metadata(existing) {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let (Some(parent), Some(name)) = (existing.parent(), existing.file_name()) else { break };
        rest.push(name);
        existing = parent;
    }
    let mut real = fs::canonicalize(existing)?;
    real.extend(rest.iter().rev());
    Ok(real)
}

/// The text of a file, or `limit` lines of it from `line` on (from 1).
pub(super) fn read(path: &Path, line: Option<usize>, limit: Option<usize>) -> Result<String, RpcError> {
    let name = path.display().to_string();
    let failed = |error: io::Error| io_error(&name, &error);
    let mut options = OpenOptions::new();
    // Neither a pipe without a writer nor a link that has just been put there may catch the runner.
    let file =
        options.read(true).custom_flags(flags(OFlags::NONBLOCK | OFlags::NOFOLLOW)).open(path).map_err(failed)?;
    check_regular(&file, &name)?;
    let length = file.metadata().map_err(failed)?.len();
    if length > LARGEST {
        let text = format!("{name} has {length} bytes, the limit is {LARGEST}");
        return Err(RpcError::new(RpcError::INVALID_PARAMS, text));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(failed)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| RpcError::new(RpcError::INVALID_PARAMS, format!("{name} is not UTF-8 text")))?;
    if line.is_none() && limit.is_none() {
        return Ok(text);
    }
    let skipped = line.unwrap_or(1).saturating_sub(1);
    Ok(text.split_inclusive('\n').skip(skipped).take(limit.unwrap_or(usize::MAX)).collect())
}

/// Replaces a file's text, making the file and its directories if they are not there.
pub(super) fn write(path: &Path, text: &str) -> Result<(), RpcError> {
    let name = path.display().to_string();
    let failed = |error: io::Error| io_error(&name, &error);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).custom_flags(flags(OFlags::NONBLOCK | OFlags::NOFOLLOW));
    let mut file = options.open(path).map_err(failed)?;
    check_regular(&file, &name)?;
    // In place, so that its mode, its owner and its links stay.
    file.set_len(0).and_then(|()| file.write_all(text.as_bytes())).map_err(failed)
}

fn check_regular(file: &File, name: &str) -> Result<(), RpcError> {
    let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
    if is_file { Ok(()) } else { Err(RpcError::new(RpcError::INVALID_PARAMS, format!("{name} is no file"))) }
}

fn flags(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}

fn io_error(path: &str, error: &io::Error) -> RpcError {
    let code = if error.kind() == io::ErrorKind::NotFound { RpcError::NOT_FOUND } else { RpcError::INTERNAL };
    RpcError::new(code, format!("{path}: {error}"))
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;

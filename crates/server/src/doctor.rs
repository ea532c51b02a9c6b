//! What can be said of a data directory, by the server that has it open and by a command when no server runs. Every check
//! blocks, and changes nothing but for a probe file that is gone when it is over.

mod access;
mod database;
mod disk;
mod port;

use std::path::Path;

use convene_api::doctor::{Check, Finding, FindingCode};

pub use port::{Holder, holder};

/// The checks of a data directory. One that does not exist yet has nothing to find but the disk that it would be on.
pub fn checks(dir: &Path) -> Vec<Check> {
    let at = || dir.to_owned();
    let check = |name, look: fn(&Path) -> Vec<Finding>| {
        let dir = at();
        Check::new(name, move || look(&dir))
    };
    vec![
        check("data directory", access::directory),
        check("secrets", access::secrets),
        check("socket", access::socket),
        check("lock", access::lock),
        check("file system", disk::file_system),
        check("free space", disk::space),
        check("writing", disk::writing),
        check("worktrees", disk::worktrees),
        check("database", database::look),
    ]
}

/// Mends what a check of this module found and may mend; says what it did, in one line.
///
/// # Errors
/// If the system refuses, in words for people.
pub fn fix(dir: &Path, finding: &Finding) -> Option<Result<String, String>> {
    if finding.code == FindingCode::LockStale {
        return Some(access::clear_lock(dir));
    }
    if matches!(finding.code, FindingCode::DatabaseDamaged | FindingCode::SessionQuarantined) {
        return Some(database::renew(dir));
    }
    let modes = [FindingCode::DataDirOpen, FindingCode::SecretsOpen, FindingCode::SocketOpen];
    let path = finding.data["path"].as_str().filter(|_| modes.contains(&finding.code))?;
    Some(access::close(Path::new(path)))
}

/// Where a directory would be made: itself, or the nearest one above it that is there.
fn nearest_existing(dir: &Path) -> &Path {
    dir.ancestors().find(|dir| dir.is_dir()).unwrap_or(Path::new("/"))
}

#[cfg(test)]
#[path = "doctor_tests.rs"]
mod tests;

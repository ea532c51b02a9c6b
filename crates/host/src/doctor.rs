//! What can be said of a machine on which sessions run: what contains them, what they leave behind, and what they need.
//! Every check blocks and changes nothing.

mod environment;
mod holds;
mod leftovers;
mod programs;

use std::path::Path;

use convene_api::doctor::{Check, Finding, FindingCode};

/// The checks of this machine; `data_dir` is where its run directories are.
pub fn checks(data_dir: &Path) -> Vec<Check> {
    let at = |look: fn(&Path) -> Vec<Finding>| {
        let dir = data_dir.to_owned();
        move || look(&dir)
    };
    vec![
        Check::new("containment", holds::containment),
        Check::new("sandbox", holds::sandbox),
        Check::new("limits", holds::limits),
        Check::new("processes left behind", at(leftovers::orphans)),
        Check::new("run directories", at(leftovers::run_dirs)),
        Check::new("node", programs::node),
        Check::new("git", programs::git),
        Check::new("environment", environment::interferes),
        Check::new("tokens in arguments", environment::token_in_argv),
    ]
}

/// Ends the processes that attempts of this data directory left behind; says what it did, in one line.
///
/// # Errors
/// If the system refuses, in words for people.
pub fn fix(data_dir: &Path, finding: &Finding) -> Option<Result<String, String>> {
    (finding.code == FindingCode::Orphans).then(|| leftovers::end_orphans(data_dir))
}

#[cfg(test)]
#[path = "doctor_tests.rs"]
mod tests;

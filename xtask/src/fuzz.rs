//! Builds the product and the test kit, and starts the crash fuzz: `cargo xtask fuzz`.

use anyhow::Result;

use crate::step::succeeds;
use crate::workspace::{Workspace, cargo};

/// Runs it with these arguments and tells whether it found nothing.
pub fn run(workspace: &Workspace, arguments: &[&str]) -> Result<bool> {
    // As for tests: with the assertions that a release leaves out.
    let build = ["build", "-p", "convene", "-p", "convene-testkit", "--bins"];
    if !succeeds(cargo().current_dir(&workspace.root).args(build))? {
        return Ok(false);
    }
    let run = ["run", "--quiet", "-p", "convene-testkit", "--bin", "convene-fuzz", "--"];
    succeeds(cargo().current_dir(&workspace.root).args(run).args(arguments))
}

//! Builds the product and the bench for release, and starts the bench: `cargo xtask bench NAME`.

use anyhow::Result;

use crate::step::succeeds;
use crate::workspace::{Workspace, cargo};

/// Runs it with these arguments and tells whether it came to its end.
pub fn run(workspace: &Workspace, arguments: &[&str]) -> Result<bool> {
    let build = ["build", "--release", "-p", "convene", "-p", "convene-bench", "-p", "convene-testkit", "--bins"];
    if !succeeds(cargo().current_dir(&workspace.root).args(build))? {
        return Ok(false);
    }
    let run = ["run", "--release", "--quiet", "-p", "convene-bench", "--bin", "convene-bench", "--"];
    succeeds(cargo().current_dir(&workspace.root).args(run).args(arguments))
}

//! Recognizes Rust packages and workspaces.

use std::path::{Path, PathBuf};

use super::{Fixer, Goal, Project, Step};
use crate::command::CommandLine;

pub(super) const LOOKS_FOR: &str = "Cargo.toml";

pub(super) fn recognize(dir: &Path) -> Option<Project> {
    let manifest = std::fs::read_to_string(dir.join(LOOKS_FOR)).ok()?;
    let workspace = declares_workspace(&manifest);
    let cargo = |args: &[&str]| CommandLine::new(dir, "cargo", args);
    let (check, write) = if workspace {
        (cargo(&["fmt", "--all", "--check"]), cargo(&["fmt", "--all"]))
    } else {
        (cargo(&["fmt", "--check"]), cargo(&["fmt"]))
    };
    let (lint, test) = if workspace {
        (cargo(&["clippy", "--workspace", "--all-targets"]), cargo(&["test", "--workspace"]))
    } else {
        (cargo(&["clippy", "--all-targets"]), cargo(&["test"]))
    };
    let fixer =
        Fixer { command: write, root: workspace_root(dir), endings: &[".rs", ".toml", "rust-toolchain"], linked: &[] };
    Some(Project {
        name: "Rust",
        dir: dir.to_owned(),
        evidence: LOOKS_FOR.to_owned(),
        steps: vec![
            Step::new(Goal::Format, check).fixed_by(fixer),
            Step::new(Goal::Lint, lint),
            Step::new(Goal::Test, test),
        ],
        notes: Vec::new(),
    })
}

fn declares_workspace(manifest: &str) -> bool {
    manifest.lines().any(|line| line.trim_start().starts_with("[workspace]"))
}

/// Returns the outermost directory that a member may inherit from: the nearest one above that declares a workspace.
fn workspace_root(dir: &Path) -> PathBuf {
    dir.ancestors()
        .find(|dir| std::fs::read_to_string(dir.join(LOOKS_FOR)).is_ok_and(|manifest| declares_workspace(&manifest)))
        .unwrap_or(dir)
        .to_owned()
}

//! The one command that passes the tests: everything that must hold before a change is merged.

use std::process::{Command, Stdio};

use anyhow::Result;

use crate::step::{Steps, succeeds};
use crate::workspace::{Workspace, cargo};
use crate::{generate, tidy};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Fmt,
    Tidy,
    Clippy,
    Build,
    Test,
    Doctest,
    Doc,
    Gen,
    Web,
}

impl Step {
    /// All steps, cheap ones first, so that most mistakes are told within seconds.
    const ALL: [Step; 9] =
        [Step::Fmt, Step::Tidy, Step::Clippy, Step::Build, Step::Test, Step::Doctest, Step::Doc, Step::Gen, Step::Web];

    fn name(self) -> &'static str {
        match self {
            Step::Fmt => "fmt",
            Step::Tidy => "tidy",
            Step::Clippy => "clippy",
            Step::Build => "build",
            Step::Test => "test",
            Step::Doctest => "doctest",
            Step::Doc => "doc",
            Step::Gen => "gen",
            Step::Web => "web",
        }
    }

    /// The steps of these names, all when there are none, nothing if a name is wrong.
    pub fn parse_all(names: &[&str]) -> Option<Vec<Step>> {
        if names.is_empty() {
            return Some(Step::ALL.to_vec());
        }
        let find = |name: &&str| Step::ALL.into_iter().find(|step| step.name() == *name);
        names.iter().map(find).collect()
    }
}

/// Runs the steps and tells whether all of them passed.
pub fn run(workspace: &Workspace, wanted: &[Step]) -> Result<bool> {
    let mut steps = Steps::default();
    for step in wanted {
        steps.run(step.name(), || match step {
            Step::Fmt => cargo_succeeds(workspace, &["fmt", "--all", "--check"]),
            Step::Tidy => tidy::run(workspace),
            Step::Clippy => cargo_succeeds(workspace, &CLIPPY),
            Step::Build => cargo_succeeds(workspace, &["build", "--workspace", "--bins"]),
            Step::Test => test(workspace),
            Step::Doctest => cargo_succeeds(workspace, &["test", "--workspace", "--doc"]),
            Step::Doc => doc(workspace),
            Step::Gen => generate::check(workspace),
            Step::Web => web(workspace),
        });
    }
    Ok(steps.sum_up())
}

const CLIPPY: [&str; 6] = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];

/// Nextest where it is installed, because it ends tests that hang and names those that leak
/// processes; else the test runner that comes with cargo.
fn test(workspace: &Workspace) -> Result<bool> {
    let nextest =
        cargo().args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status()?.success();
    if !nextest {
        let targets = ["test", "--workspace", "--lib", "--bins", "--tests"];
        return cargo_succeeds(workspace, &targets);
    }
    let profile = if std::env::var_os("CI").is_some() { "ci" } else { "default" };
    let run = ["nextest", "run", "--workspace", "--profile", profile];
    cargo_succeeds(workspace, &run)
}

fn doc(workspace: &Workspace) -> Result<bool> {
    succeeds(cargo().current_dir(&workspace.root).env("RUSTDOCFLAGS", "-D warnings").args([
        "doc",
        "--workspace",
        "--no-deps",
    ]))
}

/// The dashboard's own checks: types, lint, rooms, formatting, unit tests, and whether its client is that of openapi.json.
fn web(workspace: &Workspace) -> Result<bool> {
    let npm = |arguments: &[&str]| {
        succeeds(Command::new("npm").current_dir(workspace.root.join("web")).args(arguments).stdin(Stdio::null()))
    };
    // What tests it is not installed by a build.
    let tools = workspace.root.join("web/node_modules/vitest").is_dir();
    Ok((tools || npm(&["ci", "--no-audit", "--no-fund"])?) && npm(&["run", "--silent", "verify"])?)
}

fn cargo_succeeds(workspace: &Workspace, arguments: &[&str]) -> Result<bool> {
    succeeds(cargo().current_dir(&workspace.root).args(arguments))
}

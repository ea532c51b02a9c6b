//! Recognizes makefiles with the usual targets.

use std::path::Path;

use super::{Goal, Project, Step};
use crate::command::CommandLine;

pub(super) const LOOKS_FOR: &str = "Makefile";

const NAMES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];
/// Targets that check and change nothing, best first.
const TARGETS: [(Goal, &[&str]); 3] = [
    (Goal::Format, &["format-check", "check-format", "fmt-check", "check-fmt"]),
    (Goal::Lint, &["lint"]),
    (Goal::Test, &["test", "tests", "check"]),
];

pub(super) fn recognize(dir: &Path) -> Option<Project> {
    let (name, text) = NAMES.iter().find_map(|name| Some((*name, std::fs::read_to_string(dir.join(name)).ok()?)))?;
    let declared = targets(&text);
    let mut steps = Vec::new();
    let mut notes = Vec::new();
    for (goal, names) in TARGETS {
        match names.iter().find(|name| declared.contains(*name)) {
            Some(target) => steps.push(Step::new(goal, CommandLine::new(dir, "make", &[target]))),
            None => notes.push(format!("`{name}` has no target `{}`", names.join("` or `"))),
        }
    }
    Some(Project { name: "Make", dir: dir.to_owned(), evidence: name.to_owned(), steps, notes })
}

fn targets(makefile: &str) -> Vec<&str> {
    makefile
        .lines()
        .filter(|line| !line.starts_with(['\t', '#', ' ', '.']))
        .filter_map(|line| line.split_once(':'))
        .filter(|(_, rest)| !rest.starts_with('='))
        .flat_map(|(names, _)| names.split_whitespace())
        .collect()
}

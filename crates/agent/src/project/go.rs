//! Recognizes Go modules.

use std::path::Path;

use super::{Fixer, Goal, Project, Step};
use crate::command::CommandLine;

pub(super) const LOOKS_FOR: &str = "go.mod";

pub(super) fn recognize(dir: &Path) -> Option<Project> {
    if !dir.join(LOOKS_FOR).is_file() {
        return None;
    }
    let fixer = Fixer {
        command: CommandLine::new(dir, "gofmt", &["-w", "."]),
        root: dir.to_owned(),
        endings: &[".go"],
        linked: &[],
    };
    let mut format = Step::new(Goal::Format, CommandLine::new(dir, "gofmt", &["-l", "."]));
    format.fails_when_it_prints = true;
    Some(Project {
        name: "Go",
        dir: dir.to_owned(),
        evidence: LOOKS_FOR.to_owned(),
        steps: vec![
            format.fixed_by(fixer),
            Step::new(Goal::Lint, CommandLine::new(dir, "go", &["vet", "./..."])),
            Step::new(Goal::Test, CommandLine::new(dir, "go", &["test", "./..."])),
        ],
        notes: Vec::new(),
    })
}

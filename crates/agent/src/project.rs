//! Finds out what a directory holds and which commands check it.

mod go;
mod make;
mod node;
mod python;
mod rust;

use std::path::{Path, PathBuf};

use crate::command::CommandLine;

/// How many subdirectories with a project of their own are looked at when the directory itself has none.
const MAX_SUBPROJECTS: usize = 8;

/// What a step is for, cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Goal {
    Format,
    Lint,
    Test,
}

impl Goal {
    pub(crate) const ALL: [Self; 3] = [Self::Format, Self::Lint, Self::Test];

    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Format => "formatter check",
            Self::Lint => "linter",
            Self::Test => "tests",
        }
    }
}

/// One command that checks something and changes nothing.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) goal: Goal,
    pub(crate) command: CommandLine,
    /// The check has failed when it prints anything, whatever its exit code is (`gofmt -l`).
    pub(crate) fails_when_it_prints: bool,
    /// How to mend what the check finds.
    pub(crate) fixer: Option<Fixer>,
}

impl Step {
    fn new(goal: Goal, command: CommandLine) -> Self {
        Self { goal, command, fails_when_it_prints: false, fixer: None }
    }

    fn fixed_by(mut self, fixer: Fixer) -> Self {
        self.fixer = Some(fixer);
        self
    }

    /// Returns the command line, with the directory when it is not the session's.
    pub(crate) fn title(&self, cwd: &Path) -> String {
        match self.command.dir.strip_prefix(cwd) {
            Ok(below) if below.as_os_str().is_empty() => self.command.to_string(),
            Ok(below) => format!("{} (in {})", self.command, below.display()),
            Err(_) => format!("{} (in {})", self.command, self.command.dir.display()),
        }
    }
}

/// A formatter that rewrites files where it stands; it is only ever run on a copy.
#[derive(Debug, Clone)]
pub(crate) struct Fixer {
    /// What writes the files; its directory says where in the copy it runs.
    pub(crate) command: CommandLine,
    /// The directory that is copied: the project's, or one above it.
    pub(crate) root: PathBuf,
    /// Endings of the files that the formatter reads; empty means all.
    pub(crate) endings: &'static [&'static str],
    /// What is linked into the copy rather than copied.
    pub(crate) linked: &'static [&'static str],
}

/// A project in one directory.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    /// `Rust`, `Node.js`, …
    pub(crate) name: &'static str,
    pub(crate) dir: PathBuf,
    /// The file that gave it away.
    pub(crate) evidence: String,
    pub(crate) steps: Vec<Step>,
    /// What a person should know about it: a check that there is none of, something not set up.
    pub(crate) notes: Vec<String>,
}

/// A recognizer and what it looks for.
struct Ecosystem {
    looks_for: &'static str,
    recognize: fn(&Path) -> Option<Project>,
}

const LANGUAGES: [Ecosystem; 4] = [
    Ecosystem { looks_for: rust::LOOKS_FOR, recognize: rust::recognize },
    Ecosystem { looks_for: node::LOOKS_FOR, recognize: node::recognize },
    Ecosystem { looks_for: python::LOOKS_FOR, recognize: python::recognize },
    Ecosystem { looks_for: go::LOOKS_FOR, recognize: go::recognize },
];

/// Names all the files by which a project is recognized.
pub(crate) fn looks_for() -> String {
    let mut names: Vec<&str> = LANGUAGES.iter().map(|e| e.looks_for).collect();
    names.push(make::LOOKS_FOR);
    names.join(", ")
}

/// Finds the projects of a directory: its own, else those one level below, else the one around it.
pub(crate) fn survey(cwd: &Path) -> Vec<Project> {
    let own = projects_in(cwd);
    if !own.is_empty() {
        return own;
    }
    let below: Vec<Project> =
        subdirectories(cwd).iter().flat_map(|dir| projects_in(dir)).take(MAX_SUBPROJECTS).collect();
    if !below.is_empty() {
        return below;
    }
    around(cwd)
}

fn projects_in(dir: &Path) -> Vec<Project> {
    let found: Vec<Project> = LANGUAGES.iter().filter_map(|ecosystem| (ecosystem.recognize)(dir)).collect();
    if found.is_empty() {
        // A makefile beside a language's own files mostly wraps the same commands.
        return make::recognize(dir).into_iter().collect();
    }
    found
}

/// Looks upward, but never past the root of the repository, and not at all outside of one.
fn around(cwd: &Path) -> Vec<Project> {
    let Some(root) = cwd.ancestors().find(|dir| dir.join(".git").exists()) else {
        return Vec::new();
    };
    cwd.ancestors()
        .skip(1)
        .take_while(|dir| dir.starts_with(root))
        .map(projects_in)
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

fn subdirectories(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = dir.read_dir() else {
        return Vec::new();
    };
    let mut dirs: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .filter(|path| !is_skipped_dir(path))
        .collect();
    dirs.sort();
    dirs
}

/// Tells directories that hold what tools made or fetched, not what people wrote.
pub(crate) fn is_skipped_dir(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let hidden = name.starts_with('.') && name != ".cargo" && name != ".config";
    let known = ["node_modules", "venv", "__pycache__"].contains(&&*name);
    // Build directories say what they are; one that is only called `target` may be somebody's module.
    hidden || known || path.join("CACHEDIR.TAG").exists()
}

#[cfg(test)]
#[path = "project_tests.rs"]
mod tests;

//! Recognizes Python projects; prefers the tools that a project configures, else what Python itself brings.

use std::path::Path;

use super::{Fixer, Goal, Project, Step};
use crate::command::{CommandLine, find_program};

pub(super) const LOOKS_FOR: &str = "pyproject.toml, setup.py, setup.cfg, requirements.txt, *.py";

const MARKERS: [&str; 6] = ["pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "tox.ini", "Pipfile"];
const ENDINGS: &[&str] = &[".py", ".pyi", ".toml", ".cfg", ".ini", ".gitignore"];

pub(super) fn recognize(dir: &Path) -> Option<Project> {
    let evidence = MARKERS
        .iter()
        .find(|name| dir.join(name).is_file())
        .map(|name| (*name).to_owned())
        .or_else(|| first_python_file(dir))?;
    let pyproject = std::fs::read_to_string(dir.join("pyproject.toml")).unwrap_or_default();
    let configures_ruff =
        pyproject.contains("[tool.ruff") || dir.join("ruff.toml").exists() || dir.join(".ruff.toml").exists();
    let configures_black = pyproject.contains("[tool.black");
    let mut steps = Vec::new();
    let mut notes = Vec::new();

    // A formatter that a project has not chosen would rewrite all of it for no reason.
    if configures_black {
        let black = tool(dir, "black");
        steps.push(format_step(dir, &black, &["--check", "."], &["-q", "."]));
    } else if configures_ruff {
        let ruff = tool(dir, "ruff");
        steps.push(format_step(dir, &ruff, &["format", "--check", "."], &["format", "."]));
    } else {
        notes.push("it configures no formatter (looked for ruff and black)".to_owned());
    }

    let ruff = tool(dir, "ruff");
    if configures_ruff || find_program(&ruff, dir).is_some() {
        steps.push(Step::new(Goal::Lint, CommandLine::new(dir, &ruff, &["check", "."])));
    } else {
        let skip = r"(^|/)(\.venv|venv|node_modules|\.git)/";
        let compile = ["-m", "compileall", "-q", "-x", skip, "."];
        let compile = CommandLine::new(dir, &python(dir), &compile);
        // Bytecode goes to a place that is thrown away: a check leaves nothing behind.
        steps.push(Step::new(Goal::Lint, compile.scratch("PYTHONPYCACHEPREFIX")));
        notes.push("ruff is not installed, so Python's own compiler looks for syntax errors".to_owned());
    }

    let pytest = tool(dir, "pytest");
    let tests = if find_program(&pytest, dir).is_some() {
        CommandLine::new(dir, &pytest, &["-q"])
    } else {
        CommandLine::new(dir, &python(dir), &["-m", "unittest", "discover"])
    };
    steps.push(Step::new(Goal::Test, tests.env("PYTHONDONTWRITEBYTECODE", "1")));
    Some(Project { name: "Python", dir: dir.to_owned(), evidence, steps, notes })
}

fn format_step(dir: &Path, program: &str, check: &[&str], write: &[&str]) -> Step {
    Step::new(Goal::Format, CommandLine::new(dir, program, check)).fixed_by(Fixer {
        // The copy has no virtual environment, so the program is named by its full path.
        command: CommandLine::new(dir, &absolute(dir, program), write),
        root: dir.to_owned(),
        endings: ENDINGS,
        linked: &[],
    })
}

fn absolute(dir: &Path, program: &str) -> String {
    find_program(program, dir).map_or_else(|| program.to_owned(), |path| path.to_string_lossy().into_owned())
}

/// Prefers a tool of the project's own virtual environment.
fn tool(dir: &Path, name: &str) -> String {
    [".venv", "venv"]
        .iter()
        .map(|venv| format!("{venv}/bin/{name}"))
        .find(|path| find_program(path, dir).is_some())
        .unwrap_or_else(|| name.to_owned())
}

fn python(dir: &Path) -> String {
    tool(dir, "python3")
}

fn first_python_file(dir: &Path) -> Option<String> {
    let mut names: Vec<String> = dir
        .read_dir()
        .ok()?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".py"))
        .collect();
    names.sort();
    names.into_iter().next()
}

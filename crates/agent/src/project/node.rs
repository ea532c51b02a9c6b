//! Recognizes Node.js packages and runs the scripts that they declare.

use std::path::Path;

use serde_json::{Map, Value};

use super::{Fixer, Goal, Project, Step};
use crate::command::CommandLine;

pub(super) const LOOKS_FOR: &str = "package.json";

const FORMAT_SCRIPTS: [&str; 5] = ["format:check", "format-check", "check:format", "fmt:check", "prettier:check"];
/// What `npm init` writes into a package that has no tests.
const NO_TESTS: &str = "no test specified";

pub(super) fn recognize(dir: &Path) -> Option<Project> {
    let text = std::fs::read_to_string(dir.join(LOOKS_FOR)).ok()?;
    let mut notes = Vec::new();
    let manifest: Value = serde_json::from_str(&text).unwrap_or_else(|error| {
        notes.push(format!("`package.json` cannot be read: {error}"));
        Value::Null
    });
    let empty = Map::new();
    let section = |name: &str| manifest[name].as_object().unwrap_or(&empty);
    let scripts = section("scripts");
    let script = |name: &str| scripts.get(name).and_then(Value::as_str);
    let manager = package_manager(dir);
    let run = |name: &str| CommandLine::new(dir, manager, &["run", name]);

    let mut steps = Vec::new();
    let format_script = FORMAT_SCRIPTS.iter().find(|name| script(name).is_some());
    if dir.join("node_modules/.bin/prettier").exists() {
        let prettier = |args: &[&str]| CommandLine::new(dir, "node_modules/.bin/prettier", args);
        let fixer = Fixer {
            command: prettier(&["--write", "--log-level=warn", "."]),
            root: dir.to_owned(),
            endings: &[],
            linked: &["node_modules"],
        };
        let check = format_script.map_or_else(|| prettier(&["--check", "."]), |name| run(name));
        steps.push(Step::new(Goal::Format, check).fixed_by(fixer));
    } else if let Some(name) = format_script {
        steps.push(Step::new(Goal::Format, run(name)));
    }
    if script("lint").is_some() {
        steps.push(Step::new(Goal::Lint, run("lint")));
    }
    match script("test") {
        Some(test) if !test.contains(NO_TESTS) => {
            steps.push(Step::new(Goal::Test, CommandLine::new(dir, manager, &["test"])));
        }
        Some(_) | None if has_node_tests(dir) => {
            steps.push(Step::new(Goal::Test, CommandLine::new(dir, "node", &["--test"])));
        }
        Some(_) | None => {}
    }
    for goal in Goal::ALL {
        if !steps.iter().any(|step| step.goal == goal) {
            notes.push(match goal {
                Goal::Format => {
                    "`package.json` has no `format:check` script, and prettier is not installed here".to_owned()
                }
                Goal::Lint => "`package.json` has no `lint` script".to_owned(),
                Goal::Test => "`package.json` has no `test` script".to_owned(),
            });
        }
    }
    let has_dependencies = ["dependencies", "devDependencies"].iter().any(|name| !section(name).is_empty());
    if has_dependencies && !dir.join("node_modules").exists() {
        notes.push(format!("its dependencies are not installed: `{manager} install` does that"));
    }
    Some(Project { name: "Node.js", dir: dir.to_owned(), evidence: LOOKS_FOR.to_owned(), steps, notes })
}

fn package_manager(dir: &Path) -> &'static str {
    let by_lockfile = [("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn"), ("bun.lock", "bun"), ("bun.lockb", "bun")];
    by_lockfile.iter().find(|(lockfile, _)| dir.join(lockfile).exists()).map_or("npm", |(_, manager)| manager)
}

fn has_node_tests(dir: &Path) -> bool {
    let is_test = |name: &str| [".test.js", ".test.mjs", ".test.cjs"].iter().any(|ending| name.ends_with(ending));
    ["", "test", "src"].iter().any(|sub| {
        dir.join(sub)
            .read_dir()
            .is_ok_and(|entries| entries.flatten().any(|e| is_test(&e.file_name().to_string_lossy())))
    })
}

//! Reads out of a check's output what a person wants to know: which tests, lints or files.

use crate::project::Goal;

/// How many findings of one step are named.
const MAX_FINDINGS: usize = 20;
/// How many last lines are quoted when nothing in them is understood.
const FALLBACK_LINES: usize = 8;
const MAX_LINE_CHARS: usize = 200;

/// Names what failed; falls back to the last lines of the output.
pub(crate) fn findings(goal: Goal, output: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in output.lines() {
        let finding = match goal {
            Goal::Format => unformatted_file(line),
            Goal::Lint => lint(line),
            Goal::Test => failed_test(line).or_else(|| compile_error(line)),
        };
        if let Some(finding) = finding {
            let finding = shorten(finding);
            if !finding.is_empty() && !found.contains(&finding) {
                found.push(finding);
            }
        }
    }
    if found.is_empty() {
        let lines: Vec<&str> = output.lines().filter(|line| !line.trim().is_empty()).collect();
        return lines[lines.len().saturating_sub(FALLBACK_LINES)..].iter().map(|line| shorten(line)).collect();
    }
    if found.len() > MAX_FINDINGS {
        let more = found.len() - MAX_FINDINGS;
        found.truncate(MAX_FINDINGS);
        found.push(format!("and {more} more"));
    }
    found
}

/// Counts the warnings of a linter that lets them pass.
pub(crate) fn warnings(output: &str) -> usize {
    output.lines().filter(|line| line.starts_with("warning: ") && !line.contains(" generated ")).count()
}

/// Tells output that says a part of the tool is missing (`cargo clippy` without clippy, `python3 -m` without the module).
pub(crate) fn says_not_installed(output: &str) -> bool {
    ["is not installed for the toolchain", "error: no such command:", "No module named pytest", "no such subcommand"]
        .iter()
        .any(|words| output.contains(words))
}

fn unformatted_file(line: &str) -> Option<&str> {
    // rustfmt: `Diff in /path/file.rs:12:`
    if let Some(rest) = line.strip_prefix("Diff in ") {
        let path = rest.split(" at line ").next()?;
        return Some(path.trim_end_matches(|c: char| c == ':' || c.is_ascii_digit()));
    }
    // black, ruff, prettier
    for prefix in ["would reformat ", "Would reformat: ", "[warn] "] {
        if let Some(path) = line.strip_prefix(prefix) {
            return (!path.starts_with("Code style issues")).then_some(path);
        }
    }
    // gofmt -l
    line.ends_with(".go").then_some(line)
}

fn lint(line: &str) -> Option<&str> {
    if let Some(error) = compile_error(line) {
        return Some(error);
    }
    let trimmed = line.trim();
    let has_place = trimmed
        .split_once(':')
        .is_some_and(|(path, rest)| path.contains('.') && rest.starts_with(|c: char| c.is_ascii_digit()));
    // ruff and go vet: `path.py:1:2: F401 …`; eslint: `  3:7  error  'x' is assigned …`
    let eslint = trimmed.starts_with(|c: char| c.is_ascii_digit()) && trimmed.contains("  error  ");
    (has_place || eslint || trimmed.starts_with("*** ")).then_some(trimmed)
}

fn compile_error(line: &str) -> Option<&str> {
    let is_error = line.starts_with("error: ") || line.starts_with("error[");
    let is_sum = line.contains("could not compile") || line.contains("test failed") || line.contains("aborting due to");
    (is_error && !is_sum).then_some(line)
}

fn failed_test(line: &str) -> Option<&str> {
    // cargo: `test a::b ... FAILED`
    if let Some(rest) = line.strip_prefix("test ") {
        return rest.strip_suffix(" ... FAILED");
    }
    let trimmed = line.trim_start();
    // TAP: `not ok 1 - name`
    if let Some(rest) = trimmed.strip_prefix("not ok ") {
        return Some(rest.split_once(" - ").map_or(rest, |(_, name)| name));
    }
    // node's own reporter, jest, vitest, mocha: `✖ name (1.2ms)`
    for mark in ["✖ ", "✕ ", "× ", "● "] {
        if let Some(name) = trimmed.strip_prefix(mark) {
            let name = name.rsplit_once(" (").map_or(name, |(name, _)| name);
            return (!name.starts_with("failing tests")).then_some(name);
        }
    }
    // pytest: `FAILED path::name - why`; unittest: `FAIL: name (module)`; go: `--- FAIL: TestX (0.00s)`
    if let Some(rest) = line.strip_prefix("FAILED ") {
        return (!rest.starts_with('(')).then(|| rest.split(" - ").next().unwrap_or(rest));
    }
    for prefix in ["FAIL: ", "ERROR: "] {
        if let Some(name) = line.strip_prefix(prefix) {
            return Some(name);
        }
    }
    trimmed.strip_prefix("--- FAIL: ").map(|rest| rest.split(" (").next().unwrap_or(rest))
}

fn shorten(line: &str) -> String {
    let line = line.trim();
    if line.chars().count() <= MAX_LINE_CHARS {
        return line.to_owned();
    }
    let mut short: String = line.chars().take(MAX_LINE_CHARS).collect();
    short.push('…');
    short
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;

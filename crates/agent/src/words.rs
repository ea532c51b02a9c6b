//! Reads from a prompt what the deterministic worker shall do.

use crate::project::Goal;

/// What a prompt asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Intent {
    /// What can this agent do?
    Help,
    /// Once more what failed last time.
    Again,
    /// These checks, cheapest first.
    Check {
        goals: Vec<Goal>,
        /// The prompt named checks, so that running all of them is not a guess.
        named: bool,
    },
}

const FORMAT: [&str; 9] =
    ["format", "formats", "formatted", "formatter", "formatting", "fmt", "reformat", "rustfmt", "prettier"];
const LINT: [&str; 8] = ["lint", "lints", "linter", "linters", "linting", "clippy", "eslint", "vet"];
const TEST: [&str; 6] = ["test", "tests", "tested", "testing", "pytest", "unittest"];
const AGAIN: [&str; 4] = ["again", "retry", "rerun", "repeat"];
const ALL: [&str; 6] = ["all", "everything", "check", "checks", "verify", "ci"];

pub(crate) fn intent(prompt: &str) -> Intent {
    let lower = prompt.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    if matches!(words[..], ["help"]) || prompt.trim() == "?" {
        return Intent::Help;
    }
    let says = |list: &[&str]| words.iter().any(|word| list.contains(word));
    let goals: Vec<Goal> = Goal::ALL
        .into_iter()
        .filter(|goal| match goal {
            Goal::Format => says(&FORMAT),
            Goal::Lint => says(&LINT),
            Goal::Test => says(&TEST),
        })
        .collect();
    if !goals.is_empty() {
        return Intent::Check { goals, named: true };
    }
    if says(&AGAIN) {
        return Intent::Again;
    }
    Intent::Check { goals: Goal::ALL.to_vec(), named: words.is_empty() || says(&ALL) }
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;

//! Words what the deterministic worker says.

use std::fmt::Write as _;
use std::path::Path;

use super::mend::Mended;
use super::{Checked, Verdict};
use crate::project::{self, Project, Step};
use crate::words::Intent;

pub(super) const HELP: &str = "I am the builtin agent. No model thinks here: I do the same useful work every time.\n\n\
    - `format`: run the project's formatter check, and offer its fix\n\
    - `lint`: run its linter\n\
    - `test`: run its tests\n\
    - `again`: run once more what failed\n\
    - anything else: all of these, cheapest first\n\n\
    I change nothing without asking.\n";

pub(super) fn title(cwd: &Path, projects: &[Project]) -> String {
    match projects.first() {
        Some(project) => format!("Check {} ({})", dir_name(cwd), project.name),
        None => format!("Look at {}", dir_name(cwd)),
    }
}

pub(super) fn nothing_found(cwd: &Path) -> String {
    let empty = cwd.read_dir().is_ok_and(|mut entries| entries.next().is_none());
    let state = if empty { "is empty" } else { "holds no project that I know" };
    format!(
        "`{}` {state}. I looked for {}, here and one directory below, and ran nothing.\n",
        cwd.display(),
        project::looks_for()
    )
}

pub(super) fn reasoning(projects: &[Project], steps: &[(String, Step)]) -> String {
    let found: Vec<String> =
        projects.iter().map(|project| format!("{} in {}", project.evidence, project.dir.display())).collect();
    let titles: Vec<&str> = steps.iter().map(|(title, _)| title.as_str()).collect();
    format!("Found {}. Steps, cheapest first: {}.", found.join(", "), join(&titles))
}

pub(super) fn opening(cwd: &Path, projects: &[Project], steps: &[(String, Step)], intent: &Intent) -> String {
    let kinds: Vec<String> = projects
        .iter()
        .map(|project| {
            let below = project.dir.strip_prefix(cwd).unwrap_or(&project.dir);
            format!("**{}** (`{}`)", project.name, below.join(&project.evidence).display())
        })
        .collect();
    let what = if kinds.len() == 1 { "a project in" } else { "projects in" };
    let mut text = format!("`{}` holds {what} {}.", dir_name(cwd), join(&kinds));
    if let Intent::Check { named: false, .. } = intent {
        text.push_str(" No model thinks here, so I cannot work on a free task; I check the project instead.");
    }
    if steps.is_empty() {
        text.push_str(" It has nothing of what you asked for that I could run.\n\n");
        return text;
    }
    let mut goals: Vec<&str> = steps.iter().map(|(_, step)| step.goal.noun()).collect();
    goals.dedup();
    let _ = write!(text, " I run its {}.\n\n", join(&goals));
    text
}

pub(super) fn closing(cwd: &Path, projects: &[Project], checked: &[Checked], mended: &[Mended]) -> String {
    let mut text = String::new();
    if !checked.is_empty() {
        // Offers are made for failed checks only, so none is counted twice.
        let fixed = mended.iter().filter(|outcome| outcome.passes_now()).count();
        let passed = checked.iter().filter(|result| result.passed()).count() + fixed;
        let total = checked.len();
        let headline = match (fixed, passed == total) {
            (0, true) => format!("All {total} checks passed"),
            (0, false) => format!("{passed} of {total} checks passed"),
            (_, _) => format!("{passed} of {total} checks passed after the fix"),
        };
        let _ = write!(text, "### {headline}\n\n");
        for result in checked {
            describe(&mut text, result, cwd);
        }
        text.push('\n');
    }
    for outcome in mended {
        let _ = writeln!(text, "{}\n", mending(outcome));
    }
    for note in projects.iter().flat_map(|project| &project.notes) {
        let _ = writeln!(text, "- Note: {note}.");
    }
    text
}

fn describe(text: &mut String, result: &Checked, cwd: &Path) {
    let title = &result.title;
    let seconds = result.seconds;
    let _ = match &result.verdict {
        Verdict::Passed { warnings: 0 } => writeln!(text, "- ✓ `{title}` passed ({seconds:.1} s)"),
        Verdict::Passed { warnings: 1 } => {
            writeln!(text, "- ✓ `{title}` passed with 1 warning ({seconds:.1} s)")
        }
        Verdict::Passed { warnings } => {
            writeln!(text, "- ✓ `{title}` passed with {warnings} warnings ({seconds:.1} s)")
        }
        Verdict::Failed { how, .. } => {
            writeln!(text, "- ✗ `{title}` failed: {how} ({seconds:.1} s)")
        }
        Verdict::NotInstalled => writeln!(text, "- – `{title}` was not run: it is not installed"),
        Verdict::NotRun(why) => writeln!(text, "- – `{title}` was not run: {why}"),
    };
    if let Verdict::Failed { findings, .. } = &result.verdict {
        let here = format!("{}/", cwd.display());
        for finding in findings {
            // A backtick inside would end the code span early.
            let finding = finding.replace(&here, "").replace('`', "'");
            let _ = writeln!(text, "  - `{finding}`");
        }
    }
}

fn mending(outcome: &Mended) -> String {
    let files = |n: usize| {
        if n == 1 { "1 file".to_owned() } else { format!("{n} files") }
    };
    match outcome {
        Mended::Applied { files: n, more, passes } => {
            let mut text = format!("The formatter's fix is applied to {}", files(*n));
            text.push_str(if *passes { ", and the check passes now." } else { "; the check still fails." });
            if *more > 0 {
                let _ = write!(text, " {} more need it: say `format` again.", files(*more));
            }
            text
        }
        Mended::Left { files: n } => format!("The formatter's fix for {} was not allowed and left alone.", files(*n)),
        Mended::NotPossible(why) => format!("The formatter's fix was not applied: {why}."),
    }
}

fn dir_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Joins words as a sentence does: `a, b and c`.
fn join<S: AsRef<str>>(words: &[S]) -> String {
    match words {
        [] => "none".to_owned(),
        [one] => one.as_ref().to_owned(),
        [head @ .., last] => {
            let head: Vec<&str> = head.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", head.join(", "), last.as_ref())
        }
    }
}

//! A change of a file as signed lines.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};

use super::{
    clean::clean,
    style::{Paint, Style},
    words::cut_long,
};

/// Unchanged lines around a change.
const CONTEXT: usize = 3;
/// A line is cut after so many characters.
const LINE_MAX: usize = 500;
/// Two texts are compared for so long, then more coarsely.
const PATIENCE: Duration = Duration::from_millis(200);

/// Lines added and removed.
pub fn counts(old: &str, new: &str) -> (usize, usize) {
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(old, new);
    let mut counts = (0, 0);
    for change in diff.iter_all_changes() {
        match change.tag() {
            ChangeTag::Insert => counts.0 += 1,
            ChangeTag::Delete => counts.1 += 1,
            ChangeTag::Equal => {}
        }
    }
    counts
}

/// The change line by line, hunk by hunk, drawn and cleaned, without indent.
pub fn lines(old: &str, new: &str, style: Style) -> Vec<String> {
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(old, new);
    let mut out = Vec::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        out.push(style.paint(Paint::Place, hunk.header().to_string().trim_end()));
        for change in hunk.iter_changes() {
            let text = cut_long(clean(change.value()).trim_end(), LINE_MAX);
            out.push(match change.tag() {
                ChangeTag::Delete => style.paint(Paint::Bad, &format!("-{text}")),
                ChangeTag::Insert => style.paint(Paint::Good, &format!("+{text}")),
                ChangeTag::Equal => format!(" {text}").trim_end().to_owned(),
            });
        }
    }
    out
}

/// A unified diff as git writes it, drawn and cleaned, without its file head.
pub fn unified(diff: &str, style: Style) -> Vec<String> {
    let from_hunks = diff.lines().skip_while(|line| !line.starts_with("@@"));
    from_hunks
        .map(|line| {
            let text = cut_long(clean(line).trim_end(), LINE_MAX);
            match line.chars().next() {
                Some('@') => style.paint(Paint::Place, &text),
                Some('-') => style.paint(Paint::Bad, &text),
                Some('+') => style.paint(Paint::Good, &text),
                _ => text,
            }
        })
        .collect()
}

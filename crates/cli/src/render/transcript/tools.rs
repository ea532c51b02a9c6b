//! Tool calls of a transcript: one row each when they end, with what they changed and produced.

use convene_core::content::ToolCall;
use jiff::Timestamp;

use super::{Amount, Transcript};
use crate::render::{
    clean::clean_line,
    diff,
    style::Paint,
    tool::{self, Call},
    words,
};

/// A line of output is cut after so many characters.
const LINE_MAX: usize = 500;
/// Where the right part of a row ends, unless the terminal is narrower.
const ROW_WIDTH: usize = 76;

impl Transcript {
    pub(super) fn tool(&mut self, patch: &ToolCall, at: Timestamp) {
        let new = self.tools.get_mut(&patch.id).is_none();
        let call = self.tools.update(patch, at).clone();
        if call.shown || self.look.tools == Amount::None {
            return;
        }
        if call.ended.is_some() {
            self.tool_row(&call);
        } else if new && self.look.started && !self.screen.has_live_row() && call.call.title.is_some() {
            let (verb, subject) = self.say(&call.call);
            self.sign_row("~", "started:", Paint::Dim, &format!("{verb:<5} {subject}"));
        }
    }

    pub(super) fn say(&self, call: &ToolCall) -> (String, String) {
        (tool::verb(call).to_owned(), tool::subject(call, &self.look.cwd, self.look.home.as_deref()))
    }

    fn tool_row(&mut self, call: &Call) {
        if let Some(call) = self.tools.get_mut(&call.call.id) {
            call.shown = true;
        }
        // The rejection was a row already.
        if call.rejected && !call.completed() {
            return;
        }
        let (verb, subject) = self.say(&call.call);
        let changes = call.changes().map(|(a, r)| format!("  +{a} -{r}")).unwrap_or_default();
        let exit = tool::exit_code(&call.call).filter(|code| *code != 0).map(|code| format!("  exit {code}"));
        let took = call.ended.map(|at| words::took(call.took(at))).unwrap_or_default();
        let (sign, word, paint) =
            if call.completed() { ("+", "done:", Paint::Good) } else { ("x", "failed:", Paint::Bad) };
        let right = format!("{took}{}", exit.unwrap_or_default());
        self.two_part_row(sign, word, paint, &format!("{verb:<5} {subject}{changes}"), &right);
        if !call.diff_shown || !call.completed() {
            self.diffs(call);
        }
        let shows_output = !call.completed() || matches!(verb.as_str(), "run" | "tool");
        if shows_output && call.changes().is_none() {
            self.output(call);
        }
    }

    fn diffs(&mut self, call: &Call) {
        if self.look.diff == Amount::None {
            return;
        }
        let several = call.diffs().count() > 1;
        let limit = if self.look.diff == Amount::Full { usize::MAX } else { self.look.diff_lines };
        let drawn: Vec<(String, Vec<String>)> = call
            .diffs()
            .map(|(path, old, new)| {
                let path = clean_line(&words::path(path, &self.look.cwd, self.look.home.as_deref()));
                (path, diff::lines(old, new, self.look.style))
            })
            .collect();
        for (path, lines) in drawn {
            if several {
                self.screen.row(&format!("    {path}"));
            }
            for line in lines.iter().take(limit) {
                self.screen.row(&format!("    {line}"));
            }
            if lines.len() > limit {
                self.rest_row(lines.len() - limit, call);
            }
        }
    }

    fn output(&mut self, call: &Call) {
        let text = tool::output(&call.call);
        let lines: Vec<&str> = text.lines().collect();
        let start = lines.iter().position(|l| !l.trim().is_empty()).unwrap_or(lines.len());
        let end = lines.iter().rposition(|l| !l.trim().is_empty()).map_or(start, |i| i + 1);
        let lines = &lines[start..end];
        let last = self.look.tool_lines;
        let whole = self.look.tools == Amount::Full || lines.len() <= last + 2;
        let mut print = |line: &str| {
            let line = format!("    {}", words::cut_long(line, LINE_MAX));
            self.screen.row(&self.look.style.paint(Paint::Dim, line.trim_end()));
        };
        if whole {
            lines.iter().for_each(|line| print(line));
            return;
        }
        lines.iter().take(1).for_each(|line| print(line));
        self.rest_row(lines.len() - 1 - last, call);
        for line in &lines[lines.len() - last..] {
            let line = format!("    {}", words::cut_long(line, LINE_MAX));
            self.screen.row(&self.look.style.paint(Paint::Dim, line.trim_end()));
        }
    }

    fn rest_row(&mut self, left: usize, call: &Call) {
        let which = if self.look.from_start { call.number.to_string() } else { clean_line(&call.call.id) };
        let row =
            format!("    ... {} not shown: convene show {} --tool {which}", words::count(left, "line"), self.look.id);
        self.screen.row(&self.look.style.paint(Paint::Dim, &row));
    }

    pub(super) fn two_part_row(&mut self, sign: &str, word: &str, paint: Paint, left: &str, right: &str) {
        let style = self.look.style;
        let sign = if style.plain { word } else { sign };
        let end = ROW_WIDTH.min(self.screen.width().saturating_sub(1));
        let used = words::width(sign) + 1 + words::width(left) + words::width(right);
        let gap = " ".repeat(end.saturating_sub(used).max(2));
        let right = style.paint(Paint::Dim, right);
        self.screen.row(&format!("{} {left}{gap}{right}", style.paint(paint, sign)));
    }
}

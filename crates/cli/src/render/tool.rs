//! Tool calls: folded by id, and drawn as one row with what they produced.

use std::{collections::HashMap, time::Duration};

use convene_core::content::{ToolCall, ToolContent, ToolStatus};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    clean::{clean, clean_line},
    words,
};

/// The calls of a session in the order in which they were first seen.
#[derive(Debug, Default)]
pub struct Tools {
    calls: HashMap<String, Call>,
}

/// A call so far.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its place in the session, from 1.
    pub number: usize,
    /// All patches together.
    pub call: ToolCall,
    /// When it was first seen.
    pub since: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Whether its permission was rejected.
    pub rejected: bool,
    /// Whether its row is printed.
    pub shown: bool,
    /// Whether its changes were printed with a question.
    pub diff_shown: bool,
}

impl Tools {
    /// Takes in a patch.
    pub fn update(&mut self, patch: &ToolCall, at: Timestamp) -> &mut Call {
        let number = self.calls.len() + 1;
        let call = self.calls.entry(patch.id.clone()).or_insert_with(|| Call {
            number,
            call: ToolCall { id: patch.id.clone(), ..ToolCall::default() },
            since: at,
            ended: None,
            rejected: false,
            shown: false,
            diff_shown: false,
        });
        call.call.merge(patch);
        if patch.status.is_some_and(ToolStatus::is_final) {
            call.ended.get_or_insert(at);
        }
        call
    }

    /// A call by its id.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut Call> {
        self.calls.get_mut(id)
    }

    /// Calls that have not ended, oldest first.
    pub fn open(&self) -> Vec<&Call> {
        let mut open: Vec<&Call> = self.calls.values().filter(|c| c.ended.is_none()).collect();
        open.sort_by_key(|c| c.number);
        open
    }

    /// Ends what is still open, when its turn is over.
    pub fn close(&mut self, at: Timestamp) {
        for call in self.calls.values_mut() {
            call.ended.get_or_insert(at);
        }
    }

    /// Every call, in order.
    pub fn all(&self) -> Vec<&Call> {
        let mut all: Vec<&Call> = self.calls.values().collect();
        all.sort_by_key(|c| c.number);
        all
    }
}

impl Call {
    /// How long it took, or takes.
    pub fn took(&self, now: Timestamp) -> Duration {
        between(self.since, self.ended.unwrap_or(now))
    }

    /// Whether it did what it was to do.
    pub fn completed(&self) -> bool {
        self.call.status == Some(ToolStatus::Completed)
    }

    /// Added and removed lines over all its changes, if it has any.
    pub fn changes(&self) -> Option<(usize, usize)> {
        let mut sum = None;
        for (_, old, new) in self.diffs() {
            let (added, removed) = super::diff::counts(old, new);
            let (a, r) = sum.unwrap_or((0, 0));
            sum = Some((a + added, r + removed));
        }
        sum
    }

    /// Its changes: path, text before, text after.
    pub fn diffs(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.call.content.iter().flatten().filter_map(|content| match content {
            ToolContent::Diff { path, old_text, new_text } => {
                Some((path.as_str(), old_text.as_deref().unwrap_or_default(), new_text.as_str()))
            }
            ToolContent::Content { .. } | ToolContent::Terminal { .. } => None,
        })
    }
}

/// The time between two stamps; none if they are the wrong way round.
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// What a call does, in one word.
pub fn verb(call: &ToolCall) -> &str {
    match call.kind.as_deref() {
        Some("execute") => "run",
        Some("switch_mode") => "mode",
        Some(kind @ ("read" | "edit" | "delete" | "move" | "search" | "think" | "fetch")) => kind,
        _ => "tool",
    }
}

/// What a call is about: the command, the file, else its title.
pub fn subject(call: &ToolCall, cwd: &str, home: Option<&str>) -> String {
    let verb = verb(call);
    let title = || {
        let title = clean_line(title(call));
        let bare = title.strip_prefix('`').and_then(|t| t.strip_suffix('`')).filter(|t| !t.contains('`'));
        let title = bare.unwrap_or(&title);
        // The verb stands before it already: "read a.txt", not "read Read a.txt".
        let (first, rest) = title.split_once(' ').unwrap_or((title, ""));
        let doubled = first.eq_ignore_ascii_case(verb) && !rest.is_empty();
        if doubled { rest.to_owned() } else { title.to_owned() }
    };
    match verb {
        "run" => match command(call) {
            Some(command) => clean_line(&command),
            // Some name the tool and say what it is to do beside it.
            None if is_name(call) => said(call).map_or_else(title, |said| clean_line(&said)),
            None => title(),
        },
        "read" | "edit" | "delete" => match call.locations.as_deref() {
            Some([only]) => clean_line(&words::path(&only.path, cwd, home)),
            _ => {
                let mut paths = call.content.iter().flatten().filter_map(diff_path);
                match (paths.next(), paths.count()) {
                    (Some(path), 0) => clean_line(&words::path(path, cwd, home)),
                    (Some(path), more) => format!("{} and {more} more", clean_line(&words::path(path, cwd, home))),
                    (None, _) => title(),
                }
            }
        },
        _ => title(),
    }
}

/// What the agent calls it.
pub fn title(call: &ToolCall) -> &str {
    call.title.as_deref().or(call.name.as_deref()).unwrap_or(&call.id)
}

/// Whether the title is a tool's name and tells nothing of this call.
pub fn is_name(call: &ToolCall) -> bool {
    !title(call).trim().contains(char::is_whitespace)
}

/// What the agent says of a call in a text of its own.
pub fn said(call: &ToolCall) -> Option<String> {
    let texts = call.content.iter().flatten().filter_map(|content| match content {
        ToolContent::Content { content } => content.as_text(),
        ToolContent::Diff { .. } | ToolContent::Terminal { .. } => None,
    });
    let texts: Vec<&str> = texts.map(str::trim).filter(|text| !text.is_empty()).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// How many files a call would change, as far as it shows them.
pub fn changed_files(call: &ToolCall) -> usize {
    call.content.iter().flatten().filter_map(diff_path).count()
}

fn diff_path(content: &ToolContent) -> Option<&str> {
    match content {
        ToolContent::Diff { path, .. } => Some(path),
        ToolContent::Content { .. } | ToolContent::Terminal { .. } => None,
    }
}

/// The command of an `execute` call as the agent gave it: a text, or words.
pub fn command(call: &ToolCall) -> Option<String> {
    let input = call.raw_input.as_ref()?;
    let value = ["command", "cmd"].iter().find_map(|key| input.get(key))?;
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(words) => {
            let words: Option<Vec<&str>> = words.iter().map(Value::as_str).collect();
            let words = words?;
            // `bash -lc TEXT` is how agents run a text.
            match words.as_slice() {
                [shell, flag, text] if shell.ends_with("sh") && flag.starts_with('-') => Some((*text).to_owned()),
                words => Some(words.join(" ")),
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// The exit code that a command ended with, where the agent tells it.
pub fn exit_code(call: &ToolCall) -> Option<i64> {
    let places =
        [call.raw_output.as_ref(), call.meta.as_ref().and_then(|m| m.get("terminal_exit")), call.meta.as_ref()];
    places.into_iter().flatten().find_map(|v| ["exit_code", "exitCode"].iter().find_map(|key| v.get(key)?.as_i64()))
}

/// What a call produced, as text, cleaned.
pub fn output(call: &ToolCall) -> String {
    let mut text = String::new();
    for content in call.content.iter().flatten() {
        if let ToolContent::Content { content } = content
            && let Some(block) = content.as_text()
        {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(unfenced(block));
        }
    }
    if text.trim().is_empty() {
        call.raw_text().clone_into(&mut text);
    }
    clean(&text)
}

/// Agents put output into a code fence; the fence is theirs, not the command's.
fn unfenced(text: &str) -> &str {
    let trimmed = text.trim();
    let Some(rest) = trimmed.strip_prefix("```") else { return text };
    let Some((_, body)) = rest.split_once('\n') else { return text };
    body.strip_suffix("```").unwrap_or(text)
}

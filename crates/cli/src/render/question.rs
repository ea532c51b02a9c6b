//! The permission question: what is shown before it, and what typed words mean.
//!
//! Options and names are the agent's, in its order. `y` and `n` mean its first allow_once and reject_once and nothing
//! else; Enter alone decides nothing. Whatever a terminal would hide is shown.

use std::time::Duration;

use convene_core::{
    content::{PermissionKind, PermissionOption, ToolCall},
    ids::PermissionId,
};

use super::{
    clean::{clean_line, reveal},
    diff,
    style::{Paint, Style},
    tool,
    words::{self, clock},
};

/// Past so many lines the allow answers are locked until the rest was looked at.
pub const LOCK_LINES: usize = 200;

/// A request that waits for somebody.
#[derive(Debug, Clone)]
pub struct Question {
    /// The request.
    pub request: PermissionId,
    /// The answers that the agent offers.
    pub options: Vec<PermissionOption>,
    phrase: &'static str,
    body: Vec<String>,
    details: Vec<String>,
    shown: usize,
}

/// What a typed line means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// One of the options.
    Choose(PermissionOption),
    /// Show more.
    Details,
    /// Nothing was said.
    Nothing,
    /// No answer; this is why.
    Unclear(String),
}

impl Question {
    /// The question of a request.
    pub fn new(
        request: PermissionId,
        call: &ToolCall,
        options: &[PermissionOption],
        style: Style,
        place: Place<'_>,
    ) -> Self {
        let mut body: Vec<String> = Vec::new();
        let phrase = match tool::verb(call) {
            "run" => "asks to run a command",
            "edit" if tool::changed_files(call) > 1 => "asks to change files",
            "edit" => "asks to change a file",
            "read" => "asks to read",
            "delete" => "asks to delete",
            "move" => "asks to move",
            "fetch" => "asks to fetch",
            "search" => "asks to search",
            _ => "asks for permission",
        };
        match tool::command(call) {
            Some(command) => body.extend(command.lines().map(reveal)),
            None => {
                body.extend(tool::title(call).lines().map(reveal));
                // The command may be nowhere but there, and nothing is allowed unseen.
                body.extend(tool::said(call).iter().flat_map(|said| said.lines()).map(reveal));
            }
        }
        for content in call.content.iter().flatten() {
            if let convene_core::content::ToolContent::Diff { path, old_text, new_text } = content {
                let path = reveal(&words::path(path, place.cwd, place.home));
                // The file's name is the subject already.
                if body.last() != Some(&path) {
                    body.push(path);
                }
                body.extend(diff::lines(old_text.as_deref().unwrap_or_default(), new_text, style));
            }
        }
        let details = details(call);
        Self { request, options: options.to_vec(), phrase, body, details, shown: 0 }
    }

    /// Whether its changes are part of what is shown.
    pub fn shows_diff(&self) -> bool {
        self.body.len() > 1
    }

    /// The rows that open it: who asks, and the whole of what is asked up to the lock.
    pub fn opening(&mut self, style: Style, agent: &str, also: &str) -> Vec<String> {
        let sign = if style.plain { "asks:" } else { "?" };
        let head = format!("{sign} {} {}", clean_line(agent), self.phrase);
        let mut rows = vec![format!("{}  {}", style.paint(Paint::Ask, &head), style.paint(Paint::Dim, also))];
        rows.extend(self.more());
        rows
    }

    /// The next lines of what is asked.
    fn more(&mut self) -> Vec<String> {
        let end = self.body.len().min(self.shown + LOCK_LINES);
        let mut rows: Vec<String> = self.body[self.shown..end].iter().map(|line| format!("    {line}")).collect();
        self.shown = end;
        let rest = self.body.len() - end;
        if rest > 0 {
            rows.push(format!("    ... {} below, v shows them; nothing is allowed before", words::count(rest, "line")));
        }
        rows
    }

    /// The row with the options.
    pub fn choices(&self, style: Style, place: Place<'_>, at: usize, of: usize) -> String {
        let dot = style.dot();
        let options: Vec<String> =
            self.options.iter().zip(1..).map(|(o, n)| format!("{n} {}", reveal(&o.name))).collect();
        format!(
            "    in {}{dot}request {}{dot}{at} of {of}{dot} {}",
            clean_line(&words::at_home(place.cwd, place.home)),
            short_request(self.request),
            options.join("   ")
        )
    }

    /// The row in which the answer is typed.
    pub fn input_row(&self, style: Style, left: Option<Duration>, typed: &str) -> String {
        let mut keys: Vec<String> = Vec::new();
        if let Some(n) = self.number_of(PermissionKind::AllowOnce) {
            keys.push(format!("y = {n}"));
        }
        if let Some(n) = self.number_of(PermissionKind::RejectOnce) {
            keys.push(format!("n = {n}"));
        }
        keys.push("v = details".to_owned());
        let left = left.map(|left| format!("{}rejects in {}", style.dot(), clock(left))).unwrap_or_default();
        format!("  number and Enter ({}){left} > {typed}", keys.join(", "))
    }

    /// The same where there is no room for more.
    pub fn short_input_row(&self, typed: &str) -> String {
        let yes = self.number_of(PermissionKind::AllowOnce).map_or("", |_| ", y");
        let no = self.number_of(PermissionKind::RejectOnce).map_or("", |_| ", n");
        format!("  1-{}{yes}{no}, v > {typed}", self.options.len())
    }

    fn number_of(&self, kind: PermissionKind) -> Option<usize> {
        self.options.iter().position(|o| o.kind == kind).map(|i| i + 1)
    }

    /// What a typed line means.
    pub fn reply(&self, typed: &str) -> Reply {
        let typed = typed.trim();
        let chosen = match typed {
            "" => return Reply::Nothing,
            "v" | "V" => return Reply::Details,
            "y" | "Y" => self.number_of(PermissionKind::AllowOnce),
            "n" | "N" => self.number_of(PermissionKind::RejectOnce),
            number => number.parse().ok().filter(|n| (1..=self.options.len()).contains(n)),
        };
        let Some(option) = chosen.and_then(|n| self.options.get(n - 1)) else {
            return Reply::Unclear(format!("{:?} is none of 1 to {}", clean_line(typed), self.options.len()));
        };
        let rejects = matches!(option.kind, PermissionKind::RejectOnce | PermissionKind::RejectAlways);
        if !rejects && self.shown < self.body.len() {
            return Reply::Unclear("there is more to read first: v shows it".to_owned());
        }
        Reply::Choose(option.clone())
    }

    /// What `v` shows: the rest of a long text, then the call's input as the agent gave it.
    pub fn more_or_details(&mut self) -> Vec<String> {
        if self.shown < self.body.len() {
            return self.more();
        }
        self.details.iter().map(|line| format!("    {line}")).collect()
    }
}

/// Where the asking session works.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Its directory.
    pub cwd: &'a str,
    /// The person's home.
    pub home: Option<&'a str>,
}

fn details(call: &ToolCall) -> Vec<String> {
    let mut rows = vec![format!("tool call {}", reveal(&call.id))];
    if let Some(title) = &call.title {
        rows.push(format!("title     {}", reveal(title)));
    }
    if let Some(kind) = &call.kind {
        rows.push(format!("kind      {}", reveal(kind)));
    }
    for location in call.locations.iter().flatten() {
        rows.push(format!("file      {}", reveal(&location.path)));
    }
    if let Some(input) = &call.raw_input {
        let text = serde_json::to_string_pretty(input).unwrap_or_default();
        rows.extend(text.lines().map(reveal));
    }
    rows
}

/// A request's id as people type it.
pub fn short_request(request: PermissionId) -> String {
    format!("{}{}", PermissionId::PREFIX, request.short())
}

#[cfg(test)]
#[path = "question_tests.rs"]
mod tests;

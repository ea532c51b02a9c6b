//! Durations, counts, sizes and paths in a person's words.

use std::{fmt::Write as _, path::Path, time::Duration};

use convene_core::event::UnhealthyReason;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// A duration that somebody waited: `12 ms`, `8.4 s`, `1:32`, `2:01:05`.
pub fn took(duration: Duration) -> String {
    let ms = duration.as_millis();
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..10_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        10_000..60_000 => format!("{} s", ms / 1_000),
        _ => clock(duration),
    }
}

/// Whether a note of the log is for everybody, not only for whoever wants to know more.
pub fn is_for_all(code: &str) -> bool {
    matches!(
        code,
        "agent_downloads" | "agent_slow" | "agent_session_lost" | "mcp_server_left_out" | "add_dirs_left_out"
    )
}

/// What is well again.
pub const fn well_again(reason: UnhealthyReason) -> &'static str {
    match reason {
        UnhealthyReason::Silent => "the agent goes on",
        UnhealthyReason::AgentStopped => "the agent runs again",
        UnhealthyReason::RunnerUnreachable => "the runner is back",
        UnhealthyReason::WorkerOffline => "the worker is back",
        UnhealthyReason::Other => "it is well again",
    }
}

/// A clock: `0:31`, `1:32`, `2:01:05`.
pub fn clock(duration: Duration) -> String {
    let s = duration.as_secs();
    let (h, m, s) = (s / 3_600, s / 60 % 60, s % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m}:{s:02}") }
}

/// Whole seconds: `4 s`, or a clock from a minute on.
pub fn seconds(duration: Duration) -> String {
    if duration.as_secs() < 60 { format!("{} s", duration.as_secs()) } else { clock(duration) }
}

/// An age: `12 s`, `4m`, `3h`, `2d`.
pub fn age(duration: Duration) -> String {
    match duration.as_secs() {
        s @ 0..60 => format!("{s}s"),
        s @ 60..3_600 => format!("{}m", s / 60),
        s @ 3_600..86_400 => format!("{}h", s / 3_600),
        s => format!("{}d", s / 86_400),
    }
}

/// A span as in "up 3 h".
pub fn span(seconds: u64) -> String {
    match seconds {
        s @ 0..60 => format!("{s} s"),
        s @ 60..3_600 => format!("{} min", s / 60),
        s @ 3_600..172_800 => format!("{} h", s / 3_600),
        s => format!("{} days", s / 86_400),
    }
}

/// A count with its noun: `1 file`, `2 files`.
pub fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// Tokens: `940`, `18.2k`, `1.3M`.
pub fn tokens(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        1_000..1_000_000 => format!("{}.{}k", n / 1_000, n % 1_000 / 100),
        _ => format!("{}.{}M", n / 1_000_000, n % 1_000_000 / 100_000),
    }
}

/// A size: `118 bytes`, `10.4 MB`.
pub fn size(bytes: usize) -> String {
    match bytes {
        0..1_000 => count(bytes, "byte"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

/// The width of a text in columns.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text cut to so many columns, with the mark where something is missing.
pub fn cut(text: &str, columns: usize, mark: &str) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(mark.width());
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if used + w > room {
            break;
        }
        used += w;
        out.push(c);
    }
    while out.ends_with(' ') {
        out.pop();
    }
    if columns >= mark.width() {
        out.push_str(mark);
    }
    out
}

/// The text cut in its middle to so many columns, as paths are.
pub fn cut_middle(text: &str, columns: usize, mark: &str) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(mark.width());
    let tail_room = room - room / 3;
    let mut tail: Vec<char> = Vec::new();
    let mut used = 0;
    for c in text.chars().rev() {
        let w = c.width().unwrap_or(0);
        if used + w > tail_room {
            break;
        }
        used += w;
        tail.push(c);
    }
    let head = cut(text, room - used + mark.width(), mark);
    head + &tail.iter().rev().collect::<String>()
}

/// The text in lines of at most so many columns, broken at blanks; a word that is wider stands alone, as it is.
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    if text.width() <= columns {
        return vec![text.to_owned()];
    }
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// How long a question can still be answered: `rejects in 4:12`. None if it waits for ever.
pub fn rejects_in(expires: Option<jiff::Timestamp>, now: jiff::Timestamp) -> Option<String> {
    expires.map(|at| format!("rejects in {}", clock(super::tool::between(now, at))))
}

/// A time, to the second, the same wherever one is printed: `2026-11-21T09:14:02Z`.
pub fn time(at: jiff::Timestamp) -> String {
    format!("{at:.0}")
}

/// A line of at most so many characters; the rest is counted.
pub fn cut_long(line: &str, characters: usize) -> String {
    let Some((end, _)) = line.char_indices().nth(characters) else { return line.to_owned() };
    let rest = line[end..].chars().count();
    let mut out = line[..end].to_owned();
    // Writing to a string cannot fail.
    let _ = write!(out, " ... {rest} more characters");
    out
}

/// A path as people say it: relative to the directory, or with `~`.
pub fn path(path: &str, cwd: &str, home: Option<&str>) -> String {
    let (p, cwd) = (Path::new(path), Path::new(cwd));
    if let Ok(inside) = p.strip_prefix(cwd)
        && !cwd.as_os_str().is_empty()
        && !inside.as_os_str().is_empty()
    {
        return inside.to_string_lossy().into_owned();
    }
    at_home(path, home)
}

/// A path with `~` for the home directory.
pub fn at_home(path: &str, home: Option<&str>) -> String {
    let Some(home) = home.filter(|h| h.len() > 1) else { return path.to_owned() };
    match path.strip_prefix(home) {
        Some("") => "~".to_owned(),
        Some(rest) if rest.starts_with('/') => format!("~{rest}"),
        _ => path.to_owned(),
    }
}

//! The live row of a transcript, and what time does to an open line.

use std::time::Duration;

use jiff::Timestamp;

use super::Transcript;
use crate::render::{facts::Facts, screen::LiveRow, tool, words};

/// After so much silence an open line is closed and the live row returns.
const SILENCE: Duration = Duration::from_secs(5);
/// Without a live row, how often a sign of life is printed.
const STILL: Duration = Duration::from_secs(30);

impl Transcript {
    /// Moves time on: closes a line that has been silent, renews the live row.
    pub fn tick(&mut self, facts: &Facts, extra: Option<LiveRow>, now: Timestamp) {
        // Without a live row nothing wants the line; a question may stand in it.
        let wanted = self.screen.has_live_row() && self.screen.line_open();
        if wanted && self.last_text.is_some_and(|at| tool::between(at, now) >= SILENCE) {
            self.screen.close_line();
        }
        self.frame = self.frame.wrapping_add(1);
        if self.screen.has_live_row() {
            let row = extra.unwrap_or_else(|| {
                let row = format!("{}{}Ctrl-C cancels", self.status(facts, now), self.look.style.dot());
                LiveRow::Text(row)
            });
            self.screen.live(Some(row));
        } else if extra.is_none() {
            let since = *self.last_still.get_or_insert(now);
            if tool::between(since, now) >= STILL {
                self.last_still = Some(now);
                let elapsed = facts.since.map(|at| words::clock(tool::between(at, now))).unwrap_or_default();
                self.screen.row(&format!("still running {elapsed}: {}", self.doing(now)));
            }
        }
    }

    /// What goes on, in a few words.
    fn doing(&self, now: Timestamp) -> String {
        let open = self.tools.open();
        if let Some(last) = open.last() {
            let (verb, subject) = self.say(&last.call);
            let verb = if verb == "run" { String::new() } else { format!("{verb} ") };
            let more = if open.len() > 1 { format!(" and {} more", open.len() - 1) } else { String::new() };
            return format!("{verb}{subject} {}{more}", words::seconds(last.took(now)));
        }
        if let Some((since, _)) = self.thought {
            return format!("thinking {}", words::seconds(tool::between(since, now)));
        }
        match (&self.waiting, &self.version) {
            (Some(why), _) => format!("waiting: {why}"),
            (None, None) => format!("starting {}", self.look.agent),
            (None, Some(_)) => format!("{} is working", self.look.agent),
        }
    }

    /// The sign of life and what goes on, with what it took so far.
    pub fn status(&self, facts: &Facts, now: Timestamp) -> String {
        let style = self.look.style;
        let frames = style.spinner();
        let mut parts = vec![format!("{} {}", frames[self.frame % frames.len()], self.doing(now))];
        if facts.tools > 0 {
            parts.push(words::count(facts.tools, "tool"));
        }
        if let Some(tokens) = facts.tokens() {
            parts.push(format!("{} tokens", words::tokens(tokens)));
        }
        if let Some(since) = facts.since {
            parts.push(words::clock(tool::between(since, now)));
        }
        parts.join(style.dot())
    }
}

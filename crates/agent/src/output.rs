//! Keeps what a command prints within bounds: its beginning, its end, and how much is missing between them.

use std::collections::VecDeque;

const HEAD_BYTES: usize = 16 * 1024;
const TAIL_BYTES: usize = 48 * 1024;
const LATEST_LINES: usize = 20;
const LATEST_BYTES: usize = 4 * 1024;

/// The bounded output of one command.
#[derive(Debug, Default)]
pub(crate) struct Output {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: u64,
}

impl Output {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let room = HEAD_BYTES - self.head.len();
        let (head, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..excess);
        self.left_out += excess as u64;
    }

    pub(crate) fn truncated(&self) -> bool {
        self.left_out > 0
    }

    /// Returns everything that was kept, as text without terminal escapes.
    pub(crate) fn text(&self) -> String {
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        let text = if self.truncated() {
            format!(
                "{}\n[{} bytes left out]\n{}",
                String::from_utf8_lossy(&self.head),
                self.left_out,
                String::from_utf8_lossy(&tail)
            )
        } else {
            let whole = [self.head.as_slice(), &tail].concat();
            String::from_utf8_lossy(&whole).into_owned()
        };
        strip_escapes(&text)
    }

    /// Returns the last lines, for showing while the command still runs.
    pub(crate) fn latest(&self) -> String {
        let mut end: Vec<u8> =
            if self.tail.is_empty() { self.head.clone() } else { self.tail.iter().copied().collect() };
        end.drain(..end.len().saturating_sub(LATEST_BYTES));
        let text = strip_escapes(&String::from_utf8_lossy(&end));
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LATEST_LINES)..].join("\n")
    }
}

/// Removes terminal escape sequences (colours, cursor moves, titles) and bare carriage returns.
fn strip_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                // Control sequence: ends with a letter or one of `@[\]^_`{|}~`.
                Some('[') => while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
                // Operating system command: ends with BEL or ESC \.
                Some(']') => {
                    while let Some(c) = chars.next() {
                        if c == '\u{7}' {
                            break;
                        }
                        if c == '\u{1b}' {
                            chars.next();
                            break;
                        }
                    }
                }
                // Any other: intermediates such as the `(` of a character set, then one final character. An escape
                // that is broken off is left to the next round.
                Some(mut c) => {
                    while (' '..='/').contains(&c) {
                        match chars.next_if(|next| *next != '\u{1b}') {
                            Some(next) => c = next,
                            None => break,
                        }
                    }
                }
                None => {}
            },
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => plain.push('\n'),
            c if c.is_control() && c != '\n' && c != '\t' => {}
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;

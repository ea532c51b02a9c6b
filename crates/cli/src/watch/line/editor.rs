//! A row in which a person types: one row that scrolls sideways, with a cursor that is drawn and a history.
//!
//! It reads bytes as the terminal gives them and knows nothing of what the text means.

use unicode_width::UnicodeWidthChar as _;

/// Earlier lines that are kept.
const HISTORY: usize = 200;
/// What stands for a line end within the row.
const LINE_END: char = '\u{23ce}';

/// What is typed, and where the cursor stands.
#[derive(Debug, Default)]
pub struct Editor {
    text: Vec<char>,
    cursor: usize,
    history: Vec<String>,
    /// The line of the history that is shown, and what was typed before.
    looked_at: Option<(usize, Vec<char>)>,
    sequence: Sequence,
    /// The bytes of a character that is not complete.
    partial: Vec<u8>,
    changed: bool,
}

/// Where in an escape sequence the keys are.
#[derive(Debug, Default, Clone)]
enum Sequence {
    #[default]
    None,
    /// After ESC.
    Escape,
    /// After `ESC [`, with the digits so far.
    Csi(String),
    /// After `ESC O`.
    Single,
}

/// What a person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// Ended a line.
    Line(String),
    /// Wants to leave.
    Leave,
}

impl Editor {
    /// Whether nothing is typed.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether the row is another one since the last look.
    pub fn changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Takes back what was typed; tells whether there was something.
    pub fn clear(&mut self) -> bool {
        let was = !self.text.is_empty();
        self.put(Vec::new());
        was
    }

    /// Gives back a line that could not be used, unless something else is typed already.
    pub fn restore(&mut self, line: &str) {
        if self.text.is_empty() {
            self.put(line.chars().collect());
        }
    }

    fn put(&mut self, text: Vec<char>) {
        self.cursor = text.len();
        self.text = text;
        self.looked_at = None;
        self.changed = true;
    }

    /// Takes in what the terminal gave in one piece. Several lines in one piece are pasted: they become one text, which
    /// waits for Enter.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Typed> {
        let mut done = Vec::new();
        let ends = bytes.iter().filter(|b| matches!(b, b'\n' | b'\r')).count();
        let pasted = ends > 1 || (ends == 1 && !matches!(bytes.last(), Some(b'\n' | b'\r')));
        let mut buffer = std::mem::take(&mut self.partial);
        buffer.extend_from_slice(bytes);
        let (text, rest) = complete(&buffer);
        self.partial = rest;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if matches!(c, '\r' | '\n') && matches!(self.sequence, Sequence::None) {
                if pasted {
                    if chars.peek().is_some() {
                        self.insert('\n');
                    }
                    continue;
                }
                let line: String = self.text.iter().collect();
                self.remember(&line);
                self.put(Vec::new());
                done.push(Typed::Line(line));
            } else if c == '\x04' && self.text.is_empty() {
                done.push(Typed::Leave);
            } else {
                self.take(c);
            }
        }
        done
    }

    fn remember(&mut self, line: &str) {
        if line.trim().is_empty() || self.history.last().is_some_and(|last| last == line) {
            return;
        }
        self.history.push(line.to_owned());
        if self.history.len() > HISTORY {
            self.history.remove(0);
        }
    }

    fn take(&mut self, c: char) {
        self.changed = true;
        match std::mem::take(&mut self.sequence) {
            Sequence::None => self.key(c),
            Sequence::Escape => match c {
                '[' => self.sequence = Sequence::Csi(String::new()),
                'O' => self.sequence = Sequence::Single,
                '\x1b' => self.sequence = Sequence::Escape,
                'b' => self.cursor = self.word_left(),
                'f' => self.cursor = self.word_right(),
                'd' => drop(self.text.drain(self.cursor..self.word_right())),
                '\x7f' | '\x08' => self.cut_word(),
                // Alone it does nothing: over a slow line it cannot be told from the beginning of an arrow.
                _ => {}
            },
            Sequence::Csi(mut digits) => match c {
                '0'..='9' | ';' => {
                    // A sequence that goes on for ever is none.
                    if digits.len() < 16 {
                        digits.push(c);
                        self.sequence = Sequence::Csi(digits);
                    }
                }
                c => self.arrow(c, &digits),
            },
            Sequence::Single => self.arrow(c, ""),
        }
    }

    fn key(&mut self, c: char) {
        match c {
            '\x1b' => self.sequence = Sequence::Escape,
            '\x7f' | '\x08' => {
                let left = self.left();
                self.text.drain(left..self.cursor);
                self.cursor = left;
            }
            '\x04' => drop(self.text.drain(self.cursor..self.right())),
            '\x01' => self.cursor = 0,
            '\x05' => self.cursor = self.text.len(),
            '\x02' => self.cursor = self.left(),
            '\x06' => self.cursor = self.right(),
            '\x0b' => self.text.truncate(self.cursor),
            '\x15' => {
                self.text.drain(..self.cursor);
                self.cursor = 0;
            }
            '\x17' => self.cut_word(),
            '\x10' => self.look_back(),
            '\x0e' => self.look_on(),
            '\t' => self.insert(' '),
            c if c.is_control() => {}
            c => self.insert(c),
        }
    }

    fn arrow(&mut self, c: char, digits: &str) {
        let by_word = digits.ends_with(";5") || digits.ends_with(";3");
        match (c, digits) {
            ('A', _) => self.look_back(),
            ('B', _) => self.look_on(),
            ('C', _) => self.cursor = if by_word { self.word_right() } else { self.right() },
            ('D', _) => self.cursor = if by_word { self.word_left() } else { self.left() },
            ('H', _) | ('~', "1" | "7") => self.cursor = 0,
            ('F', _) | ('~', "4" | "8") => self.cursor = self.text.len(),
            ('~', "3") => drop(self.text.drain(self.cursor..self.right())),
            _ => {}
        }
    }

    fn insert(&mut self, c: char) {
        self.text.insert(self.cursor, c);
        self.cursor += 1;
        self.changed = true;
    }

    /// The place left of the cursor; what has no width belongs to the character before it.
    fn left(&self) -> usize {
        let mut at = self.cursor.saturating_sub(1);
        while at > 0 && columns(self.text[at]) == 0 {
            at -= 1;
        }
        at
    }

    fn right(&self) -> usize {
        let mut at = (self.cursor + 1).min(self.text.len());
        while at < self.text.len() && columns(self.text[at]) == 0 {
            at += 1;
        }
        at
    }

    fn word_left(&self) -> usize {
        let mut at = self.cursor;
        while at > 0 && self.text[at - 1].is_whitespace() {
            at -= 1;
        }
        while at > 0 && !self.text[at - 1].is_whitespace() {
            at -= 1;
        }
        at
    }

    fn word_right(&self) -> usize {
        let mut at = self.cursor;
        while at < self.text.len() && self.text[at].is_whitespace() {
            at += 1;
        }
        while at < self.text.len() && !self.text[at].is_whitespace() {
            at += 1;
        }
        at
    }

    fn cut_word(&mut self) {
        let from = self.word_left();
        self.text.drain(from..self.cursor);
        self.cursor = from;
    }

    fn look_back(&mut self) {
        let (at, typed) = match self.looked_at.take() {
            Some((at, typed)) => (at, typed),
            None => (self.history.len(), self.text.clone()),
        };
        let at = at.saturating_sub(1);
        if let Some(line) = self.history.get(at) {
            self.put(line.chars().collect());
            self.looked_at = Some((at, typed));
        }
    }

    fn look_on(&mut self) {
        let Some((at, typed)) = self.looked_at.take() else { return };
        match self.history.get(at + 1) {
            Some(line) => {
                self.put(line.chars().collect());
                self.looked_at = Some((at + 1, typed));
            }
            None => self.put(typed),
        }
    }

    /// What is seen of the text in so many columns, the cursor drawn in reverse. Wider than that it never is.
    pub fn drawn(&self, room: usize) -> String {
        let room = room.max(2);
        // The cursor wants a column of its own behind the text.
        let cursor_wide = self.text.get(self.cursor).map_or(1, |c| columns(*c).max(1));
        let mut from = self.cursor;
        let mut used = cursor_wide;
        while from > 0 && used + columns(self.text[from - 1]) <= room {
            from -= 1;
            used += columns(self.text[from]);
        }
        let mut out = String::new();
        for (i, c) in self.text.iter().enumerate().skip(from) {
            if i > self.cursor {
                if used + columns(*c) > room {
                    break;
                }
                used += columns(*c);
            }
            let shown = if *c == '\n' { LINE_END } else { *c };
            if i == self.cursor {
                out.push_str(&format!("\x1b[7m{shown}\x1b[27m"));
            } else {
                out.push(shown);
            }
        }
        if self.cursor == self.text.len() {
            out.push_str("\x1b[7m \x1b[27m");
        }
        out
    }
}

fn columns(c: char) -> usize {
    if c == '\n' { LINE_END.width().unwrap_or(1) } else { c.width().unwrap_or(0) }
}

/// The whole characters of some bytes, and the bytes of one that is not complete. What is no UTF-8 is left out.
fn complete(bytes: &[u8]) -> (String, Vec<u8>) {
    let mut text = String::new();
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(whole) => {
                text.push_str(whole);
                return (text, Vec::new());
            }
            Err(error) => {
                let (good, bad) = rest.split_at(error.valid_up_to());
                text.push_str(std::str::from_utf8(good).unwrap_or_default());
                match error.error_len() {
                    Some(length) => rest = &bad[length..],
                    None => return (text, bad.to_vec()),
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "editor_tests.rs"]
mod tests;

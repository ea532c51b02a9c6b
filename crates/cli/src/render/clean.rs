//! Takes control sequences out of text that agents, tools, files and other people wrote.
//!
//! Removed whole: C0 controls but newline and tab, DEL, C1, escape sequences of every kind with their strings (OSC 52
//! and links included), and the characters that reorder text. In a question they are shown instead of removed.

use std::fmt::Write as _;

/// A cleaner that remembers an open sequence between pieces of a text.
#[derive(Debug, Clone, Default)]
pub struct Cleaner {
    state: State,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// ESC and one intermediate byte: one more follows.
    Intermediate,
    /// After CSI, up to a final byte.
    Csi,
    /// In a string (OSC, DCS, SOS, PM, APC), up to BEL or ST.
    String,
    /// In a string, after ESC.
    StringEscape,
}

impl Cleaner {
    /// Cleans a piece.
    pub fn push(&mut self, piece: &str) -> String {
        let mut out = String::with_capacity(piece.len());
        for c in piece.chars() {
            self.take(c, &mut out);
        }
        out
    }

    fn take(&mut self, c: char, out: &mut String) {
        match self.state {
            State::Text => self.text(c, out),
            State::Escape => {
                self.state = match c {
                    '[' => State::Csi,
                    ']' | 'P' | 'X' | '^' | '_' => State::String,
                    ' '..='/' => State::Intermediate,
                    '\x1b' => State::Escape,
                    '0'..='~' => State::Text,
                    // What cannot belong to a sequence is text again.
                    _ => return self.resume(c, out),
                }
            }
            State::Intermediate => match c {
                ' '..='/' => {}
                '0'..='~' => self.state = State::Text,
                '\x1b' => self.state = State::Escape,
                _ => self.resume(c, out),
            },
            State::Csi => match c {
                '0'..='?' | ' '..='/' => {}
                '@'..='~' => self.state = State::Text,
                '\x1b' => self.state = State::Escape,
                _ => self.resume(c, out),
            },
            State::String => match c {
                '\x07' | '\u{9c}' => self.state = State::Text,
                '\x1b' => self.state = State::StringEscape,
                // A string that is never closed must not swallow the rest of the text.
                '\n' => self.resume(c, out),
                _ => {}
            },
            State::StringEscape => match c {
                '\\' => self.state = State::Text,
                '\x1b' => {}
                _ => self.state = State::String,
            },
        }
    }

    fn resume(&mut self, c: char, out: &mut String) {
        self.state = State::Text;
        self.text(c, out);
    }

    fn text(&mut self, c: char, out: &mut String) {
        match c {
            '\x1b' => self.state = State::Escape,
            '\u{9b}' => self.state = State::Csi,
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => self.state = State::String,
            c if is_removed(c) => {}
            c => out.push(c),
        }
    }
}

/// Controls other than newline and tab, and what reorders text.
fn is_removed(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        // Line and paragraph separators, and the byte order mark.
        '\u{2028}' | '\u{2029}' | '\u{feff}' => true,
        c => c.is_control(),
    }
}

/// Cleans a whole text.
pub fn clean(text: &str) -> String {
    Cleaner::default().push(text)
}

/// Cleans a text into one line: line ends and tabs become single spaces.
pub fn clean_line(text: &str) -> String {
    let text = clean(text);
    if !text.contains(['\n', '\t']) {
        return text.trim().to_owned();
    }
    text.split(['\n', '\t']).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Shows what cleaning would remove, as in `\x1b` and `\u202e`; for what a person is about to allow.
pub fn reveal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // Writing to a string cannot fail.
        let _ = match c {
            c if !is_removed(c) => out.write_char(c),
            '\r' => out.write_str("\\r"),
            c if u32::from(c) < 0x100 => write!(out, "\\x{:02x}", u32::from(c)),
            c => write!(out, "\\u{:04x}", u32::from(c)),
        };
    }
    out
}

#[cfg(test)]
#[path = "clean_tests.rs"]
mod tests;

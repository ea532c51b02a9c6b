//! Inline marks of a line of prose: code, strong, emphasis and links.

use crate::render::style::{Paint, Style};

/// A mark holds back at most so many characters.
const HOLD_MAX: usize = 120;

/// What is held back on the current line.
#[derive(Debug, Default)]
pub struct Inline {
    held: String,
    last: Option<char>,
}

enum Held {
    /// It may still become a mark.
    Open,
    /// It is a mark, drawn; so many of its last characters are not part of it.
    Mark(String),
    /// It is text.
    Text,
}

impl Inline {
    /// Takes a character and appends what can be printed.
    pub fn push(&mut self, c: char, style: Style, base: Option<Paint>, out: &mut String) {
        if self.held.is_empty() {
            let opens = match c {
                '`' | '[' => true,
                '*' => true,
                '_' => !self.last.is_some_and(char::is_alphanumeric),
                _ => false,
            };
            if !opens {
                self.last = Some(c);
                out.push(c);
                return;
            }
        }
        self.held.push(c);
        self.settle(style, base, out);
    }

    /// Prints what is held, as it came.
    pub fn end(&mut self, out: &mut String) {
        out.push_str(&self.held);
        self.held.clear();
        self.last = None;
    }

    fn settle(&mut self, style: Style, base: Option<Paint>, out: &mut String) {
        match judge(&self.held, style, base) {
            Held::Open if self.held.chars().count() <= HOLD_MAX => {}
            Held::Mark(drawn) => {
                self.held.clear();
                self.last = Some(')');
                out.push_str(&drawn);
            }
            Held::Open | Held::Text => {
                // The mark was none; what follows its first character may hold another.
                let held = std::mem::take(&mut self.held);
                let mut chars = held.chars();
                if let Some(first) = chars.next() {
                    self.last = Some(first);
                    out.push(first);
                }
                for c in chars {
                    self.push(c, style, base, out);
                }
            }
        }
    }
}

fn judge(held: &str, style: Style, base: Option<Paint>) -> Held {
    let paint = |paint: Paint, text: &str| {
        // The color of the line goes on after the mark.
        format!("{}{}{}{}", style.on(paint), text, style.off(), base.map_or("", |b| style.on(b)))
    };
    match held.chars().next() {
        Some('`') => {
            let ticks = held.chars().take_while(|c| *c == '`').count();
            let body = &held[ticks..];
            if body.is_empty() {
                return Held::Open;
            }
            let fence = "`".repeat(ticks);
            match body.strip_suffix(&fence) {
                Some(code) if !code.is_empty() && !code.ends_with('`') => {
                    let code = if ticks > 1 { code.trim() } else { code };
                    Held::Mark(paint(Paint::Code, code))
                }
                _ => Held::Open,
            }
        }
        Some(mark @ ('*' | '_')) => {
            let run = held.chars().take_while(|c| *c == mark).count();
            let body = &held[run..];
            match body.chars().next() {
                None if run <= 2 => return Held::Open,
                None => return Held::Text,
                // `* item`, `2 * 3`: no emphasis begins before a blank.
                Some(c) if c.is_whitespace() => return Held::Text,
                Some(_) if run > 2 => return Held::Text,
                Some(_) => {}
            }
            let close: String = std::iter::repeat_n(mark, run).collect();
            match body.strip_suffix(&close) {
                Some(text) if !text.is_empty() && !text.ends_with([mark, ' ']) => {
                    Held::Mark(paint(if run == 2 { Paint::Bold } else { Paint::Italic }, &bare(text)))
                }
                _ => Held::Open,
            }
        }
        Some('[') => link(held, &paint),
        _ => Held::Text,
    }
}

/// A link: its text, and the address where it differs.
fn link(held: &str, paint: &dyn Fn(Paint, &str) -> String) -> Held {
    let Some((text, rest)) = held[1..].split_once(']') else { return Held::Open };
    if rest.is_empty() {
        return Held::Open;
    }
    let Some(address) = rest.strip_prefix('(') else { return Held::Text };
    let Some(address) = address.strip_suffix(')') else { return Held::Open };
    let text = bare(text);
    let same = text == address || address.strip_prefix("mailto:") == Some(&text);
    Held::Mark(if same || address.is_empty() { text } else { format!("{text} ({})", paint(Paint::Place, address)) })
}

/// Code in emphasized text loses its marks.
fn bare(text: &str) -> String {
    text.replace('`', "")
}

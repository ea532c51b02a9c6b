//! Markdown as it streams in: append-only, one character after the other, nothing ever taken back.
//!
//! The kind of a block is known at the line's start. Inline marks hold their text back for at most 120 characters or
//! up to the line's end and are then printed as they came; a table is held until it is complete. Code stays as it is,
//! without indent or frame, so that it can be copied.

mod inline;
mod table;

use super::style::{Paint, Style};
use inline::Inline;

/// A table larger than this is printed as it came.
const TABLE_MAX: usize = 64 * 1024;

/// The automaton of one message.
#[derive(Debug)]
pub struct Markdown {
    style: Style,
    width: usize,
    line: Line,
    /// Blanks that are printed only if something follows them on their line.
    blanks: String,
    inline: Inline,
    fence: Option<Fence>,
    table: String,
    /// Whether what was printed last is a line end.
    at_start: bool,
    /// Empty lines that are printed only if something follows them in the message.
    empty_lines: usize,
}

/// Where on a line the automaton is.
#[derive(Debug)]
enum Line {
    /// At its start, with what is held back until its kind is known.
    Start(String),
    /// In prose, in this color.
    Prose(Option<Paint>),
    /// In a line that is printed as it is.
    Raw(Option<Paint>),
    /// In a row of a table, which is held.
    Table,
}

#[derive(Debug, Clone, Copy)]
struct Fence {
    mark: char,
    length: usize,
}

impl Markdown {
    /// An automaton; without colors it prints the text as it is.
    pub fn new(style: Style, width: usize) -> Self {
        Self {
            style,
            width,
            line: Line::Start(String::new()),
            blanks: String::new(),
            inline: Inline::default(),
            fence: None,
            table: String::new(),
            at_start: true,
            empty_lines: 0,
        }
    }

    /// Takes a piece and appends what can be printed.
    pub fn push(&mut self, piece: &str, out: &mut String) {
        let mut ready = String::new();
        for c in piece.chars() {
            if c == '\n' {
                self.end_line(&mut ready);
                self.newline(&mut ready);
            } else if self.style.color {
                self.take(c, &mut ready);
            } else {
                self.print(c, &mut ready);
            }
        }
        self.emit(&ready, out);
    }

    /// Prints what is still held back.
    pub fn finish(&mut self, out: &mut String) {
        let mut ready = String::new();
        self.end_line(&mut ready);
        self.end_table(&mut ready);
        self.line = Line::Start(String::new());
        self.emit(&ready, out);
    }

    /// Appends what is ready, without empty lines at the message's end.
    fn emit(&mut self, ready: &str, out: &mut String) {
        for c in ready.chars() {
            if c == '\n' && self.at_start {
                self.empty_lines += 1;
                continue;
            }
            for _ in 0..std::mem::take(&mut self.empty_lines) {
                out.push('\n');
            }
            out.push(c);
            self.at_start = c == '\n';
        }
    }

    fn take(&mut self, c: char, out: &mut String) {
        match &mut self.line {
            Line::Start(held) => {
                held.push(c);
                let held = held.clone();
                match kind(&held, self.fence) {
                    Kind::Unknown => {}
                    Kind::Fence(fence) => {
                        self.fence = if self.fence.is_some() { None } else { Some(fence) };
                        self.begin(Line::Raw(Some(Paint::Dim)), &held, out);
                    }
                    Kind::Code => self.begin(Line::Raw(None), &held, out),
                    Kind::Heading => self.begin(Line::Prose(Some(Paint::Heading)), &held, out),
                    Kind::Quote => self.begin(Line::Prose(Some(Paint::Dim)), &held, out),
                    Kind::Table => {
                        self.table.push_str(&held);
                        self.line = Line::Table;
                    }
                    Kind::Prose => self.begin(Line::Prose(None), &held, out),
                }
            }
            Line::Prose(base) => {
                let base = *base;
                let mut ready = String::new();
                self.inline.push(c, self.style, base, &mut ready);
                self.print_all(&ready, out);
            }
            Line::Raw(_) => self.print(c, out),
            Line::Table => {
                self.table.push(c);
                if self.table.len() > TABLE_MAX {
                    let held = std::mem::take(&mut self.table);
                    self.line = Line::Raw(None);
                    out.push_str(&held);
                }
            }
        }
    }

    fn begin(&mut self, line: Line, held: &str, out: &mut String) {
        self.end_table(out);
        match line {
            Line::Prose(base) => {
                if let Some(paint) = base {
                    out.push_str(self.style.on(paint));
                }
                self.line = line;
                for c in held.chars() {
                    let mut ready = String::new();
                    self.inline.push(c, self.style, base, &mut ready);
                    self.print_all(&ready, out);
                }
            }
            Line::Raw(paint) => {
                if let Some(paint) = paint {
                    out.push_str(self.style.on(paint));
                }
                self.line = line;
                self.print_all(held, out);
            }
            Line::Start(_) | Line::Table => self.line = line,
        }
    }

    /// Prints what the line still holds and ends its color.
    fn end_line(&mut self, out: &mut String) {
        match std::mem::replace(&mut self.line, Line::Start(String::new())) {
            Line::Start(held) => {
                // A line too short to show its kind: empty, or a lone mark.
                let closes = matches!(kind(&format!("{held}\n"), self.fence), Kind::Fence(_));
                if closes {
                    self.fence = None;
                }
                if !held.trim().is_empty() {
                    self.end_table(out);
                    let paint = closes.then_some(Paint::Dim);
                    out.push_str(paint.map_or("", |p| self.style.on(p)));
                    self.print_all(&held, out);
                    out.push_str(paint.map_or("", |_| self.style.off()));
                } else {
                    self.end_table(out);
                }
            }
            Line::Prose(base) => {
                let mut ready = String::new();
                self.inline.end(&mut ready);
                self.print_all(&ready, out);
                if base.is_some() {
                    out.push_str(self.style.off());
                }
            }
            Line::Raw(paint) => {
                if paint.is_some() {
                    out.push_str(self.style.off());
                }
            }
            Line::Table => self.line = Line::Table,
        }
        self.blanks.clear();
    }

    fn newline(&mut self, out: &mut String) {
        if matches!(self.line, Line::Table) {
            self.table.push('\n');
            self.line = Line::Start(String::new());
        } else {
            out.push('\n');
        }
    }

    fn end_table(&mut self, out: &mut String) {
        if self.table.is_empty() {
            return;
        }
        let held = std::mem::take(&mut self.table);
        let open_end = !held.ends_with('\n');
        let mut drawn = table::draw(&held, self.style, self.width);
        if open_end {
            // The message ends with the table; the line stays open as it came.
            while drawn.ends_with('\n') {
                drawn.pop();
            }
        }
        out.push_str(&drawn);
    }

    fn print_all(&mut self, text: &str, out: &mut String) {
        for c in text.chars() {
            self.print(c, out);
        }
    }

    fn print(&mut self, c: char, out: &mut String) {
        if c == ' ' || c == '\t' {
            self.blanks.push(c);
        } else {
            out.push_str(&self.blanks);
            self.blanks.clear();
            out.push(c);
        }
    }
}

enum Kind {
    Unknown,
    Fence(Fence),
    Code,
    Heading,
    Quote,
    Table,
    Prose,
}

/// The kind of a line by its beginning; in a fence only its end is looked for.
fn kind(held: &str, fence: Option<Fence>) -> Kind {
    let text = held.trim_start_matches(' ');
    let indent = held.len() - text.len();
    let Some(first) = text.chars().next() else { return Kind::Unknown };
    let run = text.chars().take_while(|c| *c == first).count();
    let whole = run == text.chars().count();
    if let Some(fence) = fence {
        let closes = first == fence.mark && indent < 4;
        return match (closes, whole) {
            (true, true) => Kind::Unknown,
            (true, false) if run >= fence.length && text[run * first.len_utf8()..].trim().is_empty() => {
                // Only the line's end shows that nothing but blanks follows.
                if text.ends_with('\n') { Kind::Fence(fence) } else { Kind::Unknown }
            }
            _ => Kind::Code,
        };
    }
    match first {
        '`' | '~' if indent < 4 => match (whole, run) {
            (_, 3..) => Kind::Fence(Fence { mark: first, length: run }),
            (true, _) => Kind::Unknown,
            (false, _) => Kind::Prose,
        },
        '#' if indent < 4 => match (whole, run) {
            (true, 1..=6) => Kind::Unknown,
            (false, 1..=6) if text[run..].starts_with(' ') => Kind::Heading,
            _ => Kind::Prose,
        },
        '>' => Kind::Quote,
        '|' => Kind::Table,
        // A bullet is no emphasis; what follows it shows which.
        '*' | '_' | '-' | '+' if whole && run < 2 => Kind::Unknown,
        _ => Kind::Prose,
    }
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;

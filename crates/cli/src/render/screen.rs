//! A terminal that is only ever appended to, with one live row at the bottom.
//!
//! The live row exists below a finished line only. It is cut to the width with wrapping off, and the cursor is parked
//! at column 0 of it, so that it is erased by ED 0 from there, whatever a resize did to the lines above.

use super::words;

/// What is to be written, and where the cursor stands.
#[derive(Debug)]
pub struct Screen {
    pending: String,
    line_open: bool,
    /// While somebody types below, a line is shown when it is complete: this is the beginning of one.
    held: Option<String>,
    live: Option<LiveRow>,
    drawn: Option<LiveRow>,
    live_allowed: bool,
    width: usize,
    paint: (&'static str, &'static str),
    mark: &'static str,
}

/// The live row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveRow {
    /// Text that is cut to the width.
    Text(String),
    /// A row with its own drawing, which fits the width already.
    Drawn(String),
}

impl Screen {
    /// A screen of that width; without a live row where none may be.
    pub fn new(width: usize, live_allowed: bool, paint: (&'static str, &'static str), mark: &'static str) -> Self {
        Self {
            pending: String::new(),
            line_open: false,
            held: None,
            live: None,
            drawn: None,
            live_allowed,
            width,
            paint,
            mark,
        }
    }

    /// The width, for the next live row.
    pub fn resize(&mut self, width: usize) {
        self.width = width;
    }

    /// The width in columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether there is a live row.
    pub fn has_live_row(&self) -> bool {
        self.live_allowed
    }

    /// Appends text where the cursor stands, as it is; the terminal wraps it.
    pub fn text(&mut self, text: &str) {
        if let Some(held) = &mut self.held {
            let end = text.rfind('\n').map_or(0, |end| end + 1);
            if end > 0 {
                self.pending.push_str(held);
                self.pending.push_str(&text[..end]);
                held.clear();
            }
            held.push_str(&text[end..]);
        } else if let Some(last) = text.chars().last() {
            self.pending.push_str(text);
            self.line_open = last != '\n';
        }
    }

    /// Holds unfinished lines back, so that the live row can stay while somebody types in it; or lets them go.
    pub fn hold(&mut self, hold: bool) {
        match (hold, self.held.is_some()) {
            (true, false) => {
                self.close_line();
                self.held = Some(String::new());
            }
            (false, true) => {
                let held = self.held.take().unwrap_or_default();
                self.text(&held);
            }
            (true, true) | (false, false) => {}
        }
    }

    /// Ends an open line; the only line end that is ever added.
    pub fn close_line(&mut self) {
        if let Some(held) = self.held.as_mut().filter(|held| !held.is_empty()) {
            self.pending.push_str(held);
            self.pending.push('\n');
            held.clear();
        }
        if self.line_open {
            self.pending.push('\n');
            self.line_open = false;
        }
    }

    /// Whether text stands on the cursor's line, or would.
    pub fn line_open(&self) -> bool {
        self.line_open || self.held.as_ref().is_some_and(|held| !held.is_empty())
    }

    /// Appends a line of its own, without trailing blanks.
    pub fn row(&mut self, row: &str) {
        self.close_line();
        self.pending.push_str(row.trim_end());
        self.pending.push('\n');
    }

    /// Rings the bell.
    pub fn bell(&mut self) {
        self.pending.push('\x07');
    }

    /// The terminal itself ended the open line, by echoing a typed one.
    pub fn line_was_closed(&mut self) {
        self.line_open = false;
    }

    /// Says what the live row is to be from the next frame on.
    pub fn live(&mut self, row: Option<LiveRow>) {
        self.live = row;
    }

    /// Whether a frame would change something.
    pub fn dirty(&self) -> bool {
        !self.pending.is_empty() || self.wanted() != self.drawn.as_ref()
    }

    fn wanted(&self) -> Option<&LiveRow> {
        if self.line_open || !self.live_allowed { None } else { self.live.as_ref() }
    }

    /// What is to be written now, in one write.
    pub fn frame(&mut self) -> Option<String> {
        if !self.dirty() {
            return None;
        }
        let mut out = String::with_capacity(self.pending.len() + 128);
        if self.drawn.take().is_some() {
            // The line first: tmux takes ED 0 at the top left for a cleared screen and keeps what was on it.
            out.push_str("\x1b[K\x1b[J");
        }
        out.push_str(&self.pending);
        self.pending.clear();
        if let Some(row) = self.wanted().cloned() {
            let (on, off) = self.paint;
            match &row {
                LiveRow::Text(text) => {
                    let cut = words::cut(text, self.width.saturating_sub(1), self.mark);
                    out.push_str(&format!("\x1b[?7l{on}{cut}{off}\x1b[?7h\r"));
                }
                LiveRow::Drawn(row) => out.push_str(&format!("\x1b[?7l{row}\x1b[?7h\r")),
            }
            self.drawn = Some(row);
        }
        Some(out)
    }

    /// What is to be written before the terminal goes to somebody else: everything pending, no live row, a finished line.
    pub fn leave(&mut self) -> Option<String> {
        self.live = None;
        self.hold(false);
        self.close_line();
        self.frame()
    }
}

//! Lists: a table on a terminal, tab-separated rows in a pipe.
//!
//! A table that is wider than its terminal gives way in three steps: cells that may be cut are cut, columns that may go
//! go, and what may stand below its row stands there. What is important is wrapped at the worst, and never cut.

use crate::{
    app::App,
    failure::Failure,
    render::{
        clean::clean_line,
        style::{Paint, Style},
        words,
    },
    terminal,
};

/// Blanks between two columns.
const GAP: usize = 2;
/// Columns that a text below its row is indented by.
const INDENT: usize = 4;
/// Below so many columns nothing is arranged any more.
const NARROWEST: usize = 20;
/// The narrowest that a column gets by wrapping.
const WRAPPED: usize = 8;

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    name: &'static str,
    fit: Fit,
    paint: Option<fn(&str) -> Option<Paint>>,
}

/// What a column does where there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// It stays whole; its cells are wrapped at the worst.
    Whole,
    /// Its cells are cut, down to so many columns; in the middle if the end says most.
    Cut { least: usize, middle: bool },
    /// It goes; the one with the highest number first.
    Goes(u8),
    /// Its cells stand below their rows.
    Below,
}

impl Column {
    /// A column that stays.
    pub const fn new(name: &'static str) -> Self {
        Self { name, fit: Fit::Whole, paint: None }
    }

    /// Its cells may be cut to so many columns.
    pub const fn cut(self, least: usize) -> Self {
        Self { fit: Fit::Cut { least, middle: false }, ..self }
    }

    /// Its cells are paths, and may be cut in the middle to so many columns.
    pub const fn path(self, least: usize) -> Self {
        Self { fit: Fit::Cut { least, middle: true }, ..self }
    }

    /// It goes where there is no room, before those with a lower number.
    pub const fn goes(self, order: u8) -> Self {
        Self { fit: Fit::Goes(order), ..self }
    }

    /// Its cells may stand below their rows. Only for the last column.
    pub const fn below(self) -> Self {
        Self { fit: Fit::Below, ..self }
    }

    /// Its cells have colors.
    pub const fn paint(self, paint: fn(&str) -> Option<Paint>) -> Self {
        Self { paint: Some(paint), ..self }
    }
}

/// Prints rows; the header is for terminals only.
///
/// # Errors
/// If the reader went away.
pub fn print(app: &App, columns: &[Column], rows: &[Vec<String>]) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    let drawn = Drawn::new(app, columns, rows);
    let text: String = rows.iter().map(|row| drawn.row(row)).collect();
    app.out.text(&(drawn.header() + &text))
}

/// A table whose columns have their places: rows may come later.
#[derive(Debug)]
pub struct Drawn<'a> {
    /// None where rows are tab-separated.
    layout: Option<Layout<'a>>,
    style: Style,
}

impl<'a> Drawn<'a> {
    /// A table with room for these rows.
    pub fn new(app: &App, columns: &'a [Column], rows: &[Vec<String>]) -> Self {
        let terminal = app.out.settings().terminal;
        let layout = terminal.then(|| Layout::new(columns, &cleaned(rows), terminal::width().max(NARROWEST)));
        Self { layout, style: app.style() }
    }

    /// The line above the rows; empty where there is none.
    pub fn header(&self) -> String {
        self.layout.as_ref().map(Layout::header).unwrap_or_default()
    }

    /// A row, with its line end.
    pub fn row(&self, row: &[String]) -> String {
        let row: Vec<String> = row.iter().map(|cell| clean_line(cell)).collect();
        match &self.layout {
            Some(layout) => layout.row(&row, self.style),
            None => row.join("\t") + "\n",
        }
    }
}

fn cleaned(rows: &[Vec<String>]) -> Vec<Vec<String>> {
    rows.iter().map(|row| row.iter().map(|cell| clean_line(cell)).collect()).collect()
}

/// Which columns are shown, how wide, and what stands below.
#[derive(Debug)]
struct Layout<'a> {
    columns: &'a [Column],
    /// The width of each column that is shown in the row; none for one that is not.
    widths: Vec<Option<usize>>,
    below: bool,
    width: usize,
}

impl<'a> Layout<'a> {
    fn new(columns: &'a [Column], rows: &[Vec<String>], width: usize) -> Self {
        let widest = |at: usize, column: &Column| {
            let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| words::width(cell));
            // A column without a word in it needs no place.
            cells.max().filter(|widest| *widest > 0).map(|widest| widest.max(words::width(column.name)))
        };
        let widths = columns.iter().enumerate().map(|(at, column)| widest(at, column)).collect();
        let mut layout = Self { columns, widths, below: false, width };
        layout.arrange();
        layout
    }

    fn arrange(&mut self) {
        let natural = self.widths.clone();
        loop {
            self.cut();
            if self.over() == 0 {
                return;
            }
            let goes = |at: &usize| match (self.columns[*at].fit, self.widths[*at]) {
                (Fit::Goes(order), Some(_)) => Some(order),
                (Fit::Goes(_) | Fit::Whole | Fit::Cut { .. } | Fit::Below, _) => None,
            };
            let mut shown: Vec<usize> = (0..self.columns.len()).filter(|at| goes(at).is_some()).collect();
            shown.sort_by_key(goes);
            if !self.below && self.columns.last().is_some_and(|column| column.fit == Fit::Below) {
                // Nothing is lost by it, so it is done before a column goes.
                self.below = true;
                self.widths.pop();
                self.widths.push(None);
            } else if let Some(last) = shown.last() {
                self.widths[*last] = None;
            } else {
                break;
            }
            // What was cut may have room now.
            for (width, natural) in self.widths.iter_mut().zip(&natural) {
                *width = width.and(*natural);
            }
        }
        self.wrap();
    }

    /// By how many columns the row is too wide.
    fn over(&self) -> usize {
        let shown: Vec<usize> = self.widths.iter().filter_map(|width| *width).collect();
        let whole = shown.iter().sum::<usize>() + GAP * shown.len().saturating_sub(1);
        whole.saturating_sub(self.width)
    }

    /// Takes from what may be cut, the widest first.
    fn cut(&mut self) {
        for _ in 0..self.over() {
            let room = |at: &usize| match (self.columns[*at].fit, self.widths[*at]) {
                (Fit::Cut { least, .. }, Some(width)) => width.saturating_sub(least),
                (Fit::Whole | Fit::Cut { .. } | Fit::Goes(_) | Fit::Below, _) => 0,
            };
            let Some(at) = (0..self.columns.len()).filter(|at| room(at) > 0).max_by_key(|at| self.widths[*at]) else {
                return;
            };
            self.widths[at] = self.widths[at].map(|width| width - 1);
        }
    }

    /// Takes from the widest, whose cells then are wrapped.
    fn wrap(&mut self) {
        for _ in 0..self.over() {
            let Some(at) = (0..self.columns.len()).max_by_key(|at| self.widths[*at]) else { return };
            match self.widths[at] {
                Some(width) if width > WRAPPED => self.widths[at] = Some(width - 1),
                Some(_) | None => return,
            }
        }
    }

    fn header(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|column| column.name.to_owned()).collect();
        // The name of what stands below its row would stand below the header.
        self.row(&names, Style { color: false, unicode: false, plain: false })
    }

    fn row(&self, row: &[String], style: Style) -> String {
        let mut text = String::new();
        let cells: Vec<(usize, usize, Vec<String>)> = self
            .widths
            .iter()
            .enumerate()
            .filter_map(|(at, width)| {
                let width = (*width)?;
                Some((at, width, self.lines(at, row.get(at).map_or("", String::as_str), width, style)))
            })
            .collect();
        let height = cells.iter().map(|(_, _, lines)| lines.len()).max().unwrap_or(0);
        for n in 0..height {
            let mut line = String::new();
            let mut due = 0;
            for (at, width, lines) in &cells {
                let cell = lines.get(n).map_or("", String::as_str);
                if !cell.is_empty() {
                    line.extend(std::iter::repeat_n(' ', due));
                    due = 0;
                    let whole = row.get(*at).map_or("", String::as_str);
                    let paint = self.columns[*at].paint.and_then(|paint| paint(whole));
                    line.push_str(&paint.map_or_else(|| cell.to_owned(), |paint| style.paint(paint, cell)));
                }
                due += width - words::width(cell).min(*width) + GAP;
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        if let Some(below) = row.last().filter(|cell| self.below && !cell.is_empty()) {
            // One line, which the terminal wraps: a command in it is copied whole.
            text.push_str(&format!("{:INDENT$}{below}\n", ""));
        }
        text
    }

    fn lines(&self, at: usize, cell: &str, width: usize, style: Style) -> Vec<String> {
        match self.columns[at].fit {
            Fit::Cut { middle: true, .. } => vec![words::cut_middle(cell, width, style.ellipsis())],
            Fit::Cut { middle: false, .. } => vec![words::cut(cell, width, style.ellipsis())],
            Fit::Whole | Fit::Goes(_) | Fit::Below => words::wrapped(cell, width),
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;

//! Lists: a table on a terminal, tab-separated rows in a pipe.

use comfy_table::{ContentArrangement, Table, TableStyle};

use crate::{app::App, failure::Failure, render::clean::clean_line, terminal};

/// Prints rows; the header is for terminals only.
///
/// # Errors
/// If the reader went away.
pub fn print(app: &App, header: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    if app.out.settings().terminal {
        return app.out.text(&drawn(header, rows, terminal::width()));
    }
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| clean_line(cell)).collect();
        text.push_str(&cells.join("\t"));
        text.push('\n');
    }
    app.out.text(&text)
}

fn drawn(header: &[&str], rows: &[Vec<String>], width: usize) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().copied());
    for row in rows {
        table.add_row(row.iter().map(|cell| clean_line(cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(crate::render::words::cut(line.trim_end(), width.max(20), "...").trim_end());
        text.push('\n');
    }
    text
}

//! A complete table as aligned columns, without a frame.

use crate::render::{
    style::{Paint, Style},
    words,
};

/// Between two columns.
const GAP: &str = "  ";

/// Draws a table that is complete; one that is too wide, or none, comes back as it is.
pub fn draw(text: &str, style: Style, width: usize) -> String {
    let rows: Vec<Vec<String>> = text.lines().map(cells).collect();
    let ruled = rows.get(1).is_some_and(|row| !row.is_empty() && row.iter().all(|c| is_rule(c)));
    if !ruled {
        return text.to_owned();
    }
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut widths = vec![0; columns];
    for row in rows.iter().enumerate().filter(|(i, _)| *i != 1).map(|(_, row)| row) {
        for (i, cell) in row.iter().enumerate() {
            widths[i] = widths[i].max(words::width(cell));
        }
    }
    if widths.iter().sum::<usize>() + GAP.len() * columns.saturating_sub(1) > width {
        return text.to_owned();
    }
    let mut out = String::new();
    for (i, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (column, &wide) in widths.iter().enumerate() {
            if column > 0 {
                line.push_str(GAP);
            }
            let cell = row.get(column).map_or("", String::as_str);
            let cell = if i == 1 { "-".repeat(wide) } else { cell.to_owned() };
            line.push_str(&cell);
            line.push_str(&" ".repeat(wide - words::width(&cell)));
        }
        let line = line.trim_end();
        out.push_str(&match i {
            0 => style.paint(Paint::Bold, line),
            1 => style.paint(Paint::Dim, line),
            _ => line.to_owned(),
        });
        out.push('\n');
    }
    out
}

fn cells(row: &str) -> Vec<String> {
    let row = row.trim();
    let row = row.strip_prefix('|').unwrap_or(row);
    let row = row.strip_suffix('|').unwrap_or(row);
    let mut cells = vec![String::new()];
    let mut escaped = false;
    for c in row.chars() {
        match (c, cells.last_mut()) {
            ('|', _) if !escaped => cells.push(String::new()),
            ('\\', _) if !escaped => {
                escaped = true;
                continue;
            }
            (c, Some(cell)) => {
                if escaped && c != '|' {
                    cell.push('\\');
                }
                cell.push(c);
            }
            (_, None) => {}
        }
        escaped = false;
    }
    cells.iter().map(|c| c.trim().replace("**", "").replace('`', "")).collect()
}

fn is_rule(cell: &str) -> bool {
    cell.contains('-') && cell.chars().all(|c| matches!(c, '-' | ':' | ' '))
}

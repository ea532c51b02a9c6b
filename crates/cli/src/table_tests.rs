//! What gives way in a table that is wider than its terminal, and what never does.

use super::*;

const STYLE: Style = Style { color: false, unicode: false, plain: false };

fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
    rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
}

fn drawn(columns: &[Column], rows: &[Vec<String>], width: usize, style: Style) -> String {
    let layout = Layout::new(columns, rows, width);
    let rows: String = rows.iter().map(|row| layout.row(row, style)).collect();
    layout.header() + &rows
}

fn needs(cell: &str) -> Option<Paint> {
    (cell == "needs you").then_some(Paint::Ask)
}

const LS: &[Column] = &[
    Column::new("ID"),
    Column::new("STATE").paint(needs),
    Column::new("TITLE").cut(8),
    Column::new("CWD").goes(1),
    Column::new("AGE"),
];

#[test]
fn with_room_nothing_is_cut() {
    let rows = rows(&[
        &["k3f9qz", "needs you", "make the cart test pass", "~/shop", "2m"],
        &["b81m2c", "idle", "x", "~", "3h"],
    ]);
    let expected = "\
ID      STATE      TITLE                    CWD     AGE
k3f9qz  needs you  make the cart test pass  ~/shop  2m
b81m2c  idle       x                        ~       3h
";
    assert_eq!(drawn(LS, &rows, 80, STYLE), expected);
    let color = drawn(LS, &rows, 80, Style { color: true, ..STYLE });
    assert!(color.contains("\x1b[1;33mneeds you\x1b[0m  make"), "{color:?}");
    assert_eq!(color.matches('\x1b').count(), 2, "{color:?}");
}

#[test]
fn what_may_be_cut_is_cut_before_a_column_goes() {
    let rows = rows(&[&["k3f9qz", "needs you", "make the cart test pass", "~/shop", "2m"]]);
    let cut = drawn(LS, &rows, 46, STYLE);
    assert!(cut.contains("k3f9qz  needs you  make the ca...  ~/shop  2m\n"), "{cut}");
    let narrow = drawn(LS, &rows, 38, STYLE);
    assert!(!narrow.contains("~/shop") && narrow.contains("k3f9qz  needs you  make the ca...  2m"), "{narrow}");
    // Where nothing else gives way, cells are wrapped, and none of their words is lost.
    let narrowest = drawn(LS, &rows, 24, STYLE);
    for word in ["k3f9qz", "needs", "you", "2m"] {
        assert!(narrowest.contains(word), "{word} is lost:\n{narrowest}");
    }
}

#[test]
fn a_note_stands_below_its_row_and_is_whole() {
    const AGENTS: &[Column] = &[Column::new("AGENT"), Column::new("SIGNED IN"), Column::new("").below()];
    let note = "install: npm install -g @agentclientprotocol/claude-agent-acp, then sign in";
    let rows = rows(&[&["claude", "?", note], &["builtin", "needs none", ""]]);
    let wide = drawn(AGENTS, &rows, 120, STYLE);
    assert!(wide.contains(&format!("claude   ?           {note}\n")), "{wide}");
    let narrow = drawn(AGENTS, &rows, 60, STYLE);
    let expected = "\
AGENT    SIGNED IN
claude   ?
    install: npm install -g @agentclientprotocol/claude-agent-acp, then sign in
builtin  needs none
";
    assert_eq!(narrow, expected);
}

#[test]
fn an_empty_column_takes_no_place() {
    const COLUMNS: &[Column] = &[Column::new("A"), Column::new("B"), Column::new("C")];
    assert_eq!(drawn(COLUMNS, &rows(&[&["1", "", "3"]]), 80, STYLE), "A  C\n1  3\n");
}

//! The row in which a person types: keys in, text and its drawing out.

use super::{Editor, Typed};

fn typed(editor: &mut Editor, keys: &str) -> Vec<Typed> {
    editor.feed(keys.as_bytes())
}

fn text(editor: &Editor) -> String {
    editor.text.iter().collect()
}

fn plain(drawn: &str) -> String {
    drawn.replace("\x1b[7m", "[").replace("\x1b[27m", "]")
}

#[test]
fn keys_move_and_change() {
    for (keys, expected) in [
        ("hello", "hello[ ]"),
        ("hello\x01", "[h]ello"),
        ("hello\x1b[D\x1b[D", "hel[l]o"),
        ("hello\x1bOD\x7f", "hel[o]"),
        ("hello\x1b[H\x1b[3~", "[e]llo"),
        ("one two\x17", "one [ ]"),
        ("one two\x1bb\x0b", "one [ ]"),
        ("one two\x1b[1;5D\x15", "[t]wo"),
        ("x\x01\x04y", "y[ ]"),
        ("a\x1b[1~b\x1b[4~c", "bac[ ]"),
        // A combining mark goes with its letter.
        ("ae\u{301}\x7f", "a[ ]"),
        // What no key of ours is does nothing.
        ("a\x1b[200~b\x00\x0c", "ab[ ]"),
    ] {
        let mut editor = Editor::default();
        assert_eq!(typed(&mut editor, keys), [], "{keys:?}");
        assert_eq!(plain(&editor.drawn(40)), expected, "{keys:?}");
    }
}

#[test]
fn a_line_ends_with_enter_and_an_escape_alone_does_nothing() {
    let mut editor = Editor::default();
    assert_eq!(typed(&mut editor, "\x1b"), []);
    assert_eq!(typed(&mut editor, "xhi\r"), [Typed::Line("hi".to_owned())]);
    assert!(editor.is_empty());
    assert_eq!(typed(&mut editor, "\x04"), [Typed::Leave]);
    assert_eq!(typed(&mut editor, "a\x04"), []);
    assert!(editor.clear());
    assert!(!editor.clear());
}

#[test]
fn several_lines_at_once_are_pasted_and_wait() {
    let mut editor = Editor::default();
    assert_eq!(typed(&mut editor, "one\ntwo\n"), []);
    assert_eq!(text(&editor), "one\ntwo");
    assert_eq!(plain(&editor.drawn(40)), "one\u{23ce}two[ ]");
    assert_eq!(typed(&mut editor, "\n"), [Typed::Line("one\ntwo".to_owned())]);
}

#[test]
fn a_character_may_come_in_pieces() {
    let mut editor = Editor::default();
    let bytes = "é✓".as_bytes();
    for byte in bytes {
        assert_eq!(editor.feed(&[*byte]), []);
    }
    editor.feed(b"\xff!");
    assert_eq!(text(&editor), "é✓!");
}

#[test]
fn the_history_comes_back_and_what_was_typed_too() {
    let mut editor = Editor::default();
    for line in ["one", "two", "two", "  "] {
        typed(&mut editor, &format!("{line}\n"));
    }
    typed(&mut editor, "dra\x1b[A");
    assert_eq!(text(&editor), "two");
    typed(&mut editor, "\x10\x10");
    assert_eq!(text(&editor), "one");
    typed(&mut editor, "\x1b[B\x1b[B");
    assert_eq!(text(&editor), "dra");
    editor.restore("other");
    assert_eq!(text(&editor), "dra");
}

#[test]
fn it_never_draws_wider_than_its_room() {
    let mut editor = Editor::default();
    typed(&mut editor, "a日本語 text that is far longer than the row has room for 日本語");
    for room in 2..30 {
        for keys in ["", "\x1b[D", "\x1b[D\x1b[D\x1b[D", "\x01", "\x1b[C\x1b[C", "\x05"] {
            typed(&mut editor, keys);
            let drawn = plain(&editor.drawn(room)).replace(['[', ']'], "");
            let wide = unicode_width::UnicodeWidthStr::width(drawn.as_str());
            assert!(wide <= room, "{wide} columns of {room}: {drawn:?}");
        }
    }
}

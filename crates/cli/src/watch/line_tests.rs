//! What typed lines mean, and the row in which they are typed.

use convene_api::body::PromptMode;

use super::{Edit, Editor, Line, Meaning};
use crate::render::style::Style;

fn line() -> Line {
    Line {
        editor: Editor::default(),
        once: false,
        read_only: false,
        busy: false,
        idle_at_start: true,
        sent: 0,
        id: "k3f9qz".to_owned(),
        style: Style { color: false, unicode: false, plain: false },
        commands: vec!["compact".to_owned()],
    }
}

fn prompt(text: &str, mode: PromptMode) -> Meaning {
    Meaning::Prompt(text.to_owned(), mode)
}

#[test]
fn what_is_typed_is_a_prompt_unless_it_begins_with_a_slash() {
    let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
    for (typed, meaning) in [
        ("", Meaning::Nothing),
        ("  ", Meaning::Nothing),
        ("fix it  ", prompt("fix it", PromptMode::Queue)),
        ("a /cancel", prompt("a /cancel", PromptMode::Queue)),
        ("/steer  the other file", prompt("the other file", PromptMode::Steer)),
        ("/interrupt stop that", prompt("stop that", PromptMode::Interrupt)),
        ("/cancel", Meaning::Cancel),
        ("/queue", Meaning::Queue),
        ("/queue ls", Meaning::Queue),
        ("/queue drop 2", Meaning::Change("2".to_owned(), Edit::Drop)),
        ("/queue promote 3", Meaning::Change("3".to_owned(), Edit::Promote)),
        ("/queue edit 1 new  words", Meaning::Change("1".to_owned(), Edit::Text("new  words".to_owned()))),
        ("/set title=the red cart", Meaning::Set(vec![pair("title", "the red cart")])),
        ("/set mode=code labels.a=b", Meaning::Set(vec![pair("mode", "code"), pair("labels.a", "b")])),
        ("/set mode=code title=my cart", Meaning::Set(vec![pair("mode", "code"), pair("title", "my cart")])),
        ("/help", Meaning::Help),
        ("/detach", Meaning::Detach),
        // The agent's own, and a way to say any of them.
        ("/compact now", prompt("/compact now", PromptMode::Queue)),
        ("//help", prompt("/help", PromptMode::Queue)),
    ] {
        assert_eq!(line().meaning(typed), meaning, "{typed:?}");
    }
    for (typed, part) in [
        ("/cancle", "did you mean /cancel?"),
        ("/etc/passwd is odd", "// begins a prompt with a slash"),
        ("/steer", "wants a text"),
        ("/queue drop", "/queue drop N"),
        ("/queue edit 1", "/queue edit N TEXT"),
        ("/set", "/set KEY=VALUE"),
    ] {
        match line().meaning(typed) {
            Meaning::Unclear(why) => assert!(why.contains(part), "{typed:?}: {why}"),
            other => panic!("{typed:?} means {other:?}"),
        }
    }
}

#[test]
fn the_row_fits_whatever_the_width() {
    for busy in [false, true] {
        for read_only in [false, true] {
            for typed in ["", "short", "a text that is longer than any of the rows that are tried here, by far"] {
                let mut line = line();
                (line.busy, line.read_only) = (busy, read_only);
                line.editor.feed(typed.as_bytes());
                for width in 8..100 {
                    let row = line.row("| cargo test 8 s - 2 tools - 0:31", width);
                    let row = row.replace("\x1b[7m", "").replace("\x1b[27m", "");
                    let wide = crate::render::words::width(&row);
                    assert!(wide < width, "{wide} of {width}: {row:?}");
                }
            }
        }
    }
}

#[test]
fn the_row_says_what_can_be_done() {
    let plain = |row: String| row.replace("\x1b[7m", "[").replace("\x1b[27m", "]");
    let mut line = line();
    assert_eq!(plain(line.row("", 80)), "k3f9qz > [ ] a prompt and Enter, /help, Ctrl-D leaves");
    line.busy = true;
    assert_eq!(plain(line.row("| ls 8 s", 80)), "| ls 8 s - Ctrl-C cancels > [ ]");
    line.editor.feed(b"next");
    assert_eq!(plain(line.row("| ls 8 s", 80)), "> next[ ]");
}

use super::*;

#[test]
fn sequences_are_removed_whole() {
    for (dirty, expected) in [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("a\x1b]52;c;aGVsbG8=\x07b", "ab"),
        ("a\x1b]0;title\x1b\\b", "ab"),
        ("\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1$r0m\x1b\\x", "x"),
        ("a\u{9b}31mb", "ab"),
        ("\x1b(Bx\x1b7y\x1bcz", "xyz"),
        ("bell\x07 back\x08 del\x7f nul\0", "bell back del nul"),
        ("one\r\ntwo", "one\ntwo"),
        ("safe\u{202e}evil\u{2066}x", "safeevilx"),
        ("caf\u{e9} \u{1f44d}\u{200d}", "caf\u{e9} \u{1f44d}\u{200d}"),
        ("open \x1b]0;never closed\nnext", "open \nnext"),
    ] {
        assert_eq!(clean(dirty), expected, "{dirty:?}");
    }
}

#[test]
fn a_sequence_split_over_pieces_is_still_removed() {
    let text = "a\x1b[38;5;196mb\x1b]52;c;xyz\x1b\\c\x1b(Bd";
    let chars: Vec<char> = text.chars().collect();
    for size in 1..chars.len() {
        let mut cleaner = Cleaner::default();
        let out: String = chars.chunks(size).map(|c| cleaner.push(&c.iter().collect::<String>())).collect();
        assert_eq!(out, "abcd", "pieces of {size}");
    }
}

#[test]
fn a_question_shows_what_others_remove() {
    assert_eq!(reveal("rm\x1b[2K \u{202e}x\r\u{9b}"), "rm\\x1b[2K \\u202ex\\r\\x9b");
}

#[test]
fn a_line_has_no_line_ends() {
    assert_eq!(clean_line(" a\n\tb \n"), "a b");
}

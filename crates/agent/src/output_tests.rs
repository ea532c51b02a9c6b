use super::*;

#[test]
fn keeps_beginning_and_end_and_says_how_much_is_missing() {
    let mut output = Output::default();
    output.push(b"first line\n");
    for _ in 0..10_000 {
        output.push(b"0123456789abcde\n");
    }
    output.push(b"last line\n");
    let text = output.text();
    assert!(output.truncated());
    assert!(text.starts_with("first line\n"));
    assert!(text.ends_with("last line\n"));
    assert!(text.contains(" bytes left out]\n"));
    assert!(text.len() < HEAD_BYTES + TAIL_BYTES + 100);
}

#[test]
fn a_character_split_over_two_reads_stays_whole() {
    let mut output = Output::default();
    let text = "naïve ✓";
    let (a, b) = text.as_bytes().split_at(3);
    output.push(a);
    output.push(b);
    assert_eq!(output.text(), text);
}

#[test]
fn escapes_and_progress_bars_become_plain_lines() {
    let mut output = Output::default();
    output.push(b"\x1b[31mred\x1b[0m\r\n\x1b]0;title\x07done 10%\rdone 20%\n");
    assert_eq!(output.text(), "red\ndone 10%\ndone 20%\n");
    assert_eq!(output.latest(), "red\ndone 10%\ndone 20%");
}

#[test]
fn an_escape_with_intermediates_goes_with_its_final_character() {
    let mut output = Output::default();
    output.push(b"\x1b(B\x1b[mplain\x1b(0line\x1b(B \x1b%G\x1b7kept\x1b8\x1b(\x1b[1mbold\x1b(");
    assert_eq!(output.text(), "plainline keptbold");
}

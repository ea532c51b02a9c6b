use std::time::Duration;

use super::*;
use crate::redact::MARK;

const SECRET: &str = "canary-0b4e6a1f7c2d9358";

fn log(home: &tempfile::TempDir) -> (StderrLog, Redactor) {
    let mut redactor = Redactor::default();
    redactor.register(SECRET);
    (StderrLog::new(&home.path().join("agent_stderr")), redactor)
}

/// A bundle may be made of a living agent at any time, also in the middle of a line.
#[test]
fn a_secret_that_comes_in_pieces_is_in_no_tail() {
    let at = Instant::now();
    for cut in 1..SECRET.len() {
        let home = tempfile::tempdir().expect("a directory");
        let (mut log, redactor) = log(&home);
        let (first, second) = SECRET.split_at(cut);
        log.take(format!("key {first}").as_bytes(), at, &redactor);
        let tail = log.tail(&redactor, 100);
        assert!(!first.get(..4).is_some_and(|piece| tail.contains(piece)), "{tail:?}");
        log.take(format!("{second} is used\nmore").as_bytes(), at, &redactor);
        assert_eq!(log.tail(&redactor, 100), format!("key {MARK} is used\nmore"));
        log.end(at, &redactor);
        let kept = std::fs::read_to_string(home.path().join("agent_stderr")).expect("a file");
        assert_eq!(kept, format!("key {MARK} is used\nmore"));
    }
}

#[test]
fn a_line_without_an_end_is_not_cut_within_a_secret() {
    let at = Instant::now();
    let home = tempfile::tempdir().expect("a directory");
    let (mut log, redactor) = log(&home);
    let long = "x".repeat(KEPT - 7);
    log.take(long.as_bytes(), at, &redactor);
    for piece in [&SECRET[..9], &SECRET[9..], " end"] {
        log.take(piece.as_bytes(), at, &redactor);
    }
    log.end(at, &redactor);
    let kept = std::fs::read_to_string(home.path().join("agent_stderr")).expect("a file");
    assert!(kept.ends_with(&format!("xx{MARK} end")), "it ends with {}", &kept[kept.len() - 40..]);
    assert!(log.tail(&redactor, KEPT).ends_with(&format!("{MARK} end")));
}

#[test]
fn a_tail_begins_with_a_line_and_is_bounded() {
    let at = Instant::now();
    let home = tempfile::tempdir().expect("a directory");
    let (mut log, redactor) = log(&home);
    log.take(b"first\nsecond\nthird\n", at, &redactor);
    for (max, expected) in [(100, "first\nsecond\nthird"), (12, "second\nthird"), (11, "third"), (3, "ird")] {
        assert_eq!(log.tail(&redactor, max), expected, "{max} bytes");
    }
}

#[test]
fn what_came_before_is_told_apart() {
    let began = Instant::now();
    let later = began + Duration::from_secs(60);
    let home = tempfile::tempdir().expect("a directory");
    let (mut log, redactor) = log(&home);
    log.take(b"error: no settings\nhalf a ", began, &redactor);
    assert_eq!(log.since(later, &redactor), "");
    log.take(b"line\nout of mem", later, &redactor);
    assert_eq!(log.since(later, &redactor), "half a line\nout of mem");
    assert_eq!(log.since(began, &redactor), "error: no settings\nhalf a line\nout of mem");
}

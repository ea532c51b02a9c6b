//! Shows that a kept text is the event's own, and that long ones are not kept.

use convene_engine::storage::LogKey;

use super::*;

fn row(pos: u64, data: &str) -> EventRow {
    let at = "2026-01-02T03:04:05Z".parse().unwrap();
    EventRow { log: LogKey(1), seq: pos, pos, at, index: None, turn: None, data: data.into() }
}

fn session() -> SessionId {
    "ses_0190b3c1d2e37f4a8b5c6d7e8f901234".parse().unwrap()
}

#[test]
fn text_is_written_once_and_not_mistaken_for_another() {
    let texts = Texts::default();
    let first = texts.frame(session(), &row(7, r#"{"type":"a"}"#));
    assert!(first.contains(r#""seq":7,"pos":7"#) && first.ends_with(r#""type":"a"}}"#), "{first}");
    assert_eq!(texts.frame(session(), &row(7, r#"{"type":"a"}"#)).as_ptr(), first.as_ptr());
    // The same slot, another event.
    let other = texts.frame(session(), &row(7 + SLOTS as u64, r#"{"type":"b"}"#));
    assert!(other.ends_with(r#""type":"b"}}"#), "{other}");
    assert_eq!(texts.frame(session(), &row(7, r#"{"type":"a"}"#)), first);
}

#[test]
fn long_text_is_not_kept() {
    let texts = Texts::default();
    let long = row(1, &format!(r#"{{"type":"{}"}}"#, "x".repeat(LENGTH_MAX)));
    let first = texts.frame(session(), &long);
    assert_ne!(texts.frame(session(), &long).as_ptr(), first.as_ptr());
}

//! Shows that batches are frames as the WebSocket has them, and that each viewer gets what is after its place.

use super::*;

fn row(seq: u64, data: &str) -> EventRow {
    let at = "2026-01-02T03:04:05Z".parse().unwrap();
    EventRow { log: LogKey(1), seq, pos: seq + 10, at, index: None, turn: None, data: data.into() }
}

fn session() -> SessionId {
    "ses_0190b3c1d2e37f4a8b5c6d7e8f901234".parse().unwrap()
}

/// The texts of whole frames.
fn texts(mut bytes: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    while let [0x81, short, rest @ ..] = bytes {
        let (length, rest) = match *short {
            126 => (u64::from(u16::from_be_bytes(rest[..2].try_into().unwrap())), &rest[2..]),
            127 => (u64::from_be_bytes(rest[..8].try_into().unwrap()), &rest[8..]),
            length => (u64::from(length), rest),
        };
        let (text, rest) = rest.split_at(usize::try_from(length).unwrap());
        texts.push(String::from_utf8(text.to_vec()).unwrap());
        bytes = rest;
    }
    assert_eq!(bytes, b"", "nothing but text frames");
    texts
}

#[test]
fn a_viewer_gets_what_is_after_its_place() {
    let rows: Vec<_> = (5..=7).map(|seq| row(seq, &format!(r#"{{"type":"n{seq}"}}"#))).collect();
    let batch = Batch::of(session(), &rows);
    for (after, seqs) in [(4, 5..8_u64), (5, 6..8), (6, 7..8)] {
        let (count, bytes) = batch.after(after).unwrap();
        let texts = texts(&bytes);
        assert_eq!(texts.len(), count);
        let wanted: Vec<_> = rows.iter().filter(|row| seqs.contains(&row.seq)).collect();
        for (text, row) in texts.iter().zip(&wanted) {
            let event = convene_core::event::wire_json(session(), row.seq, row.pos, row.at, &row.data);
            assert_eq!(*text, format!(r#"{{"topic":"{}","event":{event}}}"#, session()));
        }
        assert_eq!(texts.len(), wanted.len());
    }
    assert!(batch.after(7).is_none() && batch.after(9).is_none(), "there is nothing after the last");
}

#[test]
fn lengths_are_written_as_frames_have_them() {
    for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
        let (mut bytes, text) = (BytesMut::new(), "x".repeat(length));
        frame(&mut bytes, &text);
        assert_eq!(texts(&bytes), [text]);
    }
}

#[test]
fn a_batch_holds_no_more_than_it_may_and_at_least_one_event() {
    let long = format!(r#"{{"type":"{}"}}"#, "x".repeat(BYTES * 2 / 3));
    let rows: Vec<_> = (1..=5).map(|seq| row(seq, &long)).collect();
    let batch = Batch::of(session(), &rows);
    assert_eq!((batch.first, batch.last), (1, 2));
    assert_eq!(batch.after(0).unwrap().0, 2);
    let longer = [row(1, &format!(r#"{{"type":"{}"}}"#, "x".repeat(BYTES * 3)))];
    assert_eq!(Batch::of(session(), &longer).last, 1);
}

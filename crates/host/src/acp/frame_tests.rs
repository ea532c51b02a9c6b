use std::io::Write as _;

use super::*;

async fn read_all(bytes: Vec<u8>, max: usize) -> Vec<Read> {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let writing = std::thread::spawn(move || {
        let _ = writer.write_all(&bytes);
    });
    let mut lines = Lines::new(pipe::Receiver::from_owned_fd(reader.into()).unwrap(), max);
    let mut found = Vec::new();
    while !lines.has_ended() {
        found.push(lines.next().await);
    }
    drop(lines);
    writing.join().unwrap();
    found
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn splits_lines() {
    let found = block_on(read_all(b"one\r\n\ntwo\nthree".to_vec(), 100));
    let line = |text: &'static str| Read::Line(Bytes::from_static(text.as_bytes()));
    assert_eq!(found, [line("one"), line(""), line("two"), Read::End(Bytes::from_static(b"three"))]);
}

#[test]
fn cuts_a_line_that_is_too_long() {
    let found = block_on(read_all(vec![b'x'; 1_000_000], 100_000));
    assert_eq!(found, [Read::TooLong(Bytes::from(vec![b'x'; 256]))]);
    let mut exact = vec![b'x'; 100];
    exact.push(b'\n');
    assert!(matches!(block_on(read_all(exact.clone(), 100))[0], Read::Line(_)));
    assert!(matches!(block_on(read_all(exact, 99))[0], Read::TooLong(_)));
}

#[test]
fn tells_kinds_apart() {
    let update = r#"{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s","update":{"a":1}}}"#;
    assert!(
        matches!(Frame::of(update), Frame::Update { session, update } if session == "s" && update.get() == r#"{"a":1}"#)
    );
    let cancel = r#"{"jsonrpc":"2.0","method":"$/cancel_request","params":{"requestId":"x"}}"#;
    assert!(matches!(Frame::of(cancel), Frame::CancelRequest { id: "\"x\"" }));
    assert!(matches!(Frame::of(r#"{"id":1,"method":"fs/read_text_file"}"#), Frame::Call));
    assert!(matches!(Frame::of(r#"{"id":1,"result":null}"#), Frame::Call));
    assert!(matches!(Frame::of(r#"{"id":null,"error":{"code":1,"message":""}}"#), Frame::Call));
    assert!(matches!(Frame::of(r#"{"method":"_x/y"}"#), Frame::Notification { .. }));
    assert!(matches!(Frame::of(r#"{"method":"session/update","params":[]}"#), Frame::Notification { .. }));
}

#[test]
fn takes_everything_else_for_noise() {
    let deep = "[".repeat(100_000);
    for line in ["hello", "{", "[]", "42", "null", "{}", "\"text\"", "{\"method\":1}", deep.as_str(), "\0"] {
        assert!(matches!(Frame::of(line), Frame::Noise), "{}", &line[..line.len().min(20)]);
    }
    let twice = r#"{"method":"a","method":"b"}"#;
    assert!(matches!(Frame::of(twice), Frame::Noise));
}

#[test]
fn a_line_that_breaks_off_at_any_byte_is_no_line() {
    let line = r#"{"jsonrpc":"2.0","method":"session/update","params":{"text":"é and 🦀"}}"#.as_bytes();
    let (whole, others) = (b"one\n", 0..=line.len());
    for cut in others {
        let found = block_on(read_all([whole, &line[..cut]].concat(), 1000));
        let expected = [Read::Line(Bytes::from_static(b"one")), Read::End(Bytes::copy_from_slice(&line[..cut]))];
        assert_eq!(found, expected, "cut after {cut} bytes");
    }
}

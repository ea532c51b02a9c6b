//! Shows that the viewer reads frames and lines as they come, in whatever pieces.

use std::net::TcpListener;

use super::*;

fn pair() -> (Viewer, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let viewer = Viewer::lines(listener.local_addr().unwrap().port()).unwrap();
    (viewer, listener.accept().unwrap().0)
}

#[test]
fn frames_are_read_over_pieces_and_pings_answered() {
    let (mut viewer, mut server) = pair();
    viewer.lines = false;
    let long = "x".repeat(300);
    let mut bytes = vec![0x81, 2];
    bytes.extend(b"ab");
    bytes.extend([0x89, 1, b'p', 0x81, 126, 1, 44]);
    bytes.extend(long.as_bytes());
    let mut seen = Vec::new();
    for piece in bytes.chunks(7) {
        server.write_all(piece).unwrap();
        viewer.read(|text| seen.push(text.to_owned())).unwrap();
    }
    while seen.len() < 2 {
        viewer.read(|text| seen.push(text.to_owned())).unwrap();
    }
    assert_eq!(seen, ["ab", long.as_str()]);
    let mut pong = [0; 7];
    server.read_exact(&mut pong).unwrap();
    assert_eq!(pong, [0x8a, 0x81, 0, 0, 0, 0, b'p']);
    server.write_all(&[0x88, 0]).unwrap();
    assert!(viewer.read(|_| {}).unwrap_err().to_string().contains("closed"));
}

#[test]
fn lines_are_read_whole() {
    let (mut viewer, mut server) = pair();
    server.write_all(b"one\ntwo\nthr").unwrap();
    let mut seen = Vec::new();
    while seen.len() < 2 {
        viewer.read(|text| seen.push(text.to_owned())).unwrap();
    }
    assert_eq!(seen, ["one", "two"]);
    drop(server);
    assert!(viewer.read(|_| {}).is_err());
}

#[test]
fn stamps_are_found_in_merged_text() {
    assert_eq!(stamps(r#"{"text":"@12 xx@34 "}"#).collect::<Vec<_>>(), [12, 34]);
    assert_eq!(stamps("nothing @x here").count(), 0);
    assert!(now_ns() > 0);
}

use std::{path::Path, sync::Mutex};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};

use super::*;
use crate::body::Shutdown;

const SESSION: &str = "ses_01900000000070008000000000000001";

/// A socket in a directory of its own, which goes with it.
struct Place {
    dir: std::path::PathBuf,
}

impl Place {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("convene-client-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        Self { dir }
    }

    fn socket(&self) -> std::path::PathBuf {
        self.dir.join("s")
    }

    fn client(&self) -> Client {
        Client::new(Endpoint::Unix(self.socket()), Some("secret".to_owned()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn listen(path: &Path) -> UnixListener {
    let _ = std::fs::remove_file(path);
    UnixListener::bind(path).expect("a socket")
}

/// Reads one request: its head and its body.
async fn request(stream: &mut UnixStream) -> String {
    let mut text = Vec::new();
    loop {
        let mut byte = [0];
        if stream.read(&mut byte).await.expect("a read") == 0 {
            break;
        }
        text.push(byte[0]);
        let head = String::from_utf8_lossy(&text).to_lowercase();
        if let Some(end) = head.find("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
            let length: usize = length.and_then(|n| n.parse().ok()).unwrap_or(0);
            if text.len() >= end + 4 + length {
                break;
            }
        }
    }
    String::from_utf8(text).expect("text")
}

async fn reply(stream: &mut UnixStream, status: &str, body: &str) {
    let text = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).await.expect("a write");
}

fn header(request: &str, name: &str) -> Option<String> {
    let line = request.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}: ")))?;
    Some(line.split_once(": ")?.1.to_owned())
}

#[tokio::test]
async fn a_mutation_is_retried_with_the_same_key() {
    let place = Place::new("retry");
    let listener = listen(&place.socket());
    let server = async {
        let mut keys = Vec::new();
        // The connection breaks after the request, the server is starting, then it answers.
        let (mut stream, _) = listener.accept().await.expect("a client");
        keys.push(header(&request(&mut stream).await, "idempotency-key"));
        drop(stream);
        let (mut stream, _) = listener.accept().await.expect("a client");
        keys.push(header(&request(&mut stream).await, "idempotency-key"));
        let problem = r#"{"code":"unavailable","status":503,"detail":"server is starting"}"#;
        reply(&mut stream, "503 Service Unavailable", problem).await;
        let (mut stream, _) = listener.accept().await.expect("a client");
        let third = request(&mut stream).await;
        assert_eq!(header(&third, "authorization").as_deref(), Some("Bearer secret"));
        assert!(third.ends_with(r#"{"confirm":"epoch-7","stop_sessions":true}"#), "{third}");
        keys.push(header(&third, "idempotency-key"));
        reply(&mut stream, "200 OK", r#"{"sessions_going_on":0,"sessions_stopped":2}"#).await;
        keys
    };
    let client = place.client();
    let (key, body) = (CommandKey::fresh(), Shutdown { stop_sessions: true, ..Shutdown::of(7) });
    let (keys, answer) = tokio::join!(server, client.shutdown(&body, &key));
    assert_eq!(answer.expect("it succeeds").sessions_stopped, 2);
    assert_eq!(keys, vec![Some(key.as_str().to_owned()); 3]);
}

#[tokio::test]
async fn a_refusal_is_a_problem_and_not_retried() {
    let place = Place::new("refusal");
    let listener = listen(&place.socket());
    let server = async {
        let (mut stream, _) = listener.accept().await.expect("a client");
        request(&mut stream).await;
        let problem =
            r#"{"code":"session_limit","status":429,"detail":"16 of 16 sessions are live","hint":"stop one"}"#;
        reply(&mut stream, "429 Too Many Requests", problem).await;
    };
    let client = place.client();
    let ((), answer) = tokio::join!(server, client.session("x y/z"));
    match answer {
        Err(ClientError::Problem(problem)) => assert_eq!(problem.code, Code::SessionLimit),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_answer_that_is_no_problem_is_told_as_it_is() {
    let place = Place::new("foreign");
    let listener = listen(&place.socket());
    let server = async {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let asked = request(&mut stream).await;
        assert!(asked.starts_with("GET /v1/sessions/x%20y%2Fz HTTP/1.1"), "{asked}");
        reply(&mut stream, "404 Not Found", "<html>nothing here").await;
    };
    let client = place.client();
    let ((), answer) = tokio::join!(server, client.session("x y/z"));
    match answer {
        Err(ClientError::Problem(problem)) => {
            assert_eq!(problem.code, Code::NotFound);
            assert!(problem.detail.contains("nothing here"), "{}", problem.detail);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn nobody_there_is_said_at_once() {
    let place = Place::new("nobody");
    let answer = place.client().status().await;
    let error = answer.expect_err("there is no server");
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
    assert_eq!(error.into_problem().code, Code::ServerUnreachable);
}

/// The server's side of a WebSocket, after its subscription.
async fn subscribed(listener: &UnixListener) -> (WebSocketStream<UnixStream>, Value) {
    let (stream, _) = listener.accept().await.expect("a client");
    let mut socket = accept_async(stream).await.expect("a handshake");
    let hello = json!({"type": "hello", "version": "1", "epoch": 7, "server_time": "2026-11-21T00:00:00Z"});
    socket.send(Message::text(hello.to_string())).await.expect("a write");
    let frame = socket.next().await.expect("a frame").expect("a frame").into_text().expect("text");
    (socket, serde_json::from_str(&frame).expect("JSON"))
}

async fn send(socket: &mut WebSocketStream<UnixStream>, seq: u64) {
    let event =
        json!({"session": SESSION, "seq": seq, "pos": seq, "at": "2026-11-21T00:00:00Z", "type": "turn_handed_over"});
    let frame = json!({"topic": SESSION, "event": event});
    socket.send(Message::text(frame.to_string())).await.expect("a write");
}

fn session() -> convene_core::ids::SessionId {
    SESSION.parse().expect("an id")
}

/// The next events up to one, with what else the stream told.
async fn collect(stream: &mut EventStream, last: u64) -> Vec<u64> {
    let mut seqs = Vec::new();
    while seqs.last() != Some(&last) {
        if let StreamItem::Event(event) = stream.next().await.expect("the stream goes on") {
            seqs.push(event.seq);
        }
    }
    seqs
}

#[tokio::test]
async fn a_stream_goes_on_by_cursor_without_gap_or_double() {
    let place = Place::new("stream");
    let listener = listen(&place.socket());
    let server = async {
        let (mut socket, first) = subscribed(&listener).await;
        assert_eq!(first, json!({"op": "subscribe", "topic": SESSION, "after": 2}));
        send(&mut socket, 3).await;
        send(&mut socket, 4).await;
        drop(socket);
        // It comes back, repeats an event, and leaves one out.
        let (mut socket, second) = subscribed(&listener).await;
        assert_eq!(second, json!({"op": "subscribe", "topic": SESSION, "after": 4, "epoch": 7}));
        send(&mut socket, 4).await;
        send(&mut socket, 5).await;
        send(&mut socket, 7).await;
        let (mut socket, third) = subscribed(&listener).await;
        assert_eq!(third["after"], 5);
        send(&mut socket, 6).await;
        send(&mut socket, 7).await;
        send(&mut socket, 8).await;
        socket
    };
    let client = place.client();
    let mut stream = client.follow(session(), 2);
    let (seqs, _socket) = tokio::join!(collect(&mut stream, 8), server);
    assert_eq!(seqs, [3, 4, 5, 6, 7, 8]);
    assert_eq!(stream.cursor(), 8);
}

#[tokio::test]
async fn a_log_that_is_always_gapped_is_an_error() {
    let place = Place::new("gap");
    let listener = listen(&place.socket());
    let server = async {
        loop {
            let (mut socket, _) = subscribed(&listener).await;
            send(&mut socket, 9).await;
        }
    };
    let client = place.client();
    let mut stream = client.follow(session(), 0);
    let error = async {
        loop {
            if let Err(error) = stream.next().await {
                return error;
            }
        }
    };
    let error = tokio::select! { error = error => error, () = server => unreachable!() };
    assert!(matches!(error, ClientError::Gap { expected: 1, found: 9 }), "{error:?}");
}

#[tokio::test]
async fn a_close_with_a_code_is_that_problem() {
    let place = Place::new("close");
    let listener = listen(&place.socket());
    let server = async {
        let (mut socket, _) = subscribed(&listener).await;
        let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame {
            code: 4410.into(),
            reason: "cursor_too_old: events before 10 are gone".into(),
        };
        socket.close(Some(frame)).await.expect("a close");
        while socket.next().await.is_some() {}
    };
    let client = place.client();
    let mut stream = client.follow(session(), 0);
    let (error, ()) = tokio::join!(stream.next(), server);
    match error {
        Err(ClientError::Problem(problem)) => {
            assert_eq!(problem.code, Code::CursorTooOld);
            assert_eq!(problem.detail, "events before 10 are gone");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_absent_server_is_told_and_waited_for() {
    let place = Place::new("away");
    let client = place.client();
    let mut stream = client.follow(session(), 0);
    let told = stream.next().await.expect("it goes on");
    assert!(matches!(told, StreamItem::Away { .. }), "{told:?}");
    let listener = listen(&place.socket());
    let server = async {
        let (mut socket, _) = subscribed(&listener).await;
        send(&mut socket, 1).await;
        socket
    };
    let (seqs, _socket) = tokio::join!(collect(&mut stream, 1), server);
    assert_eq!(seqs, [1]);
}

#[test]
fn addresses() {
    let parse = |url: &str| url.parse::<Endpoint>().map(|e| e.to_string());
    for (url, expected) in [
        ("http://127.0.0.1:4747", "http://127.0.0.1:4747"),
        ("http://localhost:1/", "http://localhost:1"),
        ("http://example", "http://example:80"),
        ("http://[::1]:4747", "http://[::1]:4747"),
        ("unix:/run/convene.sock", "/run/convene.sock"),
    ] {
        assert_eq!(parse(url).as_deref(), Ok(expected), "{url}");
    }
    for url in ["", "127.0.0.1:4747", "https://a.example", "http://", "http://a:99999", "http://a/b", "http://u@a"] {
        assert!(parse(url).is_err(), "{url}");
    }
}

#[test]
fn the_token_is_never_shown() {
    let told = Mutex::new(0);
    let client = Client::new(Endpoint::Unix("/s".into()), Some("secret".into()))
        .on_retry(std::sync::Arc::new(move |_, _| *told.lock().expect("a lock") += 1));
    assert!(!format!("{client:?}").contains("secret"));
}

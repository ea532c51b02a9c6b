//! Following logs that lost events: past what a repair knows of, and not past what nobody knows of.

mod support;

use convene_api::{
    body::{CreateSession, RepairSession},
    client::{ClientError, CommandKey, EventStream, StreamItem},
    problem::Code,
};
use convene_core::view::SessionView;
use serde_json::{Value, json};
use support::{
    SOON, Server,
    damage::{Snapshots, lose},
    http::Request,
    play::stopped,
    socket::Socket,
    worker::Worker,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    net::TcpStream,
    time::timeout,
};

/// A server with a session that lost what its agent answered, and the places before and behind that.
async fn damaged() -> (Server, tempfile::TempDir, SessionView, u64, u64) {
    let server = support::start().await;
    let mut worker = Worker::connect(&server).await;
    let session = stopped(&server, &mut worker, CreateSession::default(), &[]).await;
    let path = format!("/v1/sessions/{}/events?type=message_appended", session.id);
    let answers = Request::new("GET", &path).token(&server.token).send(&server).await.json();
    let seq = |event: &Value| event["seq"].as_u64().unwrap();
    let answers = answers["items"].as_array().unwrap();
    let (before, next) = (seq(&answers[0]) - 1, seq(answers.last().unwrap()) + 1);
    assert!(next > before + 2, "several events are lost");
    drop(worker);
    let (dir, home) = (server.dir.clone(), server.stop().await.unwrap());
    lose(&dir, session.id, "message_appended", Snapshots::Go);
    let server = support::start_in(support::config(home.path())).await.unwrap();
    (server, home, session, before, next)
}

async fn repair(server: &Server, session: &SessionView) -> u64 {
    let body = RepairSession { dry_run: false, force: true };
    let repaired = server.client().repair(session.id, &body, &CommandKey::fresh()).await.unwrap();
    assert!(repaired.repair.persisted, "{repaired:?}");
    repaired.session.seq
}

/// The frames of a topic from a cursor on, until it has caught up.
async fn caught_up(socket: &mut Socket, id: &str, after: u64) -> Vec<Value> {
    socket.subscribe(id, Some(after)).await;
    let mut frames = Vec::new();
    loop {
        let frame = socket.next().await;
        assert!(frame.is_object() && frame.get("close").is_none(), "the socket is gone: {frame}");
        if frame["type"] == "caught_up" {
            return frames;
        }
        // The list may be followed on the same socket.
        if frame["topic"] == id {
            frames.push(frame);
        }
    }
}

/// The places of events, and of what is told to be lost.
fn places(frames: &[Value]) -> Vec<Value> {
    let place = |frame: &Value| match frame["type"] == "hole" {
        true => json!([frame["after"], frame["next"]]),
        false => frame["event"]["seq"].clone(),
    };
    frames.iter().map(place).collect()
}

/// What a log with this hole gives to who was at `after`.
fn expected(after: u64, (before, next): (u64, u64), last: u64) -> Vec<Value> {
    let head = (after + 1..=before).map(|seq| json!(seq));
    let hole = (after < next - 1).then(|| json!([before.max(after), next]));
    head.chain(hole).chain((next.max(after + 1)..=last).map(|seq| json!(seq))).collect()
}

/// Lines of a stream of server-sent events.
async fn stream(server: &Server, session: &SessionView, after: u64) -> Lines<BufReader<TcpStream>> {
    let path = format!("/v1/sessions/{}/events?after={after}", session.id);
    let request = Request::new("GET", &path).token(&server.token).header("accept", "text/event-stream");
    BufReader::new(request.open(server).await).lines()
}

/// The next message: its kind, its id and its data.
async fn message(lines: &mut Lines<BufReader<TcpStream>>) -> (String, u64, Value) {
    let (mut kind, mut id) = (String::new(), 0);
    loop {
        let line = timeout(SOON, lines.next_line()).await.expect("a line in time").unwrap().expect("a line");
        if let Some(text) = line.strip_prefix("event: ") {
            text.clone_into(&mut kind);
        } else if let Some(text) = line.strip_prefix("id: ") {
            id = text.parse().unwrap();
        } else if let Some(text) = line.strip_prefix("data: ") {
            return (kind, id, serde_json::from_str(text).unwrap());
        }
    }
}

/// The places of the events that the typed client hands out until one of a type came.
async fn followed(events: &mut EventStream, tag: &str) -> Vec<u64> {
    let mut seqs = Vec::new();
    loop {
        match timeout(SOON, events.next()).await.expect("an item in time").unwrap() {
            StreamItem::Event(event) => {
                seqs.push(event.seq);
                if event.data.tag() == tag {
                    return seqs;
                }
            }
            StreamItem::CaughtUp => {}
            StreamItem::Away { .. } => panic!("the server is there"),
        }
    }
}

#[tokio::test]
async fn who_follows_a_repaired_log_is_told_of_its_hole_and_gets_what_is_behind_it() {
    let (server, _home, session, before, next) = damaged().await;
    let last = repair(&server, &session).await;
    let id = session.id.to_string();
    let mut socket = Socket::open(&server).await;
    for after in [0, before, before + 1, next - 1, next] {
        let frames = caught_up(&mut socket, &id, after).await;
        assert_eq!(places(&frames), expected(after, (before, next), last), "after {after}");
    }
    let frames = caught_up(&mut socket, &id, before).await;
    assert_eq!(frames[0], json!({"type": "hole", "topic": id, "after": before, "next": next}));

    let mut lines = stream(&server, &session, before - 1).await;
    assert_eq!(message(&mut lines).await.1, before);
    let (kind, at, told) = message(&mut lines).await;
    // Whoever breaks off here comes back behind the hole.
    assert_eq!((kind.as_str(), at, &told), ("hole", next - 1, &frames[0]));
    let (kind, at, event) = message(&mut lines).await;
    assert_eq!((kind.as_str(), at, &event["seq"]), ("", next, &json!(next)));

    let mut events = server.client().follow(session.id, 0);
    let wanted: Vec<u64> = (1..=before).chain(next..=last).collect();
    assert_eq!(followed(&mut events, "repair_completed").await, wanted);
    // And it goes on live.
    server.client().archive(session.id, &CommandKey::fresh()).await.unwrap();
    assert_eq!(followed(&mut events, "session_archived").await, [last + 1]);
    assert_eq!(socket.next_that(|f| f["event"]["seq"] == last + 1).await["event"]["type"], "session_archived");
    server.stop().await;
}

#[tokio::test]
async fn who_follows_a_damaged_log_is_told_so_once_and_other_topics_go_on() {
    let (server, _home, session, before, next) = damaged().await;
    let id = session.id.to_string();
    let mut socket = Socket::open(&server).await;
    socket.subscribe("list", None).await;
    socket.next_that(|f| f["type"] == "caught_up").await;
    socket.subscribe(&id, Some(0)).await;
    let mut frames = Vec::new();
    let told = loop {
        let frame = socket.next().await;
        assert!(frame.is_object() && frame.get("close").is_none(), "the socket is gone: {frame}");
        if frame["type"] == "problem" {
            break frame;
        }
        if frame["topic"] == id {
            frames.push(frame);
        }
    };
    assert_eq!(places(&frames), (1..=before).map(|seq| json!(seq)).collect::<Vec<_>>());
    assert_eq!((&told["topic"], &told["problem"]["code"]), (&json!(id), &json!("session_damaged")));
    let path = format!("/v1/sessions/{id}/events?after={before}");
    let refused = Request::new("GET", &path).token(&server.token).header("accept", "text/event-stream");
    assert_eq!(refused.send(&server).await.code(), "session_damaged", "a stream would end where it begins");
    let page = format!("/v1/sessions/{id}/events?after={before}");
    let exports = ["jsonl", "md", "json"].map(|format| format!("/v1/sessions/{id}/export?format={format}"));
    for path in exports.into_iter().chain([page]) {
        let answer = Request::new("GET", &path).token(&server.token).send(&server).await;
        assert_eq!((answer.status, answer.code().as_str()), (409, "session_damaged"), "{path}");
    }
    let mut events = server.client().follow(session.id, before);
    match timeout(SOON, events.next()).await.expect("an end in time") {
        Err(ClientError::Problem(problem)) => assert_eq!(problem.code, Code::SessionDamaged),
        other => panic!("it goes on: {other:?}"),
    }
    // Who waited at its end while it was damaged, and comes from before the hole, gets everything once it is repaired.
    assert!(caught_up(&mut socket, &id, session.seq).await.is_empty());
    let last = repair(&server, &session).await;
    let live = socket.next_that(|f| f["event"]["type"] == "repair_completed").await;
    assert_eq!(live["event"]["seq"], last);
    let frames = caught_up(&mut socket, &id, 0).await;
    assert_eq!(places(&frames), expected(0, (before, next), last));
    server.stop().await;
}

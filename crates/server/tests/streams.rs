//! What clients read by cursor: server-sent events, the socket's topics, pages and history.

mod support;

use convene_api::{
    body::{CreateSession, PromptInput},
    client::{CommandKey, EventsQuery, StreamItem},
};
use convene_core::view::SessionView;
use serde_json::{Value, json};
use support::{SOON, Server, http::Request, runner::Runner, socket::Socket, worker::Worker};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    net::TcpStream,
    time::timeout,
};

/// A session that has answered once and is idle, with what keeps it alive.
async fn talked(server: &Server) -> (SessionView, Worker, Runner) {
    let client = server.client();
    let mut worker = Worker::connect(server).await;
    let body = CreateSession { prompt: Some(PromptInput::Text("hi".to_owned())), ..CreateSession::default() };
    let id = client.create_session(&body, &CommandKey::fresh()).await.unwrap().session.id;
    let start = worker.take_start().await;
    let mut runner = Runner::connect(server, &start).await;
    let turn = runner.first_turn();
    runner.begin().await;
    runner.hand_over(turn).await;
    runner.answer(turn, 5).await;
    runner.end_turn(turn).await;
    (client.session(&id.to_string()).await.unwrap(), worker, runner)
}

/// A stream of server-sent events.
struct Sse {
    lines: Lines<BufReader<TcpStream>>,
}

impl Sse {
    async fn open(server: &Server, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = Request::new("GET", path).token(&server.token).header("accept", "text/event-stream");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut sse = Self { lines: BufReader::new(request.open(server).await).lines() };
        let head = sse.line().await;
        assert!(head.contains(" 200 "), "{head}");
        let (mut kind, mut unbuffered) = (false, false);
        loop {
            let line = sse.line().await;
            kind |= line == "content-type: text/event-stream";
            unbuffered |= line == "x-accel-buffering: no";
            if line.is_empty() {
                break;
            }
        }
        assert!(kind && unbuffered);
        sse
    }

    async fn line(&mut self) -> String {
        timeout(SOON, self.lines.next_line()).await.expect("a line in time").unwrap().expect("a line")
    }

    /// The next event's id and data.
    async fn next(&mut self) -> (u64, Value) {
        let mut id = 0;
        loop {
            let line = self.line().await;
            if let Some(text) = line.strip_prefix("id: ") {
                id = text.parse().unwrap();
            } else if let Some(text) = line.strip_prefix("data: ") {
                return (id, serde_json::from_str(text).unwrap());
            }
        }
    }
}

#[tokio::test]
async fn a_sessions_stream_goes_on_after_the_last_event_id() {
    let server = support::start().await;
    let (session, _worker, mut runner) = talked(&server).await;
    let path = format!("/v1/sessions/{}/events", session.id);
    let mut stream = Sse::open(&server, &path, &[]).await;
    for seq in 1..=session.seq {
        let (id, event) = stream.next().await;
        assert_eq!((id, &event["seq"]), (seq, &json!(seq)));
        assert_eq!(event["session"], session.id.to_string());
    }
    drop(stream);
    let mut stream = Sse::open(&server, &format!("{path}?after=1"), &[("last-event-id", "4")]).await;
    assert_eq!(stream.next().await.0, 5, "the browser's own account wins");
    let mut narrow = Sse::open(&server, &format!("{path}?type=turn_ended,log_note"), &[]).await;
    let (_, ended) = narrow.next().await;
    assert_eq!(ended["type"], "turn_ended");
    runner.report(&[json!({"type": "log_note", "code": "x", "detail": "live"})]).await;
    let (id, note) = narrow.next().await;
    assert_eq!((id, &note["type"]), (session.seq + 1, &json!("log_note")));
    let too_far = Request::new("GET", &format!("{path}?after=9999")).token(&server.token);
    let too_far = too_far.header("accept", "text/event-stream").send(&server).await;
    assert_eq!(too_far.code(), "cursor_too_old");
    server.stop().await;
}

#[tokio::test]
async fn the_lists_stream_tells_each_changed_object_once_after_a_gap() {
    let server = support::start().await;
    let mut live = Sse::open(&server, "/v1/events", &[]).await;
    let (session, worker, _runner) = talked(&server).await;
    let (_, here) = live.next().await;
    assert_eq!((&here["type"], &here["data"]["connected"]), (&json!("worker:connected"), &json!(true)));
    // The worker found agents; who follows the list is told of each that is another now. The session's thread may be
    // told first: a reader that looks when the session has moved on is told of the session there.
    let mut agents = Vec::new();
    let (pos, first) = loop {
        let (pos, frame) = live.next().await;
        match frame["type"].as_str() {
            Some("agent:updated") => agents.push((frame["data"]["name"].clone(), frame["data"]["installed"].clone())),
            Some("thread:created") => {}
            _ => break (pos, frame),
        }
    };
    assert_eq!(agents, [(json!("builtin"), json!(true)), (json!("claude"), json!(false))]);
    assert_eq!((&first["type"], &first["pos"]), (&json!("session:started"), &json!(pos)));
    let mut later = Sse::open(&server, "/v1/events?after=0", &[]).await;
    let mut of_session = Vec::new();
    loop {
        let (_, frame) = later.next().await;
        if frame["data"]["id"] == session.id.to_string() {
            of_session.push(frame.clone());
        }
        if frame["pos"] == session.pos {
            break;
        }
    }
    assert_eq!(of_session.len(), 1, "once, as it is now");
    assert_eq!(of_session[0]["type"], "session:started", "it is new to this reader");
    assert_eq!(of_session[0]["data"]["state"], "idle");
    drop(worker);
    for stream in [&mut live, &mut later] {
        let gone = loop {
            let (_, frame) = stream.next().await;
            if frame["type"] == "worker:disconnected" {
                break frame;
            }
        };
        assert_eq!((&gone["data"]["name"], &gone["data"]["connected"]), (&json!("here"), &json!(false)));
    }
    let mut back = Sse::open(&server, &format!("/v1/events?after={}", session.pos), &[]).await;
    let (_, frame) = back.next().await;
    assert_eq!(frame["type"], "worker:disconnected", "workers are told as they are to whoever comes back");
    server.stop().await;
}

#[tokio::test]
async fn pages_go_forwards_and_backwards_and_filter() {
    let server = support::start().await;
    let (session, _worker, _runner) = talked(&server).await;
    let client = server.client();
    let seqs = |items: &[Box<serde_json::value::RawValue>]| -> Vec<u64> {
        items.iter().map(|e| serde_json::from_str::<Value>(e.get()).unwrap()["seq"].as_u64().unwrap()).collect()
    };
    let page = |query: EventsQuery| {
        let client = client.clone();
        async move { client.events(session.id, &query).await.unwrap() }
    };
    let mut after = None;
    let mut all = Vec::new();
    loop {
        let page = page(EventsQuery { after, limit: Some(3), ..EventsQuery::default() }).await;
        all.extend(seqs(&page.items));
        match page.next_cursor {
            Some(cursor) => after = Some(cursor.parse().unwrap()),
            None => break,
        }
    }
    assert_eq!(all, (1..=session.seq).collect::<Vec<_>>());
    let last = page(EventsQuery { before: Some(session.seq + 1), limit: Some(2), ..EventsQuery::default() }).await;
    assert_eq!(seqs(&last.items), [session.seq - 1, session.seq]);
    assert_eq!(last.next_cursor, Some((session.seq - 1).to_string()));
    let first = page(EventsQuery { before: Some(3), limit: Some(2), ..EventsQuery::default() }).await;
    assert_eq!((seqs(&first.items), first.next_cursor), (vec![1, 2], None));
    let types = vec!["turn_ended".to_owned(), "session_created".to_owned()];
    let two = page(EventsQuery { types, ..EventsQuery::default() }).await;
    assert_eq!(seqs(&two.items), [1, session.seq]);
    let turn = session.last_turn.as_ref().unwrap().id;
    let of_turn = page(EventsQuery { turn: Some(turn), ..EventsQuery::default() }).await;
    assert!(of_turn.items.iter().all(|e| e.get().contains(&turn.to_string())));
    let history = client.history(session.id).await.unwrap();
    assert_eq!((history.turns[0].turn, history.turns[1].turn), (None, Some(turn)));
    let events: usize = history.turns.iter().map(|t| t.events.len()).sum();
    assert_eq!(events as u64, session.seq);
    assert_eq!(history.cursor.seq, session.seq);
    server.stop().await;
}

#[tokio::test]
async fn a_socket_has_many_topics_and_says_what_is_wrong_with_one() {
    let server = support::start().await;
    let (session, _worker, mut runner) = talked(&server).await;
    let id = session.id.to_string();
    let mut socket = Socket::open(&server).await;
    socket.say(&json!({"op": "ping"})).await;
    assert_eq!(socket.next().await["type"], "pong");
    socket.subscribe("list", None).await;
    socket.subscribe(&session.short_id, None).await;
    let topics = [socket.next().await["topic"].clone(), socket.next().await["topic"].clone()];
    assert!(topics.contains(&json!("list")) && topics.contains(&json!(id)), "{topics:?}");
    let bad = [
        (json!({"op": "subscribe", "topic": "ses_f"}), "session_not_found"),
        (json!({"op": "subscribe", "topic": "everything"}), "session_not_found"),
        (json!({"op": "subscribe", "topic": id, "after": 999}), "cursor_too_old"),
        (json!({"op": "subscribe", "topic": id, "after": 1, "epoch": 1}), "cursor_too_old"),
        (json!({"op": "subscribe", "topic": "list", "after": 1, "epoch": 1}), "cursor_too_old"),
        (json!({"op": "dance"}), "invalid_request"),
    ];
    for (frame, code) in bad {
        socket.say(&frame).await;
        let answer = socket.next_that(|f| f["type"] == "problem").await;
        assert_eq!(answer["problem"]["code"], code, "{frame}");
    }
    // It goes on all the same.
    runner.report(&[json!({"type": "log_note", "code": "x", "detail": "live"})]).await;
    // In either order: topics are independent of each other.
    let (mut live, mut updated) = (false, false);
    while !(live && updated) {
        let frame = socket.next().await;
        live |= frame["topic"] == id && frame["event"]["detail"] == "live";
        updated |= frame["type"] == "session:updated" && frame["data"]["seq"] == session.seq + 1;
    }
    socket.say(&json!({"op": "unsubscribe", "topic": id})).await;
    // Both were read in this order, so a pong means that the topic is gone.
    socket.say(&json!({"op": "ping"})).await;
    socket.next_that(|f| f["type"] == "pong").await;
    runner.report(&[json!({"type": "log_note", "code": "x", "detail": "unheard"})]).await;
    let next = socket.next_that(|f| f.get("event").is_some() || f["type"] == "session:updated").await;
    assert_eq!(next["type"], "session:updated");
    server.stop().await;
}

#[tokio::test]
async fn the_typed_client_follows_a_session_and_hears_of_its_end() {
    let server = support::start().await;
    let (session, mut worker, runner) = talked(&server).await;
    let client = server.client();
    let mut stream = client.follow(session.id, 0);
    let mut seen = 0;
    loop {
        match timeout(SOON, stream.next()).await.unwrap().unwrap() {
            StreamItem::Event(event) => {
                seen += 1;
                assert_eq!(event.seq, seen);
            }
            StreamItem::CaughtUp => break,
            StreamItem::Away { .. } => panic!("the server is there"),
        }
    }
    assert_eq!(seen, session.seq);
    client.stop(session.id, &Default::default(), &CommandKey::fresh()).await.unwrap();
    worker.ended(session.id, runner.hello.attempt).await;
    client.delete_session(session.id, &Default::default(), &CommandKey::fresh()).await.unwrap();
    let end = async {
        loop {
            if let Err(error) = stream.next().await {
                return error;
            }
        }
    };
    let error = timeout(SOON, end).await.unwrap();
    assert_eq!(error.into_problem().code.as_str(), "session_not_found");
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_nobody_up() {
    let server = support::start().await;
    let (session, _worker, mut runner) = talked(&server).await;
    // It subscribes and never reads again.
    let mut deaf = Socket::open(&server).await;
    deaf.subscribe(&session.id.to_string(), Some(0)).await;
    let text = "x".repeat(100_000);
    let note = json!({"type": "log_note", "code": "x", "detail": text});
    for _ in 0..200 {
        runner.report(std::slice::from_ref(&note)).await;
    }
    let now = server.client().session(&session.id.to_string()).await.unwrap();
    // Where the machine is slow, more is said: that the worker has been quiet.
    assert!(now.seq >= session.seq + 200);
    // When it reads again, everything is there.
    for seq in 1..=now.seq {
        let frame = deaf.next_that(|f| f.get("event").is_some()).await;
        assert_eq!(frame["event"]["seq"], seq);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_is_far_behind_gets_the_whole_log() {
    let server = support::start().await;
    let (session, _worker, mut runner) = talked(&server).await;
    let events: u64 = std::env::var("CONVENE_TEST_EVENTS").map_or(10_000, |n| n.parse().unwrap());
    let note = json!({"type": "log_note", "code": "x", "detail": "one of many"});
    let batch = vec![note; 500];
    for _ in 0..events / 500 {
        runner.report(&batch).await;
    }
    let last = session.seq + events;
    let mut socket = Socket::open(&server).await;
    socket.subscribe(&session.id.to_string(), Some(0)).await;
    for seq in 1..=last {
        assert_eq!(socket.next().await["event"]["seq"], seq);
    }
    assert_eq!(socket.next().await["after"], last);
    server.stop().await;
}

#[tokio::test]
async fn everybody_who_watches_gets_each_event_once_however_they_come_and_go() {
    let server = support::start().await;
    let (session, _worker, mut runner) = talked(&server).await;
    let id = session.id.to_string();
    let (mut sockets, mut last) = (Vec::new(), session.seq);
    // One of them takes nothing from here on until the end.
    let mut slow = Socket::open(&server).await;
    slow.subscribe(&id, None).await;
    slow.next_that(|f| f["type"] == "caught_up").await;
    for round in 0..12 {
        let mut socket = Socket::open(&server).await;
        // From the beginning, or from now on.
        socket.subscribe(&id, (round % 2 == 0).then_some(0)).await;
        socket.next_that(|f| f["type"] == "caught_up").await;
        sockets.push((socket, last));
        // Short ones, and such as fill a socket that is not read.
        let detail = "x".repeat(if round % 3 == 0 { 200_000 } else { 10 });
        runner.report(&vec![json!({"type": "log_note", "code": "x", "detail": detail}); 3]).await;
        last += 3;
        for (socket, seen) in &mut sockets {
            while *seen < last {
                let frame = socket.next_that(|f| f.get("event").is_some()).await;
                assert_eq!(frame["event"]["seq"], *seen + 1);
                *seen += 1;
            }
        }
        // Somebody begins again from an earlier place: nothing of the old subscription comes in between.
        let (socket, _) = &mut sockets[round / 2];
        socket.subscribe(&id, Some(last - 2)).await;
        for seq in [last - 1, last] {
            assert_eq!(socket.next().await["event"]["seq"], seq);
        }
        assert_eq!(socket.next().await["type"], "caught_up");
    }
    for seq in session.seq + 1..=last {
        let frame = slow.next_that(|f| f.get("event").is_some()).await;
        assert_eq!(frame["event"]["seq"], seq);
    }
    server.stop().await;
}

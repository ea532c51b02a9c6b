//! What a client knows after a command without asking again: the answer has the session as the command left it, with its
//! place, and the event and the frame that tell of it carry the command's key.

mod support;

use convene_api::{
    body::{CreateSession, PromptInput},
    client::CommandKey,
};
use serde_json::{Value, json};
use support::{Server, http::Request, runner::Runner, socket::Socket, worker::Worker};

/// A session whose first turn runs, and who plays its agent.
async fn running(server: &Server) -> (String, Worker, Runner) {
    let mut worker = Worker::connect(server).await;
    let body = CreateSession { prompt: Some(PromptInput::Text("first".to_owned())), ..CreateSession::default() };
    let id = server.client().create_session(&body, &CommandKey::fresh()).await.unwrap().session.id;
    let start = worker.take_start().await;
    let mut runner = Runner::connect(server, &start).await;
    let turn = runner.first_turn();
    runner.begin().await;
    runner.hand_over(turn).await;
    (id.to_string(), worker, runner)
}

/// A client that sends commands and hears of them.
struct Client<'a> {
    server: &'a Server,
    id: String,
    list: Socket,
    log: Socket,
    sent: usize,
}

impl<'a> Client<'a> {
    async fn open(server: &'a Server, id: &str) -> Self {
        let (mut list, mut log) = (Socket::open(server).await, Socket::open(server).await);
        list.subscribe("list", None).await;
        log.subscribe(id, None).await;
        assert_eq!((&list.next().await["type"], &log.next().await["type"]), (&json!("caught_up"), &json!("caught_up")));
        Self { server, id: id.to_owned(), list, log, sent: 0 }
    }

    /// Sends a command; its answer has the session, which is what the event and the frame tell.
    async fn command(&mut self, method: &str, path: &str, body: Value) -> Value {
        self.sent += 1;
        let (at, key) = (format!("/v1/sessions/{}{path}", self.id), format!("command-{}", self.sent));
        let request = Request::new(method, &at).token(&self.server.token).header("idempotency-key", &key).json(&body);
        let answer = request.send(self.server).await;
        assert!(answer.status < 300, "{method} {path}: {answer:?}");
        let answer = answer.json();
        let session = answer.get("session").unwrap_or(&answer);
        assert_eq!(session["id"], self.id, "{method} {path}: {answer}");
        let event = self.log.next_that(|frame| frame["event"]["command"] == key).await["event"].clone();
        let frame = self.list.next_that(|frame| frame["command"] == key).await;
        assert_eq!((&frame["data"]["id"], &frame["pos"]), (&session["id"], &frame["data"]["pos"]), "{method} {path}");
        assert_eq!(&frame["data"], session, "{method} {path}: the answer and the frame are of one commit");
        for field in ["pos", "seq"] {
            assert!(event[field].as_u64() <= session[field].as_u64(), "{method} {path}: {event}");
            if let Some(cursor) = answer.get("cursor") {
                assert_eq!(cursor[field], session[field], "{method} {path}");
            }
        }
        answer
    }
}

#[tokio::test]
async fn every_command_answers_the_session_as_it_left_it() {
    let server = support::start().await;
    let (id, mut worker, mut runner) = running(&server).await;
    let mut client = Client::open(&server, &id).await;
    let mut entries = Vec::new();
    for text in ["second", "third"] {
        let queued = client.command("POST", "/prompts", json!({"content": text})).await;
        assert_eq!((&queued["status"], &queued["session"]["queue_length"]), (&json!("queued"), &queued["position"]));
        entries.push(queued["turn"].as_str().unwrap().to_owned());
    }
    let edited = client.command("PATCH", &format!("/queue/{}", entries[0]), json!({"content": "2nd"})).await;
    assert_eq!(edited["items"][0]["content"][0]["text"], "2nd");
    let moved = client.command("PATCH", &format!("/queue/{}", entries[1]), json!({"position": 1})).await;
    assert_eq!(moved["items"][0]["id"], entries[1]);
    let dropped = client.command("DELETE", &format!("/queue/{}", entries[1]), json!({})).await;
    assert_eq!((&dropped["items"].as_array().unwrap().len(), &dropped["session"]["queue_length"]), (&1, &json!(1)));
    let changed = client.command("PATCH", "", json!({"title": "Another name", "labels": {"a": "b"}})).await;
    assert_eq!((&changed["title"], &changed["labels"]), (&json!("Another name"), &json!({"a": "b"})));
    // A question: the answer takes it away.
    let request = convene_core::ids::PermissionId::new(uuid::Uuid::now_v7());
    let options = json!([{"id": "yes", "name": "Allow", "kind": "allow_once"}]);
    let turn = runner.first_turn();
    let asked = json!({"type": "permission_requested", "turn": turn, "request": request, "options": options,
        "tool_call": {"id": "t", "title": "write a file"}});
    runner.report(&[asked]).await;
    let decided = client.command("POST", &format!("/permissions/{request}"), json!({"option_id": "yes"})).await;
    assert_eq!((&decided["session"]["pending_permissions"], &decided["option"]["id"]), (&json!([]), &json!("yes")));
    assert_eq!(decided["session"]["needs_you_since"], Value::Null);
    let cancelled = client.command("POST", "/cancel", json!({})).await;
    assert_eq!(cancelled["turn"]["cancelled_by"], "robin");
    let stopping = client.command("POST", "/stop", json!({})).await;
    assert_eq!(stopping["state"], "stopping");
    worker.ended(id.parse().unwrap(), runner.hello.attempt).await;
    for (action, is_archived) in [("/archive", true), ("/unarchive", false)] {
        assert_eq!(client.command("POST", action, json!({})).await["archived"], is_archived);
    }
    // What is gone has a place, too: what is older cannot raise it again.
    let delete = Request::new("DELETE", &format!("/v1/sessions/{id}")).token(&server.token);
    let delete = delete.header("idempotency-key", "the-end");
    let gone = delete.send(&server).await.json();
    let frame = client.list.next_that(|frame| frame["type"] == "session:deleted").await;
    assert_eq!((&gone["id"], &gone["deleted"], &gone["pos"]), (&json!(id), &json!(true), &frame["pos"]));
    assert_eq!(delete.send(&server).await.json(), gone, "a retry gets the same");
    server.stop().await;
}

#[tokio::test]
async fn a_row_has_what_a_list_shows_and_not_what_is_large() {
    let server = support::start().await;
    let (id, _worker, mut runner) = running(&server).await;
    let turn = runner.first_turn();
    let option = json!({"id": "model", "name": "Model", "kind": "select", "category": "model", "value": "small",
        "choices": [{"value": "small", "name": "Small"}]});
    runner.report(&[json!({"type": "config_updated", "options": [option]})]).await;
    runner.answer(turn, 3).await;
    let list = async |view: &str| {
        let request = Request::new("GET", &format!("/v1/sessions?view={view}")).token(&server.token);
        request.send(&server).await.json()
    };
    let (rows, full) = (list("row").await, list("full").await);
    for page in [&rows, &full] {
        assert_eq!((&page["epoch"], &page["pos"]), (&json!(server.info.epoch), &page["items"][0]["pos"]), "{page}");
    }
    let (row, full) = (&rows["items"][0], &full["items"][0]);
    assert!(row["id"] == id && row["last_line"]["at"].is_string() && row["last_prompt_at"].is_string(), "{row}");
    assert!(row["last_line"]["text"].as_str().is_some_and(|text| text.contains("piece 2")), "{row}");
    assert!(row.get("branch").is_some() && row.get("needs_you_since").is_some(), "{row}");
    assert!(full["config_options"][0].is_object(), "{full}");
    assert_eq!(row["config_options"], json!([]));
    let names = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(row), names(full), "a row is a session object, too");
    server.stop().await;
}

#[tokio::test]
async fn threads_and_creation_answer_with_their_places() {
    let server = support::start().await;
    let mut list = Socket::open(&server).await;
    list.subscribe("list", None).await;
    let send = async |method: &str, path: &str, key: &str, body: Value| {
        let request = Request::new(method, path).token(&server.token).header("idempotency-key", key).json(&body);
        let answer = request.send(&server).await;
        assert!(answer.status < 300, "{method} {path}: {answer:?}");
        answer.json()
    };
    let made = send("POST", "/v1/sessions", "one", json!({"prompt": "hi"})).await;
    let frame = list.next_that(|frame| frame["type"] == "session:started").await;
    assert_eq!((&frame["command"], &frame["data"]["id"]), (&json!("one"), &made["session"]["id"]));
    assert_eq!(made["session"]["pos"], frame["data"]["pos"]);
    // Its thread was made in the same transaction, after it.
    assert!(made["cursor"]["pos"].as_u64() >= made["session"]["pos"].as_u64(), "{made}");
    assert_eq!(made["cursor"]["epoch"], server.info.epoch);
    let thread = send("POST", "/v1/threads", "two", json!({"title": "t"})).await;
    let path = format!("/v1/threads/{}", thread["thread"]["id"].as_str().unwrap());
    let changed = send("PATCH", &path, "three", json!({"title": "u"})).await;
    assert!(changed["pos"].as_u64() > thread["thread"]["pos"].as_u64(), "{changed}");
    let gone = send("DELETE", &path, "four", json!({})).await;
    let frame = list.next_that(|frame| frame["type"] == "thread:deleted").await;
    assert_eq!((&gone["pos"], gone["deleted"] == true), (&frame["pos"], true), "{gone}");
    server.stop().await;
}

#[tokio::test]
async fn a_page_of_the_last_events_begins_with_a_turn_if_that_is_wanted() {
    let server = support::start().await;
    let (id, _worker, mut runner) = running(&server).await;
    let path = format!("/v1/sessions/{id}");
    let call = async |method: &str, end: &str, body: Option<Value>| {
        let request = Request::new(method, &format!("{path}{end}")).token(&server.token);
        let request = body.map_or_else(|| request.clone(), |body| request.clone().json(&body));
        request.send(&server).await
    };
    // Three turns; the third was asked for while the second one ran.
    let first = runner.first_turn();
    runner.answer(first, 20).await;
    runner.end_turn(first).await;
    let mut turns = vec![first];
    for text in ["second", "third"] {
        let sent = call("POST", "/prompts", Some(json!({"content": text}))).await.json();
        turns.push(serde_json::from_value(sent["turn"].clone()).unwrap());
        if text == "second" {
            runner.hand_over(turns[1]).await;
            runner.answer(turns[1], 20).await;
        }
    }
    runner.answer(turns[1], 10).await;
    runner.end_turn(turns[1]).await;
    runner.hand_over(turns[2]).await;
    runner.answer(turns[2], 20).await;
    let page = async |query: &str| {
        let answer = call("GET", &format!("/events?{query}"), None).await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        answer.json()
    };
    let all = page("limit=1000").await["items"].as_array().unwrap().clone();
    let asked = |turn: usize| {
        let is_it = |event: &&Value| event["type"] == "turn_queued" && event["turn"] == json!(turns[turn]);
        all.iter().find(is_it).unwrap()["seq"].as_u64().unwrap()
    };
    let seqs = |page: &Value| -> Vec<u64> {
        page["items"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect()
    };
    let last = all.len() as u64;
    for (query, begin, end) in [
        ("snap=turn&limit=5".to_owned(), asked(2), last),
        // From the middle of the second turn, where the third was asked for.
        (format!("snap=turn&limit=5&before={}", asked(2)), asked(1), asked(2) - 1),
        (format!("snap=turn&limit=3&before={}", asked(1)), asked(0), asked(1) - 1),
        (format!("snap=turn&limit=1&before={}", asked(1) + 1), asked(1), asked(1)),
    ] {
        let found = page(&query).await;
        assert_eq!(seqs(&found), (begin..=end).collect::<Vec<_>>(), "{query}");
        let next = (begin > 1).then(|| begin.to_string());
        assert_eq!(found["next_cursor"].as_str(), next.as_deref(), "{query}");
    }
    // What has room for everything is everything.
    let whole = page("snap=turn&limit=1000").await;
    assert_eq!((seqs(&whole), &whole["next_cursor"]), ((1..=last).collect(), &Value::Null));
    // What else is wanted holds for what is put before, too.
    let late = page(&format!("snap=turn&limit=5&after={}", asked(2) + 2)).await;
    assert_eq!(seqs(&late), (last - 4..=last).collect::<Vec<_>>(), "the prompt was before that");
    let ended = page(&format!("snap=turn&limit=1&type=turn_queued,turn_started&before={}", asked(1) + 2)).await;
    assert_eq!(
        ended["items"].as_array().unwrap().iter().map(|e| &e["type"]).collect::<Vec<_>>(),
        ["turn_queued", "turn_started"]
    );
    let said = page("snap=turn&q=second").await;
    assert_eq!(seqs(&said), [asked(1)]);
    let wrong = call("GET", "/events?snap=session", None).await;
    assert_eq!(wrong.code(), "invalid_request");
    let stream = Request::new("GET", &format!("{path}/events?snap=turn")).token(&server.token);
    let stream = stream.header("accept", "text/event-stream").send(&server).await;
    assert_eq!((stream.code().as_str(), &stream.json()["field"]), ("invalid_request", &json!("snap")));
    server.stop().await;
}

#[tokio::test]
async fn a_turn_that_is_too_long_does_not_come_whole() {
    let server = support::start().await;
    let (id, _worker, mut runner) = running(&server).await;
    runner.answer(runner.first_turn(), 2100).await;
    let path = format!("/v1/sessions/{id}/events?snap=turn&limit=10");
    let page = Request::new("GET", &path).token(&server.token).send(&server).await.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 10);
    assert_eq!(page["next_cursor"], page["items"][0]["seq"].to_string());
    server.stop().await;
}

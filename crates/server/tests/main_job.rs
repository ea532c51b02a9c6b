//! The main job through the server's doors: one prompt to a finished turn, seen by everyone.

mod support;

use convene_api::{
    body::{CreateSession, PromptInput},
    client::CommandKey,
};
use serde_json::json;
use support::{http::Request, runner::Runner, socket::Socket, worker::Worker};

fn create(prompt: &str) -> CreateSession {
    CreateSession { prompt: Some(PromptInput::Text(prompt.to_owned())), ..CreateSession::default() }
}

#[tokio::test]
async fn a_prompt_becomes_a_finished_turn_that_everyone_saw() {
    let server = support::start().await;
    let client = server.client();
    let mut list = Socket::open(&server).await;
    list.subscribe("list", None).await;
    assert_eq!(list.next().await["type"], "caught_up");
    let mut worker = Worker::connect(&server).await;
    let here = list.next().await;
    assert_eq!((&here["type"], &here["data"]["name"]), (&json!("worker:connected"), &json!("here")));

    let created = client.create_session(&create("say hello"), &CommandKey::fresh()).await.unwrap();
    let id = created.session.id;
    assert_eq!(created.session.state, "pending");
    assert_eq!(created.session.cwd, server.home());

    let started = loop {
        let frame = list.next().await;
        // The agents that the worker brought come before it; and the thread, if the session has moved on meanwhile.
        if frame["type"] != "agent:updated" && frame["type"] != "thread:created" {
            break frame;
        }
    };
    assert_eq!(started["type"], "session:started", "{started}");
    assert_eq!(started["data"]["id"], id.to_string());

    let start = worker.take_start().await;
    assert_eq!(start.session, id);
    let mut runner = Runner::connect(&server, &start).await;
    let turn = runner.first_turn();
    runner.begin().await;
    runner.hand_over(turn).await;
    runner.answer(turn, 3).await;
    runner.end_turn(turn).await;

    let session = client.session(&id.to_string()).await.unwrap();
    assert_eq!(session.state, "idle");
    assert_eq!(session.result.as_deref(), Some("piece 0 piece 1 piece 2 "));

    let mut log = Socket::open(&server).await;
    log.subscribe(&id.to_string(), Some(0)).await;
    for seq in 1..=session.seq {
        let frame = log.next().await;
        assert_eq!(frame["event"]["seq"], seq, "{frame}");
        assert_eq!(frame["topic"], id.to_string());
    }
    let caught_up = log.next().await;
    assert_eq!(caught_up, json!({"type": "caught_up", "topic": id, "after": session.seq}));
    let events =
        Request::new("GET", &format!("/v1/sessions/{id}/events?limit=1000")).token(&server.token).send(&server).await;
    assert_eq!(events.json()["items"].as_array().unwrap().len() as u64, session.seq);
    drop((list, log, runner, worker));
    server.stop().await;
}

#[tokio::test]
async fn the_reply_and_the_broadcast_are_of_one_commit() {
    let server = support::start().await;
    let mut list = Socket::open(&server).await;
    list.subscribe("list", None).await;
    assert_eq!(list.next().await["type"], "caught_up");
    // Nobody is there to run it, which is written down soon after the create. A reader that comes to it only then is told
    // of the session as it is by then, so that a create is looked for whose own commit was read.
    for _ in 0..20 {
        let key = CommandKey::fresh();
        let created = server.client().create_session(&create("hi"), &key).await.unwrap();
        let id = created.session.id.to_string();
        let started = list.next_that(|f| f["type"] == "session:started" && f["data"]["id"] == id).await;
        let pos = started["pos"].as_u64().unwrap();
        assert!(pos >= created.session.pos, "it was told of before it was there: {started}");
        if pos > created.session.pos {
            continue;
        }
        assert_eq!(started["command"], key.as_str(), "the client knows its own command again");
        assert_eq!(started["data"], serde_json::to_value(&created.session).unwrap(), "the same object");
        // The reply's cursor misses nothing: the log goes on right after it.
        let mut log = Socket::open(&server).await;
        log.subscribe(&id, Some(created.cursor.seq)).await;
        let next = log.next().await;
        let expected = created.cursor.seq + 1;
        assert!(next["event"]["seq"] == expected || next["type"] == "caught_up", "{next}");
        server.stop().await;
        return;
    }
    panic!("of no create was the commit itself told");
}

#[tokio::test]
async fn a_list_client_that_was_away_catches_up_by_pos() {
    let server = support::start().await;
    let client = server.client();
    let page = client.sessions(&Default::default()).await.unwrap();
    let first = client.create_session(&create("one"), &CommandKey::fresh()).await.unwrap().session;
    let second = client.create_session(&create("two"), &CommandKey::fresh()).await.unwrap().session;
    let mut list = Socket::open(&server).await;
    list.subscribe("list", Some(page.pos)).await;
    let mut started = Vec::new();
    let mut last = page.pos;
    loop {
        let frame = list.next().await;
        if frame["type"] == "caught_up" {
            assert_eq!(frame["after"], last);
            break;
        }
        let pos = frame["pos"].as_u64().unwrap();
        // Of what is not in the log, the place is the list's own.
        if frame["type"] == "agent:updated" {
            assert_eq!(pos, last);
            continue;
        }
        assert!(pos > last, "ascending");
        last = pos;
        if frame["type"] == "session:started" {
            started.push(frame["data"]["id"].clone());
        }
    }
    assert_eq!(started, [json!(first.id), json!(second.id)]);
    server.stop().await;
}

#[tokio::test]
async fn twenty_creates_with_one_key_make_one_session_with_one_prompt() {
    let server = support::start().await;
    let request = Request::new("POST", "/v1/sessions")
        .token(&server.token)
        .header("idempotency-key", "the-key")
        .json(&json!({"prompt": "once"}));
    let answers = futures_util::future::join_all((0..20).map(|n| {
        let (request, server) = (request.clone(), &server);
        async move { if n % 2 == 0 { request.send(server).await } else { request.send_local(server).await } }
    }))
    .await;
    let fresh = answers.iter().filter(|a| !a.headers.contains_key("idempotency-replayed")).count();
    assert_eq!(fresh, 1);
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (201, &answers[0].body));
    }
    let client = server.client();
    let sessions = client.sessions(&Default::default()).await.unwrap();
    assert_eq!(sessions.items.len(), 1);
    let events = format!("/v1/sessions/{}/events?type=turn_queued", sessions.items[0].id);
    let prompts = Request::new("GET", &events).token(&server.token).send(&server).await;
    assert_eq!(prompts.json()["items"].as_array().unwrap().len(), 1);
    let other = Request::new("POST", "/v1/sessions")
        .token(&server.token)
        .header("idempotency-key", "the-key")
        .json(&json!({"prompt": "twice"}));
    assert_eq!(other.send(&server).await.code(), "idempotency_conflict");
    // The answer outlives the server.
    let home = server.stop().await.unwrap();
    let again = support::start_in(support::config(home.path())).await.unwrap();
    let replayed = request.clone().send(&again).await;
    // The token is another directory's only if the keys were made anew; they were not.
    assert_eq!((replayed.status, &replayed.body), (201, &answers[0].body));
    again.stop().await;
}

#[tokio::test]
async fn a_client_that_comes_and_goes_sees_exactly_the_log() {
    let server = support::start().await;
    let client = server.client();
    let mut worker = Worker::connect(&server).await;
    let id = client.create_session(&create("talk"), &CommandKey::fresh()).await.unwrap().session.id;
    let start = worker.take_start().await;
    let mut runner = Runner::connect(&server, &start).await;
    let turn = runner.first_turn();
    let streaming = async {
        runner.begin().await;
        runner.hand_over(turn).await;
        for _ in 0..100 {
            runner.answer(turn, 20).await;
        }
        runner.end_turn(turn).await;
    };
    let reading = async {
        let (mut after, mut visits) = (0_u64, 0_u64);
        loop {
            let mut socket = Socket::open(&server).await;
            socket.subscribe(&id.to_string(), Some(after)).await;
            visits += 1;
            // A visit of another length each time, cut off wherever it is.
            for _ in 0..(visits * 37) % 101 + 1 {
                let frame = socket.next().await;
                if frame["type"] == "caught_up" {
                    assert_eq!(frame["after"], after);
                    continue;
                }
                after += 1;
                assert_eq!(frame["event"]["seq"], after, "no gap and no double");
                if frame["event"]["type"] == "turn_ended" {
                    return visits;
                }
            }
        }
    };
    let ((), visits) = tokio::join!(streaming, reading);
    assert!(visits > 10, "{visits}");
    server.stop().await;
}

#[tokio::test]
async fn without_a_worker_a_session_waits_says_why_and_runs_when_one_comes() {
    let server = support::start().await;
    let client = server.client();
    let id = client.create_session(&create("hi"), &CommandKey::fresh()).await.unwrap().session.id;
    let waits = support::until("the reason", async || client.session(&id.to_string()).await.unwrap().waiting).await;
    assert_eq!(waits.reason, "no_worker");
    let mut worker = Worker::connect(&server).await;
    let start = worker.take_start().await;
    assert_eq!(start.session, id);
    let runner = Runner::connect(&server, &start).await;
    runner.first_turn();
    let health = client.health(id).await.unwrap();
    assert!(health.runner_connected);
    assert_eq!(health.worker.as_deref(), Some("here"));
    server.stop().await;
}

#[tokio::test]
async fn the_first_answer_to_a_permission_request_wins() {
    let server = support::start().await;
    let client = server.client();
    let mut worker = Worker::connect(&server).await;
    let id = client.create_session(&create("write"), &CommandKey::fresh()).await.unwrap().session.id;
    let start = worker.take_start().await;
    let mut runner = Runner::connect(&server, &start).await;
    let turn = runner.first_turn();
    runner.begin().await;
    runner.hand_over(turn).await;
    let request = convene_core::ids::PermissionId::new(uuid::Uuid::now_v7());
    let options = json!([
        {"id": "yes", "name": "Allow", "kind": "allow_once"},
        {"id": "no", "name": "Reject", "kind": "reject_once"},
    ]);
    let asked = json!({"type": "permission_requested", "turn": turn, "request": request, "tool_call": {"id": "t", "title": "write a file"}, "options": options});
    runner.report(&[asked]).await;
    let session = client.session(&id.to_string()).await.unwrap();
    assert_eq!(session.badge, convene_core::view::Badge::NeedsYou);
    let path = format!("/v1/sessions/{id}/permissions");
    let listed = Request::new("GET", &path).token(&server.token).send(&server).await.json();
    assert_eq!(listed["items"][0]["request"], request.to_string());
    let answer = |body| Request::new("POST", &format!("{path}/{request}")).token(&server.token).json(&body);
    let wrong = answer(json!({"option_id": "maybe"})).send(&server).await;
    assert_eq!(wrong.code(), "permission_option_invalid");
    assert_eq!(wrong.json()["list"], json!(["yes", "no"]));
    let first = answer(json!({"decision": "reject_always"})).header("idempotency-key", "a");
    let decided = first.send(&server).await;
    assert_eq!(decided.status, 200, "{decided:?}");
    assert_eq!(decided.json()["option"]["id"], "no");
    assert_eq!(decided.json()["request"]["tool_call"]["title"], "write a file");
    let directive = runner.directive().await;
    assert_eq!((&directive["order"], &directive["option_id"]), (&json!("decide"), &json!("no")));
    let second = answer(json!({"option_id": "yes"})).send(&server).await;
    assert_eq!((second.code().as_str(), second.status), ("permission_already_decided", 409));
    let detail = second.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("robin rejected it "), "{detail}");
    // A retry of the first is no second answer.
    let retried = first.send(&server).await;
    assert_eq!((retried.status, &retried.body), (200, &decided.body));
    server.stop().await;
}

#[tokio::test]
async fn prompts_wait_change_and_go() {
    let server = support::start().await;
    let mut worker = Worker::connect(&server).await;
    let id = server.client().create_session(&create("first"), &CommandKey::fresh()).await.unwrap().session.id;
    let start = worker.take_start().await;
    let mut runner = Runner::connect(&server, &start).await;
    let turn = runner.first_turn();
    runner.begin().await;
    runner.hand_over(turn).await;
    let at = |method: &str, path: &str, body: serde_json::Value| {
        Request::new(method, &format!("/v1/sessions/{id}{path}")).token(&server.token).json(&body)
    };
    let mut entries = Vec::new();
    for n in 1..=2 {
        let queued = at("POST", "/prompts", json!({"content": format!("next {n}")})).send(&server).await.json();
        assert_eq!((&queued["status"], &queued["position"]), (&json!("queued"), &json!(n)), "{queued}");
        entries.push(queued["turn"].as_str().unwrap().to_owned());
    }
    let edited = at("PATCH", &format!("/queue/{}", entries[0]), json!({"content": "changed"})).send(&server).await;
    assert_eq!(edited.json()["items"][0]["content"][0]["text"], "changed");
    let dropped = at("DELETE", &format!("/queue/{}", entries[1]), json!({})).send(&server).await;
    assert_eq!(dropped.json()["items"].as_array().unwrap().len(), 1);
    // An interruption goes first and ends what runs.
    let urgent =
        at("POST", "/prompts", json!({"content": [{"type": "text", "text": "stop that"}], "mode": "interrupt"}));
    let urgent = urgent.send(&server).await.json();
    assert_eq!((&urgent["status"], &urgent["position"]), (&json!("queued"), &json!(1)));
    assert_eq!(runner.directive().await["order"], "cancel");
    let ended = json!({"type": "turn_ended", "turn": turn, "stop_reason": "cancelled"});
    runner.report(&[ended]).await;
    let next = runner.directive().await;
    assert_eq!((&next["order"], &next["turn"]), (&json!("prompt"), &urgent["turn"]));
    // Stop: the runner is told, the queue is empty, and the end comes from the worker.
    let stopping = at("POST", "/stop", json!({"message": "enough"})).send(&server).await.json();
    assert_eq!((&stopping["state"], &stopping["queue_length"]), (&json!("stopping"), &json!(0)));
    let again = at("POST", "/stop", json!({})).send(&server).await;
    assert_eq!(again.status, 200, "a second stop is none");
    assert_eq!(at("POST", "/archive", json!({})).send(&server).await.code(), "wrong_state");
    worker.ended(id, start.attempt).await;
    let stopped = at("GET", "", json!({})).send(&server).await.json();
    assert_eq!((&stopped["state"], &stopped["stop_cause"]), (&json!("stopped"), &json!("user_requested")));
    for _ in 0..2 {
        let archived = at("POST", "/archive", json!({})).send(&server).await;
        assert_eq!((archived.status, &archived.json()["archived"]), (200, &json!(true)));
    }
    assert_eq!(at("POST", "/prompts", json!({"content": "x"})).send(&server).await.code(), "session_archived");
    assert_eq!(at("POST", "/unarchive", json!({})).send(&server).await.json()["archived"], false);
    assert_eq!(at("DELETE", "", json!({})).send(&server).await.status, 200);
    assert_eq!(at("GET", "", json!({})).send(&server).await.code(), "session_not_found");
    server.stop().await;
}

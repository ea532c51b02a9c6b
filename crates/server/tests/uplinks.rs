//! Runners and workers on their uplinks: fencing, doubles, gaps, redials, tails.

mod support;

use convene_api::{
    body::{CreateSession, PromptInput, RepairSession},
    client::CommandKey,
    uplink::{Batch, HeldAttempt, ProtocolRange, StartAttempt, WORKER_PATH, WorkerUp},
};
use convene_core::{
    failure::AttemptExit,
    ids::{InstanceId, SessionId},
};
use serde_json::{Value, json, value::to_raw_value};
use support::{
    Server,
    damage::{Snapshots, lose},
    http::Request,
    runner::Runner,
    socket::Socket,
    worker::{self, Worker},
};

async fn create(server: &Server) -> SessionId {
    let body = CreateSession { prompt: Some(PromptInput::Text("hi".to_owned())), ..CreateSession::default() };
    server.client().create_session(&body, &CommandKey::fresh()).await.unwrap().session.id
}

async fn events(server: &Server, id: SessionId) -> Vec<Value> {
    let path = format!("/v1/sessions/{id}/events?limit=1000");
    let page = Request::new("GET", &path).token(&server.token).send(server).await.json();
    page["items"].as_array().unwrap().clone()
}

fn note(detail: &str) -> Value {
    json!({"type": "log_note", "code": "x", "detail": detail})
}

#[tokio::test]
async fn only_the_first_instance_of_the_current_attempt_may_append() {
    let server = support::start().await;
    let mut worker = Worker::connect(&server).await;
    let id = create(&server).await;
    let start = worker.take_start().await;
    let mut first = Runner::connect(&server, &start).await;
    let second = Runner::reconnect(&server, &start, InstanceId::new(uuid::Uuid::now_v7()), 0).await;
    let refused = second.map(drop).unwrap_err();
    assert!(refused.get("fenced").is_some(), "{refused}");
    first.begin().await;
    // The attempt ends under a runner that is still connected: it is told.
    worker.ended(id, start.attempt).await;
    let told = first.socket.next_that(|f| f.get("fenced").is_some()).await;
    assert!(told["fenced"]["reason"].is_string());
    let late = Runner::reconnect(&server, &start, first.hello.instance, 0).await;
    assert!(late.map(drop).unwrap_err().get("fenced").is_some());
    // A token of another attempt.
    let mut forged = start.clone();
    forged.attempt += 1;
    let foreign = Runner::reconnect(&server, &forged, first.hello.instance, 0).await;
    assert!(foreign.map(drop).unwrap_err().get("fenced").is_some());
    server.stop().await;
}

#[tokio::test]
async fn a_batch_is_stored_once_and_whole() {
    let server = support::start().await;
    let mut worker = Worker::connect(&server).await;
    let id = create(&server).await;
    let start = worker.take_start().await;
    let mut runner = Runner::connect(&server, &start).await;
    runner.report(&[note("a"), note("b")]).await;
    // The same again after a lost acknowledgement, with one more.
    runner.send(0, &[note("a"), note("b"), note("c")]).await;
    assert_eq!(runner.acknowledged().await, 3);
    // Something left out.
    runner.send(7, &[note("h")]).await;
    assert_eq!(runner.acknowledged().await, 3);
    // Something nobody can read keeps its place.
    runner.next_index = 3;
    runner.report(&[json!({"no": "type"}), json!(["no object"]), note("f")]).await;
    let said: Vec<String> = events(&server, id)
        .await
        .into_iter()
        .filter(|e| e["type"] == "log_note")
        .map(|e| {
            if e["code"] == "x" {
                e["detail"].as_str().unwrap().to_owned()
            } else {
                e["code"].as_str().unwrap().to_owned()
            }
        })
        .collect();
    assert_eq!(said, ["a", "b", "c", "malformed", "malformed", "f"]);
    // A type of a newer runner passes through.
    runner.report(&[json!({"type": "agent_dreamed", "of": ["sheep"]})]).await;
    let last = events(&server, id).await.pop().unwrap();
    assert_eq!((&last["type"], &last["of"]), (&json!("agent_dreamed"), &json!(["sheep"])));
    server.stop().await;
}

#[tokio::test]
async fn a_runner_that_redials_goes_on_where_it_was() {
    let server = support::start().await;
    let mut worker = Worker::connect(&server).await;
    let id = create(&server).await;
    let start = worker.take_start().await;
    let mut runner = Runner::connect(&server, &start).await;
    let turn = runner.first_turn();
    runner.begin().await;
    let seen = runner.welcome.directives.iter().map(|d| d.seq).max().unwrap();
    let instance = runner.hello.instance;
    drop(runner);
    // Meanwhile somebody cancels; and the server itself goes and comes back.
    let cancel = Request::new("POST", &format!("/v1/sessions/{id}/cancel")).token(&server.token).send(&server).await;
    assert_eq!(cancel.status, 200, "{cancel:?}");
    drop(worker);
    let home = server.stop().await.unwrap();
    let server = support::start_in(support::config(home.path())).await.unwrap();
    let mut runner = Runner::reconnect(&server, &start, instance, seen).await.unwrap();
    assert_eq!(runner.next_index, 1, "what was acknowledged is there");
    let orders: Vec<Value> = serde_json::from_value(serde_json::to_value(&runner.welcome.directives).unwrap()).unwrap();
    assert_eq!(orders.len(), 1, "the prompt is not said twice: {orders:?}");
    assert_eq!((&orders[0]["order"], &orders[0]["turn"]), (&json!("cancel"), &json!(turn)));
    let ended = json!({"type": "turn_ended", "turn": turn, "stop_reason": "cancelled"});
    runner.report(&[ended]).await;
    server.stop().await;
}

#[tokio::test]
async fn a_dead_runners_tail_comes_before_its_end() {
    let server = support::start().await;
    let mut worker = Worker::connect(&server).await;
    let id = create(&server).await;
    let start = worker.take_start().await;
    let mut runner = Runner::connect(&server, &start).await;
    runner.begin().await;
    let instance = runner.hello.instance;
    drop(runner);
    let tail = |first_index, events: &[Value]| WorkerUp::Tail {
        session: id,
        attempt: start.attempt,
        instance,
        batch: Batch {
            first_index,
            held_us: 0,
            spooled: 0,
            events: events.iter().map(|e| to_raw_value(e).unwrap()).collect(),
        },
    };
    worker.say(&tail(0, &[note("doubled"), note("rest")])).await;
    let ack = worker.socket.next_that(|f| f.get("tail_ack").is_some()).await;
    assert_eq!(ack["tail_ack"]["next_index"], 2);
    worker.ended(id, start.attempt).await;
    // The end again, after a lost acknowledgement; and a tail of an attempt that is over.
    worker.ended(id, start.attempt).await;
    worker.say(&tail(2, &[note("late")])).await;
    let ack = worker.socket.next_that(|f| f.get("tail_ack").is_some()).await;
    assert_eq!(ack["tail_ack"]["next_index"], Value::Null);
    let all = events(&server, id).await;
    let place = |kind: &str| all.iter().position(|e| e["type"] == kind).unwrap();
    assert!(place("log_note") < place("attempt_ended"));
    assert_eq!(all.iter().filter(|e| e["type"] == "attempt_ended").count(), 1);
    assert!(!all.iter().any(|e| e["detail"] == "late" || e["detail"] == "doubled"));
    let health = server.client().health(id).await.unwrap();
    assert_eq!(health.last_exit.unwrap().by, "keeper");
    server.stop().await;
}

#[tokio::test]
async fn a_worker_that_comes_back_is_compared_with_what_it_should_have() {
    let server = support::start().await;
    let mut worker = Worker::connect(&server).await;
    // One attempt whose runner said hello, one that was taken and never heard of again.
    let ran = create(&server).await;
    let start = worker.take_start().await;
    drop(Runner::connect(&server, &start).await);
    let taken = create(&server).await;
    let second = worker.take_start().await;
    drop(worker);
    let client = server.client();
    support::until("the worker to be gone", async || {
        let workers = client.workers().await.unwrap().items;
        workers.iter().all(|w| !w.connected).then_some(())
    })
    .await;
    let foreign = SessionId::new(uuid::Uuid::now_v7());
    let held = vec![HeldAttempt { session: foreign, attempt: 3 }];
    let mut worker = Worker::with_hello(&server, &worker::hello("here", held)).await;
    let end = worker.socket.next_that(|f| f.get("end_attempt").is_some()).await;
    assert_eq!(end["end_attempt"], json!({"session": foreign, "attempt": 3, "mode": "now"}));
    // What was taken is ordered again; what ran and is lost was not handed over, so it gets another attempt.
    let mut ordered = Vec::new();
    while ordered.len() < 2 {
        let start = worker.take_start().await;
        let order = (start.session, start.attempt);
        if !ordered.contains(&order) {
            ordered.push(order);
        }
    }
    ordered.sort_unstable();
    assert_eq!(ordered, [(ran, start.attempt + 1), (taken, second.attempt)]);
    let exit = client.health(ran).await.unwrap().last_exit.unwrap();
    assert_eq!((exit.by.as_str(), exit.verified), ("server", false));
    server.stop().await;
}

#[tokio::test]
async fn a_damaged_session_holds_up_no_other_one_of_its_worker() {
    let server = support::start().await;
    let mut worker = Worker::connect(&server).await;
    let mut attempts = Vec::new();
    for _ in 0..2 {
        create(&server).await;
        let start = worker.take_start().await;
        let mut runner = Runner::connect(&server, &start).await;
        runner.begin().await;
        runner.report(&[note("a"), note("b")]).await;
        attempts.push((start, runner.hello.instance));
    }
    let [(hit, instance), (well, _)] = &attempts[..] else { panic!("two attempts") };
    drop(worker);
    let (dir, home) = (server.dir.clone(), server.stop().await.unwrap());
    lose(&dir, hit.session, "agent_session_started", Snapshots::Go);
    let server = support::start_in(support::config(home.path())).await.unwrap();
    let client = server.client();
    let failure = client.session(&hit.session.to_string()).await.unwrap().failure.unwrap();
    assert_eq!(failure.code.as_deref(), Some("session_damaged"));

    // Its worker has ended both attempts meanwhile.
    let held = |start: &StartAttempt| HeldAttempt { session: start.session, attempt: start.attempt };
    let mut worker = Worker::with_hello(&server, &worker::hello("here", vec![held(hit), held(well)])).await;
    let batch = Batch { first_index: 3, held_us: 0, spooled: 0, events: vec![to_raw_value(&note("rest")).unwrap()] };
    let exit = AttemptExit { by: "keeper".to_owned(), verified: true, ..AttemptExit::default() };
    let (session, attempt) = (hit.session, hit.attempt);
    worker.say(&WorkerUp::Tail { session, attempt, instance: *instance, batch }).await;
    worker.say(&WorkerUp::Ended { session, attempt, exit: exit.clone() }).await;
    worker.say(&WorkerUp::Ended { session: well.session, attempt: well.attempt, exit }).await;
    // The other one's end is taken on the same link, and nothing of the damaged one is.
    let mut told = Vec::new();
    loop {
        let frame = worker.socket.next().await;
        assert!(frame.is_object() && frame.get("close").is_none(), "the link is gone: {frame}");
        if frame["ended_ack"]["session"] == well.session.to_string() {
            break;
        }
        told.push(frame);
    }
    assert!(!told.iter().any(|f| f.get("tail_ack").is_some() || f.get("ended_ack").is_some()), "{told:?}");
    let next = create(&server).await;
    // The other one begins anew; what is new comes, too.
    while worker.take_start().await.session != next {}

    // Repaired: what its worker holds is taken up again, and settled.
    client.repair(hit.session, &RepairSession::default(), &CommandKey::fresh()).await.unwrap();
    let asked = worker.socket.next_that(|f| f.get("tail_ack").is_some()).await;
    assert_eq!(asked["tail_ack"], json!({"session": hit.session, "attempt": hit.attempt, "next_index": null}));
    let ended = worker.ended(hit.session, hit.attempt).await;
    assert_eq!(ended["ended_ack"]["session"], hit.session.to_string());
    server.stop().await;
}

#[tokio::test]
async fn a_worker_that_is_not_wanted_is_told_why() {
    let server = support::start().await;
    let _first = Worker::connect(&server).await;
    let mut second = Worker::with_hello(&server, &worker::hello("here", Vec::new())).await;
    let told = second.socket.next().await;
    assert_eq!(told["rejected"]["reason"], "another worker is connected as here");
    let mut newer = worker::hello("new", Vec::new());
    newer.protocol = ProtocolRange { min: 90, max: 91 };
    let mut newer = Worker::with_hello(&server, &newer).await;
    assert_eq!(newer.socket.next().await["rejected"]["code"], "protocol_unsupported");
    let mut silent = Socket::open_at(&server, WORKER_PATH, &server.info.worker_token, &[]).await.unwrap();
    silent.say(&json!({"taken": {"session": SessionId::new(uuid::Uuid::now_v7()), "attempt": 1}})).await;
    assert_eq!(silent.next().await["rejected"]["code"], "invalid_request");
    server.stop().await;
}

#[tokio::test]
async fn a_refusal_is_told_as_the_sessions_failure() {
    let server = support::start().await;
    let mut worker = Worker::connect(&server).await;
    let id = create(&server).await;
    let start = worker.start().await;
    let (code, detail) = ("agent_not_installed".to_owned(), "it is gone".to_owned());
    worker.say(&WorkerUp::Refused { session: id, attempt: start.attempt, code, detail }).await;
    let client = server.client();
    let failed = support::until("the failure", async || client.session(&id.to_string()).await.unwrap().failure).await;
    assert_eq!(failed.code.as_deref(), Some("agent_not_installed"));
    server.stop().await;
}

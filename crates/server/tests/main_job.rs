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

    let created = client.create_session(&create("say hello"), &CommandKey::fresh()).await.unwrap();
    let id = created.session.id;
    assert_eq!(created.session.state, "pending");
    assert_eq!(created.session.cwd, server.home());

    let started = list.next().await;
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

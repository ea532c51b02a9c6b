//! Sessions that have said something, played by a worker and a runner of the test.

use convene_api::{
    body::{CreateSession, PromptInput},
    client::CommandKey,
};
use convene_core::view::SessionView;
use serde_json::Value;

use super::{Server, runner::Runner, worker::Worker};

/// A session of this body that has answered once and is idle. Before the agent begins, its runner reports `before`.
pub async fn talked(
    server: &Server,
    worker: &mut Worker,
    body: CreateSession,
    before: &[Value],
) -> (SessionView, Runner) {
    let client = server.client();
    let body = CreateSession { prompt: Some(PromptInput::Text("hi".to_owned())), ..body };
    let id = client.create_session(&body, &CommandKey::fresh()).await.unwrap().session.id;
    let start = worker.take_start().await;
    let mut runner = Runner::connect(server, &start).await;
    let turn = runner.first_turn();
    if !before.is_empty() {
        runner.report(before).await;
    }
    runner.begin().await;
    runner.hand_over(turn).await;
    runner.answer(turn, 5).await;
    runner.end_turn(turn).await;
    (client.session(&id.to_string()).await.unwrap(), runner)
}

/// As [`talked`], and stopped since.
pub async fn stopped(server: &Server, worker: &mut Worker, body: CreateSession, before: &[Value]) -> SessionView {
    let (session, runner) = talked(server, worker, body, before).await;
    let client = server.client();
    client.stop(session.id, &Default::default(), &CommandKey::fresh()).await.unwrap();
    worker.ended(session.id, runner.hello.attempt).await;
    client.session(&session.id.to_string()).await.unwrap()
}

//! The same request again under its key: the recorded answer, whatever has changed since.

mod support;

use std::{fs, path::Path};

use convene_api::{body::CreateSession, client::CommandKey};
use serde_json::{Value, json};
use support::{
    Server,
    http::{Answer, Request},
    play::{stopped, talked},
    worker::Worker,
};

/// A request under a key.
async fn send(server: &Server, key: &str, method: &str, path: &str, body: &Value) -> Answer {
    Request::new(method, path).token(&server.token).header("idempotency-key", key).json(body).send(server).await
}

/// Sends it, changes something, and sends it once more: the same bytes come back, and are said to be recorded.
async fn again(server: &Server, request: (&str, &str, &str, Value), change: impl AsyncFnOnce()) -> Value {
    let (key, method, path, body) = request;
    let first = send(server, key, method, path, &body).await;
    assert!(first.status < 300 && !first.headers.contains_key("idempotency-replayed"), "{first:?}");
    change().await;
    let second = send(server, key, method, path, &body).await;
    assert_eq!((second.status, &second.body), (first.status, &first.body), "{method} {path}");
    assert_eq!(second.headers.get("idempotency-replayed").map(String::as_str), Some("true"), "{method} {path}");
    let other = send(server, key, method, path, &json!({"unheard": [1]})).await;
    assert!(other.status >= 400, "another body is another request: {other:?}");
    first.json()
}

#[tokio::test]
async fn what_is_looked_at_before_is_not_looked_at_for_a_retry() {
    let server = support::start().await;
    let client = server.client();
    let mut worker = Worker::connect(&server).await;
    let session = stopped(&server, &mut worker, CreateSession::default(), &[]).await;
    let path = format!("/v1/sessions/{}", session.id);

    // The fork of a session that has begun a turn since.
    let (origin, mut runner) = talked(&server, &mut worker, CreateSession::default(), &[]).await;
    let forked = again(
        &server,
        ("fork", "POST", &format!("/v1/sessions/{}/fork", origin.id), json!({"prompt": "go on"})),
        async || {
            let (path, body) = (format!("/v1/sessions/{}/prompts", origin.id), json!({"content": "more"}));
            let prompted = send(&server, "busy", "POST", &path, &body).await;
            assert_eq!(prompted.status, 202);
        },
    )
    .await;
    assert_eq!(forked["session"]["forked_from"]["session"], origin.id.to_string(), "{forked}");

    // A question of a session that is gone by now.
    let request = convene_core::ids::PermissionId::new(uuid::Uuid::now_v7());
    let turn = runner.first_turn();
    let options = json!([{"id": "yes", "name": "Allow", "kind": "allow_once"}]);
    let asked = json!({"type": "permission_requested", "turn": turn, "request": request, "options": options,
        "tool_call": {"id": "t", "title": "write a file"}});
    runner.report(&[asked]).await;
    let decide = format!("/v1/sessions/{}/permissions/{request}", origin.id);
    again(&server, ("decide", "POST", &decide, json!({"option_id": "yes"})), async || {
        client.stop(origin.id, &Default::default(), &CommandKey::fresh()).await.unwrap();
        worker.ended(origin.id, runner.hello.attempt).await;
        client.delete_session(origin.id, &Default::default(), &CommandKey::fresh()).await.unwrap();
    })
    .await;

    // A turn that was taken back is not there to be taken back.
    let back = ("rewind", "POST", &*format!("{path}/rewind"), json!({"turn": 1}));
    let back = again(&server, back, async || {}).await;
    assert_eq!(back["draft"][0]["text"], "hi", "{back}");

    // A directory that is gone.
    let dir = Path::new(&server.home()).join("gone");
    fs::create_dir_all(&dir).unwrap();
    let body = json!({"cwd": dir.display().to_string(), "title": "here"});
    again(&server, ("create", "POST", "/v1/sessions", body.clone()), async || fs::remove_dir(&dir).unwrap()).await;
    assert!(send(&server, "late", "POST", "/v1/sessions", &body).await.status >= 400, "it would be refused by now");

    // A session that is gone.
    let delete = ("delete", "DELETE", path.as_str(), json!({}));
    again(&server, delete, async || {}).await;
    server.stop().await;
}

#[tokio::test]
async fn sessions_are_pruned_once_under_a_key() {
    let server = support::start().await;
    let client = server.client();
    let mut worker = Worker::connect(&server).await;
    let first = stopped(&server, &mut worker, CreateSession::default(), &[]).await;
    // Trying it out is not doing it.
    let try_out = send(&server, "try", "POST", "/v1/prune", &json!({"keep": 0, "dry_run": true})).await;
    assert_eq!(try_out.json()["items"].as_array().unwrap().len(), 1);
    let mut second = None;
    let pruned = again(&server, ("prune", "POST", "/v1/prune", json!({"keep": 0})), async || {
        second = Some(stopped(&server, &mut worker, CreateSession::default(), &[]).await);
    })
    .await;
    let ids: Vec<&Value> = pruned["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, [&json!(first.id)]);
    let second = second.unwrap();
    assert!(client.session(&second.id.to_string()).await.is_ok(), "a retry removed more");
    let conflict = send(&server, "prune", "POST", "/v1/prune", &json!({"keep": 1})).await;
    assert_eq!((conflict.status, conflict.code().as_str()), (409, "idempotency_conflict"));
    assert!(client.session(&second.id.to_string()).await.is_ok(), "what was refused removed something");
    server.stop().await;
}

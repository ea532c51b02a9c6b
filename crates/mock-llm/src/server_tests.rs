//! The record of what was seen, and who may read it.

use serde_json::{Value, json};

use crate::{
    talk::Provider,
    testing::{ask, post, server},
};

async fn record(server: &axum::Router) -> Value {
    ask(server, "GET", "/_mock/conversations", &[], "").await.json()
}

#[tokio::test]
async fn conversations_are_told_apart_and_followed() {
    let server = server(Some("rules:\n- match: {user: fail, call: 1}\n  steps:\n  - error: {status: 529}"));
    let say = |texts: &[&str]| {
        let mut messages = Vec::new();
        for text in texts {
            if !messages.is_empty() {
                messages.push(json!({ "role": "assistant", "content": "so" }));
            }
            messages.push(json!({ "role": "user", "content": text }));
        }
        let body = json!({ "model": "m", "messages": messages });
        let server = server.clone();
        async move { post(&server, Provider::Chat, "/v1/chat/completions", &body).await.status.as_u16() }
    };
    assert_eq!(say(&["one"]).await, 200);
    assert_eq!(say(&["one"]).await, 200);
    assert_eq!(say(&["one", "two"]).await, 200);
    assert_eq!(say(&["fail"]).await, 529);
    assert_eq!(say(&["fail"]).await, 200);
    assert_eq!(post(&server, Provider::Chat, "/v1/chat/completions", &json!({})).await.status, 400);

    let all = record(&server).await;
    let users: Vec<&Value> = all["conversations"].as_array().expect("a list").iter().map(|c| &c["user"]).collect();
    assert_eq!(users, [&json!(["one"]), &json!(["one", "two"]), &json!(["fail"])]);
    let lengths =
        all["conversations"].as_array().expect("a list").iter().map(|c| c["exchanges"].as_array().map(Vec::len));
    assert_eq!(lengths.collect::<Vec<_>>(), [Some(1), Some(2), Some(2)], "a request that failed may come again");
    assert_eq!(all["refused"][0]["answer"]["fault"]["message"], "you must provide a model parameter");

    let one = ask(&server, "GET", "/_mock/conversations/2", &[], "").await.json();
    let last = &one["exchanges"][1];
    assert_eq!(
        (&last["does"], &last["outcome"], &last["answer"]["text"]),
        (&json!("answer"), &json!("complete"), &json!("turn 2: you said two"))
    );
    assert_eq!(last["raw"]["headers"]["authorization"], "***");
    assert_eq!(last["raw"]["body"]["messages"][2]["content"], "two");
    assert_eq!(last["request"]["messages"][2]["parts"][0], json!({ "type": "text", "text": "two" }));
    assert_eq!(ask(&server, "GET", "/_mock/conversations/9", &[], "").await.status, 404);

    let page = ask(&server, "GET", "/", &[], "").await.text();
    assert!(page.contains("user: two") && page.contains("model: turn 2: you said two"), "{page}");

    assert_eq!(ask(&server, "DELETE", "/_mock/conversations", &[], "").await.status, 204);
    assert_eq!(record(&server).await, json!({ "conversations": [], "refused": [] }));
    assert_eq!(say(&["fail"]).await, 529, "the script begins again");
}

#[tokio::test]
async fn a_page_of_the_web_reads_nothing() {
    let server = server(None);
    for (host, status) in [
        ("127.0.0.1:1", 200),
        ("localhost:1", 200),
        ("[::1]:1", 200),
        ("evil.example:1", 421),
        ("127.0.0.1.evil.example", 421),
    ] {
        let request = http::Request::get("/_mock/conversations").header("host", host);
        let request = request.body(axum::body::Body::empty()).expect("a request");
        let answer = tower::ServiceExt::oneshot(server.clone(), request).await.expect("an answer");
        assert_eq!(answer.status(), status, "{host}");
    }
}

#[tokio::test]
async fn who_goes_away_is_written_down() {
    let server = server(None);
    let body = json!({ "model": "m", "stream": true, "messages": [{ "role": "user", "content": "SLOW 5" }] });
    let request = http::Request::post("/v1/chat/completions").header("authorization", "Bearer k");
    let request = request.body(axum::body::Body::from(body.to_string())).expect("a request");
    let answer = tower::ServiceExt::oneshot(server.clone(), request).await.expect("an answer");
    assert_eq!(record(&server).await["conversations"][0]["exchanges"][0]["outcome"], "open");
    drop(answer);
    assert_eq!(record(&server).await["conversations"][0]["exchanges"][0]["outcome"], "client_left");
}

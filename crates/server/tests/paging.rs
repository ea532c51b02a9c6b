//! Lists by pages: each item once, whatever comes and goes meanwhile, and a cursor is worth something only where it is
//! from.

mod support;

use convene_api::{
    body::{CreateSession, CreateThread, CreateToken, PromptInput, PromptMode, SendPrompt},
    client::CommandKey,
};
use serde_json::Value;
use support::{Server, http::Request};

async fn get(server: &Server, path: &str) -> support::http::Answer {
    Request::new("GET", path).token(&server.token).send(server).await
}

/// The values of a field over all pages of a list; something is done between the pages.
async fn walk(server: &Server, path: &str, field: &str, mut between: impl AsyncFnMut()) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = get(server, &format!("{path}{cursor}")).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let page = answer.json();
        assert!(page["pos"].is_u64() && page["epoch"] == server.info.epoch, "{path}: {page}");
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2, "{path}: the limit holds");
        found.extend(items.iter().map(|item| item[field].clone()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
        between().await;
    }
}

async fn session(server: &Server) -> convene_core::view::SessionView {
    let body = CreateSession { prompt: Some(PromptInput::Text("hi".to_owned())), ..CreateSession::default() };
    server.client().create_session(&body, &CommandKey::fresh()).await.unwrap().session
}

#[tokio::test]
async fn every_item_is_on_one_page_whatever_comes_meanwhile() {
    let server = support::start().await;
    let client = server.client();
    let mut sessions = Vec::new();
    for n in 0..5 {
        sessions.push(session(&server).await.id.to_string());
        let thread = CreateThread { title: Some(format!("t{n}")), ..CreateThread::default() };
        client.create_thread(&thread, &CommandKey::fresh()).await.unwrap();
        let token = CreateToken { name: format!("k{n}"), ..CreateToken::default() };
        client.create_token(&token, &CommandKey::fresh()).await.unwrap();
    }
    sessions.reverse();
    let seen = walk(&server, "/v1/sessions?limit=2&view=row", "id", async || drop(session(&server).await)).await;
    assert_eq!(seen, sessions, "newest first, and none of those that came meanwhile");
    let threads = walk(&server, "/v1/threads?limit=2", "title", async || ()).await;
    assert_eq!(threads.iter().filter(|title| title.as_str().unwrap().starts_with('t')).count(), 5);
    let tokens = walk(&server, "/v1/tokens?limit=2", "name", async || {
        // The first one goes: what is on the other pages does not move.
        let all = client.tokens().await.unwrap().items;
        client.revoke_token(all[0].id, &CommandKey::fresh()).await.unwrap();
    })
    .await;
    assert_eq!(tokens, ["k0", "k1", "k2", "k3", "k4"]);
    let agents = walk(&server, "/v1/agents?limit=2", "name", async || ()).await;
    let whole = get(&server, "/v1/agents?limit=500").await.json();
    assert_eq!(agents.len(), whole["items"].as_array().unwrap().len());
    assert_eq!(whole["next_cursor"], Value::Null);
    server.stop().await;
}

#[tokio::test]
async fn a_queue_has_pages() {
    let server = support::start().await;
    let id = session(&server).await.id;
    for n in 0..4 {
        let content = PromptInput::Text(format!("next {n}"));
        let prompt = SendPrompt { content, mode: PromptMode::Queue };
        server.client().prompt(id, &prompt, &CommandKey::fresh()).await.unwrap();
    }
    let places = walk(&server, &format!("/v1/sessions/{id}/queue?limit=2"), "position", async || ()).await;
    assert_eq!(places, [1, 2, 3, 4, 5]);
    assert_eq!(
        get(&server, &format!("/v1/sessions/{id}/permissions?limit=2")).await.json()["items"],
        Value::from([(); 0].map(|()| Value::Null).to_vec())
    );
    server.stop().await;
}

#[tokio::test]
async fn limits_hold_and_cursors_fit_one_list_only() {
    let server = support::start().await;
    for _ in 0..3 {
        session(&server).await;
    }
    let epoch = server.info.epoch;
    let of_sessions = get(&server, "/v1/sessions?limit=1").await.json()["next_cursor"].as_str().unwrap().to_owned();
    for list in ["sessions", "threads", "tokens", "agents", "workers"] {
        for wrong in ["limit=0", "limit=-1", "limit=501", "limit=", "limit=2.5", "cursor=", "cursor=x", "cursor=a.b.c"]
        {
            let answer = get(&server, &format!("/v1/{list}?{wrong}")).await;
            assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"), "{list} {wrong}");
            let field = wrong.split('=').next().unwrap();
            assert_eq!(answer.json()["field"], field, "{list} {wrong}");
        }
        let old = get(&server, &format!("/v1/{list}?cursor={}.{list}.1", epoch ^ 1)).await;
        assert_eq!((old.status, old.code().as_str()), (410, "cursor_too_old"), "{list}");
        let other = get(&server, &format!("/v1/{list}?cursor={of_sessions}")).await;
        assert_eq!(other.status, if list == "sessions" { 200 } else { 400 }, "{list}: {other:?}");
        assert_eq!(get(&server, &format!("/v1/{list}?limit=500")).await.status, 200, "{list}");
    }
    server.stop().await;
}

#[tokio::test]
async fn events_are_found_by_what_they_say() {
    let server = support::start().await;
    let mut ids = Vec::new();
    let body =
        |text: &str| CreateSession { prompt: Some(PromptInput::Text(text.to_owned())), ..CreateSession::default() };
    for text in ["Find the Needle", "nothing here"] {
        ids.push(server.client().create_session(&body(text), &CommandKey::fresh()).await.unwrap().session.id);
    }
    let found = get(&server, &format!("/v1/sessions/{}/events?q=needle&type=turn_queued", ids[0])).await.json();
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found["items"][0]["type"], "turn_queued");
    let none = get(&server, &format!("/v1/sessions/{}/events?q=needle", ids[1])).await.json();
    assert_eq!((none["items"].as_array().unwrap().len(), &none["next_cursor"]), (0, &Value::Null), "{none}");
    // Names of fields and types are not what an event says.
    let named = get(&server, &format!("/v1/sessions/{}/events?q=turn_queued", ids[0])).await.json();
    assert_eq!(named["items"].as_array().unwrap().len(), 0, "{named}");
    let back = get(&server, &format!("/v1/sessions/{}/events?q=needle&before=9&limit=1", ids[0])).await.json();
    assert_eq!(back["items"].as_array().unwrap().len(), 1, "{back}");
    server.stop().await;
}

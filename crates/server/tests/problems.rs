//! Bad input: each a clear error with a code, nothing changed.

mod support;

use convene_api::{
    body::{CreateSession, PromptInput},
    client::CommandKey,
};
use serde_json::{Value, json};
use support::{Server, http::Request, worker::Worker};

async fn post(server: &Server, path: &str, body: &Value) -> support::http::Answer {
    Request::new("POST", path).token(&server.token).json(body).send(server).await
}

#[tokio::test]
async fn what_is_wrong_with_a_session_is_said_by_name() {
    let server = support::start().await;
    let home = server.home();
    std::fs::write(format!("{home}/file"), "x").unwrap();
    std::fs::create_dir(format!("{home}/project")).unwrap();
    let big = "x".repeat(10_400_000);
    let table = [
        (json!({"prompt": "x", "agent": "claud"}), 400, "agent_unknown", "claude"),
        (json!({"prompt": "x", "agent": "nobody-knows-it"}), 400, "agent_unknown", "convene agents"),
        (json!({"prompt": "x", "cwd": format!("{home}/projct")}), 400, "cwd_missing", "project"),
        (json!({"prompt": "x", "cwd": format!("{home}/file")}), 400, "cwd_not_a_directory", ""),
        (json!({"prompt": "x", "cwd": "/etc"}), 403, "cwd_not_allowed", "roots"),
        (json!({"prompt": "x", "cwd": "/"}), 403, "cwd_not_allowed", "roots"),
        (json!({"prompt": "x", "cwd": format!("{home}/project/../../..")}), 403, "cwd_not_allowed", "roots"),
        (json!({"prompt": "x", "cwd": server.dir}), 403, "cwd_not_allowed", "roots"),
        (json!({"prompt": "x", "cwd": "project"}), 400, "invalid_request", ""),
        (json!({"prompt": "x", "add_dirs": ["/etc"]}), 403, "cwd_not_allowed", "roots"),
        (json!({"prompt": ""}), 400, "prompt_empty", ""),
        (json!({"prompt": " \n\t"}), 400, "prompt_empty", ""),
        (json!({"prompt": big}), 413, "prompt_too_large", "file"),
        (json!({"prompt": 7}), 400, "invalid_request", ""),
        (json!({"prompt": "x", "tilte": "y"}), 400, "unknown_field", "title"),
        (json!({"prompt": "x", "permissions": "some"}), 400, "invalid_request", "deny, ask, reads, all"),
        (json!({"prompt": "x", "timeout": "long"}), 400, "invalid_request", ""),
        (json!({"prompt": "x", "title": "t".repeat(201)}), 400, "invalid_request", ""),
        (json!({"prompt": "x", "env": {"KEY": "env:MY_KEY"}}), 501, "not_supported_yet", "config"),
        (json!({"prompt": "x", "sandbox": "landlock"}), 501, "not_supported_yet", ""),
        (json!({"prompt": "x", "repos": ["a"]}), 501, "not_supported_yet", ""),
        (json!({"prompt": "x", "limits": {"pids": 1}}), 400, "unknown_field", ""),
        (json!({"prompt": "x", "worker": {"gpu": "yes"}}), 400, "worker_unknown", ""),
        (json!({"prompt": "x", "worker": {"gpu": 1}}), 400, "invalid_request", ""),
        (json!({"prompt": "x", "env": {"A=B": "c"}}), 400, "invalid_request", ""),
        (json!({"prompt": "x", "timeout": 31_536_001}), 400, "invalid_request", ""),
        (json!({"prompt": "x", "worker": "moon"}), 400, "worker_unknown", ""),
        (
            json!({"prompt": "x", "thread_id": "thr_00000000000000000000000000000000"}),
            404,
            "thread_not_found",
            "thread ls",
        ),
        (json!([]), 400, "invalid_request", ""),
    ];
    for (body, status, code, hint) in table {
        let answer = post(&server, "/v1/sessions", &body).await;
        let said: String = body.to_string().chars().take(100).collect();
        assert_eq!((answer.code().as_str(), answer.status), (code, status), "{said}: {answer:?}");
        let given = answer.json()["hint"].as_str().unwrap_or_default().to_owned();
        assert!(given.contains(hint), "{said}: {given:?}");
    }
    let field = post(&server, "/v1/sessions", &json!({"prompt": "x", "timeout": "long"})).await.json();
    assert_eq!(field["field"], "timeout");
    let size = post(&server, "/v1/sessions", &json!({"prompt": "x".repeat(10_400_000)})).await.json();
    assert_eq!(size["detail"], "prompt is 10.4 MB, limit 1.0 MB");
    // Off is no wish.
    let body = json!({"prompt": "x", "worktree": false, "sandbox": "none", "repos": null, "limits": null});
    assert_eq!(post(&server, "/v1/sessions", &body).await.status, 201);
    let sessions = server.client().sessions(&Default::default()).await.unwrap();
    assert_eq!(sessions.items.len(), 1, "the others changed nothing");
    server.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_by_name() {
    let server = support::start().await;
    let request = |method: &str, path: &str| Request::new(method, path).token(&server.token);
    let table = [
        (request("GET", "/v1/nothing"), 404, "not_found"),
        (request("PUT", "/v1/sessions"), 405, "method_not_allowed"),
        (request("GET", "/v1/sessions?stat=idle"), 400, "unknown_field"),
        (request("GET", "/v1/sessions?state=sleeping"), 400, "invalid_request"),
        (request("GET", "/v1/sessions?badge=sleepy"), 400, "invalid_request"),
        (request("GET", "/v1/threads?archived=any"), 400, "invalid_request"),
        (request("GET", "/v1/sessions?limit=0"), 400, "invalid_request"),
        (request("GET", "/v1/sessions?limit=many"), 400, "invalid_request"),
        (request("GET", "/v1/sessions?cursor=x"), 400, "invalid_request"),
        (request("GET", "/v1/sessions?cursor=1.1"), 410, "cursor_too_old"),
        (request("GET", "/v1/sessions?parent=x"), 400, "invalid_request"),
        (request("GET", "/v1/sessions?state=idle,"), 400, "invalid_request"),
        (request("GET", "/v1/events?after=9007199254740992"), 400, "invalid_request"),
        (request("POST", "/v1/sessions?prompt=x"), 400, "unknown_field"),
        (request("POST", "/v1/sessions").body("application/json", b"{".to_vec()), 400, "invalid_request"),
        (
            request("POST", "/v1/sessions").body("application/json", b"{\"prompt\": \"\xff\"}".to_vec()),
            400,
            "prompt_not_text",
        ),
        (request("POST", "/v1/sessions").body("text/plain", b"{}".to_vec()), 400, "invalid_request"),
        (request("POST", "/v1/sessions").body("application/json", vec![b' '; (16 << 20) + 1]), 413, "body_too_large"),
        (request("POST", "/v1/sessions").header("idempotency-key", ""), 400, "invalid_request"),
        (request("POST", "/v1/chat"), 501, "not_supported_yet"),
        (request("GET", "/v1/sessions/zzz"), 404, "session_not_found"),
        (request("GET", "/v1/threads/thr_1"), 404, "thread_not_found"),
        (request("GET", "/v1/events?after=99999999"), 410, "cursor_too_old"),
        (request("GET", "/v1/events?epoch=7"), 410, "cursor_too_old"),
        (request("GET", "/v1/ws"), 400, "invalid_request"),
        (request("DELETE", "/v1/tokens/x"), 400, "invalid_request"),
        (request("POST", "/v1/tokens").json(&json!({"scope": "god"})), 400, "invalid_request"),
    ];
    for (request, status, code) in table {
        let answer = request.send(&server).await;
        assert_eq!((answer.code().as_str(), answer.status), (code, status), "{answer:?}");
    }
    let session = post(&server, "/v1/sessions", &json!({"prompt": "x"})).await.json();
    let events = format!("/v1/sessions/{}/events", session["session"]["id"].as_str().unwrap());
    for (query, why) in [
        ("type=turn_endet", "did you mean turn_ended?"),
        ("type=turn_ended,nothing_like_it", "no event is called nothing_like_it"),
        ("limit=0", "0 is not between 1 and 1000"),
        ("limit=1001", "1001 is not between 1 and 1000"),
    ] {
        let answer = request("GET", &format!("{events}?{query}")).send(&server).await;
        assert_eq!((answer.code().as_str(), answer.status), ("invalid_request", 400), "{query}");
        assert!(answer.json().to_string().contains(why), "{query}: {answer:?}");
    }
    let put = request("PUT", "/v1/sessions").send(&server).await;
    assert_eq!(put.headers["allow"], "POST,GET,HEAD");
    assert_eq!(put.json()["methods"], json!(["POST", "GET", "HEAD"]));
    let get = request("GET", "/v1/chat").send(&server).await;
    assert_eq!(get.json()["detail"], "/v1/chat knows POST");
    server.stop().await;
}

#[tokio::test]
async fn what_a_session_cannot_do_now_is_said_by_name() {
    let server = support::start().await;
    let client = server.client();
    let created = client.create_session(&CreateSession::default(), &CommandKey::fresh()).await.unwrap();
    let id = created.session.id;
    // Nobody is there to take it: once that is said, nothing happens by itself any more.
    let waits = support::until("the reason", async || {
        client.session(&id.to_string()).await.ok().filter(|s| s.waiting.is_some())
    })
    .await;
    let at = |path: &str| format!("/v1/sessions/{id}{path}");
    let prm = "prm_00000000000000000000000000000000";
    let table = [
        ("POST", at("/cancel"), json!({}), 409, "nothing_running"),
        ("POST", at("/prompts"), json!({"content": ""}), 400, "prompt_empty"),
        ("POST", at("/prompts"), json!({}), 400, "invalid_request"),
        ("POST", at("/prompts"), json!({"content": "x", "mode": "steer"}), 409, "steer_unsupported"),
        ("POST", at(&format!("/permissions/{prm}")), json!({"option_id": "a"}), 404, "permission_not_found"),
        ("POST", at(&format!("/permissions/{prm}")), json!({}), 400, "invalid_request"),
        ("POST", at("/permissions/x"), json!({"decision": "allow_once"}), 404, "permission_not_found"),
        ("POST", at("/elicitations/x"), json!({"action": "accept"}), 404, "permission_not_found"),
        ("PATCH", at(""), json!({}), 400, "invalid_request"),
        ("PATCH", at(""), json!({"titel": "x"}), 400, "unknown_field"),
        ("PATCH", at("/queue/trn_1"), json!({"content": "x"}), 404, "queue_entry_not_found"),
        ("DELETE", at("/queue/trn_1"), json!({}), 404, "queue_entry_not_found"),
        ("POST", at("/hibernate"), json!({}), 409, "wrong_state"),
        ("POST", at("/hibernate"), json!({"recap": 1}), 400, "invalid_request"),
        ("POST", at("/resume"), json!({"now": true}), 400, "unknown_field"),
        ("POST", at("/clear"), json!({}), 409, "wrong_state"),
        ("POST", at("/fork"), json!({"prompt": ""}), 400, "prompt_empty"),
        ("POST", at("/fork"), json!({"titel": "x"}), 400, "unknown_field"),
        ("POST", at("/repair"), json!({}), 409, "wrong_state"),
        ("POST", at("/rewind"), json!({"turn": 1, "titel": "x"}), 400, "unknown_field"),
        ("GET", at("/transcript"), json!({}), 501, "not_supported_yet"),
        ("PATCH", at(""), json!({"title": "y", "model": null}), 400, "invalid_request"),
        ("GET", at("/events?q="), json!({}), 400, "invalid_request"),
        ("GET", at("/events?afer=1"), json!({}), 400, "unknown_field"),
    ];
    for (method, path, body, status, code) in table {
        let answer = Request::new(method, &path).token(&server.token).json(&body).send(&server).await;
        assert_eq!((answer.code().as_str(), answer.status), (code, status), "{method} {path}: {answer:?}");
    }
    assert_eq!(client.session(&id.to_string()).await.unwrap().seq, waits.seq, "nothing changed");
    server.stop().await;
}

#[tokio::test]
async fn an_agent_that_is_not_installed_is_refused_where_somebody_can_tell() {
    let server = support::start().await;
    let body = json!({"prompt": "x", "agent": "claude"});
    assert_eq!(post(&server, "/v1/sessions", &body).await.status, 201, "no worker: it waits for one that has it");
    let _worker = Worker::connect(&server).await;
    let answer = post(&server, "/v1/sessions", &body).await;
    assert_eq!((answer.code().as_str(), answer.status), ("agent_not_installed", 409));
    assert!(answer.json()["hint"].as_str().unwrap().starts_with("npm install -g "), "{answer:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_session_is_named_by_its_id_or_a_part_of_it() {
    let server = support::start().await;
    let client = server.client();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let body = CreateSession { prompt: Some(PromptInput::Text("hi".to_owned())), ..CreateSession::default() };
        ids.push(client.create_session(&body, &CommandKey::fresh()).await.unwrap().session);
    }
    let session = &ids[1];
    let digits = session.id.uuid().simple().to_string();
    for name in [session.id.to_string(), session.short_id.clone(), digits.clone(), format!("ses_{}", &digits[..28])] {
        let found = client.session(&name).await.unwrap();
        assert_eq!(found.id, session.id, "{name}");
    }
    let answer =
        Request::new("GET", &format!("/v1/sessions/{}", &digits[..4])).token(&server.token).send(&server).await;
    assert_eq!((answer.code().as_str(), answer.status), ("session_ambiguous", 409));
    assert_eq!(answer.json()["list"].as_array().unwrap().len(), 3);
    server.stop().await;
}

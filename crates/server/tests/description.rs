//! `/openapi.json` tells what is served.

mod support;

use serde_json::Value;
use support::http::Request;

#[tokio::test]
async fn the_description_is_served_and_whole() {
    let server = support::start().await;
    let served = Request::new("GET", "/openapi.json").token(&server.token).send(&server).await;
    assert_eq!(served.body, convene_server::openapi(), "the same bytes");
    let document = served.json();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in [
        "Session",
        "Event",
        "KnownEvent",
        "UnknownEvent",
        "TurnEndedEvent",
        "ListFrame",
        "ClientFrame",
        "ServerFrame",
        "Problem",
        "Code",
        "CreateSession",
    ] {
        assert!(schemas.contains_key(name), "{name}");
    }
    // Nothing points into the void.
    let mut refs = Vec::new();
    collect(&document, &mut refs);
    for place in refs {
        assert!(document.pointer(&place).is_some(), "{place} is used and not described");
    }
    whole(&document);
    // Every described route is there: it does not answer "no such route".
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            if path == "/v1/shutdown" || path == "/v1/events" {
                continue; // One ends the server, the other never ends.
            }
            let path = path.replace("{id}", "ses_00000000000000000000000000000000").replace(['{', '}'], "");
            let answer = Request::new(&method.to_uppercase(), &path).token(&server.token).send(&server).await;
            let code = if answer.status >= 400 { answer.code() } else { String::new() };
            assert!(
                code != "not_found" && code != "method_not_allowed" && code != "internal",
                "{method} {path}: {answer:?}"
            );
        }
    }
    server.stop().await;
}

/// Every operation says what it does, what it takes, what it answers, and how it refuses.
fn whole(document: &Value) {
    let mut names = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let at = format!("{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|s| s.ends_with('.')), "{at} has no summary");
            assert!(names.insert(operation["operationId"].as_str().unwrap()), "{at} has a name of its own");
            assert!(operation["tags"].as_array().is_some_and(|tags| tags.len() == 1), "{at} has one tag");
            let none = Vec::new();
            let parameters = operation["parameters"].as_array().unwrap_or(&none);
            for parameter in parameters.iter().filter(|p| p.get("$ref").is_none()) {
                let described = parameter["description"].as_str().is_some_and(|d| !d.is_empty());
                assert!(described && parameter["schema"].is_object(), "{at}: {parameter}");
            }
            for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                assert!(parameters.iter().any(|p| p["in"] == "path" && p["name"] == name), "{at} has no {name}");
            }
            let responses = operation["responses"].as_object().unwrap();
            assert!(!responses.contains_key("default"), "{at} tells each status");
            let is_open = operation["security"].as_array().is_some_and(|ways| ways.contains(&serde_json::json!({})));
            for status in ["400", "500", "503"].into_iter().chain((!is_open).then_some("401")) {
                assert!(responses.contains_key(status), "{at} may answer {status}");
            }
            let is_change = method != "get";
            let has_key = parameters.iter().any(|p| p["$ref"] == "#/components/parameters/IdempotencyKey");
            assert_eq!(has_key, is_change, "{at} and its key");
        }
    }
}

fn collect(value: &Value, refs: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(name)) = map.get("$ref") {
                refs.push(name.strip_prefix("#").unwrap().to_owned());
            }
            map.values().for_each(|v| collect(v, refs));
        }
        Value::Array(items) => items.iter().for_each(|v| collect(v, refs)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn threads_own_sessions() {
    let server = support::start().await;
    let request = |method: &str, path: &str| Request::new(method, path).token(&server.token);
    let made = request("POST", "/v1/threads").json(&serde_json::json!({"prompt": "tidy up", "topic": "order"}));
    let made = made.send(&server).await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    let id = made["thread"]["id"].as_str().unwrap().to_owned();
    let session = made["session"]["id"].clone();
    assert_eq!((&made["thread"]["title"], &made["thread"]["topic"]), (&"tidy up".into(), &"order".into()));
    assert_eq!(made["thread"]["sessions"][0], session);
    let at = format!("/v1/threads/{id}");
    let prompted =
        request("POST", &format!("{at}/prompts")).json(&serde_json::json!({"content": "more"})).send(&server).await;
    assert_eq!(prompted.json()["session"]["id"], session, "{prompted:?}");
    let changed =
        request("PATCH", &at).json(&serde_json::json!({"title": "order", "archived": true})).send(&server).await;
    assert_eq!((&changed.json()["title"], &changed.json()["archived"]), (&"order".into(), &true.into()));
    let listed = request("GET", "/v1/threads").send(&server).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 0, "it is put away");
    let listed = request("GET", "/v1/threads?archived=true").send(&server).await.json();
    assert_eq!(listed["items"][0]["id"], id.as_str());
    let empty = request("POST", "/v1/threads").json(&serde_json::json!({"title": "later"})).send(&server).await.json();
    let empty = format!("/v1/threads/{}", empty["thread"]["id"].as_str().unwrap());
    let nobody =
        request("POST", &format!("{empty}/prompts")).json(&serde_json::json!({"content": "x"})).send(&server).await;
    assert_eq!(nobody.code(), "wrong_state");
    assert_eq!(request("DELETE", &at).send(&server).await.status, 200);
    assert_eq!(request("GET", &at).send(&server).await.code(), "thread_not_found");
    let session = format!("/v1/sessions/{}", session.as_str().unwrap());
    assert_eq!(request("GET", &session).send(&server).await.code(), "session_not_found");
    server.stop().await;
}

#[tokio::test]
async fn the_servers_own_routes_answer() {
    let server = support::start().await;
    let _worker = support::worker::Worker::connect(&server).await;
    let request = |path: &str| Request::new("GET", path).token(&server.token);
    let metrics = request("/metrics").send(&server).await;
    for name in ["convene_commits_total", "convene_workers 1", "convene_sockets", "# EOF"] {
        assert!(metrics.body.contains(name), "{name}: {}", metrics.body);
    }
    let agents = request("/v1/agents").send(&server).await.json();
    assert_eq!((&agents["items"][0]["name"], &agents["items"][0]["installed"]), (&"builtin".into(), &true.into()));
    let status = request("/v1/status").send(&server).await.json();
    assert_eq!((&status["status"], &status["workers"], &status["seats"]), (&"ok".into(), &1.into(), &4.into()));
    let page = Request::new("GET", "/").send(&server).await;
    let policy = page.headers.get("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(!page.body.contains("http"), "nothing from elsewhere");
    server.stop().await;
}

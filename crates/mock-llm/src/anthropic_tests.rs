//! Messages: what is refused and in which words, and what a reply looks like.

use serde_json::{Value, json};

use crate::{
    seal,
    talk::Provider,
    testing::{ask, changed, post, server},
};

/// A conversation with a call and its result, all in order.
fn conversation() -> Value {
    json!({
        "model": "m", "max_tokens": 100, "system": "Be brief.",
        "tools": [{ "name": "get", "input_schema": { "type": "object" } }],
        "messages": [
            { "role": "user", "content": "hello" },
            { "role": "assistant", "content": [
                { "type": "thinking", "thinking": "hm", "signature": seal::sign("hm") },
                { "type": "tool_use", "id": "toolu_1", "name": "get", "input": {} },
            ] },
            { "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "toolu_1", "content": [{ "type": "text", "text": "42" }] },
                { "type": "text", "text": "well?" },
            ] },
        ],
    })
}

#[tokio::test]
async fn refusals() {
    let server = server(None);
    let good = post(&server, Provider::Anthropic, "/v1/messages", &conversation()).await;
    assert_eq!(good.status, 200, "{}", good.text());
    let call = |id: &str| json!({ "type": "tool_use", "id": id, "name": "get", "input": {} });
    let result = |id: &str| json!({ "type": "tool_result", "tool_use_id": id, "content": "x" });
    let text = |text: &str| json!({ "type": "text", "text": text });
    for (place, value, words) in [
        ("/max_tokens", json!(null), "max_tokens: Field required"),
        ("/max_tokens", json!(0), "max_tokens: must be greater than or equal to 1"),
        ("/model", json!(null), "model: Field required"),
        ("/messages", json!(null), "messages: Field required"),
        ("/messages", json!([]), "messages: at least one message is required"),
        ("/messages", json!("hi"), "messages: Input should be a valid list"),
        (
            "/messages/0/role",
            json!("system"),
            "Unexpected role \"system\". The Messages API accepts a top-level `system`",
        ),
        ("/messages/0/role", json!("tool"), "Unexpected role \"tool\". Allowed roles are \"user\" or \"assistant\"."),
        ("/messages/0/role", json!(null), "messages.0.role: Field required"),
        (
            "/messages/0",
            json!({ "role": "assistant", "content": "I begin" }),
            "first message must use the \"user\" role",
        ),
        ("/messages/0/content", json!(""), "messages.0: user messages must have non-empty content"),
        ("/messages/0/content", json!("  "), "text content blocks must contain non-whitespace text"),
        ("/messages/0/content", json!([text("")]), "messages: text content blocks must be non-empty"),
        ("/messages/0/content", json!([{ "text": "x" }]), "messages.0.content.0.type: Field required"),
        (
            "/messages/0/content",
            json!([{ "type": "sound" }]),
            "messages.0.content.0: Input tag 'sound' found using 'type'",
        ),
        ("/messages/0/content", json!([call("toolu_0")]), "`tool_use` blocks can only be in `assistant` messages"),
        (
            "/messages/0/content",
            json!([result("toolu_0")]),
            "unexpected `tool_use_id` found in `tool_result` blocks: toolu_0",
        ),
        ("/messages/1/content", json!([result("toolu_1")]), "`tool_result` blocks can only be in `user` messages"),
        ("/messages/1/content/1/id", json!("a b"), "messages.1.content.1.tool_use.id: String should match pattern"),
        (
            "/messages/1/content/1/input",
            json!([]),
            "messages.1.content.1.tool_use.input: Input should be a valid dictionary",
        ),
        (
            "/messages/1/content/0/thinking",
            json!("hmm"),
            "messages.1.content.0: Invalid `signature` in `thinking` block",
        ),
        ("/messages/1/content/2", call("toolu_1"), "messages.1.content.2: `tool_use` ids must be unique"),
        (
            "/messages/1/content/2",
            call("toolu_2"),
            "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_2",
        ),
        ("/messages/2/content", json!("well?"), "messages.1: `tool_use` ids were found without `tool_result` blocks"),
        ("/messages/2", json!(null), "messages.1: `tool_use` ids were found without `tool_result` blocks"),
        (
            "/messages/2/content/0/tool_use_id",
            json!("toolu_9"),
            "unexpected `tool_use_id` found in `tool_result` blocks: toolu_9",
        ),
        ("/messages/2/content/1", result("toolu_1"), "each tool_use must have a single result"),
        ("/messages/2/content", json!([text("first"), result("toolu_1")]), "`tool_use` ids were found without"),
        (
            "/messages/3",
            json!({ "role": "assistant", "content": "and " }),
            "final assistant content cannot end with trailing whitespace",
        ),
        ("/system", json!([{ "type": "text", "text": "" }]), "system: text content blocks must be non-empty"),
        ("/temperature", json!(1.5), "temperature: range: 0..1"),
        ("/thinking", json!({ "type": "enabled", "budget_tokens": 100 }), "greater than or equal to 1024"),
        (
            "/thinking",
            json!({ "type": "enabled", "budget_tokens": 2000 }),
            "`max_tokens` must be greater than `thinking.budget_tokens`",
        ),
        ("/tools/0/name", json!("a b"), "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"),
        ("/tools/0/input_schema", json!(null), "tools.0.custom.input_schema: Field required"),
        (
            "/tools/1",
            json!({ "name": "get", "input_schema": { "type": "object" } }),
            "tools: Tool names must be unique.",
        ),
        ("/tool_choice", json!({ "type": "tool", "name": "put" }), "Tool 'put' not found in provided tools"),
        ("/stream", json!("yes"), "stream: Input should be a valid boolean"),
    ] {
        let answer = post(&server, Provider::Anthropic, "/v1/messages", &changed(&conversation(), place, value)).await;
        let body = answer.json();
        assert_eq!(answer.status, 400, "{place}: {body}");
        assert_eq!((&body["type"], &body["error"]["type"]), (&json!("error"), &json!("invalid_request_error")));
        let message = body["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(words), "{place}: {message}");
        assert_eq!(answer.header("request-id"), body["request_id"].as_str().unwrap_or("?"));
    }
}

#[tokio::test]
async fn doors() {
    let server = server(Some("models: [m]\nkey: right\nrules: []"));
    let version = ("anthropic-version", "2023-06-01");
    let body = conversation().to_string();
    let other = changed(&conversation(), "/model", json!("n")).to_string();
    for (method, path, headers, body, status, kind) in [
        ("POST", "/v1/messages", &[version][..], body.as_str(), 401, "authentication_error"),
        ("POST", "/v1/messages", &[version, ("x-api-key", "wrong")], &body, 401, "authentication_error"),
        ("POST", "/v1/messages", &[("x-api-key", "right")], &body, 400, "invalid_request_error"),
        ("POST", "/v1/messages", &[version, ("x-api-key", "right")], "{", 400, "invalid_request_error"),
        ("POST", "/v1/messages", &[version, ("x-api-key", "right")], &other, 404, "not_found_error"),
        ("GET", "/v1/messages", &[version, ("x-api-key", "right")], "", 405, "invalid_request_error"),
        ("POST", "/v1/complete", &[version, ("x-api-key", "right")], "{}", 404, "not_found_error"),
        ("POST", "/v1/messages", &[version, ("authorization", "Bearer right")], &body, 200, ""),
        ("POST", "/v1/messages/count_tokens", &[version, ("x-api-key", "right")], &body, 200, ""),
        ("GET", "/v1/models", &[version, ("x-api-key", "right")], "", 200, ""),
        ("GET", "/v1/models/m", &[version, ("x-api-key", "right")], "", 200, ""),
        ("GET", "/v1/models/n", &[version, ("x-api-key", "right")], "", 404, "not_found_error"),
    ] {
        let answer = ask(&server, method, path, headers, body).await;
        assert_eq!(answer.status, status, "{method} {path} {headers:?}: {}", answer.text());
        assert_eq!(answer.json()["error"]["type"].as_str().unwrap_or_default(), kind, "{method} {path}");
        assert!(answer.header("request-id").starts_with("req_"));
    }
}

#[tokio::test]
async fn the_system_may_speak_amid_where_that_is_asked_for() {
    let server = server(None);
    let body = changed(&conversation(), "/messages/3", json!({ "role": "system", "content": "Be brave." })).to_string();
    let keys =
        [("x-api-key", "k"), ("anthropic-version", "2023-06-01"), ("anthropic-beta", "a,per-turn-control-2026-07-01")];
    assert_eq!(ask(&server, "POST", "/v1/messages", &keys, &body).await.status, 200);
    assert_eq!(ask(&server, "POST", "/v1/messages", &keys[..2], &body).await.status, 400);
    let seen = ask(&server, "GET", "/_mock/conversations/1", &[], "").await.json();
    assert_eq!(seen["exchanges"][0]["request"]["system"], "Be brief.\nBe brave.");
}

#[tokio::test]
async fn a_stream_and_a_whole_reply_say_the_same() {
    let script = "rules:\n- steps:\n  - thoughts: {say: 'so so', chunk: 3}\n  - text: Let me see.\n  - tool_call: {name: get, input: {a: 'ü'}}\n  - tool_call: {name: get}\n  - usage: {input_tokens: 7, output_tokens: 9, cached_tokens: 3}";
    let server = server(Some(script));
    let ask = json!({ "model": "m", "max_tokens": 9, "messages": [{ "role": "user", "content": "go" }] });
    let whole = post(&server, Provider::Anthropic, "/v1/messages", &ask).await.json();
    assert_eq!(
        whole["content"][0],
        json!({ "type": "thinking", "thinking": "so so", "signature": seal::sign("so so") })
    );
    assert_eq!(whole["content"][1], json!({ "type": "text", "text": "Let me see." }));
    assert_eq!((&whole["content"][2]["input"], &whole["content"][3]["input"]), (&json!({ "a": "ü" }), &json!({})));
    assert_ne!(whole["content"][2]["id"], whole["content"][3]["id"]);
    assert_eq!((&whole["stop_reason"], &whole["usage"]["output_tokens"]), (&json!("tool_use"), &json!(9)));

    let answer = post(&server, Provider::Anthropic, "/v1/messages", &changed(&ask, "/stream", json!(true))).await;
    assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8");
    let events = answer.events();
    let kinds: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    let expected = "message_start content_block_start ping content_block_delta content_block_delta content_block_delta \
        content_block_stop content_block_start content_block_delta content_block_delta content_block_delta \
        content_block_stop content_block_start content_block_delta content_block_delta content_block_delta \
        content_block_stop content_block_start content_block_delta content_block_delta content_block_delta \
        content_block_stop message_delta message_stop";
    assert_eq!(kinds, expected.split_whitespace().collect::<Vec<_>>());
    assert!(events.iter().all(|(name, data)| data["type"] == name.as_str()));
    let deltas = |index: u64, field: &str| -> String {
        let of = events.iter().filter(|(name, data)| name == "content_block_delta" && data["index"] == index);
        of.filter_map(|(_, data)| data["delta"][field].as_str()).collect()
    };
    assert_eq!(deltas(0, "thinking"), "so so");
    assert_eq!(deltas(0, "signature"), seal::sign("so so"));
    assert_eq!(deltas(1, "text"), "Let me see.");
    assert_eq!(deltas(2, "partial_json"), r#"{"a":"ü"}"#);
    let start = &events[0].1["message"]["usage"];
    assert_eq!((&start["input_tokens"], &start["cache_read_input_tokens"]), (&json!(7), &json!(3)));
    assert_eq!(events[events.len() - 2].1["delta"]["stop_reason"], "tool_use");
}

#[tokio::test]
async fn failures_before_and_in_mid_stream() {
    let script = "rules:\n- match: {user: before}\n  steps:\n  - delay_ms: 1\n  - error: {status: 529, message: Overloaded, retry_after_s: 3}\n\
        - match: {user: amid}\n  steps:\n  - text: Half a\n  - error: {status: 529, message: Overloaded}\n\
        - match: {user: cut}\n  steps:\n  - text: Half a\n  - disconnect";
    let server = server(Some(script));
    let ask = |text: &str, stream: bool| {
        let body = json!({ "model": "m", "max_tokens": 9, "stream": stream, "messages": [{ "role": "user", "content": text }] });
        let server = server.clone();
        async move { post(&server, Provider::Anthropic, "/v1/messages", &body).await }
    };
    for stream in [false, true] {
        let answer = ask("before", stream).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (529, "3"));
        assert_eq!(answer.json()["error"], json!({ "type": "overloaded_error", "message": "Overloaded" }));
    }
    let answer = ask("amid", true).await;
    let events = answer.events();
    let (name, last) = events.last().expect("events");
    assert_eq!((answer.status.as_u16(), name.as_str()), (200, "error"));
    assert_eq!(last["error"]["type"], "overloaded_error");
    assert!(!answer.broken && events.iter().all(|(name, _)| name != "message_stop"));
    assert_eq!(ask("amid", false).await.status, 529);

    let answer = ask("cut", true).await;
    assert!(answer.broken, "{}", answer.text());
    assert_eq!(answer.events().len(), 5, "what was said is not lost");
    let answer = ask("cut", false).await;
    assert!(answer.broken && answer.header("content-length").parse::<usize>().expect("a length") > answer.bytes.len());
}

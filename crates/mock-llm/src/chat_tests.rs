//! Chat Completions: what is refused and in which words, and what a reply looks like.

use serde_json::{Value, json};

use crate::{
    talk::Provider,
    testing::{ask, changed, post, server},
};

const PATH: &str = "/v1/chat/completions";

fn call(id: &str) -> Value {
    json!({ "id": id, "type": "function", "function": { "name": "get", "arguments": "{}" } })
}

/// A conversation with a call and its result, all in order.
fn conversation() -> Value {
    json!({
        "model": "m",
        "tools": [{ "type": "function", "function": { "name": "get", "parameters": { "type": "object" } } }],
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": [{ "type": "text", "text": "hello" }] },
            { "role": "assistant", "content": null, "tool_calls": [call("call_1")] },
            { "role": "tool", "tool_call_id": "call_1", "content": "42" },
        ],
    })
}

#[tokio::test]
async fn refusals() {
    let server = server(None);
    let good = post(&server, Provider::Chat, PATH, &conversation()).await;
    assert_eq!(good.status, 200, "{}", good.text());
    let tool = |id: &str| json!({ "role": "tool", "tool_call_id": id, "content": "x" });
    for (place, value, words, param, code) in [
        ("/model", json!(null), "you must provide a model parameter", None, None),
        (
            "/messages",
            json!(null),
            "Missing required parameter: 'messages'.",
            Some("messages"),
            Some("missing_required_parameter"),
        ),
        ("/messages", json!([]), "Invalid 'messages': empty array.", Some("messages"), Some("empty_array")),
        (
            "/messages",
            json!("hi"),
            "Invalid type for 'messages': expected an array of objects, but got a string instead.",
            Some("messages"),
            Some("invalid_type"),
        ),
        (
            "/messages/1/role",
            json!("robot"),
            "Invalid value: 'robot'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.",
            Some("messages[1].role"),
            Some("invalid_value"),
        ),
        (
            "/messages/1/role",
            json!(null),
            "Missing required parameter: 'messages[1].role'.",
            Some("messages[1].role"),
            Some("missing_required_parameter"),
        ),
        (
            "/messages/1/content",
            json!(null),
            "Invalid value for 'content': expected a string, got null.",
            Some("messages.[1].content"),
            None,
        ),
        (
            "/messages/1/content",
            json!([]),
            "Invalid 'messages[1].content': empty array.",
            Some("messages[1].content"),
            Some("empty_array"),
        ),
        (
            "/messages/1/content/0/type",
            json!("sound"),
            "Invalid value: 'sound'. Supported values are: 'text', 'image_url', 'input_audio', and 'file'.",
            Some("messages[1].content[0].type"),
            Some("invalid_value"),
        ),
        (
            "/messages/1/content/0/text",
            json!(null),
            "Missing required parameter: 'messages[1].content[0].text'.",
            Some("messages[1].content[0].text"),
            Some("missing_required_parameter"),
        ),
        (
            "/messages/2/tool_calls",
            json!(null),
            "Invalid value for 'content': expected a string, got null.",
            Some("messages.[2].content"),
            None,
        ),
        (
            "/messages/2/tool_calls",
            json!([]),
            "Invalid 'messages[2].tool_calls': empty array.",
            Some("messages[2].tool_calls"),
            Some("empty_array"),
        ),
        (
            "/messages/2/tool_calls/0/id",
            json!(null),
            "Missing required parameter: 'messages[2].tool_calls[0].id'.",
            Some("messages[2].tool_calls[0].id"),
            Some("missing_required_parameter"),
        ),
        (
            "/messages/2/tool_calls/1",
            call("call_1"),
            "Duplicate value for 'tool_call_id' of 'call_1' in message[2]",
            Some("messages.[2].tool_calls"),
            None,
        ),
        (
            "/messages/2/tool_calls/1",
            call("call_2"),
            "The following tool_call_ids did not have response messages: call_2",
            Some("messages.[4].role"),
            None,
        ),
        (
            "/messages/2",
            json!(null),
            "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
            Some("messages.[2].role"),
            None,
        ),
        ("/messages/3", json!(null), "did not have response messages: call_1", Some("messages.[3].role"), None),
        (
            "/messages/3",
            json!({ "role": "user", "content": "x" }),
            "must be followed by tool messages responding to each 'tool_call_id'",
            Some("messages.[3].role"),
            None,
        ),
        (
            "/messages/3/tool_call_id",
            json!("call_9"),
            "'tool_call_id' of 'call_9' not found in 'tool_calls' of previous message.",
            Some("messages.[3].tool_call_id"),
            None,
        ),
        (
            "/messages/3/tool_call_id",
            json!(null),
            "Missing required parameter: 'messages[3].tool_call_id'.",
            Some("messages[3].tool_call_id"),
            Some("missing_required_parameter"),
        ),
        (
            "/messages/4",
            tool("call_1"),
            "Duplicate value for 'tool_call_id' of 'call_1' in message[4]",
            Some("messages.[4].role"),
            None,
        ),
        (
            "/temperature",
            json!(3),
            "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
            Some("temperature"),
            Some("decimal_above_max_value"),
        ),
        (
            "/stream",
            json!("yes"),
            "Invalid type for 'stream': expected a boolean",
            Some("stream"),
            Some("invalid_type"),
        ),
        (
            "/stream_options",
            json!({ "include_usage": true }),
            "only allowed when 'stream' is enabled.",
            Some("stream_options"),
            None,
        ),
        ("/tools", json!([]), "Invalid 'tools': empty array.", Some("tools"), Some("empty_array")),
        (
            "/tools/0/function",
            json!(null),
            "Missing required parameter: 'tools[0].function'.",
            Some("tools[0].function"),
            Some("missing_required_parameter"),
        ),
        (
            "/tools/0/function/name",
            json!("a b"),
            "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
            Some("tools[0].function.name"),
            Some("invalid_value"),
        ),
        (
            "/tool_choice",
            json!({ "type": "function", "function": { "name": "put" } }),
            "Tool choice 'put' not found in 'tools' parameter.",
            Some("tool_choice"),
            None,
        ),
        (
            "/response_format",
            json!({ "type": "json_schema", "json_schema": {} }),
            "Missing required parameter: 'response_format.json_schema.name'.",
            Some("response_format.json_schema.name"),
            Some("missing_required_parameter"),
        ),
    ] {
        let answer = post(&server, Provider::Chat, PATH, &changed(&conversation(), place, value)).await;
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status.as_u16(), &error["type"]),
            (400, &json!("invalid_request_error")),
            "{place}: {error}"
        );
        let message = error["message"].as_str().unwrap_or_default();
        assert!(message.contains(words), "{place}: {message}");
        assert_eq!((error["param"].as_str(), error["code"].as_str()), (param, code), "{place}");
        assert!(answer.header("x-request-id").starts_with("req_"));
    }
}

#[tokio::test]
async fn doors() {
    let server = server(Some("models: [m]\nkey: right\nrules: []"));
    let body = conversation().to_string();
    let other = changed(&conversation(), "/model", json!("n")).to_string();
    let right = ("authorization", "Bearer right");
    for (method, path, headers, body, status, code) in [
        ("POST", PATH, &[][..], body.as_str(), 401, None),
        ("POST", PATH, &[("authorization", "Bearer wrong")], &body, 401, Some("invalid_api_key")),
        ("POST", PATH, &[right], "[]", 400, None),
        ("POST", PATH, &[right, ("content-encoding", "br")], &body, 415, None),
        ("POST", PATH, &[right], &other, 404, Some("model_not_found")),
        ("POST", "/v1/completions", &[right], "{}", 404, None),
        ("POST", PATH, &[right], &body, 200, None),
        ("GET", "/v1/models", &[right], "", 200, None),
    ] {
        let answer = ask(&server, method, path, headers, body).await;
        assert_eq!(answer.status, status, "{method} {path} {headers:?}: {}", answer.text());
        assert_eq!(answer.json()["error"]["code"].as_str(), code, "{method} {path}");
    }
}

#[tokio::test]
async fn a_stream_and_a_whole_reply_say_the_same() {
    let script = "rules:\n- steps:\n  - thoughts: hm\n  - text: Let me see.\n  - tool_call: {name: get, input: {a: 1}}\n  - tool_call: {name: write, input: free text}\n  - usage: {input_tokens: 7, output_tokens: 9}";
    let server = server(Some(script));
    let body = json!({
        "model": "m", "messages": [{ "role": "user", "content": "go" }],
        "tools": [{ "type": "custom", "custom": { "name": "write" } }],
    });
    let whole = post(&server, Provider::Chat, PATH, &body).await.json();
    let message = &whole["choices"][0]["message"];
    assert_eq!((&message["content"], &message["reasoning_content"]), (&json!("Let me see."), &json!("hm")));
    assert_eq!(message["tool_calls"][0]["function"], json!({ "name": "get", "arguments": "{\"a\":1}" }));
    assert_eq!(message["tool_calls"][1]["custom"], json!({ "name": "write", "input": "free text" }));
    assert_eq!(
        (&whole["object"], &whole["choices"][0]["finish_reason"]),
        (&json!("chat.completion"), &json!("tool_calls"))
    );
    assert_eq!(whole["usage"]["total_tokens"], 16);

    let streamed =
        changed(&changed(&body, "/stream", json!(true)), "/stream_options", json!({ "include_usage": true }));
    let events = post(&server, Provider::Chat, PATH, &streamed).await.events();
    let (_, done) = events.last().expect("events");
    assert_eq!(done, "[DONE]");
    let usage = &events[events.len() - 2].1;
    assert_eq!((&usage["choices"], &usage["usage"]["total_tokens"]), (&json!([]), &json!(16)));
    let chunks = &events[..events.len() - 2];
    assert!(chunks.iter().all(|(_, chunk)| chunk["object"] == "chat.completion.chunk" && chunk["usage"].is_null()));
    assert_eq!(chunks[0].1["choices"][0]["delta"]["role"], "assistant");
    let text: String = chunks.iter().filter_map(|(_, c)| c["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "Let me see.");
    let calls = chunks.iter().filter_map(|(_, c)| c["choices"][0]["delta"]["tool_calls"].get(0));
    let arguments: String =
        calls.clone().filter(|c| c["index"] == 0).filter_map(|c| c["function"]["arguments"].as_str()).collect();
    assert_eq!(arguments, "{\"a\":1}");
    let first = calls.clone().find(|c| c["index"] == 1).expect("the second call");
    assert_eq!((&first["type"], &first["custom"]["name"]), (&json!("custom"), &json!("write")));

    let failing = server_that_fails_amid();
    let events = post(&failing, Provider::Chat, PATH, &changed(&body, "/stream", json!(true))).await.events();
    assert_eq!(events.last().map(|(_, data)| &data["error"]["type"]), Some(&json!("server_error")));
}

fn server_that_fails_amid() -> axum::Router {
    server(Some("rules:\n- steps:\n  - text: Half a\n  - error: {status: 500}"))
}

//! generateContent: what is refused and in which words, and what a reply looks like.

use serde_json::{Value, json};

use crate::{
    talk::Provider,
    testing::{ask, changed, keys, post, server},
};

const PATH: &str = "/v1beta/models/g:generateContent";
const STREAM: &str = "/v1beta/models/g:streamGenerateContent";

/// A conversation with two calls and their responses, all in order.
fn conversation() -> Value {
    let call = json!({ "functionCall": { "name": "get", "args": {} } });
    let response = json!({ "functionResponse": { "name": "get", "response": { "output": "42" } } });
    json!({
        "systemInstruction": { "parts": [{ "text": "Be brief." }] },
        "tools": [{ "functionDeclarations": [{ "name": "get", "parameters": { "type": "OBJECT" } }] }],
        "contents": [
            { "role": "user", "parts": [{ "text": "hello" }] },
            { "role": "model", "parts": [{ "text": "hm", "thought": true }, call, call] },
            { "role": "user", "parts": [response, response] },
        ],
    })
}

#[tokio::test]
async fn refusals() {
    let server = server(None);
    let good = post(&server, Provider::Gemini, PATH, &conversation()).await;
    assert_eq!(good.status, 200, "{}", good.text());
    let after = "Please ensure that function response turn comes immediately after a function call turn.";
    for (place, value, words) in [
        ("/contents", json!(null), "* GenerateContentRequest.contents: contents is not specified\n"),
        ("/contents", json!([]), "* GenerateContentRequest.contents: contents is not specified\n"),
        ("/contents/0/role", json!("assistant"), "Please use a valid role: user, model."),
        ("/contents/0/role", json!("system"), "Please use a valid role: user, model."),
        (
            "/contents/0/parts",
            json!([]),
            "* GenerateContentRequest.contents[0].parts: contents.parts must not be empty.\n",
        ),
        (
            "/contents/0/parts/0",
            json!({ "thought": true }),
            "contents[0].parts[0].data: required oneof field 'data' must have one initialized field",
        ),
        (
            "/contents/0/parts/0",
            json!({ "sound": 1 }),
            "Invalid JSON payload received. Unknown name \"sound\" at 'contents[0].parts[0]': Cannot find field.",
        ),
        ("/contents/0/parts/0", json!({ "text": "a", "inline_data": {} }), "oneof field 'data' is already set"),
        ("/contents/0/parts/0/text", json!(3), "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), 3"),
        (
            "/contents/0",
            json!(null),
            "Please ensure that function call turn comes immediately after a user turn or after a function response turn.",
        ),
        (
            "/contents/1/parts/1/functionCall/name",
            json!(""),
            "contents[1].parts[1].function_call.name: Name cannot be empty.",
        ),
        ("/contents/1", json!(null), after),
        ("/contents/1/parts", json!([{ "text": "no calls" }]), after),
        ("/contents/2/parts/0/functionResponse/name", json!("put"), after),
        (
            "/contents/2/parts/0/functionResponse/response",
            json!("42"),
            "(type.googleapis.com/google.protobuf.Struct), \"42\"",
        ),
        (
            "/contents/2/parts/1",
            json!(null),
            "the number of function response parts is equal to the number of function call parts",
        ),
        ("/contents/2/parts", json!([{ "text": "no responses" }]), "the number of function response parts is equal"),
        (
            "/contents/2",
            json!(null),
            "Please ensure that multiturn requests end with a user turn or a function response.",
        ),
        (
            "/tools/0/functionDeclarations/0/name",
            json!("1 x"),
            "Invalid function name. Must start with a letter or an underscore.",
        ),
        ("/tools/0/functionDeclarations/1", json!({ "name": "get" }), "Duplicate function declaration found: get"),
        (
            "/toolConfig",
            json!({ "functionCallingConfig": { "mode": "ANY", "allowedFunctionNames": ["put"] } }),
            "allowed_function_names should be a subset",
        ),
    ] {
        let answer = post(&server, Provider::Gemini, PATH, &changed(&conversation(), place, value)).await;
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status.as_u16(), &error["status"], &error["code"]),
            (400, &json!("INVALID_ARGUMENT"), &json!(400)),
            "{place}: {error}"
        );
        let message = error["message"].as_str().unwrap_or_default();
        assert!(message.contains(words), "{place}: {message}");
    }
}

#[tokio::test]
async fn doors() {
    let server = server(Some("models: [g]\nkey: right\nrules: []"));
    let body = conversation().to_string();
    let key = ("x-goog-api-key", "right");
    for (method, path, headers, body, status, kind) in [
        ("POST", PATH, &[][..], body.as_str(), 403, "PERMISSION_DENIED"),
        ("POST", PATH, &[("x-goog-api-key", "wrong")], &body, 400, "INVALID_ARGUMENT"),
        ("POST", PATH, &[key], "{", 400, "INVALID_ARGUMENT"),
        ("POST", "/v1beta/models/h:generateContent", &[key], &body, 404, "NOT_FOUND"),
        ("POST", "/v1beta/models/g:generateContent?key=right", &[], &body, 200, ""),
        ("POST", "/v1beta/models/g:countTokens", &[key], &body, 200, ""),
        ("GET", "/v1beta/models", &[key], "", 200, ""),
        ("GET", "/v1beta/models/g", &[key], "", 200, ""),
    ] {
        let answer = ask(&server, method, path, headers, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert_eq!(answer.json()["error"]["status"].as_str().unwrap_or_default(), kind, "{method} {path}");
    }
    let seen = ask(&server, "GET", "/_mock/conversations", &[], "").await.text();
    assert!(seen.contains("?key=***") && !seen.contains("right"), "a key is shown: {seen}");
}

#[tokio::test]
async fn streams_and_whole_replies_say_the_same() {
    let script = "rules:\n- steps:\n  - thoughts: hm\n  - text: Let me see.\n  - tool_call: {name: get, input: {a: 1}}\n  - usage: {input_tokens: 7, output_tokens: 9, thought_tokens: 2}";
    let server = server(Some(script));
    let body = json!({ "contents": [{ "parts": [{ "text": "go" }] }] });
    let whole = post(&server, Provider::Gemini, PATH, &body).await.json();
    let parts = &whole["candidates"][0]["content"]["parts"];
    assert_eq!((&parts[0], &parts[1]), (&json!({ "text": "hm", "thought": true }), &json!({ "text": "Let me see." })));
    assert_eq!(parts[2]["functionCall"], json!({ "name": "get", "args": { "a": 1 } }));
    assert!(parts[2]["thoughtSignature"].is_string());
    let usage = &whole["usageMetadata"];
    assert_eq!(
        (&usage["candidatesTokenCount"], &usage["thoughtsTokenCount"], &usage["totalTokenCount"]),
        (&json!(7), &json!(2), &json!(16))
    );

    let events = post(&server, Provider::Gemini, &format!("{STREAM}?alt=sse"), &body).await.events();
    let events: Vec<Value> = events.into_iter().map(|(_, data)| data).collect();
    let list = post(&server, Provider::Gemini, STREAM, &body).await;
    assert_eq!(list.header("content-type"), "application/json; charset=UTF-8");
    for stream in [events, list.json().as_array().expect("a list").clone()] {
        let text = |thought: bool| -> String {
            let parts = stream.iter().map(|chunk| &chunk["candidates"][0]["content"]["parts"][0]);
            parts.filter(|part| (part["thought"] == true) == thought).filter_map(|part| part["text"].as_str()).collect()
        };
        assert_eq!((text(true), text(false)), ("hm".to_owned(), "Let me see.".to_owned()));
        let finished: Vec<bool> = stream.iter().map(|chunk| chunk["candidates"][0]["finishReason"] == "STOP").collect();
        assert_eq!(finished.iter().filter(|f| **f).count(), 1);
        assert_eq!((finished.last(), &stream.last().expect("one")["usageMetadata"]), (Some(&true), usage));
        assert!(
            stream.iter().any(|chunk| chunk["candidates"][0]["content"]["parts"][0]["functionCall"]["name"] == "get")
        );
    }
}

#[tokio::test]
async fn a_failure_keeps_the_framing() {
    let server = server(Some("rules:\n- steps:\n  - text: a b\n  - error: {status: 503, message: busy}"));
    let body = json!({ "contents": [{ "parts": [{ "text": "go" }] }] });
    let list = post(&server, Provider::Gemini, STREAM, &body).await.json();
    assert_eq!(list[2]["error"], json!({ "code": 503, "message": "busy", "status": "UNAVAILABLE" }));
    let whole = ask(&server, "POST", PATH, keys(Provider::Gemini), &body.to_string()).await;
    assert_eq!(whole.status, 503);
}

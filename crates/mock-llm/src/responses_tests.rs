//! Responses: what is refused and in which words, and what a reply looks like.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::{
    talk::Provider,
    testing::{ask, changed, keys, post, server},
};

const PATH: &str = "/v1/responses";

/// A conversation with a thought, a call and its output, all in order.
fn conversation() -> Value {
    json!({
        "model": "m", "instructions": "Be brief.",
        "tools": [{ "type": "function", "name": "get", "parameters": { "type": "object" } }],
        "input": [
            { "role": "user", "content": [{ "type": "input_text", "text": "hello" }] },
            { "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": "hm" }] },
            { "type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "get", "arguments": "{}" },
            { "type": "function_call_output", "call_id": "call_1", "output": "42" },
        ],
    })
}

#[tokio::test]
async fn refusals() {
    let server = server(None);
    let good = post(&server, Provider::Responses, PATH, &conversation()).await;
    assert_eq!(good.status, 200, "{}", good.text());
    let output = |kind: &str, id: &str| json!({ "type": kind, "call_id": id, "output": "x" });
    let call = |id: &str, call: &str| json!({ "type": "function_call", "id": id, "call_id": call, "name": "get", "arguments": "{}" });
    let shell = json!({ "type": "local_shell_call", "id": "lsh_1", "call_id": "call_3", "status": "completed", "action": { "type": "exec", "command": ["ls"], "env": {} } });
    let custom = json!({ "type": "custom_tool_call", "call_id": "call_4", "name": "edit", "input": "x" });
    let input = Some("input");
    let missing = Some("missing_required_parameter");
    for (place, value, words, param, code) in [
        ("/model", json!(null), "Missing required parameter: 'model'.", Some("model"), missing),
        ("/input", json!(null), "One of \"input\" or \"previous_response_id\"", None, missing),
        (
            "/input",
            json!(3),
            "Invalid type for 'input': expected one of a string or array of objects, but got an integer instead.",
            input,
            Some("invalid_type"),
        ),
        (
            "/previous_response_id",
            json!("resp_9"),
            "Previous response with id 'resp_9' not found.",
            Some("previous_response_id"),
            Some("previous_response_not_found"),
        ),
        (
            "/input/0/role",
            json!("robot"),
            "Invalid value: 'robot'. Supported values are: 'assistant', 'system', 'developer', and 'user'.",
            Some("input[0].role"),
            Some("invalid_value"),
        ),
        ("/input/0/role", json!(null), "Missing required parameter: 'input[0].type'.", Some("input[0].type"), missing),
        (
            "/input/0/content",
            json!(null),
            "Missing required parameter: 'input[0].content'.",
            Some("input[0].content"),
            missing,
        ),
        (
            "/input/0/content/0/type",
            json!("output_text"),
            "Invalid value: 'output_text'. Supported values are: 'input_text', 'input_image', 'input_file', and 'input_audio'.",
            Some("input[0].content[0]"),
            Some("invalid_value"),
        ),
        (
            "/input/0",
            json!({ "role": "assistant", "content": [{ "type": "input_text", "text": "x" }] }),
            "Invalid value: 'input_text'. Supported values are: 'output_text' and 'refusal'.",
            Some("input[0].content[0]"),
            Some("invalid_value"),
        ),
        (
            "/input/0",
            json!({ "type": "song" }),
            "Invalid value: 'song'. Supported values are: 'message'",
            Some("input[0].type"),
            Some("invalid_value"),
        ),
        (
            "/input/2/id",
            json!("call_1"),
            "Invalid 'input[2].id': 'call_1'. Expected an ID that begins with 'fc'.",
            Some("input[2].id"),
            Some("invalid_value"),
        ),
        (
            "/input/2/call_id",
            json!(null),
            "Missing required parameter: 'input[2].call_id'.",
            Some("input[2].call_id"),
            missing,
        ),
        (
            "/input/2/arguments",
            json!(null),
            "Missing required parameter: 'input[2].arguments'.",
            Some("input[2].arguments"),
            missing,
        ),
        (
            "/input/3/output",
            json!(null),
            "Missing required parameter: 'input[3].output'.",
            Some("input[3].output"),
            missing,
        ),
        (
            "/input/3/call_id",
            json!("call_9"),
            "No tool call found for function call output with call_id call_9.",
            input,
            None,
        ),
        (
            "/input/4",
            output("custom_tool_call_output", "call_1"),
            "No tool call found for custom tool call output with call_id call_1.",
            input,
            None,
        ),
        ("/input/3", json!(null), "No tool output found for function call call_1.", input, None),
        ("/input/4", call("fc_2", "call_2"), "No tool output found for function call call_2.", input, None),
        ("/input/4", shell, "No tool output found for local shell call call_3.", input, None),
        ("/input/4", custom, "No tool output found for custom tool call call_4.", input, None),
        ("/input/4", call("fc_1", "call_2"), "Duplicate item found with id fc_1.", input, None),
        ("/input/4", call("fc_2", "call_1"), "Duplicate call_id found in input: call_1.", input, None),
        (
            "/input/4",
            output("function_call_output", "call_1"),
            "Multiple tool outputs found for function call with call_id call_1.",
            input,
            None,
        ),
        (
            "/input/2",
            json!({ "role": "user", "content": "x" }),
            "Item 'rs_1' of type 'reasoning' was provided without its required following item.",
            input,
            None,
        ),
        (
            "/temperature",
            json!(-1),
            "Invalid 'temperature': decimal below minimum value.",
            Some("temperature"),
            Some("decimal_below_min_value"),
        ),
        ("/tools/0/name", json!(null), "Missing required parameter: 'tools[0].name'.", Some("tools[0].name"), missing),
        ("/tools/0/name", json!("a.b"), "string does not match pattern", Some("tools[0].name"), Some("invalid_value")),
        (
            "/tools/0/type",
            json!("magic"),
            "Invalid value: 'magic'. Supported values are: 'function'",
            Some("tools[0].type"),
            Some("invalid_value"),
        ),
        (
            "/tool_choice",
            json!({ "type": "function", "name": "put" }),
            "Tool choice 'put' not found in 'tools' parameter.",
            Some("tool_choice"),
            None,
        ),
        (
            "/text",
            json!({ "format": { "type": "json_schema", "schema": {} } }),
            "Missing required parameter: 'text.format.name'.",
            Some("text.format.name"),
            missing,
        ),
    ] {
        let answer = post(&server, Provider::Responses, PATH, &changed(&conversation(), place, value)).await;
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status.as_u16(), &error["type"]),
            (400, &json!("invalid_request_error")),
            "{place}: {error}"
        );
        let message = error["message"].as_str().unwrap_or_default();
        assert!(message.contains(words), "{place}: {message}");
        assert_eq!((error["param"].as_str(), error["code"].as_str()), (param, code), "{place}");
    }
    let nobody = ask(&server, "POST", PATH, &[], &conversation().to_string()).await;
    assert_eq!(nobody.status, 401);
    assert!(nobody.text().contains("You didn't provide an API key."));
}

#[tokio::test]
async fn a_stream_and_a_whole_reply_say_the_same() {
    let script = "rules:\n- steps:\n  - thoughts: hm\n  - text: Let me see.\n  - tool_call: {name: get, input: {a: 1}}\n  - tool_call: {name: edit, input: 'a b'}\n  - shell: ls";
    let server = server(Some(script));
    let body = json!({
        "model": "m", "input": "go", "include": ["reasoning.encrypted_content"],
        "tools": [{ "type": "custom", "name": "edit" }, { "type": "local_shell" }],
    });
    let whole = post(&server, Provider::Responses, PATH, &body).await.json();
    let kinds: Vec<&str> =
        whole["output"].as_array().expect("items").iter().filter_map(|i| i["type"].as_str()).collect();
    assert_eq!(kinds, ["reasoning", "message", "function_call", "custom_tool_call", "local_shell_call"]);
    assert!(whole["output"][0]["encrypted_content"].is_string());
    assert_eq!(whole["output"][1]["content"][0]["text"], "Let me see.");
    assert_eq!(whole["output"][2]["arguments"], "{\"a\":1}");
    assert_eq!(whole["output"][3]["input"], "a b");
    assert_eq!(whole["output"][4]["action"], json!({ "type": "exec", "command": ["bash", "-lc", "ls"], "env": {} }));

    let events = post(&server, Provider::Responses, PATH, &changed(&body, "/stream", json!(true))).await.events();
    let kinds: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    let expected = "response.created response.in_progress \
        response.output_item.added response.reasoning_summary_part.added response.reasoning_summary_text.delta \
        response.reasoning_summary_text.done response.reasoning_summary_part.done response.output_item.done \
        response.output_item.added response.content_part.added response.output_text.delta response.output_text.delta \
        response.output_text.delta response.output_text.done response.content_part.done response.output_item.done \
        response.output_item.added response.function_call_arguments.delta response.function_call_arguments.delta \
        response.function_call_arguments.done response.output_item.done \
        response.output_item.added response.custom_tool_call_input.delta response.custom_tool_call_input.delta \
        response.custom_tool_call_input.done response.output_item.done \
        response.output_item.added response.output_item.done response.completed";
    assert_eq!(kinds, expected.split_whitespace().collect::<Vec<_>>());
    for (at, (name, data)) in events.iter().enumerate() {
        assert_eq!((&data["type"], &data["sequence_number"]), (&json!(name), &json!(at)));
    }
    let last = &events.last().expect("events").1["response"];
    let done: Vec<&Value> =
        events.iter().filter(|(name, _)| name == "response.output_item.done").map(|(_, d)| &d["item"]).collect();
    assert_eq!(last["output"].as_array().expect("items").iter().collect::<Vec<_>>(), done);

    let ids = |response: &Value| -> Vec<String> {
        let items = response["output"].as_array().expect("items").iter();
        items.map(|item| item["id"].to_string()).chain([response["id"].to_string()]).collect()
    };
    let all: Vec<String> = ids(&whole).into_iter().chain(ids(last)).collect();
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len(), "an id came twice: {all:?}");
}

#[tokio::test]
async fn a_reply_can_be_referred_to() {
    let server = server(None);
    let first =
        post(&server, Provider::Responses, PATH, &json!({ "model": "m", "input": "my name is Ada" })).await.json();
    let id = first["id"].as_str().expect("an id");
    let next = json!({ "model": "m", "previous_response_id": id, "input": "RECALL" });
    let second = post(&server, Provider::Responses, PATH, &next).await.json();
    assert_eq!(second["output"][0]["content"][0]["text"], "you said before: my name is Ada");
    assert_eq!(second["previous_response_id"], id);

    let item = json!({ "type": "item_reference", "id": first["output"][0]["id"] });
    let referring = json!({ "model": "m", "input": [{ "role": "user", "content": "a" }, item, { "role": "user", "content": "b" }] });
    assert_eq!(post(&server, Provider::Responses, PATH, &referring).await.status, 200);

    let one = format!("{PATH}/{id}");
    let key = keys(Provider::Responses);
    assert_eq!(ask(&server, "GET", &one, key, "").await.json(), first);
    assert_eq!(ask(&server, "DELETE", &one, key, "").await.json()["deleted"], true);
    assert_eq!(ask(&server, "GET", &one, key, "").await.status, 404);

    let forgotten =
        post(&server, Provider::Responses, PATH, &json!({ "model": "m", "input": "x", "store": false })).await.json();
    let next = json!({ "model": "m", "previous_response_id": forgotten["id"], "input": "y" });
    assert_eq!(post(&server, Provider::Responses, PATH, &next).await.status, 400);
}

#[tokio::test]
async fn tools_may_be_added_on_the_way() {
    let server = server(None);
    let added = json!([{ "type": "namespace", "name": "functions", "tools": [{ "type": "custom", "name": "bash" }] }]);
    let input = json!([
        { "type": "additional_tools", "id": "at_1", "role": "developer", "tools": added },
        { "role": "user", "content": "TOOL: ls" },
    ]);
    let reply = post(&server, Provider::Responses, PATH, &json!({ "model": "m", "input": input })).await.json();
    assert_eq!((&reply["output"][0]["type"], &reply["output"][0]["input"]), (&json!("custom_tool_call"), &json!("ls")));
}

#[tokio::test]
async fn failures_and_limits() {
    let script = "rules:\n- match: {user: amid}\n  steps:\n  - text: Half a\n  - error: {status: 500, message: lost}\n\
        - steps:\n  - text: Half a\n  - stop_reason: max_tokens";
    let server = server(Some(script));
    let body = |text: &str| json!({ "model": "m", "stream": true, "input": text });
    let events = post(&server, Provider::Responses, PATH, &body("amid")).await.events();
    let [.., (error, data), (failed, response)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(
        (error.as_str(), data["message"].as_str(), data["code"].as_str()),
        ("error", Some("lost"), Some("server_error"))
    );
    assert_eq!((failed.as_str(), &response["response"]["status"]), ("response.failed", &json!("failed")));
    let events = post(&server, Provider::Responses, PATH, &body("limit")).await.events();
    let (last, data) = events.last().expect("events");
    assert_eq!(
        (last.as_str(), &data["response"]["incomplete_details"]["reason"]),
        ("response.incomplete", &json!("max_output_tokens"))
    );
}

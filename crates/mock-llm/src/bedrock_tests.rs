//! Converse: what is refused and in which words, and what a reply looks like.

use serde_json::{Value, json};

use crate::{
    talk::Provider,
    testing::{ask, changed, post, server},
};

const PATH: &str = "/model/m/converse";
const STREAM: &str = "/model/m/converse-stream";

fn call(id: &str) -> Value {
    json!({ "toolUse": { "toolUseId": id, "name": "get", "input": {} } })
}

fn result(id: &str) -> Value {
    json!({ "toolResult": { "toolUseId": id, "content": [{ "text": "42" }] } })
}

/// A conversation with a call and its result, all in order.
fn conversation() -> Value {
    json!({
        "system": [{ "text": "Be brief." }],
        "toolConfig": { "tools": [{ "toolSpec": { "name": "get", "inputSchema": { "json": { "type": "object" } } } }] },
        "messages": [
            { "role": "user", "content": [{ "text": "hello" }] },
            { "role": "assistant", "content": [call("t_1")] },
            { "role": "user", "content": [result("t_1")] },
        ],
    })
}

#[tokio::test]
async fn refusals() {
    let server = server(None);
    let good = post(&server, Provider::Bedrock, PATH, &conversation()).await;
    assert_eq!(good.status, 200, "{}", good.text());
    for (place, value, words) in [
        ("/messages", json!(null), "A conversation must start with a user message."),
        ("/messages", json!([]), "A conversation must start with a user message."),
        ("/messages/0", json!(null), "A conversation must start with a user message."),
        (
            "/messages/0/role",
            json!("system"),
            "Value 'system' at 'messages.1.member.role' failed to satisfy constraint: Member must satisfy enum value set: [user, assistant]",
        ),
        (
            "/messages/0/role",
            json!(null),
            "Value null at 'messages.1.member.role' failed to satisfy constraint: Member must not be null",
        ),
        ("/messages/0/content", json!(null), "Value null at 'messages.1.member.content'"),
        ("/messages/0/content", json!([]), "The content field in the Message object at messages.0 is empty."),
        (
            "/messages/0/content",
            json!([{ "text": " " }]),
            "The text field in the ContentBlock object at messages.0.content.0 is blank.",
        ),
        (
            "/messages/0/content",
            json!([{}]),
            "The ContentBlock object at messages.0.content.0 must set one of the following keys",
        ),
        ("/messages/0/content", json!([{ "sound": {} }]), "must set one of the following keys"),
        ("/messages/0/content", json!([call("t_0")]), "User messages cannot contain toolUse blocks."),
        (
            "/messages/0/content",
            json!([result("t_0")]),
            "The number of toolResult blocks at messages.0.content exceeds the number of toolUse blocks of previous turn.",
        ),
        ("/messages/1/content/0/toolUse/input", json!("x"), "Provide a json object for the field"),
        ("/messages/1/content/1", call("t_1"), "The toolUse blocks at messages.1.content contain duplicate Ids: t_1"),
        (
            "/messages/1/content/1",
            call("t_2"),
            "Expected toolResult blocks at messages.2.content for the following Ids: t_2",
        ),
        ("/messages/1", json!(null), "A conversation must alternate between user and assistant roles."),
        (
            "/messages/2/content",
            json!([{ "text": "no" }]),
            "Expected toolResult blocks at messages.2.content for the following Ids: t_1",
        ),
        ("/messages/2", json!(null), "Expected toolResult blocks at messages.2.content for the following Ids: t_1"),
        (
            "/messages/2/content/1",
            result("t_1"),
            "The toolResult blocks at messages.2.content contain duplicate Ids: t_1",
        ),
        ("/messages/2/content/1", result("t_9"), "The number of toolResult blocks at messages.2.content exceeds"),
        (
            "/toolConfig",
            json!(null),
            "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
        ),
        (
            "/toolConfig/tools/0/toolSpec/name",
            json!("a b"),
            "at 'toolConfig.tools.1.member.toolSpec.name' failed to satisfy constraint",
        ),
        (
            "/toolConfig/tools/0/toolSpec/inputSchema",
            json!({ "json": {} }),
            "inputSchema.json.type must be one of the following: object.",
        ),
        ("/system/0/text", json!(""), "The text field in the SystemContentBlock object at system.0 is blank."),
        ("/inferenceConfig", json!({ "maxTokens": 0 }), "Member must have value greater than or equal to 1"),
        ("/inferenceConfig", json!({ "temperature": 1.5 }), "Member must have value less than or equal to 1"),
    ] {
        let answer = post(&server, Provider::Bedrock, PATH, &changed(&conversation(), place, value)).await;
        let body = answer.json();
        assert_eq!(
            (answer.status.as_u16(), answer.header("x-amzn-errortype")),
            (400, "ValidationException"),
            "{place}: {body}"
        );
        let message = body["message"].as_str().unwrap_or_default();
        assert!(message.contains(words), "{place}: {message}");
    }
    let body = conversation().to_string();
    for (headers, kind) in [
        (&[][..], "MissingAuthenticationTokenException"),
        (&[("authorization", "AWS4-HMAC-SHA256 nothing")][..], "IncompleteSignatureException"),
    ] {
        let answer = ask(&server, "POST", PATH, headers, &body).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-amzn-errortype")), (403, kind));
    }
    let signed =
        "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=00";
    assert_eq!(ask(&server, "POST", PATH, &[("authorization", signed)], &body).await.status, 200);
}

/// The headers and the payload of each frame; checksums are checked.
fn frames(mut bytes: &[u8]) -> Vec<(Vec<(String, String)>, Value)> {
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes[..4].try_into().expect("four bytes"));
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let (length, head) = (number(bytes) as usize, number(&bytes[4..]) as usize);
        assert_eq!(number(&bytes[8..]), crc32fast::hash(&bytes[..8]), "the prelude's checksum");
        assert_eq!(number(&bytes[length - 4..]), crc32fast::hash(&bytes[..length - 4]), "the frame's checksum");
        let (mut rest, mut headers) = (&bytes[12..12 + head], Vec::new());
        while let Some((size, tail)) = rest.split_first() {
            let (name, tail) = tail.split_at(usize::from(*size));
            assert_eq!(tail[0], 7, "a text");
            let size = usize::from(u16::from_be_bytes([tail[1], tail[2]]));
            let (value, tail) = tail[3..].split_at(size);
            headers.push((String::from_utf8_lossy(name).into_owned(), String::from_utf8_lossy(value).into_owned()));
            rest = tail;
        }
        frames.push((headers, serde_json::from_slice(&bytes[12 + head..length - 4]).expect("JSON")));
        bytes = &bytes[length..];
    }
    frames
}

fn header<'a>(frame: &'a (Vec<(String, String)>, Value), name: &str) -> &'a str {
    frame.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

#[tokio::test]
async fn a_stream_and_a_whole_reply_say_the_same() {
    let script = "rules:\n- steps:\n  - thoughts: hm\n  - text: Let me see.\n  - tool_call: {name: get, input: {a: 1}}\n  - usage: {input_tokens: 7, output_tokens: 9}";
    let server = server(Some(script));
    let body = json!({ "messages": [{ "role": "user", "content": [{ "text": "go" }] }] });
    let whole = post(&server, Provider::Bedrock, PATH, &body).await.json();
    let content = &whole["output"]["message"]["content"];
    assert_eq!(content[0]["reasoningContent"]["reasoningText"]["text"], "hm");
    assert_eq!(content[1], json!({ "text": "Let me see." }));
    assert_eq!((&content[2]["toolUse"]["input"], &whole["stopReason"]), (&json!({ "a": 1 }), &json!("tool_use")));

    let answer = post(&server, Provider::Bedrock, STREAM, &body).await;
    assert_eq!(answer.header("content-type"), "application/vnd.amazon.eventstream");
    let frames = frames(&answer.bytes);
    let kinds: Vec<&str> = frames.iter().map(|frame| header(frame, ":event-type")).collect();
    let expected = "messageStart contentBlockDelta contentBlockDelta contentBlockStop \
        contentBlockDelta contentBlockDelta contentBlockDelta contentBlockStop \
        contentBlockStart contentBlockDelta contentBlockDelta contentBlockStop messageStop metadata";
    assert_eq!(kinds, expected.split_whitespace().collect::<Vec<_>>());
    assert!(frames.iter().all(|frame| header(frame, ":message-type") == "event"));
    let text: String = frames.iter().filter_map(|(_, data)| data["delta"]["text"].as_str()).collect();
    let input: String = frames.iter().filter_map(|(_, data)| data["delta"]["toolUse"]["input"].as_str()).collect();
    assert_eq!((text.as_str(), input.as_str()), ("Let me see.", "{\"a\":1}"));
    assert_eq!(frames.last().expect("frames").1["usage"], whole["usage"]);
}

#[tokio::test]
async fn a_failure_in_mid_stream_is_an_exception() {
    let server = server(Some("rules:\n- steps:\n  - text: a\n  - error: {status: 429, message: slower}"));
    let body = json!({ "messages": [{ "role": "user", "content": [{ "text": "go" }] }] });
    let frames = frames(&post(&server, Provider::Bedrock, STREAM, &body).await.bytes);
    let last = frames.last().expect("frames");
    assert_eq!((header(last, ":message-type"), header(last, ":exception-type")), ("exception", "throttlingException"));
    assert_eq!(last.1, json!({ "message": "slower" }));
    let whole = post(&server, Provider::Bedrock, PATH, &body).await;
    assert_eq!((whole.status.as_u16(), whole.header("x-amzn-errortype")), (429, "ThrottlingException"));
}

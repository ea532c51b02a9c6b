use serde_json::{Value, json};

use super::*;
use crate::event::EventData;

const TURN: &str = "trn_0193a1b2c3d47e5f8a9b0c1d2e3f4a5b";

fn event(body: &Value) -> Event {
    let mut body = body.clone();
    body["turn"] = TURN.into();
    Event {
        session: "ses_0193a1b2c3d47e5f8a9b0c1d2e3f4a5b".parse().unwrap(),
        seq: 1,
        pos: 1,
        at: crate::Timestamp::UNIX_EPOCH,
        index: None,
        data: EventData::from_json(&body.to_string()).unwrap(),
    }
}

fn text(events: &[Value]) -> String {
    let mut markdown = Markdown::default();
    let mut text: String = events.iter().map(|body| markdown.event(&event(body))).collect();
    text += &markdown.end();
    text
}

fn says(channel: &str, text: &str) -> Value {
    let message = "msg_0193a1b2c3d47e5f8a9b0c1d2e3f4a5b";
    json!({ "type": "message_appended", "message": message, "role": "agent", "channel": channel,
        "content": { "type": "text", "text": text } })
}

#[test]
fn a_turn_reads_as_it_went() {
    let tool = |more: Value| {
        let mut call = json!({ "id": "t1", "kind": "execute", "title": "cargo test" });
        call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "type": "tool_call_updated", "tool_call": call })
    };
    let output = json!([{ "type": "content", "content": { "type": "text", "text": "a ``` fence\nok" } }]);
    let read = text(&[
        json!({ "type": "turn_queued", "content": [{ "type": "text", "text": "mend it\n\nall of it" }] }),
        json!({ "type": "turn_started", "number": 1 }),
        says("thought", "hmm, "),
        says("thought", "let me see"),
        says("answer", "I'll "),
        says("answer", "run it."),
        tool(json!({ "status": "in_progress" })),
        tool(json!({ "status": "completed", "content": output })),
        says("answer", "Done."),
        json!({ "type": "turn_ended", "stop_reason": "end_turn" }),
    ]);
    let expected = "
## Turn 1

> mend it
>
> all of it

<details><summary>Thought</summary>

hmm, let me see

</details>

I'll run it.

**execute** cargo test: completed

````text
a ``` fence
ok
````

Done.

*Turn 1 ended: end turn.*
";
    assert_eq!(read, expected);
}

#[test]
fn what_is_long_is_shortened_and_what_is_open_is_told_at_the_end() {
    let long: Vec<String> = (1..=100).map(|n| format!("line {n}")).collect();
    let output = json!([{ "type": "content", "content": { "type": "text", "text": long.join("\n") } }]);
    let call = json!({ "id": "t1", "title": "long", "status": "in_progress", "content": output });
    let read = text(&[json!({ "type": "tool_call_updated", "tool_call": call })]);
    assert!(read.contains("line 5\n... 75 lines left out\nline 81\n"), "{read}");
    assert!(read.contains("**tool** long: in progress"), "{read}");
}

#[test]
fn a_log_of_a_newer_version_is_passed_over() {
    assert_eq!(text(&[json!({ "type": "something_newer", "x": 1 })]), "");
}

#[test]
fn output_that_an_agent_gives_raw_alone_is_told_and_bounded() {
    let call = |raw: Value| {
        json!({ "type": "tool_call_updated", "tool_call": {
            "id": "t1", "kind": "execute", "title": "ls", "status": "completed", "raw_output": raw } })
    };
    let read = text(&[call(json!({ "exit_code": 0, "formatted_output": "a.txt\nb.txt\n" }))]);
    assert!(read.contains("**execute** ls: completed\n\n```text\na.txt\nb.txt\n```\n"), "{read}");
    let read = text(&[call(json!("x".repeat(10_000)))]);
    assert!(read.contains("x ... 9500 more characters\n") && read.len() < 700, "{read}");
    let many: String = (0..1_000).map(|n| format!("line {n}\n")).collect();
    let read = text(&[call(json!(many))]);
    assert!(read.contains("... 975 lines left out\nline 980\n"), "{read}");
}

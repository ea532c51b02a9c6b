use serde_json::json;

use super::*;

fn read(value: &Value) -> Update {
    let raw: Box<RawValue> = serde_json::value::to_raw_value(value).unwrap();
    Update::of(&raw).unwrap()
}

#[test]
fn reads_chunks() {
    let chunk =
        json!({"sessionUpdate": "agent_thought_chunk", "content": {"type": "text", "text": "ä\n"}, "messageId": "m"});
    let expected = Update::Chunk {
        role: Role::Agent,
        channel: Channel::Thought,
        message: Some("m".to_owned()),
        content: ContentBlock::text("ä\n"),
    };
    assert_eq!(read(&chunk), expected);
    let image = json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "image", "data": "AA==", "mimeType": "image/png"}});
    assert!(matches!(read(&image), Update::Chunk { content: ContentBlock::Image { .. }, .. }));
    let odd = json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "hologram", "x": 1}});
    assert!(matches!(read(&odd), Update::Chunk { content: ContentBlock::Resource { .. }, .. }));
}

#[test]
fn reads_a_tool_call_and_leaves_out_what_makes_no_sense() {
    let call = json!({
        "sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "nonsense", "kind": 7, "title": null,
        "content": [{"type": "diff", "path": "/a", "newText": "b"}, {"type": "terminal"}, 5],
        "locations": [{"path": "/a", "line": 3}, {"line": 4}], "rawInput": {"x": 1}, "_meta": {"y": 2},
    });
    let Update::Tool(tool) = read(&call) else { panic!("a tool call") };
    assert_eq!((tool.id.as_str(), tool.status, tool.kind.as_deref(), tool.title.as_deref()), ("t", None, None, None));
    assert_eq!(tool.content.as_ref().unwrap().len(), 1);
    assert_eq!(tool.locations.as_ref().unwrap().len(), 1);
    assert_eq!((tool.raw_input, tool.meta), (Some(json!({"x": 1})), Some(json!({"y": 2}))));
}

#[test]
fn keeps_what_it_does_not_know() {
    for update in [
        json!({"sessionUpdate": "something_new", "x": 1}),
        json!({"sessionUpdate": "tool_call"}),
        json!({"sessionUpdate": "agent_message_chunk"}),
        json!({"no": "kind"}),
        json!([1, 2]),
    ] {
        assert!(matches!(read(&update), Update::Unknown { raw, .. } if raw == update), "{update}");
    }
}

#[test]
fn reads_the_rest() {
    let usage =
        json!({"sessionUpdate": "usage_update", "used": 5, "size": 10, "cost": {"amount": 0.5, "currency": "USD"}});
    assert!(matches!(read(&usage), Update::Usage(Usage { context_used: Some(5), cost: Some(0.5), .. })));
    let commands = json!({"sessionUpdate": "available_commands_update", "availableCommands": [{"name": "init"}, {}]});
    assert!(matches!(read(&commands), Update::Commands(commands) if commands.len() == 1));
    let mode = json!({"sessionUpdate": "current_mode_update", "currentModeId": "code"});
    assert_eq!(read(&mode), Update::Mode("code".to_owned()));
    let title = json!({"sessionUpdate": "session_info_update", "title": "T"});
    assert_eq!(read(&title), Update::Title("T".to_owned()));
}

#[test]
fn says_that_it_cannot_read_what_is_too_deep() {
    let deep = format!(
        r#"{{"sessionUpdate":"tool_call","toolCallId":"t","rawInput":{}{}}}"#,
        "[".repeat(500),
        "]".repeat(500)
    );
    let raw: Box<RawValue> = serde_json::from_str(&deep).unwrap();
    assert!(Update::of(&raw).is_err());
}

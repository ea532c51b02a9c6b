//! Without a script: what each word does, and that any agent's shell is found.

use std::time::Duration;

use serde_json::{Value, json};

use super::plan;
use crate::{
    plan::{Plan, Step},
    schema,
    talk::{Forced, Message, Part, Provider, Role, Talk, Tool, ToolKind},
};

const TICK: Duration = Duration::from_millis(20);

fn talk(texts: &[&str], tools: Vec<Tool>) -> Talk {
    let message = |text: &&str| Message { role: Role::User, parts: vec![Part::Text { text: (*text).to_owned() }] };
    Talk {
        provider: Provider::Chat,
        model: "m".to_owned(),
        stream: true,
        system: String::new(),
        messages: texts.iter().map(message).collect(),
        tools,
        forced: None,
        schema: None,
    }
}

fn tool(name: &str, kind: ToolKind, properties: Value, required: &[&str]) -> Tool {
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    Tool { name: name.to_owned(), kind, schema }
}

fn text(plan: &Plan) -> &str {
    match plan.steps.as_slice() {
        [Step::Text(speech)] => &speech.text,
        steps => panic!("{steps:?} is no text"),
    }
}

#[test]
fn words_pick_texts() {
    let context = "<environment_context>x</environment_context>";
    for (said, does, answer) in [
        (&["hello"][..], "answer", "turn 1: you said hello"),
        (&[context, "one", "two words"], "answer", "turn 2: you said two words"),
        (&["my name is Ada", "and this", "RECALL it"], "recall", "you said before: my name is Ada | and this"),
        (&["SLOW 3"], "slow", "tick0 tick1 tick2 "),
        (&["please RUN ls"], "no_shell", "no shell among the tools of this request: "),
        (&["RUNNING and SLOWLY"], "answer", "turn 1: you said RUNNING and SLOWLY"),
    ] {
        let plan = plan(&talk(said, Vec::new()), TICK);
        assert_eq!((plan.does.as_str(), text(&plan)), (does, answer), "{said:?}");
    }
}

#[test]
fn slow_lasts_a_minute_or_as_long_as_it_is_told() {
    let pace = |said: &str| match plan(&talk(&[said], Vec::new()), TICK).steps.as_slice() {
        [Step::Text(speech)] => (speech.pieces().len(), speech.pause),
        steps => panic!("{steps:?}"),
    };
    assert_eq!(pace("SLOW"), (120, Duration::from_millis(500)));
    assert_eq!(pace("be SLOW 12 please"), (12, TICK));
}

#[test]
fn every_agents_shell_is_called_as_it_wants() {
    let text = json!({ "type": "string" });
    let list = json!({ "type": "array", "items": { "type": "string" } });
    for (tool, outside, input) in [
        (
            tool("Bash", ToolKind::Function, json!({ "command": text, "description": text }), &["command"]),
            false,
            json!({ "command": "ls -l" }),
        ),
        (
            tool(
                "bash",
                ToolKind::Function,
                json!({ "command": text, "description": text }),
                &["command", "description"],
            ),
            false,
            json!({ "command": "ls -l", "description": schema::FILLER }),
        ),
        (
            tool(
                "shell",
                ToolKind::Function,
                json!({ "command": list, "timeout_ms": { "type": "number" } }),
                &["command", "timeout_ms"],
            ),
            false,
            json!({ "command": ["bash", "-lc", "ls -l"], "timeout_ms": 10_000 }),
        ),
        (
            tool(
                "exec_command",
                ToolKind::Function,
                json!({ "cmd": text, "sandbox_permissions": text, "justification": text }),
                &["cmd"],
            ),
            true,
            json!({ "cmd": "ls -l", "sandbox_permissions": "require_escalated", "justification": "May I run ls -l?" }),
        ),
        (
            tool("run_shell_command", ToolKind::Function, json!({ "command": text }), &[]),
            true,
            json!({ "command": "ls -l" }),
        ),
        (
            tool("my_terminal_tool", ToolKind::Function, json!({ "script": text }), &[]),
            false,
            json!({ "script": "ls -l" }),
        ),
        (
            tool("local_shell", ToolKind::LocalShell, json!({}), &[]),
            false,
            json!({ "type": "exec", "command": ["bash", "-lc", "ls -l"], "env": {} }),
        ),
        (tool("shell", ToolKind::Custom, json!({}), &[]), false, json!("ls -l")),
        (
            tool("exec", ToolKind::Custom, json!({}), &[]),
            false,
            json!("const result = await tools.exec_command({\"cmd\":\"ls -l\"});\ntext(result.output ?? result);"),
        ),
    ] {
        let name = tool.name.clone();
        let other = self::tool("get_shell_docs", ToolKind::Function, json!({ "topic": text }), &[]);
        let word = if outside { "ASK ls -l" } else { "do this\nTOOL: ls -l" };
        let plan = plan(&talk(&[word], vec![other, tool]), TICK);
        let [Step::Call(call)] = plan.steps.as_slice() else { panic!("{name}: {plan:?}") };
        assert_eq!((&call.name, &call.input), (&name, &input));
    }
}

#[test]
fn a_result_is_told_and_the_call_not_made_again() {
    for (result, printed) in [
        ("a.txt\n", "a.txt"),
        ("Exit code: 0\nWall time: 0.1\nOutput:\na.txt\n", "a.txt"),
        (r#"{"command":"ls","returncode":0,"stderr":"","stdout":"a.txt\n"}"#, "a.txt"),
        ("<untrusted_context>\nOutput: a.txt\nb\nProcess Group PGID: 1\n</untrusted_context>", "a.txt\nb"),
        ("{\"name\": \"a\"}", "{\"name\": \"a\"}"),
    ] {
        assert_eq!(super::output(result), printed);
    }
    let mut talk = talk(&["TOOL: ls"], vec![tool("shell", ToolKind::Custom, json!({}), &[])]);
    let result = |text: &str| Message {
        role: Role::User,
        parts: vec![Part::Result { id: "1".to_owned(), text: text.to_owned() }],
    };
    talk.messages.push(result("Exit: 0\nOutput:\na.txt\n"));
    assert_eq!(text(&plan(&talk, TICK)), "the command said: a.txt");
    talk.messages.push(Message { role: Role::User, parts: vec![Part::Text { text: "and now?".to_owned() }] });
    assert_eq!(text(&plan(&talk, TICK)), "turn 2: you said and now?");
}

#[test]
fn what_must_have_a_shape_has_it() {
    let shape = json!({
        "type": "object",
        "properties": {
            "title": { "type": "string" }, "good": { "type": "boolean" }, "kind": { "enum": ["a", "b"] },
            "many": { "type": "array", "minItems": 2, "items": { "$ref": "#/$defs/n" } }, "or": { "type": ["null", "integer"] },
        },
        "$defs": { "n": { "type": "number", "minimum": 3 } },
    });
    let mut talk = talk(&["SLOW 1000000"], Vec::new());
    talk.schema = Some(shape.clone());
    let filled: Value = serde_json::from_str(text(&plan(&talk, TICK))).expect("JSON");
    let expected = json!({ "title": "SLOW 1000000", "good": false, "kind": "a", "many": [3, 3], "or": 1 });
    assert_eq!(filled, expected);

    talk.schema = None;
    talk.tools = vec![Tool { name: "answer".to_owned(), kind: ToolKind::Function, schema: shape }];
    talk.forced = Some(Forced::Named("answer".to_owned()));
    let plan = plan(&talk, TICK);
    let [Step::Call(call)] = plan.steps.as_slice() else { panic!("{plan:?}") };
    assert_eq!(call.input, expected);
}

#[test]
fn a_schema_that_contains_itself_ends() {
    let endless = json!({ "type": "object", "properties": { "next": { "$ref": "#" } } });
    assert!(schema::example(&endless, "").is_object());
}

#[test]
fn texts_suit_the_names_of_their_properties() {
    let text = json!({ "type": "string" });
    let schema = json!({ "type": "object", "properties": {
        "title": text, "session_title": { "type": "string", "maxLength": 7 }, "file_path": text, "url": text,
        "why": text, "at": { "type": "string", "format": "date-time" }, "how": { "type": "string", "default": "fast" },
        "maybe": { "anyOf": [{ "type": "null" }, { "type": "integer" }] }, "task": text,
    } });
    let filled = schema::example(&schema, "make the cart\n test pass, and then some more");
    let expected = json!({
        "title": "make the cart test pass, and", "session_title": "make th", "file_path": ".", "url": "http://127.0.0.1/",
        "why": schema::FILLER, "at": "2026-01-01T00:00:00Z", "how": "fast", "maybe": 1,
        "task": "make the cart test pass, and then some more",
    });
    assert_eq!(filled, expected);
    assert_eq!(schema::example(&json!({ "properties": { "title": text } }), " "), json!({ "title": "a conversation" }));
}

#[test]
fn a_title_is_the_users_words_and_not_an_answer() {
    let mut talk = talk(&["make the cart test pass"], Vec::new());
    talk.system = "You are a title generator. Generate a brief title for the conversation.".to_owned();
    let plan_ = plan(&talk, TICK);
    assert_eq!((plan_.does.as_str(), text(&plan_)), ("title", "make the cart test pass"));
    // The same words among an agent's instructions are none: it offers tools.
    talk.tools = vec![tool("shell", ToolKind::Custom, json!({}), &[])];
    assert_eq!(plan(&talk, TICK).does, "answer");
}

//! Scripts are read, refused where they are wrong, and pick their answers.

use std::time::Duration;

use serde_json::json;

use super::Script;
use crate::{
    plan::{Plan, Speech, Step, Stop},
    talk::{Message, Part, Provider, Role, Talk, Tool, ToolKind},
};

const SCRIPT: &str = r#"
models: [mock-a, mock-b]
key: sk-right
rules:
  - name: overloaded once
    match: {user: deploy, call: 1}
    steps:
      - error: {status: 529, type: overloaded_error, message: "no room for {{model}}", retry_after_s: 2}
  - match: {user_regex: '^deploy \w+$', provider: anthropic, system: careful}
    repeat: 1
    steps:
      - thoughts: {say: "which one? ", chunk: 3, delay_ms: 7}
      - text: I deploy.
      - tool_call: {name: deploy, input: {what: "{{last_user_text}}", deep: [{turn: "{{turn}}"}], n: 3}}
      - shell: date
      - usage: {input_tokens: 5, output_tokens: 6}
      - stop_reason: max_tokens
  - match: {tool_result_regex: '^ok'}
    steps:
      - text: {say: "{{n}} {{tool_result}};", repeat: 3}
      - delay_ms: 40
      - disconnect
  - match: {model: mock-b, turn: 2}
    steps:
      - text: "second on b, call {{call}}"
"#;

fn talk(parts: Vec<Part>) -> Talk {
    let schema = json!({ "type": "object", "properties": { "command": { "type": "string" } } });
    Talk {
        provider: Provider::Anthropic,
        model: "mock-a".to_owned(),
        stream: true,
        system: "Be careful.".to_owned(),
        messages: vec![Message { role: Role::User, parts }],
        tools: vec![Tool { name: "bash".to_owned(), kind: ToolKind::Function, schema }],
        forced: None,
        schema: None,
    }
}

fn said(text: &str) -> Part {
    Part::Text { text: text.to_owned() }
}

fn steps(plan: Option<Plan>) -> Vec<Step> {
    plan.expect("a rule holds").steps
}

#[test]
fn rules_answer_in_order_and_count() {
    let script = Script::parse(SCRIPT).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(script.models(), ["mock-a", "mock-b"]);
    assert_eq!(script.key(), Some("sk-right"));
    let deploy = talk(vec![said("DEPLOY web"), said("<system-reminder>no</system-reminder>")]);

    let first = steps(script.plan(&deploy));
    let [Step::Fail(fault)] = first.as_slice() else { panic!("{first:?}") };
    assert_eq!((fault.status, fault.message.as_str(), fault.retry_after), (529, "no room for mock-a", Some(2)));

    // Words are compared in any case, expressions as they are written.
    assert_eq!(script.plan(&deploy), None);
    let deploy = talk(vec![said("deploy web")]);
    let plan = script.plan(&deploy).expect("the second rule");
    assert_eq!((plan.stop, plan.usage.input_tokens, plan.does.as_str()), (Some(Stop::MaxTokens), Some(5), "rule 2"));
    let [Step::Thoughts(thought), Step::Text(text), Step::Call(call), Step::Call(shell)] = plan.steps.as_slice() else {
        panic!("{plan:?}")
    };
    assert_eq!(thought.pieces(), ["whi", "ch ", "one", "? "]);
    assert_eq!(thought.pause, Duration::from_millis(7));
    assert_eq!(text, &Speech::quick("I deploy."));
    assert_eq!(call.input, json!({ "what": "deploy web", "deep": [{ "turn": "1" }], "n": 3 }));
    assert_eq!((shell.name.as_str(), &shell.input), ("bash", &json!({ "command": "date" })));
    assert_eq!(script.plan(&deploy), None, "it answers once");

    script.reset();
    assert!(matches!(steps(script.plan(&deploy)).as_slice(), [Step::Fail(_)]), "counts begin again");
}

#[test]
fn rules_for_results_and_turns() {
    let script = Script::parse(SCRIPT).unwrap_or_else(|e| panic!("{e}"));
    let result = Part::Result { id: "1".to_owned(), text: "ok {{model}}".to_owned() };
    let mut after = talk(vec![said("x")]);
    after.messages.push(Message { role: Role::User, parts: vec![result] });
    let plan = steps(script.plan(&after));
    let [Step::Text(text), Step::Wait(wait), Step::Disconnect] = plan.as_slice() else { panic!("{plan:?}") };
    assert_eq!(text.text, "1 ok {{model}};2 ok {{model}};3 ok {{model}};", "what is put in is not filled again");
    assert_eq!(*wait, Duration::from_millis(40));

    let mut second = talk(vec![said("one")]);
    second.model = "mock-b".to_owned();
    assert_eq!(script.plan(&second), None);
    second.messages.push(Message { role: Role::User, parts: vec![said("two")] });
    assert_eq!(steps(script.plan(&second)), [Step::Text(Speech::quick("second on b, call 1"))]);
}

#[test]
fn without_a_rule_it_can_refuse() {
    let script = Script::parse("otherwise: refuse\nrules: []").unwrap_or_else(|e| panic!("{e}"));
    let plan = steps(script.plan(&talk(vec![said("hello")])));
    let [Step::Fail(fault)] = plan.as_slice() else { panic!("{plan:?}") };
    assert_eq!((fault.status, fault.message.as_str()), (500, "no rule of the script holds for \"hello\""));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, words) in [
        ("rules: [{steps: [{text: a}], mach: {}}]", &["mach", "line 1"][..]),
        ("rule: []", &["rule"]),
        ("models: []", &["rules"]),
        ("rules:\n  - steps:\n      - texts: a", &["texts", "line 3"]),
        ("rules:\n  - steps:\n      - text: {say: a, chunks: 3}", &["chunks", "line 3"]),
        ("rules: [{steps: [{text: '{{nobody}}'}]}]", &["rule 1", "{{nobody}}", "last_user_text"]),
        ("rules: [{steps: [{tool_call: {name: a, input: {b: ['{{c}}']}}}]}]", &["rule 1", "{{c}}"]),
        ("rules: [{steps: []}, {match: {user_regex: '('}, steps: []}]", &["rule 2", "regular expression"]),
        ("rules: [{match: {provider: openai}, steps: []}]", &["openai", "anthropic, responses, chat, gemini, bedrock"]),
        ("rules: [{steps: [{error: {status: 200}}]}]", &["200", "400 to 599"]),
        ("rules: [{steps: [{text: {say: a, chunk: 0}}]}]", &["chunk"]),
        ("rules: [{steps: [{stop_reason: tired}]}]", &["tired"]),
        ("rules: [", &["line 1"]),
        ("", &["end of input", "line 1"]),
    ] {
        let error = Script::parse(text).err().unwrap_or_else(|| panic!("{text} was read"));
        for word in words {
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}

#[test]
fn json_is_a_script_too() {
    let text = r#"{"rules": [{"match": {"user": "hi"}, "steps": [{"text": "Hello\n\"you\""}, "disconnect"]}]}"#;
    let script = Script::parse(text).unwrap_or_else(|e| panic!("{e}"));
    let plan = steps(script.plan(&talk(vec![said("oh hi there")])));
    assert_eq!(plan, [Step::Text(Speech::quick("Hello\n\"you\"")), Step::Disconnect]);
}

#[test]
fn the_example_in_the_documentation_is_a_script() {
    let page = include_str!("../../../docs/mock-llm.md");
    let (_, rest) = page.split_once("```yaml\n").expect("an example");
    let (text, _) = rest.split_once("```").expect("its end");
    let script = Script::parse(text).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(script.models(), ["mock-large", "mock-small"]);
    let plan = steps(script.plan(&talk(vec![said("please DEPLOY")])));
    assert!(matches!(plan.as_slice(), [Step::Fail(fault)] if fault.status == 529), "{plan:?}");
}

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const SECRET: &str = "sk-0123456789";

fn redactor(secrets: &[&str]) -> Redactor {
    let mut redactor = Redactor::default();
    secrets.iter().for_each(|secret| redactor.register(secret));
    redactor
}

fn chunk(message: u128, channel: Channel, text: &str) -> EventData {
    text_event(None, MessageId::new(Uuid::from_u128(message)), Role::Agent, channel, text.to_owned())
}

fn usage() -> EventData {
    EventData::new(KnownEvent::UsageUpdated { usage: convene_core::content::Usage::default() })
}

/// What comes out in all, by message.
fn passed(redactor: &mut Redactor, events: Vec<EventData>) -> std::collections::BTreeMap<MessageId, String> {
    let mut out = std::collections::BTreeMap::new();
    let mut take = |event: EventData| {
        if let EventBody::Known(KnownEvent::MessageAppended { message, content, .. }) = &event.body {
            out.entry(*message).or_insert_with(String::new).push_str(content.as_text().unwrap());
        }
    };
    for event in events {
        redactor.pass(event, &mut take);
    }
    redactor.release(&mut take);
    out
}

#[test]
fn removes_a_secret_from_text_and_json() {
    let redactor = redactor(&[SECRET, "with \"quotes\" and\nlines"]);
    assert_eq!(redactor.scrub("key=sk-0123456789;"), "key=[redacted];");
    let json = serde_json::json!({"a": "with \"quotes\" and\nlines", "b": {"inner": "{\"k\": \"sk-0123456789\"}"}})
        .to_string();
    let clean = redactor.scrub_json(&json).into_owned();
    assert!(!clean.contains("quotes") && !clean.contains("sk-"), "{clean}");
    serde_json::from_str::<serde_json::Value>(&clean).unwrap();
    let twice = serde_json::json!({"arguments": json}).to_string();
    let clean = redactor.scrub_json(&twice).into_owned();
    assert!(!clean.contains("quotes") && !clean.contains("sk-"), "{clean}");
}

#[test]
fn leaves_short_values_alone() {
    assert_eq!(redactor(&["true", "1"]).scrub("1 is true"), "1 is true");
}

#[test]
fn knows_names_of_secrets() {
    for name in ["OPENAI_API_KEY", "GITHUB_TOKEN", "db_password", "AWS_SECRET_ACCESS_KEY"] {
        assert!(names_a_secret(name), "{name}");
    }
    for name in ["PATH", "SSH_AUTH_SOCK", "KEY_FILE", "MODEL_URL", "HOME"] {
        assert!(!names_a_secret(name), "{name}");
    }
}

#[test]
fn removes_a_secret_that_is_split_over_chunks_of_other_things() {
    for at in 1..SECRET.len() {
        let (first, second) = SECRET.split_at(at);
        let events = vec![
            chunk(1, Channel::Answer, &format!("it is {first}")),
            usage(),
            chunk(2, Channel::Thought, "hm"),
            chunk(1, Channel::Answer, &format!("{second}, done")),
        ];
        let out = passed(&mut redactor(&[SECRET]), events);
        assert_eq!(out[&MessageId::new(Uuid::from_u128(1))], "it is [redacted], done");
    }
}

#[test]
fn lets_go_of_an_innocent_end() {
    let mut redactor = redactor(&[SECRET]);
    let mut out = Vec::new();
    redactor.pass(chunk(1, Channel::Answer, "ask"), &mut |event| out.push(event));
    assert_eq!(out, [chunk(1, Channel::Answer, "a")]);
    redactor.pass(EventData::new(KnownEvent::TurnHandedOver {}), &mut |event| out.push(event));
    assert_eq!(out[1], chunk(1, Channel::Answer, "sk"));
}

proptest! {
    /// However a text with secrets is cut, none comes out, and the rest is as it was.
    #[test]
    fn removes_secrets_however_the_text_is_cut(
        parts in prop::collection::vec(prop_oneof![3 => "[a-z0-9 sk-]{0,6}", 1 => Just(SECRET.to_owned())], 0..8),
        cuts in prop::collection::vec(1_usize..5, 0..60),
    ) {
        let whole = parts.concat();
        let mut chunks = Vec::new();
        let mut rest = whole.as_str();
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            chunks.push(chunk(1, Channel::Answer, piece));
            rest = after;
        }
        chunks.push(chunk(1, Channel::Answer, rest));
        let out = passed(&mut redactor(&[SECRET]), chunks);
        let out = out.into_values().next().unwrap_or_default();
        prop_assert_eq!(out, whole.replace(SECRET, MARK));
    }
}

#[test]
fn removes_a_secret_in_the_codings_that_programs_print() {
    let secret = "p@ss/word+0123é";
    let redactor = redactor(&[secret]);
    for before in ["", "a", "ab", "Basic user:"] {
        for engine in [&BASE64_STANDARD_NO_PAD, &BASE64_URL_SAFE_NO_PAD] {
            let coded = engine.encode(format!("{before}{secret} and more"));
            let clean = redactor.scrub(&coded).into_owned();
            assert!(clean.contains(MARK), "{before:?}: {coded} became {clean}");
            // What is left of it decodes to no piece that is worth anything.
            assert!(coded.len() - clean.replace(MARK, "").len() >= secret.len(), "{coded} became {clean}");
        }
    }
    assert_eq!(redactor.scrub("?key=p%40ss%2Fword%2B0123%C3%A9&x=1"), "?key=[redacted]&x=1");
}

#[test]
fn removes_pieces_of_a_secret_from_what_a_tool_says() {
    let mut redactor = redactor(&[SECRET]);
    let mut told = |text: &str| {
        let call = ToolCall {
            id: "1".to_owned(),
            content: Some(vec![ToolContent::Content { content: ContentBlock::Text { text: text.to_owned() } }]),
            raw_output: Some(serde_json::json!({"deep": [text]})),
            ..ToolCall::default()
        };
        let mut out = Vec::new();
        redactor.pass(EventData::new(KnownEvent::ToolCallUpdated { tool_call: call }), &mut |event| out.push(event));
        let EventBody::Known(KnownEvent::ToolCallUpdated { tool_call }) = &out[0].body else { panic!("{out:?}") };
        let Some(ToolContent::Content { content: ContentBlock::Text { text } }) =
            tool_call.content.as_ref().and_then(|parts| parts.first())
        else {
            panic!("{out:?}")
        };
        assert_eq!(tool_call.raw_output, Some(serde_json::json!({"deep": [text]})));
        text.clone()
    };
    // However it is cut in two, one piece is long enough to be known as one.
    for at in 1..SECRET.len() {
        let (first, second) = SECRET.split_at(at);
        let said = told(&format!("it is {first}")) + &told(&format!("{second}, done"));
        assert!(said.starts_with("it is ") && said.ends_with(", done") && said.contains(MARK), "{said}");
        // What is left of it is a piece that says nothing.
        let left = said.len() - "it is , done".len() - MARK.len();
        assert!(left < PIECE || said.matches(MARK).count() == 2, "{said}");
    }
    assert_eq!(told(&SECRET[2..8]), MARK);
    assert_eq!(told(SECRET), MARK);
}

#[test]
fn leaves_what_only_looks_a_little_like_a_secret_alone() {
    let mut redactor = redactor(&[SECRET]);
    let call = ToolCall {
        id: "sk-0".to_owned(),
        title: Some("risk".to_owned()),
        content: Some(vec![ToolContent::Content { content: ContentBlock::Text { text: "ask s".to_owned() } }]),
        ..ToolCall::default()
    };
    let event = EventData::new(KnownEvent::ToolCallUpdated { tool_call: call });
    let mut out = Vec::new();
    redactor.pass(event.clone(), &mut |event| out.push(event));
    assert_eq!(out, [event]);
}

#[test]
fn registers_an_environment_but_for_its_places() {
    let mut redactor = Redactor::default();
    let environment = [
        ("WORD", "a word of mine"),
        ("TARGET", "/srv/built/target"),
        ("MODEL_URL", "http://127.0.0.1:9999/v1"),
        ("PROXY", "http://user:password@proxy.example"),
        ("HOOK", "https://example.com/?token=0123456789"),
        ("API_KEY", "/odd/but/a/key"),
        ("SHORT", "seven77"),
    ];
    redactor.register_environment(environment);
    for (name, value) in environment {
        let is_kept = matches!(name, "TARGET" | "MODEL_URL" | "SHORT");
        assert_eq!(redactor.scrub(value) == value, is_kept, "{name}");
    }
}

#[test]
fn registers_what_a_session_brings_along() {
    let spec = serde_json::from_value(serde_json::json!({
        "agent": "fake", "cwd": "/tmp", "env": {"A": "value of env"},
        "mcp_servers": [
            {"name": "a", "env": [{"name": "B", "value": "value of mcp env"}]},
            {"name": "b", "headers": [{"name": "Authorization", "value": "Bearer 0123456789"}]},
            {"name": "c", "env": {"C": "value of a map"}}, null,
        ],
    }));
    let mut redactor = Redactor::default();
    redactor.register_spec(&spec.unwrap());
    for text in ["value of env", "value of mcp env", "Bearer 0123456789", "0123456789", "value of a map"] {
        assert_eq!(redactor.scrub(text), MARK);
    }
}

#[test]
fn takes_a_text_with_thousands_of_secrets_in_one_go() {
    let secrets: Vec<String> = (0..2000).map(|n| format!("secret-number-{n:05}")).collect();
    let mut redactor = Redactor::default();
    redactor.register_environment(secrets.iter().map(|secret| ("X", secret.as_str())));
    let text = secrets.join(" ");
    assert_eq!(redactor.scrub(&text).replace(MARK, "").trim(), "");
}

#[test]
fn words_of_a_configuration_are_no_secrets() {
    let mut redactor = Redactor::default();
    let written = [
        ("INITIAL_AGENT_MODE", "workspace-write"),
        ("MODEL", "gemini-2.5-flash"),
        ("OPENAI_MODEL", "gpt-5.2-codex"),
        ("WHATEVER", "canary-secret-value"),
        ("PICKED", "q7Xv91LmZ0aa"),
        ("API_KEY", "just-words-here"),
    ];
    redactor.register_configuration(written);
    for plain in ["workspace-write", "gemini-2.5-flash", "gpt-5.2-codex"] {
        assert_eq!(redactor.scrub(plain), plain);
    }
    for secret in ["canary-secret-value", "q7Xv91LmZ0aa", "just-words-here"] {
        assert!(!redactor.scrub(secret).contains(secret), "{secret} is told");
    }
    // Of what a session brings along, nobody knows what it is.
    redactor.register_environment(written);
    assert_eq!(redactor.scrub("workspace-write"), MARK);
}

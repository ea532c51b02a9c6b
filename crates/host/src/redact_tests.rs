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

use convene_core::{
    content::{Channel, Role, ToolStatus},
    ids::MessageId,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn piece(message: u128, text: &str) -> EventData {
    EventData::new(KnownEvent::MessageAppended {
        message: MessageId::new(Uuid::from_u128(message)),
        role: Role::Agent,
        channel: Channel::Answer,
        content: ContentBlock::text(text),
    })
}

fn tool(id: &str, status: ToolStatus, title: Option<&str>) -> EventData {
    let title = title.map(str::to_owned);
    let tool_call = ToolCall { id: id.to_owned(), status: Some(status), title, ..ToolCall::default() };
    EventData::new(KnownEvent::ToolCallUpdated { tool_call })
}

fn drain(pending: &mut Pending) -> Vec<EventData> {
    pending.drain(usize::MAX, usize::MAX)
}

#[test]
fn merges_pieces_of_one_message_only() {
    let mut pending = Pending::default();
    for event in [piece(1, "a"), piece(1, "b"), piece(2, "c"), piece(1, "d")] {
        pending.push(event);
    }
    assert_eq!(drain(&mut pending), [piece(1, "ab"), piece(2, "c"), piece(1, "d")]);
    assert_eq!(pending.bytes(), 0);
}

#[test]
fn keeps_turns_apart() {
    let mut pending = Pending::default();
    let turn = TurnId::new(Uuid::from_u128(9));
    pending.push(piece(1, "a"));
    pending.push(piece(1, "b").turn(turn));
    assert_eq!(drain(&mut pending).len(), 2);
}

#[test]
fn bounds_the_pieces() {
    let mut pending = Pending::default();
    for _ in 0..100 {
        pending.push(piece(1, &"x".repeat(1000)));
    }
    let drained = drain(&mut pending);
    assert!(drained.iter().all(|event| text_of(event).unwrap().len() <= PIECE));
    assert!(drained.len() <= 7);
}

#[test]
fn coalesces_a_flood_of_tool_updates_and_keeps_the_last_word() {
    let mut pending = Pending::default();
    pending.push(tool("t", ToolStatus::Pending, Some("first")));
    for _ in 0..1100 {
        pending.push(tool("t", ToolStatus::InProgress, None));
    }
    pending.push(tool("t", ToolStatus::Completed, None));
    let expected = [
        tool("t", ToolStatus::Pending, Some("first")),
        tool("t", ToolStatus::InProgress, None),
        tool("t", ToolStatus::Completed, None),
    ];
    assert_eq!(drain(&mut pending), expected);
}

#[test]
fn does_not_merge_updates_across_a_drain_or_a_question() {
    let mut pending = Pending::default();
    pending.push(tool("t", ToolStatus::Pending, None));
    assert_eq!(drain(&mut pending).len(), 1);
    pending.push(tool("t", ToolStatus::InProgress, None));
    let asked = KnownEvent::PermissionRequested {
        request: convene_core::ids::PermissionId::new(Uuid::from_u128(1)),
        tool_call: ToolCall::default(),
        options: Vec::new(),
    };
    pending.push(EventData::new(asked));
    pending.push(tool("t", ToolStatus::InProgress, Some("later")));
    assert_eq!(drain(&mut pending).len(), 3);
}

#[test]
fn keeps_all_increments_in_meta() {
    let increment = |text: &str| {
        let tool_call = ToolCall { id: "t".to_owned(), meta: Some(text.into()), ..ToolCall::default() };
        EventData::new(KnownEvent::ToolCallUpdated { tool_call })
    };
    let mut pending = Pending::default();
    for event in [increment("a"), increment("b")] {
        pending.push(event);
    }
    assert_eq!(drain(&mut pending), [increment("a"), increment("b")]);
}

#[test]
fn takes_back_what_could_not_be_kept() {
    let mut pending = Pending::default();
    pending.push(piece(1, "a"));
    pending.push(piece(2, "b"));
    let drained = pending.drain(1, usize::MAX);
    pending.put_back(drained);
    pending.push(piece(2, "c"));
    assert_eq!(drain(&mut pending), [piece(1, "a"), piece(2, "bc")]);
}

#[derive(Debug, Clone)]
enum Step {
    Text(u128, String),
    Tool(u8, bool),
    Drain(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_u128..3, ".{0,12}").prop_map(|(message, text)| Step::Text(message, text)),
        2 => (0_u8..3, any::<bool>()).prop_map(|(id, done)| Step::Tool(id, done)),
        1 => (0_usize..4).prop_map(Step::Drain),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    /// However it is merged and drained: each message says the same, and each tool call ends the same.
    #[test]
    fn says_the_same(steps in steps()) {
        let mut pending = Pending::default();
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for step in steps {
            let event = match step {
                Step::Text(message, text) => piece(message, &text),
                Step::Tool(id, done) => {
                    let status = if done { ToolStatus::Completed } else { ToolStatus::InProgress };
                    tool(&id.to_string(), status, None)
                }
                Step::Drain(count) => {
                    after.extend(pending.drain(count, usize::MAX));
                    continue;
                }
            };
            before.push(event.clone());
            pending.push(event);
        }
        after.extend(drain(&mut pending));
        prop_assert_eq!(said(&before), said(&after));
        prop_assert_eq!(last_words(&before), last_words(&after));
        prop_assert!(after.len() <= before.len());
    }
}

fn said(events: &[EventData]) -> std::collections::BTreeMap<MessageId, String> {
    let mut said = std::collections::BTreeMap::new();
    for event in events {
        if let EventBody::Known(KnownEvent::MessageAppended { message, content, .. }) = &event.body {
            said.entry(*message).or_insert_with(String::new).push_str(content.as_text().unwrap());
        }
    }
    said
}

fn last_words(events: &[EventData]) -> std::collections::BTreeMap<String, Option<ToolStatus>> {
    let mut last = std::collections::BTreeMap::new();
    for event in events {
        if let EventBody::Known(KnownEvent::ToolCallUpdated { tool_call }) = &event.body {
            last.insert(tool_call.id.clone(), tool_call.status);
        }
    }
    last
}

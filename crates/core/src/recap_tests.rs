//! Tests of the recap.

use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::{event::EventData, ids::SessionId, spec::TurnSource};

fn turn(n: u128) -> TurnId {
    TurnId::new(Uuid::from_u128(n))
}

fn event(of: Option<TurnId>, body: KnownEvent) -> Event {
    let data = EventData { turn: of, ..EventData::new(body) };
    Event { session: SessionId::new(Uuid::nil()), seq: 1, pos: 1, at: Timestamp::UNIX_EPOCH, index: None, data }
}

fn queued(n: u128, text: &str) -> Event {
    let content = Arc::new(vec![ContentBlock::text(text)]);
    event(Some(turn(n)), KnownEvent::TurnQueued { content, source: TurnSource::User, front: false })
}

fn says(n: u128, message: u128, channel: Channel, text: &str) -> Event {
    let message = MessageId::new(Uuid::from_u128(message));
    let content = ContentBlock::text(text);
    event(Some(turn(n)), KnownEvent::MessageAppended { message, role: Role::Agent, channel, content })
}

fn uses(n: u128, id: &str, title: &str) -> Event {
    let tool_call = ToolCall { id: id.to_owned(), title: Some(title.to_owned()), ..ToolCall::default() };
    event(Some(turn(n)), KnownEvent::ToolCallUpdated { tool_call })
}

fn ended(n: u128, stop_reason: StopReason) -> Event {
    event(Some(turn(n)), KnownEvent::TurnEnded { stop_reason, failure: None, usage: None })
}

fn whole(n: u128, prompt: &str, answer: &str) -> Vec<Event> {
    let handed = event(Some(turn(n)), KnownEvent::TurnHandedOver {});
    vec![queued(n, prompt), handed, says(n, n, Channel::Answer, answer), ended(n, StopReason::EndTurn)]
}

fn recap(events: &[Event]) -> Option<String> {
    let mut recap = Recap::default();
    events.iter().for_each(|event| recap.take(event));
    recap.text()
}

#[test]
fn what_was_asked_and_answered_is_told_and_what_never_reached_the_agent_is_not() {
    let mut log = whole(1, "Mend the tests", "Mended.");
    let thinks = says(1, 9, Channel::Thought, "a thought");
    log.splice(2..2, [thinks, uses(1, "t", "Read"), uses(1, "t", "Read\ncart.rs")]);
    log.push(queued(2, "never sent"));
    let text = recap(&log).unwrap();
    assert!(text.contains("User: Mend the tests\n\n[tools: Read cart.rs]\n\nYou: Mended.\n"), "{text}");
    assert!(!text.contains("thought") && !text.contains("never sent"), "{text}");
    assert!(text.ends_with(TAIL), "{text}");
    assert_eq!(recap(&log[5..]), None, "no prompt was handed over");
    assert_eq!(recap(&[]), None);
}

#[test]
fn an_end_that_is_none_is_said() {
    let log = whole(1, "a", "b");
    assert!(!recap(&log).unwrap().contains("[this turn"));
    assert!(recap(&log[..3]).unwrap().contains("[this turn did not end]"));
    let interrupted = [&log[..3], &[ended(1, StopReason::Interrupted)]].concat();
    assert!(recap(&interrupted).unwrap().contains("[this turn ended: interrupted]"));
}

#[test]
fn it_begins_after_the_last_clearing() {
    let clears = event(None, KnownEvent::SessionCleared { by: "ada".to_owned() });
    let log = [whole(1, "before", "x"), vec![clears], whole(2, "after", "y")].concat();
    let text = recap(&log).unwrap();
    assert!(text.contains("after") && !text.contains("before"), "{text}");
    assert_eq!(recap(&log[..5]), None);
}

#[test]
fn whatever_was_said_it_fits_and_the_latest_turns_stay() {
    for length in [10, PIECE, 3 * PIECE + 1, 300_000] {
        let answer = "é€".repeat(length / 5 + 1);
        let log: Vec<Event> = (0..60).flat_map(|n| whole(n, &format!("prompt {n} {answer}"), &answer)).collect();
        let text = recap(&log).unwrap();
        assert!(text.len() <= limits::RECAP, "{} bytes", text.len());
        assert!(text.contains("prompt 59 "), "the latest turn is there");
        let left_out = text.contains("earlier turns are left out");
        assert_eq!(left_out, !text.contains("prompt 0 "), "what is left out is said: {length}");
        assert_eq!(left_out, length > 10);
    }
    let pieces: Vec<Event> = (0..20_000).map(|_| says(1, 1, Channel::Answer, "0123456789")).collect();
    let log = [whole(1, "p", "")[..2].to_vec(), pieces].concat();
    assert!(recap(&log).unwrap().len() < 2 * PIECE);
}

#[test]
fn what_was_taken_back_is_not_told() {
    let rewinds = |to_seq| {
        let prompt = turn(2);
        event(None, KnownEvent::SessionRewound { to_seq, prompt, number: 2, kept: 1, by: "ada".to_owned() })
    };
    let mut log = [whole(1, "first", "x"), whole(2, "second", "y"), vec![rewinds(4)], whole(3, "third", "z")].concat();
    (1..).zip(&mut log).for_each(|(seq, event)| event.seq = seq);
    let text = recap(&log).unwrap();
    assert!(text.contains("first") && text.contains("third") && !text.contains("second"), "{text}");
}

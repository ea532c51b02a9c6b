//! Each fault is seen by its own figure, and what is whole is none.

use serde_json::json;

use super::{
    super::schedule::{Beside, Words},
    *,
};

const KEY: &str = "key-1";

fn session() -> SessionId {
    SessionId::new(uuid::Uuid::from_u128(7))
}

fn turn() -> TurnId {
    TurnId::new(uuid::Uuid::from_u128(8))
}

fn log(bodies: &[Value]) -> Log {
    let event = |(seq, body): (u64, &Value)| {
        let mut event = json!({"session": session(), "seq": seq, "at": "2026-01-01T00:00:00Z", "turn": turn()});
        for (name, value) in body.as_object().into_iter().flatten() {
            event[name] = value.clone();
        }
        SessionEvent::from_json(&event.to_string()).unwrap()
    };
    Log { session: session(), events: (1..).zip(bodies).map(event).collect() }
}

fn queued() -> Value {
    json!({"type": "turn_queued", "content": [{"type": "text", "text": "#1"}], "command": KEY})
}

fn said(text: &str) -> Value {
    let message = convene_core::ids::MessageId::new(uuid::Uuid::from_u128(9));
    let content = json!({"type": "text", "text": text});
    json!({"type": "message_appended", "message": message, "role": "agent", "channel": "answer", "content": content})
}

fn ended(stop_reason: &str) -> Value {
    json!({"type": "turn_ended", "stop_reason": stop_reason})
}

/// What is found of a prompt that wanted three words.
fn findings(bodies: &[Value]) -> Findings {
    let words = Words { stream: 3, pause_us: 0, beside: Beside::Nothing };
    let prompt = Prompt { number: 1, words, recapped: false };
    let answer = Answer::Done { seq: 1, prompt: Some((prompt, Some(turn()))) };
    let answered = Answered { key: KEY.to_owned(), what: "prompt", session: session(), answer };
    let mut found = Findings::default();
    promise_is_kept(&log(bodies), &answered, false, &BTreeMap::from([(1, 1)]), &mut found);
    found
}

fn figures(found: &Findings) -> [usize; 4] {
    [found.lost.len(), found.gaps.len(), found.duplicates.len(), found.other.len()]
}

#[test]
fn a_whole_turn_is_no_finding() {
    let whole = [queued(), said("w1 w2 "), said("w3 echo: #1"), ended("end_turn")];
    assert_eq!(figures(&findings(&whole)), [0; 4]);
    let cut = [queued(), said("w1 w2 "), ended("interrupted")];
    assert_eq!(figures(&findings(&cut)), [0; 4]);
}

#[test]
fn what_was_promised_and_is_not_there_is_lost() {
    assert_eq!(findings(&[]).lost.len(), 2, "neither the event nor the prompt");
    assert_eq!(findings(&[ended("end_turn")]).lost.len(), 1, "the prompt");
}

#[test]
fn words_that_are_missing_or_come_twice_are_seen() {
    for text in ["w1 w3 ", "w1 w2 w2 w3 ", "w2 w3 ", "w1 w2 "] {
        assert_eq!(findings(&[queued(), said(text), ended("end_turn")]).lost.len(), 1, "{text:?}");
    }
    assert_eq!(findings(&[queued(), said("w1 w1 "), ended("interrupted")]).lost.len(), 1);
}

#[test]
fn a_prompt_is_there_once_and_ends_once() {
    let twice = [queued(), queued(), said("w1 w2 w3 "), ended("end_turn")];
    assert_eq!(figures(&findings(&twice)), [0, 0, 1, 0]);
    let ends = [queued(), said("w1 w2 w3 "), ended("end_turn"), ended("end_turn")];
    assert_eq!(findings(&ends).other.len(), 1);
    assert_eq!(findings(&[queued(), said("w1 ")]).other.len(), 1);
}

#[test]
fn a_refusal_changes_nothing() {
    let answer = Answer::Refused("busy".to_owned());
    let answered = Answered { key: KEY.to_owned(), what: "prompt", session: session(), answer };
    let mut found = Findings::default();
    promise_is_kept(&log(&[queued()]), &answered, false, &BTreeMap::new(), &mut found);
    assert_eq!(figures(&found), [0, 0, 0, 1]);
}

#[test]
fn a_prompt_that_came_twice_is_told_by_its_last_number() {
    let mut found = Findings::default();
    let texts = ["STREAM 1\n#1", "User: STREAM 1 #1\nSTREAM 2 #2", "STREAM 1\n#1"].map(str::to_owned);
    assert_eq!(receipts(&texts, &mut found), BTreeMap::from([(1, 2), (2, 1)]));
    assert_eq!(found.twice.len(), 1);
}

//! Tests of events as JSON.

#[path = "event_samples.rs"]
mod samples;

use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::*;
use crate::content::{Channel, ContentBlock, Role};
use crate::ids::MessageId;
use samples::samples;

#[test]
fn every_type_reads_and_writes_the_same() {
    let tags: Vec<String> = samples().iter().map(|s| s["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(tags, KnownEvent::TAGS, "one sample of each");
    for mut sample in samples() {
        let object = sample.as_object_mut().unwrap();
        for envelope in ["turn", "attempt", "command", "session", "seq", "pos", "at"] {
            let clash = object.insert(envelope.to_owned(), Value::Null);
            assert_eq!(clash, None, "{} has a field that is the envelope's", object["type"]);
            object.remove(envelope);
        }
        object.insert("turn".to_owned(), "trn_0123456789abcdef0123456789abcdef".into());
        object.insert("attempt".to_owned(), 7.into());
        object.insert("command".to_owned(), "key-1".into());
        let data = EventData::from_json(&sample.to_string()).unwrap();
        let EventBody::Known(known) = &data.body else { panic!("not known: {sample}") };
        assert_eq!(known.tag(), sample["type"]);
        assert_eq!((data.attempt, data.command.as_deref()), (Some(7), Some("key-1")));
        let text = data.to_json();
        assert_eq!(text, serde_json::to_string(&data).unwrap(), "both ways of writing agree");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), sample, "nothing is dropped or added");
        assert_eq!(EventData::from_json(&text).unwrap(), data);
    }
}

#[test]
fn an_event_without_envelope_is_written_the_same() {
    for sample in samples() {
        let data = EventData::from_json(&sample.to_string()).unwrap();
        assert_eq!(data.to_json(), serde_json::to_string(&data).unwrap());
    }
    let empty = EventData::new(EventBody::Unknown(Arc::default()));
    assert_eq!(empty.to_json(), "{}");
    assert_eq!(empty.attempt(3).to_json(), r#"{"attempt":3}"#);
}

#[test]
fn floods_are_read_in_any_spelling() {
    let usual = r#"{"type":"message_appended","message":"msg_0123456789abcdef0123456789abcdef","role":"agent","channel":"answer","content":{"type":"text","text":"a\u00e9\"b"}}"#;
    let expected = EventData::new(KnownEvent::MessageAppended {
        message: MessageId::new(Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef)),
        role: Role::Agent,
        channel: Channel::Answer,
        content: ContentBlock::text("aé\"b"),
    });
    let spaced = usual.replace(':', " : ").replace(',', " ,\n");
    let more = usual.replace(r#""role""#, r#""newer_field":{"type":"x"},"role""#);
    let last = format!(
        r#"{{"content":{{"type":"text","text":"aé\"b"}},{}"#,
        usual.strip_prefix('{').unwrap().split_once(r#","content""#).unwrap().0
    ) + "}";
    for text in [usual, &spaced, &more, &last] {
        assert_eq!(EventData::from_json(text).unwrap(), expected, "{text}");
    }
    let image =
        usual.replace(r#"{"type":"text","text":"a\u00e9\"b"}"#, r#"{"type":"image","data":"","mime_type":"i"}"#);
    let data = EventData::from_json(&image).unwrap();
    assert!(matches!(
        data.body,
        EventBody::Known(KnownEvent::MessageAppended { content: ContentBlock::Image { .. }, .. })
    ));
}

#[test]
fn what_cannot_be_read_is_told_apart() {
    for broken in ["", "[]", "3", "{}", r#"{"type":3}"#, r#"{"type":"turn_requeued","turn":"ses_1"}"#, "{\"type\":"] {
        assert!(EventData::from_json(broken).is_err(), "{broken}");
        let data = EventData::from_report(broken);
        let EventBody::Known(KnownEvent::LogNote { code, raw: Some(_), .. }) = &data.body else { panic!("{data:?}") };
        assert_eq!(code, "malformed");
        assert_eq!(EventData::from_json(&data.to_json()).unwrap(), data);
    }
    let deep = format!(r#"{{"type":"log_note","code":"c","detail":"d","raw":{}{}}}"#, "[".repeat(500), "]".repeat(500));
    assert_eq!(EventData::from_report(&deep).tag(), "log_note");
    let newer = EventData::from_json(r#"{"type":"turn_ended","stop_reason":"of_a_newer_version"}"#).unwrap();
    assert!(matches!(newer.body, EventBody::Unknown(_)));
}

#[test]
fn the_place_is_spliced_in_front() {
    let session = SessionId::new(Uuid::from_u128(1));
    let at = Timestamp::from_millisecond(1_800_000_000_123).unwrap();
    let wire = |data: &str| wire_json(session, 4, 17, at, data);
    let place = r#"{"session":"ses_00000000000000000000000000000001","seq":4,"pos":17,"at":"2027-01-15T08:00:00.123Z""#;
    assert_eq!(wire("{}"), format!("{place}}}"));
    assert_eq!(wire(" { } "), format!("{place} }} "));
    assert_eq!(wire(r#"{"type":"x"}"#), format!(r#"{place},"type":"x"}}"#));
    assert_eq!(wire("no object"), format!("{place}}}"), "what is no object adds nothing");

    let data = EventData::new(KnownEvent::TurnStarted { number: 2 }).turn(TurnId::new(Uuid::from_u128(5))).attempt(1);
    let event = Event { session, seq: 4, pos: 17, at, index: None, data };
    assert_eq!(Event::from_wire(&wire(&event.data.to_json())).unwrap(), event);
    assert!(Event::from_wire(&event.data.to_json()).is_err(), "an event without a place");
}

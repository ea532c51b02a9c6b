//! Tests of events as JSON.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::content::{Channel, ContentBlock, Role};
use crate::ids::MessageId;

/// One of each type, with all of its fields.
fn samples() -> Vec<Value> {
    let spec = json!({"agent": "builtin", "cwd": "/repo", "permissions": "ask", "timeout": 0, "on_turn_end": "keep",
        "crash_policy": "ask"});
    let content = json!([{"type": "text", "text": "hi"}, {"type": "image", "data": "AA==", "mime_type": "image/png"}]);
    let failure = json!({"kind": "timeout", "code": "turn_timeout", "summary": "s", "hint": "h", "bundle": "/b"});
    let (permission, elicitation) = ("prm_0123456789abcdef0123456789abcdef", "elc_0123456789abcdef0123456789abcdef");
    vec![
        json!({"type": "session_created", "spec": spec, "thread": "thr_0123456789abcdef0123456789abcdef",
            "owner": "ada", "namespace": "default", "origin": "user", "title": "t", "labels": {"a": "b"}}),
        json!({"type": "session_updated", "changes": {"title": "t", "permissions": "all", "config": {"x": true}}}),
        json!({"type": "session_waiting", "reason": "no_seat", "detail": "d"}),
        json!({"type": "attempt_assigned", "worker": "local"}),
        json!({"type": "attempt_refused", "code": "cwd_missing", "detail": "d"}),
        json!({"type": "attempt_started", "instance": "ins_0123456789abcdef0123456789abcdef", "version": "1"}),
        json!({"type": "attempt_ended", "exit": {"by": "keeper", "verified": true, "survivors": 0}}),
        json!({"type": "workspace_ready", "workspace": {"cwd": "/w/sub", "root": "/w", "branch": "main",
            "base": "0123456789abcdef0123456789abcdef01234567", "worktree_of": "/repo"}}),
        json!({"type": "agent_launched", "pid": 1, "argv": ["a", "b"], "containment": "cgroup"}),
        json!({"type": "agent_initialized", "name": "a", "title": "A", "version": "1", "protocol_version": 1,
            "capabilities": {"x": [1, 2.5, null]}, "auth_methods": [{"id": "i", "name": "n"}]}),
        json!({"type": "agent_session_started", "agent_session_id": "x", "how": "resumed"}),
        json!({"type": "agent_auth_required", "methods": []}),
        json!({"type": "agent_sign_in_requested", "method": "m", "by": "ada"}),
        json!({"type": "agent_signed_in", "method": "m"}),
        json!({"type": "agent_sign_in_failed", "method": "m", "detail": "d"}),
        json!({"type": "agent_exited", "exit": {"code": 1}, "stderr": "s"}),
        json!({"type": "agent_diagnostic", "code": "c", "detail": "d"}),
        json!({"type": "attempt_failed", "failure": failure}),
        json!({"type": "config_updated", "options": [{"id": "m", "name": "M", "value": "x", "via": "set_mode"}]}),
        json!({"type": "config_requested", "option": "model", "value": "x"}),
        json!({"type": "config_rejected", "option": "model", "detail": "d"}),
        json!({"type": "agent_commands_updated", "commands": [{"name": "n", "description": "d"}]}),
        json!({"type": "turn_queued", "content": content, "source": "user", "front": true}),
        json!({"type": "queue_entry_edited", "content": content}),
        json!({"type": "queue_entry_moved", "position": 1}),
        json!({"type": "queue_entry_dropped", "by": "ada"}),
        json!({"type": "turn_started", "number": 1}),
        json!({"type": "turn_handed_over"}),
        json!({"type": "turn_requeued"}),
        json!({"type": "turn_cancel_requested", "by": "ada"}),
        json!({"type": "turn_ended", "stop_reason": "end_turn", "failure": failure, "usage": {"cost": 0.1}}),
        json!({"type": "message_appended", "message": "msg_0123456789abcdef0123456789abcdef", "role": "agent",
            "channel": "answer", "content": {"type": "text", "text": "\"é\"\n\u{0}"}}),
        json!({"type": "tool_call_updated", "tool_call": {"id": "c", "title": "t", "name": "n", "kind": "edit",
            "status": "completed", "content": [{"type": "diff", "path": "/p", "new_text": "n"}],
            "locations": [{"path": "/p", "line": 3}], "raw_input": {"a": 1}, "raw_output": "o", "meta": {"m": true}}}),
        json!({"type": "plan_updated", "entries": [{"content": "c", "priority": "high", "status": "pending"}]}),
        json!({"type": "usage_updated", "usage": {"input_tokens": 1, "cost": 0.25, "currency": "USD"}}),
        json!({"type": "permission_requested", "request": permission, "tool_call": {"id": "c"},
            "options": [{"id": "o", "name": "O", "kind": "allow_once"}]}),
        json!({"type": "permission_decided", "request": permission, "option_id": "o", "decision": "allow_once",
            "by": "ada", "message": "m"}),
        json!({"type": "elicitation_requested", "request": elicitation, "message": "m", "params": {"x": 1}}),
        json!({"type": "elicitation_answered", "request": elicitation, "action": "accept", "content": {}, "by": "a"}),
        json!({"type": "session_stopping", "cause": "timeout", "mode": "now", "message": "m", "by": "ada"}),
        json!({"type": "session_stopped", "cause": "failed", "detail": "d", "failure": failure, "verified": true}),
        json!({"type": "session_hibernated"}),
        json!({"type": "session_archived"}),
        json!({"type": "session_unarchived"}),
        json!({"type": "session_deleted", "by": "ada"}),
        json!({"type": "log_note", "code": "c", "detail": "d", "raw": {"x": 1}}),
    ]
}

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

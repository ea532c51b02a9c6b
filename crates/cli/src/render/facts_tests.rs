use super::*;

const SESSION: &str = "ses_01900000000070008000000000000001";
const TURN: &str = "trn_01900000000070008000000000000002";

/// The facts of events given as their own part.
fn fold(events: &[&str]) -> Facts {
    let mut facts = Facts::default();
    for (event, seq) in events.iter().zip(1..) {
        let json = format!(
            r#"{{"session":"{SESSION}","seq":{seq},"pos":{seq},"at":"2026-11-21T09:14:{seq:02}Z","turn":"{TURN}",{event}}}"#
        );
        facts.fold(&SessionEvent::from_json(&json).expect("an event"));
    }
    facts
}

const QUEUED: &str = r#""type":"turn_queued","content":[{"type":"text","text":"go"}]"#;
const REJECTED: &str = r#""type":"permission_decided","request":"prm_01900000000070008000000000000003","decision":"reject_once","by":"local""#;
const ALLOWED: &str = r#""type":"permission_decided","request":"prm_01900000000070008000000000000003","decision":"allow_once","by":"local""#;
const COMPLETED: &str = r#""type":"tool_call_updated","tool_call":{"id":"t1","title":"x","status":"completed"}"#;
const FAILED: &str = r#""type":"tool_call_updated","tool_call":{"id":"t1","title":"x","status":"failed"}"#;

fn ended(stop_reason: &str) -> String {
    format!(r#""type":"turn_ended","stop_reason":"{stop_reason}""#)
}

fn ended_with(stop_reason: &str, kind: &str, code: &str) -> String {
    format!(
        r#""type":"turn_ended","stop_reason":"{stop_reason}","failure":{{"kind":"{kind}","code":"{code}","summary":"s"}}"#
    )
}

fn code(events: &[&str], end: &str) -> u8 {
    let mut all = vec![QUEUED];
    all.extend(events);
    all.push(end);
    let facts = fold(&all);
    facts.end.expect("it ended").exit_code(facts.rejected)
}

#[test]
fn each_stop_reason_has_its_exit_code() {
    for (stop_reason, expected) in [
        ("end_turn", exit::DONE),
        ("max_tokens", exit::NOT_COMPLETED),
        ("max_turn_requests", exit::NOT_COMPLETED),
        ("refusal", exit::NOT_COMPLETED),
        ("cancelled", exit::NOT_COMPLETED),
        ("timeout", exit::NOT_COMPLETED),
        ("failed", exit::AGENT_FAILED),
        ("interrupted", exit::AGENT_FAILED),
    ] {
        assert_eq!(code(&[], &ended(stop_reason)), expected, "{stop_reason}");
    }
}

#[test]
fn a_rejection_counts_if_nothing_was_done_after_it() {
    let end = ended("end_turn");
    assert_eq!(code(&[REJECTED], &end), exit::PERMISSION_DENIED, "gave up");
    assert_eq!(code(&[REJECTED, FAILED], &end), exit::PERMISSION_DENIED, "the rejected call fails");
    assert_eq!(code(&[REJECTED, COMPLETED], &end), exit::DONE, "found another way");
    assert_eq!(code(&[REJECTED, ALLOWED], &end), exit::DONE, "asked for something else");
    assert_eq!(code(&[ALLOWED, COMPLETED, REJECTED], &end), exit::PERMISSION_DENIED, "the last step");
    for other in ["cancelled", "refusal", "max_tokens"] {
        assert_eq!(code(&[REJECTED], &ended(other)), exit::PERMISSION_DENIED, "whatever it calls its end: {other}");
    }
    for other in ["failed", "interrupted"] {
        assert_eq!(code(&[REJECTED], &ended(other)), exit::AGENT_FAILED, "a crash is a crash: {other}");
    }
}

#[test]
fn a_recovered_error_is_no_error() {
    assert_eq!(code(&[FAILED, COMPLETED], &ended("end_turn")), exit::DONE);
    assert_eq!(code(&[FAILED], &ended("end_turn")), exit::DONE);
}

#[test]
fn a_failure_says_whether_it_was_a_limit() {
    for (code_, expected) in [
        ("agent_limit", exit::NOT_COMPLETED),
        ("turn_timeout", exit::NOT_COMPLETED),
        ("agent_auth_required", exit::AGENT_FAILED),
        ("agent_crashed", exit::AGENT_FAILED),
        ("internal", exit::AGENT_FAILED),
        ("of_a_newer_version", exit::AGENT_FAILED),
    ] {
        assert_eq!(code(&[], &ended_with("failed", "prompt_failure", code_)), expected, "{code_}");
    }
}

#[test]
fn a_session_that_ends_ends_its_turn() {
    let stopped = |cause: &str| format!(r#""type":"session_stopped","cause":"{cause}","verified":true"#);
    for (cause, expected) in [
        ("completed", exit::DONE),
        ("failed", exit::AGENT_FAILED),
        ("agent_exited", exit::AGENT_FAILED),
        ("user_requested", exit::NOT_COMPLETED),
        ("shutdown", exit::NOT_COMPLETED),
        ("timeout", exit::NOT_COMPLETED),
    ] {
        assert_eq!(code(&[], &stopped(cause)), expected, "{cause}");
    }
    assert_eq!(code(&[], r#""type":"queue_entry_dropped","by":"local""#), exit::NOT_COMPLETED);
    assert_eq!(code(&[], r#""type":"session_deleted","by":"local""#), exit::NOT_COMPLETED);
}

#[test]
fn the_answer_is_the_last_message_alone() {
    let say = |message: char, channel: &str, text: &str| {
        format!(
            r#""type":"message_appended","message":"msg_0190000000007000800000000000000{message}","role":"agent","channel":"{channel}","content":{{"type":"text","text":"{text}"}}"#
        )
    };
    let events =
        [say('1', "answer", "first"), say('2', "thought", "hm"), say('3', "answer", "la"), say('3', "answer", "st")];
    let mut all = vec![QUEUED];
    all.extend(events.iter().map(String::as_str));
    assert_eq!(fold(&all).answer, "last");
}

#[test]
fn events_of_another_turn_are_not_counted() {
    let mut facts = fold(&[QUEUED]);
    let json = format!(
        r#"{{"session":"{SESSION}","seq":2,"at":"2026-11-21T09:14:02Z","turn":"trn_01900000000070008000000000000009","type":"turn_ended","stop_reason":"refusal"}}"#
    );
    facts.fold(&SessionEvent::from_json(&json).expect("an event"));
    assert_eq!(facts.end, None);
}

#[test]
fn files_and_tools_are_counted_once() {
    let edit = r#""type":"tool_call_updated","tool_call":{"id":"t2","title":"x","status":"completed","content":[{"type":"diff","path":"/p/a","old_text":"a\nb\n","new_text":"a\nc\nd\n"}]}"#;
    let facts = fold(&[QUEUED, edit, edit, COMPLETED]);
    assert_eq!(facts.tools, 2);
    assert_eq!(facts.files["/p/a"], (2, 1));
}

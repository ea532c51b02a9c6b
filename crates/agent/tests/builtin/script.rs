//! The builtin agent playing scripts.

use std::fs;

use crate::common::{Person, new_session, prompt, try_prompt, with_agent};
use agent_client_protocol::v1::schema as v1;
use convene_agent::Ended;
use serde_json::json;

const STORY: &str = include_str!("story.json");

#[tokio::test]
async fn every_kind_of_step_is_played() {
    let dir = tempfile::tempdir().unwrap();
    with_agent(Some(STORY), Person::Chooses("yes"), false, async |connection, seen| {
        let session = new_session(&connection, dir.path()).await;
        let stop = prompt(&connection, &session, "The first").await;
        assert_eq!(stop, v1::StopReason::MaxTokens);
        let kinds: Vec<String> =
            seen.updates().iter().map(|update| update["sessionUpdate"].as_str().unwrap().to_owned()).collect();
        for kind in [
            "available_commands_update",
            "session_info_update",
            "agent_thought_chunk",
            "plan",
            "tool_call",
            "tool_call_update",
            "agent_message_chunk",
            "config_option_update",
            "current_mode_update",
            "usage_update",
        ] {
            assert!(kinds.iter().any(|seen| seen == kind), "no {kind} in {kinds:?}");
        }
        assert_eq!(seen.text(), "You said: The first.1, 2, 3, Chosen.");
        assert_eq!(fs::read_to_string(dir.path().join("made.txt")).unwrap(), "by The first");
        let tools = seen.tools();
        assert_eq!(tools[0], ("Read".to_owned(), "completed".to_owned()));
        assert_eq!(tools[1], ("echo 'from a command'".to_owned(), "completed".to_owned()));
        let question = &seen.questions()[0];
        assert_eq!(question["toolCall"]["toolCallId"], "t2");
        assert_eq!(question["toolCall"]["content"][0]["path"], dir.path().join("a.txt").to_str().unwrap());
        let option = v1::SetSessionConfigOptionRequest::new(
            session.clone(),
            "model",
            v1::SessionConfigOptionValue::value_id("small"),
        );
        let set = connection.send_request(option).block_task().await.unwrap();
        let set = serde_json::to_value(set.config_options).unwrap();
        assert_eq!(set[0]["currentValue"], "small");
        let wrong = v1::SetSessionModeRequest::new(session, "nonsense");
        assert!(connection.send_request(wrong).block_task().await.is_err());
    })
    .await;
}

#[tokio::test]
async fn turns_are_matched_else_played_in_order() {
    let script = json!({"turns": [
        {"match": "special", "steps": [{"say": {"text": "S"}}]},
        {"steps": [{"say": {"text": "1"}}]},
        {"steps": [{"say": {"text": "2"}}]},
    ]})
    .to_string();
    let dir = tempfile::tempdir().unwrap();
    with_agent(Some(&script), Person::Cancels, false, async |connection, seen| {
        let session = new_session(&connection, dir.path()).await;
        for text in ["a", "so Special!", "b", "c"] {
            prompt(&connection, &session, text).await;
        }
        assert_eq!(seen.text(), "1S22");
        let other = new_session(&connection, dir.path()).await;
        prompt(&connection, &other, "a").await;
        assert_eq!(seen.text(), "1S221");
    })
    .await;
}

#[tokio::test]
async fn failures_and_cancellation_are_what_the_client_sees() {
    let script = json!({"turns": [
        {"match": "fail", "steps": [{"fail": {"code": -32099, "message": "no", "data": {"why": "scripted"}}}]},
        {"match": "wait", "steps": [{"say": {"text": "waiting"}}, {"delay_ms": 600_000}]},
        {"match": "ask", "steps": [{"ask": {"title": "Sure?", "options": [{"id": "y", "name": "Yes", "kind": "allow_once"}]}}]},
        {"match": "raw", "steps": [{"update": {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "raw"}}}]},
    ]})
    .to_string();
    let dir = tempfile::tempdir().unwrap();
    with_agent(Some(&script), Person::Cancels, false, async |connection, seen| {
        let session = new_session(&connection, dir.path()).await;
        let error = try_prompt(&connection, &session, "fail").await.unwrap_err();
        assert_eq!(i32::from(error.code), -32099);
        assert_eq!(error.data.unwrap()["why"], "scripted");
        let cancel = async {
            seen.wait("the message", |seen| seen.text() == "waiting").await;
            connection.send_notification(v1::CancelNotification::new(session.clone())).unwrap();
        };
        let (stop, ()) = tokio::join!(prompt(&connection, &session, "wait"), cancel);
        assert_eq!(stop, v1::StopReason::Cancelled);
        assert_eq!(prompt(&connection, &session, "ask").await, v1::StopReason::Cancelled);
        assert_eq!(prompt(&connection, &session, "raw").await, v1::StopReason::EndTurn);
        assert_eq!(seen.text(), "waitingraw");
        prompt(&connection, &session, "something else").await;
        assert!(seen.text().ends_with("no turn for this prompt.\n"));
    })
    .await;
}

#[tokio::test]
async fn exit_ends_the_agent_after_what_was_said() {
    let script = json!({"turns": [{"steps": [{"say": {"text": "Bye"}}, {"exit": 7}]}]}).to_string();
    let dir = tempfile::tempdir().unwrap();
    let ended = with_agent(Some(&script), Person::Cancels, false, async |connection, seen| {
        let session = new_session(&connection, dir.path()).await;
        assert!(try_prompt(&connection, &session, "go").await.is_err());
        assert_eq!(seen.text(), "Bye");
    })
    .await;
    assert_eq!(ended, Ended::Exit(7));
}

#[tokio::test]
async fn a_long_stream_arrives_whole_and_in_order() {
    let script = json!({"turns": [{"steps": [{"say": {"text": "{{n}} ", "repeat": 5000}}]}]}).to_string();
    let dir = tempfile::tempdir().unwrap();
    with_agent(Some(&script), Person::Cancels, false, async |connection, seen| {
        let session = new_session(&connection, dir.path()).await;
        prompt(&connection, &session, "go").await;
        let expected: String = (1..=5000).map(|n| format!("{n} ")).collect();
        assert_eq!(seen.text(), expected);
    })
    .await;
}

//! What becomes of the processes that a turn has started when it is cancelled.

use convene_core::directive::Order;
use convene_host::process;

use crate::{
    cases::{ended, trials_of},
    fixture::{Attempt, TURN, turn, with_prompt},
};

trials_of!(
    ends_a_tool_that_its_agent_waits_for,
    kills_a_deaf_tool_and_not_what_an_earlier_turn_left,
    leaves_the_tools_of_an_agent_that_yields
);

fn lives(pid: i32) -> bool {
    process::read(pid).is_some_and(|process| !process.over)
}

/// The process that the agent said it has started.
async fn started(attempt: &Attempt, word: &str) -> i32 {
    let said = |event: &serde_json::Value| {
        event["content"]["text"].as_str().is_some_and(|text| text.contains(&format!("{word} ")))
    };
    attempt.server.event_that("message_appended", said).await;
    let answer = attempt.server.answer();
    let mut words = answer.split_whitespace().skip_while(|said| *said != word);
    words.nth(1).and_then(|pid| pid.parse().ok()).unwrap_or_else(|| panic!("no process in {answer:?}"))
}

async fn ends_a_tool_that_its_agent_waits_for() {
    let attempt = Attempt::start(with_prompt("PAUSE 50\nPROCESS"));
    let tool = started(&attempt, "process").await;
    attempt.server.order(Order::Cancel { turn: turn(TURN) });
    let told = attempt.server.event_that("agent_diagnostic", |e| e["code"] == "tools_ended").await;
    let detail = told["detail"].as_str().unwrap();
    assert!(detail.contains("SIGTERM") && detail.contains(&tool.to_string()), "{detail}");
    assert_eq!(ended(&attempt, TURN).await["stop_reason"], "cancelled");
    assert!(!lives(tool));
    // The agent is the same, and takes the next prompt.
    attempt.prompt(TURN + 1, "hello");
    assert_eq!(ended(&attempt, TURN + 1).await["stop_reason"], "end_turn");
    attempt.finish().await;
}

async fn kills_a_deaf_tool_and_not_what_an_earlier_turn_left() {
    let attempt = Attempt::start(with_prompt("SERVER"));
    let server = started(&attempt, "server").await;
    ended(&attempt, TURN).await;
    attempt.prompt(TURN + 1, "PAUSE 50\nPROCESS DEAF");
    let tool = started(&attempt, "process").await;
    attempt.server.order(Order::Cancel { turn: turn(TURN + 1) });
    let killed = |e: &serde_json::Value| {
        e["code"] == "tools_ended" && e["detail"].as_str().is_some_and(|detail| detail.contains("SIGKILL"))
    };
    attempt.server.event_that("agent_diagnostic", killed).await;
    assert_eq!(ended(&attempt, TURN + 1).await["stop_reason"], "cancelled");
    assert!(!lives(tool) && lives(server), "the tool {} and the server {}", lives(tool), lives(server));
    assert!(attempt.server.events().iter().all(|e| e["code"] != "cancel_ignored"), "the agent was killed for it");
    // Only the end of the session ends the server.
    attempt.finish().await;
    assert!(!lives(server));
}

async fn leaves_the_tools_of_an_agent_that_yields() {
    let attempt = Attempt::start(with_prompt("PAUSE 50\nSERVER\nSLOW"));
    let server = started(&attempt, "server").await;
    attempt.server.order(Order::Cancel { turn: turn(TURN) });
    assert_eq!(ended(&attempt, TURN).await["stop_reason"], "cancelled");
    assert!(lives(server), "what runs on was not asked to end by anybody");
    assert!(attempt.server.events().iter().all(|e| e["code"] != "tools_ended"));
    attempt.finish().await;
}

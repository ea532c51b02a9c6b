//! What the agent remembers: sessions that are opened again, forked, or lost and told; and going to sleep.

use convene_core::directive::Order;
use serde_json::{Value, json};

use crate::{
    cases::{ended, trials_of},
    fixture::{Attempt, TURN, With, with_flags, with_prompt},
};

trials_of!(
    resumes_the_earlier_session,
    loads_the_earlier_session_without_its_replay,
    leaves_out_a_replay_that_comes_late,
    tells_an_agent_that_lost_its_session,
    begins_anew_in_silence_where_nothing_was_said,
    tells_an_agent_that_never_heard_of_it_although_it_resumes,
    forks_the_session_of_another,
    tells_a_fork_of_an_agent_that_cannot_fork,
    goes_to_sleep,
    stays_awake_for_the_work_of_its_agent,
    stays_awake_in_a_turn,
);

const RECAP: &str = "the conversation so far";

fn earlier(flags: &[&str]) -> With {
    With { agent_session_id: Some("fake-1-1".to_owned()), recap: Some(RECAP.to_owned()), ..with_flags(flags) }
}

/// The prompts that the agent got, whole.
fn prompts(attempt: &Attempt) -> Vec<String> {
    let text = |line: &String| serde_json::from_str(line.split_once('\t').unwrap().1).unwrap();
    attempt.receipts().iter().map(text).collect()
}

fn lost(attempt: &Attempt) -> Vec<Value> {
    attempt.server.events().into_iter().filter(|e| e["type"] == "agent_context_lost").collect()
}

async fn resumes_the_earlier_session() {
    let attempt = Attempt::start(With { prompt: Some("hello".to_owned()), ..earlier(&[]) });
    let opened = attempt.server.event("agent_session_started").await;
    assert_eq!((&opened["how"], &opened["agent_session_id"]), (&json!("resumed"), &json!("fake-1-1")));
    ended(&attempt, TURN).await;
    assert_eq!(prompts(&attempt), ["hello"]);
    assert!(lost(&attempt).is_empty());
    attempt.finish().await;
}

async fn loads_the_earlier_session_without_its_replay() {
    let attempt = Attempt::start(With { prompt: Some("hello".to_owned()), ..earlier(&["--no-resume"]) });
    assert_eq!(attempt.server.event("agent_session_started").await["how"], "loaded");
    ended(&attempt, TURN).await;
    assert_eq!(attempt.server.answer(), "echo: hello");
    assert_eq!(prompts(&attempt), ["hello"]);
    attempt.finish().await;
}

async fn leaves_out_a_replay_that_comes_late() {
    let attempt = Attempt::start(earlier(&["--no-resume", "--late-replay"]));
    assert_eq!(attempt.server.event("agent_session_started").await["how"], "loaded");
    attempt.server.event("agent_commands_updated").await;
    attempt.prompt(TURN, "hello");
    ended(&attempt, TURN).await;
    assert_eq!(attempt.server.answer(), "echo: hello");
    attempt.finish().await;
}

async fn tells_an_agent_that_lost_its_session() {
    for (flags, why) in [
        (&["--no-load"][..], "cannot_reopen"),
        (&["--lost"][..], "session_unknown"),
        (&["--lost", "--no-resume"][..], "session_unknown"),
    ] {
        let attempt = Attempt::start(With { prompt: Some("hello".to_owned()), ..earlier(flags) });
        let marker = attempt.server.event("agent_context_lost").await;
        assert_eq!((&marker["why"], &marker["recap"]), (&json!(why), &json!(RECAP.len())), "{flags:?}");
        if why == "session_unknown" {
            assert!(marker["detail"].as_str().unwrap().contains("Invalid session identifier"), "{marker}");
        }
        assert_eq!(attempt.server.event("agent_session_started").await["how"], "new");
        ended(&attempt, TURN).await;
        attempt.prompt(2, "again");
        ended(&attempt, 2).await;
        // Once, before the next prompt, and never as the user's words.
        assert_eq!(prompts(&attempt), [format!("{RECAP}\nhello"), "again".to_owned()]);
        assert_eq!(lost(&attempt).len(), 1);
        attempt.finish().await;
    }
}

async fn begins_anew_in_silence_where_nothing_was_said() {
    let with = With { recap: None, prompt: Some("hello".to_owned()), ..earlier(&["--lost"]) };
    let attempt = Attempt::start(with);
    assert_eq!(attempt.server.event("agent_session_started").await["how"], "new");
    ended(&attempt, TURN).await;
    assert!(lost(&attempt).is_empty());
    assert_eq!(prompts(&attempt), ["hello"]);
    attempt.finish().await;
}

async fn tells_an_agent_that_never_heard_of_it_although_it_resumes() {
    let attempt = Attempt::start(With { recap_due: true, prompt: Some("hello".to_owned()), ..earlier(&[]) });
    assert_eq!(attempt.server.event("agent_session_started").await["how"], "resumed");
    ended(&attempt, TURN).await;
    assert_eq!(prompts(&attempt), [format!("{RECAP}\nhello")]);
    assert!(lost(&attempt).is_empty(), "that was said when it happened");
    attempt.finish().await;
}

fn fork(flags: &[&str]) -> With {
    let (fork_of, prompt) = (Some("fake-1-1".to_owned()), Some("hello".to_owned()));
    With { fork_of, prompt, agent_session_id: None, ..earlier(flags) }
}

async fn forks_the_session_of_another() {
    let attempt = Attempt::start(fork(&["--fork"]));
    let opened = attempt.server.event("agent_session_started").await;
    assert_eq!(opened["how"], "forked");
    assert!(opened["agent_session_id"].as_str().unwrap().starts_with("fake-fork-"), "{opened}");
    ended(&attempt, TURN).await;
    assert_eq!(attempt.server.answer(), "echo: hello", "nothing of what it replays");
    assert_eq!(prompts(&attempt), ["hello"]);
    attempt.finish().await;
}

async fn tells_a_fork_of_an_agent_that_cannot_fork() {
    for flags in [&[][..], &["--fork", "--lost"][..]] {
        let attempt = Attempt::start(fork(flags));
        assert_eq!(attempt.server.event("agent_context_lost").await["why"], "cannot_fork");
        assert_eq!(attempt.server.event("agent_session_started").await["how"], "new");
        ended(&attempt, TURN).await;
        assert_eq!(prompts(&attempt), [format!("{RECAP}\nhello")]);
        attempt.finish().await;
    }
}

async fn goes_to_sleep() {
    let attempt = Attempt::start(with_prompt("TERM true"));
    ended(&attempt, TURN).await;
    attempt.server.order(Order::Hibernate {});
    let exit = attempt.ended().await;
    assert!(exit.verified);
    let events = attempt.server.events();
    assert_eq!(events.last().unwrap()["type"], "agent_exited");
    assert_eq!(events.last().unwrap()["exit"], json!({"code": 0}));
    assert!(events.iter().all(|e| e["type"] != "attempt_failed" && e["type"] != "session_kept_awake"));
}

async fn stays_awake_for_the_work_of_its_agent() {
    let attempt = Attempt::start(with_prompt("DAEMON"));
    ended(&attempt, TURN).await;
    attempt.server.order(Order::Hibernate {});
    let kept = attempt.server.event("session_kept_awake").await;
    assert_eq!(kept["why"], "live_work");
    assert!(kept["detail"].as_str().unwrap().contains("fake-agent (process "), "{kept}");
    // And goes on as if nothing had been.
    attempt.prompt(2, "hello");
    ended(&attempt, 2).await;
    attempt.finish().await;
}

async fn stays_awake_in_a_turn() {
    let attempt = Attempt::start(with_prompt("SLOW"));
    attempt.server.event("message_appended").await;
    attempt.server.order(Order::Hibernate {});
    assert_eq!(attempt.server.event("session_kept_awake").await["why"], "busy");
    attempt.server.order(Order::Cancel { turn: crate::fixture::turn(TURN) });
    assert_eq!(ended(&attempt, TURN).await["stop_reason"], "cancelled");
    attempt.finish().await;
}

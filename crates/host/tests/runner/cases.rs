//! What a runner does in turns, as its server sees it.

use std::time::Duration;

use convene_core::{directive::Order, event::StopMode, spec::PermissionMode};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{Attempt, TURN, With, turn, with_flags, with_prompt};

/// Makes trials of async functions of the same names.
macro_rules! trials_of {
    ($($name:ident),* $(,)?) => {
        pub fn trials() -> Vec<libtest_mimic::Trial> {
            vec![$(libtest_mimic::Trial::test(stringify!($name), || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on($name());
                Ok(())
            })),*]
        }
    };
}
pub(crate) use trials_of;

pub fn all() -> Vec<Trial> {
    let mut all = trials();
    all.extend(crate::context_cases::trials());
    all.extend(crate::end_cases::trials());
    all.extend(crate::link_cases::trials());
    all.extend(crate::start_cases::trials());
    all.extend(crate::tool_cases::trials());
    all
}

trials_of!(
    streams_a_turn_from_prompt_to_end,
    takes_one_prompt_after_the_other,
    asks_for_permission_and_passes_the_answer_on,
    answers_open_questions_when_a_turn_is_cancelled,
    cancels_a_prompt_that_was_not_handed_over,
    cancels_a_running_turn,
    kills_an_agent_that_does_not_yield_to_a_cancel,
    passes_an_elicitation_on,
    tells_tool_calls_plans_thoughts_and_diffs,
    reads_and_writes_files_inside_the_directory_only,
    refuses_what_the_permissions_do_not_allow,
    heeds_a_changed_permission_mode,
    runs_a_terminal,
    answers_unknown_requests_politely,
    survives_garbage_and_invalid_utf8,
    tells_a_failed_prompt,
    keeps_late_updates,
    changes_settings,
    says_the_system_prompt_once,
    redacts_registered_secrets,
    gives_the_agent_an_environment_of_its_own,
    merges_a_flood_into_few_events,
);

pub async fn ended(attempt: &Attempt, number: u128) -> Value {
    let id = turn(number).to_string();
    attempt.server.event_that("turn_ended", |e| e["turn"] == id.as_str()).await
}

async fn streams_a_turn_from_prompt_to_end() {
    let attempt = Attempt::start(with_prompt("STREAM 50"));
    let ended = ended(&attempt, TURN).await;
    assert_eq!(ended["stop_reason"], "end_turn");
    let expected: String = (1..=50).map(|n| format!("w{n} ")).collect();
    assert_eq!(attempt.server.answer(), expected);
    let tags: Vec<String> =
        attempt.server.events().iter().map(|e| e["type"].as_str().unwrap().to_owned()).take(3).collect();
    assert_eq!(tags, ["agent_launched", "agent_initialized", "agent_session_started"]);
    assert_eq!(attempt.receipts().len(), 1);
    let marker = attempt.run_dir.handed_over().unwrap().unwrap();
    assert_eq!(marker.turn, turn(TURN).to_string());
    attempt.finish().await;
}

async fn takes_one_prompt_after_the_other() {
    let attempt = Attempt::start(with_prompt("hello"));
    ended(&attempt, TURN).await;
    attempt.prompt(2, "again");
    ended(&attempt, 2).await;
    assert_eq!(attempt.server.answer(), "echo: helloecho: again");
    let messages: Vec<Value> = attempt
        .server
        .events()
        .iter()
        .filter(|e| e["type"] == "message_appended")
        .map(|e| e["message"].clone())
        .collect();
    assert_eq!(messages.len(), 2);
    assert_ne!(messages[0], messages[1]);
    attempt.finish().await;
}

async fn asks_for_permission_and_passes_the_answer_on() {
    let attempt = Attempt::start(with_prompt("PERM"));
    let asked = attempt.server.event("permission_requested").await;
    assert_eq!(asked["options"].as_array().unwrap().len(), 4);
    assert_eq!(asked["turn"], turn(TURN).to_string());
    let request = asked["request"].as_str().unwrap().parse().unwrap();
    let option_id = Some("allow_always".to_owned());
    let first = attempt.server.order(Order::Decide { request, option_id: option_id.clone() });
    let second = attempt.server.order(Order::Decide { request, option_id });
    ended(&attempt, TURN).await;
    assert_eq!(attempt.server.answer(), "chose allow_always");
    let outcome = |seq| move |s: &crate::server::State| s.done.iter().find(|d| d.0 == seq).map(|d| d.1.clone());
    assert_eq!(attempt.server.wait("outcome", outcome(first)).await, "applied");
    assert_eq!(attempt.server.wait("outcome", outcome(second)).await, "stale");
    attempt.finish().await;
}

async fn answers_open_questions_when_a_turn_is_cancelled() {
    // The scripted agent answers a cancel only once its question is answered, as two real ones do.
    let attempt = Attempt::start(with_prompt("PERM"));
    attempt.server.event("permission_requested").await;
    attempt.server.order(Order::Cancel { turn: turn(TURN) });
    assert_eq!(ended(&attempt, TURN).await["stop_reason"], "cancelled");
    attempt.finish().await;
}

async fn cancels_a_prompt_that_was_not_handed_over() {
    let attempt = Attempt::start(With { prompt: Some("hello".to_owned()), ..with_flags(&["--start-after", "1500"]) });
    attempt.server.event("agent_launched").await;
    attempt.server.order(Order::Cancel { turn: turn(TURN) });
    assert_eq!(ended(&attempt, TURN).await["stop_reason"], "cancelled");
    attempt.server.event("agent_session_started").await;
    attempt.prompt(2, "hello");
    ended(&attempt, 2).await;
    assert_eq!(attempt.receipts().len(), 1);
    attempt.finish().await;
}

async fn cancels_a_running_turn() {
    let attempt = Attempt::start(with_prompt("SLOW"));
    attempt.server.event("message_appended").await;
    attempt.server.order(Order::Cancel { turn: turn(TURN) });
    assert_eq!(ended(&attempt, TURN).await["stop_reason"], "cancelled");
    let late = attempt.server.order(Order::Cancel { turn: turn(TURN) });
    let outcome = attempt.server.wait("outcome", |s| s.done.iter().find(|d| d.0 == late).map(|d| d.1.clone())).await;
    assert_eq!(outcome, "stale");
    attempt.prompt(2, "hello");
    ended(&attempt, 2).await;
    attempt.finish().await;
}

async fn kills_an_agent_that_does_not_yield_to_a_cancel() {
    let attempt = Attempt::start(with_prompt("HANG"));
    attempt.server.event("turn_handed_over").await;
    attempt.server.order(Order::Cancel { turn: turn(TURN) });
    attempt.server.event_that("agent_diagnostic", |e| e["code"] == "cancel_ignored").await;
    let exited = attempt.server.event("agent_exited").await;
    assert_eq!(exited["exit"]["signal"], 9);
    let exit = attempt.ended().await;
    assert!(exit.verified);
    // The turn is the server's to end: it knows that it was cancelled.
    assert!(attempt.server.events().iter().all(|e| e["type"] != "turn_ended" && e["type"] != "attempt_failed"));
}

async fn passes_an_elicitation_on() {
    let attempt = Attempt::start(with_prompt("ELICIT"));
    let asked = attempt.server.event("elicitation_requested").await;
    assert_eq!(asked["message"], "What is your name?");
    assert_eq!(asked["params"]["requestedSchema"]["type"], "object");
    let request = asked["request"].as_str().unwrap().parse().unwrap();
    let content = Some(json!({"name": "Ada"}));
    attempt.server.order(Order::Answer { request, action: "accept".to_owned(), content });
    ended(&attempt, TURN).await;
    assert_eq!(attempt.server.answer(), r#"answered {"action":"accept","content":{"name":"Ada"}}"#);
    attempt.finish().await;
}

async fn tells_tool_calls_plans_thoughts_and_diffs() {
    let attempt = Attempt::start(with_prompt("THINK 3\nPLAN\nTOOL\nTOOL UPDATE\nDIFF"));
    ended(&attempt, TURN).await;
    let events = attempt.server.events();
    let of = |tag: &'static str| events.iter().filter(move |e| e["type"] == tag).collect::<Vec<_>>();
    let thoughts: String =
        of("message_appended").iter().map(|e| e["content"]["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(thoughts, "t1 t2 t3 ");
    assert!(of("message_appended").iter().all(|e| e["channel"] == "thought"));
    assert_eq!(of("plan_updated").last().unwrap()["entries"][0]["status"], "completed");
    let tools = of("tool_call_updated");
    let last = |id: &str| tools.iter().rev().find(|e| e["tool_call"]["id"] == id).unwrap()["tool_call"].clone();
    assert_eq!(last("tool-1")["status"], "completed");
    assert_eq!(last("tool-1")["raw_output"]["exit_code"], 0);
    assert_eq!(last("diff-1")["content"][0]["new_text"], "one\n2\nthree\n");
    attempt.finish().await;
}

async fn reads_and_writes_files_inside_the_directory_only() {
    let attempt = Attempt::start(With::default());
    attempt.server.event("agent_session_started").await;
    let outside = attempt.cwd.parent().unwrap().join("secret");
    std::fs::write(&outside, "not for you").unwrap();
    std::os::unix::fs::symlink(&outside, attempt.cwd.join("link")).unwrap();
    std::fs::write(attempt.cwd.join("there"), "hello").unwrap();
    let cwd = attempt.cwd.display();
    let prompt = format!(
        "READ {cwd}/there\nREAD {cwd}/link\nREAD {cwd}/../secret\nREAD {cwd}/missing\nWRITE {cwd}/new/file some text\n\
         WRITE {cwd}/link gotcha\nREAD {cwd}/new/file\nREAD {cwd}",
    );
    attempt.prompt(2, &prompt);
    ended(&attempt, 2).await;
    let expected = "got hello|error -32602|error -32602|error -32002|ok|error -32602|got some text|error -32602";
    assert_eq!(attempt.server.answer(), expected.replace('|', ""));
    assert_eq!(std::fs::read_to_string(outside).unwrap(), "not for you");
    attempt.finish().await;
}

async fn refuses_what_the_permissions_do_not_allow() {
    let attempt = Attempt::start(With { spec: json!({"permissions": "reads"}), ..With::default() });
    attempt.server.event("agent_session_started").await;
    std::fs::write(attempt.cwd.join("there"), "hello").unwrap();
    let cwd = attempt.cwd.display();
    attempt.prompt(2, &format!("READ {cwd}/there\nWRITE {cwd}/there no\nTERM true\nPERM\nWRITE {cwd}/there yes"));
    let asked = attempt.server.event("permission_requested").await;
    let request = asked["request"].as_str().unwrap().parse().unwrap();
    attempt.server.order(Order::Decide { request, option_id: Some("allow_once".to_owned()) });
    ended(&attempt, 2).await;
    // What a person allowed is not refused again.
    assert_eq!(attempt.server.answer(), "got helloerror -32603error -32603chose allow_onceok");
    assert_eq!(std::fs::read_to_string(attempt.cwd.join("there")).unwrap(), "yes");
    attempt.finish().await;
}

async fn heeds_a_changed_permission_mode() {
    let attempt = Attempt::start(With { spec: json!({"permissions": "deny"}), ..With::default() });
    attempt.server.event("agent_session_started").await;
    let there = attempt.cwd.join("there");
    let write = format!("WRITE {} yes", there.display());
    attempt.prompt(2, &write);
    ended(&attempt, 2).await;
    attempt.server.order(Order::Permissions { mode: PermissionMode::All });
    attempt.prompt(3, &write);
    ended(&attempt, 3).await;
    assert_eq!(attempt.server.answer(), "error -32603ok");
    assert_eq!(std::fs::read_to_string(there).unwrap(), "yes");
    attempt.finish().await;
}

async fn runs_a_terminal() {
    let attempt = Attempt::start(with_prompt("TERM sh -c echo${IFS}hello;pwd;exit${IFS}3\nTERM no-such-program"));
    ended(&attempt, TURN).await;
    let expected = format!("exit 3 hello\n{}\nerror -32603", attempt.cwd.display());
    assert_eq!(attempt.server.answer(), expected);
    attempt.finish().await;
}

async fn answers_unknown_requests_politely() {
    let attempt = Attempt::start(with_prompt("EXT"));
    ended(&attempt, TURN).await;
    assert_eq!(attempt.server.answer(), "error -32601");
    attempt.finish().await;
}

async fn survives_garbage_and_invalid_utf8() {
    let attempt = Attempt::start(with_prompt("GARBAGE\nBADUTF8\nhello\nTWICE"));
    assert_eq!(ended(&attempt, TURN).await["stop_reason"], "end_turn");
    attempt.server.event_that("agent_diagnostic", |e| e["code"] == "stdout_noise").await;
    attempt.server.event_that("agent_diagnostic", |e| e["code"] == "invalid_utf8").await;
    assert!(attempt.server.answer().contains("echo: hello"));
    attempt.prompt(2, "hello again");
    ended(&attempt, 2).await;
    attempt.finish().await;
}

async fn tells_a_failed_prompt() {
    let attempt = Attempt::start(with_prompt("FAIL -32603"));
    let end = ended(&attempt, TURN).await;
    assert_eq!((&end["stop_reason"], &end["failure"]["kind"]), (&json!("failed"), &json!("prompt_failure")));
    attempt.prompt(2, "FAIL -32000");
    let end = ended(&attempt, 2).await;
    assert_eq!(end["failure"]["code"], "agent_auth_required");
    assert_eq!(end["failure"]["hint"], "run `fake login`");
    attempt.prompt(3, "hello");
    ended(&attempt, 3).await;
    attempt.finish().await;
}

async fn keeps_late_updates() {
    let attempt = Attempt::start(with_prompt("hello\nLATE"));
    ended(&attempt, TURN).await;
    attempt.server.event_that("message_appended", |e| e["content"]["text"].as_str().unwrap().ends_with("late")).await;
    attempt.finish().await;
}

async fn changes_settings() {
    let attempt = Attempt::start(With { spec: json!({"mode": "Code"}), ..With::default() });
    let set = attempt.server.event_that("config_updated", |e| e["options"][0]["value"] == "code").await;
    assert_eq!(set["options"][0]["via"], "set_mode");
    attempt.server.order(Order::Configure { option: "model".to_owned(), value: "none".into() });
    attempt.server.event_that("config_rejected", |e| e["option"] == "model").await;
    attempt.server.order(Order::Configure { option: "mode".to_owned(), value: "ask".into() });
    attempt
        .server
        .wait("the mode changed back", |state| {
            let last = state.events.iter().rev().find(|e| e["type"] == "config_updated")?;
            (last["options"][0]["value"] == "ask").then_some(())
        })
        .await;
    attempt.server.order(Order::Configure { option: "mode".to_owned(), value: "nonsense".into() });
    attempt.server.event_that("config_rejected", |e| e["option"] == "mode").await;
    attempt.finish().await;
}

async fn says_the_system_prompt_once() {
    let system_prompt = Some("You are terse.".to_owned());
    let attempt = Attempt::start(With { system_prompt: system_prompt.clone(), ..with_prompt("hello") });
    ended(&attempt, TURN).await;
    attempt.server.order(crate::fixture::prompt(turn(2), "again", system_prompt));
    ended(&attempt, 2).await;
    let receipts = attempt.receipts();
    assert!(receipts[0].ends_with("\t\"You are terse.\\nhello\""), "{receipts:?}");
    assert!(receipts[1].ends_with("\t\"again\""), "{receipts:?}");
    attempt.finish().await;
}

async fn redacts_registered_secrets() {
    let env = vec![("FAKE_API_KEY".to_owned(), "s3cr3t-\"value\"-of-a-key".to_owned())];
    let spec = json!({"env": {"LITERAL_PASSWORD": "hunter2hunter2"}});
    let prompt = "say s3cr3t-\"value\"-of-a-key\nhunter2hunter2\nthe-attempts-own-token\nSTDERR 10";
    let attempt = Attempt::start(With { env, spec, ..with_prompt(prompt) });
    ended(&attempt, TURN).await;
    attempt.finish().await;
    let everything = attempt.server.state.lock().unwrap().texts.join("\n");
    for secret in ["s3cr3t", "hunter2hunter2", "the-attempts-own-token"] {
        assert!(!everything.contains(secret), "{secret} in {everything}");
    }
    assert!(everything.contains("[redacted]"));
}

async fn gives_the_agent_an_environment_of_its_own() {
    let env = vec![("FAKE_SETTING".to_owned(), "named".to_owned())];
    let attempt = Attempt::start(With { env, ..with_prompt("TERM env") });
    ended(&attempt, TURN).await;
    let said = attempt.server.answer();
    let names: Vec<&str> = said.lines().filter_map(|line| line.split('=').next()).collect();
    for wanted in ["CONVENE_SESSION_ID", "CONVENE_THREAD_ID", "CONVENE_ATTEMPT", "CONVENE_AGENT", "FAKE_SETTING"] {
        assert!(said.contains(&format!("{wanted}=")), "no {wanted} in {said}");
    }
    let foreign = names.iter().find(|name| name.starts_with("CARGO") || name.starts_with("NEXTEST"));
    assert_eq!(foreign, None);
    attempt.finish().await;
}

async fn merges_a_flood_into_few_events() {
    let attempt = Attempt::start(With { ack_delay: Duration::from_millis(30), ..with_prompt("STREAM 20000") });
    ended(&attempt, TURN).await;
    let expected: String = (1..=20_000).map(|n| format!("w{n} ")).collect();
    assert_eq!(attempt.server.answer(), expected);
    let pieces = attempt.server.events().iter().filter(|e| e["type"] == "message_appended").count();
    assert!(pieces < 2_000, "{pieces} pieces");
    attempt.stop(StopMode::Now);
    attempt.ended().await;
}

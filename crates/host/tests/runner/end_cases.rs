//! How an attempt ends: by order, by its agent's death, by the limits.

use std::time::Duration;

use convene_core::{event::StopMode, failure::StopStep};
use convene_host::{launch_spec::TreeMax, process::Exit};
use rustix::process::Signal;
use serde_json::json;

use crate::{
    cases::{ended, trials_of},
    fixture::{Attempt, TURN, With, turn, with_flags, with_prompt},
};

trials_of!(
    stops_an_idle_agent_by_the_end_of_its_input,
    stops_a_deaf_agent_in_the_middle_of_a_turn,
    tells_which_rung_was_needed,
    stops_at_once_when_told_so,
    leaves_no_daemon_behind,
    stops_in_order_when_the_keeper_is_told_to,
    tells_how_an_agent_died_in_a_turn,
    tells_what_an_agent_wrote_before_it_died,
    tells_half_a_line,
    tells_what_a_dead_agent_left_although_there_is_no_room,
    gives_no_prompt_to_an_agent_that_has_ended,
    takes_a_long_line,
    does_not_take_a_line_without_end,
    ends_the_agent_when_it_is_fenced,
    ends_a_tree_that_grows_between_turns,
    ends_a_tree_that_grows_before_it_says_hello,
    keeps_a_secret_in_pieces_out_of_bundles,
    quotes_what_an_agent_wrote_about_its_end,
);

/// Starts so many processes that stay.
const BOMB: &str = "i=0; while [ $i -lt 40 ]; do sleep 300 & i=$((i+1)); done";

async fn stops_an_idle_agent_by_the_end_of_its_input() {
    let attempt = Attempt::start(with_prompt("hello"));
    ended(&attempt, TURN).await;
    attempt.stop(StopMode::Graceful);
    assert_eq!(attempt.server.event("agent_exited").await["exit"]["code"], 0);
    let exit = attempt.ended().await;
    assert_eq!((exit.runner, exit.verified), (Some(Exit::Code(0)), true));
    assert_eq!((exit.agent.unwrap().exit, exit.step), (Exit::Code(0), Some(StopStep::Close)));
}

async fn stops_a_deaf_agent_in_the_middle_of_a_turn() {
    let flags = with_flags(&["--ignore-sigterm", "--ignore-eof"]);
    let attempt = Attempt::start(With { prompt: Some("HANG".to_owned()), ..flags });
    attempt.server.event("turn_handed_over").await;
    attempt.stop(StopMode::Graceful);
    let exited = attempt.server.event("agent_exited").await;
    assert_eq!((&exited["exit"]["signal"], &exited["step"]), (&json!(9), &json!("kill")));
    let exit = attempt.ended().await;
    assert_eq!((exit.verified, exit.step), (true, Some(StopStep::Kill)));
}

/// Every rung that ends an agent is told; an agent that went by itself needed none.
async fn tells_which_rung_was_needed() {
    let deaf = ["--ignore-eof"];
    for (flags, prompt, step) in [(&deaf[..], "hello", "terminate"), (&[], "SLOW", "close"), (&[], "HANG", "close")] {
        let attempt = Attempt::start(With { prompt: Some(prompt.to_owned()), ..with_flags(flags) });
        attempt.server.event("turn_handed_over").await;
        if prompt == "hello" {
            ended(&attempt, TURN).await;
        }
        attempt.stop(StopMode::Graceful);
        assert_eq!(attempt.server.event("agent_exited").await["step"], step, "{flags:?} {prompt}");
        assert_eq!(json!(attempt.ended().await.step), step, "{flags:?} {prompt}");
    }
    let attempt = Attempt::start(with_prompt("EXIT 3"));
    assert!(attempt.server.event("agent_exited").await["step"].is_null());
    assert_eq!(attempt.ended().await.step, None);
}

async fn stops_at_once_when_told_so() {
    let attempt = Attempt::start(with_prompt("SLOW"));
    attempt.server.event("message_appended").await;
    attempt.stop(StopMode::Now);
    assert_eq!(attempt.server.event("agent_exited").await["exit"]["signal"], 9);
    let exit = attempt.ended().await;
    assert_eq!((exit.verified, exit.step), (true, Some(StopStep::Kill)));
}

async fn leaves_no_daemon_behind() {
    for words in ["DAEMON", "DAEMON HOLD"] {
        let attempt = Attempt::start(with_prompt(words));
        ended(&attempt, TURN).await;
        let said = attempt.server.answer();
        let pids: Vec<i32> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        assert_eq!(pids.len(), 4, "{said}");
        // The agent itself went when it was asked to; what it left did not.
        attempt.stop(StopMode::Graceful);
        assert_eq!(attempt.server.event("agent_exited").await["step"], "close");
        let exit = attempt.ended().await;
        assert_eq!((exit.verified, exit.step), (true, Some(StopStep::Tree)));
        for pid in pids {
            assert!(convene_host::process::read(pid).is_none_or(|process| process.over), "{pid} lives");
        }
    }
}

async fn stops_in_order_when_the_keeper_is_told_to() {
    let attempt = Attempt::start(with_prompt("SLOW"));
    attempt.server.event("message_appended").await;
    attempt.keeper.signal(Signal::TERM).unwrap();
    let end = ended(&attempt, TURN).await;
    assert_eq!(end["stop_reason"], "cancelled");
    attempt.server.event("agent_exited").await;
    assert!(attempt.ended().await.verified);
}

async fn tells_how_an_agent_died_in_a_turn() {
    for (words, exit) in [("hello\nEXIT 3", json!({"code": 3})), ("hello\nCRASH", json!({"signal": 6}))] {
        let attempt = Attempt::start(with_prompt(words));
        let failure = attempt.server.event("attempt_failed").await["failure"].clone();
        assert_eq!((&failure["kind"], &failure["code"]), (&json!("process_exit"), &json!("agent_crashed")));
        assert_eq!(attempt.server.event("agent_exited").await["exit"], exit);
        assert_eq!(attempt.server.answer(), "echo: hello");
        assert!(attempt.ended().await.verified);
        // The turn is the server's to end, with the attempt.
        assert!(attempt.server.events().iter().all(|e| e["type"] != "turn_ended"));
    }
}

async fn tells_what_an_agent_wrote_before_it_died() {
    let attempt = Attempt::start(with_prompt("STDERR 100000\nEXIT 1"));
    let exited = attempt.server.event("agent_exited").await;
    let stderr = exited["stderr"].as_str().unwrap();
    assert!(!stderr.is_empty() && stderr.len() <= 4096, "{}", stderr.len());
    let file = std::fs::metadata(attempt.run_dir.path().join("agent_stderr")).unwrap();
    assert!(file.len() > 0 && file.len() < 300_000);
    attempt.ended().await;
}

async fn tells_half_a_line() {
    let attempt = Attempt::start(with_prompt("hello\nNONEWLINE"));
    attempt.server.event("attempt_failed").await;
    attempt.server.event_that("agent_diagnostic", |e| e["code"] == "stdout_noise").await;
    assert_eq!(attempt.server.event("agent_exited").await["exit"]["code"], 0);
    attempt.ended().await;
}

async fn tells_what_a_dead_agent_left_although_there_is_no_room() {
    let attempt = Attempt::start(With {
        spool_max: Some(10_000),
        ack_delay: Duration::from_secs(2),
        ..with_prompt("LINE 20000\nPAUSE 300\nLINE 20001\nLINE 20002\nEXIT 3")
    });
    assert_eq!(attempt.server.event("agent_exited").await["exit"]["code"], 3);
    // What is told of a line is a little shorter.
    let answer = attempt.server.answer().len();
    assert!(answer > 59_000, "{answer} bytes");
    attempt.ended().await;
}

async fn gives_no_prompt_to_an_agent_that_has_ended() {
    // Its children hold its output open, so that it is not known at once that it says no more.
    let attempt = Attempt::start(with_prompt("DAEMON HOLD"));
    ended(&attempt, TURN).await;
    let agent = attempt.server.event("agent_launched").await["pid"].as_i64().unwrap();
    let agent = rustix::process::Pid::from_raw(i32::try_from(agent).unwrap()).unwrap();
    rustix::process::kill_process(agent, Signal::KILL).unwrap();
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while attempt.run_dir.agent_exit().unwrap().is_none() {
        assert!(std::time::Instant::now() < until, "nobody collects it");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    attempt.prompt(2, "hello");
    assert!(attempt.ended().await.verified);
    assert_eq!(attempt.run_dir.handed_over().unwrap().unwrap().turn, turn(TURN).to_string());
    assert_eq!(attempt.receipts().len(), 1);
}

async fn takes_a_long_line() {
    let attempt = Attempt::start(with_prompt("LINE 8000000"));
    assert_eq!(ended(&attempt, TURN).await["stop_reason"], "end_turn");
    assert!(attempt.server.answer().len() > 7_999_000);
    let peak = attempt.memory_peak();
    assert!(peak < 160, "{peak} MiB");
    attempt.finish().await;
}

async fn does_not_take_a_line_without_end() {
    for words in ["LINE 100000000", "NONEWLINE 100000000"] {
        let attempt = Attempt::start(with_prompt(words));
        let failed = attempt.server.event("attempt_failed").await;
        assert_eq!(failed["failure"]["code"], "agent_line_too_long");
        let told = attempt.server.event_that("agent_diagnostic", |e| e["code"] == "line_too_long").await;
        assert!(told["detail"].as_str().unwrap().len() < 1000);
        let exit = attempt.ended().await;
        assert!(exit.verified);
    }
}

async fn ends_the_agent_when_it_is_fenced() {
    let attempt = Attempt::start(with_prompt("SLOW"));
    attempt.server.event("message_appended").await;
    attempt.server.fence();
    assert!(attempt.ended().await.verified);
}

async fn ends_a_tree_that_grows_between_turns() {
    let tree_max = TreeMax { processes: 30, memory: 0 };
    // Few while the turn runs, many when nobody prompts any more.
    let before = format!("(while [ ! -e go ]; do sleep 0.1; done; {BOMB}; wait) </dev/null >/dev/null 2>&1 &");
    let attempt = Attempt::start(With { before: Some(before), tree_max, ..with_prompt("hello") });
    assert_eq!(attempt.server.event("agent_launched").await["limits"]["by"], "watch");
    ended(&attempt, TURN).await;
    std::fs::write(attempt.cwd.join("go"), "").unwrap();
    let failed = attempt.server.event("attempt_failed").await;
    assert_eq!(failed["failure"]["code"], "agent_over_limit", "{failed}");
    let exit = attempt.ended().await;
    assert_eq!((exit.verified, exit.step), (true, Some(StopStep::Tree)));
}

async fn ends_a_tree_that_grows_before_it_says_hello() {
    let tree_max = TreeMax { processes: 30, memory: 0 };
    let script = format!("sleep 3; {BOMB}; wait");
    let command = Some(["sh", "-c", &script].map(str::to_owned).to_vec());
    let attempt = Attempt::start(With { command, tree_max, ..With::default() });
    let failed = attempt.server.event("attempt_failed").await;
    assert_eq!(failed["failure"]["code"], "agent_over_limit", "{failed}");
    assert!(attempt.ended().await.verified);
}

/// The bundle is begun while the agent lives and has written half of a secret, and completed when it has written the rest.
async fn keeps_a_secret_in_pieces_out_of_bundles() {
    const SECRET: &str = "canary-0b4e6a1f7c2d9358";
    let script = r#"
        trap 'printf "9358 is used\n" >&2; exit 1' TERM
        printf "the key canary-0b4e6a1f7c2d" >&2
        read line
        id=$(printf "%s" "$line" | sed 's/.*"id":\([^,}]*\).*/\1/')
        printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-1,"message":"no"}}\n' "$id"
        while :; do :; done"#;
    let command = Some(["sh", "-c", script].map(str::to_owned).to_vec());
    let env = vec![("FAKE_API_KEY".to_owned(), SECRET.to_owned())];
    let attempt = Attempt::start(With { command, env, ..With::default() });
    let failure = attempt.server.event("attempt_failed").await["failure"].clone();
    attempt.ended().await;
    let bundle = std::fs::read_to_string(failure["bundle"].as_str().expect("a bundle")).unwrap();
    assert!(bundle.contains("the key [redacted] is used"), "{bundle}");
    let kept = std::fs::read_to_string(attempt.run_dir.path().join("agent_stderr")).unwrap();
    assert_eq!(kept, "the key [redacted] is used\n");
}

async fn quotes_what_an_agent_wrote_about_its_end() {
    let before = "echo 'error: cannot read settings' >&2".to_owned();
    let attempt = Attempt::start(With { before: Some(before.clone()), ..with_prompt("hello\nEXIT 3") });
    let failure = attempt.server.event("attempt_failed").await["failure"].clone();
    assert_eq!(failure["summary"], "Fake ended with exit code 3 in a turn");
    assert!(attempt.server.event("agent_exited").await["stderr"].as_str().unwrap().contains("settings"));
    attempt.ended().await;
    // Before it is ready, its start is what it is about.
    let before = format!("{before}; exit 3");
    let attempt = Attempt::start(With { before: Some(before), ..With::default() });
    let failure = attempt.server.event("attempt_failed").await["failure"].clone();
    assert!(failure["summary"].as_str().unwrap().ends_with("it wrote: error: cannot read settings"), "{failure}");
    attempt.ended().await;
}

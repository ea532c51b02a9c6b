//! How an attempt begins, and the many ways in which it does not.

use convene_core::directive::Order;
use serde_json::{Value, json};

use crate::{
    cases::{ended, trials_of},
    fixture::{Attempt, TURN, With, with_flags, with_prompt},
};

trials_of!(
    launches_nothing_when_it_is_fenced,
    says_that_the_program_is_not_there,
    says_that_the_program_may_not_be_run,
    says_how_an_agent_ended_before_hello,
    says_that_no_answer_came,
    says_that_text_came_where_acp_was_expected,
    works_with_an_agent_that_prints_a_banner,
    says_that_the_protocol_is_another,
    says_that_a_sign_in_is_wanted,
    signs_in_and_opens_its_session,
    announces_a_key_of_the_environment_by_itself,
    begins_nothing_with_another_model_than_the_wanted_one,
);

/// Starts an agent that fails, and returns the failure.
async fn failure(with: With) -> (Value, Attempt) {
    let attempt = Attempt::start(With { prompt: Some("hello".to_owned()), ..with });
    let failed = attempt.server.event("attempt_failed").await;
    let exit = attempt.ended().await;
    assert!(exit.verified);
    // The prompt was not handed over, so what becomes of it is the server's decision.
    assert_eq!(attempt.run_dir.handed_over().unwrap(), None);
    assert!(attempt.server.events().iter().all(|e| e["type"] != "turn_ended"));
    (failed["failure"].clone(), attempt)
}

fn program(path: &str) -> With {
    With { command: Some(vec![path.to_owned()]), ..With::default() }
}

async fn launches_nothing_when_it_is_fenced() {
    let attempt = Attempt::start(With { fenced: true, ..with_prompt("hello") });
    let exit = attempt.ended().await;
    assert!(exit.verified);
    assert_eq!(exit.runner, Some(convene_host::process::Exit::Code(0)));
    assert!(attempt.server.events().is_empty());
    assert!(attempt.receipts().is_empty());
}

async fn says_that_the_program_is_not_there() {
    let (failure, _attempt) = failure(program("/no/such/program")).await;
    assert_eq!((&failure["kind"], &failure["code"]), (&json!("startup_failure"), &json!("agent_start_failed")));
    assert!(failure["summary"].as_str().unwrap().contains("/no/such/program"));
    assert_eq!(failure["hint"], "convene agents show fake");
}

async fn says_that_the_program_may_not_be_run() {
    let (failure, _attempt) = failure(program("/etc/passwd")).await;
    assert_eq!(failure["code"], "agent_start_failed");
    assert!(failure["summary"].as_str().unwrap().to_lowercase().contains("permission denied"), "{failure}");
}

async fn says_how_an_agent_ended_before_hello() {
    let (failure, attempt) = failure(with_flags(&["--exit-at-start", "7"])).await;
    assert_eq!((&failure["kind"], &failure["code"]), (&json!("startup_failure"), &json!("agent_exited_early")));
    let summary = failure["summary"].as_str().unwrap();
    assert!(summary.contains("exit code 7") && summary.contains("told to exit at once"), "{summary}");
    assert_eq!(attempt.server.event("agent_exited").await["exit"]["code"], 7);
}

async fn says_that_no_answer_came() {
    let with = With { start_timeout_ms: Some(500), ..with_flags(&["--no-initialize"]) };
    let (failure, _attempt) = failure(with).await;
    assert_eq!((&failure["kind"], &failure["code"]), (&json!("handshake_failure"), &json!("agent_no_handshake")));
}

async fn says_that_text_came_where_acp_was_expected() {
    let (first, _attempt) = failure(program("/bin/date")).await;
    assert_eq!((&first["kind"], &first["code"]), (&json!("handshake_failure"), &json!("agent_not_acp")));
    let closed = ["/bin/sh", "-c", "echo Welcome; exec cat >/dev/null"].map(str::to_owned).to_vec();
    let (closed, _attempt) = failure(With { command: Some(closed), ..With::default() }).await;
    assert_eq!(closed["code"], "agent_not_acp");
    let with = With { start_timeout_ms: Some(500), ..with_flags(&["--no-initialize", "--banner"]) };
    let (second, _attempt) = failure(with).await;
    assert_eq!(second["code"], "agent_not_acp");
    assert!(second["summary"].as_str().unwrap().contains("Welcome to fake-agent"), "{second}");
}

async fn works_with_an_agent_that_prints_a_banner() {
    let attempt = Attempt::start(With { prompt: Some("hello".to_owned()), ..with_flags(&["--banner"]) });
    assert_eq!(ended(&attempt, TURN).await["stop_reason"], "end_turn");
    let told = attempt.server.event("agent_diagnostic").await;
    assert!(told["detail"].as_str().unwrap().starts_with("Welcome to fake-agent"));
    attempt.finish().await;
}

async fn says_that_the_protocol_is_another() {
    let (failure, _attempt) = failure(with_flags(&["--protocol", "2"])).await;
    assert_eq!(
        (&failure["kind"], &failure["code"]),
        (&json!("handshake_failure"), &json!("agent_protocol_unsupported"))
    );
    assert_eq!(failure["hint"], "update convene");
}

async fn says_that_a_sign_in_is_wanted() {
    let with = With { sign_in_timeout_ms: Some(500), ..with_flags(&["--auth"]) };
    let (failure, attempt) = failure(with).await;
    assert_eq!((&failure["kind"], &failure["code"]), (&json!("provider_auth_failure"), &json!("agent_auth_required")));
    assert_eq!(failure["hint"], "run `fake login`");
    let wanted = attempt.server.event("agent_auth_required").await;
    assert_eq!(wanted["methods"][0]["id"], "fake-login");
}

async fn signs_in_and_opens_its_session() {
    let attempt = Attempt::start(With { prompt: Some("hello".to_owned()), ..with_flags(&["--auth"]) });
    attempt.server.event("agent_auth_required").await;
    attempt.server.order(Order::Authenticate { method: "fake-broken".to_owned() });
    let failed = attempt.server.event("agent_sign_in_failed").await;
    assert_eq!(failed["method"], "fake-broken");
    assert!(failed["detail"].as_str().unwrap().contains("out of order"), "{failed}");
    attempt.server.order(Order::Authenticate { method: "fake-login".to_owned() });
    assert_eq!(attempt.server.event("agent_signed_in").await["method"], "fake-login");
    assert_eq!(attempt.server.event("agent_session_started").await["how"], "new");
    ended(&attempt, TURN).await;
    assert_eq!(attempt.server.answer(), "echo: hello");
    attempt.finish().await;
}

async fn announces_a_key_of_the_environment_by_itself() {
    let env = vec![("FAKE_API_KEY".to_owned(), "k-e-y".to_owned())];
    let attempt = Attempt::start(With { prompt: Some("hello".to_owned()), env, ..with_flags(&["--auth"]) });
    assert_eq!(attempt.server.event("agent_signed_in").await["method"], "fake-key");
    ended(&attempt, TURN).await;
    attempt.finish().await;
}

async fn begins_nothing_with_another_model_than_the_wanted_one() {
    let (refused, _attempt) = failure(With { spec: json!({"model": "none"}), ..With::default() }).await;
    assert_eq!((&refused["kind"], &refused["code"]), (&json!("load_session_failure"), &json!("config_option_unknown")));
    assert!(refused["summary"].as_str().unwrap().contains("model"), "{refused}");
    let (refused, _attempt) = failure(With { spec: json!({"mode": "nonsense"}), ..With::default() }).await;
    assert_eq!(refused["code"], "agent_start_failed");
    assert!(refused["hint"].as_str().unwrap().contains("code"), "{refused}");
}

//! Agents that are not there, or not what they should be: each one is told apart, and the server lives on.

use anyhow::{Context as _, Result, ensure};
use convene_core::{
    failure::{Failure, StopCause, StopReason},
    view::SessionView,
};
use convene_testkit::cluster::{Builder, Cluster, Role};

fn cluster() -> Builder {
    Cluster::of(env!("CARGO_BIN_EXE_convene"))
}

/// Prompts the agent and returns the session when it is over, one way or the other.
async fn play(cluster: &Cluster, agent: &str, prompt: &str) -> Result<SessionView> {
    let body = cluster.session_of(agent, prompt);
    let created = cluster.client()?.create_session(&body, &convene_api::client::CommandKey::fresh()).await?;
    let over = |s: &SessionView| s.last_turn.is_some() && (s.state == "stopped" || s.state == "idle");
    cluster.wait_session(created.session.id, &format!("{agent} is over"), over).await
}

/// The session failed, with one code everywhere, a summary and a hint.
fn failure(view: &SessionView, code: &str) -> Result<Failure> {
    ensure!(view.state == "stopped", "{code}: the session is {}", view.state);
    let failure = view.failure.clone().with_context(|| format!("{code}: the session does not say what went wrong"))?;
    ensure!(failure.code.as_deref() == Some(code), "it says {failure:?}, not {code}");
    ensure!(!failure.summary.is_empty(), "{code}: the summary is empty");
    ensure!(failure.hint.as_ref().is_some_and(|hint| !hint.is_empty()), "{code}: no hint in {failure:?}");
    let turn = view.last_turn.clone().with_context(|| format!("{code}: the turn goes on"))?;
    ensure!(
        matches!(turn.stop_reason, StopReason::Failed | StopReason::Interrupted),
        "{code}: by {:?}",
        turn.stop_reason
    );
    ensure!(turn.failure.as_ref().and_then(|f| f.code.as_deref()) == Some(code), "the turn says {:?}", turn.failure);
    ensure!(view.stop_verified == Some(true), "{code}: it is not proved that nothing is left");
    Ok(failure)
}

/// The server still does its work.
async fn lives_on(cluster: &Cluster) -> Result<()> {
    let view = play(cluster, "fake", "hello").await?;
    ensure!(view.last_turn.as_ref().is_some_and(|t| t.stop_reason == StopReason::EndTurn), "now it is {view:#?}");
    Ok(())
}

#[tokio::test]
async fn agents_that_do_not_begin_are_told_apart() -> Result<()> {
    // One of them says nothing, and is waited for to the end.
    let cluster = cluster()
        .config("[worker]\nstart_timeout = \"5s\"")
        .agent("garbage", &["/bin/sh", "-c", "echo Welcome to my agent; exec cat >&2"])
        .agent("shut", &["/bin/sh", "-c", "exec cat > /dev/null"])
        .agent("talkative", &["/bin/sh", "-c", "echo cannot find my key >&2; exit 3"])
        .fake_as("early", &["--exit-at-start", "7"])
        .fake_as("mute", &["--no-initialize"])
        .fake_as("closed", &["--auth"])
        .environment("CONVENE_WORKER_SIGN_IN_TIMEOUT", "1s")
        .fake_as("future", &["--protocol", "99"])
        .start()
        .await?;

    let failed = failure(&play(&cluster, "garbage", "hello").await?, "agent_not_acp")?;
    ensure!(failed.summary.contains("Welcome to my agent"), "it says {}", failed.summary);
    let failed = failure(&play(&cluster, "shut", "hello").await?, "agent_no_handshake")?;
    ensure!(failed.summary.contains("output"), "it says {}", failed.summary);
    let failed = failure(&play(&cluster, "talkative", "hello").await?, "agent_exited_early")?;
    ensure!(failed.summary.contains("exit code 3"), "it says {}", failed.summary);
    ensure!(failed.summary.contains("cannot find my key"), "it says {}", failed.summary);
    let failed = failure(&play(&cluster, "early", "hello").await?, "agent_exited_early")?;
    ensure!(failed.summary.contains("exit code 7"), "it says {}", failed.summary);
    let failed = failure(&play(&cluster, "mute", "hello").await?, "agent_no_handshake")?;
    ensure!(failed.summary.contains("initialize"), "it says {}", failed.summary);
    let view = play(&cluster, "closed", "hello").await?;
    failure(&view, "agent_auth_required")?;
    ensure!(!view.auth_methods.is_empty(), "nobody learns how to sign in");
    let failed = failure(&play(&cluster, "future", "hello").await?, "agent_protocol_unsupported")?;
    ensure!(failed.summary.contains("99"), "it says {}", failed.summary);

    ensure!(cluster.attempt_processes().is_empty(), "left are {:#?}", cluster.attempt_processes());
    lives_on(&cluster).await?;
    cluster.end().await
}

#[tokio::test]
async fn an_agent_that_is_not_installed_is_refused_with_the_way_to_install_it() -> Result<()> {
    let cluster = cluster().agent("absent", &["/nonexistent/agent", "--acp"]).start().await?;
    for (agent, hint) in [("gemini", "npm install"), ("absent", "")] {
        let body = serde_json::json!({"agent": agent, "cwd": cluster.home().work(), "prompt": "hello"});
        let answer = cluster.post("/v1/sessions", body.to_string().as_bytes()).await?;
        ensure!(answer.status == 409, "{agent}: {} {}", answer.status, answer.body);
        ensure!(answer.code() == "agent_not_installed", "{agent}: {}", answer.body);
        ensure!(answer.hint().contains(hint), "{agent}: the hint is {:?}", answer.hint());
    }
    let listed = cluster.client()?.sessions(&Default::default()).await?;
    ensure!(listed.items.is_empty(), "a refused command made {:?}", listed.items);
    lives_on(&cluster).await?;
    cluster.end().await
}

#[tokio::test]
async fn noise_before_the_protocol_is_kept_and_does_no_harm() -> Result<()> {
    let cluster = cluster().fake_as("chatty", &["--banner"]).start().await?;
    let view = play(&cluster, "chatty", "GARBAGE\nSTDERR 100000").await?;
    ensure!(view.state == "idle", "it is {} by {:?}", view.state, view.failure);
    let log = cluster.log(view.id).await?;
    let noise = log.events.iter().filter(|e| e.data.tag() == "agent_diagnostic");
    ensure!(noise.clone().any(|e| e.json.contains("Welcome to fake-agent")), "the banner is lost");
    ensure!(noise.count() >= 3, "the noise is lost: {:?}", log.tags());
    let turn = view.last_turn.context("no turn")?;
    ensure!(log.text(turn.id).contains("still here"), "it said {:?}", log.text(turn.id));
    cluster.end().await
}

#[tokio::test]
async fn lines_that_are_none_end_the_turn_or_are_told() -> Result<()> {
    let cluster = cluster().start().await?;

    // Longer than any line may be, with and without an end.
    for prompt in ["LINE 100000000", "NONEWLINE 100000000"] {
        let view = play(&cluster, "fake", prompt).await?;
        failure(&view, "agent_line_too_long").with_context(|| prompt.to_owned())?;
    }
    // Within the limit.
    let view = play(&cluster, "fake", "LINE 1000000").await?;
    ensure!(view.state == "idle", "a line of a megabyte made it {} by {:?}", view.state, view.failure);

    // Invalid UTF-8: that line is told, the turn goes on.
    let view = play(&cluster, "fake", "BADUTF8\nhello").await?;
    ensure!(view.state == "idle", "it is {} by {:?}", view.state, view.failure);
    let log = cluster.log(view.id).await?;
    ensure!(log.events.iter().any(|e| e.json.contains("invalid_utf8")), "nothing is told: {:?}", log.tags());
    let turn = view.last_turn.context("no turn")?;
    ensure!(log.text(turn.id).contains("echo: hello"), "it said {:?}", log.text(turn.id));

    // Half a line, then the end.
    let view = play(&cluster, "fake", "STREAM 3\nNONEWLINE").await?;
    let failed = failure(&view, "agent_crashed")?;
    ensure!(failed.summary.contains("exit code 0"), "it says {}", failed.summary);
    let turn = view.last_turn.context("no turn")?;
    ensure!(cluster.log(view.id).await?.text(turn.id) == "w1 w2 w3 ", "what it said before is lost");

    // A crash in a turn, with an open tool call.
    let view = play(&cluster, "fake", "TOOL OPEN\nCRASH").await?;
    let failed = failure(&view, "agent_crashed")?;
    ensure!(failed.summary.contains("signal 6"), "it says {}", failed.summary);
    let log = cluster.log(view.id).await?;
    let last = log.events.iter().rev().find(|e| e.data.tag() == "tool_call_updated").context("no tool call")?;
    ensure!(last.json.contains("\"failed\""), "its tool call is left open: {}", last.json);

    lives_on(&cluster).await?;
    cluster.end().await
}

/// Children that hold the agent's output open keep nobody waiting for its end.
#[tokio::test]
async fn an_agent_that_dies_with_its_output_held_open_is_missed() -> Result<()> {
    let mut cluster = cluster().fake(&["--ignore-sigterm", "--ignore-eof"]).start().await?;
    let view = play(&cluster, "fake", "DAEMON HOLD\nSTREAM 5\nEXIT 9").await?;
    let failed = failure(&view, "agent_crashed")?;
    ensure!(failed.summary.contains("exit code 9"), "it says {}", failed.summary);
    let turn = view.last_turn.context("no turn")?;
    let log = cluster.log(view.id).await?;
    ensure!(log.text(turn.id).ends_with("w1 w2 w3 w4 w5 "), "its last words are lost: {:?}", log.text(turn.id));
    ensure!(cluster.attempt_processes().is_empty(), "left are {:#?}", cluster.attempt_processes());

    // The same while it is idle, by a signal: nobody prompted, and it is told all the same.
    let view = play(&cluster, "fake", "DAEMON HOLD").await?;
    ensure!(view.state == "idle", "it is {}", view.state);
    let tree = cluster.tree(view.id).await?;
    cluster.kill(&[Role::Agent], &tree)?;
    let view = cluster.wait_session(view.id, "it is stopped", |s| s.state == "stopped").await?;
    ensure!(view.stop_cause == Some(StopCause::AgentExited), "the cause is {:?}", view.stop_cause);
    ensure!(view.failure.as_ref().is_some_and(|f| f.summary.contains("signal 9")), "it says {:?}", view.failure);
    ensure!(cluster.attempt_processes().is_empty(), "left are {:#?}", cluster.attempt_processes());
    cluster.prompt(view.id, "hello").await?;
    cluster
        .wait_session(view.id, "it took the next prompt", |s| s.last_turn.as_ref().is_some_and(|t| t.number == 2))
        .await?;
    cluster.end().await
}

/// An agent that answers twice, late, or about nothing that was asked gets no second turn out of it.
#[tokio::test]
async fn answers_that_nobody_waits_for_do_no_harm() -> Result<()> {
    let cluster = cluster().start().await?;
    let view = play(&cluster, "fake", "hello\nTWICE\nLATE").await?;
    cluster.prompt(view.id, "and on").await?;
    let second = |s: &SessionView| s.last_turn.as_ref().is_some_and(|t| t.number == 2);
    let view = cluster.wait_session(view.id, "the next turn ended", second).await?;
    let turn = view.last_turn.context("no turn")?;
    ensure!(turn.stop_reason == StopReason::EndTurn, "it ended by {:?}", turn.stop_reason);
    let log = cluster.log(view.id).await?;
    ensure!(log.text(turn.id) == "echo: and on", "the second turn said {:?}", log.text(turn.id));
    ensure!(log.count("turn_ended") == 2, "{} turns ended", log.count("turn_ended"));
    // Right after the answer it still counts to the turn; it is never lost, and never in the next one.
    let late = log.events.iter().find(|e| e.data.tag() == "message_appended" && e.json.contains("late"));
    let late = late.context("what came late is lost")?;
    ensure!(late.data.turn != Some(turn.id), "what came late is in the next turn");

    // A prompt that the agent refuses by an error ends that turn and no more.
    let view = play(&cluster, "fake", "FAIL -32603").await?;
    ensure!(view.state == "idle", "it is {} by {:?}", view.state, view.failure);
    let turn = view.last_turn.context("no turn")?;
    ensure!(turn.stop_reason == StopReason::Failed, "it ended by {:?}", turn.stop_reason);
    ensure!(turn.failure.is_some(), "it does not say why");
    cluster.end().await
}

//! An agent that wants a sign-in waits for it, says how, and goes on with the prompt that it had.

use anyhow::{Context as _, Result, ensure};
use convene_api::{
    body::{Authenticate, StopSession},
    client::{ClientError, CommandKey},
};
use convene_core::failure::StopReason;
use convene_testkit::cluster::{Builder, Cluster, PATIENCE};

fn cluster() -> Builder {
    Cluster::of(env!("CARGO_BIN_EXE_convene")).fake_as("shy", &["--auth"])
}

fn method(id: &str) -> Authenticate {
    Authenticate { method_id: id.to_owned() }
}

#[tokio::test]
async fn a_session_waits_for_its_sign_in_and_then_plays_its_prompt() -> Result<()> {
    let mut cluster = cluster().start().await?;
    let client = cluster.client()?;
    let body = cluster.session_of("shy", "hello");
    let id = client.create_session(&body, &CommandKey::fresh()).await?.session.id;
    let view = cluster.wait_session(id, "it waits", |s| s.badge.to_string() == "waiting-for-auth").await?;
    ensure!(view.state == "starting" && view.needs_you_since.is_some(), "it is {}", view.state);
    let offered: Vec<&str> = view.auth_methods.iter().map(|m| m.id.as_str()).collect();
    ensure!(offered == ["fake-login", "fake-key", "fake-broken", "fake-terminal"], "it offers {offered:?}");
    ensure!(cluster.log(id).await?.count("turn_handed_over") == 0, "the agent has its prompt already");

    match client.authenticate(id, &method("no-such"), &CommandKey::fresh()).await {
        Err(ClientError::Problem(problem)) => ensure!(problem.detail.contains("no-such"), "it said {problem:?}"),
        other => anyhow::bail!("an unknown way was taken: {other:?}"),
    }
    client.authenticate(id, &method("fake-broken"), &CommandKey::fresh()).await?;
    let failed = async || Ok(cluster.log(id).await?.count("agent_sign_in_failed") == 1);
    convene_testkit::cluster::wait_until("the failure is told", PATIENCE, failed).await?;

    // It is remembered over the death of the server.
    cluster.kill_server()?;
    cluster.start_server().await?;
    let view = cluster.session(id).await?;
    ensure!(view.badge.to_string() == "waiting-for-auth", "after the restart it is {}", view.badge);

    let client = cluster.client()?;
    client.authenticate(id, &method("fake-login"), &CommandKey::fresh()).await?;
    let view = cluster.wait_idle(id).await?;
    ensure!(view.last_turn.context("no turn has ended")?.stop_reason == StopReason::EndTurn, "it did not complete");
    ensure!(cluster.log(id).await?.count("agent_signed_in") == 1, "nobody is told");
    ensure!(cluster.log(id).await?.count("turn_handed_over") == 1, "the prompt was handed over again");
    match client.authenticate(id, &method("fake-login"), &CommandKey::fresh()).await {
        Err(ClientError::Problem(problem)) => ensure!(problem.detail.contains("does not wait"), "it said {problem:?}"),
        other => anyhow::bail!("nobody asked for this: {other:?}"),
    }
    cluster.end().await
}

#[tokio::test]
async fn a_session_that_waits_for_its_sign_in_can_be_stopped() -> Result<()> {
    let cluster = cluster().start().await?;
    let client = cluster.client()?;
    let id = client.create_session(&cluster.session_of("shy", "hello"), &CommandKey::fresh()).await?.session.id;
    cluster.wait_session(id, "it waits", |s| s.badge.to_string() == "waiting-for-auth").await?;
    client.stop(id, &StopSession::default(), &CommandKey::fresh()).await?;
    let view = cluster.wait_session(id, "it is stopped", |s| s.state == "stopped").await?;
    ensure!(view.stop_verified == Some(true), "something may be left");
    cluster.attempts_gone().await?;
    cluster.end().await
}

#[tokio::test]
async fn without_a_terminal_a_run_says_at_once_how_to_sign_in() -> Result<()> {
    let cluster = cluster().start().await?;
    let run = cluster.spawn("run", &["run", "-a", "shy", "hello"], &[("CI", "1")])?;
    let mut command = cluster.command(&["run", "-a", "shy", "hello"]);
    let output = tokio::task::spawn_blocking(move || command.env("CI", "1").output()).await??;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(5), "it ended with {:?}: {said}", output.status);
    ensure!(said.contains("error[agent_auth_required]"), "it said {said}");
    ensure!(said.contains("hint:"), "no hint: {said}");
    let status = run.wait(PATIENCE).await?;
    ensure!(status.code() == Some(5), "the other one ended with {status:?}");
    cluster.end().await
}

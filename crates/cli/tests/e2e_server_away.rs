//! The server is away while the agent goes on; all of it is in the log afterwards.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use convene_core::failure::StopReason;
use convene_testkit::cluster::{Cluster, PATIENCE, Topic, wait_for_file, wait_until};

const UPDATES: usize = 100_000;

#[tokio::test]
async fn a_hundred_thousand_updates_without_a_server_are_all_in_the_log() -> Result<()> {
    let mut cluster = Cluster::of(env!("CARGO_BIN_EXE_convene")).start().await?;
    let done = cluster.home().work().join("done");
    // The first part is slow, so that the server dies in it; the file says that the runner has read the rest.
    let prompt = format!("STREAM 1000 10000\nSTREAM {UPDATES}\nTOOL\nWRITE {} yes", done.display());
    let mut body = cluster.session_of("fake", &prompt);
    body.permissions = Some(convene_core::spec::PermissionMode::All);
    let created = cluster.client()?.create_session(&body, &convene_api::client::CommandKey::fresh()).await?;
    let id = created.session.id;
    let client = cluster.record(Topic::Session(id), created.cursor.seq)?;
    client.wait_text("w20 ").await?;
    cluster.kill_server()?;
    ensure!(!done.exists(), "the agent was done before the server was away");
    wait_for_file(&done, 2 * PATIENCE).await.context("the agent did not go on without a server")?;
    cluster.start_server().await?;

    client.wait_within("the turn ended", 2 * PATIENCE, |seen| seen.count("turn_ended") > 0).await?;
    let view = cluster.wait_idle(id).await?;
    let turn = view.last_turn.context("no turn has ended")?;
    ensure!(turn.stop_reason == StopReason::EndTurn, "it ended by {:?}: {:?}", turn.stop_reason, turn.failure);
    ensure!(view.attempt == 1, "it took {} attempts", view.attempt);
    let log = cluster.log(id).await?;
    let whole: String = (1..=1000).chain(1..=UPDATES).map(|n| format!("w{n} ")).collect();
    let text = log.text(turn.id);
    let said = text.get(..whole.len()).unwrap_or(&text);
    ensure!(said == whole, "{} bytes of {} are there", said.len(), whole.len());
    client.wait("the client has all", |seen| seen.last() == log.events.len() as u64).await?;
    log.is_all_of(&client.seen(), created.cursor.seq)?;
    ensure!(cluster.receipts()?.len() == 1, "the prompt was handed over {} times", cluster.receipts()?.len());
    drop(client);
    cluster.end().await
}

#[tokio::test]
async fn what_a_dead_runner_had_spooled_is_delivered_by_the_worker() -> Result<()> {
    let builder = Cluster::of(env!("CARGO_BIN_EXE_convene")).worker_apart();
    let mut cluster = builder.start().await?;
    let done = cluster.home().work().join("done");
    let prompt = format!("STREAM 100 10000\nSTREAM 5000\nWRITE {} yes\nHANG", done.display());
    let mut body = cluster.session_of("fake", &prompt);
    body.permissions = Some(convene_core::spec::PermissionMode::All);
    let created = cluster.client()?.create_session(&body, &convene_api::client::CommandKey::fresh()).await?;
    let id = created.session.id;
    let client = cluster.record(Topic::Session(id), created.cursor.seq)?;
    client.wait_text("w20 ").await?;
    let tree = cluster.tree(id).await?;
    cluster.kill_server()?;
    wait_for_file(&done, PATIENCE).await?;
    // What the runner has read is on its disk a moment later.
    let spool = cluster.home().data().join("run").join(id.to_string()).join("1/spool");
    let spooled = async || Ok(String::from_utf8_lossy(&std::fs::read(&spool)?).contains("w5000 "));
    wait_until("the answer is spooled", PATIENCE, spooled).await?;
    cluster.kill(&[convene_testkit::cluster::Role::Runner], &tree)?;
    cluster.attempts_gone().await?;
    cluster.start_server().await?;
    let view = cluster.wait_session(id, "it is stopped", |s| s.state == "stopped").await?;
    let turn = view.last_turn.context("no turn has ended")?;
    ensure!(turn.stop_reason == StopReason::Interrupted, "it ended by {:?}", turn.stop_reason);
    let whole: String = (1..=100).chain(1..=5000).map(|n| format!("w{n} ")).collect();
    let text = cluster.log(id).await?.text(turn.id);
    ensure!(text.starts_with(&whole), "{} bytes of {} are there", text.len(), whole.len());
    ensure!(Duration::from_millis(turn.duration_ms) < PATIENCE, "it took {} ms", turn.duration_ms);
    drop(client);
    cluster.end().await
}

//! What a server tells those who watch it: log lines with session, turn, attempt and worker; the time of each hop.

use anyhow::{Context as _, Result, ensure};
use convene_api::{body::StopSession, client::CommandKey};
use convene_testkit::cluster::{Cluster, PATIENCE, Topic, wait_until};
use serde_json::Value;

/// The value of a metric with these labels, as it stands in the text.
fn metric(text: &str, name: &str) -> Option<f64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    value.trim().parse().ok()
}

async fn metrics(cluster: &Cluster) -> Result<String> {
    let token = format!("Bearer {}", cluster.home().owner_token()?);
    let answer = cluster.http("GET", "/metrics", &[("Authorization", &token)], b"").await?;
    ensure!(answer.status == 200, "it answered {} {}", answer.status, answer.code());
    Ok(answer.body)
}

#[tokio::test]
async fn a_turn_can_be_followed_through_log_and_metrics() -> Result<()> {
    let cluster = Cluster::of(env!("CARGO_BIN_EXE_convene")).prepare()?;
    let bind = cluster.url().replace("http://", "");
    let mut server = cluster.spawn("server", &["serve", "--bind", &bind, "--log-format", "json"], &[])?;
    server.wait_for_line("\"listening\"", PATIENCE).await?;
    cluster.worker_connected().await?;

    let created = cluster.create("STREAM 50 1000\nTOOL").await?;
    let id = created.session.id;
    let viewer = cluster.record(Topic::Session(id), 0)?;
    viewer.wait_tag("turn_ended").await?;
    let view = cluster.wait_idle(id).await?;
    let turn = view.last_turn.context("no turn has ended")?.id;
    cluster.client()?.stop(id, &StopSession::default(), &CommandKey::fresh()).await?;
    cluster.wait_session(id, "it is stopped", |s| s.state == "stopped").await?;

    let wanted =
        ["session_created", "attempt_assigned", "attempt_started", "turn_started", "turn_ended", "session_stopped"];
    let told = |server: &convene_testkit::cluster::Running| -> Vec<Value> {
        let lines = server.stderr();
        let read = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        read.filter(|line| line["session.id"] == id.to_string() && line["event"].is_string()).collect()
    };
    wait_until("the log has all steps", PATIENCE, async || {
        let told = told(&server);
        Ok(wanted.iter().all(|event| told.iter().any(|line| line["event"] == *event)))
    })
    .await?;
    for line in told(&server) {
        let event = line["event"].as_str().unwrap_or_default();
        if event.starts_with("attempt_") || event.starts_with("agent_") || event == "turn_ended" {
            ensure!(line["worker.id"] == "local" && line["attempt"] == 1, "{line}");
        }
        if event.starts_with("turn_") {
            ensure!(line["turn.id"] == turn.to_string(), "{line}");
        }
    }
    ensure!(!server.stderr().contains("STREAM 50"), "the log has a prompt's words");

    let metrics = metrics(&cluster).await?;
    for hop in ["seat", "launch", "hand_over", "turn"] {
        let count = metric(&metrics, &format!("convene_hop_seconds_count{{hop=\"{hop}\"}}"));
        ensure!(count == Some(1.0), "the hop {hop} was counted {count:?} times");
    }
    for name in ["event_held", "ingest", "commit", "delivery"] {
        let count = metric(&metrics, &format!("convene_{name}_seconds_count"));
        ensure!(count.is_some_and(|count| count >= 1.0), "{name} was counted {count:?} times:\n{metrics}");
    }
    ensure!(metric(&metrics, "convene_turns_total{stop_reason=\"end_turn\"}") == Some(1.0), "{metrics}");
    ensure!(metric(&metrics, "convene_spool_bytes") == Some(0.0), "{metrics}");
    let requests = "convene_http_request_seconds_count{method=\"POST\",route=\"/v1/sessions\",status=\"201\"}";
    ensure!(metric(&metrics, requests) == Some(1.0), "{metrics}");
    drop(viewer);
    server.terminate()?;
    server.wait(PATIENCE).await?;
    cluster.end().await
}

#[tokio::test]
async fn an_attempt_that_is_refused_is_counted_by_its_code() -> Result<()> {
    let cluster = Cluster::of(env!("CARGO_BIN_EXE_convene")).start().await?;
    let dir = cluster.home().work().join("gone");
    std::fs::create_dir_all(&dir)?;
    // It is there when the session is made and not any more when its attempt begins.
    let mut body = cluster.session_of("fake", "hello");
    body.cwd = Some(dir.display().to_string());
    let id = cluster.client()?.create_session(&body, &CommandKey::fresh()).await?.session.id;
    cluster.wait_idle(id).await?;
    cluster.client()?.stop(id, &StopSession::default(), &CommandKey::fresh()).await?;
    cluster.wait_session(id, "it is stopped", |s| s.state == "stopped").await?;
    std::fs::remove_dir_all(&dir)?;
    cluster.prompt(id, "hello").await?;
    cluster.wait_session(id, "it has failed", |s| s.failure.is_some()).await?;
    let metrics = metrics(&cluster).await?;
    let refused = metric(&metrics, "convene_refused_attempts_total{code=\"cwd_missing\"}");
    ensure!(refused == Some(1.0), "{refused:?}:\n{metrics}");
    cluster.end().await
}

//! Limits that are shown are enforced, through the doors that people use.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use convene_api::{client::ClientError, problem::Code};
use convene_core::view::SessionView;
use convene_testkit::cluster::{Builder, Cluster, PATIENCE, Topic, wait_until};

fn cluster() -> Builder {
    Cluster::of(env!("CARGO_BIN_EXE_convene"))
}

/// The queue of a session and the lines of its agent are as long as the configuration says, and the server tells so.
#[tokio::test]
async fn a_queue_and_a_line_are_as_long_as_they_may_be() -> Result<()> {
    let cluster = cluster().config("[limits]\nqueue = 2\nline = \"100 kB\"").start().await?;
    let id = cluster.create("SLOW").await?.session.id;
    cluster.wait_session(id, "it runs", |s| s.state == "running").await?;
    for n in 0..2 {
        cluster.prompt(id, &format!("number {n}")).await?;
    }
    let refused = cluster.prompt(id, "one too many").await.err().context("a third one is taken")?;
    let problem = refused.downcast::<ClientError>()?;
    ensure!(matches!(&problem, ClientError::Problem(p) if p.code == Code::QueueFull), "it is refused by {problem:?}");
    let status = cluster.http("GET", "/healthz", &[("host", &cluster.url()["http://".len()..])], b"").await?;
    ensure!(status.head.to_lowercase().contains("x-limit-queue: 2"), "it is not told: {}", status.head);

    let long = cluster.create("LINE 200000").await?.session.id;
    cluster.wait_session(long, "its turn is over", |s| s.last_turn.is_some()).await?;
    let log = cluster.log(long).await?;
    ensure!(log.events.iter().any(|event| event.json.contains("line_too_long")), "it was told {:?}", log.tags());
    let fits = cluster.create("LINE 50000").await?.session.id;
    cluster.wait_idle(fits).await?;
    let log = cluster.log(fits).await?;
    ensure!(!log.events.iter().any(|event| event.json.contains("line_too_long")), "it was told {:?}", log.tags());
    cluster.end().await
}

/// Where agents hold more memory than they may, idle ones are put to sleep, the least recently used first.
#[tokio::test]
async fn agents_that_fill_the_memory_are_put_to_sleep() -> Result<()> {
    let cluster = cluster().config("[limits]\nmemory = \"1 MB\"").start().await?;
    let idle = cluster.create("hello").await?.session.id;
    let busy = cluster.create("SLOW").await?.session.id;
    let events = cluster.record(Topic::Session(busy), 0)?;
    events.wait_text("w5 ").await?;
    let asleep = |s: &SessionView| s.state == "hibernated";
    cluster.wait_session(idle, "it sleeps", asleep).await?;
    let log = cluster.log(idle).await?;
    let why = log.first("session_hibernating").context("it was not put to sleep")?;
    ensure!(why.json.contains(r#""by":"memory""#), "it was put to sleep by {}", why.json);
    // Who works is left alone, and what it holds is told.
    let client = cluster.client()?;
    wait_until("its memory is told", PATIENCE, async || {
        Ok(client.health(busy).await?.memory.is_some_and(|m| m > 1 << 20))
    })
    .await?;
    ensure!(cluster.session(busy).await?.state == "running", "it was disturbed");
    drop(events);
    cluster.end().await
}

/// With 64 descriptors and more clients than that the server serves whom it can, rests meanwhile, and comes back.
#[tokio::test]
async fn without_descriptors_the_server_rests_and_comes_back() -> Result<()> {
    let cluster = cluster().descriptors(64).start().await?;
    let id = cluster.create("SLOW").await?.session.id;
    let events = cluster.record(Topic::Session(id), 0)?;
    events.wait_text("w5 ").await?;
    let server = cluster.server_pid().context("no server")?;
    let address = cluster.url().trim_start_matches("http://").to_owned();
    let mut crowd = Vec::new();
    for _ in 0..120 {
        crowd.push(std::net::TcpStream::connect(&address)?);
    }
    let (seen, before) = (events.seen().text.len(), processor_time(server)?);
    // Three seconds of an agent that says fifty words a second.
    events.wait("the stream goes on", |now| now.text.len() > seen + 750).await?;
    let used = processor_time(server)?.saturating_sub(before);
    println!("{used:?} of a processor meanwhile");
    ensure!(used < Duration::from_millis(1500), "it is busy with nothing: {used:?}");
    drop(crowd);
    let client = cluster.client()?;
    wait_until("the server answers again", PATIENCE, async || Ok(client.status().await.is_ok())).await?;
    drop(events);
    cluster.end().await
}

/// What a process has used of a processor.
fn processor_time(pid: i32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = stat.rsplit_once(')').context("no name")?;
    let ticks =
        rest.split_ascii_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>();
    Ok(Duration::from_millis(ticks * 10))
}

//! Commands while twenty sessions stream: how long until they are committed, beside what the disk takes for a sync in
//! the same run.
//!
//! The figures are printed; what is asserted is generous, because the machine may be busy with other things.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use convene_api::{
    body::{CancelTurn, DecidePermission, DecisionInput, PromptInput, SendPrompt},
    client::CommandKey,
};
use convene_testkit::cluster::Cluster;

const SESSIONS: usize = 20;
const ROUNDS: usize = 6;
/// What the product promises on a machine of its own.
const PROMISE: Duration = Duration::from_millis(50);
/// What is let pass in a run beside others, in syncs of the same run.
const SYNCS: u32 = 60;

#[tokio::test]
async fn commands_are_quick_while_twenty_sessions_stream() -> Result<()> {
    let config = "[worker]\nseats = 64\n[limits]\nsessions = 64";
    let cluster = Cluster::of(env!("CARGO_BIN_EXE_convene")).config(config).start().await?;
    let client = cluster.client()?;
    let mut streaming = Vec::new();
    for _ in 0..SESSIONS {
        streaming.push(cluster.create("SLOW").await?.session.id);
    }
    let asking = cluster.create("PERM").await?.session.id;
    for session in &streaming {
        cluster.wait_session(*session, "it streams", |s| s.last_line.is_some()).await?;
    }

    let mut syncs = measure_syncs(&cluster.home().data())?;
    let (mut prompts, mut cancels, mut permissions) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        for session in &streaming {
            // Queued behind the running turn, and running once that one is cancelled.
            let body = SendPrompt { content: PromptInput::Text("SLOW".to_owned()), mode: Default::default() };
            let started = Instant::now();
            client.prompt(*session, &body, &CommandKey::fresh()).await?;
            prompts.push(started.elapsed());
        }
        for session in streaming.iter().skip(round % 2).step_by(2) {
            let running = cluster.wait_session(*session, "it runs", |s| s.turn.is_some()).await?;
            let turn = running.turn.map(|t| t.id);
            let started = Instant::now();
            client.cancel(*session, &CancelTurn { turn }, &CommandKey::fresh()).await?;
            cancels.push(started.elapsed());
        }
        let view = cluster.wait_session(asking, "it asks", |s| !s.pending_permissions.is_empty()).await?;
        let request = view.pending_permissions.first().context("no request")?.request;
        let allow = DecidePermission { decision: Some(DecisionInput::AllowOnce), ..DecidePermission::default() };
        let started = Instant::now();
        client.decide(asking, request, &allow, &CommandKey::fresh()).await?;
        permissions.push(started.elapsed());
        cluster.prompt(asking, "PERM").await?;
    }
    syncs.extend(measure_syncs(&cluster.home().data())?);

    let sync = Figures::of(&mut syncs);
    println!("fdatasync   {sync}");
    let mut all = Vec::new();
    for (name, times) in [("prompt", &mut prompts), ("cancel", &mut cancels), ("permission", &mut permissions)] {
        all.extend_from_slice(times);
        println!("{name:<11} {}", Figures::of(times));
    }
    let command = Figures::of(&mut all);
    let ratio = command.p99.as_secs_f64() / sync.p99.as_secs_f64();
    println!("all         {command}: {ratio:.1} syncs at p99");
    let allowed = PROMISE.max(sync.p99 * SYNCS);
    ensure!(command.p99 <= allowed, "p99 is {:?}, allowed is {allowed:?}", command.p99);
    cluster.end().await
}

/// Appends and syncs, as a database does at each commit.
fn measure_syncs(directory: &std::path::Path) -> Result<Vec<Duration>> {
    let path = directory.join("sync-probe");
    let mut file = std::fs::File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let started = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        times.push(started.elapsed());
    }
    std::fs::remove_file(path)?;
    Ok(times)
}

struct Figures {
    count: usize,
    p50: Duration,
    p99: Duration,
    max: Duration,
}

impl Figures {
    fn of(times: &mut [Duration]) -> Self {
        times.sort_unstable();
        let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
        Self { count: times.len(), p50: at(50), p99: at(99), max: at(100) }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} times: p50 {:?}, p99 {:?}, max {:?}", self.count, self.p50, self.p99, self.max)
    }
}

//! B5: what a session costs in memory: waiting, asleep, and with a live runner.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::{
    Plan,
    figures::{Report, Target},
    process,
    product::Product,
    uplink::Uplinks,
};

type Part = fn(&Plan, &mut Report) -> Result<()>;

const PARTS: [(&str, Part); 3] = [("waiting", waiting), ("sleeping", sleeping), ("live", live)];

/// Measures it. There is no floor: memory does not depend on who else uses the machine.
pub fn run(plan: &Plan) -> Result<Report> {
    let mut report = plan.report("density");
    let rounds = if plan.is_whole() { plan.rounds } else { 1 };
    for _ in 0..rounds {
        for (name, part) in PARTS.iter().filter(|(name, _)| plan.wants(name)) {
            part(plan, &mut report).with_context(|| format!("{name} sessions"))?;
        }
    }
    report.target("server, a waiting session", Target::AtMost(16.0));
    report.target("server, a sleeping session", Target::AtMost(16.0));
    report.target("server with 1,000 sleeping sessions, above idle", Target::AtMost(60.0));
    report.target("processes of sleeping sessions", Target::AtMost(0.0));
    report.target("keeper and runner: private", Target::AtMost(2.0));
    Ok(report)
}

/// Sessions that wait for a worker: the server has them in memory, nothing else does.
#[expect(clippy::cast_precision_loss, reason = "sizes of memory")]
fn waiting(plan: &Plan, report: &mut Report) -> Result<()> {
    let count = plan.size(9000, 900);
    let product = Product::without_worker(plan, |builder| builder)?;
    let server = product.server()?;
    let mut connection = product.connection()?;
    let body = product.body("hello").to_string();
    // The first ones fill what is shared by all: caches, the tail of the feed. A server has 10,000 at most.
    for _ in 0..count / 9 {
        connection.must("POST", "/v1/sessions", &body)?;
    }
    let before = process::memory(server)?;
    for _ in 0..count {
        connection.must("POST", "/v1/sessions", &body)?;
    }
    let grown = process::memory(server)?.anonymous.saturating_sub(before.anonymous);
    report.ours("server, a waiting session", "KB", grown as f64 / count as f64 / 1e3);
    product.end()
}

/// Sessions that had a turn and sleep: nothing but the server is there. Their runners were played, so that ten thousand
/// come about in a minute.
#[expect(clippy::cast_precision_loss, reason = "sizes of memory")]
fn sleeping(plan: &Plan, report: &mut Report) -> Result<()> {
    let count = usize::try_from(plan.size(10_000, 1000))?;
    let product = Product::without_worker(plan, |builder| builder)?;
    let server = product.server()?;
    let idle = process::memory(server)?;
    // The first ones fill what is shared by all, and the second thousand is not in memory any more.
    let first = count / 10;
    put_to_sleep(&product, first)?;
    let before = process::memory(server)?;
    report.ours(&format!("server with {} sleeping sessions, above idle", thousands(first)), "MB", {
        megabytes(before.resident.saturating_sub(idle.resident))
    });
    put_to_sleep(&product, count)?;
    let after = process::memory(server)?;
    let grown = |from: process::Memory| after.anonymous.saturating_sub(from.anonymous) as f64 / 1e3;
    report.ours("sleeping sessions", "", count as f64);
    report.ours("server, a sleeping session", "KB", grown(idle) / (first + count) as f64);
    report.ours("server, a further sleeping session", "KB", grown(before) / count as f64);
    report.ours("processes of sleeping sessions", "", product.attempts().len() as f64);
    product.abandon()
}

/// Some at a time: each has two sockets until it sleeps.
fn put_to_sleep(product: &Product, count: usize) -> Result<()> {
    let mut left = count;
    while left > 0 {
        let some = left.min(250);
        Uplinks::open(product, some)?.sleep(product)?;
        left -= some;
    }
    Ok(())
}

fn thousands(count: usize) -> String {
    if count.is_multiple_of(1000) { format!("{},000", count / 1000) } else { count.to_string() }
}

fn megabytes(bytes: u64) -> f64 {
    Duration::from_micros(bytes).as_secs_f64()
}

/// Sessions with an agent that waits for a prompt.
#[expect(clippy::cast_precision_loss, reason = "sizes of memory")]
fn live(plan: &Plan, report: &mut Report) -> Result<()> {
    let count = usize::try_from(plan.size(500, 20))?;
    let product = Product::start(plan, |builder| builder.config("[worker]\nseats = 1000"))?;
    let before = process::memory(product.server()?)?;
    product.idle_sessions(count)?;
    let server = process::memory(product.server()?)?;
    let (mut keepers, mut runners) = (process::Memory::default(), process::Memory::default());
    let all = product.attempts();
    // A runner is a child of its keeper.
    let parents: Vec<i32> = all.iter().filter_map(|pid| process::parent(*pid).ok()).collect();
    for pid in &all {
        let memory = process::memory(*pid)?;
        let keeper = parents.contains(pid);
        let sum = if keeper { &mut keepers } else { &mut runners };
        sum.private += memory.private;
        sum.resident += memory.resident;
    }
    let each = |bytes: u64| megabytes(bytes) / count as f64;
    report.ours("live sessions", "", count as f64);
    report.ours("keeper and runner: private", "MB", each(keepers.private + runners.private));
    report.ours("keeper: private", "MB", each(keepers.private));
    report.ours("runner: private", "MB", each(runners.private));
    report.ours("runner: resident", "MB", each(runners.resident));
    let grown = server.anonymous.saturating_sub(before.anonymous);
    report.ours("server, a live session", "KB", grown as f64 / count as f64 / 1e3);
    product.end().context("ending all sessions")
}

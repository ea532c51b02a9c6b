//! B7: sessions that wait when a worker comes. Floor: an agent for each, spawned, three round trips, gone.
//!
//! The same number of agents lives at once in both. A session counts from its assignment to the end of its turn.

use std::time::Duration;

use anyhow::{Context as _, Result};
use convene_core::Timestamp;
use serde_json::{Value, json};

use crate::{
    Plan,
    figures::{Report, Target, percentile},
    floor_process::Floor,
    process,
    product::{Product, is_turn_end},
};

/// Agents that live at once.
const SEATS: usize = 8;

/// Measures it.
pub fn run(plan: &Plan) -> Result<Report> {
    let mut report = plan.report("dispatch");
    let count = usize::try_from(plan.size(1000, 100))?;
    for _ in 0..plan.rounds {
        floor(plan, count, &mut report)?;
        ours(plan, count, &mut report)?;
    }
    report.target("p50", Target::RatioAtMost(1.5));
    report.target("rate", Target::RatioAtLeast(0.7));
    Ok(report)
}

#[expect(clippy::cast_precision_loss, reason = "a thousand")]
fn floor(plan: &Plan, count: usize, report: &mut Report) -> Result<()> {
    let fake = plan.program("fake-agent").to_string_lossy().into_owned();
    let mut floor = Floor::start(plan, &["dispatch", &fake, &count.to_string(), &SEATS.to_string()])?;
    floor.hear("ready")?;
    let (start, before) = (std::time::Instant::now(), process::cpu_with_children(floor.pid())?);
    floor.say("go")?;
    let times = floor.hear("done")?;
    let (wall, cpu) = (start.elapsed(), process::cpu_with_children(floor.pid())? - before);
    let mut times = times.split(' ').map(|time| Ok(time.parse::<f64>()? / 1e3)).collect::<Result<Vec<_>>>()?;
    report.floor("p50", "ms", percentile(&mut times, 0.5));
    report.floor("p99", "ms", percentile(&mut times, 0.99));
    report.floor("rate", "sessions/s", count as f64 / wall.as_secs_f64());
    report.floor("CPU, agents too", "ms a session", cpu.as_secs_f64() * 1e3 / count as f64);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a thousand")]
fn ours(plan: &Plan, count: usize, report: &mut Report) -> Result<()> {
    let mut product = Product::without_worker(plan, |builder| builder.config(&format!("[worker]\nseats = {SEATS}")))?;
    let mut connection = product.connection()?;
    let mut body = product.body("hello");
    body["on_turn_end"] = json!("stop");
    let mut ids = Vec::with_capacity(count);
    for _ in 0..count {
        let created: Value = serde_json::from_str(&connection.must("POST", "/v1/sessions", &body.to_string())?)?;
        ids.push(created["session"]["id"].as_str().context("no id")?.to_owned());
    }
    let server = product.server()?;
    let before = process::cpu(server)?;
    product.start_worker()?;
    let worker = product.worker().context("no worker")?;
    let mut ends = Vec::with_capacity(count);
    for id in &ids {
        ends.push(wait(&product, id)?);
    }
    let cpu = process::cpu(server)? - before + process::cpu_with_children(worker)?;
    let mut times: Vec<f64> = ends.iter().map(|(from, to)| to - from).collect();
    let first = ends.iter().map(|(from, _)| *from).fold(f64::INFINITY, f64::min);
    let last = ends.iter().map(|(_, to)| *to).fold(0.0, f64::max);
    report.ours("p50", "ms", percentile(&mut times, 0.5));
    report.ours("p99", "ms", percentile(&mut times, 0.99));
    report.ours("rate", "sessions/s", count as f64 * 1e3 / (last - first));
    report.ours("CPU, agents too", "ms a session", cpu.as_secs_f64() * 1e3 / count as f64);
    product.end()
}

/// Waits for the end of a session's turn; when it was assigned and when it ended, in milliseconds.
fn wait(product: &Product, id: &str) -> Result<(f64, f64)> {
    let (mut from, mut to) = (None, None);
    product.viewer()?.read_log(id, |text| {
        if text.contains(r#""type":"attempt_assigned""#) {
            from = at(text);
        } else if is_turn_end(text) {
            to = at(text);
        }
        to.is_none()
    })?;
    Ok((from.context("never assigned")?, to.context("no end")?))
}

/// When an event was committed.
fn at(text: &str) -> Option<f64> {
    let value: Value = serde_json::from_str(text).ok()?;
    let at: Timestamp = value["event"]["at"].as_str()?.parse().ok()?;
    Some(Duration::from_millis(u64::try_from(at.as_millisecond()).ok()?).as_secs_f64() * 1e3)
}

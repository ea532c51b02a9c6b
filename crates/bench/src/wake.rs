//! A thousand sessions whose agents have run and sleep: what is left of them, and whether waking one takes longer than
//! starting one.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    Plan,
    figures::{Report, Target},
    http::Connection,
    process,
    product::{Product, is_turn_end},
};

/// Sessions that are awake at once while all are made.
const AT_ONCE: u64 = 50;
/// So many are woken, and as many are started.
const WOKEN: usize = 20;

/// Measures it. The floor of waking is starting, in turn with it.
pub fn run(plan: &Plan) -> Result<Report> {
    let mut report = plan.report("wake");
    let count = plan.size(1000, 200);
    let product = Product::start(plan, |builder| builder.config("[worker]\nseats = 1000\n[limits]\nsessions = 2000"))?;
    // The first ones fill what is shared by all.
    asleep(&product, AT_ONCE)?;
    let before = process::memory(product.server()?)?;
    let mut sleeping = Vec::new();
    while (sleeping.len() as u64) < count {
        sleeping.extend(asleep(&product, AT_ONCE.min(count - sleeping.len() as u64))?);
    }
    let after = process::memory(product.server()?)?;
    report.ours("sleeping sessions", "", sleeping.len() as f64);
    report.ours("server: resident above idle", "MB", after.resident.saturating_sub(before.resident) as f64 / 1e6);
    report.ours("server: resident", "MB", after.resident as f64 / 1e6);
    report.ours("other processes", "", product.processes()?.len() as f64 - 1.0);
    for session in sleeping.iter().rev().take(WOKEN) {
        report.floor("until the turn is over", "ms", start(&product)?);
        report.ours("until the turn is over", "ms", wake(&product, session)?);
    }
    report.target("server: resident above idle", Target::AtMost(60.0));
    report.target("other processes", Target::AtMost(0.0));
    report.target("until the turn is over", Target::RatioAtMost(1.0));
    product.end()?;
    Ok(report)
}

/// Makes sessions, lets each run a turn, and puts all to sleep.
fn asleep(product: &Product, count: u64) -> Result<Vec<String>> {
    let sessions = product.idle_sessions(usize::try_from(count)?)?;
    let mut connection = product.connection()?;
    for session in &sessions {
        connection.must("POST", &format!("/v1/sessions/{session}/hibernate"), "{}")?;
    }
    for session in &sessions {
        product.wait_state(&mut connection, session, "hibernated")?;
    }
    Ok(sessions)
}

/// From the request to the end of the first turn, in milliseconds.
fn start(product: &Product) -> Result<f64> {
    let mut connection = product.connection()?;
    let body = product.body("hello").to_string();
    let began = Instant::now();
    let created: Value = serde_json::from_str(&connection.must("POST", "/v1/sessions", &body)?)?;
    let session = created["session"]["id"].as_str().context("no id")?;
    let took = until_end(product, session, 1, began)?;
    put_to_sleep(product, &mut connection, session)?;
    Ok(took)
}

/// From the prompt to the end of its turn, in milliseconds.
fn wake(product: &Product, session: &str) -> Result<f64> {
    let mut connection = product.connection()?;
    let body = json!({"content": "hello"}).to_string();
    let began = Instant::now();
    connection.must("POST", &format!("/v1/sessions/{session}/prompts"), &body)?;
    let took = until_end(product, session, 2, began)?;
    put_to_sleep(product, &mut connection, session)?;
    Ok(took)
}

fn until_end(product: &Product, session: &str, turn: usize, began: Instant) -> Result<f64> {
    let mut left = turn;
    product.viewer()?.read_log(session, |text| {
        left -= usize::from(is_turn_end(text) && left > 0);
        left > 0
    })?;
    ensure!(left == 0, "turn {turn} of {session} did not end");
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

/// So that as many are awake when the next one is measured.
fn put_to_sleep(product: &Product, connection: &mut Connection, session: &str) -> Result<()> {
    connection.must("POST", &format!("/v1/sessions/{session}/hibernate"), "{}")?;
    product.wait_state(connection, session, "hibernated")
}

//! B6: the server is killed with many sessions, many events and live runners, and started again: how soon it answers
//! correctly, and how soon all runners are there again. The floor reads the same files once.

use std::{
    fs::File,
    io::Read as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    Plan,
    figures::{Report, Target},
    http::{Connection, PATIENCE},
    product::Product,
    uplink::Uplinks,
};

/// Sessions that are filled at once.
const AT_ONCE: u64 = 50;
/// Bytes of text in an event.
const TEXT: usize = 200;

/// Measures it.
pub fn run(plan: &Plan) -> Result<Report> {
    let mut report = plan.report("recovery");
    let (sessions, live) = (plan.size(10_000, 1_000), usize::try_from(plan.size(100, 20))?);
    let events = plan.size(1_000_000, 100_000) / sessions;
    let mut product =
        Product::without_worker(plan, |builder| builder.config("[worker]\nseats = 1000\n[limits]\nsessions = 10000"))?;
    fill(&product, sessions, usize::try_from(events)?)?;
    product.start_worker()?;
    let ids = product.idle_sessions(live)?;
    for _ in 0..plan.rounds {
        round(&mut product, &ids, &mut report)?;
    }
    report.target("first correct answer", Target::RatioAtMost(0.25));
    report.target("all runners are there", Target::AtMost(1000.0));
    product.end()?;
    Ok(report)
}

/// Makes sessions with a log each, and puts them to sleep.
fn fill(product: &Product, sessions: u64, events: usize) -> Result<()> {
    let mut left = sessions;
    while left > 0 {
        let count = left.min(AT_ONCE);
        let mut links = Uplinks::open(product, usize::try_from(count)?)?;
        links.report(events, TEXT)?;
        links.sleep(product)?;
        left -= count;
    }
    Ok(())
}

fn round(product: &mut Product, live: &[String], report: &mut Report) -> Result<()> {
    let session = live.last().context("no session")?;
    let right = look(&mut product.connection()?, session)?.context("no session")?;
    product.kill()?;
    let began = Instant::now();
    let bytes = read_all(product.data())?;
    let floor = milliseconds(began.elapsed());
    report.floor("first correct answer", "ms", floor);
    report.ours("read by the floor", "MB", bytes as f64 / 1e6);

    let began = Instant::now();
    product.launch()?;
    let mut connection = first(product, began)?;
    let mut seen = look(&mut connection, session)?;
    while seen.as_ref() != Some(&right) {
        ensure!(began.elapsed() < PATIENCE, "it says {seen:?} and not {right:?}");
        seen = look(&mut connection, session)?;
    }
    report.ours("first correct answer", "ms", milliseconds(began.elapsed()));
    while runners(&mut connection)? < live.len() {
        ensure!(began.elapsed() < PATIENCE, "not all runners are there after {:?}", began.elapsed());
    }
    report.ours("all runners are there", "ms", milliseconds(began.elapsed()));
    // They work: a prompt goes through.
    product.prompt_all(&mut connection, live, "hello")?;
    product.wait_idle(&mut connection, live)
}

/// The first connection that is taken.
fn first(product: &Product, began: Instant) -> Result<Connection> {
    loop {
        if let Ok(mut connection) = product.connection()
            && connection.send("GET", "/readyz", "").is_ok_and(|answer| answer.status == 200)
        {
            return Ok(connection);
        }
        ensure!(began.elapsed() < PATIENCE, "nobody answers after {:?}", began.elapsed());
        // Who asks without a pause takes one of the cores that the server starts on.
        std::thread::park_timeout(Duration::from_micros(500));
    }
}

/// What must be as it was: the state, and how far the log goes.
fn look(connection: &mut Connection, session: &str) -> Result<Option<Value>> {
    let answer = connection.send("GET", &format!("/v1/sessions/{session}"), "")?;
    if answer.status != 200 {
        return Ok(None);
    }
    let view: Value = serde_json::from_str(&answer.body)?;
    Ok(Some(json!([view["id"], view["state"], view["seq"], view["attempt"]])))
}

fn runners(connection: &mut Connection) -> Result<usize> {
    let metrics = connection.must("GET", "/metrics", "")?;
    let line = metrics.lines().find_map(|line| line.strip_prefix("convene_runners "));
    Ok(line.context("no metric of runners")?.trim().parse()?)
}

/// Reads every file of the store once, as little as a program must that wants to know what is in them.
fn read_all(data: &Path) -> Result<u64> {
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    for entry in std::fs::read_dir(data)? {
        let path = entry?.path();
        if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("convene.db")) {
            continue;
        }
        let mut file = File::open(path)?;
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            bytes += read as u64;
        }
    }
    Ok(bytes)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

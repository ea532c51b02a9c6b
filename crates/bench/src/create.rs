//! B1: `POST /v1/sessions`, serial and 32 at once. Floor: a `POST` that does nothing but one grouped `fdatasync`.
//!
//! The server has no worker, so that nothing but creating is measured.

use std::time::Instant;

use anyhow::Result;

use crate::{
    Plan,
    figures::{Report, Target, percentile},
    floor_process::Floor,
    http::Connection,
    process,
    product::Product,
};

const AT_ONCE: usize = 32;

/// Measures it.
pub fn run(plan: &Plan) -> Result<Report> {
    let mut report = plan.report("create");
    let product = Product::without_worker(plan, |builder| builder)?;
    let server = product.server()?;
    let body = product.body("Say hello to everyone who reads this.").to_string();
    let directory = tempfile::tempdir()?;
    let mut floor = Floor::start(plan, &["create", &directory.path().join("log").to_string_lossy()])?;
    let floor_port = floor.port()?;
    let total = usize::try_from(plan.size(500, 100))?;
    // Both are warm, and have their connections' code in memory.
    measure(floor_port, "", &body, AT_ONCE, 1)?;
    measure(product.port, &product.token, &body, AT_ONCE, 1)?;
    for _ in 0..plan.rounds {
        for (name, at_once) in [("serial", 1), ("32 at once", AT_ONCE)] {
            let cost = cost(floor.pid(), total, || measure(floor_port, "", &body, total, at_once))?;
            tell(&cost, |figure, unit, value| report.floor(&format!("{name}: {figure}"), unit, value));
            let cost = self::cost(server, total, || measure(product.port, &product.token, &body, total, at_once))?;
            tell(&cost, |figure, unit, value| report.ours(&format!("{name}: {figure}"), unit, value));
        }
    }
    for name in ["serial", "32 at once"] {
        report.target(&format!("{name}: p50"), Target::RatioAtMost(1.5));
        report.target(&format!("{name}: p99"), Target::RatioAtMost(2.0));
        report.target(&format!("{name}: CPU"), Target::AtMost(2.0));
    }
    product.end()?;
    Ok(report)
}

struct Cost {
    times: Vec<f64>,
    cpu: f64,
}

fn tell(cost: &Cost, mut figure: impl FnMut(&str, &'static str, f64)) {
    let mut times = cost.times.clone();
    figure("p50", "ms", percentile(&mut times, 0.5));
    figure("p99", "ms", percentile(&mut times, 0.99));
    figure("CPU", "ms a create", cost.cpu);
}

fn cost(pid: i32, total: usize, work: impl FnOnce() -> Result<Vec<f64>>) -> Result<Cost> {
    let before = process::cpu(pid)?;
    let times = work()?;
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let cpu = (process::cpu(pid)? - before).as_secs_f64() * 1e3 / total as f64;
    Ok(Cost { times, cpu })
}

/// Posts so many bodies over so many connections; how long each took, in milliseconds.
fn measure(port: u16, token: &str, body: &str, total: usize, at_once: usize) -> Result<Vec<f64>> {
    std::thread::scope(|scope| {
        let one = |count: usize| {
            scope.spawn(move || -> Result<Vec<f64>> {
                let mut connection = Connection::open(port, token)?;
                let mut times = Vec::with_capacity(count);
                for _ in 0..count {
                    let start = Instant::now();
                    connection.must("POST", "/v1/sessions", body)?;
                    times.push(start.elapsed().as_secs_f64() * 1e3);
                }
                Ok(times)
            })
        };
        let threads: Vec<_> =
            (0..at_once).map(|place| one(total / at_once + usize::from(place < total % at_once))).collect();
        let mut times = Vec::with_capacity(total);
        for thread in threads {
            times.extend(thread.join().map_err(|_| anyhow::anyhow!("a client panicked"))??);
        }
        Ok(times)
    })
}

//! B9: one agent floods, and one viewer that follows it is frozen. What the other sessions notice of it, and what it
//! costs the server in memory.
//!
//! The other sessions stream at a pace, and are watched: first while it is quiet, then beside the flood.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};

use crate::{
    Plan,
    figures::{Report, Target, percentile},
    process,
    product::Product,
    viewer::{Viewer, now_ns, stamps},
};

/// The other sessions.
const OTHERS: usize = 10;

/// One update of each of them in so many microseconds.
const EVERY_US: u64 = 20_000;

/// The text of an update of the flood: much, as a tool's output.
const FLOOD_BYTES: u64 = 8000;

/// Events after which the flood is under way.
const UNDER_WAY: u64 = 100;

/// Measures it.
pub fn run(plan: &Plan) -> Result<Report> {
    let mut report = plan.report("neighbor");
    let product = Product::start(plan, |builder| builder.config("[worker]\nseats = 100"))?;
    let server = product.server()?;
    let sessions = product.idle_sessions(OTHERS + 1)?;
    let (flooding, others) = sessions.split_first().context("no sessions")?;
    let each = plan.size(500, 200);
    let mut viewer = product.viewer()?;
    others.iter().try_for_each(|session| viewer.subscribe(session))?;
    // What is cold, and what is filled once, is not what is measured.
    paced(&product, &mut viewer, others, 20)?;
    for _ in 0..plan.rounds {
        let mut quiet = paced(&product, &mut viewer, others, each)?;
        let before = process::memory(server)?;
        process::reset_peak(server)?;
        let flood = Flood::begin(&product, flooding)?;
        let mut beside = paced(&product, &mut viewer, others, each)?;
        let grown = process::peak(server)?.saturating_sub(before.resident);
        let rate = flood.end(&product)?;
        for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
            report.floor(&format!("others, {name}"), "ms", percentile(&mut quiet, share));
            report.ours(&format!("others, {name}"), "ms", percentile(&mut beside, share));
        }
        report.ours("growth of the server", "MB", Duration::from_micros(grown).as_secs_f64());
        report.ours("what the flood came to", "MB/s", rate);
    }
    report.target("others, p99", Target::RatioAtMost(2.0));
    report.target("growth of the server", Target::AtMost(8.4));
    product.end()?;
    Ok(report)
}

/// The others stream so many updates each; how long each took to the viewer, in milliseconds.
fn paced(product: &Product, viewer: &mut Viewer, sessions: &[String], each: u64) -> Result<Vec<f64>> {
    let total = usize::try_from(each)? * sessions.len();
    let mut connection = product.connection()?;
    let times = std::thread::scope(|scope| {
        let reading = scope.spawn(|| -> Result<Vec<f64>> {
            let mut times = Vec::with_capacity(total);
            while times.len() < total {
                let mut now = None;
                viewer.read(|text| {
                    let now = *now.get_or_insert_with(now_ns);
                    times.extend(stamps(text).map(|at| Duration::from_nanos(now - at).as_secs_f64() * 1e3));
                })?;
            }
            Ok(times)
        });
        product.prompt_all(&mut connection, sessions, &format!("STAMP {each} {EVERY_US} 40"))?;
        reading.join().map_err(|_| anyhow!("the viewer panicked"))?
    })?;
    product.wait_idle(&mut connection, sessions)?;
    Ok(times)
}

/// A session that floods, and a viewer of it that does not read.
struct Flood<'a> {
    session: &'a String,
    begun: Instant,
    before: u64,
    _frozen: Viewer,
}

impl<'a> Flood<'a> {
    fn begin(product: &Product, session: &'a String) -> Result<Self> {
        let mut frozen = product.viewer()?;
        frozen.subscribe(session)?;
        let before = seq(product, session)?;
        let mut connection = product.connection()?;
        // Longer than anybody measures; it is cancelled.
        let prompt = format!("MIX 100000000 0 {FLOOD_BYTES}");
        product.prompt_all(&mut connection, std::slice::from_ref(session), &prompt)?;
        // It is measured beside when it runs.
        while seq(product, session)? < before + UNDER_WAY {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        let before = seq(product, session)?;
        Ok(Self { session, begun: Instant::now(), before, _frozen: frozen })
    }

    /// Ends it; how much was committed of it, in megabytes a second.
    #[expect(clippy::cast_precision_loss, reason = "some thousand events")]
    fn end(self, product: &Product) -> Result<f64> {
        // Whole batches are committed, and in a short time there may have been none.
        let events = loop {
            match seq(product, self.session)? - self.before {
                0 => std::thread::park_timeout(Duration::from_millis(5)),
                events => break events,
            }
        };
        let took = self.begun.elapsed();
        let mut connection = product.connection()?;
        connection.must("POST", &format!("/v1/sessions/{}/cancel", self.session), "{}")?;
        product.wait_idle(&mut connection, std::slice::from_ref(self.session))?;
        Ok((events * FLOOD_BYTES) as f64 / 1e6 / took.as_secs_f64())
    }
}

/// How many events a session has.
fn seq(product: &Product, session: &str) -> Result<u64> {
    let answer = product.connection()?.must("GET", &format!("/v1/sessions/{session}"), "")?;
    let answer: serde_json::Value = serde_json::from_str(&answer)?;
    answer["seq"].as_u64().context("no seq")
}

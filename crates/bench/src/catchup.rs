//! B8: a viewer comes back 10,000 events behind. Floor: the same bytes, read from a file and written to a socket.
//!
//! Once the events are still in the server's memory, and once they are in the store alone, since another session has
//! streamed so much meanwhile.

use std::{
    fs,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    Plan,
    figures::{Report, Target},
    floor_process::Floor,
    process,
    product::Product,
    uplink::Uplinks,
    viewer::Viewer,
};

/// The text of an event; with what is around it, it has about 575 bytes on the wire.
const TEXT: usize = 380;

/// Events of a batch of a runner.
const BATCH: usize = 500;

/// The sessions: the one whose events are in the store alone, and the one whose events came last.
const OLD: usize = 0;
const NEW: usize = 1;

/// Measures it.
pub fn run(plan: &Plan) -> Result<Report> {
    let mut report = plan.report("catchup");
    let behind = usize::try_from(plan.size(10_000, 5000))?;
    // More than the server keeps in memory of all sessions together.
    let evicting = 16_000;
    let product = Product::without_worker(plan, |builder| builder)?;
    let server = product.server()?;
    let mut uplinks = Uplinks::open(&product, 2)?;
    let sessions: Vec<String> = uplinks.sessions().map(str::to_owned).collect();
    uplinks.report_one(OLD, behind / BATCH, BATCH, TEXT)?;
    uplinks.report_one(NEW, evicting / BATCH, BATCH, TEXT)?;
    let directory = tempfile::tempdir()?;
    let bytes = directory.path().join("bytes");
    let log = catch_up(&product, &sessions[OLD], 0, behind, Some(&bytes))?;
    let newest = log.first + evicting as u64;
    let mut floor = Floor::start(plan, &["catchup", &bytes.to_string_lossy()])?;
    let port = floor.port()?;
    for _ in 0..plan.rounds {
        for (name, session, after) in [("from memory", NEW, newest - behind as u64), ("from the store", OLD, log.first)]
        {
            let before = process::cpu(floor.pid())?;
            let seen = floored(port, log.bytes)?;
            seen.tell(process::cpu(floor.pid())? - before, |figure, unit, value| {
                report.floor(&format!("{name}: {figure}"), unit, value);
            });
            let before = process::cpu(server)?;
            let seen = catch_up(&product, &sessions[session], after, behind, None)?;
            ensure!(seen.faults == 0, "{} events did not follow the one before", seen.faults);
            seen.tell(process::cpu(server)? - before, |figure, unit, value| {
                report.ours(&format!("{name}: {figure}"), unit, value);
            });
        }
    }
    for name in ["from memory", "from the store"] {
        report.target(&format!("{name}: rate"), Target::RatioAtLeast(0.5));
    }
    drop((uplinks, floor));
    product.abandon()?;
    Ok(report)
}

/// What came, and how fast.
struct Seen {
    /// The last event before the first that came.
    first: u64,
    bytes: u64,
    faults: u64,
    took: Duration,
}

impl Seen {
    #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
    fn tell(&self, cpu: Duration, mut figure: impl FnMut(&str, &'static str, f64)) {
        let megabytes = self.bytes as f64 / 1e6;
        figure("rate", "MB/s", megabytes / self.took.as_secs_f64());
        figure("CPU", "ms a MB", cpu.as_secs_f64() * 1e3 / megabytes);
    }
}

/// Comes back with a cursor and reads so many texts; what came is written down if somebody wants it.
fn catch_up(product: &Product, session: &str, after: u64, texts: usize, keep: Option<&Path>) -> Result<Seen> {
    let mut viewer = product.viewer()?;
    let mut kept = keep.map(fs::File::create).transpose()?.map(std::io::BufWriter::new);
    let subscribe = format!(r#"{{"op":"subscribe","topic":"{session}","after":{after}}}"#);
    let begun = Instant::now();
    viewer.send(1, subscribe.as_bytes())?;
    let (mut first, mut last, mut seen) = (None, None, 0);
    let (mut bytes, mut faults, mut kept_all) = (0, 0, Ok(()));
    while seen < texts {
        viewer.read(|text| {
            let Some(seq) = seq(text) else { return };
            faults += u64::from(last.is_some_and(|last| seq != last + 1));
            last = Some(seq);
            if !text.contains(r#""message_appended""#) {
                return;
            }
            first = first.or(Some(seq - 1));
            seen += 1;
            bytes += text.len() as u64 + 1;
            if let (Some(file), Ok(())) = (&mut kept, &kept_all) {
                kept_all = writeln!(file, "{text}");
            }
        })?;
    }
    let took = begun.elapsed();
    kept_all?;
    Ok(Seen { first: first.context("nothing came")?, bytes, faults, took })
}

/// The same bytes from the floor.
fn floored(port: u16, wanted: u64) -> Result<Seen> {
    let mut viewer = Viewer::lines(port)?;
    let begun = Instant::now();
    viewer.stream.write_all(b"\n")?;
    let (mut bytes, mut faults, mut last) = (0, 0, None);
    while bytes < wanted {
        viewer.read(|text| {
            // It looks at the same things.
            let seq = seq(text);
            faults += u64::from(last.is_some() && seq != last.map(|last: u64| last + 1));
            last = seq;
            bytes += u64::from(text.contains(r#""message_appended""#)) * (text.len() as u64 + 1);
        })?;
    }
    Ok(Seen { first: 0, bytes, faults, took: begun.elapsed() })
}

/// The place of an event in its log.
fn seq(text: &str) -> Option<u64> {
    let rest = text.split(r#""seq":"#).nth(1)?;
    rest.split(',').next()?.parse().ok()
}

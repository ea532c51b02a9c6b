//! B3: 64 agents flood, nobody watches. Floors: the same agents into a raw log, and a raw log fed from memory.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::{
    Plan,
    figures::{Report, Target},
    floor_process::Floor,
    process,
    product::Product,
    viewer::Viewer,
};

const AGENTS: usize = 64;

/// The text of an update; with what is around it an event has about 575 bytes.
const TEXT: u64 = 400;

/// Measures it.
pub fn run(plan: &Plan) -> Result<Report> {
    let mut report = plan.report("ingest");
    let each = plan.size(1_000_000, 64_000) / AGENTS as u64;
    let total = each * AGENTS as u64;
    let prompt = format!("MIX {each} 0 {TEXT}");
    let (from_agents, from_memory) = ("with agents", "from memory");
    for _ in 0..plan.rounds {
        let directory = tempfile::tempdir()?;
        let log = directory.path().join("log").to_string_lossy().into_owned();
        let fake = plan.program("fake-agent").to_string_lossy().into_owned();
        let mut floor = Floor::start(plan, &["raw", &log, &total.to_string(), "575"])?;
        floor.hear("ready")?;
        let (rate, _) = measure(total, &[floor.pid()], || floor.say("go").and_then(|()| floor.hear("done")))?;
        report.floor(from_memory, PER_CPU, rate);
        drop(floor);
        let mut floor = Floor::start(plan, &["events", &fake, &AGENTS.to_string(), &log])?;
        let mut deaf = Viewer::lines(floor.port()?)?;
        let (rate, wall) = std::thread::scope(|scope| {
            // The floor writes to somebody in any case.
            scope.spawn(move || while deaf.read(|_| {}).is_ok() {});
            let measured = measure(total, &[floor.pid()], || floor.say(&prompt).and_then(|()| floor.hear("done")));
            drop(floor);
            measured
        })?;
        report.floor(from_agents, PER_CPU, rate);
        report.floor("rate", "events/s", wall);
        ours(plan, &prompt, total, &mut report)?;
    }
    report.target(from_agents, Target::RatioAtLeast(0.25));
    report.target("on disk", Target::AtMost(1.3));
    Ok(report)
}

const PER_CPU: &str = "events per CPU-second";

#[expect(clippy::cast_precision_loss, reason = "far fewer events and bytes than a float counts")]
fn ours(plan: &Plan, prompt: &str, total: u64, report: &mut Report) -> Result<()> {
    let mut product = Product::start(plan, |builder| builder.config("[worker]\nseats = 100"))?;
    let sessions = product.idle_sessions(AGENTS)?;
    let processes = product.processes()?;
    let server = [product.server()?];
    let mut connection = product.connection()?;
    let before = (process::cpu_of(&server), process::cpu_of(&processes));
    let (rate, wall) = measure(total, &processes, || {
        product.prompt_all(&mut connection, &sessions, prompt)?;
        product.wait_idle(&mut connection, &sessions)
    })?;
    let after = (process::cpu_of(&server), process::cpu_of(&processes));
    report.ours("with agents", PER_CPU, rate);
    report.ours("from memory", PER_CPU, rate);
    report.ours("rate", "events/s", wall);
    let (of_server, of_all) = (after.0 - before.0, after.1 - before.1);
    report.ours("CPU of all", "µs an event", of_all.as_secs_f64() * 1e6 / total as f64);
    report.ours("CPU of the server", "µs an event", of_server.as_secs_f64() * 1e6 / total as f64);
    let (stored, payload) = product.look_at_data(|data| {
        let stored = process::disk(data) - process::disk(&data.join("run"));
        Ok((stored, payload(data)?))
    })?;
    report.ours("on disk", "bytes a payload byte", stored as f64 / payload as f64);
    product.end()
}

/// Events per second of CPU, and of the clock.
#[expect(clippy::cast_precision_loss, reason = "far fewer events than a float counts")]
fn measure<T>(total: u64, pids: &[i32], work: impl FnOnce() -> Result<T>) -> Result<(f64, f64)> {
    let (start, before) = (Instant::now(), process::cpu_of(pids));
    work()?;
    let (wall, cpu) = (start.elapsed(), process::cpu_of(pids) - before);
    let per = |time: Duration| total as f64 / time.as_secs_f64();
    Ok((per(cpu), per(wall)))
}

/// The bytes of all events as they are stored: what a raw log would have.
fn payload(data: &std::path::Path) -> Result<u64> {
    use convene_store::{EventFilter, Reader as _, SessionFilter, Store as _, sqlite::SqliteStore};
    let store = SqliteStore::open(data, convene_core::Timestamp::UNIX_EPOCH, 0).context("the store of the server")?;
    let reader = store.reader();
    let mut payload = 0;
    for session in reader.sessions(&SessionFilter { limit: usize::MAX >> 1, ..SessionFilter::default() })? {
        let mut after = 0;
        loop {
            let filter = EventFilter { after: Some(after), limit: 4096, ..EventFilter::default() };
            let events = reader.events(session.log, &filter)?;
            let Some(last) = events.last() else { break };
            after = last.seq;
            payload += events.iter().map(|event| event.data.len() as u64).sum::<u64>();
        }
    }
    Ok(payload)
}

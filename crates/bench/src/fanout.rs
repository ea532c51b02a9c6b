//! B4: what viewers cost. 1,000 of them on one session, and 1,000 sessions with one each.
//!
//! The same events are committed with nobody watching, with everybody, and once more with nobody: a store grows while it
//! is filled. What it costs more with everybody than on average without is what the viewers cost.
//! Floor: a coalesced write to each of 1,000 sockets.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::event::{PollFd, PollFlags, poll};

use crate::{
    Plan,
    figures::{Report, Target},
    floor_process::Floor,
    process,
    product::Product,
    uplink::Uplinks,
    viewer::Viewer,
};

/// The text of an event.
const TEXT: usize = 100;

/// One session with all viewers: events, and the pause between them in microseconds.
struct One {
    name: &'static str,
    events: u64,
    every_us: u64,
}

impl One {
    fn prompt(&self) -> String {
        format!("MIX {} {} {TEXT}", self.events, self.every_us)
    }

    fn total(&self, viewers: usize) -> usize {
        usize::try_from(self.events).unwrap_or(usize::MAX).saturating_mul(viewers)
    }
}

/// As many sessions as viewers: batches of each, and events in a batch.
struct Many {
    name: &'static str,
    batches: usize,
    events: usize,
}

/// Measures it.
pub fn run(plan: &Plan) -> Result<Report> {
    let mut report = plan.report("fanout");
    let viewers = usize::try_from(plan.size(1000, 100))?;
    let paced = One { name: "one session, 100/s", events: plan.size(300, 100), every_us: 10_000 };
    let flood = One { name: "one session, flat out", events: plan.size(2000, 500), every_us: 0 };
    let single = Many { name: "a session each, one by one", batches: usize::try_from(plan.size(50, 20))?, events: 1 };
    let batched = Many { name: "a session each, 16 at once", batches: usize::try_from(plan.size(20, 10))?, events: 16 };
    for _ in 0..plan.rounds {
        for work in [&paced, &flood].into_iter().filter(|work| plan.wants(work.name)) {
            one_floor(plan, work, viewers, &mut report)?;
            one(plan, work, viewers, &mut report)?;
        }
        for work in [&single, &batched].into_iter().filter(|work| plan.wants(work.name)) {
            many_floor(plan, work, viewers, &mut report)?;
            many(plan, work, viewers, &mut report)?;
        }
    }
    for name in [paced.name, flood.name, single.name, batched.name].into_iter().filter(|name| plan.wants(name)) {
        report.target(&format!("{name}: deliveries"), Target::RatioAtLeast(0.7));
        report.target(&format!("{name}: gaps and duplicates"), Target::AtMost(0.0));
    }
    Ok(report)
}

/// What was delivered for some CPU time of the server.
struct Delivered {
    events: u64,
    faults: u64,
    cpu: Duration,
}

impl Delivered {
    #[expect(clippy::cast_precision_loss, reason = "a few million")]
    fn tell(&self, name: &str, report: &mut Report, without: Duration) {
        let per = |cpu: Duration| self.events as f64 / cpu.as_secs_f64();
        report.ours(&format!("{name}: deliveries"), "a CPU-second", per(self.cpu.saturating_sub(without)));
        report.ours(&format!("{name}: with commit"), "a CPU-second", per(self.cpu));
        report.ours(&format!("{name}: gaps and duplicates"), "", self.faults as f64);
    }

    #[expect(clippy::cast_precision_loss, reason = "a few million")]
    fn tell_floor(&self, name: &str, report: &mut Report) {
        report.floor(&format!("{name}: deliveries"), "a CPU-second", self.events as f64 / self.cpu.as_secs_f64());
    }
}

fn one_floor(plan: &Plan, work: &One, count: usize, report: &mut Report) -> Result<()> {
    let fake = plan.program("fake-agent").to_string_lossy().into_owned();
    let mut floor = Floor::start(plan, &["fanout", &fake])?;
    let viewers = connect(&mut floor, count)?;
    let before = process::cpu(floor.pid())?;
    let (delivered, _) = watch(viewers, work.total(count), || floor.say(&work.prompt()))?;
    floor.hear("done")?;
    let cpu = process::cpu(floor.pid())? - before;
    Delivered { events: delivered, faults: 0, cpu }.tell_floor(work.name, report);
    Ok(())
}

fn one(plan: &Plan, work: &One, count: usize, report: &mut Report) -> Result<()> {
    let product = Product::start(plan, |builder| builder)?;
    let (server, sessions) = (product.server()?, product.idle_sessions(1)?);
    let mut connection = product.connection()?;
    let mut alone = || {
        let before = process::cpu(server)?;
        product.prompt_all(&mut connection, &sessions, &work.prompt())?;
        product.wait_idle(&mut connection, &sessions)?;
        anyhow::Ok(process::cpu(server)? - before)
    };
    let without = alone()?;
    let viewers = (0..count).map(|_| follow(&product, &sessions[0])).collect::<Result<Vec<_>>>()?;
    let before = process::cpu(server)?;
    let mut second = product.connection()?;
    let prompted = || product.prompt_all(&mut second, &sessions, &work.prompt());
    let (events, faults) = watch(viewers, work.total(count), prompted)?;
    product.wait_idle(&mut second, &sessions)?;
    let cpu = process::cpu(server)? - before;
    Delivered { events, faults, cpu }.tell(work.name, report, (without + alone()?) / 2);
    product.end()
}

fn many_floor(plan: &Plan, work: &Many, count: usize, report: &mut Report) -> Result<()> {
    let mut floor = Floor::start(plan, &["fanout", "-"])?;
    let viewers = connect(&mut floor, count)?;
    let before = process::cpu(floor.pid())?;
    let (events, _) = watch(viewers, work.batches * work.events * count, || {
        floor.say(&format!("{} {} {TEXT}", work.batches, work.events))
    })?;
    floor.hear("done")?;
    Delivered { events, faults: 0, cpu: process::cpu(floor.pid())? - before }.tell_floor(work.name, report);
    Ok(())
}

fn many(plan: &Plan, work: &Many, count: usize, report: &mut Report) -> Result<()> {
    let product = Product::without_worker(plan, |builder| builder)?;
    let server = product.server()?;
    let mut uplinks = Uplinks::open(&product, count)?;
    let alone = |uplinks: &mut Uplinks| {
        let before = process::cpu(server)?;
        (0..work.batches).try_for_each(|_| uplinks.report(work.events, TEXT))?;
        anyhow::Ok(process::cpu(server)? - before)
    };
    let without = alone(&mut uplinks)?;
    let viewers = uplinks.sessions().map(|id| follow(&product, id)).collect::<Result<Vec<_>>>()?;
    let before = process::cpu(server)?;
    let reported = || (0..work.batches).try_for_each(|_| uplinks.report(work.events, TEXT));
    let (events, faults) = watch(viewers, work.batches * work.events * count, reported)?;
    let cpu = process::cpu(server)? - before;
    Delivered { events, faults, cpu }.tell(work.name, report, (without + alone(&mut uplinks)?) / 2);
    drop(uplinks);
    product.abandon()
}

fn connect(floor: &mut Floor, count: usize) -> Result<Vec<Viewer>> {
    let port = floor.port()?;
    floor.say(&count.to_string())?;
    let viewers = (0..count).map(|_| Viewer::lines(port)).collect();
    floor.hear("ready")?;
    viewers
}

fn follow(product: &Product, session: &str) -> Result<Viewer> {
    let mut viewer = product.viewer()?;
    viewer.subscribe(session)?;
    Ok(viewer)
}

/// Begins some work and reads until so many texts have come altogether; how many came, and how many of them were not
/// the next of their log.
fn watch(mut viewers: Vec<Viewer>, total: usize, begin: impl FnOnce() -> Result<()>) -> Result<(u64, u64)> {
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || -> Result<(u64, u64)> {
            let (mut seen, mut faults) = (0, 0);
            let mut last: Vec<Option<u64>> = vec![None; viewers.len()];
            while seen < total as u64 {
                for place in ready(&viewers)? {
                    viewers[place].read(|text| {
                        let seq = seq(text);
                        faults +=
                            u64::from(last[place].is_some() && seq.is_some() && seq != last[place].map(|n| n + 1));
                        last[place] = seq.or(last[place]);
                        seen += u64::from(is_text(text));
                    })?;
                }
            }
            Ok((seen, faults))
        });
        begin()?;
        reading.join().ok().context("the viewers panicked")?
    })
}

/// Those that have something to read.
fn ready(viewers: &[Viewer]) -> Result<Vec<usize>> {
    let mut fds: Vec<PollFd<'_>> = viewers.iter().map(|viewer| PollFd::new(&viewer.stream, PollFlags::IN)).collect();
    let patience = rustix::event::Timespec { tv_sec: 60, tv_nsec: 0 };
    ensure!(poll(&mut fds, Some(&patience))? > 0, "nothing comes any more");
    Ok(fds.iter().enumerate().filter(|(_, fd)| !fd.revents().is_empty()).map(|(place, _)| place).collect())
}

/// Whether it is one of the texts that were streamed; the floor's begin with their kind.
fn is_text(text: &str) -> bool {
    text.contains(r#""message_appended""#) || text.starts_with(r#"{"sessionUpdate""#)
}

/// The place in its log.
fn seq(text: &str) -> Option<u64> {
    let rest = text.split(r#""seq":"#).nth(1)?;
    rest.split(',').next()?.parse().ok()
}

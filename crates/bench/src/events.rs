//! B2: from an agent's write over the commit to a client. Floor: pipe → envelope → log and `fdatasync` → raw TCP.
//!
//! The agents stamp what they write, and the viewer reads the stamps. A pace is that of all agents together. Flat out
//! they write as fast as they are read, once text that may be merged on the way and once what may not.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use crate::{
    Plan, Scale,
    figures::{Report, Target, percentile},
    floor_process::Floor,
    process,
    product::Product,
    viewer::{Viewer, now_ns, stamps},
};

/// Measures it.
pub fn run(plan: &Plan) -> Result<Report> {
    let mut report = plan.report("events");
    let numbers: &[usize] = match plan.scale {
        Scale::Whole => &[1, 20, 100],
        Scale::Quick => &[1, 20],
        Scale::Smoke => &[1],
    };
    let rates: &[u64] = if plan.is_whole() { &[100, 1000, 2000] } else { &[1000] };
    for &agents in numbers {
        let product = Product::start(plan, |builder| builder.config("[worker]\nseats = 200"))?;
        let ours = Ours::new(product, agents)?;
        for round in 0..plan.rounds {
            let directory = tempfile::tempdir()?;
            let log = directory.path().join("log").to_string_lossy().into_owned();
            let fake = plan.program("fake-agent").to_string_lossy().into_owned();
            let mut floor = Floor::start(plan, &["events", &fake, &agents.to_string(), &log])?;
            let mut viewer = Viewer::lines(floor.port()?)?;
            let mut viewer_of_ours = ours.viewer()?;
            for &rate in rates {
                let work = paced(plan, agents, rate);
                let name = format!("{}, {rate}/s", number(agents));
                // The floor writes so little at first that its code is cold.
                if round == 0 {
                    floored(&mut floor, &mut viewer, &Work { each: 100, ..paced(plan, agents, rate) })?;
                }
                let seen = floored(&mut floor, &mut viewer, &work)?;
                seen.tell(|figure, unit, value| report.floor(&format!("{name}: {figure}"), unit, value));
                let seen = ours.measure(&mut viewer_of_ours, &work)?;
                seen.tell(|figure, unit, value| report.ours(&format!("{name}: {figure}"), unit, value));
                aim(&mut report, &name, rate);
            }
            for (word, what) in [("STAMP", "text"), ("MIX", "unmerged")] {
                let work = flood(plan, agents, word);
                let name = format!("{}, flat out, {what}", number(agents));
                let seen = floored(&mut floor, &mut viewer, &work)?;
                seen.tell_flood(|figure, unit, value| report.floor(&format!("{name}: {figure}"), unit, value));
                let before = ours.sizes()?;
                let seen = ours.measure(&mut viewer_of_ours, &work)?;
                seen.tell_flood(|figure, unit, value| report.ours(&format!("{name}: {figure}"), unit, value));
                report.ours(&format!("{name}: growth"), "MB", ours.growth(&before)?);
                report.target(&format!("{name}: CPU"), Target::AtMost(12.0));
                report.target(&format!("{name}: growth"), Target::AtMost(32.0));
            }
        }
        ours.product.end()?;
    }
    Ok(report)
}

fn number(agents: usize) -> String {
    if agents == 1 { "1 agent".to_owned() } else { format!("{agents} agents") }
}

fn aim(report: &mut Report, name: &str, rate: u64) {
    if rate == 1000 {
        report.target(&format!("{name}: p50"), Target::RatioAtMost(2.5));
        report.target(&format!("{name}: p99"), Target::RatioAtMost(2.5));
        report.target(&format!("{name}: CPU"), Target::RatioAtMost(2.5));
    }
}

/// What the agents are told to do.
struct Work {
    agents: usize,
    word: &'static str,
    /// Updates of each agent.
    each: u64,
    every_us: u64,
    bytes: u64,
}

impl Work {
    fn prompt(&self) -> String {
        format!("{} {} {} {}", self.word, self.each, self.every_us, self.bytes)
    }

    fn total(&self) -> usize {
        usize::try_from(self.each).unwrap_or(usize::MAX).saturating_mul(self.agents)
    }
}

/// Some seconds of work at a pace.
fn paced(plan: &Plan, agents: usize, rate: u64) -> Work {
    let number = agents as u64;
    let each = (rate * plan.size(5000, 2000) / 1000 / number).max(20);
    Work { agents, word: "STAMP", each, every_us: 1_000_000 * number / rate, bytes: 40 }
}

/// As much as takes a second or so.
fn flood(plan: &Plan, agents: usize, word: &'static str) -> Work {
    let each = plan.size(200_000, 50_000) / agents as u64;
    Work { agents, word, each, every_us: 0, bytes: 40 }
}

/// What was seen of some work.
struct Seen {
    /// How long each update took, in milliseconds.
    times: Vec<f64>,
    wall: Duration,
    cpu: Duration,
}

#[expect(clippy::cast_precision_loss, reason = "far fewer events than a float counts")]
impl Seen {
    fn tell(self, mut figure: impl FnMut(&str, &'static str, f64)) {
        let cpu = self.cpu_us();
        let mut times = self.times;
        figure("p50", "ms", percentile(&mut times, 0.5));
        figure("p99", "ms", percentile(&mut times, 0.99));
        figure("CPU", "µs an event", cpu);
    }

    fn tell_flood(self, mut figure: impl FnMut(&str, &'static str, f64)) {
        figure("CPU", "µs an event", self.cpu_us());
        figure("rate", "events/s", self.times.len() as f64 / self.wall.as_secs_f64());
    }

    fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.times.len() as f64
    }
}

/// Begins some work and watches until all of it has come.
fn watch(viewer: &mut Viewer, total: usize, begin: impl FnOnce() -> Result<()>) -> Result<(Vec<f64>, Duration)> {
    let start = Instant::now();
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
        begin()?;
        reading.join().map_err(|_| anyhow!("the viewer panicked"))?
    })?;
    Ok((times, start.elapsed()))
}

fn floored(floor: &mut Floor, viewer: &mut Viewer, work: &Work) -> Result<Seen> {
    let before = process::cpu(floor.pid())?;
    let (times, wall) = watch(viewer, work.total(), || floor.say(&work.prompt()))?;
    floor.hear("done")?;
    Ok(Seen { times, wall, cpu: process::cpu(floor.pid())? - before })
}

/// The product with agents that wait for a prompt.
struct Ours {
    product: Product,
    sessions: Vec<String>,
    processes: Vec<i32>,
}

impl Ours {
    fn new(product: Product, agents: usize) -> Result<Self> {
        let sessions = product.idle_sessions(agents)?;
        let processes = product.processes()?;
        Ok(Self { product, sessions, processes })
    }

    fn viewer(&self) -> Result<Viewer> {
        let mut viewer = self.product.viewer()?;
        self.sessions.iter().try_for_each(|session| viewer.subscribe(session))?;
        Ok(viewer)
    }

    fn measure(&self, viewer: &mut Viewer, work: &Work) -> Result<Seen> {
        let mut connection = self.product.connection()?;
        let before = process::cpu_of(&self.processes);
        let (times, wall) =
            watch(viewer, work.total(), || self.product.prompt_all(&mut connection, &self.sessions, &work.prompt()))?;
        let cpu = process::cpu_of(&self.processes) - before;
        self.product.wait_idle(&mut connection, &self.sessions)?;
        Ok(Seen { times, wall, cpu })
    }

    /// What each process has now, in bytes; from here on their peaks count.
    fn sizes(&self) -> Result<Vec<u64>> {
        self.processes
            .iter()
            .map(|pid| {
                process::reset_peak(*pid)?;
                Ok(process::memory(*pid)?.resident)
            })
            .collect()
    }

    /// How much the process that grew most has grown, in megabytes.
    fn growth(&self, before: &[u64]) -> Result<f64> {
        let mut most = 0;
        for (pid, before) in self.processes.iter().zip(before) {
            most = most.max(process::peak(*pid)?.saturating_sub(*before));
        }
        Ok(Duration::from_micros(most).as_secs_f64())
    }
}

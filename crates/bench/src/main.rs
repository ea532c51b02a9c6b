//! Measures the product against floor programs: `cargo xtask bench NAME` builds everything and starts this.
//!
//! A round measures the floor and the product, one right after the other; what counts is their ratio in a round, and
//! CPU time per unit of work. The product is driven through its doors, as its users do. See `docs/benchmarks.md`.

mod catchup;
mod create;
mod density;
mod dispatch;
mod events;
mod fanout;
mod figures;
mod floor_process;
mod http;
mod ingest;
mod neighbor;
mod process;
mod product;
mod recovery;
mod start;
mod uplink;
mod viewer;
mod wake;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result, bail};

use figures::Report;

const USAGE: &str = "\
Usage: cargo xtask bench <NAME>... [OPTIONS]

  start      B10: from exec to ready; sizes of the binary and of an idle server
  create     B1: POST /v1/sessions, serial and 32 at once
  events     B2: from an agent's write to a client, at a pace and flat out
  ingest     B3: 64 agents flood
  fanout     B4: 1,000 viewers of one session, and of 1,000 sessions
  density    B5: memory of sessions that wait, sleep and live
  wake       1,000 sleeping sessions of real agents, and how long one takes to wake
  recovery   B6: the server is killed and started again
  dispatch   B7: 1,000 sessions wait when a worker comes
  catchup    B8: a viewer comes back 10,000 events behind
  neighbor   B9: what others notice of a flood and of a frozen viewer
  all        all of them, in this order

Options:
  --rounds N   rounds of floor and product in turn [default: 5]
  --quick      small sizes
  --only TEXT  only the parts of `fanout` and `density` whose name has this text: waiting, sleeping, live there
  --json FILE  write the figures there, too";

/// How large the sizes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Those of the design.
    Whole,
    /// A tenth or so.
    Quick,
    /// As little as shows that the bench works.
    Smoke,
}

/// What is to be measured and how.
pub struct Plan {
    names: Vec<String>,
    /// Rounds of floor and product.
    pub rounds: usize,
    /// How large the sizes are.
    pub scale: Scale,
    /// Only parts whose name has this text.
    only: String,
    json: Option<PathBuf>,
    /// The directory of the programs.
    pub programs: PathBuf,
}

impl Plan {
    /// Reads the arguments; nothing if they are wrong.
    fn parse(mut words: impl Iterator<Item = String>, programs: PathBuf) -> Option<Self> {
        let (names, only) = (Vec::new(), String::new());
        let mut plan = Self { names, rounds: 5, scale: Scale::Whole, only, json: None, programs };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--rounds" => plan.rounds = words.next()?.parse().ok().filter(|rounds| *rounds > 0)?,
                "--quick" => plan.scale = Scale::Quick,
                // For the test of the bench itself.
                "--smoke" => (plan.scale, plan.rounds) = (Scale::Smoke, 1),
                "--only" => plan.only = words.next()?,
                "--json" => plan.json = Some(words.next()?.into()),
                "all" => plan.names.extend(BENCHMARKS.iter().map(|(name, _)| (*name).to_owned())),
                name if BENCHMARKS.iter().any(|(known, _)| *known == name) => plan.names.push(word),
                _ => return None,
            }
        }
        (!plan.names.is_empty()).then_some(plan)
    }

    /// One of our programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// Whether a part is to be measured.
    pub fn wants(&self, part: &str) -> bool {
        part.contains(&self.only)
    }

    /// A size: the first, the second if it should be quick, a tenth of that if it should be quicker.
    pub const fn size(&self, whole: u64, quick: u64) -> u64 {
        match self.scale {
            Scale::Whole => whole,
            Scale::Quick => quick,
            Scale::Smoke => quick.div_ceil(10),
        }
    }

    /// Whether the sizes are those of the design.
    pub const fn is_whole(&self) -> bool {
        matches!(self.scale, Scale::Whole)
    }

    /// An empty report.
    pub const fn report(&self, name: &'static str) -> Report {
        Report::new(name, self.rounds, self.scale)
    }
}

type Benchmark = fn(&Plan) -> Result<Report>;

const BENCHMARKS: &[(&str, Benchmark)] = &[
    ("start", start::run),
    ("create", create::run),
    ("events", events::run),
    ("ingest", ingest::run),
    ("fanout", fanout::run),
    ("density", density::run),
    ("wake", wake::run),
    ("recovery", recovery::run),
    ("dispatch", dispatch::run),
    ("catchup", catchup::run),
    ("neighbor", neighbor::run),
];

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let own = std::env::current_exe()?;
    let programs = own.parent().context("the bench is in no directory")?;
    let Some(plan) = Plan::parse(std::env::args().skip(1), programs.to_owned()) else {
        eprintln!("{USAGE}");
        return Ok(ExitCode::from(2));
    };
    for program in ["convene", "convene-floor", "fake-agent"] {
        if !plan.program(program).exists() {
            bail!("{program} is not beside this program; `cargo xtask bench` builds it");
        }
    }
    let mut reports = Vec::new();
    for name in &plan.names {
        let Some((name, benchmark)) = BENCHMARKS.iter().find(|(known, _)| known == name) else { continue };
        let report = benchmark(&plan).with_context(|| format!("benchmark {name}"))?;
        println!("{}", report.table());
        reports.push(report.json());
        if let Some(path) = &plan.json {
            std::fs::write(path, serde_json::to_string_pretty(&reports)?)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

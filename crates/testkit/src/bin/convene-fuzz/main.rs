//! Fuzzes real processes: `cargo xtask fuzz` builds everything and starts this. See `docs/testing.md`.

mod faults;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result};
use convene_testkit::fuzz::{self, Plan, Report, schedule};

const USAGE: &str = "\
Usage: cargo xtask fuzz [OPTIONS]

Kills and freezes server, worker, keepers, runners and agents while sessions are worked on, and compares what clients saw
with the log. A run that finds something exits with 1 and keeps its home.

Options:
  --kills N      strikes [default: 200]
  --seed N       what decides the schedule [default: by the clock; it is printed]
  --sessions N   sessions that are worked on at once [default: 6]
  --runs N       so many runs, each with the next seed [default: 1]
  --json         the figures as JSON, one line a run
  --schedule     print the schedule and run nothing

Instead of all this, with --faults as the first one, a disk that fails:
  --faults       the N-th call by which the server, or a runner, changes its files fails
  --seed N       what decides the calls [default: by the clock; it is printed]
  --seconds N    for so long random calls are tried [default: 90]
  --all          every call, however long that takes
  --who WHO      of server or runner alone
  --fault FAULT  eio, enospc, edquot, short, kill or kill-after alone; may be given again
  --times N      so many calls fail, one after another [default: 1]
  --jobs N       so many stories at once [default: 2]
  --from N       the first call
  --to N         the last one; with it, or --from, every one between them is tried";

struct Wanted {
    plan: Plan,
    runs: u64,
    json: bool,
    schedule: bool,
}

impl Wanted {
    fn parse(mut words: impl Iterator<Item = String>, seed: u64) -> Option<Self> {
        let plan = Plan { seed, kills: 200, sessions: 6 };
        let mut wanted = Self { plan, runs: 1, json: false, schedule: false };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--kills" => wanted.plan.kills = words.next()?.parse().ok()?,
                "--seed" => wanted.plan.seed = words.next()?.parse().ok()?,
                "--sessions" => wanted.plan.sessions = words.next()?.parse().ok().filter(|n| *n > 0)?,
                "--runs" => wanted.runs = words.next()?.parse().ok()?,
                "--json" => wanted.json = true,
                "--schedule" => wanted.schedule = true,
                _ => return None,
            }
        }
        Some(wanted)
    }
}

fn main() -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "a seed that nobody gave is taken from the clock")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match words.split_first() {
        Some((first, rest)) if first == "--faults" => faults::parse(rest, now).map(|wanted| faults::run(&wanted)),
        _ => Wanted::parse(words.into_iter(), now).map(|wanted| run(&wanted)),
    };
    let Some(outcome) = outcome else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(wanted: &Wanted) -> Result<bool> {
    if wanted.schedule {
        for round in schedule::rounds(wanted.plan.seed, wanted.plan.kills, wanted.plan.sessions) {
            println!("{round:?}");
        }
        return Ok(true);
    }
    let programs = programs()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut clean = true;
    for run in 0..wanted.runs {
        let plan = Plan { seed: wanted.plan.seed.wrapping_add(run), ..wanted.plan };
        eprintln!("seed {}", plan.seed);
        let report: Report = runtime.block_on(fuzz::run(plan, &programs.path().join("convene")))?;
        match wanted.json {
            true => println!("{}", report.json()),
            false => println!("{report}"),
        }
        clean &= report.is_clean();
    }
    Ok(clean)
}

/// The programs beside this one under names of their own, so that a build in the middle of a run changes nothing.
fn programs() -> Result<tempfile::TempDir> {
    let own = std::env::current_exe()?;
    let beside = own.parent().context("this program is in no directory")?;
    let directory = tempfile::Builder::new().prefix("convene-fuzz-").tempdir_in(beside)?;
    for program in ["convene", "fake-agent"] {
        link(&beside.join(program), &directory.path().join(program))
            .with_context(|| format!("{program} is not beside this program; `cargo xtask fuzz` builds it"))?;
    }
    Ok(directory)
}

fn link(from: &Path, to: &PathBuf) -> std::io::Result<()> {
    std::fs::hard_link(from, to).or_else(|_| std::fs::copy(from, to).map(drop))
}

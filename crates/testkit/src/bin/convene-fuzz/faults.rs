//! `cargo xtask fuzz --faults`: a disk that fails at the N-th call.

use std::time::Duration;

use anyhow::Result;
use convene_testkit::{
    faults::Fault,
    fuzz::{
        calls::{self, Wanted},
        disk::Who,
    },
};

/// For how long random calls are tried.
const SECONDS: u64 = 90;

/// What the words ask for; `None` if nobody knows.
pub fn parse(words: &[String], now: u64) -> Option<Wanted> {
    let mut wanted = Wanted::sample(now, Duration::from_secs(SECONDS));
    let mut faults = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seed" => wanted.seed = words.next()?.parse().ok()?,
            "--seconds" => wanted.within = Some(Duration::from_secs(words.next()?.parse().ok()?)),
            "--times" => wanted.times = words.next()?.parse().ok().filter(|n| *n > 0)?,
            "--jobs" => wanted.jobs = words.next()?.parse().ok().filter(|n| *n > 0)?,
            "--all" => wanted.within = None,
            "--who" => {
                wanted.who = match words.next()?.as_str() {
                    "server" | "serve" => vec![Who::Server],
                    "runner" => vec![Who::Runner],
                    _ => return None,
                }
            }
            "--fault" => {
                let name = words.next()?;
                faults.push(*Fault::ALL.iter().find(|fault| fault.name() == name)?);
            }
            "--from" => (wanted.calls.0, wanted.within) = (words.next()?.parse().ok()?, None),
            "--to" => (wanted.calls.1, wanted.within) = (words.next()?.parse().ok()?, None),
            _ => return None,
        }
    }
    if !faults.is_empty() {
        wanted.faults = faults;
    }
    Some(wanted)
}

/// Tries it and tells whether all went well.
pub fn run(wanted: &Wanted) -> Result<bool> {
    let programs = super::programs()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    eprintln!("seed {}", wanted.seed);
    let tried = runtime.block_on(calls::run(wanted, &programs.path().join("convene"), |line| eprintln!("{line}")))?;
    println!("{} calls failed, {} were not there, {} stories went wrong", tried.hit, tried.spared, tried.wrong.len());
    for wrong in &tried.wrong {
        println!("\n{wrong}");
    }
    Ok(tried.wrong.is_empty())
}

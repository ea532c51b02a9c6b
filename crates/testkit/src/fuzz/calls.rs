//! Which calls fail, one story each: all of them, or as many as there is time for, by a seed.

use std::{path::Path, time::Duration};

use anyhow::{Result, ensure};
use futures_util::StreamExt as _;
use tokio::time::Instant;

use super::{
    disk::{self, Who},
    schedule::Dice,
};
use crate::faults::{Fault, Plan};

/// So far beyond the last call of a story without a fault, since no two stories have equally many.
const BEYOND: u64 = 10;

/// What is to be tried.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Whose calls.
    pub who: Vec<Who>,
    /// How they fail.
    pub faults: Vec<Fault>,
    /// The first call and the last one.
    pub calls: (u64, u64),
    /// For how long random ones are tried; `None`: every one.
    pub within: Option<Duration>,
    /// What the random ones are by.
    pub seed: u64,
    /// How many calls fail in a story, one after another.
    pub times: u64,
    /// How many stories are told at once.
    pub jobs: usize,
}

impl Wanted {
    /// Random calls of everybody with every fault.
    pub fn sample(seed: u64, within: Duration) -> Self {
        let (who, faults) = (Who::ALL.to_vec(), Fault::ALL.to_vec());
        Self { who, faults, calls: (1, u64::MAX), within: Some(within), seed, times: 1, jobs: 2 }
    }
}

/// What was tried.
#[derive(Debug, Default)]
pub struct Tried {
    /// Stories in which a call failed.
    pub hit: usize,
    /// Stories that were over before that call.
    pub spared: usize,
    /// What went wrong, each with how to have it again.
    pub wrong: Vec<String>,
}

/// Tries what is wanted on this binary; `say` is told of each story.
///
/// # Errors
/// If a story without a fault goes wrong.
pub async fn run(wanted: &Wanted, binary: &Path, mut say: impl FnMut(String)) -> Result<Tried> {
    let mut ends = Vec::new();
    for who in &wanted.who {
        let told = disk::tell(*who, Plan::count(""), binary).await?;
        ensure!(told.wrong.is_empty(), "without a fault, {:?} goes wrong: {:#?}, see {:?}", who, told.wrong, told.kept);
        ensure!(told.calls > 20, "of {who:?} only {} calls were counted", told.calls);
        say(format!("{} has {} calls", who.word(), told.calls));
        ends.push((*who, (told.calls + BEYOND).min(wanted.calls.1)));
    }
    let deadline = wanted.within.map(|within| Instant::now() + within);
    let cases: Box<dyn Iterator<Item = (Who, Fault, u64)>> = match deadline {
        None => {
            let calls = ends.iter().flat_map(|(who, end)| (wanted.calls.0..=*end).map(|at| (*who, at)));
            Box::new(calls.flat_map(|(who, at)| wanted.faults.iter().map(move |fault| (who, *fault, at))))
        }
        Some(deadline) => {
            let mut dice = Dice::of(wanted.seed);
            let mut next = move || {
                let (who, end) = ends[dice.roll(ends.len())];
                let fault = wanted.faults[dice.roll(wanted.faults.len())];
                let calls = usize::try_from(end.saturating_sub(wanted.calls.0) + 1).unwrap_or(usize::MAX);
                (who, fault, wanted.calls.0 + dice.roll(calls) as u64)
            };
            Box::new(std::iter::from_fn(move || (Instant::now() < deadline).then(&mut next)))
        }
    };
    let stories = futures_util::stream::iter(cases).map(async |(who, fault, at)| {
        let told = disk::tell(who, Plan { word: who.word(), at, times: wanted.times, fault }, binary).await;
        (who, fault, at, told)
    });
    let mut stories = std::pin::pin!(stories.buffer_unordered(wanted.jobs));
    let mut tried = Tried::default();
    while let Some((who, fault, at, told)) = stories.next().await {
        let told = told?;
        let mut name = format!("--who {} --fault {} --from {at} --to {at}", who.word(), fault.name());
        if wanted.times > 1 {
            name.push_str(&format!(" --times {}", wanted.times));
        }
        let hit = told.hits.first().map(|hit| format!("{} {}", hit.call, hit.path.display()));
        say(format!("{name}: {}", hit.as_deref().unwrap_or("there was no such call")));
        *(if hit.is_some() { &mut tried.hit } else { &mut tried.spared }) += 1;
        if !told.wrong.is_empty() {
            let wrong = format!("{name} ({hit:?}), home {:?}:\n  {}", told.kept, told.wrong.join("\n  "));
            say(format!("WRONG: {wrong}"));
            tried.wrong.push(wrong);
        }
    }
    Ok(tried)
}

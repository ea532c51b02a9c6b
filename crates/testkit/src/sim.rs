//! A deterministic simulator of the engine: one seed drives the clock, the order of messages, clients, workers,
//! runners and agents, failures of the store, machines that sleep, and crashes of everything.
//!
//! A story has two parts. First things go wrong, and after every step what must never be broken is checked against the
//! log in the store (architecture § 8: 1-4, 7, 8, 12). Then nothing goes wrong any more, and everything must come to
//! rest: every turn over, every session idle or stopped, every seat and run directory given back, every client with all
//! that it missed, and all that a runner had written down in the log.
//!
//! Whether it would find anything is shown with bugs that are planted: see [`Plant`].

mod asks;
mod client;
mod delivery;
mod logs;
mod machine;
mod mem_store;
mod net;
mod patience;
mod plant;
mod rest;
mod rng;
mod run_dir;
mod server;
mod world;

use convene_core::session::Phase;

pub use mem_store::{MemDisk, MemReader, MemStore};
pub use plant::Plant;
pub use server::Disk;

use self::{client::at_rest, world::World};

/// Steps in which things go wrong.
const STEPS: usize = 400;

/// Who stops everything at the end.
const STOPPER: usize = 0;

/// What happened, so that a test can tell that its stories are not all dull.
#[derive(Debug, Clone, Copy, Default)]
pub struct Story {
    /// Steps, of both parts.
    pub steps: usize,
    /// Sessions that were made.
    pub sessions: usize,
    /// Events in their logs.
    pub events: usize,
    /// Prompts that agents got.
    pub prompts: usize,
    /// Crashes of the engine.
    pub crashes: usize,
    /// Commits that failed.
    pub failed_commits: u64,
    /// Commands and reports that were refused.
    pub refused: usize,
    /// Answers that were recorded before.
    pub replayed: usize,
    /// How often the server or a machine slept, or the clock was set.
    pub sleeps: usize,
    /// Permission requests that somebody answered.
    pub decided: usize,
    /// Times that were up: of turns, of questions, of workers that could not be reached.
    pub expired: usize,
}

impl std::ops::AddAssign for Story {
    fn add_assign(&mut self, other: Self) {
        self.steps += other.steps;
        self.sessions += other.sessions;
        self.events += other.events;
        self.prompts += other.prompts;
        self.crashes += other.crashes;
        self.failed_commits += other.failed_commits;
        self.refused += other.refused;
        self.replayed += other.replayed;
        self.sleeps += other.sleeps;
        self.decided += other.decided;
        self.expired += other.expired;
    }
}

/// Tells the story of a seed, on a fresh disk.
///
/// # Errors
/// What was broken, and at which step.
pub fn run<D: Disk>(seed: u64, disk: D) -> Result<Story, String> {
    tell(seed, disk, None)
}

/// Tells the story of a seed with a bug in it, on a fresh disk.
///
/// # Errors
/// What was broken, and at which step: as it should be, sooner or later.
pub fn run_planted<D: Disk>(seed: u64, disk: D, plant: Plant) -> Result<Story, String> {
    tell(seed, disk, Some(plant))
}

fn tell<D: Disk>(seed: u64, disk: D, plant: Option<Plant>) -> Result<Story, String> {
    let mut world = World::new(seed, disk, plant)?;
    for step in 0..STEPS {
        let _step = AtStep(step);
        let told = world.step().and_then(|()| if step % 10 == 0 { world.check() } else { Ok(()) });
        told.map_err(|why| format!("step {step}: {why}"))?;
    }
    world.heal()?;
    world.rest("after healing", at_rest)?;
    world.with_client(STOPPER, |client, around| client.stop_all(around));
    world.rest("after stopping all", |phase| matches!(phase, Phase::Stopped { .. }))?;
    world.nothing_left()?;
    world.nothing_lost()?;
    world.nothing_to_repair()?;
    world.restart_equals()?;
    Ok(world.story())
}

/// Tells at which step it was, should something panic.
struct AtStep(usize);

impl Drop for AtStep {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("step {}", self.0);
        }
    }
}

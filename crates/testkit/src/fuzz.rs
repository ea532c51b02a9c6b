//! Crash fuzz on real processes: sessions of several kinds of agents are made, prompted, stopped, put to sleep, cleared
//! and forked by clients that try again, while processes of every role are killed or stand still, by a seed. Then all is
//! healed, and what clients saw and were promised is compared with the log.
//!
//! `cargo xtask fuzz` runs it as long as one likes, a test of the command line runs a short one.

pub mod calls;
mod check;
pub mod disk;
mod load;
mod play;
mod report;
pub mod schedule;
mod stalls;
mod strike;
mod truth;

use std::path::Path;

use anyhow::Result;

use crate::cluster::Cluster;

pub use report::Report;

/// What is to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// What decides everything that is to be decided.
    pub seed: u64,
    /// How often processes are hit.
    pub kills: usize,
    /// Sessions that are worked on at once.
    pub sessions: usize,
}

/// Runs a plan on this binary of the product. A run that finds something keeps its home, and the report says where.
///
/// # Errors
/// If it cannot be run to its end, which says as much as a finding does.
pub async fn run(plan: Plan, binary: &Path) -> Result<Report> {
    let config = "[worker]\nseats = 512\n[limits]\nsessions = 512\nhibernate_after = \"3s\"";
    let builder =
        schedule::AGENTS.iter().fold(Cluster::of(binary), |builder, (name, flags)| builder.fake_beside(name, flags));
    let cluster = builder.worker_apart().config(config).start().await?;
    play::run(plan, cluster).await
}

//! The uplinks: one WebSocket for each runner, one for each worker. The server decides nothing here: what comes up is
//! submitted to the engine, what goes down is read from what is published.

mod ask;
mod link;
mod recap;
pub mod runner;
pub mod worker;

use convene_api::{
    problem::{Code, Problem},
    uplink::Answer,
};
use convene_core::ids::WorkerName;

pub use ask::Asks;

/// A worker answered something else than it was asked: it is of another version.
pub fn odd_answer(worker: &WorkerName, answer: &Answer) -> Problem {
    tracing::warn!(worker.id = %worker, ?answer, "an answer to another question");
    Problem::filled(Code::VersionSkew, [("a", "another version".into()), ("b", env!("CARGO_PKG_VERSION").into())])
        .hint(format!("start worker {worker} again, with the same version as the server"))
}

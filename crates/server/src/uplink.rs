//! The uplinks: one WebSocket for each runner, one for each worker. The server decides nothing here: what comes up is
//! submitted to the engine, what goes down is read from what is published.

mod ask;
mod link;
pub mod runner;
pub mod worker;

pub use ask::Asks;

//! The session machine: `handle` decides, `SessionState::apply` is the only mutation.
//!
//! ```text
//! pending → starting → idle ⇄ running → hibernated → pending
//!    any of them → stopping → stopped → pending (by a prompt)
//! ```

mod apply;
mod attempt;
mod decider;
mod handle;
mod orders;
mod questions;
mod report;
mod said;
mod state;

pub use decider::Decision;
pub use handle::{create, handle};
pub use state::{
    ActiveTurn, AgentFacts, Attempt, DecidedPermission, EndedTurn, OpenElicitation, PendingPermission, Phase,
    QueuedTurn, SessionState, Waiting,
};

#[cfg(test)]
#[path = "session/session_tests.rs"]
mod session_tests;

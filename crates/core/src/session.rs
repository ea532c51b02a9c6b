//! The session machine: `handle` decides, `SessionState::apply` is the only mutation.
//!
//! ```text
//! pending → starting → idle ⇄ running → hibernated → pending
//!    any of them → stopping → stopped → pending (by a prompt)
//! ```
//!
//! A [`Command`](crate::command::Command) meets the state in [`handle()`]: it is refused, and nothing has changed, or it
//! comes to a [`Decision`]: numbered events and the state that they fold to. What the runner is to do about it stands
//! in [`SessionState::directives`] until its effect comes back as events.
//!
//! Where to look:
//!
//! | file | decides or folds |
//! |---|---|
//! | `state` | nothing: what a session is at a moment |
//! | `handle` | what people ask for, and what follows by itself (`settle`: the next turn, the end of a one-shot) |
//! | `questions` | permission requests and elicitations |
//! | `lifecycle` | resumed without a prompt, hibernated, cleared, rewound |
//! | `mend` | what a repair of the log appends, and how a session ends that nobody can tell anything certain about |
//! | `attempt` | an attempt assigned, refused, begun, ended; what became of its turn; how the session goes on |
//! | `supervision` | turns in which nothing happens; what is not as it should be |
//! | `report` | what a runner tells, whatever it is |
//! | `apply`, `said`, `orders` | an event into the state; the agent's words and tools; the directives |
//! | `decider` | a decision in the making |
//!
//! What holds after every decision is said by `tests/random.rs` of this module; what each command does in each state
//! by the snapshot of `tests/table.rs`.

mod apply;
mod attempt;
mod decider;
mod handle;
mod lifecycle;
mod mend;
mod orders;
mod questions;
mod report;
mod said;
mod state;
mod supervision;

pub use decider::Decision;
pub use handle::{create, handle};
pub use lifecycle::Rewind;
pub use mend::{Doubt, Mender, break_off};
pub use state::{
    ActiveTurn, AgentFacts, Attempt, DecidedPermission, EndedTurn, OpenElicitation, PendingPermission, Phase,
    QueuedTurn, SessionState, Waiting,
};
pub use supervision::Ailment;

#[cfg(test)]
#[path = "session/session_tests.rs"]
mod session_tests;

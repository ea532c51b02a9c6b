//! The ladder by which an attempt is ended: what each rung may take, and what all of them take together.
//!
//! | rung | what happens | the next one follows |
//! |---|---|---|
//! | cancel | every open question is answered `cancelled`, `session/cancel` is sent; only in a turn | when the turn ends, at the latest after [`CANCEL`] |
//! | close | the agent's input is closed | after [`CLOSE`] |
//! | terminate | SIGTERM to the agent's process group | after [`TERMINATE`] |
//! | kill | SIGKILL to the agent and all below the runner | when `wait()` says that nothing is left |
//! | proof | what the agent said last is committed, the keeper finds nothing below it and writes the exit record | |
//!
//! The last rung that was needed is told with the end (`StopStep`). The first cause wins, and only `stop --now` skips rungs.

use std::time::Duration;

/// From cancel to the end of input, if a turn is running.
pub const CANCEL: Duration = Duration::from_secs(1);

/// From the end of input to SIGTERM; some agents take more than three seconds.
pub const CLOSE: Duration = Duration::from_secs(4);

/// From SIGTERM to SIGKILL.
pub const TERMINATE: Duration = Duration::from_secs(2);

/// How long the output of a dead agent is waited for: children of it may hold the pipe for ever.
pub const DRAIN: Duration = Duration::from_millis(500);

/// From the order to stop until nothing of the tree is left, however deaf it is. What the server takes to commit the last
/// events, and the kernel to end what is killed, comes on top.
pub const BUDGET: Duration = CANCEL.saturating_add(CLOSE).saturating_add(TERMINATE).saturating_add(DRAIN);

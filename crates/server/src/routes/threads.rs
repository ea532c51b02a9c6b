//! `/v1/threads`

pub mod create;
pub mod list;
pub mod one;
pub mod prompts;

use convene_core::ids::ThreadId;

use crate::refusal::{Refusal, no_thread};

/// The thread that a path names.
fn thread_id(name: &str) -> Result<ThreadId, Refusal> {
    name.parse().map_err(|_| no_thread(name).into())
}

//! What handlers take from a request: bodies with their idempotency key, query parameters, names of sessions.

mod change;
mod explain;
mod params;
mod session;
mod strict;

pub use change::{Asked, BODY_MAX, Change, KEY_MAX, NUMBER_MAX, size};
pub use params::{Params, whole};
pub use session::{SessionName, resolve};

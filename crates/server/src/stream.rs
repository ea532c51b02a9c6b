//! What clients read by cursor: server-sent events and the WebSocket. A slow client costs nothing and loses nothing:
//! nothing is queued for it, it reads on from where it is.

pub mod cast;
pub mod list;
pub mod sse;
mod texts;
pub mod ws;

pub use texts::Texts;

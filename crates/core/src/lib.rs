//! The domain of Convene: sessions, threads, events, commands and policies.
//!
//! This room has no I/O, clock, randomness, tasks or logging: everything comes in by argument and goes out by
//! value. `session::handle` decides, `session::SessionState::apply` is the only mutation, and both are total over
//! whatever a current attempt may report: what does not fit becomes a `log_note`.

pub mod ids;
pub mod content;
pub mod spec;
pub mod failure;
pub mod event;
pub mod command;
pub mod rejection;
pub mod session;
pub mod thread;
pub mod directive;
pub mod policy;
pub mod view;
pub mod history;
pub mod dispatch;
pub mod catalogue;
pub mod limits;

pub use jiff::Timestamp;

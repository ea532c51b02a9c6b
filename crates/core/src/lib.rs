//! The domain of Convene: sessions, threads, events, commands and policies.
//!
//! This room has no I/O, clock, randomness, tasks or logging: everything comes in by argument and goes out by
//! value. [`session::handle()`] decides, [`session::SessionState::apply`] is the only mutation, and both are total over
//! whatever a current attempt may report: what does not fit becomes a `log_note`.
//!
//! A newcomer reads [`event`] first (what can happen, in the one shape that is stored, streamed and shown), then
//! [`session`] (what it means), then [`command`], [`rejection`] and [`directive`] (what goes in, what is refused, what
//! comes out for the runner). [`view`] projects a session for clients; [`dispatch`], [`policy`] and [`catalogue`] are
//! decisions and data that need no session.

pub mod catalogue;
pub mod command;
pub mod content;
pub mod directive;
pub mod dispatch;
pub mod event;
pub mod export;
pub mod failure;
pub mod health;
pub mod ids;
pub mod ledger;
pub mod limits;
pub mod policy;
pub mod recap;
pub mod rejection;
pub mod repair;
pub mod session;
pub mod spec;
pub mod thread;
pub mod view;
pub mod workspace;

pub use jiff::Timestamp;

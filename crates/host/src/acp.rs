//! The Agent Client Protocol, seen from the client: everything that knows its wire or the official crate is in here.
//!
//! The runner reads every line of the agent first ([`frame`]). What an agent says (`session/update`, other
//! notifications) is taken from there, parsed once, in the runner's own time, so that a pipe is read no faster than its
//! content is kept. What wants an answer or is one goes through the crate ([`connection`]), which knows who waits for
//! what. The rest translates: [`update`] and [`content`] to our vocabulary, [`config`] the old and new ways of settings.

pub mod config;
pub mod connection;
pub mod content;
pub mod frame;
pub mod update;

/// The version of the protocol that is spoken here.
pub const PROTOCOL_VERSION: u32 = 1;

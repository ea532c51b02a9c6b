//! The doors: HTTP, SSE, WebSockets, uplinks, tokens. Thin: a handler parses, authorizes, submits to the engine and
//! replies; it never waits on a runner and never spawns a process.

mod app;
mod auth;
mod config;
pub mod doctor;
mod error;
mod extract;
mod listen;
mod lock;
mod metrics;
mod openapi;
mod refusal;
mod reply;
mod roots;
mod routes;
mod serve;
mod stream;
mod uplink;

pub use config::{ServeConfig, ServerInfo};
pub use error::ServeError;
pub use openapi::openapi;
pub use serve::serve;

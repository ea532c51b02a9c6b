//! The doors: HTTP, SSE, WebSockets, uplinks, tokens. Thin: a handler parses, authorizes, submits to the engine and
//! replies; it never waits on a runner and never spawns a process.

mod announced;
mod app;
mod audit;
mod auth;
pub mod backup;
mod config;
mod connections;
pub mod doctor;
mod error;
mod extract;
pub mod incident;
mod ledger;
mod listen;
mod lock;
mod metrics;
mod openapi;
mod page;
mod rate;
mod refusal;
mod removals;
mod reply;
mod retention;
mod roots;
mod routes;
mod serve;
mod stream;
mod uplink;
mod wire;

pub use config::{SESSIONS_MAX, ServeConfig, ServerInfo};
pub use error::ServeError;
pub use openapi::openapi;
pub use page::{PageContent, PageFile};
pub use rate::Rates;
pub use retention::Retention;
pub use serve::serve;

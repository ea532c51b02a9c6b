//! A model server that reads from a script; knows nothing of Convene.
//!
//! It speaks Anthropic Messages, OpenAI Responses and Chat Completions, Gemini generateContent and Bedrock Converse, refuses
//! what those refuse, and shows the conversations that it saw. Scripts are YAML, since people write them and answers are
//! long texts; JSON is YAML too, so a program may write JSON.

mod anthropic;
mod bedrock;
mod builtin;
mod chat;
mod door;
mod fault;
mod gemini;
mod ids;
mod journal;
mod openai;
mod plan;
mod play;
mod responses;
mod said;
mod schema;
mod script;
mod seal;
mod server;
mod shell;
mod talk;
#[cfg(test)]
mod testing;
mod voice;

use std::{io, net::SocketAddr, time::Duration};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use script::{Script, ScriptError};

/// Replies that are under way when the server ends have so long to be read; the slowest script is not waited for.
const GRACE: Duration = Duration::from_millis(300);

/// What the server is to do.
#[derive(Debug)]
pub struct Config {
    /// Where it listens: an address of loopback, port 0 for a free one.
    pub bind: SocketAddr,
    /// What it answers; without one it has a behavior of its own.
    pub script: Option<Script>,
    /// The pause between the words of `SLOW n`.
    pub tick: Duration,
    /// Ends it.
    pub shutdown: CancellationToken,
}

/// Why the server cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is open to the network.
    #[error("{addr} is open to the network")]
    NotLoopback {
        /// The address.
        addr: SocketAddr,
    },
    /// The port is taken.
    #[error("{addr} is taken")]
    PortInUse {
        /// The address.
        addr: SocketAddr,
    },
    /// The system does not let it listen.
    #[error("cannot listen on {addr}")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// Serves until the configuration's token is canceled. `ready` is told the address.
///
/// # Errors
/// If it cannot listen there.
pub async fn serve(config: Config, ready: impl FnOnce(SocketAddr)) -> Result<(), Error> {
    let addr = config.bind;
    if !addr.ip().is_loopback() {
        return Err(Error::NotLoopback { addr });
    }
    let listen = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => Error::PortInUse { addr },
        _ => Error::Listen { addr, source },
    };
    let listener = TcpListener::bind(addr).await.map_err(listen)?;
    let addr = listener.local_addr().map_err(listen)?;
    ready(addr);
    let shutdown = config.shutdown.clone();
    let app = server::router(config.script, config.tick);
    let ended = shutdown.clone();
    let serving = axum::serve(listener, app).with_graceful_shutdown(async move { ended.cancelled().await });
    let late = async move {
        shutdown.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        result = serving => result.map_err(listen),
        () = late => Ok(()),
    }
}

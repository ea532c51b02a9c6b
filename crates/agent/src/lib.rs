//! Holds Convene's own agents. They speak ACP on stdio and know nothing of Convene, so that they can be used alone.
//!
//! `builtin` needs no model and no key: it checks a project with the project's own tools, or plays a script.

mod acp;
mod command;
mod fix;
mod output;
mod player;
mod project;
mod report;
mod script;
mod session;
mod speech;
mod turn;
mod words;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

pub use script::{Script, ScriptError};

/// Exit code for a script that cannot be played.
const EXIT_USAGE: u8 = 2;
/// How long the thread that reads stdin may hold up the end; it cannot be woken.
const SHUTDOWN: Duration = Duration::from_millis(200);

/// Why the builtin agent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The client closed the connection.
    ClientLeft,
    /// A script said so, with this exit code.
    Exit(u8),
}

/// What ended the builtin agent against its will.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection broke.
    #[error("the connection to the client broke: {message}")]
    Connection {
        /// What the protocol crate said.
        message: String,
    },
}

/// Runs the builtin agent on a pair of byte streams until the client leaves.
pub async fn builtin<R, W>(script: Option<Script>, reader: R, writer: W) -> Result<Ended, Error>
where
    R: AsyncRead + Send + 'static,
    W: AsyncWrite + Send + 'static,
{
    acp::serve(script, reader, writer).await.map_err(|error| Error::Connection { message: error.message })
}

/// Runs the builtin agent on stdin and stdout; errors go to stderr.
#[must_use]
pub fn builtin_main(script: Option<PathBuf>) -> ExitCode {
    let script = match script.map(|path| Script::load(&path)).transpose() {
        Ok(script) => script,
        Err(error) => {
            complain(&error);
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&error);
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(builtin(script, tokio::io::stdin(), tokio::io::stdout()));
    runtime.shutdown_timeout(SHUTDOWN);
    match ended {
        Ok(Ended::ClientLeft) => ExitCode::SUCCESS,
        Ok(Ended::Exit(code)) => ExitCode::from(code),
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn complain(error: &dyn std::error::Error) {
    use std::io::Write as _;
    let mut line = format!("convene agent builtin: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}

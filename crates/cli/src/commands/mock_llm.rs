//! `convene mock-llm`: a model server that reads from a script, to try agents without keys and without a network.

use std::{future::Future, net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use convene_api::{
    exit,
    problem::{Code, Problem},
};
use convene_mock_llm::{Config, Error, Script};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    args::TEMPLATE,
    config::LogFormat,
    failure::{Failure, Outcome},
    logging,
};

const EXAMPLES: &str = "\
Examples:
  convene mock-llm
  convene mock-llm --bind 127.0.0.1:4800 --script answers.yaml
  ANTHROPIC_BASE_URL=http://127.0.0.1:4800 ANTHROPIC_API_KEY=x convene run -a claude \"TOOL: ls\"";

/// Serve scripted model answers on loopback
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct MockLlmArgs {
    /// What to answer; without it the prompt picks: TOOL: COMMAND, SLOW, RECALL, else an echo
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub bind: String,
    /// Milliseconds between the words of a prompt with SLOW and a number
    #[arg(long, value_name = "MS", default_value_t = 250)]
    pub tick: u64,
    /// End with standard input, so that it never outlives a test
    #[arg(long)]
    pub until_eof: bool,
}

/// Serves until SIGINT or SIGTERM.
pub fn run(app: &App, args: MockLlmArgs) -> Outcome {
    logging::begin(app.config.server.log_format, &app.config.server.log_level);
    let bind: SocketAddr = args.bind.parse().map_err(|_| {
        Failure::from(
            Problem::new(Code::InvalidRequest, format!("{:?} is not an address with a port", args.bind))
                .hint("an example: --bind 127.0.0.1:4800"),
        )
    })?;
    let script = args.script.as_deref().map(Script::load).transpose().map_err(|error| {
        Failure::from(
            Problem::new(Code::InvalidRequest, error.to_string())
                .hint("docs/mock-llm.md describes scripts, with examples"),
        )
    })?;
    let shutdown = CancellationToken::new();
    let config = Config { bind, script, tick: Duration::from_millis(args.tick), shutdown: shutdown.clone() };
    app.block_on(async {
        let signals = until_signal()?;
        if args.until_eof {
            watch_input(shutdown.clone())?;
        }
        let serving = convene_mock_llm::serve(config, |addr| told(app, addr));
        tokio::pin!(serving);
        let result = tokio::select! {
            result = &mut serving => result,
            () = signals => {
                shutdown.cancel();
                serving.await
            }
        };
        result.map_err(|error| Failure::from(problem(&error)))
    })?;
    Ok(exit::DONE)
}

/// Says where it listens, for people or for programs.
fn told(app: &App, addr: SocketAddr) {
    let url = format!("http://{addr}");
    let said = match app.config.server.log_format {
        LogFormat::Json => app.out.json(&serde_json::json!({ "listening": url })),
        LogFormat::Text => app.out.line(&format!("listening on {url}")),
    };
    if said.is_err() {
        tracing::warn!("nobody reads standard output; the server goes on");
    }
}

fn problem(error: &Error) -> Problem {
    match error {
        Error::NotLoopback { .. } => {
            Problem::new(Code::BindRefused, error.to_string()).hint("it serves loopback only: --bind 127.0.0.1:0")
        }
        Error::PortInUse { addr } => {
            Problem::filled(Code::PortInUse, [("addr", addr.to_string().into()), ("who", "another program".into())])
        }
        Error::Listen { source, .. } => {
            Problem::new(Code::ServerStartFailed, error.to_string()).with("cause", source.to_string())
        }
    }
}

fn until_signal() -> Result<impl Future<Output = ()>, Failure> {
    let on = |kind| signal(kind).map_err(|e| Failure::new(Code::Internal, format!("signals cannot be caught: {e}")));
    let (mut interrupt, mut terminate, mut hangup) =
        (on(SignalKind::interrupt())?, on(SignalKind::terminate())?, on(SignalKind::hangup())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

/// Ends the server when standard input ends. The thread cannot be woken; it ends with the process.
fn watch_input(shutdown: CancellationToken) -> Result<(), Failure> {
    let watch = move || {
        // An input that cannot be read has ended as well.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        shutdown.cancel();
    };
    let thread = std::thread::Builder::new().name("stdin".to_owned()).spawn(watch);
    thread.map(drop).map_err(|e| Failure::new(Code::Internal, format!("the system gives no thread: {e}")))
}

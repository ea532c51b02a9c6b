//! `convene shutdown`: ends the server; sessions go on unless told otherwise.

use clap::Args;
use convene_api::{
    body::Shutdown,
    client::{ClientError, CommandKey},
    exit,
};

use super::rm::confirmed;
use crate::{
    app::App,
    args::{Output, TEMPLATE},
    connect,
    failure::Outcome,
    render::words,
};

const EXAMPLES: &str = "\
Examples:
  convene shutdown
  convene shutdown --stop-sessions --yes";

/// End the server
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct ShutdownArgs {
    /// Stop all sessions first
    #[arg(long)]
    pub stop_sessions: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub output: Output,
}

/// Runs it; a server is never started to be ended.
pub async fn run(app: &App, args: ShutdownArgs) -> Outcome {
    let client = connect::running(app).await?;
    if args.stop_sessions && !args.yes && !confirmed(app, "what running sessions have not finished")? {
        return Ok(exit::FAILED);
    }
    let body = Shutdown { stop_sessions: args.stop_sessions, ..Shutdown::of(client.status().await?.epoch) };
    let ended = client.shutdown(&body, &CommandKey::fresh()).await?;
    // Ended is what it says once nothing answers any more.
    let quick = client.clone().patience(std::time::Duration::ZERO);
    while !matches!(quick.ready().await, Err(ClientError::Unreachable { .. })) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    if app.json {
        app.out.json(&ended)?;
        return Ok(exit::DONE);
    }
    let sessions = |n: u64| words::count(usize::try_from(n).unwrap_or(0), "session");
    app.out.note(&match (ended.sessions_stopped, ended.sessions_going_on) {
        (0, 0) => "server stopped".to_owned(),
        (0, 1) => "server stopped; 1 session goes on".to_owned(),
        (0, on) => format!("server stopped; {} go on", sessions(on)),
        (stopped, 0) => format!("server stopped; {} stopped", sessions(stopped)),
        (stopped, on) => format!("server stopped; {} stopped, {on} could not be stopped in time", sessions(stopped)),
    });
    Ok(exit::DONE)
}

//! `convene fork`: a session that goes on with the conversation of another one.

use std::ffi::OsString;

use clap::Args;
use convene_api::{
    body::{ForkSession, PromptInput},
    client::CommandKey,
    exit,
};

use crate::{
    app::App,
    args::{Output, TEMPLATE},
    connect,
    failure::Outcome,
    ids, turn,
};

const EXAMPLES: &str = "\
Examples:
  convene fork k3f9qz
  convene fork k3f9qz \"try it without the cache\"
  id=$(convene fork -q @ --title \"the other way\")";

/// Branch off a session: another one that remembers what was said
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct ForkArgs {
    /// Session: id, prefix, short id, title or @
    pub id: String,
    /// What to do; - reads standard input; without one it waits
    #[arg(value_name = "PROMPT|-")]
    pub prompt: Option<OsString>,
    /// Its title
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    #[command(flatten)]
    pub output: Output,
    /// Only the id
    #[arg(short, long)]
    pub quiet: bool,
}

/// Runs it.
pub async fn run(app: &App, args: ForkArgs) -> Outcome {
    let prompt = match &args.prompt {
        None => None,
        Some(prompt) => Some(PromptInput::Text(turn::read_prompt(Some(prompt), None, ["", ""])?)),
    };
    let client = connect::client(app).await?;
    let session = ids::session(app, &client, &args.id).await?;
    let body = ForkSession { prompt, title: args.title };
    let fork = client.fork(session.id, &body, &CommandKey::fresh()).await?.session;
    if app.json {
        app.out.json(&fork)?;
        return Ok(exit::DONE);
    }
    app.out.line(&fork.id.to_string())?;
    if !args.quiet {
        app.out.note(&format!("session {} forked from {} ({})", fork.short_id, session.short_id, fork.state));
    }
    Ok(exit::DONE)
}

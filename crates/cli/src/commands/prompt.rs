//! `convene prompt`: says something to a session that exists.

use std::{ffi::OsString, path::PathBuf};

use clap::Args;
use convene_api::{
    body::{PromptInput, PromptMode, PromptStatus, SendPrompt},
    client::CommandKey,
    exit,
};

use super::run::DisplayArgs;
use crate::{
    app::App,
    args::TEMPLATE,
    connect,
    failure::Outcome,
    ids, turn,
    watch::{self, Ask, Plan},
};

const EXAMPLES: &str = "\
Examples:
  convene prompt k3f9qz \"now add a test\"
  convene prompt k3f9qz --watch \"now add a test\"
  convene prompt k3f9qz --interrupt \"stop, use the other file\"";

/// Say something to a session
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct PromptArgs {
    /// Session: id, prefix, short id, title or @
    pub id: String,
    /// What to do; - reads standard input
    #[arg(value_name = "TEXT|-")]
    pub text: Option<OsString>,
    /// The prompt from a file
    #[arg(short = 'F', long, value_name = "FILE", conflicts_with = "text")]
    pub prompt_file: Option<PathBuf>,
    /// Wait behind a running turn (this is what happens without a flag)
    #[arg(long, conflicts_with_all = ["steer", "interrupt"])]
    pub queue: bool,
    /// Add it to the running turn (not built yet)
    #[arg(long, conflicts_with = "interrupt")]
    pub steer: bool,
    /// Cancel the running turn and go first
    #[arg(long)]
    pub interrupt: bool,
    /// Send the last prompt again (not built yet)
    #[arg(long)]
    pub retry: bool,
    /// Watch the turn to its end
    #[arg(short, long)]
    pub watch: bool,
    /// With --watch: when nobody can answer a question
    #[arg(long, value_name = "HOW")]
    pub ask: Option<Ask>,
    /// What happened as JSON; with --watch the stored events
    #[arg(long)]
    pub json: bool,
}

/// Runs it.
pub async fn run(app: &App, args: PromptArgs) -> Outcome {
    if args.retry {
        return super::not_built::refuse("prompt --retry", Some("give the prompt again"));
    }
    let examples = ["give one: convene prompt ID \"now add a test\"", "pipe it: git diff | convene prompt ID -"];
    let text = turn::read_prompt(args.text.as_deref(), args.prompt_file.as_deref(), examples)?;
    let client = connect::client(app).await?;
    let session = ids::session(app, &client, &args.id).await?;
    let mode = match (args.steer, args.interrupt) {
        (true, _) => PromptMode::Steer,
        (false, true) => PromptMode::Interrupt,
        (false, false) => PromptMode::Queue,
    };
    let body = SendPrompt { content: PromptInput::Text(text), mode };
    let accepted = client.prompt(session.id, &body, &CommandKey::fresh()).await?;
    if args.watch {
        let display = DisplayArgs { ask: args.ask, ..DisplayArgs::default() };
        let look = display.look(app, &accepted.session);
        let ask = args.ask.unwrap_or(Ask::Wait);
        let how = display.how(app);
        let plan = Plan { after: session.seq, session: accepted.session, turn: Some(accepted.turn), look, ask, how };
        return watch::watch(app, &client, plan).await;
    }
    if app.json {
        app.out.json(&accepted)?;
        return Ok(exit::DONE);
    }
    let running = accepted.session.turn.as_ref();
    app.out.note(&match (accepted.status, accepted.position) {
        (PromptStatus::Queued, position) => {
            let place = position.map(|p| format!(" at position {p}")).unwrap_or_default();
            let behind = running.map(|t| format!(" (turn {} is running)", t.number)).unwrap_or_default();
            format!("queued{place}{behind}")
        }
        (PromptStatus::Started, _) => match running.filter(|t| t.id == accepted.turn) {
            Some(turn) => format!("started turn {}", turn.number),
            None => "started".to_owned(),
        },
    });
    Ok(exit::DONE)
}

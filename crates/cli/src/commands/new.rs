//! `convene new`: a session that nobody watches.

use std::{ffi::OsString, path::PathBuf};

use clap::Args;
use convene_api::{client::CommandKey, exit};

use super::spec::SpecArgs;
use crate::{
    app::App,
    args::{Output, TEMPLATE},
    connect,
    failure::Outcome,
    render::clean::clean_line,
    turn,
};

const EXAMPLES: &str = "\
Examples:
  convene new -a codex \"make the cart test pass\"
  id=$(convene new -C ~/shop --title \"the cart\")
  convene new --once -F prompt.md";

/// Create a session without watching it
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct NewArgs {
    /// What to do; - reads standard input; without one the session waits
    #[arg(value_name = "PROMPT|-")]
    pub prompt: Option<OsString>,
    #[command(flatten)]
    pub spec: SpecArgs,
    /// The prompt from a file
    #[arg(short = 'F', long, value_name = "FILE", conflicts_with = "prompt")]
    pub prompt_file: Option<PathBuf>,
    #[command(flatten)]
    pub output: Output,
    /// Only the id
    #[arg(short, long)]
    pub quiet: bool,
}

/// Runs it.
pub async fn run(app: &App, args: NewArgs) -> Outcome {
    let prompt = match (&args.prompt, &args.prompt_file) {
        (None, None) => None,
        (prompt, file) => Some(turn::read_prompt(prompt.as_deref(), file.as_deref(), ["", ""])?),
    };
    let client = connect::client(app).await?;
    let body = args.spec.body(app, &client, prompt).await?;
    let session = client.create_session(&body, &CommandKey::fresh()).await?.session;
    if app.json {
        app.out.json(&session)?;
        return Ok(exit::DONE);
    }
    app.out.line(&session.id.to_string())?;
    if !args.quiet {
        let waiting = session.waiting.as_ref().map(|w| format!(": {}", clean_line(&w.detail))).unwrap_or_default();
        app.out.note(&format!("session {} created ({}{waiting})", session.short_id, session.state));
    }
    Ok(exit::DONE)
}

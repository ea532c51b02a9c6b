//! `convene cancel`: ends the running turn of a session.

use clap::Args;
use convene_api::{body::CancelTurn, client::CommandKey, exit};

use crate::{
    app::App,
    args::{Output, TEMPLATE},
    connect,
    failure::Outcome,
    ids,
};

const EXAMPLES: &str = "\
Examples:
  convene cancel k3f9qz
  convene cancel @                the newest session of this directory";

/// Cancel the running turn
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct CancelArgs {
    /// Session: id, prefix, short id, title or @
    pub id: String,
    #[command(flatten)]
    pub output: Output,
}

/// Runs it.
pub async fn run(app: &App, args: CancelArgs) -> Outcome {
    let client = connect::client(app).await?;
    let session = ids::session(app, &client, &args.id).await?;
    let session = client.cancel(session.id, &CancelTurn::default(), &CommandKey::fresh()).await?;
    if app.json {
        app.out.json(&session)?;
        return Ok(exit::DONE);
    }
    let turn = session.turn.as_ref().map(|turn| format!("turn {} of ", turn.number)).unwrap_or_default();
    app.out.note(&format!("cancelling {turn}{}", session.short_id));
    Ok(exit::DONE)
}

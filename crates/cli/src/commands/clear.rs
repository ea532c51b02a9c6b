//! `convene clear`: begins the conversations of sessions anew.

use clap::Args;
use convene_api::{client::CommandKey, exit};

use crate::{
    app::App,
    args::{Output, TEMPLATE},
    connect,
    failure::{Failure, Outcome, Report},
    ids,
};

const EXAMPLES: &str = "\
Examples:
  convene clear k3f9qz
  convene clear @ && convene prompt @ \"now the other bug\"";

/// Begin the conversation of a session anew; its log stays
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct ClearArgs {
    /// Sessions: id, prefix, short id, title or @
    #[arg(required = true)]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub output: Output,
}

/// Runs it; several ids give one line each and the worst exit code.
pub async fn run(app: &App, args: ClearArgs) -> Outcome {
    let client = connect::client(app).await?;
    let mut worst = exit::DONE;
    for typed in &args.ids {
        let one = async {
            let session = ids::session(app, &client, typed).await?;
            Ok::<_, Failure>(client.clear(session.id, &CommandKey::fresh()).await?)
        };
        match one.await {
            Ok(session) if app.json => app.out.json(&session)?,
            Ok(session) => {
                app.out.note(&format!("session {} cleared; the agent will remember nothing", session.short_id));
            }
            Err(failure) if args.ids.len() == 1 => return Err(failure),
            Err(failure) => {
                let color = app.out.settings().stderr_color;
                failure.report(if app.json { Report::Json } else { Report::Text { color } });
                worst = worst.max(failure.exit_code());
            }
        }
    }
    Ok(worst)
}

//! `convene archive` and `convene unarchive`: puts sessions away and takes them out again.

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
  convene archive k3f9qz
  convene unarchive k3f9qz
  convene ls --archived           what is put away";

/// Put sessions away, or take them out again
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct ArchiveArgs {
    /// Sessions: id, prefix, short id, title or @
    #[arg(required = true)]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub output: Output,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Away.
    Archive,
    /// Out again.
    Unarchive,
}

/// Runs it; several ids give one line each and the worst exit code.
pub async fn run(app: &App, args: ArchiveArgs, way: Way) -> Outcome {
    let client = connect::client(app).await?;
    let mut worst = exit::DONE;
    for typed in &args.ids {
        let one = async {
            let session = ids::session(app, &client, typed).await?;
            let key = CommandKey::fresh();
            Ok::<_, Failure>(match way {
                Way::Archive => client.archive(session.id, &key).await?,
                Way::Unarchive => client.unarchive(session.id, &key).await?,
            })
        };
        match (one.await, way) {
            (Ok(session), _) if app.json => app.out.json(&session)?,
            (Ok(session), Way::Archive) => app.out.note(&format!("session {} archived", session.short_id)),
            (Ok(session), Way::Unarchive) => {
                app.out.note(&format!("session {} back from the archive", session.short_id));
            }
            (Err(failure), _) if args.ids.len() == 1 => return Err(failure),
            (Err(failure), _) => {
                let color = app.out.settings().stderr_color;
                failure.report(if app.json { Report::Json } else { Report::Text { color } });
                worst = worst.max(failure.exit_code());
            }
        }
    }
    Ok(worst)
}

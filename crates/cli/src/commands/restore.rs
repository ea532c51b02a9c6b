//! `convene restore`: puts a backup in the place of the database.

use std::path::PathBuf;

use clap::Args;
use convene_api::{
    exit,
    problem::{Code, Problem},
};
use convene_server::backup::{self, Damage};

use super::backup::only_here;
use crate::{
    app::App,
    args::{Output, TEMPLATE},
    failure::Outcome,
    render::words,
};

const EXAMPLES: &str = "\
Examples:
  convene restore ~/backups/monday            where no server runs, and no database is yet
  convene shutdown --yes && convene restore ~/backups/monday --replace
  convene restore ~/backups/monday --replace  the database that is there is put aside";
const AFTER: &str = "\
What ran when the backup was made is shown as stopped, and goes on with its next prompt; prompts that waited
then are dropped, which its log says. Clients that know of what came after the backup begin anew; agents of
that time are told to end. API tokens that were revoked since stay so, if the database that is there can be
read.
A database that was put aside comes back while no server runs: move convene.db elsewhere, then name it and
its -wal, if it has one, convene.db and convene.db-wal. As long as it is there, files in blobs/ stay.
Interrupted, it goes on with the same command again.
Exit: 0 done · 1 refused or failed · 2 usage";

/// Put a backup in the place of the database
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES, after_help = AFTER)]
pub struct RestoreArgs {
    /// Directory that `convene backup` made
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Put the database that is there aside, under another name
    #[arg(long)]
    pub replace: bool,
    /// Take a backup of which events are damaged
    #[arg(long)]
    pub accept_damage: bool,
    #[command(flatten)]
    pub output: Output,
}

/// Runs it.
pub fn run(app: &App, args: &RestoreArgs) -> Outcome {
    only_here(app)?;
    let database = app.data_dir.join("convene.db");
    if database.exists() && !args.replace {
        let what = format!("there is a database in {}", app.data_dir.display());
        let problem = Problem::new(Code::InvalidRequest, what);
        return Err(problem.hint("--replace puts it aside under another name, and nothing of it is lost").into());
    }
    let made = backup::verify(&args.dir)?;
    let count = |number: u64, what| words::count(usize::try_from(number).unwrap_or(usize::MAX), what);
    let damage = if args.accept_damage { Damage::Accepted } else { Damage::Refused };
    if made.damaged > 0 && damage == Damage::Refused {
        let what = format!("{} of {} cannot be read", count(made.damaged, "event"), args.dir.display());
        let problem = Problem::new(Code::InvalidRequest, what);
        return Err(problem.hint("--accept-damage takes it as it is; an older one may be whole").into());
    }
    let restored = backup::restore(&app.data_dir, &args.dir, damage)?;
    if app.json {
        let kept: Vec<String> = restored.kept.iter().map(|path| path.display().to_string()).collect();
        app.out.json(&serde_json::json!({
            "sessions": made.sessions, "events": made.events, "damaged": made.damaged, "kept": kept,
            "tokens": restored.tokens.unwrap_or(made.tokens), "tokens_as_of_backup": restored.tokens.is_none(),
        }))?;
        return Ok(exit::DONE);
    }
    app.out.note(&format!("restored {}, {}", count(made.sessions, "session"), count(made.events, "event")));
    if made.damaged > 0 {
        app.out.note(&format!("{} of it cannot be read: convene doctor", count(made.damaged, "event")));
    }
    if restored.tokens.is_none() && made.tokens > 0 {
        let tokens = count(made.tokens, "API token");
        app.out.note(&format!("{tokens} as of the backup: what was revoked since works again, see convene token ls"));
    }
    if let Some(kept) = restored.kept.first() {
        app.out.note(&format!("what was there before is {}", kept.display()));
    }
    Ok(exit::DONE)
}

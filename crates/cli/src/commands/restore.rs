//! `convene restore`: puts a backup in the place of the database.

use std::path::PathBuf;

use clap::Args;
use convene_api::{
    exit,
    problem::{Code, Problem},
};
use convene_server::backup;

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
What ran when the backup was made is shown as stopped, and goes on with its next prompt. Clients that know
of what came after the backup begin anew; agents of that time are told to end.
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
    let kept = backup::restore(&app.data_dir, &args.dir)?;
    if app.json {
        let kept: Vec<String> = kept.iter().map(|path| path.display().to_string()).collect();
        app.out.json(&serde_json::json!({ "sessions": made.sessions, "events": made.events, "kept": kept }))?;
        return Ok(exit::DONE);
    }
    let count = |number: u64, what| words::count(usize::try_from(number).unwrap_or(usize::MAX), what);
    app.out.note(&format!("restored {}, {}", count(made.sessions, "session"), count(made.events, "event")));
    if let Some(kept) = kept.first() {
        app.out.note(&format!("what was there before is {}", kept.display()));
    }
    Ok(exit::DONE)
}

//! `convene backup`: a whole copy of the database and its files, while the server runs or not.

use std::path::PathBuf;

use clap::Args;
use convene_api::{exit, problem::Code};
use convene_server::backup;

use super::doctor::is_local;
use crate::{
    app::App,
    args::{Output, TEMPLATE},
    failure::{Failure, Outcome},
    render::words,
};

const EXAMPLES: &str = "\
Examples:
  convene backup ~/backups/monday
  convene restore ~/backups/monday";
const AFTER: &str = "\
It has every event that was acknowledged before, was read back to the last one, and is the owner's alone.
The keys in auth/ and the worktrees of sessions are not in it.
Exit: 0 done · 1 refused or failed · 2 usage";

/// Copy the database and its files, also while the server runs
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES, after_help = AFTER)]
pub struct BackupArgs {
    /// Directory to make; nothing is overwritten
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    #[command(flatten)]
    pub output: Output,
}

/// Runs it.
pub fn run(app: &App, args: &BackupArgs) -> Outcome {
    only_here(app)?;
    if args.dir.symlink_metadata().is_ok() {
        let what = format!("{} is there already, and nothing is overwritten", args.dir.display());
        return Err(Failure::new(Code::InvalidRequest, what));
    }
    let made = backup::backup(&app.data_dir, &args.dir)?;
    if app.json {
        let dir = args.dir.display().to_string();
        app.out.json(&serde_json::json!({
            "dir": dir, "sessions": made.sessions, "events": made.events, "damaged": made.damaged, "bytes": made.bytes,
        }))?;
        return Ok(exit::DONE);
    }
    let count = |number: u64, what| words::count(usize::try_from(number).unwrap_or(usize::MAX), what);
    let size = words::size(usize::try_from(made.bytes).unwrap_or(usize::MAX));
    let (sessions, events) = (count(made.sessions, "session"), count(made.events, "event"));
    app.out.note(&format!("backed up {sessions}, {events}, {size} to {}", args.dir.display()));
    if made.damaged > 0 {
        let damaged = count(made.damaged, "event");
        app.out.note(&format!("{damaged} were damaged before already: convene doctor"));
    }
    Ok(exit::DONE)
}

/// The data directory has to be on this machine.
pub(super) fn only_here(app: &App) -> Result<(), Failure> {
    if is_local(app) {
        return Ok(());
    }
    Err(Failure::new(Code::InvalidRequest, "the data directory is on the server's machine: run this there"))
}

//! `convene prune`: removes sessions that nobody needs any more, by age and size.

use std::time::Duration;

use clap::Args;
use convene_api::{
    body::{PruneSessions, Pruned},
    client::{Client, CommandKey},
    exit,
};

use super::rm::confirmed;
use crate::{
    app::{App, now},
    args::{Output, TEMPLATE},
    config, connect,
    failure::{Failure, Outcome},
    render::{clean::clean_line, tool, words},
};

const EXAMPLES: &str = "\
Examples:
  convene prune --older-than 30d --dry-run     what would go, and how much room it takes
  convene prune --older-than 30d --archived-only -y
  convene prune --larger-than 50MB --keep 20";
const AFTER: &str = "\
Only sessions go that are stopped, or put away while they sleep. Those at work, waiting or damaged stay, and
so does one whose conversation another session goes on with. All that is given must fit.
By themselves sessions go if the configuration says so: retention.older_than.";

/// Remove sessions that nobody has used for long
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES, after_help = AFTER)]
pub struct PruneArgs {
    /// Those that nobody has used for so long: 30d, 12h
    #[arg(long, value_name = "TIME", value_parser = config::duration, required_unless_present_any = ["larger_than", "keep"])]
    pub older_than: Option<Duration>,
    /// Those whose log takes more: 50MB
    #[arg(long, value_name = "SIZE", value_parser = config::size)]
    pub larger_than: Option<u64>,
    /// So many of the latest stay in any case
    #[arg(long, value_name = "N")]
    pub keep: Option<usize>,
    /// Only those that are put away
    #[arg(long)]
    pub archived_only: bool,
    /// Only say what would go
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub output: Output,
}

/// Runs it.
pub async fn run(app: &App, args: PruneArgs) -> Outcome {
    let client = connect::client(app).await?;
    let body = PruneSessions {
        older_than: args.older_than.map(|age| age.as_secs()),
        larger_than: args.larger_than,
        keep: args.keep,
        archived_only: args.archived_only,
        dry_run: true,
    };
    if args.dry_run || !args.yes {
        let would = prune(&client, &body).await?;
        if args.dry_run || would.items.is_empty() {
            return told(app, &would);
        }
        let bytes = usize::try_from(would.bytes).unwrap_or(usize::MAX);
        let what = format!("{} and their logs ({})", words::count(would.items.len(), "session"), words::size(bytes));
        if !confirmed(app, &what)? {
            return Ok(exit::FAILED);
        }
    }
    told(app, &prune(&client, &PruneSessions { dry_run: false, ..body }).await?)
}

async fn prune(client: &Client, body: &PruneSessions) -> Result<Pruned, Failure> {
    Ok(client.prune(body, &CommandKey::fresh()).await?)
}

fn told(app: &App, pruned: &Pruned) -> Outcome {
    if app.json {
        app.out.json(pruned)?;
        return Ok(exit::DONE);
    }
    let size = |bytes: u64| words::size(usize::try_from(bytes).unwrap_or(usize::MAX));
    for session in &pruned.items {
        let age = words::age(tool::between(session.updated_at, now()));
        let title = clean_line(&session.title);
        app.out.line(&format!("{}\t{age}\t{}\t{title}", session.short_id, size(session.bytes)))?;
    }
    for kept in &pruned.kept {
        app.out.note(&format!("kept {}: {}", kept.id.short(), clean_line(&kept.why)));
    }
    let sessions = words::count(pruned.items.len(), "session");
    app.out.note(&match (pruned.items.len(), pruned.dry_run) {
        (0, _) => "there is nothing to remove".to_owned(),
        (_, true) => format!("would remove {sessions} ({})", size(pruned.bytes)),
        (_, false) => {
            format!("removed {sessions} ({}); {} given back to the disk", size(pruned.bytes), size(pruned.freed_bytes))
        }
    });
    Ok(exit::DONE)
}

//! `convene audit`: who did what.

use clap::Args;
use convene_api::{
    body::{AuditEntry, AuditKind, AuditPeerKind},
    exit,
    problem::Code,
};

use crate::{
    app::App,
    args::{Output, TEMPLATE},
    connect,
    failure::{Failure, Outcome},
    render::{clean::clean_line, style::Paint, words},
    table::{self, Column},
};

const EXAMPLES: &str = "\
Examples:
  convene audit
  convene audit --actor laptop -n 100
  convene audit --action sessions.stop --json";

/// Who did what, and who was turned away
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct AuditArgs {
    /// How many of the newest lines
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
    /// Only of: an owner, a token's name or id; or owner, browser, token, attempt, worker, nobody
    #[arg(long, value_name = "WHO")]
    pub actor: Option<String>,
    /// Only these: sessions.create, or all of sessions
    #[arg(long, value_name = "ACTION")]
    pub action: Option<String>,
    #[command(flatten)]
    pub output: Output,
}

/// Runs it.
pub async fn run(app: &App, args: AuditArgs) -> Outcome {
    let client = connect::client(app).await?;
    let page = client.audit(args.limit, args.actor.as_deref(), args.action.as_deref()).await?;
    if let (true, Some(hint)) = (page.items.is_empty(), &page.hint) {
        return Err(Failure::new(Code::InvalidRequest, format!("--action: {hint}")));
    }
    if app.json {
        app.out.json(&page)?;
        return Ok(exit::DONE);
    }
    let terminal = app.out.settings().terminal;
    let rows: Vec<Vec<String>> = page.items.iter().map(|entry| row(entry, terminal)).collect();
    const COLUMNS: &[Column] = &[
        Column::new("AT"),
        Column::new("WHO").cut(10),
        Column::new("FROM").goes(2),
        Column::new("ACTION"),
        Column::new("ABOUT").goes(1),
        Column::new("OUTCOME").paint(paint),
    ];
    table::print(app, COLUMNS, &rows)?;
    Ok(exit::DONE)
}

/// What was turned away stands out.
fn paint(outcome: &str) -> Option<Paint> {
    (!outcome.starts_with("done")).then_some(Paint::Bad)
}

/// An id as people type it: of a session its last six characters, of others with what it is an id of.
fn short(id: &str) -> String {
    let Some((kind, rest)) = id.split_once('_').filter(|(_, rest)| rest.len() > 6 && rest.is_ascii()) else {
        return id.to_owned();
    };
    let last = &rest[rest.len() - 6..];
    if kind == "ses" { last.to_owned() } else { format!("{kind}_{last}") }
}

fn row(entry: &AuditEntry, terminal: bool) -> Vec<String> {
    let actor = &entry.actor;
    let owner = actor.owner.as_deref().unwrap_or_default();
    let who = match actor.kind {
        AuditKind::Owner => owner.to_owned(),
        AuditKind::Browser => format!("{owner} (browser)"),
        AuditKind::Token => {
            let name = actor.name.as_deref().or(actor.id.as_deref()).unwrap_or_default();
            format!("{owner} (token {})", clean_line(name))
        }
        AuditKind::Attempt => "an attempt".to_owned(),
        AuditKind::Worker => "the worker".to_owned(),
        AuditKind::Nobody => "nobody".to_owned(),
    };
    let from = match (entry.peer.kind, &entry.peer.address) {
        (AuditPeerKind::Local, _) => "socket".to_owned(),
        (AuditPeerKind::Loopback, _) => "this machine".to_owned(),
        (AuditPeerKind::Remote, address) => address.clone().unwrap_or_default(),
    };
    let outcome = entry.code.clone().unwrap_or_else(|| "done".to_owned());
    let outcome = if entry.left_out > 0 { format!("{outcome}, {} more before it", entry.left_out) } else { outcome };
    let about = entry.object.clone().unwrap_or_default();
    let about = if terminal { short(&about) } else { about };
    vec![words::time(entry.at), who, from, entry.action.clone(), about, outcome]
}

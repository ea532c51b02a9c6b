//! `convene rm`: removes sessions with their logs.

use std::{
    io::{BufRead as _, IsTerminal as _, Write as _},
    time::Duration,
};

use clap::Args;
use convene_api::{
    body::{DeleteSession, StopSession, WorktreeFate},
    client::{Client, CommandKey, SessionsQuery},
    exit,
    problem::{Code, Problem},
};
use convene_core::{event::StopMode, view::SessionView};

use crate::{
    app::{App, now},
    args::{Output, TEMPLATE},
    config, connect,
    failure::{Failure, Outcome, Report},
    ids,
    render::{clean::clean_line, tool, words},
};

const EXAMPLES: &str = "\
Examples:
  convene rm k3f9qz
  convene rm -y $(convene ls -q --state stopped)
  convene rm --archived --older 30d";

/// Remove sessions with their logs
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct RmArgs {
    /// Sessions: id, prefix, short id, title or @
    #[arg(required_unless_present = "archived")]
    pub ids: Vec<String>,
    /// Those that are put away
    #[arg(long, conflicts_with = "ids")]
    pub archived: bool,
    /// With --archived: those that have been silent for so long: 30d, 12h
    #[arg(long, value_name = "TIME", value_parser = config::duration, requires = "archived")]
    pub older: Option<Duration>,
    /// Remove a worktree with files that are not committed, too
    #[arg(long, conflicts_with = "keep_worktree")]
    pub force: bool,
    /// Leave the worktree that was made for the session
    #[arg(long)]
    pub keep_worktree: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub output: Output,
}

/// Runs it.
pub async fn run(app: &App, args: RmArgs) -> Outcome {
    let client = connect::client(app).await?;
    let sessions = chosen(app, &client, &args).await?;
    if sessions.is_empty() {
        let older =
            args.older.map(|older| format!(" and silent for {}", words::span(older.as_secs()))).unwrap_or_default();
        app.out.note(&format!("no session is archived{older}"));
        return Ok(exit::DONE);
    }
    let what = match sessions.as_slice() {
        [one] => format!("session {} \"{}\" and its log", one.short_id, clean_line(&one.title)),
        several => format!("{} and their logs", words::count(several.len(), "session")),
    };
    if !args.yes && !confirmed(app, &what)? {
        return Ok(exit::FAILED);
    }
    let worktree = match (args.force, args.keep_worktree) {
        (true, _) => WorktreeFate::Discard,
        (false, true) => WorktreeFate::Keep,
        (false, false) => WorktreeFate::Remove,
    };
    let mut worst = exit::DONE;
    let several = sessions.len() > 1;
    for session in sessions {
        match remove(app, &client, &session, worktree).await {
            Ok(()) => {}
            Err(failure) if !several => return Err(failure),
            Err(failure) => {
                let color = app.out.settings().stderr_color;
                failure.report(if app.json { Report::Json } else { Report::Text { color } });
                worst = worst.max(failure.exit_code());
            }
        }
    }
    Ok(worst)
}

/// The sessions that are meant.
async fn chosen(app: &App, client: &Client, args: &RmArgs) -> Result<Vec<SessionView>, Failure> {
    let mut sessions = Vec::new();
    if !args.archived {
        for typed in &args.ids {
            sessions.push(ids::session(app, client, typed).await?);
        }
        return Ok(sessions);
    }
    let mut query = SessionsQuery { archived: Some(true), ..SessionsQuery::default() };
    let silent = |session: &SessionView| tool::between(session.updated_at, now());
    loop {
        let page = client.sessions(&query).await?;
        sessions.extend(page.items.into_iter().filter(|s| args.older.is_none_or(|older| silent(s) >= older)));
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => return Ok(sessions),
        }
    }
}

async fn remove(app: &App, client: &Client, session: &SessionView, worktree: WorktreeFate) -> Result<(), Failure> {
    // What is idle has nothing to lose but its log, and that was just given up; what runs is refused.
    if session.state == "idle" {
        super::stop::stopped(client, session, &StopSession { mode: StopMode::Graceful, message: None }).await?;
    }
    client.delete_session(session.id, &DeleteSession { worktree }, &CommandKey::fresh()).await?;
    if app.json {
        return app.out.json(&serde_json::json!({ "id": session.id, "deleted": true }));
    }
    app.out.note(&format!("removed {} ({})", session.short_id, words::count(events(session.seq), "event")));
    Ok(())
}

fn events(seq: u64) -> usize {
    usize::try_from(seq).unwrap_or(usize::MAX)
}

/// Asks on a terminal; elsewhere `--yes` is wanted.
///
/// # Errors
/// If nobody can be asked.
pub fn confirmed(app: &App, what: &str) -> Result<bool, Failure> {
    let stdin = std::io::stdin();
    if !app.may_ask() || !stdin.is_terminal() || !app.out.settings().stderr_terminal || app.json {
        return Err(Problem::filled(Code::ConfirmationRequired, [("what", what.into())]).into());
    }
    let mut stderr = std::io::stderr();
    // A terminal that is gone answers nothing either.
    let _ = write!(stderr, "this removes {what}. Type yes: ").and_then(|()| stderr.flush());
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    Ok(read.is_ok() && matches!(line.trim(), "y" | "yes"))
}

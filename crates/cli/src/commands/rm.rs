//! `convene rm`: removes sessions with their logs.

use std::{
    io::{BufRead as _, IsTerminal as _, Write as _},
    time::Duration,
};

use clap::Args;
use convene_api::{
    body::{DeleteSession, RemoveWorktree, StopSession, WorktreeFate},
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
  convene rm --archived --older 30d
  convene rm --worktrees          of stopped sessions; their logs stay";

/// Remove sessions with their logs
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct RmArgs {
    /// Sessions: id, prefix, short id, title or @
    #[arg(required_unless_present_any = ["archived", "worktrees"])]
    pub ids: Vec<String>,
    /// Those that are put away
    #[arg(long, conflicts_with = "ids")]
    pub archived: bool,
    /// With --archived: those that have been silent for so long: 30d, 12h
    #[arg(long, value_name = "TIME", value_parser = config::duration, requires = "archived")]
    pub older: Option<Duration>,
    /// Also a session whose log is damaged, and a worktree with files that are not committed
    #[arg(long)]
    pub force: bool,
    /// Leave the worktree that was made for the session
    #[arg(long)]
    pub keep_worktree: bool,
    /// Only the worktrees, not the sessions; without IDs those of all that are stopped or asleep
    #[arg(long, conflicts_with = "keep_worktree")]
    pub worktrees: bool,
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
    if args.worktrees {
        return remove_worktrees(app, &client, &args, sessions).await;
    }
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
    let worktree = match (args.keep_worktree, args.force) {
        (true, _) => WorktreeFate::Keep,
        (false, true) => WorktreeFate::Discard,
        (false, false) => WorktreeFate::Remove,
    };
    let body = DeleteSession { worktree, force: args.force };
    let mut worst = exit::DONE;
    let several = sessions.len() > 1;
    for session in sessions {
        match remove(app, &client, &session, &body).await {
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
    if !(args.archived || args.worktrees && args.ids.is_empty()) {
        for typed in &args.ids {
            sessions.push(ids::session(app, client, typed).await?);
        }
        return Ok(sessions);
    }
    let archived = args.archived.then_some(true);
    let mut query = SessionsQuery { archived, ..SessionsQuery::default() };
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

/// Removes the worktrees of sessions and leaves the sessions.
async fn remove_worktrees(app: &App, client: &Client, args: &RmArgs, mut sessions: Vec<SessionView>) -> Outcome {
    let has_one = |s: &SessionView| s.workspace.as_ref().is_some_and(|workspace| workspace.worktree_of.is_some());
    if args.ids.is_empty() {
        sessions.retain(|s| has_one(s) && matches!(s.state.as_str(), "stopped" | "hibernated"));
    }
    if sessions.is_empty() {
        app.out.note("no stopped session has a worktree");
        return Ok(exit::DONE);
    }
    let what = match sessions.as_slice() {
        [one] => format!("the worktree of session {} \"{}\"", one.short_id, clean_line(&one.title)),
        several => format!("the worktrees of {}", words::count(several.len(), "session")),
    };
    if !args.yes && !confirmed(app, &what)? {
        return Ok(exit::FAILED);
    }
    let mut worst = exit::DONE;
    let several = sessions.len() > 1;
    for session in sessions {
        let body = RemoveWorktree { discard: args.force };
        let failure = match client.remove_worktree(session.id, &body, &CommandKey::fresh()).await {
            Ok(removed) if app.json => {
                app.out.json(&removed)?;
                continue;
            }
            Ok(removed) => {
                let place = words::at_home(&clean_line(&removed.path), app.home().as_deref());
                let branch = removed.branch.as_deref().filter(|_| removed.branch_kept);
                let branch = branch.map(|branch| format!("; branch {} stays", clean_line(branch))).unwrap_or_default();
                app.out.note(&format!("removed {place} of {}{branch}; its log stays", session.short_id));
                continue;
            }
            Err(error) => Failure::from(match error.into_problem() {
                dirty if dirty.code == Code::WorktreeDirty => {
                    let force = format!("commit, or: convene rm --worktrees {} --force", session.short_id);
                    dirty.hint(force)
                }
                other => other,
            }),
        };
        if !several {
            return Err(failure);
        }
        let color = app.out.settings().stderr_color;
        failure.report(if app.json { Report::Json } else { Report::Text { color } });
        worst = worst.max(failure.exit_code());
    }
    Ok(worst)
}

async fn remove(app: &App, client: &Client, session: &SessionView, body: &DeleteSession) -> Result<(), Failure> {
    // What is idle has nothing to lose but its log, and that was just given up; what runs is refused.
    if session.state == "idle" {
        super::stop::stopped(client, session, &StopSession { mode: StopMode::Graceful, message: None }).await?;
    }
    client.delete_session(session.id, body, &CommandKey::fresh()).await?;
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
    agreed(app, &format!("this removes {what}"))
}

/// As [`confirmed`], for what does something else.
///
/// # Errors
/// If nobody can be asked.
pub fn agreed(app: &App, what: &str) -> Result<bool, Failure> {
    let stdin = std::io::stdin();
    if !app.may_ask() || !stdin.is_terminal() || !app.out.settings().stderr_terminal || app.json {
        return Err(Problem::new(Code::ConfirmationRequired, what).hint("add --yes").into());
    }
    let mut stderr = std::io::stderr();
    // A terminal that is gone answers nothing either.
    let _ = write!(stderr, "{what}. Type yes: ").and_then(|()| stderr.flush());
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    let agreed = read.is_ok() && matches!(line.trim(), "y" | "yes");
    if !agreed {
        app.out.note("nothing was done");
    }
    Ok(agreed)
}

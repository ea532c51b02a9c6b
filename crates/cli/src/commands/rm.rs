//! `convene rm`: removes sessions with their logs.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use clap::Args;
use convene_api::{
    body::StopSession,
    client::CommandKey,
    exit,
    problem::{Code, Problem},
};
use convene_core::event::StopMode;

use crate::{
    app::App,
    args::{Output, TEMPLATE},
    connect,
    failure::{Failure, Outcome},
    ids,
    render::{clean::clean_line, words},
};

const EXAMPLES: &str = "\
Examples:
  convene rm k3f9qz
  convene rm -y $(convene ls -q --state stopped)";

/// Remove sessions with their logs
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct RmArgs {
    /// Sessions: id, prefix, short id, title or @
    #[arg(required = true)]
    pub ids: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub output: Output,
}

/// Runs it.
pub async fn run(app: &App, args: RmArgs) -> Outcome {
    let client = connect::client(app).await?;
    let mut sessions = Vec::new();
    for typed in &args.ids {
        sessions.push(ids::session(app, &client, typed).await?);
    }
    let what = match sessions.as_slice() {
        [one] => format!("session {} \"{}\" and its log", one.short_id, clean_line(&one.title)),
        several => format!("{} and their logs", words::count(several.len(), "session")),
    };
    if !args.yes && !confirmed(app, &what)? {
        return Ok(exit::FAILED);
    }
    for session in sessions {
        // What is idle has nothing to lose but its log, and that was just given up; what runs is refused.
        if session.state == "idle" {
            super::stop::stopped(&client, &session, &StopSession { mode: StopMode::Graceful, message: None }).await?;
        }
        client.delete_session(session.id, &CommandKey::fresh()).await?;
        if app.json {
            app.out.json(&serde_json::json!({ "id": session.id, "deleted": true }))?;
        } else {
            app.out.note(&format!("removed {} ({})", session.short_id, words::count(events(session.seq), "event")));
        }
    }
    Ok(exit::DONE)
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

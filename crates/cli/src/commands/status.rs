//! `convene status`: is the server up, and what runs.

use clap::Args;
use convene_api::exit;

use crate::{
    app::{App, now},
    args::{Output, TEMPLATE},
    connect,
    failure::Outcome,
    render::{clean::clean_line, tool, words},
};

const EXAMPLES: &str = "\
Examples:
  convene status
  convene status --json";

/// Say whether the server is up and what runs
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES, after_help = "Exit: 0 up · 6 down")]
pub struct StatusArgs {
    #[command(flatten)]
    pub output: Output,
}

/// Runs it; a server is never started by asking.
pub async fn run(app: &App, _args: StatusArgs) -> Outcome {
    let client = connect::running(app).await?;
    let status = client.status().await?;
    if app.json {
        app.out.json(&status)?;
        return Ok(exit::DONE);
    }
    if let Some(storage) = &status.storage {
        let since = words::age(tool::between(storage.since, now()));
        app.out.line(&format!("{}: {}, for {since}", storage.code, clean_line(&storage.detail)))?;
        app.out.line("prompts and new sessions are refused, agents wait, nothing is lost")?;
        if let Some(hint) = &storage.hint {
            app.out.line(&format!("hint: {}", clean_line(hint)))?;
        }
    }
    let dot = app.style().dot();
    let words_of = |badge: &str| match badge {
        "needs-you" => "need you".to_owned(),
        other => other.replace('-', " "),
    };
    let mut sessions: Vec<String> =
        ["running", "hung", "unhealthy", "needs-you", "waiting-for-auth", "pending", "idle", "failed", "stopped"]
            .iter()
            .filter_map(|badge| {
                status.sessions.get(*badge).filter(|n| **n > 0).map(|n| format!("{n} {}", words_of(badge)))
            })
            .collect();
    if sessions.is_empty() {
        sessions.push("no sessions".to_owned());
    }
    let workers = words::count(usize::try_from(status.workers).unwrap_or(0), "worker");
    let seats = format!("{workers}, {} of {} seats taken", status.seats_taken, status.seats);
    let up = format!("up {}", words::span(status.uptime_seconds));
    app.out.line(&[up, status.version.clone(), sessions.join(", "), seats].join(dot))?;
    Ok(exit::DONE)
}

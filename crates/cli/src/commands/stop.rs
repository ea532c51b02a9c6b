//! `convene stop`: ends sessions; a prompt takes one up again.

use clap::Args;
use convene_api::{
    body::StopSession,
    client::{Client, CommandKey, StreamItem},
    exit,
};
use convene_core::{event::StopMode, failure::StopStep, view::SessionView};

use crate::{
    app::App,
    args::{Output, TEMPLATE},
    connect,
    failure::{Failure, Outcome, Report},
    ids,
};

const EXAMPLES: &str = "\
Examples:
  convene stop k3f9qz
  convene stop --now k3f9qz b81m2c
  convene stop k3f9qz --message \"wrong branch\"";

/// Stop sessions
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct StopArgs {
    /// Sessions: id, prefix, short id, title or @
    #[arg(required = true)]
    pub ids: Vec<String>,
    /// Kill at once, without time to end
    #[arg(long)]
    pub now: bool,
    /// Kept in the log
    #[arg(long, value_name = "TEXT")]
    pub message: Option<String>,
    #[command(flatten)]
    pub output: Output,
}

/// Runs it; several ids give one line each and the worst exit code.
pub async fn run(app: &App, args: StopArgs) -> Outcome {
    let client = connect::client(app).await?;
    let mode = if args.now { StopMode::Now } else { StopMode::Graceful };
    let mut worst = exit::DONE;
    for typed in &args.ids {
        let body = StopSession { mode, message: args.message.clone() };
        match stop(app, &client, typed, &body).await {
            Ok(session) if app.json => app.out.json(&session)?,
            Ok(session) => app.out.note(&said(&session)),
            Err(failure) if args.ids.len() == 1 => return Err(failure),
            Err(failure) => {
                let color = app.out.settings().stderr_color;
                failure.report(if app.json { Report::Json } else { Report::Text { color } });
                worst = worst.max(failure.exit_code());
            }
        }
    }
    Ok(worst)
}

async fn stop(app: &App, client: &Client, typed: &str, body: &StopSession) -> Result<SessionView, Failure> {
    let session = ids::session(app, client, typed).await?;
    stopped(client, &session, body).await
}

/// Stops a session and waits until it is.
///
/// # Errors
/// If it cannot be stopped.
pub async fn stopped(client: &Client, session: &SessionView, body: &StopSession) -> Result<SessionView, Failure> {
    let mut session = client.stop(session.id, body, &CommandKey::fresh()).await?;
    // Stopped is what it says once it is proved; until then it is on its way.
    let mut stream = client.follow(session.id, session.seq);
    while session.state == "stopping" {
        if let StreamItem::Event(event) = stream.next().await?
            && matches!(event.data.tag(), "session_stopped" | "session_deleted")
        {
            session = client.session(&session.id.to_string()).await?;
        }
    }
    Ok(session)
}

fn said(session: &SessionView) -> String {
    // What everybody should see is what did not go by asking.
    let took = session.stop_step.filter(|step| !step.is_polite()).map(StopStep::words);
    let proof = session
        .stop_verified
        .map(|verified| if verified { "verified: 0 processes left" } else { "not every process could be proved dead" });
    let facts: Vec<&str> = took.into_iter().chain(proof).collect();
    let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join("; ")) };
    format!("session {} {}{facts}", session.short_id, session.state)
}

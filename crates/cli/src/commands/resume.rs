//! `convene resume`: starts the agents of sessions that have none, without a prompt.

use clap::Args;
use convene_api::{
    client::{Client, CommandKey, StreamItem},
    exit,
};
use convene_core::view::{Badge, SessionView};

use crate::{
    app::App,
    args::{Output, TEMPLATE},
    connect,
    failure::{Failure, Outcome, Report},
    ids,
    render::{clean::clean_line, facts},
};

const EXAMPLES: &str = "\
Examples:
  convene resume k3f9qz
  convene resume @ && convene attach @";

/// Start the agent of a session again, without a prompt
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct ResumeArgs {
    /// Sessions: id, prefix, short id, title or @
    #[arg(required = true)]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub output: Output,
}

/// Runs it; several ids give one line each and the worst exit code.
pub async fn run(app: &App, args: ResumeArgs) -> Outcome {
    let client = connect::client(app).await?;
    let mut worst = exit::DONE;
    for typed in &args.ids {
        match resume(app, &client, typed).await {
            Ok(session) => {
                if app.json {
                    app.out.json(&session)?;
                } else {
                    app.out.note(&said(&session));
                }
                if session.state == "stopped" {
                    worst = worst.max(facts::session_exit_code(&session).max(exit::FAILED));
                }
            }
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

/// Resumes a session and waits until its agent is ready, or something stands in its way.
async fn resume(app: &App, client: &Client, typed: &str) -> Result<SessionView, Failure> {
    let session = ids::session(app, client, typed).await?;
    let mut session = client.resume(session.id, &CommandKey::fresh()).await?;
    let mut stream = client.follow(session.id, session.seq);
    while is_on_its_way(&session) {
        if let StreamItem::Event(event) = stream.next().await?
            && event.seq > session.seq
            && !matches!(event.data.tag(), "message_appended" | "tool_call_updated" | "usage_updated")
        {
            session = client.session(&session.id.to_string()).await?;
        }
    }
    Ok(session)
}

fn is_on_its_way(session: &SessionView) -> bool {
    let stuck = session.waiting.is_some() || session.badge == Badge::WaitingForAuth;
    matches!(session.state.as_str(), "pending" | "starting") && !stuck
}

fn said(session: &SessionView) -> String {
    let id = &session.short_id;
    match (&session.waiting, &session.failure) {
        (Some(waiting), _) => format!("session {id} waits: {}", clean_line(&waiting.detail)),
        (None, Some(failure)) if session.state == "stopped" => {
            format!("session {id} stopped: {}", clean_line(&failure.summary))
        }
        (None, _) if session.badge == Badge::WaitingForAuth => format!("session {id} wants you to sign in"),
        (None, _) if session.state == "idle" => format!("session {id} ready"),
        (None, _) => format!("session {id} {}", session.state),
    }
}

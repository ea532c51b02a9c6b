//! `convene wait`: blocks until sessions are idle or stopped, and ends as their last turn did.

use std::time::Duration;

use clap::Args;
use convene_api::{
    client::{Client, StreamItem},
    exit,
    problem::{Code, Problem},
};
use convene_core::view::{Badge, SessionView};
use tokio::time::{Instant, timeout_at};

use crate::{
    app::App,
    args::{Output, TEMPLATE},
    config, connect,
    failure::{Failure, Outcome},
    ids,
    render::{facts, words},
};

const EXAMPLES: &str = "\
Examples:
  convene wait k3f9qz
  convene wait k3f9qz --for needs-me --timeout 10m
  convene wait --any k3f9qz b81m2c && echo one is done";

/// Wait until sessions are idle or stopped
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct WaitArgs {
    /// Sessions: id, prefix, short id, title or @
    #[arg(required = true)]
    pub ids: Vec<String>,
    /// What is waited for [default: idle, which stopped is too]
    #[arg(long = "for", value_name = "WHAT", default_value = "idle", hide_default_value = true)]
    pub what: For,
    /// One of them is enough
    #[arg(long)]
    pub any: bool,
    /// At most so long: 90s, 5m, 1h
    #[arg(long, value_name = "TIME", value_parser = config::duration)]
    pub timeout: Option<Duration>,
    #[command(flatten)]
    pub output: Output,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum For {
    /// Nothing runs and nothing waits.
    Idle,
    /// It is stopped.
    Stopped,
    /// It needs a person; or is idle or stopped.
    NeedsMe,
}

/// Runs it.
pub async fn run(app: &App, args: WaitArgs) -> Outcome {
    let client = connect::client(app).await?;
    let mut sessions = Vec::new();
    for id in &args.ids {
        sessions.push(ids::session(app, &client, id).await?);
    }
    let limit = args.timeout.map(|timeout| (Instant::now() + timeout, timeout));
    let waits = sessions.into_iter().map(|session| Box::pin(until(&client, session, args.what, limit)));
    let mut worst = exit::DONE;
    if args.any {
        let (first, _, _) = futures_util::future::select_all(waits).await;
        return report(app, &first?);
    }
    for session in futures_util::future::join_all(waits).await {
        worst = worst.max(report(app, &session?)?);
    }
    Ok(worst)
}

fn report(app: &App, session: &SessionView) -> Outcome {
    if app.json {
        app.out.json(session)?;
    } else {
        let last = session.last_turn.as_ref().map(|turn| {
            let end = facts::End::Turn { stop_reason: turn.stop_reason, failure: turn.failure.clone() };
            match end.words(turn.rejected) {
                "done" => " (completed)".to_owned(),
                words => format!(" ({words})"),
            }
        });
        // Who waits for a person's answer is told that it is wanted; that its turn runs says nothing.
        let state = if matches!(session.badge, Badge::NeedsYou | Badge::WaitingForAuth) {
            session.badge.to_string().replace('-', " ")
        } else {
            session.state.clone() + &last.unwrap_or_default()
        };
        app.out.note(&format!("{} {state}", session.short_id));
    }
    Ok(facts::session_exit_code(session))
}

async fn until(
    client: &Client,
    mut session: SessionView,
    what: For,
    limit: Option<(Instant, Duration)>,
) -> Result<SessionView, Failure> {
    let mut stream = client.follow(session.id, session.seq);
    while !reached(&session, what) {
        // Only events that may change the answer lead to another look.
        loop {
            let item = match limit {
                None => stream.next().await,
                Some((at, timeout)) => match timeout_at(at, stream.next()).await {
                    Ok(item) => item,
                    Err(_) => return Err(timed_out(&session, timeout)),
                },
            };
            if let StreamItem::Event(event) = item?
                && event.seq > session.seq
                && !matches!(event.data.tag(), "message_appended" | "tool_call_updated" | "usage_updated")
            {
                break;
            }
        }
        session = client.session(&session.id.to_string()).await?;
    }
    Ok(session)
}

fn reached(session: &SessionView, what: For) -> bool {
    let stopped = session.state == "stopped";
    let idle = stopped || (matches!(session.state.as_str(), "idle" | "hibernated") && session.queue_length == 0);
    match what {
        For::Idle => idle,
        For::Stopped => stopped,
        For::NeedsMe => idle || matches!(session.badge, Badge::NeedsYou | Badge::WaitingForAuth),
    }
}

fn timed_out(session: &SessionView, timeout: Duration) -> Failure {
    let fields = [
        ("id", session.short_id.clone().into()),
        ("state", session.state.clone().into()),
        ("t", words::took(timeout).into()),
    ];
    Problem::filled(Code::WaitTimeout, fields).into()
}

//! `convene hibernate`: puts idle sessions to sleep; a prompt wakes one.

use clap::Args;
use convene_api::{
    body::HibernateSession,
    client::{Client, CommandKey, StreamItem},
    exit,
    problem::{Code, Problem},
};
use convene_core::{
    event::{EventBody, KnownEvent},
    view::SessionView,
};

use crate::{
    app::App,
    args::{Output, TEMPLATE},
    connect,
    failure::{Failure, Outcome, Report},
    ids,
    render::clean::clean_line,
};

const EXAMPLES: &str = "\
Examples:
  convene hibernate k3f9qz
  convene hibernate --recap k3f9qz b81m2c
  convene hibernate $(convene ls -q --state idle)";

/// Put idle sessions to sleep; a prompt wakes them
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct HibernateArgs {
    /// Sessions: id, prefix, short id, title or @
    #[arg(required = true)]
    pub ids: Vec<String>,
    /// Also if the agent will not remember: it gets a recap on waking
    #[arg(long)]
    pub recap: bool,
    #[command(flatten)]
    pub output: Output,
}

/// Runs it; several ids give one line each and the worst exit code.
pub async fn run(app: &App, args: HibernateArgs) -> Outcome {
    let client = connect::client(app).await?;
    let body = HibernateSession { recap: args.recap };
    let mut worst = exit::DONE;
    for typed in &args.ids {
        match hibernate(app, &client, typed, &body).await {
            Ok(session) if app.json => app.out.json(&session)?,
            Ok(session) => app.out.note(&format!("session {} {}", session.short_id, session.state)),
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

/// Puts a session to sleep and waits until it sleeps, or something keeps it awake.
async fn hibernate(app: &App, client: &Client, typed: &str, body: &HibernateSession) -> Result<SessionView, Failure> {
    let session = ids::session(app, client, typed).await?;
    let session = client.hibernate(session.id, body, &CommandKey::fresh()).await?;
    if session.state == "hibernated" {
        return Ok(session);
    }
    let mut stream = client.follow(session.id, session.seq);
    loop {
        let StreamItem::Event(event) = stream.next().await? else { continue };
        let EventBody::Known(known) = &event.data.body else { continue };
        if let KnownEvent::SessionKeptAwake { detail, .. } = known {
            let id = &session.short_id;
            return Err(Problem::new(Code::WrongState, format!("{id} stays awake: {}", clean_line(detail)))
                .hint(format!("`convene stop {id}` ends what is at work"))
                .into());
        }
        // It sleeps; or a prompt or a stop came first.
        let is_over = matches!(
            known,
            KnownEvent::SessionHibernated {} | KnownEvent::AttemptEnded { .. } | KnownEvent::SessionStopped { .. }
        );
        if is_over {
            return Ok(client.session(&session.id.to_string()).await?);
        }
    }
}

//! `convene prompt`: says something to a session that exists.

use std::{ffi::OsString, path::PathBuf};

use clap::Args;
use convene_api::{
    body::{PromptAccepted, PromptInput, PromptMode, PromptStatus, SendPrompt},
    client::{Client, CommandKey, EventsQuery},
    exit,
    problem::{Code, Problem},
};
use convene_core::{
    content::ContentBlock,
    event::{EventBody, KnownEvent},
    failure::StopReason,
    view::SessionView,
};

use super::{run::DisplayArgs, show};
use crate::{
    app::App,
    args::TEMPLATE,
    connect,
    failure::{Failure, Outcome},
    ids,
    render::facts::End,
    turn,
    watch::{self, Ask, Plan},
};

const EXAMPLES: &str = "\
Examples:
  convene prompt k3f9qz \"now add a test\"
  convene prompt k3f9qz --watch \"now add a test\"
  convene prompt k3f9qz --interrupt \"stop, use the other file\"
  convene prompt k3f9qz --retry          the last prompt, after a failure";

/// Say something to a session
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct PromptArgs {
    /// Session: id, prefix, short id, title or @
    pub id: String,
    /// What to do; - reads standard input
    #[arg(value_name = "TEXT|-")]
    pub text: Option<OsString>,
    /// The prompt from a file
    #[arg(short = 'F', long, value_name = "FILE", conflicts_with = "text")]
    pub prompt_file: Option<PathBuf>,
    /// Wait behind a running turn (this is what happens without a flag)
    #[arg(long, conflicts_with_all = ["steer", "interrupt"])]
    pub queue: bool,
    /// Add it to the running turn, where the agent can
    #[arg(long, conflicts_with = "interrupt")]
    pub steer: bool,
    /// Cancel the running turn and go first
    #[arg(long)]
    pub interrupt: bool,
    /// Send the prompt of the last turn again, which failed or whose outcome is unknown
    #[arg(long, conflicts_with_all = ["text", "prompt_file"])]
    pub retry: bool,
    /// Watch the turn to its end
    #[arg(short, long)]
    pub watch: bool,
    /// With --watch: when nobody can answer a question
    #[arg(long, value_name = "HOW")]
    pub ask: Option<Ask>,
    /// What happened as JSON; with --watch the stored events
    #[arg(long)]
    pub json: bool,
}

/// Runs it.
pub async fn run(app: &App, args: PromptArgs) -> Outcome {
    let examples = ["give one: convene prompt ID \"now add a test\"", "pipe it: git diff | convene prompt ID -"];
    let text = match args.retry {
        true => None,
        false => Some(turn::read_prompt(args.text.as_deref(), args.prompt_file.as_deref(), examples)?),
    };
    let client = connect::client(app).await?;
    let session = ids::session(app, &client, &args.id).await?;
    let content = match text {
        Some(text) => PromptInput::Text(text),
        None => {
            let (content, what) = last_prompt(&client, &session).await?;
            app.out.note(&what);
            PromptInput::Blocks(content)
        }
    };
    let mode = match (args.steer, args.interrupt) {
        (true, _) => PromptMode::Steer,
        (false, true) => PromptMode::Interrupt,
        (false, false) => PromptMode::Queue,
    };
    let body = SendPrompt { content, mode };
    let accepted = client.prompt(session.id, &body, &CommandKey::fresh()).await?;
    if args.watch {
        let display = DisplayArgs { ask: args.ask, ..DisplayArgs::default() };
        let look = display.look(app, &accepted.session);
        let ask = args.ask.unwrap_or(Ask::Wait);
        let how = display.how(app);
        let (after, turn) = (session.seq, Some(accepted.turn));
        let plan = Plan { session: accepted.session, after, turn, look, ask, how, attach: None };
        return watch::watch(app, &client, plan).await;
    }
    if app.json {
        app.out.json(&accepted)?;
        return Ok(exit::DONE);
    }
    app.out.note(&said(&accepted));
    Ok(exit::DONE)
}

/// What became of a prompt.
pub fn said(accepted: &PromptAccepted) -> String {
    let session = &accepted.session;
    let running = session.turn.as_ref();
    match (accepted.status, accepted.position) {
        (PromptStatus::Queued, position) => {
            let place = position.map(|p| format!(" at position {p}")).unwrap_or_default();
            let behind = running.map(|t| format!(" (turn {} is running)", t.number)).unwrap_or_default();
            format!("queued{place}{behind}")
        }
        (PromptStatus::Started, _) => match running.filter(|t| t.id == accepted.turn) {
            Some(turn) => format!("started turn {}", turn.number),
            // Its agent is not up yet; the turn has its number all the same.
            None => format!("started turn {}", session.last_turn.as_ref().map_or(1, |turn| turn.number + 1)),
        },
    }
}

/// The prompt of the last turn, if that turn failed or its outcome is unknown, and what is said about it.
async fn last_prompt(client: &Client, session: &SessionView) -> Result<(Vec<ContentBlock>, String), Failure> {
    let id = &session.short_id;
    let wrong = |detail: String| {
        Failure::from(Problem::new(Code::WrongState, detail).hint(format!("say it again: convene prompt {id} \"...\"")))
    };
    if let Some(turn) = &session.turn {
        return Err(wrong(format!("turn {} of {id} is running; there is nothing to send again", turn.number)));
    }
    let Some(last) = &session.last_turn else {
        return Err(wrong(format!("{id} has had no turn; there is nothing to send again")));
    };
    let n = last.number;
    let what = match last.stop_reason {
        StopReason::Failed => format!("sending the prompt of turn {n} again, which failed before the agent had it"),
        StopReason::Interrupted => {
            format!("sending the prompt of turn {n} again; its outcome is unknown, it may have acted")
        }
        StopReason::EndTurn
        | StopReason::MaxTokens
        | StopReason::MaxTurnRequests
        | StopReason::Refusal
        | StopReason::Cancelled
        | StopReason::Timeout => {
            let end = End::Turn { stop_reason: last.stop_reason, failure: last.failure.clone() };
            let words = end.words(last.rejected);
            return Err(wrong(format!("turn {n} of {id} did not fail ({words}); there is nothing to send again")));
        }
    };
    let query = EventsQuery {
        types: vec!["turn_queued".to_owned(), "queue_entry_edited".to_owned(), "turn_handed_over".to_owned()],
        turn: Some(last.id),
        ..EventsQuery::default()
    };
    let mut content = None;
    let mut handed_over = false;
    for event in show::events(client, session, query).await? {
        match &event.data.body {
            EventBody::Known(
                KnownEvent::TurnQueued { content: said, .. } | KnownEvent::QueueEntryEdited { content: said },
            ) => {
                content = Some(said.to_vec());
            }
            EventBody::Known(KnownEvent::TurnHandedOver {}) => handed_over = true,
            EventBody::Known(_) | EventBody::Unknown(_) => {}
        }
    }
    let what = match (last.stop_reason, handed_over) {
        (StopReason::Failed, true) => format!("sending the prompt of turn {n} again, which failed"),
        _ => what,
    };
    content.map(|content| (content, what)).ok_or_else(|| wrong(format!("the prompt of turn {n} is not in the log")))
}

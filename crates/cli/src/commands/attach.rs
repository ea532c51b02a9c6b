//! `convene attach`: a session as `run` shows it, with a row in which prompts are typed.

use clap::Args;
use convene_api::{
    client::{Client, EventsQuery},
    problem::{Code, Problem},
};
use convene_core::{
    content::plain_text,
    event::{EventBody, KnownEvent},
    ids::TurnId,
    view::SessionView,
};

use super::{run::DisplayArgs, show};
use crate::{
    app::App,
    args::TEMPLATE,
    connect,
    failure::{Failure, Outcome},
    ids,
    watch::{self, Ask, Attach, How, Plan},
};

const EXAMPLES: &str = "\
Examples:
  convene attach k3f9qz
  convene attach @ --once         until its turn ends, with the turn's exit code
  convene attach k3f9qz --read-only";
const EXITS: &str = "\
Type a prompt and Enter; while a turn runs it waits in the queue. /help lists what else can be typed.
Ctrl-C clears what is typed, else cancels the turn and leaves when it has ended (130). Ctrl-D leaves.
Without a terminal it follows as `convene logs -f` does and reads nothing; `convene prompt ID -` speaks.
Exit: 0 left, or completed with --once · 3, 4, 5 as `run` with --once · 6 no server · 130 Ctrl-C";

/// Watch a session and speak to it
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES, after_help = EXITS)]
pub struct AttachArgs {
    /// Session: id, prefix, short id, title or @
    pub id: String,
    /// End with its turn, as `run` does
    #[arg(long)]
    pub once: bool,
    /// Only look: no prompts, no answers, and Ctrl-C cancels nothing
    #[arg(long)]
    pub read_only: bool,
    #[command(flatten)]
    pub display: DisplayArgs,
}

impl AttachArgs {
    /// Whether programs read the result.
    pub fn is_json(&self) -> bool {
        self.display.is_json()
    }
}

/// Runs it.
pub async fn run(app: &App, args: AttachArgs) -> Outcome {
    let client = connect::client(app).await?;
    let session = ids::session(app, &client, &args.id).await?;
    if session.archived && !args.read_only {
        let hint = format!("`convene unarchive {0}`, or look: convene attach {0} --read-only", session.short_id);
        let problem = Problem::filled(Code::SessionArchived, [("id", session.short_id.into())]);
        return Err(problem.hint(hint).into());
    }
    let start = start(&client, &session).await?;
    let mut look = args.display.look(app, &session);
    look.prompts = true;
    look.turn_ends = !args.once;
    look.from_start = start.after == 0;
    let how = if app.json { How::Json } else { How::Terminal };
    let attach = Attach { once: args.once, read_only: args.read_only, prompts: start.prompts };
    let ask = Ask::Wait;
    let plan = Plan { session, after: start.after, turn: start.turn, look, ask, how, attach: Some(attach) };
    watch::watch(app, &client, plan).await
}

/// Where the view begins.
struct Start {
    /// Events after this one are shown.
    after: u64,
    /// The turn that `--once` is about.
    turn: Option<TurnId>,
    /// Prompts that were queued before: that of the first turn which is shown, and those that wait.
    prompts: Vec<(TurnId, String)>,
}

/// The last turn first: the one that runs, else the one that ended last.
async fn start(client: &Client, session: &SessionView) -> Result<Start, Failure> {
    let mut prompts = Vec::new();
    for entry in client.queue(session.id).await?.items {
        prompts.push((entry.id, plain_text(&entry.content)));
    }
    let next = prompts.first().map(|(turn, _)| *turn);
    let running = session.turn.as_ref().map(|turn| turn.id);
    let last = session.last_turn.as_ref().map(|turn| turn.id);
    let mut start = Start { after: 0, turn: running.or(next).or(last), prompts };
    let Some(shown) = running.or(last) else { return Ok(start) };
    let types = ["turn_queued", "queue_entry_edited", "turn_started"].map(str::to_owned).to_vec();
    let query = EventsQuery { types, turn: Some(shown), ..EventsQuery::default() };
    let mut prompt = String::new();
    for event in show::events(client, session, query).await? {
        match &event.data.body {
            EventBody::Known(KnownEvent::TurnQueued { content, .. } | KnownEvent::QueueEntryEdited { content }) => {
                prompt = plain_text(content);
            }
            // One that was given out twice is shown from the last time on.
            EventBody::Known(KnownEvent::TurnStarted { .. }) => start.after = event.seq - 1,
            EventBody::Known(_) | EventBody::Unknown(_) => {}
        }
    }
    start.prompts.push((shown, prompt));
    Ok(start)
}

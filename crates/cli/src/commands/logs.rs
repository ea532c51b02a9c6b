//! `convene logs`: a session's events, as `run` draws them or as they are.

use clap::Args;
use convene_api::{
    client::{Client, EventsQuery, SessionEvent, StreamItem},
    exit,
};
use convene_core::{
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
    render::{
        screen::Screen,
        transcript::{Amount, Thoughts, Transcript},
    },
    terminal,
};

const EXAMPLES: &str = "\
Examples:
  convene logs k3f9qz
  convene logs -f k3f9qz          and go on as it happens
  convene logs k3f9qz --json --type permission_requested";

/// Show a session's events
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct LogsArgs {
    /// Session: id, prefix, short id, title or @
    pub id: String,
    /// Go on as it happens
    #[arg(short, long)]
    pub follow: bool,
    /// Only events after this one
    #[arg(long, value_name = "SEQ")]
    pub after: Option<u64>,
    /// Only events of this turn: its id
    #[arg(long, value_name = "TURN")]
    pub turn: Option<TurnId>,
    /// Only events of these types
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    pub types: Vec<String>,
    /// Thoughts, output and changes in full
    #[arg(long)]
    pub full: bool,
    /// The stored events, one a line
    #[arg(long)]
    pub json: bool,
}

/// Runs it.
pub async fn run(app: &App, args: LogsArgs) -> Outcome {
    let client = connect::client(app).await?;
    let session = ids::session(app, &client, &args.id).await?;
    let mut printer = Printer::new(app, &args, &session);
    if args.follow {
        follow(&client, &session, &args, &mut printer).await?;
    } else {
        let query =
            EventsQuery { after: args.after, turn: args.turn, types: args.types.clone(), ..EventsQuery::default() };
        for event in show::events(&client, &session, query).await? {
            printer.event(&event)?;
        }
    }
    printer.finish()?;
    Ok(exit::DONE)
}

/// Until the session is removed, or somebody interrupts.
async fn follow(
    client: &Client,
    session: &SessionView,
    args: &LogsArgs,
    printer: &mut Printer<'_>,
) -> Result<(), Failure> {
    let mut stream = client.follow(session.id, args.after.unwrap_or(0));
    loop {
        match stream.next().await? {
            StreamItem::Event(event) => {
                let wanted = (args.types.is_empty() || args.types.iter().any(|t| t == event.data.tag()))
                    && (args.turn.is_none() || event.data.turn == args.turn);
                if wanted {
                    printer.event(&event)?;
                }
                if matches!(&event.data.body, EventBody::Known(KnownEvent::SessionDeleted { .. })) {
                    return Ok(());
                }
            }
            StreamItem::CaughtUp | StreamItem::Away { .. } => {}
        }
    }
}

struct Printer<'a> {
    app: &'a App,
    transcript: Transcript,
}

impl<'a> Printer<'a> {
    fn new(app: &'a App, args: &LogsArgs, session: &SessionView) -> Self {
        let mut display = DisplayArgs::default();
        if args.full {
            display.thoughts = Some(Thoughts::Full);
            display.tools = Some(Amount::Full);
            display.diff = Some(Amount::Full);
        }
        let mut look = display.look(app, session);
        look.prompts = true;
        look.turn_ends = true;
        look.started = args.follow;
        look.from_start = args.after.unwrap_or(0) == 0 && args.turn.is_none() && args.types.is_empty();
        let screen = Screen::new(terminal::width(), false, ("", ""), look.style.ellipsis());
        Self { app, transcript: Transcript::new(look, screen) }
    }

    fn event(&mut self, event: &SessionEvent) -> Result<(), Failure> {
        if self.app.json {
            return self.app.out.line(&event.json);
        }
        self.transcript.event(event);
        self.write()
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.transcript.finish();
        self.write()
    }

    fn write(&mut self) -> Result<(), Failure> {
        match self.transcript.screen.frame() {
            Some(frame) => self.app.out.text(&frame),
            None => Ok(()),
        }
    }
}

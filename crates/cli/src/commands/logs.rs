//! `convene logs`: a session's events, as `run` draws them or as they are.

use clap::Args;
use convene_api::{
    client::{Client, EventsQuery, SessionEvent, StreamItem},
    exit,
    problem::{Code, Problem},
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
        words,
    },
    terminal,
};

const EXAMPLES: &str = "\
Examples:
  convene logs k3f9qz
  convene logs -f k3f9qz          and go on as it happens
  convene logs k3f9qz --turn 2 --full
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
    /// Only events of this turn: its number or its id
    #[arg(long, value_name = "TURN")]
    pub turn: Option<String>,
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
    let turn = match &args.turn {
        Some(typed) => Some(turn_of(&client, &session, typed).await?),
        None => None,
    };
    let mut printer = Printer::new(app, &args, &session);
    if args.follow {
        follow(&client, &session, &args, turn, &mut printer).await?;
    } else {
        let query = EventsQuery { after: args.after, turn, types: args.types.clone(), ..EventsQuery::default() };
        for event in show::events(&client, &session, query).await? {
            printer.event(&event)?;
        }
    }
    printer.finish()?;
    Ok(exit::DONE)
}

/// The turn that is meant: by its number, its id, or the end of its id.
async fn turn_of(client: &Client, session: &SessionView, typed: &str) -> Result<TurnId, Failure> {
    if let Ok(id) = typed.parse() {
        return Ok(id);
    }
    let number: Option<u32> = typed.parse().ok();
    let bare = typed.strip_prefix(TurnId::PREFIX).unwrap_or(typed);
    let query = EventsQuery { types: vec!["turn_started".to_owned()], ..EventsQuery::default() };
    let mut turns = 0;
    for event in show::events(client, session, query).await? {
        if let (EventBody::Known(KnownEvent::TurnStarted { number: n }), Some(id)) = (&event.data.body, event.data.turn)
        {
            turns = turns.max(*n);
            if number == Some(*n) || (number.is_none() && id.short() == bare) {
                return Ok(id);
            }
        }
    }
    let id = &session.short_id;
    let what =
        format!("--turn: {id} has {}, none is {typed:?}", words::count(usize::try_from(turns).unwrap_or(0), "turn"));
    Err(Problem::new(Code::InvalidRequest, what).hint(format!("`convene logs {id}` shows them")).into())
}

/// Until the session is removed, or somebody interrupts.
async fn follow(
    client: &Client,
    session: &SessionView,
    args: &LogsArgs,
    turn: Option<TurnId>,
    printer: &mut Printer<'_>,
) -> Result<(), Failure> {
    let mut stream = client.follow(session.id, args.after.unwrap_or(0));
    loop {
        match stream.next().await? {
            StreamItem::Event(event) => {
                let wanted = (args.types.is_empty() || args.types.iter().any(|t| t == event.data.tag()))
                    && (turn.is_none() || event.data.turn == turn);
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

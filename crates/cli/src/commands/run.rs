//! `convene run`: a session with its prompt, watched to the end of its turn.

use std::{ffi::OsString, path::PathBuf};

use clap::Args;
use convene_api::{body::CreateSession, client::CommandKey, exit};
use convene_core::view::SessionView;

use super::spec::{self, SpecArgs};
use crate::{
    app::App,
    args::{Format, TEMPLATE},
    connect,
    failure::{Failure, Outcome},
    render::transcript::{Amount, Look, Thoughts},
    turn,
    watch::{self, Ask, How, Plan},
};

/// Examples, before the flags.
pub const EXAMPLES: &str = "\
Examples:
  convene run \"explain this repository\"
  convene run -a claude -C ~/shop \"fix issue 41\"
  git diff | convene run --permissions deny - > review.md";
const EXITS: &str = "\
Exit: 0 completed · 2 usage · 3 not completed · 4 permission denied · 5 agent failed
      6 no server · 130 Ctrl-C (cancels the turn; a second one leaves it to finish alone)";

/// Start a session with a prompt, watch it, end with the turn
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES, after_help = EXITS)]
pub struct RunArgs {
    /// What to do; - reads standard input
    #[arg(value_name = "PROMPT|-")]
    pub prompt: Option<OsString>,
    #[command(flatten)]
    pub spec: SpecArgs,
    /// The prompt from a file
    #[arg(short = 'F', long, value_name = "FILE", conflicts_with = "prompt")]
    pub prompt_file: Option<PathBuf>,
    /// Print the id and leave
    #[arg(short, long)]
    pub detach: bool,
    #[command(flatten)]
    pub display: DisplayArgs,
}

/// How a turn is shown.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Display")]
pub struct DisplayArgs {
    /// When nobody can answer a question [default: wait; reject in CI]
    #[arg(long, value_name = "HOW")]
    pub ask: Option<Ask>,
    /// The agent's thoughts
    #[arg(long, value_name = "HOW MUCH")]
    pub thoughts: Option<Thoughts>,
    /// Tool calls and their output
    #[arg(long, value_name = "HOW MUCH")]
    pub tools: Option<Amount>,
    /// Changes of files
    #[arg(long, value_name = "HOW MUCH")]
    pub diff: Option<Amount>,
    /// The stored events, one a line
    #[arg(long)]
    pub json: bool,
    /// How the turn is shown: table (for people) or json
    #[arg(short, long, value_name = "FORMAT", default_value = "table", hide = true)]
    pub output: Format,
}

impl RunArgs {
    /// Whether programs read the result.
    pub fn is_json(&self) -> bool {
        self.display.is_json()
    }
}

impl DisplayArgs {
    /// Whether programs read the result.
    pub fn is_json(&self) -> bool {
        self.json || self.output == Format::Json
    }

    /// What is shown of a session.
    pub fn look(&self, app: &App, session: &SessionView) -> Look {
        let ui = &app.config.ui;
        let amount = |flag: Option<Amount>, key: Amount| flag.unwrap_or(key);
        Look {
            style: app.style(),
            thoughts: self.thoughts.unwrap_or(ui.thoughts),
            tools: amount(self.tools, ui.tools),
            diff: amount(self.diff, Amount::Short),
            tool_lines: ui.tool_lines,
            diff_lines: ui.diff_lines,
            prompts: false,
            turn_ends: false,
            verbose: app.globals.verbose,
            id: session.short_id.clone(),
            agent: session.agent.clone(),
            cwd: session.cwd.clone(),
            permissions: spec::permissions_name(session.effective_permissions).to_owned(),
            home: app.home(),
            started: true,
            from_start: false,
        }
    }

    /// Where the turn is shown.
    pub fn how(&self, app: &App) -> How {
        if app.json {
            How::Json
        } else if app.out.settings().terminal {
            How::Terminal
        } else {
            How::Piped
        }
    }
}

/// Runs it.
pub async fn run(app: &App, args: RunArgs) -> Outcome {
    let examples = ["give one: convene run \"explain this repository\"", "pipe it: git diff | convene run -"];
    let prompt = turn::read_prompt(args.prompt.as_deref(), args.prompt_file.as_deref(), examples)?;
    let client = connect::client(app).await?;
    let body = args.spec.body(app, &client, Some(prompt)).await?;
    let created = create(&client, &body).await?;
    let session = created.session;
    if args.detach {
        if app.json {
            app.out.json(&session)?;
        } else {
            app.out.line(&session.id.to_string())?;
            let id = &session.short_id;
            app.out.note(&format!("session {id} goes on by itself. Look: convene logs -f {id}"));
        }
        return Ok(exit::DONE);
    }
    let mut look = args.display.look(app, &session);
    look.from_start = true;
    let ask = args.display.ask.unwrap_or(Ask::Wait);
    let plan = Plan { session, after: 0, turn: None, look, ask, how: args.display.how(app), attach: None };
    watch::watch(app, &client, plan).await
}

async fn create(
    client: &convene_api::client::Client,
    body: &CreateSession,
) -> Result<convene_api::body::CreatedSession, Failure> {
    Ok(client.create_session(body, &CommandKey::fresh()).await?)
}

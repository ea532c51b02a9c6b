//! `convene rewind`: takes the conversation back to before one of the user's own prompts.

use clap::Args;
use convene_api::{
    body::{RewindSession, TurnName},
    client::CommandKey,
    exit,
};
use convene_core::{content::plain_text, ids::TurnId};

use crate::{
    app::App,
    args::{Output, TEMPLATE},
    connect,
    failure::Outcome,
    ids,
    render::clean::clean,
};

const EXAMPLES: &str = "\
Examples:
  convene rewind k3f9qz 3                     to before the third prompt
  draft=$(convene rewind @ 3)                 which is printed";
const AFTER: &str = "\
What came after stays in the log. The agent is told what is left, and knows nothing of the rest. Files stay as
they are.";

/// Take the conversation back to before one of your prompts
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES, after_help = AFTER)]
pub struct RewindArgs {
    /// Session: id, prefix, short id, title or @
    pub id: String,
    /// The turn that begins with the prompt: its number or its id
    #[arg(value_name = "TURN", value_parser = turn)]
    pub turn: TurnName,
    #[command(flatten)]
    pub output: Output,
}

fn turn(text: &str) -> Result<TurnName, String> {
    if let Ok(number) = text.parse() {
        return Ok(TurnName::Number(number));
    }
    text.parse::<TurnId>().map(TurnName::Id).map_err(|_| format!("{text} is neither a number nor the id of a turn"))
}

/// Runs it.
pub async fn run(app: &App, args: RewindArgs) -> Outcome {
    let client = connect::client(app).await?;
    let session = ids::session(app, &client, &args.id).await?;
    let body = RewindSession { turn: Some(args.turn), expected_seq: Some(session.seq), ..RewindSession::default() };
    let rewound = client.rewind(session.id, &body, &CommandKey::fresh()).await?;
    if app.json {
        app.out.json(&rewound)?;
        return Ok(exit::DONE);
    }
    app.out.line(clean(&plain_text(&rewound.draft)).trim_end())?;
    let id = &session.short_id;
    let number = rewound.turn_number;
    app.out.note(&format!(
        "session {id} is back before turn {number}, whose prompt is above. Go on: convene prompt {id} \"...\""
    ));
    Ok(exit::DONE)
}

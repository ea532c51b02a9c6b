//! `convene deny`: rejects what an agent asks to do.

use clap::Args;
use convene_api::body::DecisionInput;

use super::approve;
use crate::{
    app::App,
    args::{Output, TEMPLATE},
    failure::Outcome,
};

const EXAMPLES: &str = "\
Examples:
  convene deny k3f9qz             the only open request
  convene deny k3f9qz --message \"use the staging branch\"";
const EXITS: &str = "\
Without --always: reject_once. The first answer wins.
Exit: 0 decided · 1 refused (already decided, gone) · 2 usage · 6 no server";

/// Reject what an agent asks to do
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES, after_help = EXITS)]
pub struct DenyArgs {
    /// Session: id, prefix, short id, title or @
    pub id: String,
    /// Needed only when several wait
    pub request: Option<String>,
    /// For the rest, as the agent offers it
    #[arg(long)]
    pub always: bool,
    /// One of the agent's own options
    #[arg(long, value_name = "ID", conflicts_with = "always")]
    pub option: Option<String>,
    /// Said to the agent, where it listens, and to people
    #[arg(long, value_name = "TEXT")]
    pub message: Option<String>,
    #[command(flatten)]
    pub output: Output,
}

/// Runs it.
pub async fn run(app: &App, args: DenyArgs) -> Outcome {
    let decision = if args.always { DecisionInput::RejectAlways } else { DecisionInput::RejectOnce };
    approve::decide(app, &args.id, args.request.as_deref(), decision, args.option, args.message).await
}

//! `convene agent`: our own agents, speaking ACP on standard input and output.

use std::{io::IsTerminal as _, path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};

use crate::{
    app::App,
    args::TEMPLATE,
    failure::{Failure, Outcome},
};

const EXAMPLES: &str = "\
Examples:
  convene agent builtin
  convene agent builtin --script demo.yaml";

/// Speak ACP on standard input and output as one of our own agents
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct AgentArgs {
    /// Which one
    #[command(subcommand)]
    pub which: Option<Which>,
}

/// Our agents.
#[derive(Debug, Subcommand)]
pub enum Which {
    /// The deterministic one: checks a project with its own tools, or plays a script
    Builtin {
        /// Play this script
        #[arg(long, value_name = "FILE")]
        script: Option<PathBuf>,
    },
}

/// Runs it.
pub fn run(app: &App, args: AgentArgs) -> Outcome {
    match args.which {
        None => super::not_built::refuse("agent", Some("`convene agent builtin` is the deterministic one")),
        Some(Which::Builtin { script }) => {
            if std::io::stdin().is_terminal() {
                app.out.note(
                    "this speaks ACP with a program; to see it work: convene run -a builtin \"check this project\"",
                );
            }
            end(convene_agent::builtin_main(script))
        }
    }
}

/// The agent has said what there was to say.
fn end(code: ExitCode) -> Outcome {
    if code == ExitCode::SUCCESS {
        return Ok(convene_api::exit::DONE);
    }
    // `ExitCode` does not show its number, so each one that is possible is compared.
    let number = (1..=u8::MAX).find(|n| ExitCode::from(*n) == code);
    Err(Failure::Said(number.unwrap_or(convene_api::exit::FAILED)))
}

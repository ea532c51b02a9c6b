//! Commands whose names are fixed and which are not built yet: refused by name, never ignored.

use std::ffi::OsString;

use clap::Args;
use convene_api::problem::{Code, Problem};

use crate::failure::Outcome;

/// Whatever was typed behind the name.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub struct NotBuilt {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    rest: Vec<OsString>,
}

impl NotBuilt {
    /// Whether programs read the refusal.
    pub fn is_json(&self) -> bool {
        self.rest.iter().any(|word| word == "--json")
    }
}

/// Refuses a command.
pub fn refuse(name: &str, instead: Option<&str>) -> Outcome {
    let mut problem = Problem::filled(Code::NotSupportedYet, [("what", format!("convene {name}").into())]);
    if let Some(instead) = instead {
        problem = problem.with("instead", instead).hint(instead);
    }
    Err(problem.into())
}

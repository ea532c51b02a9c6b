//! `convene completion`: what a shell needs to complete commands.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::{aot, env::Shells};
use convene_api::exit;

use crate::{
    app::App,
    args::TEMPLATE,
    complete,
    failure::{Failure, Outcome},
    help,
};

const EXAMPLES: &str = "\
Examples:
  source <(convene completion bash)
  convene completion zsh > ~/.zfunc/_convene
  convene completion fish > ~/.config/fish/completions/convene.fish";
const AFTER: &str = "\
The script calls this program back, so it never goes stale, and completes ids, agents, models and
requests from a local server that runs. It starts none, and is silent when there is none.
--static completes commands and flags alone.";

/// Complete commands in a shell
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES, after_help = AFTER)]
pub struct CompletionArgs {
    /// Which shell
    pub shell: Shell,
    /// A script that stands alone: commands and flags, no ids
    #[arg(long = "static")]
    pub fixed: bool,
}

/// A shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// Bourne again
    Bash,
    /// Z shell
    Zsh,
    /// Friendly interactive
    Fish,
    /// Elvish
    Elvish,
    /// PowerShell
    Powershell,
}

impl Shell {
    const fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Elvish => "elvish",
            Self::Powershell => "powershell",
        }
    }

    const fn fixed(self) -> aot::Shell {
        match self {
            Self::Bash => aot::Shell::Bash,
            Self::Zsh => aot::Shell::Zsh,
            Self::Fish => aot::Shell::Fish,
            Self::Elvish => aot::Shell::Elvish,
            Self::Powershell => aot::Shell::PowerShell,
        }
    }
}

/// Runs it; no server is asked.
pub fn run(app: &App, args: &CompletionArgs) -> Outcome {
    let mut script = Vec::new();
    if args.fixed {
        aot::generate(args.shell.fixed(), &mut help::command(), "convene", &mut script);
    } else if let Some(shell) = Shells::builtins().completer(args.shell.name()) {
        shell
            .write_registration(complete::VARIABLE, "convene", "convene", &program(), &mut script)
            .map_err(|error| crate::out::failure(&error))?;
    }
    let text = String::from_utf8(script).map_err(|error| {
        Failure::new(convene_api::problem::Code::Internal, format!("the script is no text: {error}"))
    })?;
    app.out.text(text.trim_start_matches('\n'))?;
    Ok(exit::DONE)
}

/// What the script calls: the name alone where the search path leads to this program, else its file.
fn program() -> String {
    let own = std::env::current_exe().ok();
    let on_path = std::env::var_os("PATH")
        .and_then(|path| std::env::split_paths(&path).map(|dir| dir.join("convene")).find(|file| file.is_file()));
    let same = |a: &PathBuf, b: &PathBuf| a.canonicalize().ok().is_some_and(|a| b.canonicalize().ok() == Some(a));
    match (own, on_path) {
        (Some(own), Some(found)) if same(&own, &found) => "convene".to_owned(),
        (Some(own), _) => own.display().to_string(),
        (None, _) => "convene".to_owned(),
    }
}

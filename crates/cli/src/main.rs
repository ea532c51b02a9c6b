//! `convene`, the only binary: every role is a subcommand, one file each under `commands`.

mod app;
mod args;
mod commands;
mod complete;
mod config;
mod connect;
mod dashboard;
mod exported;
mod failure;
mod help;
mod ids;
mod logging;
mod out;
mod render;
mod roles;
mod table;
mod terminal;
mod turn;
mod watch;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let first = args.by_ref().nth(1);
    // A runner forks, which only a process without further threads may do; so it goes before anything else.
    if first.is_some_and(|word| word == "runner") {
        return commands::runner::main(args.collect());
    }
    if complete::answered() {
        return ExitCode::SUCCESS;
    }
    ExitCode::from(app::main())
}

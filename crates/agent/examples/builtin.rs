//! Runs the builtin agent alone: `cargo run -p convene-agent --example builtin [SCRIPT]`.

use std::process::ExitCode;

fn main() -> ExitCode {
    convene_agent::builtin_main(std::env::args_os().nth(1).map(Into::into))
}

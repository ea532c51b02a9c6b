//! Runs the real runner under its keeper, with the scripted agent below it and a server of the test's own above.
//!
//! With `runner --run-dir D` this binary is keeper and runner; otherwise the tests.

#[path = "runner/cases.rs"]
mod cases;
#[path = "runner/context_cases.rs"]
mod context_cases;
#[path = "runner/end_cases.rs"]
mod end_cases;
#[path = "runner/fixture.rs"]
mod fixture;
#[path = "runner/link_cases.rs"]
mod link_cases;
#[path = "runner/server.rs"]
mod server;
#[path = "runner/start_cases.rs"]
mod start_cases;
#[path = "runner/tool_cases.rs"]
mod tool_cases;

use std::{path::Path, process::ExitCode};

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [_, "runner", "--run-dir", dir] => match convene_host::runner::runner_main(Path::new(dir)) {
            Ok(code) => code.into(),
            Err(error) => {
                eprintln!("runner: {error}: {:?}", std::error::Error::source(&error));
                ExitCode::FAILURE
            }
        },
        _ => {
            convene_host::death::become_subreaper().expect("this process may become a subreaper");
            libtest_mimic::run(&Arguments::from_args(), cases::all()).exit_code()
        }
    }
}

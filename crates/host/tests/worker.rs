//! Runs the real worker against a server of the test's own, with real keepers and a runner that only spools.
//!
//! With `runner --run-dir D` this binary is keeper and runner; otherwise the tests.

#[path = "worker/cases.rs"]
mod cases;
#[path = "worker/fixture.rs"]
mod fixture;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [_, "runner", "--run-dir", dir] => fixture::runner_main(dir),
        _ => libtest_mimic::run(&Arguments::from_args(), cases::trials()).exit_code(),
    }
}

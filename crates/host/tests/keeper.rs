//! Kills keeper, runner and agent in every combination, for real, and looks for what is left.
//!
//! This binary is all of the processes: with `runner --run-dir D` it is keeper and runner, with `agent` an agent whose
//! children do everything to get away, with `worker` a worker that another one takes over from; otherwise the tests.

#[path = "keeper/agent.rs"]
mod agent;
#[path = "keeper/cases.rs"]
mod cases;
#[path = "keeper/cgroup_cases.rs"]
mod cgroup_cases;
#[path = "keeper/doors.rs"]
mod doors;
#[path = "keeper/fixture.rs"]
mod fixture;
#[path = "keeper/runner.rs"]
mod runner;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [_, "runner", "--run-dir", dir] => runner::main(dir),
        [_, "agent", diary] => agent::main(diary),
        [_, "agent", kind, diary] => agent::child(kind, diary),
        [_, "worker", dir, diary] => fixture::worker_main(dir, diary),
        [_, "inner-attempt"] => doors::inner_attempt_main(),
        [_, "spare-one"] => doors::spare_one_main(),
        _ => {
            convene_host::death::become_subreaper().expect("this process may become a subreaper");
            let mut trials: Vec<Trial> = cases::trials();
            trials.extend(doors::trials());
            trials.extend(cgroup_cases::trials());
            libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
        }
    }
}

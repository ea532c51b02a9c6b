//! Checks and generates what the compiler does not: `cargo xtask <command>`.

mod bench;
mod check;
mod fuzz;
mod generate;
mod mutants;
mod step;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;

use workspace::Workspace;

const USAGE: &str = "\
Usage: cargo xtask <COMMAND>

  check [STEP...]  everything that must pass before a change is merged, or only these steps:
                   fmt tidy clippy build test doctest doc gen web
  tidy             rooms and arrows, file sizes, words that have no place in the source
  bench NAME...    measure the product against floor programs, built for release; without a name: which there are
  fuzz [OPTION...] kill processes of every role under load, and compare what clients saw with the log; --help: how
  mutants [NAME...] break the product in a copy, line by line, and see whether the simulator tells
  gen [--check]    write the generated files, or tell which of them are stale

Exit: 0 passed · 1 something did not · 2 usage";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(Outcome::Passed) => ExitCode::SUCCESS,
        Ok(Outcome::Failed) => ExitCode::FAILURE,
        Ok(Outcome::Misused) => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

enum Outcome {
    Passed,
    Failed,
    Misused,
}

impl From<bool> for Outcome {
    fn from(passed: bool) -> Self {
        if passed { Outcome::Passed } else { Outcome::Failed }
    }
}

fn run(words: &[&str]) -> Result<Outcome> {
    let workspace = Workspace::load()?;
    Ok(match words {
        ["check", steps @ ..] => match check::Step::parse_all(steps) {
            Some(steps) => check::run(&workspace, &steps)?.into(),
            None => Outcome::Misused,
        },
        ["tidy"] => tidy::run(&workspace)?.into(),
        ["bench", arguments @ ..] => bench::run(&workspace, arguments)?.into(),
        ["fuzz", arguments @ ..] => fuzz::run(&workspace, arguments)?.into(),
        ["mutants", names @ ..] => mutants::run(&workspace, names)?.map_or(Outcome::Misused, Outcome::from),
        ["gen"] => {
            generate::write(&workspace)?;
            Outcome::Passed
        }
        ["gen", "--check"] => generate::check(&workspace)?.into(),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Outcome::Passed
        }
        _ => Outcome::Misused,
    })
}

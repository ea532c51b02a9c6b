//! Runs one step after another, each with its duration, and sums up.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// What was run so far.
#[derive(Default)]
pub struct Steps {
    done: Vec<(&'static str, bool, Duration)>,
}

impl Steps {
    /// Runs a step to its end; later steps run whether it passed or not.
    pub fn run(&mut self, name: &'static str, step: impl FnOnce() -> Result<bool>) {
        eprintln!("\n==> {name}");
        let start = Instant::now();
        let passed = step().unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            false
        });
        let took = start.elapsed();
        eprintln!("<== {name}: {} in {}", word(passed), seconds(took));
        self.done.push((name, passed, took));
    }

    /// Prints all steps and tells whether every one passed.
    pub fn sum_up(&self) -> bool {
        eprintln!();
        for (name, passed, took) in &self.done {
            eprintln!("{:<8} {:>9}  {}", name, seconds(*took), word(*passed));
        }
        let total = self.done.iter().map(|(_, _, took)| *took).sum();
        let passed = self.done.iter().all(|(_, passed, _)| *passed);
        eprintln!("{:<8} {:>9}  {}", "all", seconds(total), word(passed));
        passed
    }
}

/// Runs a command with our own streams and tells whether it succeeded.
pub fn succeeds(command: &mut Command) -> Result<bool> {
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
    let line = words.join(" ");
    eprintln!("    cargo {line}");
    let status = command.status().with_context(|| format!("cargo {line}"))?;
    Ok(status.success())
}

fn word(passed: bool) -> &'static str {
    if passed { "ok" } else { "FAILED" }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

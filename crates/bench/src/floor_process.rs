//! A floor program that runs: it is asked by lines and answers by lines.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::Plan;

/// Ends with this.
pub struct Floor {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Floor {
    /// Starts one.
    pub fn start(plan: &Plan, args: &[&str]) -> Result<Self> {
        let mut command = Command::new(plan.program("convene-floor"));
        let mut child = command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("the floor")?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().context("no stdout")?);
        Ok(Self { child, stdin, stdout: BufReader::new(stdout) })
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Tells it to begin.
    pub fn say(&mut self, line: &str) -> Result<()> {
        let stdin = self.stdin.as_mut().context("the floor is at its end")?;
        Ok(writeln!(stdin, "{line}")?)
    }

    /// Waits for its next line, which must begin with this word, and returns the rest.
    pub fn hear(&mut self, word: &str) -> Result<String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        match line.strip_prefix(word) {
            Some(rest) => Ok(rest.trim().to_owned()),
            None => bail!("the floor said {line:?} and not {word}"),
        }
    }

    /// Waits for its port.
    pub fn port(&mut self) -> Result<u16> {
        Ok(self.hear("port")?.parse()?)
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        self.stdin = None;
        if std::thread::panicking() {
            // It may wait for a viewer that never comes.
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

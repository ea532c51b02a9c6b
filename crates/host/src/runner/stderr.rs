//! What an agent writes to stderr: the last of it, in memory and in a file of the run directory, without secrets.
//!
//! A line is looked at for secrets as a whole, however it comes. Where that cannot be, because a line has no end or the
//! agent has not come to it, what may be the beginning of a secret is held back.

use std::{
    collections::VecDeque,
    fs::File,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use tokio::time::Instant;

use crate::redact::Redactor;

/// How much of it is kept, in bytes, and how long a line may be.
const KEPT: usize = 64 << 10;

/// The last lines of stderr.
#[derive(Debug)]
pub(super) struct StderrLog {
    path: PathBuf,
    file: Option<File>,
    written: usize,
    lines: VecDeque<Line>,
    size: usize,
    /// The line that is being read.
    partial: Vec<u8>,
    /// When something came last.
    last: Option<Instant>,
}

#[derive(Debug)]
struct Line {
    at: Instant,
    text: String,
}

impl StderrLog {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            file: None,
            written: 0,
            lines: VecDeque::new(),
            size: 0,
            partial: Vec::new(),
            last: None,
        }
    }

    /// Takes in what came at this time.
    pub(super) fn take(&mut self, bytes: &[u8], at: Instant, redactor: &Redactor) {
        self.last = Some(at);
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.end(at, redactor);
            } else if self.partial.len() > KEPT {
                let text = String::from_utf8_lossy(&std::mem::take(&mut self.partial)).into_owned();
                let (ready, suspect) = redactor.divide(&text);
                self.partial = suspect.into_bytes();
                self.push(at, ready);
            }
        }
    }

    /// Takes the line that is being read as complete.
    pub(super) fn end(&mut self, at: Instant, redactor: &Redactor) {
        if !self.partial.is_empty() {
            let line = String::from_utf8_lossy(&std::mem::take(&mut self.partial)).into_owned();
            self.push(at, redactor.scrub(&line).into_owned());
        }
    }

    /// The last bytes, without secrets: whole lines, if there is more than one.
    pub(super) fn tail(&self, redactor: &Redactor, max: usize) -> String {
        let text = self.text(|_| true, redactor);
        let from = text.ceil_char_boundary(text.len().saturating_sub(max));
        let (before, tail) = text.split_at(from);
        match tail.find('\n') {
            Some(end) if !before.is_empty() && !before.ends_with('\n') => tail[end + 1..].to_owned(),
            Some(_) | None => tail.to_owned(),
        }
    }

    /// What came from some time on, without secrets.
    pub(super) fn since(&self, since: Instant, redactor: &Redactor) -> String {
        self.text(|at| at >= since, redactor)
    }

    /// What came at these times. It is looked at once more, since what was cut may have come together again; a piece of a
    /// secret at the end goes, too.
    fn text(&self, is_of: impl Fn(Instant) -> bool, redactor: &Redactor) -> String {
        let lines = self.lines.iter().filter(|line| is_of(line.at)).map(|line| line.text.as_str());
        let mut text: String = lines.collect();
        if self.last.is_some_and(&is_of) {
            text.push_str(&String::from_utf8_lossy(&self.partial));
        }
        redactor.finish(text.trim_end())
    }

    fn push(&mut self, at: Instant, text: String) {
        self.size += text.len();
        self.lines.push_back(Line { at, text });
        while self.size > KEPT && self.lines.len() > 1 {
            self.size -= self.lines.pop_front().map_or(0, |line| line.text.len());
        }
        self.write();
    }

    /// The file is written anew when it is twice as large as what is kept. Without it the runner does as well.
    fn write(&mut self) {
        let written = if self.file.is_none() || self.written > 2 * KEPT {
            let mut options = std::fs::OpenOptions::new();
            options.create(true).write(true).truncate(true).mode(0o600).open(&self.path).and_then(|mut file| {
                self.written = 0;
                for line in &self.lines {
                    file.write_all(line.text.as_bytes())?;
                    self.written += line.text.len();
                }
                self.file = Some(file);
                Ok(())
            })
        } else {
            match (&mut self.file, self.lines.back()) {
                (Some(file), Some(line)) => {
                    self.written += line.text.len();
                    file.write_all(line.text.as_bytes())
                }
                (None, _) | (_, None) => Ok(()),
            }
        };
        if let Err(error) = written {
            tracing::debug!(%error, "cannot keep the agent's stderr");
        }
    }
}

#[cfg(test)]
#[path = "stderr_tests.rs"]
mod tests;

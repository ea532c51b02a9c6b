//! The one writer to standard output, and notes on standard error.

use std::{
    io::{self, IsTerminal as _, Write as _},
    os::fd::AsFd,
    sync::Arc,
};

use convene_api::problem::{Code, Problem};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};
use serde::Serialize;

use crate::failure::Failure;

/// Standard output and standard error, each judged apart.
#[derive(Debug, Clone)]
pub struct Out {
    inner: Arc<Settings>,
}

/// What the two streams can take.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// Standard output is a terminal.
    pub terminal: bool,
    /// Standard error is a terminal.
    pub stderr_terminal: bool,
    /// Standard output takes colors.
    pub color: bool,
    /// Standard error takes colors.
    pub stderr_color: bool,
    /// Words instead of signs, no live row.
    pub plain: bool,
    /// A row that is drawn again and again may be shown.
    pub live: bool,
}

impl Out {
    /// Writers with these settings.
    pub fn new(settings: Settings) -> Self {
        Self { inner: Arc::new(settings) }
    }

    /// The settings.
    pub fn settings(&self) -> Settings {
        *self.inner
    }

    /// Writes a text to standard output and flushes it.
    ///
    /// # Errors
    /// If the reader went away, or the disk behind it is full.
    pub fn text(&self, text: &str) -> Result<(), Failure> {
        write_whole(io::stdout(), text.as_bytes()).map_err(|e| failure(&e))
    }

    /// Writes bytes to standard output, as they are.
    ///
    /// # Errors
    /// Those of the system.
    pub fn bytes(&self, bytes: &[u8]) -> io::Result<()> {
        write_whole(io::stdout(), bytes)
    }

    /// Writes a line to standard output.
    ///
    /// # Errors
    /// As [`Out::text`].
    pub fn line(&self, line: &str) -> Result<(), Failure> {
        self.text(&format!("{line}\n"))
    }

    /// Writes an object as one line of JSON.
    ///
    /// # Errors
    /// As [`Out::text`].
    pub fn json(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value)
            .map_err(|e| Failure::new(Code::Internal, format!("cannot write the answer as JSON: {e}")))?;
        self.line(&text)
    }

    /// Writes a line to standard error.
    pub fn note(&self, line: &str) {
        // Nobody is left to tell when stderr is closed.
        let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
    }

    /// Writes a warning to standard error; it never changes the exit code.
    pub fn warn(&self, code: &str, detail: &str) {
        let (yellow, off) = if self.inner.stderr_color { ("\x1b[33m", "\x1b[0m") } else { ("", "") };
        self.note(&format!("{yellow}warning[{code}]{off}: {detail}"));
    }
}

/// Writes in one call where the system takes it in one: the library's own buffer would cut a frame at its last line.
fn write_whole(stream: impl AsFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(&stream, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => bytes = &bytes[n..],
            Err(Errno::INTR) => {}
            // Somebody else made the shared stream non-blocking.
            Err(Errno::AGAIN) => {
                let mut ready = [PollFd::new(&stream, PollFlags::OUT)];
                poll(&mut ready, None)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// What the streams of this process are.
pub fn probe() -> (bool, bool) {
    (io::stdout().is_terminal(), io::stderr().is_terminal())
}

/// A failed write as a failure.
pub fn failure(error: &io::Error) -> Failure {
    // EIO is what a terminal says that is gone.
    if error.kind() == io::ErrorKind::BrokenPipe || error.raw_os_error() == Some(Errno::IO.raw_os_error()) {
        return Failure::ReaderGone;
    }
    let mut problem = Problem::new(Code::StorageFailed, format!("cannot write to standard output: {error}"));
    problem.hint = None;
    problem.into()
}

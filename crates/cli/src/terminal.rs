//! The person's terminal: its width, its keys, and giving it back as it was.
//!
//! The terminal is never put into raw mode: signals and output processing stay on, so that even `kill -9` leaves a
//! shell that works. Keys come from an own opening of the controlling terminal, because making standard input
//! non-blocking would do so for the shell as well.

use std::{
    fs::{File, OpenOptions},
    io::{self, IsTerminal as _, Read as _},
    os::unix::fs::OpenOptionsExt as _,
};

use rustix::{
    fs::OFlags,
    process::getpgrp,
    termios::{
        LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr, tcgetpgrp,
        tcgetwinsize, tcsetattr,
    },
};
use tokio::io::unix::AsyncFd;

/// The width of a terminal that does not tell it.
const WIDTH: usize = 80;

/// The width of the terminal behind standard output, or standard error.
pub fn width() -> usize {
    let columns = tcgetwinsize(io::stdout()).or_else(|_| tcgetwinsize(io::stderr())).map(|size| size.ws_col);
    columns.ok().filter(|c| *c > 0).map_or(WIDTH, usize::from)
}

/// The keys of the controlling terminal.
pub struct Keys {
    tty: AsyncFd<File>,
    saved: Termios,
    /// Whether keys come one by one and unseen.
    single: bool,
}

impl Keys {
    /// Opens the controlling terminal; none if there is none, or another job has it.
    ///
    /// With `single`, keys come one by one and are not echoed; else the terminal edits whole lines by itself.
    pub fn open(single: bool) -> Option<Self> {
        let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY).bits()).ok()?;
        let tty = OpenOptions::new().read(true).write(true).custom_flags(flags).open("/dev/tty").ok()?;
        if !tty.is_terminal() || !has_foreground(&tty) {
            return None;
        }
        let saved = tcgetattr(&tty).ok()?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe for what a `File` guarantees: it closes only when dropped"
        )]
        let tty = AsyncFd::new(tty).ok()?;
        let keys = Self { tty, saved, single };
        keys.apply();
        Some(keys)
    }

    fn apply(&self) {
        if self.single && has_foreground(self.tty.get_ref()) {
            let mut modes = self.saved.clone();
            modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            modes.special_codes[SpecialCodeIndex::VMIN] = 1;
            modes.special_codes[SpecialCodeIndex::VTIME] = 0;
            // A terminal that refuses keeps its modes: keys then come as lines.
            let _ = tcsetattr(self.tty.get_ref(), OptionalActions::Now, &modes);
        }
    }

    /// Whether keys come one by one and unseen.
    pub fn single(&self) -> bool {
        self.single
    }

    /// What was typed; nothing once the terminal is gone.
    ///
    /// # Errors
    /// If the terminal is lost.
    pub async fn read(&self) -> io::Result<Vec<u8>> {
        let mut buffer = [0; 256];
        loop {
            let mut ready = self.tty.readable().await?;
            match ready.try_io(|tty| tty.get_ref().read(&mut buffer)) {
                Ok(Ok(n)) => return Ok(buffer[..n].to_vec()),
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Err(error),
                Err(_would_block) => {}
            }
        }
    }

    /// Throws away what was typed and not read.
    pub fn forget_typed(&self) {
        // A terminal that is gone has nothing typed.
        let _ = tcflush(self.tty.get_ref(), QueueSelector::IFlush);
    }

    /// Gives the terminal back as it was, for as long as somebody else has it.
    pub fn give_back(&self) {
        if has_foreground(self.tty.get_ref()) {
            // A terminal that is gone needs no modes.
            let _ = tcsetattr(self.tty.get_ref(), OptionalActions::Now, &self.saved);
        }
    }

    /// Takes the terminal again.
    pub fn take_again(&self) {
        self.apply();
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Whether this job has the terminal; a job in the background draws no live row into what its person types.
pub fn in_foreground() -> bool {
    File::open("/dev/tty").is_ok_and(|tty| has_foreground(&tty))
}

/// Whether this job may read the terminal.
fn has_foreground(tty: &File) -> bool {
    tcgetpgrp(tty).is_ok_and(|group| group == getpgrp())
}

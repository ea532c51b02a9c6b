//! Signals of the terminal and of whoever supervises the command.

use std::io;

use rustix::process::{Signal as Sig, getpid, kill_process};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// What was signaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// The terminal is gone.
    HangUp,
    /// Ctrl-Z.
    Suspend,
    /// The terminal has another size.
    Resize,
}

/// The signals that a watch answers.
pub struct Signals {
    interrupt: Stream,
    terminate: Stream,
    hang_up: Stream,
    suspend: Stream,
    resize: Stream,
}

impl Signals {
    /// Takes the signals over.
    pub fn install() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            suspend: signal(SignalKind::from_raw(Sig::TSTP.as_raw()))?,
            resize: signal(SignalKind::window_change())?,
        })
    }

    /// The next signal.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            Some(()) = self.interrupt.recv() => Signal::Interrupt,
            Some(()) = self.terminate.recv() => Signal::Terminate,
            Some(()) = self.hang_up.recv() => Signal::HangUp,
            Some(()) = self.suspend.recv() => Signal::Suspend,
            Some(()) = self.resize.recv() => Signal::Resize,
            else => std::future::pending().await,
        }
    }
}

/// Stops this process until the shell lets it go on.
pub fn stop_self() {
    // One may always signal oneself.
    let _ = kill_process(getpid(), Sig::STOP);
}

//! Is the children of `DAEMON`: they leave their parent by every door, and neither SIGTERM nor an end of input ends them.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// A child that a failed test has left behind ends by itself after this.
const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// By which door a child leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Stays in the agent's process group.
    Plain,
    /// A session of its own.
    Setsid,
    /// Forks once more and exits, so that its child is an orphan in a session of its own.
    Fork,
    /// A session of its own and an empty environment.
    Bare,
}

const KINDS: [(Kind, &str); 4] =
    [(Kind::Plain, "plain"), (Kind::Setsid, "setsid"), (Kind::Fork, "fork"), (Kind::Bare, "bare")];

impl Kind {
    pub fn parse(name: &str) -> Result<Self, String> {
        KINDS
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(kind, _)| *kind)
            .ok_or_else(|| format!("unknown child {name}"))
    }

    fn name(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("plain", |(_, name)| name)
    }
}

/// Starts one child of each kind and returns their process ids once they are where they will stay.
///
/// With `hold`, they keep the agent's stdout open, so that its reader sees no end when the agent dies.
pub fn start_all(marker: &str, hold: bool) -> std::io::Result<Vec<u32>> {
    KINDS.iter().map(|(kind, _)| start(*kind, marker, hold)).collect()
}

fn start(kind: Kind, marker: &str, hold: bool) -> std::io::Result<u32> {
    let stderr = if hold { Stdio::from(std::io::stdout().as_fd().try_clone_to_owned()?) } else { Stdio::null() };
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["--child", kind.name(), "--marker", marker])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr);
    if kind == Kind::Bare {
        command.env_clear();
    }
    let mut child = command.spawn()?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    if kind == Kind::Fork {
        child.wait()?;
    }
    line.trim().parse().map_err(std::io::Error::other)
}

/// Lives as a child: says where it is, then sleeps.
pub fn live(kind: Kind, marker: &str) -> ExitCode {
    ignore_signals();
    if kind == Kind::Fork {
        let grandchild = std::env::current_exe().and_then(|exe| {
            // It inherits the pipe and says its own process id there.
            Command::new(exe).args(["--child", "setsid", "--marker", marker]).spawn()
        });
        return if grandchild.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    if kind != Kind::Plain && rustix::process::setsid().is_err() {
        return ExitCode::FAILURE;
    }
    // The agent may be dead already, and that changes nothing.
    let _ = writeln!(std::io::stdout(), "{}", std::process::id());
    wait_for(LIFETIME);
    ExitCode::SUCCESS
}

/// Makes the process deaf to the polite signals.
#[expect(unsafe_code, reason = "the standard library has no safe way to ignore a signal")]
pub fn ignore_signals() {
    for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGINT] {
        // SAFETY: SIG_IGN installs no handler, so no code of ours runs in signal context.
        unsafe {
            libc::signal(signal, libc::SIG_IGN);
        }
    }
}

/// Lets time pass; misbehaving in time is what this agent is for.
pub fn wait_for(time: Duration) {
    let end = Instant::now() + time;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}

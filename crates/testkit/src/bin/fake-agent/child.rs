//! Is the children of `DAEMON`: they leave their parent by every door, and neither SIGTERM nor an end of input ends them.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, ExitCode, Stdio};
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
    /// Leaves by `nohup … &` of a shell that ends at once: an orphan with no environment and every descriptor closed.
    Nohup,
    /// What `Nohup` leaves.
    Closed,
    /// A session of its own, and ends on SIGTERM as it should.
    Tame,
}

const KINDS: [(Kind, &str); 7] = [
    (Kind::Plain, "plain"),
    (Kind::Setsid, "setsid"),
    (Kind::Fork, "fork"),
    (Kind::Bare, "bare"),
    (Kind::Nohup, "nohup"),
    (Kind::Closed, "closed"),
    (Kind::Tame, "tame"),
];

/// Those of `DAEMON`.
const DAEMONS: [Kind; 4] = [Kind::Plain, Kind::Setsid, Kind::Fork, Kind::Bare];

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
    // By which a test knows whose child it is that has no environment any more.
    let variable = |name| std::env::var(name).unwrap_or_default();
    let marker = &format!("{marker}:{}:{}", variable("CONVENE_SESSION_ID"), variable("CONVENE_ATTEMPT"));
    DAEMONS.iter().map(|kind| Ok(start(*kind, marker, hold)?.0)).collect()
}

/// Starts one child, and returns its process id once it is where it will stay, and the child itself if it is one.
pub fn start(kind: Kind, marker: &str, hold: bool) -> std::io::Result<(u32, Option<Child>)> {
    let stderr = if hold { Stdio::from(std::io::stdout().as_fd().try_clone_to_owned()?) } else { Stdio::null() };
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["--child", kind.name(), "--marker", marker])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr);
    if matches!(kind, Kind::Bare | Kind::Nohup) {
        command.env_clear();
    }
    let mut child = command.spawn()?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    let orphaned = matches!(kind, Kind::Fork | Kind::Nohup);
    if orphaned {
        child.wait()?;
    }
    let pid = line.trim().parse().map_err(std::io::Error::other)?;
    Ok((pid, (!orphaned).then_some(child)))
}

/// Starts processes that start processes, `depth` generations, and returns the first one's process id.
pub fn bomb(depth: &str, marker: &str) -> std::io::Result<u32> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--bomb", depth, "--marker", marker]).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.spawn()?.id())
}

/// Lives as a process of a fork bomb. One that may not start another tries again, as bombs do.
pub fn explode(depth: u8, marker: &str) -> ExitCode {
    ignore_signals();
    for _ in 0..2 {
        while depth > 0 && bomb(&(depth - 1).to_string(), marker).is_err() {
            wait_for(Duration::from_millis(10));
        }
    }
    wait_for(LIFETIME);
    ExitCode::SUCCESS
}

/// Lives as a child: says where it is, then sleeps.
pub fn live(kind: Kind, marker: &str) -> ExitCode {
    if kind != Kind::Tame {
        ignore_signals();
    }
    if kind == Kind::Nohup {
        return leave_as_nohup(marker);
    }
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

/// Has a shell start the daemon and end; the daemon's descriptors are closed before it begins.
fn leave_as_nohup(marker: &str) -> ExitCode {
    const SCRIPT: &str = r#"nohup "$0" --child closed --marker "$1" <&- >&- 2>&- & echo $!"#;
    let Ok(exe) = std::env::current_exe() else { return ExitCode::FAILURE };
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", SCRIPT]).arg(exe).arg(marker).current_dir("/");
    match shell.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) | Err(_) => ExitCode::FAILURE,
    }
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

//! A process of the binary under test: its first words are waited for, its output is kept for a test that fails.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, ExitStatus, Stdio},
    sync::mpsc::{Receiver, TryRecvError, channel},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use super::{Cluster, Home, LOOK, wait_until};

/// A process that was started and is not collected yet.
pub struct Running {
    name: String,
    child: Child,
    lines: Receiver<String>,
    stderr: std::path::PathBuf,
}

impl Running {
    pub(super) fn spawn(home: &Home, binary: &Path, name: &str, args: &[&str], env: &[(&str, &str)]) -> Result<Self> {
        let stderr = home.log_file(name);
        let log = File::options().create(true).append(true).open(&stderr)?;
        let mut command = home.command(binary, args);
        command.envs(env.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().with_context(|| format!("cannot start {}", binary.display()))?;
        // Unbounded: a test's process says a handful of lines.
        let (sender, lines) = channel();
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self { name: name.to_owned(), child, lines, stderr })
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// What it wrote to stderr so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.stderr).unwrap_or_default()).into_owned()
    }

    /// Waits for a line on stdout that has this in it.
    pub async fn wait_for_line(&mut self, words: &str, patience: Duration) -> Result<String> {
        let deadline = Instant::now() + patience;
        loop {
            match self.lines.try_recv() {
                Ok(line) if line.contains(words) => return Ok(line),
                Ok(_) => {}
                Err(TryRecvError::Disconnected) => {
                    let status = self.child.wait()?;
                    bail!("{} ended with {status} before it said {words:?}: {}", self.name, self.stderr());
                }
                Err(TryRecvError::Empty) if Instant::now() > deadline => {
                    bail!("{} did not say {words:?} in {patience:?}: {}", self.name, self.stderr());
                }
                Err(TryRecvError::Empty) => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// Asks it to end.
    pub fn terminate(&self) -> Result<()> {
        let pid = Pid::from_raw(self.pid()).context("a process id of zero")?;
        Ok(kill_process(pid, Signal::TERM)?)
    }

    /// Waits until it has ended.
    pub async fn wait(mut self, patience: Duration) -> Result<ExitStatus> {
        let mut status = None;
        let ended = wait_until("it has ended", patience, async || {
            status = self.child.try_wait()?;
            Ok(status.is_some())
        })
        .await;
        match (ended, status) {
            (Ok(()), Some(status)) => Ok(status),
            (ended, _) => {
                let name = self.name.clone();
                drop(self.kill());
                ended.with_context(|| format!("{name} goes on"))?;
                bail!("{name} has no status")
            }
        }
    }

    /// Collects a process that was killed.
    pub(super) fn reap(mut self) -> Result<ExitStatus> {
        Ok(self.child.wait()?)
    }

    pub(super) fn kill(mut self) -> Result<ExitStatus> {
        self.child.kill()?;
        self.reap()
    }
}

impl Cluster {
    /// How the server ended, if it did by itself; another one may be started then.
    pub fn server_ended(&mut self) -> Result<Option<ExitStatus>> {
        let ended = self.server.as_mut().map(|server| server.child.try_wait()).transpose()?.flatten();
        if ended.is_some() {
            self.server = None;
        }
        Ok(ended)
    }
}

/// A port for a server that will be restarted on it: below those that the system gives out by itself, so that nobody
/// takes it while the server is down.
pub(super) fn free_port() -> Result<u16> {
    let start = u16::try_from(uuid::Uuid::now_v7().as_u128() % 20_000)?;
    (0..20_000u16)
        .map(|n| 10_000 + (start + n) % 20_000)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .context("no free port")
}

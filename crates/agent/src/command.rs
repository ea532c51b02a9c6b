//! Runs one command line in a process group of its own, so that nothing of it outlives its turn.

use std::fmt;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio_util::sync::CancellationToken;

use crate::output::Output;

/// How long a cancelled command may take to leave by itself.
const TERM_GRACE: Duration = Duration::from_millis(500);
/// How long output is still read after the command has ended, for what a child that left its group may hold open.
const DRAIN_GRACE: Duration = Duration::from_millis(500);
/// How often a running command's output is shown at most.
const SHOW_EVERY: Duration = Duration::from_secs(1);

/// A command line and where it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommandLine {
    pub(crate) program: String,
    pub(crate) args: Vec<String>,
    pub(crate) dir: PathBuf,
    pub(crate) env: Vec<(String, String)>,
    /// The variable that names a directory made for this run and thrown away after it.
    pub(crate) scratch: Option<&'static str>,
}

impl CommandLine {
    pub(crate) fn new(dir: &Path, program: &str, args: &[&str]) -> Self {
        Self {
            program: program.to_owned(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            dir: dir.to_owned(),
            env: Vec::new(),
            scratch: None,
        }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn scratch(mut self, name: &'static str) -> Self {
        self.scratch = Some(name);
        self
    }

    /// Returns the program's path, or `None` if it is not installed.
    pub(crate) fn resolve(&self) -> Option<PathBuf> {
        find_program(&self.program, &self.dir)
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quote(&self.program))?;
        for arg in &self.args {
            write!(f, " {}", quote(arg))?;
        }
        Ok(())
    }
}

fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Finds a program the way a shell in `dir` would.
pub(crate) fn find_program(program: &str, dir: &Path) -> Option<PathBuf> {
    if program.contains('/') {
        let path = dir.join(program);
        return is_executable(&path).then_some(path);
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|entry| dir.join(entry).join(program)).find(|candidate| is_executable(candidate))
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// How a command ended.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) exit_code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) output: String,
    pub(crate) truncated: bool,
    pub(crate) elapsed: Duration,
}

impl Outcome {
    pub(crate) fn success(&self) -> bool {
        self.exit_code == Some(0)
    }
}

/// Why a command has no outcome.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error("{program} is not installed")]
    NotInstalled { program: String },
    #[error("cannot run {program}")]
    Io {
        program: String,
        #[source]
        source: std::io::Error,
    },
    #[error("cancelled")]
    Cancelled,
}

/// Runs a command to its end, or until it is cancelled; `show` is given the latest output about once a second.
///
/// Dropping the future kills the whole process group.
pub(crate) async fn run(
    command: &CommandLine,
    cancel: &CancellationToken,
    mut show: impl FnMut(String),
) -> Result<Outcome, RunError> {
    let failed = |source| RunError::Io { program: command.program.clone(), source };
    let program = command.resolve().ok_or_else(|| RunError::NotInstalled { program: command.program.clone() })?;
    let started = Instant::now();
    let scratch = match command.scratch {
        Some(name) => Some((name, tempfile::tempdir().map_err(failed)?)),
        None => None,
    };
    let scratch_env = scratch.as_ref().map(|(name, dir)| (*name, dir.path()));
    let (child, reader) = spawn(command, &program, scratch_env).map_err(failed)?;
    let mut group = Group { child: Some(child) };
    let mut reader = pipe::Receiver::from_owned_fd(reader).map_err(failed)?;
    let pid = group.pid();
    // Waits without reaping: the process id stays ours until the group is killed.
    let mut ended = tokio::task::spawn_blocking(move || wait_without_reaping(pid));

    let mut output = Output::default();
    let mut buffer = vec![0; 16 * 1024];
    let mut open = true;
    let mut shown = Instant::now();
    let mut fresh = false;
    loop {
        tokio::select! {
            _ = &mut ended => break,
            () = cancel.cancelled() => {
                group.signal(Signal::TERM);
                if tokio::time::timeout(TERM_GRACE, &mut ended).await.is_err() {
                    group.signal(Signal::KILL);
                }
                return Err(RunError::Cancelled);
            }
            read = reader.read(&mut buffer), if open => match read {
                Ok(0) | Err(_) => open = false,
                Ok(n) => {
                    output.push(&buffer[..n]);
                    fresh = true;
                }
            },
            () = tokio::time::sleep_until((shown + SHOW_EVERY).into()), if fresh => {
                show(output.latest());
                shown = Instant::now();
                fresh = false;
            }
        }
    }
    let status = group.finish().map_err(failed)?;
    let drain = async {
        while let Ok(n) = reader.read(&mut buffer).await {
            if n == 0 {
                break;
            }
            output.push(&buffer[..n]);
        }
    };
    // Something that left the group may hold the pipe open for ever: what it writes is not waited for.
    let _ = tokio::time::timeout(DRAIN_GRACE, drain).await;
    Ok(Outcome {
        exit_code: status.code(),
        signal: status.signal(),
        truncated: output.truncated(),
        output: output.text(),
        elapsed: started.elapsed(),
    })
}

fn spawn(command: &CommandLine, program: &Path, scratch: Option<(&str, &Path)>) -> std::io::Result<(Child, OwnedFd)> {
    let (reader, writer) = std::io::pipe()?;
    let child = Command::new(program)
        .args(&command.args)
        .current_dir(&command.dir)
        // Nobody is there to see colours or to answer a watch mode.
        .env("NO_COLOR", "1")
        .env("CARGO_TERM_COLOR", "never")
        .env("CARGO_TERM_PROGRESS_WHEN", "never")
        .env("CI", "1")
        .envs(command.env.iter().map(|(name, value)| (name, value)))
        .envs(scratch)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0)
        .spawn()?;
    Ok((child, reader.into()))
}

fn wait_without_reaping(pid: Pid) {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while let Err(rustix::io::Errno::INTR) = rustix::process::waitid(WaitId::Pid(pid), options) {}
}

/// A child with its process group; kills what is left of the group when dropped.
struct Group {
    child: Option<Child>,
}

impl Group {
    fn pid(&self) -> Pid {
        self.child.as_ref().map_or(Pid::INIT, Pid::from_child)
    }

    fn signal(&self, signal: Signal) {
        if let Some(child) = &self.child {
            // Fails only when nobody is left, which is what is wanted.
            let _ = rustix::process::kill_process_group(Pid::from_child(child), signal);
        }
    }

    /// Kills what the child has left behind in its group, then collects its exit status.
    fn finish(&mut self) -> std::io::Result<std::process::ExitStatus> {
        self.signal(Signal::KILL);
        match self.child.take() {
            Some(mut child) => child.wait(),
            None => Err(std::io::ErrorKind::NotFound.into()),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.child.is_some() {
            let _ = self.finish();
        }
    }
}

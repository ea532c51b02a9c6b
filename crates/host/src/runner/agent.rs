//! The agent's process: how it is started, what it says on stderr, how it is told to end.

use std::{collections::BTreeMap, ffi::OsString, io, os::unix::process::CommandExt as _, path::Path, process::Command};

use convene_core::failure::StopStep;
use rustix::process::{Pid, Signal};
use tokio::{net::unix::pipe, time::Instant};

use super::stderr::StderrLog;
use crate::{acp::frame::Lines, process::Exit, redact::Redactor};

/// How much of it goes into an event.
const STDERR_TOLD: usize = 4 << 10;

/// So much is read of an agent that has ended, whether there is room for it or not: more is not in a pipe, unless processes
/// that it left behind go on writing.
const LEFT_BEHIND: usize = 1 << 20;

/// A running agent, or what is left of one.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) pid: i32,
    pub(super) lines: Lines,
    pub(super) stderr: Option<pipe::Receiver>,
    log: StderrLog,
    pub(super) exit: Option<Exit>,
    /// The rung of the ladder on which it ended.
    pub(super) step: Option<StopStep>,
    /// How many bytes were read since it ended.
    heard_since: usize,
}

/// The three ends of an agent that has just been started.
pub(super) struct Started {
    pub(super) agent: Agent,
    pub(super) stdin: pipe::Sender,
}

/// Starts the agent in a session and process group of its own. Must be called on the main thread: on Linux, the agent
/// gets a parent-death signal, which is the thread's.
pub(super) fn start(
    command: &[String],
    environment: &BTreeMap<OsString, OsString>,
    cwd: &Path,
    log: &Path,
    line_max: usize,
) -> io::Result<Started> {
    let [program, arguments @ ..] = command else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the command is empty"));
    };
    let (stdin_read, stdin_write) = io::pipe()?;
    let (stdout_read, stdout_write) = io::pipe()?;
    let (stderr_read, stderr_write) = io::pipe()?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(environment).current_dir(cwd);
    command.stdin(stdin_read).stdout(stdout_write).stderr(stderr_write);
    in_own_session(&mut command);
    let child = command.spawn()?;
    // The runner's one waiter collects the status; `Child` would only get in its way.
    let pid = child.id().cast_signed();
    drop(child);
    let agent = Agent {
        pid,
        lines: Lines::new(pipe::Receiver::from_owned_fd(stdout_read.into())?, line_max),
        stderr: Some(pipe::Receiver::from_owned_fd(stderr_read.into())?),
        log: StderrLog::new(log),
        exit: None,
        step: None,
        heard_since: 0,
    };
    Ok(Started { agent, stdin: pipe::Sender::from_owned_fd(stdin_write.into())? })
}

/// Lets a command begin a session of its own and die with the runner.
pub(crate) fn in_own_session(command: &mut Command) {
    let before_exec = || {
        rustix::process::setsid()?;
        #[cfg(target_os = "linux")]
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        Ok(())
    };
    // SAFETY: between fork and exec only two system calls are made, without allocation or locks.
    #[expect(unsafe_code, reason = "the standard library has no other way to begin a session in the child")]
    unsafe {
        command.pre_exec(before_exec);
    }
}

impl Agent {
    /// Takes note of what was read of it.
    pub(super) fn heard(&mut self, bytes: usize) {
        if self.exit.is_some() {
            self.heard_since += bytes;
        }
    }

    /// Whether what it left in the pipe is read even if it has to wait in memory then: nobody else has it.
    pub(super) const fn has_left_words(&self) -> bool {
        self.exit.is_some() && self.heard_since < LEFT_BEHIND
    }

    /// Sends a signal to the agent's process group, which is there as long as one of its processes is not reaped.
    pub(super) fn signal_group(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid) {
            let _ = rustix::process::kill_process_group(pid, signal);
        }
    }

    /// Takes in what there is on stderr.
    pub(super) fn read_stderr(&mut self, redactor: &Redactor) {
        let Some(pipe) = &self.stderr else { return };
        let at = Instant::now();
        let mut buffer = [0; 16 << 10];
        // A flood must not keep the runner here.
        for _ in 0..4 {
            match pipe.try_read(&mut buffer) {
                Ok(0) => {
                    self.log.end(at, redactor);
                    self.stderr = None;
                    return;
                }
                Ok(length) => self.log.take(&buffer[..length], at, redactor),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.stderr = None;
                    return;
                }
            }
        }
    }

    /// The end of what the agent wrote to stderr, without secrets, as far as an event takes it.
    pub(super) fn stderr_tail(&mut self, redactor: &Redactor) -> String {
        self.stderr_end(redactor, STDERR_TOLD)
    }

    /// The last bytes of what the agent wrote to stderr, without secrets.
    pub(super) fn stderr_end(&mut self, redactor: &Redactor, max: usize) -> String {
        self.read_stderr(redactor);
        self.log.tail(redactor, max)
    }

    /// What the agent wrote to stderr from some time on, without secrets.
    pub(super) fn stderr_since(&self, since: Instant, redactor: &Redactor) -> String {
        self.log.since(since, redactor)
    }

    /// The agent is dead: whatever it began to write, it will not go on with.
    pub(super) fn close_stderr(&mut self, redactor: &Redactor) {
        self.read_stderr(redactor);
        self.log.end(Instant::now(), redactor);
    }
}

/// Waits until a pipe has something to say, or its end. Never, if there is no pipe.
pub(super) async fn readable(pipe: Option<&pipe::Receiver>) {
    match pipe {
        Some(pipe) if pipe.readable().await.is_ok() => {}
        Some(_) | None => std::future::pending().await,
    }
}

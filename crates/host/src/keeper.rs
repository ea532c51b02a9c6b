//! The two processes of an attempt: the keeper, which owns death, and the runner, which owns everything else.
//!
//! `convene runner` calls [`keeper_main`] before it has any thread. The parent becomes the keeper and never returns; the
//! child returns as the runner. Each is a subreaper and each watches the other: the keeper by `wait`, the runner by its
//! parent-death signal ([`PARENT_DEATH`]). Whoever is left kills the tree, proves it and writes the exit record.
//!
//! Signals to the keeper: SIGTERM asks for the ladder (SIGTERM to the runner, after `stop_patience` SIGKILL); every other
//! one but SIGKILL is ignored. Signals to the runner: SIGTERM means "stop in order", [`PARENT_DEATH`] "your keeper is dead:
//! call [`RunnerSide::reap_and_go`]". Its default action ends the process, which is right as long as no agent was started.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use convene_core::failure::StopStep;
use rustix::process::{Pid, Signal, WaitOptions};
use thiserror::Error;

#[cfg_attr(target_os = "linux", path = "keeper/cgroup.rs")]
#[cfg_attr(not(target_os = "linux"), path = "keeper/no_cgroup.rs")]
pub(crate) mod cgroup;
pub(crate) mod raw;
mod runner_side;

pub use runner_side::RunnerSide;

use crate::marker;
use crate::process::{self, Burial, Exit, Identity};
use crate::rundir::{self, AttemptRecord, Containment, EndReason, ExitRecord, Lock, Place, Recorder, RunDir};
use raw::{Forked, Wake};

/// What the runner gets when its keeper dies. Nothing else in the product sends it.
pub const PARENT_DEATH: Signal = Signal::USR2;

/// Exit code of a runner whose keeper died, and of a keeper that could not do its work.
pub const EXIT_ABANDONED: i32 = 75;

/// How often a keeper looks whether its run directory is still there. Nobody finds, adopts or buries an attempt without
/// one, so it may not go on.
const BEAT: Duration = Duration::from_secs(2);

/// How a keeper goes about its work.
#[derive(Clone, Debug)]
pub struct KeeperOptions {
    /// From SIGTERM to SIGKILL of the runner, in whole seconds. Longer than the runner's own ladder towards its agent.
    pub stop_patience: Duration,
    /// How long a killed process may take to be gone before it counts as a survivor.
    pub burial_patience: Duration,
    /// Whether to use a cgroup of its own where one may be made.
    pub cgroup: CgroupUse,
}

/// Whether a cgroup is made for the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupUse {
    /// Where the system has given its hierarchy to us.
    WherePossible,
    /// Not even there.
    Never,
}

impl Default for KeeperOptions {
    fn default() -> KeeperOptions {
        KeeperOptions {
            stop_patience: Duration::from_secs(15),
            burial_patience: Duration::from_secs(10),
            cgroup: CgroupUse::WherePossible,
        }
    }
}

/// Why an attempt could not begin, or its end not be proven or recorded.
#[derive(Debug, Error)]
pub enum Error {
    /// Nobody has prepared the run directory.
    #[error("{path} has no attempt.json")]
    NoAttempt {
        /// The run directory.
        path: std::path::PathBuf,
    },
    /// It runs.
    #[error("attempt {attempt} of {session} has a keeper already")]
    Taken {
        /// The session's id.
        session: String,
        /// The attempt's number.
        attempt: u32,
    },
    /// It ran.
    #[error("attempt {attempt} of {session} has ended already")]
    Ended {
        /// The session's id.
        session: String,
        /// The attempt's number.
        attempt: u32,
    },
    /// Somebody removed it, or put another one in its place.
    #[error("the run directory {path} was removed")]
    RunDirLost {
        /// The run directory.
        path: std::path::PathBuf,
    },
    /// The system refused.
    #[error("cannot {action}")]
    System {
        /// What was tried.
        action: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The run directory.
    #[error(transparent)]
    RunDir(#[from] rundir::Error),
    /// The process table.
    #[error(transparent)]
    Process(#[from] process::Error),
    /// The mark of the attempt.
    #[error(transparent)]
    Marker(#[from] marker::Error),
}

/// Splits the process in two. Returns in the runner only; the keeper exits with the runner's status (128 + n for a signal).
///
/// Must be called before any thread exists, and before any descriptor is opened that only one of the two should have.
///
/// # Errors
/// If the attempt has a keeper or has ended, or the system refuses what is needed. Then nothing was started.
pub fn keeper_main(run_dir: &Path, options: &KeeperOptions) -> Result<RunnerSide, Error> {
    let run_dir = RunDir::open(run_dir)?;
    let record = run_dir.attempt_record()?.ok_or_else(|| Error::NoAttempt { path: run_dir.path().to_owned() })?;
    raw::seal_descriptors();
    let lock = take_lock(&run_dir)?;
    // Fails for a group leader (started by hand from a shell), which then keeps its terminal; all else is the same.
    let _ = rustix::process::setsid();
    become_subreaper()?;
    marker::mark_self(run_dir.session(), run_dir.attempt())?;
    let keeper = Identity::current()?;
    let place = run_dir.place();
    let (go_read, go_write) = io::pipe().map_err(system("make a pipe"))?;

    raw::block_signals().map_err(system("block signals"))?;
    match raw::fork().map_err(system("fork"))? {
        Forked::Parent { child } => {
            drop(go_read);
            let attempt = Attempt { run_dir, place, lock, record, keeper, runner: child, options: options.clone() };
            let code = attempt.keep(go_write);
            std::process::exit(code)
        }
        Forked::Child => {
            // Closing (not unlocking: the lock is shared with the parent) leaves it to the keeper alone.
            drop(lock);
            drop(go_write);
            RunnerSide::start(run_dir, place, keeper, options.burial_patience, go_read)
        }
    }
}

fn take_lock(run_dir: &RunDir) -> Result<Lock, Error> {
    let (session, attempt) = (run_dir.session().to_owned(), run_dir.attempt());
    let Some(lock) = run_dir.try_lock()? else { return Err(Error::Taken { session, attempt }) };
    if run_dir.exit_record()?.is_some() {
        return Err(Error::Ended { session, attempt });
    }
    Ok(lock)
}

/// Makes orphans below this process its children instead of init's.
///
/// # Errors
/// If the system refuses.
pub fn become_subreaper() -> Result<(), Error> {
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|error| system("become a subreaper")(error.into()))?;
    Ok(())
}

/// The keeper's side of one attempt.
struct Attempt {
    run_dir: RunDir,
    place: Option<Place>,
    lock: Lock,
    record: AttemptRecord,
    keeper: Identity,
    runner: i32,
    options: KeeperOptions,
}

impl Attempt {
    /// Sees the attempt through to its end and returns the exit code. Nobody is above to take an error: it goes to stderr.
    fn keep(mut self, go: io::PipeWriter) -> i32 {
        close_stdin();
        if let Err(error) = self.announce(go) {
            complain("cannot start the runner", &error);
            self.signal_runner(Signal::KILL);
            let _ = self.bury();
            return EXIT_ABANDONED;
        }
        let (exit, reason) = self.wait_for_runner();
        let buried = self.bury();
        if self.run_dir.is_lost(self.place) {
            // What may be in its place is not this attempt's to write to; the worker tells the end.
            complain("cannot record the end of the attempt", &self.lost());
            return EXIT_ABANDONED;
        }
        let written = buried.map_err(Error::from).and_then(|burial| self.write_record(exit, reason, burial));
        // Without a record the worker finds the lock free and does it again.
        match written {
            Ok(()) => exit.shell_code(),
            Err(error) => {
                complain("cannot prove or record the end of the attempt", &error);
                EXIT_ABANDONED
            }
        }
    }

    /// Puts down who is who, then lets the runner go on.
    fn announce(&mut self, mut go: io::PipeWriter) -> Result<(), Error> {
        self.record.containment = Some(BASE_CONTAINMENT);
        if self.options.cgroup == CgroupUse::WherePossible
            && let Some(path) = cgroup::enclose(self.run_dir.session(), self.run_dir.attempt(), self.runner)
        {
            self.record.containment = Some(Containment::Cgroup);
            self.record.cgroup = Some(path);
        }
        self.record.keeper = Some(self.keeper.clone());
        self.record.runner = Some(Identity::of(self.runner)?);
        self.run_dir.write_attempt(&self.record)?;
        go.write_all(b"g").map_err(system("release the runner"))
    }

    /// Reaps strays until the runner has ended.
    fn wait_for_runner(&self) -> (Exit, EndReason) {
        let mut stopping = Stopping::No;
        let mut patient_until = Instant::now();
        raw::set_alarm(BEAT);
        loop {
            if let Some(exit) = self.reap_until_runner() {
                let reason = match (stopping, exit) {
                    (Stopping::No, Exit::Code(_)) => EndReason::RunnerExited,
                    (Stopping::No, Exit::Signal(_)) => EndReason::RunnerKilled,
                    (Stopping::Asked, Exit::Code(_) | Exit::Signal(_)) => EndReason::Stopped,
                    (Stopping::Forced, Exit::Code(_) | Exit::Signal(_)) => EndReason::StopForced,
                };
                return (exit, reason);
            }
            let ask = match (raw::wait_for_signal(), stopping) {
                (Wake::StopAsked, Stopping::No) => true,
                (Wake::TimeIsUp, Stopping::No) => {
                    let is_lost = self.run_dir.is_lost(self.place);
                    if is_lost {
                        complain("ending the attempt", &self.lost());
                    } else {
                        raw::set_alarm(BEAT);
                    }
                    is_lost
                }
                // A beat that came together with the order is not the end of the patience.
                (Wake::TimeIsUp, Stopping::Asked) if Instant::now() >= patient_until => {
                    stopping = Stopping::Forced;
                    self.signal_runner(Signal::KILL);
                    false
                }
                (Wake::ChildEnded | Wake::StopAsked | Wake::TimeIsUp, _) => false,
            };
            if ask {
                stopping = Stopping::Asked;
                self.signal_runner(Signal::TERM);
                // The alarm may ring a little early or late of this clock.
                patient_until = Instant::now() + self.options.stop_patience.mul_f32(0.9);
                raw::set_alarm(self.options.stop_patience);
            }
        }
    }

    fn reap_until_runner(&self) -> Option<Exit> {
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            if pid.as_raw_nonzero().get() == self.runner {
                return Exit::from_wait(status);
            }
        }
        None
    }

    fn bury(&self) -> Result<Burial, process::Error> {
        if let Some(path) = &self.record.cgroup {
            cgroup::kill(path);
        }
        let burial = process::kill_tree_until_none(&[], self.options.burial_patience, |_, _| {});
        if let Some(path) = &self.record.cgroup {
            cgroup::remove(path);
        }
        burial
    }

    fn write_record(&self, exit: Exit, reason: EndReason, burial: Burial) -> Result<(), Error> {
        let agent = self.run_dir.agent_exit()?;
        // Where the runner was killed, its death signal or the cgroup had killed the rest already.
        let was_killed = matches!(exit, Exit::Signal(_)) || self.record.cgroup.is_some();
        let needed_tree = burial.killed > 0 || (was_killed && burial.reaped > 0);
        let step = if needed_tree { Some(StopStep::Tree) } else { agent.as_ref().and_then(|agent| agent.step) };
        let record = ExitRecord {
            session: self.record.session.clone(),
            attempt: self.record.attempt,
            by: Recorder::Keeper,
            reason,
            runner: Some(exit),
            agent,
            verified: burial.is_proven(),
            survivors: burial.survivors,
            step,
            containment: self.record.containment.unwrap_or(BASE_CONTAINMENT),
            at: now(),
        };
        Ok(self.run_dir.write_exit(&self.lock, &record)?)
    }

    fn lost(&self) -> Error {
        Error::RunDirLost { path: self.run_dir.path().to_owned() }
    }

    /// The runner is reaped here only, so its pid can't have been reused.
    fn signal_runner(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.runner) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopping {
    No,
    Asked,
    Forced,
}

/// What holds when nothing better could be had.
pub(crate) const BASE_CONTAINMENT: Containment =
    if cfg!(target_os = "linux") { Containment::Subreaper } else { Containment::ProcessTree };

#[expect(
    clippy::disallowed_methods,
    reason = "keeper, runner and burial are the edge: records say when they were made"
)]
pub(crate) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// The configuration holds a token: whoever does not read it must not keep it open either.
fn close_stdin() {
    if let Ok(null) = std::fs::File::open("/dev/null") {
        let _ = rustix::stdio::dup2_stdin(&null);
    }
}

/// The log of keeper and runner is their standard error, and nobody is above them to be told.
fn complain(what: &str, error: &dyn std::error::Error) {
    let _ = writeln!(io::stderr(), "keeper: {what}: {}", chain(error));
}

/// An error and its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn system(action: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::System { action, source }
}

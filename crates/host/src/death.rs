//! The worker's side of an attempt's life and death: launch it, watch its keeper, bury what nobody else buried.
//!
//! Everything here blocks, some of it for seconds: an async worker calls it on a blocking thread. Its order of things:
//! [`become_subreaper`] once at its start; [`launch`] or, after a restart, [`RunDir::scan`]; [`watch`] the keeper; when it
//! has ended, [`Identity::reap`] it and read the exit record, or [`bury`] when there is none.

use std::io;
use std::time::{Duration, Instant};

use convene_core::failure::StopStep;
use thiserror::Error;

mod launch;

pub use launch::launch;
pub(crate) use launch::may_reach_agents;

use crate::keeper::{self, BASE_CONTAINMENT, now};
use crate::marker;
use crate::process::{self, Identity, Process};
use crate::rundir::{self, AttemptRecord, EndReason, ExitRecord, Lock, Recorder, RunDir};

/// How long a runner whose keeper died may take to bury its tree by itself; it knows more than the worker.
const RUNNER_GRACE: Duration = Duration::from_secs(3);
/// How long a killed process may take to be gone before it counts as a survivor.
const BURIAL_PATIENCE: Duration = Duration::from_secs(10);
/// One look meets everybody (see `process::pids`), were it not for a wrap-around of pids at the wrong moment.
const EMPTY_LOOKS: u32 = 2;

/// Why an attempt could not be launched, watched or buried.
#[derive(Debug, Error)]
pub enum Error {
    /// Nobody buries the living.
    #[error("the keeper of attempt {attempt} of {session} is alive")]
    Alive {
        /// The session's id.
        session: String,
        /// The attempt's number.
        attempt: u32,
    },
    /// The lock is held, and not by the keeper.
    #[error("somebody else buries attempt {attempt} of {session}")]
    Busy {
        /// The session's id.
        session: String,
        /// The attempt's number.
        attempt: u32,
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
    /// What a keeper does, too.
    #[error(transparent)]
    Keeper(#[from] keeper::Error),
}

/// Makes orphans of dead keepers the worker's children. Once, at the start of a worker.
///
/// # Errors
/// If the system refuses.
pub fn become_subreaper() -> Result<(), Error> {
    Ok(keeper::become_subreaper()?)
}

/// Has the kernel hold the limits of the attempts that are started from here, where it can. Once, at the start of a worker.
pub fn enable_limits() {
    keeper::cgroup::enable_limits();
}

/// Opens a descriptor that becomes readable when the keeper has ended. `None` when it has already.
///
/// # Errors
/// If there are no descriptors left.
#[cfg(target_os = "linux")]
pub fn watch(keeper: &Identity) -> Result<Option<rustix::fd::OwnedFd>, Error> {
    Ok(keeper.pidfd()?)
}

/// Ends an attempt whose keeper is gone, and returns the exit record: the one that is there, else the one it writes.
///
/// Finds what is left by the attempt's marks, kills it, reaps what became the caller's child, and looks again until
/// nothing is there. A runner that still lives gets a moment to do the same from inside.
///
/// # Errors
/// [`Error::Alive`] and [`Error::Busy`] for an attempt that is not the caller's to bury; else if the process table
/// cannot be read, or the record not be written. Then the call may be repeated.
pub fn bury(run_dir: &RunDir) -> Result<ExitRecord, Error> {
    if run_dir.is_gone() {
        return bury_without(run_dir);
    }
    let attempt = unless_damaged(run_dir.attempt_record())?;
    if attempt.as_ref().is_some_and(|attempt| run_dir.is_copy(attempt)) && !is_from_earlier_boot(attempt.as_ref()) {
        return bury_copy(run_dir);
    }
    wait_for_runner(attempt.as_ref())?;
    if let Some(record) = unless_damaged(run_dir.exit_record())? {
        clear_after(run_dir, attempt.as_ref(), &record)?;
        return Ok(record);
    }
    let lock = take_lock(run_dir, attempt.as_ref())?;
    if let Some(record) = unless_damaged(run_dir.exit_record())? {
        clear_after(run_dir, attempt.as_ref(), &record)?;
        return Ok(record);
    }
    let Marked { killed, survivors } = kill_marked(run_dir, attempt.as_ref())?;
    clear_remains(run_dir, attempt.as_ref())?;
    let agent = unless_damaged(run_dir.agent_exit())?;
    let record = ExitRecord {
        session: run_dir.session().to_owned(),
        attempt: run_dir.attempt(),
        by: Recorder::Worker,
        reason: if is_from_earlier_boot(attempt.as_ref()) { EndReason::Rebooted } else { EndReason::Abandoned },
        runner: None,
        step: if killed { Some(StopStep::Tree) } else { agent.as_ref().and_then(|agent| agent.step) },
        agent,
        verified: survivors == 0,
        survivors,
        containment: attempt.as_ref().and_then(|attempt| attempt.containment).unwrap_or(BASE_CONTAINMENT),
        at: now(),
    };
    run_dir.write_exit(&lock, &record)?;
    Ok(record)
}

/// Ends an attempt in a copy of its run directory, where it never ran. What carries its marks runs for the other one.
fn bury_copy(run_dir: &RunDir) -> Result<ExitRecord, Error> {
    if let Some(record) = unless_damaged(run_dir.exit_record())? {
        return Ok(record);
    }
    let lock = take_lock(run_dir, None)?;
    let record = ExitRecord {
        session: run_dir.session().to_owned(),
        attempt: run_dir.attempt(),
        by: Recorder::Worker,
        reason: EndReason::Copied,
        runner: None,
        agent: None,
        verified: true,
        survivors: 0,
        step: None,
        containment: BASE_CONTAINMENT,
        at: now(),
    };
    run_dir.write_exit(&lock, &record)?;
    Ok(record)
}

/// Ends an attempt whose run directory is gone. There is neither a lock to take nor a place for the record, and nobody who
/// could go on: also its keeper ends itself when it notices.
fn bury_without(run_dir: &RunDir) -> Result<ExitRecord, Error> {
    let Marked { killed, survivors } = kill_marked(run_dir, None)?;
    clear_remains(run_dir, None)?;
    Ok(ExitRecord {
        session: run_dir.session().to_owned(),
        attempt: run_dir.attempt(),
        by: Recorder::Worker,
        reason: EndReason::RunDirLost,
        runner: None,
        agent: None,
        verified: survivors == 0,
        survivors,
        step: killed.then_some(StopStep::Tree),
        containment: BASE_CONTAINMENT,
        at: now(),
    })
}

/// Reaps ended processes of attempts that became children of the caller's when everybody above them died. To be called
/// now and then by a worker, so that no zombie stays. Keepers are among them: nobody needs their status, since who
/// watches one is told of its end by a descriptor, and the exit record says the rest.
///
/// # Errors
/// If the process table cannot be read.
pub fn reap_adopted() -> Result<u32, Error> {
    let me = std::process::id().cast_signed();
    let is_remains = |process: &Process| process.over && process.parent == me && marker::is_marked(process.pid);
    let remains = process::list()?.into_iter().filter(is_remains);
    let count = remains.filter_map(|process| process.identity().reap()).count();
    Ok(count.try_into().unwrap_or(u32::MAX))
}

/// An attempt must come to its end also when a file in its directory is not what it was: the marks tell enough.
fn unless_damaged<T>(read: Result<Option<T>, rundir::Error>) -> Result<Option<T>, Error> {
    match read {
        Err(rundir::Error::Malformed { path, source }) => {
            tracing::warn!(path = %path.display(), error = %source, "passing over a damaged file of an attempt");
            Ok(None)
        }
        other => Ok(other?),
    }
}

fn wait_for_runner(attempt: Option<&AttemptRecord>) -> Result<(), Error> {
    let Some(attempt) = attempt else { return Ok(()) };
    // As long as the keeper lives, waiting for the runner is the keeper's.
    if attempt.keeper.as_ref().is_some_and(Identity::is_alive) {
        return Ok(());
    }
    if let Some(runner) = &attempt.runner {
        runner.wait_for_end(RUNNER_GRACE)?;
    }
    Ok(())
}

fn take_lock(run_dir: &RunDir, attempt: Option<&AttemptRecord>) -> Result<Lock, Error> {
    if let Some(lock) = run_dir.try_lock()? {
        return Ok(lock);
    }
    let (session, attempt_number) = (run_dir.session().to_owned(), run_dir.attempt());
    let keeper = attempt.and_then(|attempt| attempt.keeper.as_ref());
    // A lock without a recorded keeper: one that is just starting.
    if keeper.is_none_or(Identity::is_alive) {
        Err(Error::Alive { session, attempt: attempt_number })
    } else {
        Err(Error::Busy { session, attempt: attempt_number })
    }
}

/// What was found by its marks.
struct Marked {
    /// Whether anything lived and was killed.
    killed: bool,
    /// How many could not be ended.
    survivors: u32,
}

fn kill_marked(run_dir: &RunDir, attempt: Option<&AttemptRecord>) -> Result<Marked, Error> {
    if let Some(path) = attempt.and_then(|attempt| attempt.cgroup.as_deref()) {
        keeper::cgroup::kill(path);
    }
    #[cfg(not(target_os = "linux"))]
    kill_recorded_runner(attempt)?;
    let mut fewest = u32::MAX;
    let mut last_end = Instant::now();
    let mut empty_looks = 0;
    let mut killed = false;
    while empty_looks < EMPTY_LOOKS {
        let look = kill_all_marked(run_dir)?;
        if look.found == 0 {
            empty_looks += 1;
            continue;
        }
        empty_looks = 0;
        killed = true;
        if look.found < fewest {
            fewest = look.found;
            last_end = Instant::now();
        }
        let left = BURIAL_PATIENCE.saturating_sub(last_end.elapsed());
        if left.is_zero() {
            return Ok(Marked { killed, survivors: look.found });
        }
        if let Some(identity) = look.last {
            identity.wait_for_end(left)?;
            identity.reap();
        }
    }
    Ok(Marked { killed, survivors: 0 })
}

struct Look {
    found: u32,
    /// The last one, and one that was killed rather than one that may not be.
    last: Option<Identity>,
}

/// Kills each as it is met: what forks and ends all the time would be gone after the look.
fn kill_all_marked(run_dir: &RunDir) -> Result<Look, Error> {
    let me = std::process::id().cast_signed();
    let mut found = 0;
    let mut killed = None;
    let mut immune = None;
    for process in marker::carriers(run_dir.session(), run_dir.attempt())? {
        if process.over || process.pid == me {
            continue;
        }
        found += 1;
        let identity = process.identity();
        match identity.signal(rustix::process::Signal::KILL) {
            Ok(_) => killed = Some(identity),
            Err(_) => immune = Some(identity),
        }
    }
    Ok(Look { found, last: killed.or(immune) })
}

#[cfg(not(target_os = "linux"))]
fn kill_recorded_runner(attempt: Option<&AttemptRecord>) -> Result<(), Error> {
    if let Some(runner) = attempt.and_then(|attempt| attempt.runner.as_ref()).filter(|runner| runner.is_alive()) {
        for process in process::descendants(runner.pid)? {
            let _ = process.identity().signal(rustix::process::Signal::KILL);
        }
        let _ = runner.signal(rustix::process::Signal::KILL);
    }
    Ok(())
}

/// Clears away what an attempt left whose exit record is there.
fn clear_after(run_dir: &RunDir, attempt: Option<&AttemptRecord>, record: &ExitRecord) -> Result<(), Error> {
    let keeper = attempt.and_then(|attempt| attempt.keeper.as_ref());
    match keeper {
        // It was a subreaper, and the system has told it that nobody below it is left. Only it itself can be, which
        // needs no look at all processes of the machine.
        Some(keeper) if record.by == Recorder::Keeper && record.verified && cfg!(target_os = "linux") => {
            keeper.reap();
            if let Some(path) = attempt.and_then(|attempt| attempt.cgroup.as_deref()) {
                keeper::cgroup::remove(path);
            }
            Ok(())
        }
        Some(_) | None => clear_remains(run_dir, attempt),
    }
}

/// Collects the zombies of this attempt that are the caller's children (the keeper, and what the worker inherited), and
/// removes the cgroup that the runner could not remove from within.
fn clear_remains(run_dir: &RunDir, attempt: Option<&AttemptRecord>) -> Result<(), Error> {
    for process in marker::carriers(run_dir.session(), run_dir.attempt())? {
        process.identity().reap();
    }
    if let Some(path) = attempt.and_then(|attempt| attempt.cgroup.as_deref()) {
        keeper::cgroup::remove(path);
    }
    Ok(())
}

fn is_from_earlier_boot(attempt: Option<&AttemptRecord>) -> bool {
    let keeper = attempt.and_then(|attempt| attempt.keeper.as_ref());
    match (keeper, Identity::current()) {
        (Some(keeper), Ok(current)) => keeper.boot_id != current.boot_id,
        (None, _) | (_, Err(_)) => false,
    }
}

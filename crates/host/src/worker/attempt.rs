//! One attempt on this machine: launched, watched, asked to end.

use std::{path::Path, time::Duration};

use convene_api::uplink::StartAttempt;
use convene_core::{event::StopMode, failure::AttemptExit, failure::ProcessExit, ids::SessionId};
use rustix::process::Signal;
use tokio::{io::unix::AsyncFd, sync::mpsc};

use super::WorkerConfig;
use crate::{
    death,
    launch_spec::RunnerConfig,
    process::{Exit, Identity},
    rundir::{self, AttemptRecord, ExitRecord, RunDir},
    spool::Records,
};

/// Between two tries to bury an attempt whose lock somebody holds.
const BURY_AGAIN: Duration = Duration::from_millis(200);

/// Which attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) session: SessionId,
    pub(super) attempt: u32,
}

/// An attempt that has a run directory here.
pub(super) struct Attempt {
    pub(super) run_dir: RunDir,
    /// How it ended, once it has.
    pub(super) ended: Option<Ended>,
    /// The tail that is being delivered.
    pub(super) tail: Option<Records>,
}

impl Attempt {
    pub(super) const fn alive(run_dir: RunDir) -> Self {
        Self { run_dir, ended: None, tail: None }
    }

    /// The keeper's pid, while its status is somebody's to collect.
    pub(super) fn keeper(&self) -> Option<i32> {
        if self.ended.is_some() {
            return None;
        }
        self.run_dir.attempt_record().ok().flatten().and_then(|r| r.keeper).map(|k| k.pid)
    }
}

/// How an attempt ended.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub(super) exit: AttemptExit,
}

/// Why an attempt is not launched.
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) detail: String,
}

impl Refusal {
    fn new(code: &str, detail: impl std::fmt::Display) -> Self {
        Self { code: code.to_owned(), detail: detail.to_string() }
    }
}

/// Makes the run directory and starts keeper and runner. Blocks.
pub(super) fn launch(config: &WorkerConfig, start: &StartAttempt) -> Result<(RunDir, Identity), Refusal> {
    match std::fs::metadata(&start.cwd) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(Refusal::new("cwd_not_a_directory", format_args!("{} is a file", start.cwd))),
        Err(_) => return Err(Refusal::new("cwd_missing", format_args!("{} does not exist", start.cwd))),
    }
    let agent = config.agents.launch_spec(&start.agent).map_err(|e| Refusal::new(e.code(), e))?;
    let runner = RunnerConfig {
        server: config.server.clone(),
        token: start.token.clone(),
        session: start.session,
        thread: start.thread,
        attempt: start.attempt,
        agent,
        start_timeout_ms: config.start_timeout_ms,
        line_max: config.line_max,
        spool_max: crate::launch_spec::default_spool_max(),
        references: std::collections::BTreeMap::new(),
    };
    let failed =
        |e: &dyn std::error::Error| Refusal::new("agent_start_failed", format_args!("the runner: {}", chain(e)));
    let json = serde_json::to_vec(&runner).map_err(|e| failed(&e))?;
    let record = AttemptRecord {
        session: start.session.to_string(),
        attempt: start.attempt,
        worker: config.name.to_string(),
        instance: convene_core::ids::InstanceId::new(uuid::Uuid::now_v7()).to_string(),
        keeper: None,
        runner: None,
        containment: None,
        cgroup: None,
    };
    let run_dir = RunDir::create(&config.run_root, &record).map_err(|e| failed(&e))?;
    match death::launch(&run_dir, &config.agents.exe, &json) {
        Ok(keeper) => Ok((run_dir, keeper)),
        Err(error) => {
            let refusal = failed(&error);
            if let Err(error) = run_dir.remove() {
                tracing::warn!(error = %error, "cannot remove the run directory of a launch that failed");
            }
            Err(refusal)
        }
    }
}

/// An error and its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Waits for the end of an attempt, sees to it that nothing of it is left, and tells.
///
/// `launched` is the keeper of an attempt that was launched just now: until it has written down who it is, nobody else
/// can tell a keeper that begins from one that never was.
pub(super) async fn watch(key: Key, run_dir: RunDir, launched: Option<Identity>, tell: mpsc::Sender<(Key, Ended)>) {
    match launched {
        Some(keeper) => wait_for(&keeper).await,
        None => wait_for_keeper(&run_dir).await,
    }
    let exit = loop {
        let here = run_dir.clone();
        match tokio::task::spawn_blocking(move || death::bury(&here)).await {
            Ok(Ok(record)) => break exit_of(&run_dir, &record),
            // Starting still, or somebody else is at it: look again.
            Ok(Err(death::Error::Alive { .. } | death::Error::Busy { .. })) => {
                tokio::time::sleep(BURY_AGAIN).await;
                wait_for_keeper(&run_dir).await;
            }
            Ok(Err(error)) => {
                tracing::error!(session = %key.session, attempt = key.attempt, error = %error, "cannot bury an attempt");
                tokio::time::sleep(BURY_AGAIN * 10).await;
            }
            Err(_) => return,
        }
    };
    tracing::info!(session = %key.session, attempt = key.attempt, verified = exit.verified, "an attempt has ended");
    // The worker is gone: the next one finds the run directory.
    let _gone = tell.send((key, Ended { exit })).await;
}

/// Waits until the keeper has ended, if it is known and alive.
async fn wait_for_keeper(run_dir: &RunDir) {
    let keeper = run_dir.attempt_record().ok().flatten().and_then(|record| record.keeper);
    if let Some(keeper) = keeper {
        wait_for(&keeper).await;
    }
}

async fn wait_for(keeper: &Identity) {
    match watched(keeper) {
        Ok(Some(pidfd)) => {
            // Readable means ended; an error means that it cannot be waited for, and burying finds out.
            let _ready = pidfd.readable().await;
            keeper.reap();
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(error = %error, "cannot watch a keeper"),
    }
}

#[expect(unsafe_code, reason = "registering a descriptor is unsafe, because a descriptor may be closed behind tokio")]
fn watched(keeper: &Identity) -> Result<Option<AsyncFd<rustix::fd::OwnedFd>>, death::Error> {
    let Some(pidfd) = death::watch(keeper)? else { return Ok(None) };
    // SAFETY: the descriptor is owned, was just opened, and goes into the `AsyncFd`, which is the only one to close it.
    let registered = unsafe { AsyncFd::register_with_interest(pidfd, tokio::io::Interest::READABLE) };
    registered.map(Some).map_err(|error| death::Error::System { action: "watch a keeper", source: error.into() })
}

/// Asks the keeper to end its attempt: in order, or at once. Blocks.
pub(super) fn ask_to_end(run_dir: &RunDir, mode: StopMode) -> Result<(), death::Error> {
    let Some(record) = run_dir.attempt_record()? else { return Ok(()) };
    let (target, signal) = match mode {
        StopMode::Graceful => (record.keeper, Signal::TERM),
        // Without its runner the keeper kills the tree and proves it.
        StopMode::Now => (record.runner, Signal::KILL),
    };
    if let Some(target) = target {
        target.signal(signal)?;
    }
    Ok(())
}

fn exit_of(run_dir: &RunDir, record: &ExitRecord) -> AttemptExit {
    let by = match record.by {
        rundir::Recorder::Keeper => "keeper",
        rundir::Recorder::Runner => "runner",
        rundir::Recorder::Worker => "worker",
    };
    let detail = match record.reason {
        rundir::EndReason::RunnerExited | rundir::EndReason::Stopped | rundir::EndReason::Other => "",
        rundir::EndReason::RunnerKilled => "the runner was killed",
        rundir::EndReason::StopForced => "the runner did not end in time and was killed",
        rundir::EndReason::KeeperLost => "the keeper was killed",
        rundir::EndReason::Abandoned => "runner and keeper were killed",
        rundir::EndReason::Rebooted => "the machine was restarted",
    };
    let handed_over = run_dir.handed_over().ok().flatten().and_then(|h| h.turn.parse().ok());
    AttemptExit {
        by: by.to_owned(),
        runner: record.runner.map(process_exit),
        agent: record.agent.as_ref().map(|agent| process_exit(agent.exit)),
        verified: record.verified,
        survivors: record.survivors,
        handed_over,
        detail: detail.to_owned(),
    }
}

const fn process_exit(exit: Exit) -> ProcessExit {
    match exit {
        Exit::Code(code) => ProcessExit { code: Some(code), signal: None },
        Exit::Signal(signal) => ProcessExit { code: None, signal: Some(signal) },
    }
}

/// Keeps the tail of a fenced attempt beside the run directories, for people.
pub(super) fn keep_tail(run_root: &Path, key: Key, run_dir: &RunDir) -> std::io::Result<()> {
    let kept = run_root.with_file_name("tails");
    std::fs::create_dir_all(&kept)?;
    std::fs::copy(run_dir.spool_path(), kept.join(format!("{}-{}.spool", key.session, key.attempt))).map(|_| ())
}

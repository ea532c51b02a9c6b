//! One attempt on this machine: launched, watched, asked to end.

use std::{io, path::Path, sync::Arc, time::Duration};

use convene_api::{problem::Code, uplink::StartAttempt};
use convene_core::{
    event::StopMode,
    failure::{AttemptExit, FailureKind, ProcessExit},
    ids::{InstanceId, SessionId},
    workspace::Workspace,
};
use rustix::process::Signal;
#[cfg(target_os = "linux")]
use tokio::io::unix::AsyncFd;
use tokio::{sync::mpsc, task::spawn_blocking};

use super::{News, WorkerConfig, deliver::Remains};
use crate::{
    bundle::{self, Bundle},
    death, git,
    keeper::chain,
    launch_spec::{RunnerConfig, default_spool_max},
    process::Identity,
    redact::Redactor,
    rundir::{AttemptRecord, EndReason, ExitRecord, Recorder, RunDir},
};

/// Between two tries to bury an attempt whose lock somebody holds.
const LOCKED: Duration = Duration::from_millis(200);
/// Between two tries to bury an attempt when the machine refuses: a full disk, for one.
const REFUSED: Duration = Duration::from_secs(2);

/// Which attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) session: SessionId,
    pub(super) attempt: u32,
}

/// How far an attempt is on this machine.
pub(super) enum Attempt {
    /// It is being launched: there is nobody to be told anything yet.
    Launching,
    /// It has a run directory and somebody who waits for its end.
    Watched(RunDir),
    /// It has ended, which the server is still to learn.
    Ended(Remains),
}

/// Why an attempt is not launched.
pub(super) struct Refusal {
    pub(super) code: Code,
    pub(super) detail: String,
}

impl Refusal {
    fn new(code: Code, detail: impl std::fmt::Display) -> Self {
        Self { code, detail: detail.to_string() }
    }

    fn of_runner(error: &dyn std::error::Error) -> Self {
        Self::new(Code::AgentStartFailed, format_args!("the runner: {}", chain(error)))
    }
}

/// Launches an attempt and sees it through to its end. Dropped, it lets go of the attempt and does not end it.
pub(super) async fn run(config: Arc<WorkerConfig>, start: StartAttempt, tell: mpsc::Sender<News>) {
    let key = Key { session: start.session, attempt: start.attempt };
    let launched = spawn_blocking(move || launch(&config, &start)).await;
    let launched = launched.unwrap_or_else(|panicked| Err(Refusal::of_runner(&panicked)));
    let (run_dir, keeper) = match launched {
        Ok(launched) => launched,
        Err(refusal) => return say(&tell, News::Refused(key, refusal)).await,
    };
    say(&tell, News::Launched(key, run_dir.clone())).await;
    // Until the keeper has written down who it is, nobody else can tell one that begins from one that never was.
    wait_for(&run_dir, keeper).await;
    bury(key, run_dir, tell).await;
}

/// Sees an attempt of an earlier worker through to its end.
pub(super) async fn adopt(key: Key, run_dir: RunDir, tell: mpsc::Sender<News>) {
    wait_for_keeper(&run_dir).await;
    bury(key, run_dir, tell).await;
}

/// The worker is gone if this fails, and then the next one finds the run directory.
async fn say(tell: &mpsc::Sender<News>, news: News) {
    let _ = tell.send(news).await;
}

/// What the server does not know yet of the directory: what is checked out in it, or the worktree that was made of it.
fn workspace(config: &WorkerConfig, start: &StartAttempt) -> Result<Option<Workspace>, git::Error> {
    match (&start.workspace, &start.worktree) {
        (Some(_), _) => Ok(None),
        (None, Some(spec)) => {
            git::worktree::make(&config.worktree_root, Path::new(&start.cwd), start.session, spec).map(Some)
        }
        (None, None) => Ok(Some(git::head::look(Path::new(&start.cwd)))),
    }
}

/// Makes the run directory and starts keeper and runner. Blocks.
fn launch(config: &WorkerConfig, start: &StartAttempt) -> Result<(RunDir, Identity), Refusal> {
    if let Some(known) = &start.workspace {
        git::worktree::make_again(known).map_err(|error| Refusal::new(error.code(), chain(&error)))?;
    }
    match std::fs::metadata(&start.cwd) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(Refusal::new(Code::CwdNotADirectory, format_args!("{} is a file", start.cwd))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Refusal::new(Code::CwdMissing, format_args!("{} does not exist", start.cwd)));
        }
        Err(error) => return Err(Refusal::new(Code::CwdMissing, format_args!("{}: {error}", start.cwd))),
    }
    let workspace = workspace(config, start).map_err(|error| Refusal::new(error.code(), chain(&error)))?;
    let agent = config.agents.launch_spec(&start.agent).map_err(|error| Refusal::new(error.code(), error))?;
    let start_timeout_ms = agent.start_timeout_ms(config.start_timeout_ms);
    let runner = RunnerConfig {
        server: config.server.clone(),
        token: start.token.clone(),
        session: start.session,
        thread: start.thread,
        attempt: start.attempt,
        agent,
        workspace,
        start_timeout_ms,
        sign_in_timeout_ms: config.sign_in_timeout_ms,
        line_max: config.line_max,
        spool_max: default_spool_max(),
        tree_max: config.tree_max,
    };
    let json = serde_json::to_vec(&runner).map_err(|error| Refusal::of_runner(&error))?;
    let record = AttemptRecord {
        session: start.session.to_string(),
        attempt: start.attempt,
        worker: config.name.to_string(),
        agent: runner.agent.name.clone(),
        command: without_secrets(&runner),
        cwd: runner.workspace.as_ref().or(start.workspace.as_ref()).map_or(&start.cwd, |found| &found.cwd).clone(),
        instance: InstanceId::new(uuid::Uuid::now_v7()).to_string(),
        ..AttemptRecord::default()
    };
    let run_dir = RunDir::create(&config.run_root, &record).map_err(|error| Refusal::of_runner(&error))?;
    death::launch(&run_dir, &config.agents.exe, &json).map(|keeper| (run_dir.clone(), keeper)).map_err(|error| {
        let refusal = Refusal::of_runner(&error);
        remove(run_dir);
        refusal
    })
}

/// The agent's program and arguments, for a bundle that is left when nobody else knows them any more.
fn without_secrets(runner: &RunnerConfig) -> Vec<String> {
    let mut redactor = Redactor::default();
    redactor.register(&runner.token);
    redactor.register_configuration(runner.agent.env.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    redactor.register_secrets_of(&std::env::vars_os().collect());
    runner.agent.command.iter().map(|word| redactor.scrub(word).into_owned()).collect()
}

/// Deletes a run directory. Blocks; one that stays is found by the next worker.
pub(super) fn remove(run_dir: RunDir) {
    let (session, attempt) = (run_dir.session().to_owned(), run_dir.attempt());
    if let Err(error) = run_dir.remove() {
        tracing::warn!(session, attempt, error = &error as &dyn std::error::Error, "cannot remove a run directory");
    }
}

/// Sees to it that nothing of an attempt is left, and tells its end.
async fn bury(key: Key, run_dir: RunDir, tell: mpsc::Sender<News>) {
    let exit = loop {
        let here = run_dir.clone();
        match spawn_blocking(move || death::bury(&here)).await {
            Ok(Ok(record)) => {
                let exit = exit_of(&run_dir, &record);
                break AttemptExit { bundle: crash_bundle(&run_dir, &record, &exit), ..exit };
            }
            // Starting still, or somebody else is at it: look again.
            Ok(Err(death::Error::Alive { .. } | death::Error::Busy { .. })) => {
                tokio::time::sleep(LOCKED).await;
                wait_for_keeper(&run_dir).await;
            }
            Ok(Err(error)) => {
                cannot_bury(key, &error);
                tokio::time::sleep(REFUSED).await;
            }
            Err(stopped) if stopped.is_cancelled() => return,
            Err(panicked) => {
                cannot_bury(key, &panicked);
                tokio::time::sleep(REFUSED).await;
            }
        }
    };
    tracing::info!(session = %key.session, attempt = key.attempt, verified = exit.verified, "an attempt has ended");
    say(&tell, News::Ended(key, Remains::new(run_dir, exit))).await;
}

fn cannot_bury(key: Key, error: &(dyn std::error::Error + 'static)) {
    tracing::error!(session = %key.session, attempt = key.attempt, error, "cannot bury an attempt");
}

/// Waits until the keeper has ended, if it is known and alive.
async fn wait_for_keeper(run_dir: &RunDir) {
    let record = run_dir.attempt_record().ok().flatten().filter(|record| !run_dir.is_copy(record));
    if let Some(keeper) = record.and_then(|record| record.keeper) {
        wait_for(run_dir, keeper).await;
    }
}

#[cfg(not(target_os = "linux"))]
async fn wait_for(run_dir: &RunDir, keeper: Identity) {
    let run_dir = run_dir.clone();
    let waited = spawn_blocking(move || {
        // The lock is free also before a keeper that begins has taken it, so its life is what counts.
        while keeper.is_alive() && run_dir.wait_until_free().is_ok() {
            keeper.wait_for_end(LOCKED)?;
        }
        keeper.reap();
        Ok::<_, crate::process::Error>(())
    });
    if let Ok(Err(error)) = waited.await {
        tracing::warn!(error = &error as &dyn std::error::Error, "cannot watch a keeper");
    }
}

#[cfg(target_os = "linux")]
async fn wait_for(_run_dir: &RunDir, keeper: Identity) {
    match watched(&keeper) {
        Ok(Some(pidfd)) => {
            // Readable means ended; an error means that it cannot be waited for, and burying finds out.
            let _ = pidfd.readable().await;
            keeper.reap();
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "cannot watch a keeper"),
    }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "registering a descriptor is unsafe, because a descriptor may be closed behind tokio")]
fn watched(keeper: &Identity) -> Result<Option<AsyncFd<rustix::fd::OwnedFd>>, death::Error> {
    let Some(pidfd) = death::watch(keeper)? else { return Ok(None) };
    // SAFETY: the descriptor is owned, was just opened, and goes into the `AsyncFd`, which is the only one to close it.
    let registered = unsafe { AsyncFd::register_with_interest(pidfd, tokio::io::Interest::READABLE) };
    registered.map(Some).map_err(|error| death::Error::System { action: "watch a keeper", source: error.into() })
}

/// Asks for the end of an attempt, in order or at once; the answer is its end. Blocks.
pub(crate) fn ask_to_end(run_dir: &RunDir, mode: StopMode) {
    if let Err(error) = signal(run_dir, mode) {
        let (session, attempt) = (run_dir.session(), run_dir.attempt());
        tracing::warn!(session, attempt, error = &error as &dyn std::error::Error, "cannot end an attempt");
    }
}

fn signal(run_dir: &RunDir, mode: StopMode) -> Result<(), death::Error> {
    let Some(record) = run_dir.attempt_record()?.filter(|record| !run_dir.is_copy(record)) else { return Ok(()) };
    let keeper = record.keeper;
    let (target, signal) = match mode {
        StopMode::Graceful => (keeper.clone(), Signal::TERM),
        // Without its runner the keeper kills the tree and proves it.
        StopMode::Now => (record.runner, Signal::KILL),
    };
    if mode == StopMode::Now {
        // Without it a bundle is left that nobody needs.
        let _ = run_dir.note_end_ordered();
    }
    if let Some(target) = target {
        target.signal(signal)?;
    }
    // Who stands still can neither end nor bury.
    if let Some(keeper) = keeper {
        keeper.signal(Signal::CONT)?;
    }
    Ok(())
}

fn exit_of(run_dir: &RunDir, record: &ExitRecord) -> AttemptExit {
    let by = match record.by {
        Recorder::Keeper => "keeper",
        Recorder::Runner => "runner",
        Recorder::Worker => "worker",
    };
    let detail = match record.reason {
        EndReason::RunnerExited | EndReason::Stopped | EndReason::Other => "",
        EndReason::RunnerKilled => "the runner was killed",
        EndReason::StopForced => "the runner did not end in time and was killed",
        EndReason::KeeperLost => "the keeper was killed",
        EndReason::Abandoned => "runner and keeper were killed",
        EndReason::Rebooted => "the machine was restarted",
        EndReason::RunDirLost => "its run directory was removed",
        EndReason::Copied => "its run directory is a copy; what runs for the other one is left alone",
    };
    let handed_over = run_dir.handed_over().ok().flatten().and_then(|h| h.turn.parse().ok());
    AttemptExit {
        by: by.to_owned(),
        runner: record.runner.map(ProcessExit::from),
        agent: record.agent.as_ref().map(|agent| agent.exit.into()),
        verified: record.verified,
        survivors: record.survivors,
        step: record.step,
        handed_over,
        detail: detail.to_owned(),
        bundle: None,
    }
}

/// Leaves a crash bundle of an attempt whose runner or keeper died without being told to: nobody else is left to do it.
fn crash_bundle(run_dir: &RunDir, record: &ExitRecord, exit: &AttemptExit) -> Option<String> {
    let crashed = match record.reason {
        EndReason::RunnerKilled | EndReason::StopForced | EndReason::KeeperLost | EndReason::Abandoned => {
            !run_dir.was_end_ordered()
        }
        EndReason::RunnerExited => exit.runner.is_some_and(|runner| runner.code != Some(0)),
        EndReason::Stopped | EndReason::Rebooted | EndReason::RunDirLost | EndReason::Copied | EndReason::Other => {
            false
        }
    };
    let attempt = run_dir.attempt_record().ok().flatten().unwrap_or_default();
    if !crashed || attempt.is_test {
        return None;
    }
    let texts = bundle::TEXT_MAX as u64;
    let log = run_dir.tail_of("stderr", texts / 2);
    let what = if exit.detail.is_empty() { "the runner ended with an error" } else { &exit.detail };
    let made = Bundle {
        schema: bundle::SCHEMA.to_owned(),
        at: record.at,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        session: record.session.clone(),
        attempt: record.attempt,
        turn: exit.handed_over.map(|turn| turn.to_string()),
        kind: FailureKind::TransportFailure,
        code: None,
        error: format!("{what}; the end of its log:\n{log}"),
        agent: attempt.agent,
        pid: record.agent.as_ref().map(|agent| agent.pid),
        command: attempt.command,
        cwd: attempt.cwd,
        started_at: None,
        exit: exit.agent,
        step: record.step,
        containment: Some(record.containment),
        stderr: run_dir.tail_of("agent_stderr", texts),
    };
    // Its parts were redacted when they were written; who knew the secrets is dead.
    match made.write(&bundle::directory(run_dir)?, &Redactor::default()) {
        Ok(path) => Some(path.display().to_string()),
        Err(error) => {
            tracing::warn!(%error, "cannot leave a crash bundle");
            None
        }
    }
}

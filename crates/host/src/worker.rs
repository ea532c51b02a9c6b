//! The worker: one per machine. It takes attempts from the server, launches their keepers and runners, adopts what an
//! earlier worker left running, and tells the server how each attempt ended, after the last of its events.
//!
//! It holds no state that matters: the run directories have it. A worker that is killed costs nothing; the next one
//! scans them and goes on.

mod attempt;
mod deliver;
pub mod root;

use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
    path::PathBuf,
    pin::Pin,
    time::Duration,
};

use convene_api::uplink::{HeldAttempt, PROTOCOL, StartAttempt, WORKER_PATH, WorkerDown, WorkerHello, WorkerUp};
use convene_core::{
    event::StopMode,
    ids::{InstanceId, SessionId, WorkerName},
};
use tokio::{sync::mpsc, task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{
    death,
    detect::Agents,
    dial::{self, Dialed, Link},
    launch_spec::ServerAddr,
    process::Identity,
    rundir::RunDir,
};
use attempt::{Attempt, Ended, Key};

/// The pause before a lost link is dialed again.
const AGAIN: Duration = Duration::from_millis(100);

/// The pause before a server is dialed again that knows another process by this worker's name.
const PATIENTLY: Duration = Duration::from_secs(2);

/// The problem code of that refusal.
const NAME_TAKEN: &str = "wrong_state";

/// How often adopted zombies are reaped and agents are looked for again.
const HOUSEKEEPING: Duration = Duration::from_secs(10);

/// What a worker is told at its start.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Its name, unique on the server.
    pub name: WorkerName,
    /// This process.
    pub instance: InstanceId,
    /// Attempts it can hold.
    pub seats: u32,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Directories that sessions may work in; told to the server.
    pub roots: Vec<String>,
    /// Where the run directories are.
    pub run_root: PathBuf,
    /// Where the server is.
    pub server: ServerAddr,
    /// What it shows the server.
    pub token: String,
    /// The agents of this machine, and the program that runners are started from.
    pub agents: Agents,
    /// How long an agent may take to start, in milliseconds.
    pub start_timeout_ms: u64,
    /// The longest line that is taken from an agent, in bytes.
    pub line_max: usize,
    /// This build's version.
    pub version: String,
}

/// Why a worker ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server does not want it.
    #[error("the server refused this worker: {reason}")]
    Rejected {
        /// A problem code.
        code: String,
        /// For people.
        reason: String,
    },
    /// The machine refused something that the worker cannot do without.
    #[error("the worker cannot look after its attempts")]
    Machine(#[from] death::Error),
    /// The run directories are another worker's.
    #[error(transparent)]
    Root(#[from] root::Error),
}

/// Runs a worker until it is cancelled. Attempts go on without it.
///
/// # Errors
/// If the server refuses it for good.
pub async fn run(config: WorkerConfig, cancel: CancellationToken) -> Result<(), Error> {
    death::become_subreaper()?;
    let _lock = root::lock(&config.run_root)?;
    // Ends of attempts: at most one for each seat and each adopted run directory wait here, and their senders can wait.
    let (ended_tx, ended_rx) = mpsc::channel(64);
    let mut worker = Worker {
        config,
        attempts: HashMap::new(),
        watchers: JoinSet::new(),
        ended_tx,
        link: None,
        pause: AGAIN,
        agents: Vec::new(),
    };
    worker.adopt();
    tokio::select! {
        () = cancel.cancelled() => Ok(()),
        result = worker.serve(ended_rx) => result,
    }
}

struct Worker {
    config: WorkerConfig,
    attempts: HashMap<Key, Attempt>,
    /// One for each attempt that is alive; dropped with the worker, which lets go of the attempts, not ends them.
    watchers: JoinSet<()>,
    ended_tx: mpsc::Sender<(Key, Ended)>,
    link: Option<Link>,
    /// How long the next loss waits before it dials again.
    pause: Duration,
    agents: Vec<convene_core::dispatch::DetectedAgent>,
}

/// What can happen to a worker.
enum Input {
    Linked(Link),
    Lost,
    Frame(WorkerDown),
    Ended(Key, Ended),
    Housekeeping,
}

impl Worker {
    /// Takes up every run directory that is there: alive ones are watched, ended ones are delivered.
    fn adopt(&mut self) {
        let found = match RunDir::scan(&self.config.run_root) {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(error = %error, "cannot look for attempts of an earlier worker");
                return;
            }
        };
        for run_dir in found {
            let Ok(session) = run_dir.session().parse::<SessionId>() else { continue };
            let key = Key { session, attempt: run_dir.attempt() };
            tracing::info!(%session, attempt = key.attempt, "adopting an attempt");
            self.watch(key, run_dir, None);
        }
    }

    fn watch(&mut self, key: Key, run_dir: RunDir, launched: Option<Identity>) {
        self.watchers.spawn(attempt::watch(key, run_dir.clone(), launched, self.ended_tx.clone()));
        self.attempts.insert(key, Attempt::alive(run_dir));
    }

    async fn serve(&mut self, mut ended: mpsc::Receiver<(Key, Ended)>) -> Result<(), Error> {
        let mut dialing = Some(self.dial(Duration::ZERO));
        let mut housekeeping = tokio::time::interval(HOUSEKEEPING);
        housekeeping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let input = match (&mut self.link, &mut dialing) {
                (None, None) => Input::Lost,
                (None, Some(dialing)) => tokio::select! {
                    dialed = dialing => match dialed {
                        Dialed::Linked(link) => Input::Linked(link),
                        Dialed::Refused(reason) => {
                            return Err(Error::Rejected { code: "token_invalid".to_owned(), reason });
                        }
                    },
                    Some((key, how)) = ended.recv() => Input::Ended(key, how),
                    _ = housekeeping.tick() => Input::Housekeeping,
                },
                (Some(link), _) => tokio::select! {
                    frame = link.receive::<WorkerDown>() => frame.map_or(Input::Lost, Input::Frame),
                    Some((key, how)) = ended.recv() => Input::Ended(key, how),
                    _ = housekeeping.tick() => Input::Housekeeping,
                },
            };
            match input {
                Input::Linked(link) => {
                    dialing = None;
                    self.hello(link).await;
                }
                Input::Lost => {
                    self.link = None;
                    dialing = Some(self.dial(self.pause));
                    self.pause = AGAIN;
                }
                Input::Frame(frame) => self.take(frame).await?,
                Input::Ended(key, how) => self.ended(key, how).await,
                Input::Housekeeping => self.keep_house().await,
            }
        }
    }

    /// Dials the server after a pause, until it answers.
    fn dial(&self, pause: Duration) -> Pin<Box<dyn Future<Output = Dialed> + Send>> {
        let (server, token) = (self.config.server.clone(), self.config.token.clone());
        Box::pin(async move {
            tokio::time::sleep(pause).await;
            dial::redial(server, WORKER_PATH, token).await
        })
    }

    async fn hello(&mut self, link: Link) {
        self.link = Some(link);
        self.agents = self.config.agents.detect();
        let held = self.attempts.keys().map(|key| HeldAttempt { session: key.session, attempt: key.attempt }).collect();
        let hello = WorkerHello {
            name: self.config.name.clone(),
            instance: self.config.instance,
            protocol: PROTOCOL,
            version: self.config.version.clone(),
            seats: self.config.seats,
            labels: self.config.labels.clone(),
            agents: self.agents.clone(),
            roots: self.config.roots.clone(),
            held,
        };
        self.send(&WorkerUp::Hello(hello)).await;
    }

    async fn take(&mut self, frame: WorkerDown) -> Result<(), Error> {
        match frame {
            WorkerDown::Welcome { .. } => {
                // What was under way on the last connection begins again; the server drops what it knows.
                let keys: Vec<Key> = self.attempts.keys().copied().collect();
                for key in keys {
                    self.deliver(key, None).await;
                }
            }
            WorkerDown::StartAttempt(start) => self.start(start).await,
            WorkerDown::EndAttempt { session, attempt, mode } => self.end(Key { session, attempt }, mode).await,
            WorkerDown::TailAck { session, attempt, next_index } => {
                self.deliver(Key { session, attempt }, Some(next_index)).await;
            }
            WorkerDown::EndedAck { session, attempt } => self.forget(Key { session, attempt }).await,
            WorkerDown::Rejected { code, reason } if code == NAME_TAKEN => {
                // An earlier process of this name may not have been missed yet; dial again until it is.
                tracing::warn!(reason, "the server does not want this worker now; trying again");
                self.pause = PATIENTLY;
                self.link = None;
            }
            WorkerDown::Rejected { code, reason } => return Err(Error::Rejected { code, reason }),
        }
        Ok(())
    }

    async fn start(&mut self, start: StartAttempt) {
        let key = Key { session: start.session, attempt: start.attempt };
        // Sent again because our answer was lost: never launched twice.
        if !self.attempts.contains_key(&key) {
            let config = self.config.clone();
            let launched = tokio::task::spawn_blocking(move || attempt::launch(&config, &start)).await;
            match launched {
                Ok(Ok((run_dir, keeper))) => self.watch(key, run_dir, Some(keeper)),
                Ok(Err(refusal)) => {
                    let (session, attempt) = (key.session, key.attempt);
                    let (code, detail) = (refusal.code, refusal.detail);
                    self.send(&WorkerUp::Refused { session, attempt, code, detail }).await;
                    return;
                }
                // The launch panicked; the order comes again.
                Err(error) => {
                    tracing::error!(error = %error, "a launch did not finish");
                    return;
                }
            }
        }
        self.send(&WorkerUp::Taken { session: key.session, attempt: key.attempt }).await;
    }

    async fn end(&mut self, key: Key, mode: StopMode) {
        match self.attempts.get(&key) {
            Some(attempt) => {
                let run_dir = attempt.run_dir.clone();
                // The answer is the attempt's end, which its watcher tells.
                let asked = tokio::task::spawn_blocking(move || attempt::ask_to_end(&run_dir, mode)).await;
                if let Ok(Err(error)) = asked {
                    tracing::warn!(session = %key.session, attempt = key.attempt, error = %error, "cannot end an attempt");
                }
            }
            // Never launched here, or delivered already: there is nothing of it on this machine.
            None => {
                let exit = convene_core::failure::AttemptExit {
                    by: "worker".to_owned(),
                    verified: true,
                    detail: "it was never started here".to_owned(),
                    ..Default::default()
                };
                self.send(&WorkerUp::Ended { session: key.session, attempt: key.attempt, exit }).await;
            }
        }
    }

    async fn ended(&mut self, key: Key, how: Ended) {
        let Some(attempt) = self.attempts.get_mut(&key) else { return };
        attempt.ended = Some(how);
        self.deliver(key, None).await;
    }

    /// Sends the next piece of an ended attempt: a batch of its tail, or its end once the tail is taken.
    async fn deliver(&mut self, key: Key, ack: Option<Option<u64>>) {
        let Some(attempt) = self.attempts.get_mut(&key) else { return };
        if self.link.is_none() {
            return;
        }
        if let Some(frame) = deliver::next(key, attempt, ack) {
            self.send(&frame).await;
        }
    }

    async fn forget(&mut self, key: Key) {
        let Some(attempt) = self.attempts.remove(&key).filter(|a| a.ended.is_some()) else { return };
        let removed = tokio::task::spawn_blocking(move || attempt.run_dir.remove()).await;
        if let Ok(Err(error)) = removed {
            tracing::warn!(session = %key.session, attempt = key.attempt, error = %error, "cannot remove a run directory");
        }
    }

    async fn keep_house(&mut self) {
        while self.watchers.try_join_next().is_some() {}
        let keepers: Vec<i32> = self.attempts.values().filter_map(Attempt::keeper).collect();
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || death::reap_adopted(&keepers)).await {
            tracing::warn!(error = %error, "cannot reap");
        }
        let agents = self.config.agents.detect();
        if self.link.is_some() && agents != self.agents {
            self.agents.clone_from(&agents);
            self.send(&WorkerUp::Agents { agents }).await;
        }
    }

    async fn send(&mut self, frame: &WorkerUp) {
        if let Some(link) = &mut self.link
            && let Err(error) = link.send(frame).await
        {
            // The receiving side finds the end and redials; what was not acknowledged is sent again then.
            tracing::debug!(error = %error, "a frame was not sent");
        }
    }
}

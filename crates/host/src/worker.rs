//! The worker: one per machine. It takes attempts from the server, launches their keepers and runners, adopts what an
//! earlier worker left running, and tells the server how each attempt ended, after the last of its events.
//!
//! It holds no state that matters: the run directories have it. A worker that is killed costs nothing; the next one
//! scans them and goes on. Its loop waits for the link, its tasks and the clock, and never for the disk: whatever
//! blocks is a task that comes back as `News`.

mod attempt;
mod deliver;
mod leftovers;
mod memory;
mod question;
pub mod root;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry},
    future::Future,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use convene_api::{
    problem::Code,
    uplink::{
        Answer, AttemptMemory, HeldAttempt, PROTOCOL, StartAttempt, WORKER_PATH, WorkerDown, WorkerHello, WorkerUp,
    },
};
use convene_core::{
    dispatch::DetectedAgent,
    event::StopMode,
    failure::AttemptExit,
    ids::{InstanceId, SessionId, WorkerName},
};
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
    time::MissedTickBehavior,
};
use tokio_util::sync::CancellationToken;

use crate::{
    death,
    detect::Agents,
    dial::{self, Dialed, Link},
    launch_spec::{ServerAddr, TreeMax},
    rundir::{self, RunDir},
};
pub(crate) use attempt::ask_to_end;
use attempt::{Attempt, Key, Refusal};
use deliver::Remains;

/// The pause before a lost link is dialed again.
const AGAIN: Duration = Duration::from_millis(100);

/// The pause before a server is dialed again that knows another process by this worker's name.
const PATIENTLY: Duration = Duration::from_secs(2);

/// How often adopted zombies are reaped and agents are looked for again.
const HOUSEKEEPING: Duration = Duration::from_secs(10);

/// News of attempts that wait for the loop. Each attempt tells at most two; past this, its task waits.
const NEWS: usize = 64;

/// What a worker is told at its start.
// No `Debug`: the token, and what the agents' environments hold, may reach no log.
#[derive(Clone)]
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
    /// Where the worktrees of sessions are made.
    pub worktree_root: PathBuf,
    /// Where the server is.
    pub server: ServerAddr,
    /// What it shows the server.
    pub token: String,
    /// The agents of this machine, and the program that runners are started from.
    pub agents: Agents,
    /// How long an agent may take to start, in milliseconds.
    pub start_timeout_ms: u64,
    /// How long an agent without a session waits for a sign-in, in milliseconds.
    pub sign_in_timeout_ms: u64,
    /// The longest line that is taken from an agent, in bytes.
    pub line_max: usize,
    /// What an agent and all that it starts may take.
    pub tree_max: TreeMax,
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
    /// Nobody can tell which attempts an earlier worker left here.
    #[error("cannot look for attempts of an earlier worker")]
    Scan(#[from] rundir::Error),
}

/// Runs a worker until it is cancelled. Attempts go on without it.
///
/// # Errors
/// If the server refuses it for good, or the machine what it needs.
pub async fn run(config: WorkerConfig, cancel: CancellationToken) -> Result<(), Error> {
    death::become_subreaper()?;
    let _lock = root::lock(&config.run_root)?;
    death::enable_limits();
    let (tell, news) = mpsc::channel(NEWS);
    let mut worker = Worker {
        agents: config.agents.detect(),
        config: Arc::new(config),
        attempts: HashMap::new(),
        tasks: JoinSet::new(),
        house: None,
        tell,
        link: None,
        link_number: 0,
        questions: 0,
        removing: BTreeSet::new(),
        told: None,
        pause: AGAIN,
        was_connected: false,
    };
    worker.adopt()?;
    tokio::select! {
        () = cancel.cancelled() => Ok(()),
        result = worker.serve(news) => result,
    }
}

struct Worker {
    config: Arc<WorkerConfig>,
    /// Everything that has, or is about to have, a run directory here. The server frees a seat when an end is told.
    attempts: HashMap<Key, Attempt>,
    /// One for each attempt that is alive, and short ones. Dropped with the worker, which lets go of the attempts and
    /// does not end them.
    tasks: JoinSet<()>,
    /// The housekeeping that is under way.
    house: Option<AbortHandle>,
    tell: mpsc::Sender<News>,
    link: Option<Link>,
    /// Which link it is: an answer belongs to the one that the question came by.
    link_number: u64,
    questions: usize,
    /// Sessions whose worktrees are being removed.
    removing: BTreeSet<SessionId>,
    /// The last session of which it was told that something is left.
    told: Option<SessionId>,
    /// How long the next loss waits before it dials again.
    pause: Duration,
    /// Whether the server has welcomed it before.
    was_connected: bool,
    agents: Vec<DetectedAgent>,
}

/// What a worker's tasks found out.
enum News {
    Launched(Key, RunDir),
    Refused(Key, Refusal),
    Ended(Key, Remains),
    Agents(Vec<DetectedAgent>),
    Leftovers(Vec<SessionId>),
    Memory(Vec<AttemptMemory>),
    Answered { link: u64, id: u64, answer: Answer, removed: Option<SessionId> },
}

/// What can happen to a worker.
enum Input {
    Linked(Link),
    Lost,
    Frame(WorkerDown),
    News(News),
    Housekeeping,
}

impl Worker {
    /// Takes up every run directory that is there: alive ones are watched, ended ones are delivered.
    fn adopt(&mut self) -> Result<(), Error> {
        for run_dir in RunDir::scan(&self.config.run_root)? {
            let Ok(session) = run_dir.session().parse::<SessionId>() else { continue };
            let key = Key { session, attempt: run_dir.attempt() };
            tracing::info!(%session, attempt = key.attempt, "adopting an attempt");
            self.attempts.insert(key, Attempt::Watched(run_dir.clone()));
            self.tasks.spawn(attempt::adopt(key, run_dir, self.tell.clone()));
        }
        Ok(())
    }

    async fn serve(&mut self, mut news: mpsc::Receiver<News>) -> Result<(), Error> {
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
                            return Err(Error::Rejected { code: Code::TokenInvalid.as_str().to_owned(), reason });
                        }
                    },
                    Some(news) = news.recv() => Input::News(news),
                    _ = housekeeping.tick() => Input::Housekeeping,
                },
                (Some(link), _) => tokio::select! {
                    frame = link.receive::<WorkerDown>() => frame.map_or(Input::Lost, Input::Frame),
                    Some(news) = news.recv() => Input::News(news),
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
                Input::News(news) => self.hear(news).await,
                Input::Housekeeping => self.keep_house(),
            }
        }
    }

    /// Dials the server after a pause, until it answers.
    fn dial(&self, pause: Duration) -> Pin<Box<dyn Future<Output = Dialed> + Send>> {
        let (server, token) = (self.config.server.clone(), self.config.token.clone());
        let was_connected = self.was_connected;
        Box::pin(async move {
            tokio::time::sleep(pause).await;
            // Once: a server that is away for a night fills no log.
            match dial::dial(&server, WORKER_PATH, &token).await {
                Ok(link) => return Dialed::Linked(link),
                Err(dial::Error::Unreachable(_)) if was_connected => {
                    tracing::warn!(%server, "the connection is lost; sessions go on, dialing again");
                }
                Err(dial::Error::Unreachable(_)) => {
                    tracing::warn!(%server, "nothing answers there; dialing again until something does");
                }
                // The next try says so, too.
                Err(dial::Error::Refused { .. } | dial::Error::Address { .. }) => {}
            }
            dial::redial(server, WORKER_PATH, token).await
        })
    }

    async fn hello(&mut self, link: Link) {
        self.link = Some(link);
        self.link_number += 1;
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
                let words = if self.was_connected { "connected again" } else { "connected" };
                tracing::info!(server = %self.config.server, seats = self.config.seats, "{words}");
                self.was_connected = true;
                // What was under way on the last connection begins again; the server drops what it knows.
                let keys: Vec<Key> = self.attempts.keys().copied().collect();
                for key in keys {
                    self.deliver(key, |remains| remains.first(key)).await;
                }
            }
            WorkerDown::StartAttempt(start) => self.start(start).await,
            WorkerDown::EndAttempt { session, attempt, mode } => self.end(Key { session, attempt }, mode).await,
            WorkerDown::TailAck { session, attempt, next_index } => {
                let key = Key { session, attempt };
                self.deliver(key, |remains| remains.after(key, next_index)).await;
            }
            WorkerDown::EndedAck { session, attempt } => self.forget(Key { session, attempt }),
            WorkerDown::Ask { id, question } => self.answer(id, question).await,
            WorkerDown::Forget { sessions } => self.forget_sessions(sessions),
            WorkerDown::Rejected { code, reason } if code == Code::WrongState.as_str() => {
                // An earlier process of this name may not have been missed yet; dial again until it is.
                tracing::warn!(reason, "the server does not want this worker now; trying again");
                self.pause = PATIENTLY;
                self.link = None;
            }
            WorkerDown::Rejected { code, reason } => return Err(Error::Rejected { code, reason }),
        }
        Ok(())
    }

    async fn hear(&mut self, news: News) {
        match news {
            News::Launched(key, run_dir) => {
                self.attempts.insert(key, Attempt::Watched(run_dir));
                self.send(&WorkerUp::Taken { session: key.session, attempt: key.attempt }).await;
            }
            News::Refused(key, refusal) => {
                self.attempts.remove(&key);
                let (code, detail) = (refusal.code.as_str().to_owned(), refusal.detail);
                self.send(&WorkerUp::Refused { session: key.session, attempt: key.attempt, code, detail }).await;
            }
            News::Ended(key, remains) => {
                self.attempts.insert(key, Attempt::Ended(remains));
                self.deliver(key, |remains| remains.first(key)).await;
            }
            News::Agents(agents) if agents == self.agents => {}
            News::Agents(agents) => {
                self.agents.clone_from(&agents);
                self.send(&WorkerUp::Agents { agents }).await;
            }
            News::Leftovers(sessions) => {
                self.told = sessions.last().copied();
                if !sessions.is_empty() {
                    self.send(&WorkerUp::Leftovers { sessions }).await;
                }
            }
            News::Memory(attempts) => {
                if !attempts.is_empty() {
                    self.send(&WorkerUp::Memory { attempts }).await;
                }
            }
            News::Answered { link, id, answer, removed } => {
                self.questions -= 1;
                if let Some(session) = removed {
                    self.removing.remove(&session);
                }
                if link == self.link_number {
                    self.send(&WorkerUp::Answer { id, answer }).await;
                }
            }
        }
    }

    async fn start(&mut self, start: StartAttempt) {
        if self.removing.contains(&start.session) {
            // Its directory is about to be gone, and made again for this one: the order comes again.
            return;
        }
        let key = Key { session: start.session, attempt: start.attempt };
        match self.attempts.entry(key) {
            Entry::Vacant(place) => {
                place.insert(Attempt::Launching);
                self.tasks.spawn(attempt::run(Arc::clone(&self.config), start, self.tell.clone()));
            }
            // Sent again because the answer was lost, or is not there yet: never launched twice.
            Entry::Occupied(place) => match place.get() {
                Attempt::Launching => {}
                Attempt::Watched(_) | Attempt::Ended(_) => {
                    self.send(&WorkerUp::Taken { session: key.session, attempt: key.attempt }).await;
                }
            },
        }
    }

    async fn end(&mut self, key: Key, mode: StopMode) {
        match self.attempts.get(&key) {
            // The order comes again; the end of what has ended is on its way.
            Some(Attempt::Launching | Attempt::Ended(_)) => {}
            Some(Attempt::Watched(run_dir)) => {
                let run_dir = run_dir.clone();
                self.tasks.spawn_blocking(move || attempt::ask_to_end(&run_dir, mode));
            }
            // Never launched here, or delivered already: there is nothing of it on this machine.
            None => {
                let exit = AttemptExit {
                    by: "worker".to_owned(),
                    verified: true,
                    detail: "it was never started here".to_owned(),
                    ..AttemptExit::default()
                };
                self.send(&WorkerUp::Ended { session: key.session, attempt: key.attempt, exit }).await;
            }
        }
    }

    /// Sends the next piece of an ended attempt: a batch of its tail, or its end once the tail is taken.
    async fn deliver(&mut self, key: Key, next: impl FnOnce(&mut Remains) -> WorkerUp) {
        if self.link.is_none() {
            return;
        }
        let frame = match self.attempts.get_mut(&key) {
            Some(Attempt::Ended(remains)) => next(remains),
            Some(Attempt::Launching | Attempt::Watched(_)) | None => return,
        };
        self.send(&frame).await;
    }

    fn forget(&mut self, key: Key) {
        if !matches!(self.attempts.get(&key), Some(Attempt::Ended(_))) {
            return;
        }
        if let Some(Attempt::Ended(remains)) = self.attempts.remove(&key) {
            self.tasks.spawn_blocking(move || attempt::remove(remains.into_run_dir()));
        }
    }

    /// Removes what is left of sessions that are gone. Attempts that are alive or not delivered end by themselves.
    fn forget_sessions(&mut self, sessions: Vec<SessionId>) {
        let watched: BTreeSet<SessionId> = self.attempts.keys().map(|key| key.session).collect();
        let run_root = self.config.run_root.clone();
        self.tasks.spawn_blocking(move || leftovers::forget(&run_root, &sessions.into_iter().collect(), &watched));
    }

    fn keep_house(&mut self) {
        while self.tasks.try_join_next().is_some() {}
        // One at a time: a directory of the PATH may hang.
        if self.house.as_ref().is_some_and(|house| !house.is_finished()) {
            return;
        }
        let (config, tell, told) = (Arc::clone(&self.config), self.tell.clone(), self.told);
        let alive = self.attempts.iter().filter_map(|(key, attempt)| match attempt {
            Attempt::Watched(run_dir) => Some((*key, run_dir.clone())),
            Attempt::Launching | Attempt::Ended(_) => None,
        });
        let alive: Vec<_> = alive.collect();
        self.house = Some(self.tasks.spawn_blocking(move || {
            if let Err(error) = death::reap_adopted() {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot reap");
            }
            // The worker is gone if this fails.
            let _ = tell.blocking_send(News::Memory(memory::of_attempts(&alive)));
            let _ = tell.blocking_send(News::Agents(config.agents.look_closely()));
            let _ = tell.blocking_send(News::Leftovers(leftovers::sessions(&config.run_root, told)));
        }));
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

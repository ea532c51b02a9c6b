//! What every handler has: the engine, the keys, the config, and who is connected.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use convene_api::body::{Cursor, ServerStatus, StorageTrouble};
use convene_core::{
    Timestamp,
    ids::{SessionId, WorkerName},
};
use convene_engine::{Shared as EngineShared, storage::SqliteReader};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    announced::Announcements,
    audit::Audit,
    auth::{Keys, LoggedOut, LoginLinks, Origins, Usage},
    config::ServeConfig,
    metrics::Metrics,
    page::Page,
    rate::Limiter,
    removals::Removals,
    stream::{Texts, cast::Hall},
    uplink::Asks,
};

/// The engine over the store that this server opens.
pub type Engine = convene_engine::Engine<SqliteReader>;

/// Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Shared>);

/// What the handlers share.
pub struct Shared {
    /// Decides and commits.
    pub engine: Engine,
    /// What it was started with.
    pub config: ServeConfig,
    /// Makes and reads tokens.
    pub keys: Keys,
    /// Login links that were given out.
    pub links: LoginLinks,
    /// Browsers that logged out.
    pub logged_out: LoggedOut,
    /// Where requests may come from.
    pub origins: Origins,
    /// How often callers may ask.
    pub limiter: Limiter,
    /// Who did what.
    pub audit: Audit,
    /// When tokens were last shown.
    pub usage: Usage,
    /// Told that a token may have ended.
    pub tokens_changed: watch::Sender<()>,
    /// The name of the page's cookie; cookies know no ports, so the port is in it.
    pub cookie: String,
    /// The dashboard.
    pub page: Page,
    /// Events as they were last written for clients.
    pub texts: Texts,
    /// Those who watch and have caught up.
    pub hall: Hall,
    /// When the server came up.
    pub started_at: Timestamp,
    /// Ends streams and sockets; they end by themselves, and clients come back by cursor.
    pub closing: CancellationToken,
    /// Sockets that are open; waited for at the end.
    pub sockets: TaskTracker,
    /// Who is connected.
    pub links_up: LinksUp,
    /// What the doors count and time.
    pub metrics: Metrics,
    /// The way to ask a worker something.
    pub asks: Asks,
    /// Whose turn it is to look for what is wrong.
    pub doctor: tokio::sync::Mutex<()>,
    /// What agents announced about themselves.
    pub announced: Arc<Announcements>,
    /// Worktrees that go with their sessions.
    pub removals: Removals,
    /// Held while sessions are pruned: whoever asks again meanwhile gets the answer to what is under way.
    pub pruning: tokio::sync::Mutex<()>,
    /// Told that something about a worker, or an agent on it, may have changed.
    pub workers_changed: watch::Sender<()>,
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    /// Shares it.
    pub fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// Whether an attempt is its session's current one.
    pub fn is_current(&self, session: SessionId, attempt: u32) -> bool {
        let published = self.engine.shared().session(session);
        published.is_some_and(|p| p.state.phase.attempt().is_some_and(|a| a.number == attempt))
    }

    /// Where a reader goes on that has seen a session up to `seq`, and the store up to `pos`.
    pub fn cursor(&self, seq: u64, pos: u64) -> Cursor {
        Cursor { seq, pos, epoch: self.engine.shared().epoch }
    }

    /// Why nothing can be written, as long as that is so.
    pub fn storage(&self) -> Option<StorageTrouble> {
        let no_room = self.engine.shared().no_room()?;
        let problem = crate::error::store(&no_room.error);
        let hint = problem.hint.or_else(|| problem.code.hint().map(ToOwned::to_owned));
        Some(StorageTrouble { code: problem.code, detail: problem.detail, hint, since: no_room.since })
    }

    /// How the server is, without what only the owner may see.
    pub fn status(&self) -> ServerStatus {
        let now = self.engine.now();
        let workers: Vec<_> = self.engine.workers().all().into_iter().filter(|w| w.status.connected).collect();
        let taken = convene_engine::Workers::seats_taken(self.engine.shared());
        let uptime = now.as_second() - self.started_at.as_second();
        let storage = self.storage();
        let status = match &storage {
            _ if self.closing.is_cancelled() => "stopping",
            Some(trouble) => trouble.code.as_str(),
            None => "ok",
        };
        ServerStatus {
            status: status.to_owned(),
            storage,
            version: self.config.version.clone(),
            epoch: self.engine.shared().epoch,
            server_time: now,
            uptime_seconds: u64::try_from(uptime).unwrap_or(0),
            sessions: BTreeMap::new(),
            workers: u32::try_from(workers.len()).unwrap_or(u32::MAX),
            seats: workers.iter().map(|w| w.status.seats).sum(),
            seats_taken: taken.values().sum(),
        }
    }
}

/// Uplinks that are open. A peer that redials may be here before its old connection is known to be dead, so each
/// connection has a number, and only the newest one counts.
#[derive(Debug, Default)]
pub struct LinksUp {
    last: AtomicU64,
    runners: Mutex<HashMap<SessionId, RunnerLink>>,
    workers: Mutex<HashMap<WorkerName, u64>>,
}

#[derive(Debug)]
struct RunnerLink {
    link: u64,
    /// Bytes in its spool that are not committed.
    spooled: u64,
}

impl LinksUp {
    /// A runner's uplink is up.
    pub fn runner_up(&self, shared: &EngineShared, session: SessionId) -> u64 {
        let link = self.next();
        let runner = RunnerLink { link, spooled: 0 };
        let mut runners = self.runners.lock().unwrap_or_else(PoisonError::into_inner);
        runners.insert(session, runner);
        shared.runners.here(session);
        link
    }

    /// A runner's uplink is down.
    pub fn runner_down(&self, shared: &EngineShared, session: SessionId, link: u64, now: Timestamp) {
        let mut runners = self.runners.lock().unwrap_or_else(PoisonError::into_inner);
        if runners.get(&session).is_some_and(|runner| runner.link == link) {
            runners.remove(&session);
            // Nobody misses the runner of an attempt that is over.
            if shared.session(session).is_some_and(|published| published.state.phase.attempt().is_some()) {
                shared.runners.away(session, now);
            } else {
                shared.runners.gone(session);
            }
        }
    }

    /// A runner that is connected has not answered since then, or answers.
    pub fn runner_answers(&self, shared: &EngineShared, session: SessionId, link: u64, quiet: Option<Timestamp>) {
        let runners = self.runners.lock().unwrap_or_else(PoisonError::into_inner);
        if runners.get(&session).is_some_and(|runner| runner.link == link) {
            match quiet {
                Some(since) => shared.runners.away(session, since),
                None => shared.runners.here(session),
            }
        }
    }

    /// Whether a session's runner is connected.
    pub fn has_runner(&self, session: SessionId) -> bool {
        self.runners.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&session)
    }

    /// A runner has so many bytes on its disk that are not committed.
    pub fn runner_holds(&self, session: SessionId, link: u64, spooled: u64) {
        let mut runners = self.runners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runner) = runners.get_mut(&session).filter(|runner| runner.link == link) {
            runner.spooled = spooled;
        }
    }

    /// How many bytes all connected runners have on disk that are not committed, as they last told.
    pub fn spooled(&self) -> u64 {
        self.runners.lock().unwrap_or_else(PoisonError::into_inner).values().map(|runner| runner.spooled).sum()
    }

    /// How many runners are connected.
    pub fn runners(&self) -> usize {
        self.runners.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// A worker's uplink is up.
    pub fn worker_up(&self, name: &WorkerName) -> u64 {
        let link = self.next();
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), link);
        link
    }

    /// Whether a worker's uplink is its newest one.
    pub fn is_newest(&self, name: &WorkerName, link: u64) -> bool {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).get(name) == Some(&link)
    }

    fn next(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }
}

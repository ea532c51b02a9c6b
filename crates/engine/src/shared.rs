//! What the sequencer publishes: the newest committed states, and what changed last.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use convene_core::{
    ids::{SessionId, ThreadId},
    session::SessionState,
    thread::ThreadState,
};
use convene_store::{ChangedObject, LogKey, feed::Feed};
use tokio::sync::Notify;

/// How many changed objects list readers find in memory; older changes are in the store.
const CHANGES_MAX: usize = 20_000;

/// A session as the last commit left it.
#[derive(Debug, Clone)]
pub struct Published {
    /// Its log.
    pub log: LogKey,
    /// Its state.
    pub state: Arc<SessionState>,
    /// The position of its first event.
    pub created_pos: u64,
    /// The last command that changed it and had a key: where, and the key.
    pub command: Option<(u64, Arc<str>)>,
}

/// Shared between the sequencer, which writes, and everybody else, who read.
#[derive(Debug)]
pub struct Shared {
    /// The feed.
    pub feed: Feed,
    /// The log's epoch.
    pub epoch: u64,
    sessions: RwLock<HashMap<SessionId, Published>>,
    threads: RwLock<HashMap<ThreadId, Arc<ThreadState>>>,
    changes: Mutex<Changes>,
    /// Wakes the dispatcher.
    pub dispatch: Notify,
    /// Wakes the workers' uplinks.
    pub placed: tokio::sync::watch::Sender<u64>,
    /// Counters for `/metrics`.
    pub metrics: Metrics,
}

/// Counters of the engine; each only grows.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Transactions.
    pub commits: AtomicU64,
    /// Transactions that the store refused.
    pub failed_commits: AtomicU64,
    /// Items in those transactions.
    pub items: AtomicU64,
    /// Events.
    pub events: AtomicU64,
    /// Items that were refused.
    pub rejected: AtomicU64,
    /// Reports of attempts that are not current.
    pub fenced: AtomicU64,
    /// Nanoseconds spent in the store.
    pub commit_nanos: AtomicU64,
}

impl Metrics {
    pub(crate) fn add(counter: &AtomicU64, n: usize) {
        counter.fetch_add(u64::try_from(n).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct Changes {
    /// Every change above this position is in `by_pos`.
    floor: u64,
    by_pos: BTreeMap<u64, ChangedObject>,
    last: HashMap<SessionId, u64>,
    last_thread: HashMap<ThreadId, u64>,
}

impl Shared {
    pub(crate) fn new(pos: u64, epoch: u64) -> Self {
        Self {
            feed: Feed::new(pos),
            epoch,
            sessions: RwLock::default(),
            threads: RwLock::default(),
            changes: Mutex::new(Changes { floor: pos, ..Changes::default() }),
            dispatch: Notify::new(),
            placed: tokio::sync::watch::Sender::new(0),
            metrics: Metrics::default(),
        }
    }

    /// A session that is in memory: every live one, and those touched lately.
    pub fn session(&self, id: SessionId) -> Option<Published> {
        self.sessions.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// All sessions in memory that fit.
    pub fn sessions_where(&self, fits: impl Fn(&SessionState) -> bool) -> Vec<Published> {
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        sessions.values().filter(|p| fits(&p.state)).cloned().collect()
    }

    /// A thread that is in memory.
    pub fn thread(&self, id: ThreadId) -> Option<Arc<ThreadState>> {
        self.threads.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    pub(crate) fn put_session(&self, published: Published) {
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(published.state.id, published);
    }

    pub(crate) fn put_thread(&self, thread: Arc<ThreadState>) {
        self.threads.write().unwrap_or_else(PoisonError::into_inner).insert(thread.id, thread);
    }

    pub(crate) fn changed(&self, objects: impl IntoIterator<Item = (ChangedObject, u64)>) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = &mut *changes;
        for (object, pos) in objects {
            let old = match object {
                ChangedObject::Session(id) => changes.last.insert(id, pos),
                ChangedObject::Thread(id) => changes.last_thread.insert(id, pos),
            };
            if let Some(old) = old {
                changes.by_pos.remove(&old);
            }
            changes.by_pos.insert(pos, object);
        }
        while changes.by_pos.len() > CHANGES_MAX {
            let Some((pos, object)) = changes.by_pos.pop_first() else { break };
            changes.floor = pos;
            match object {
                ChangedObject::Session(id) => changes.last.remove(&id),
                ChangedObject::Thread(id) => changes.last_thread.remove(&id),
            };
        }
    }

    /// Objects that changed after `pos`, ascending, each once; `None` if memory does not reach back that far.
    pub(crate) fn changed_after(&self, pos: u64, limit: usize) -> Option<Vec<(u64, ChangedObject)>> {
        let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if pos < changes.floor {
            return None;
        }
        Some(changes.by_pos.range(pos + 1..).take(limit).map(|(pos, object)| (*pos, *object)).collect())
    }
}

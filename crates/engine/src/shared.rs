//! What the sequencer publishes: the newest committed states, and what changed last.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicUsize, Ordering},
    },
};

use convene_core::{
    Timestamp,
    ids::{SessionId, ThreadId},
    limits,
    session::{Phase, SessionState},
    thread::ThreadState,
    view,
};
use convene_store::{ChangedObject, LogKey, Reader, feed::Feed};
use tokio::sync::{Notify, watch};

use crate::{error::Error, load, memory::Memory, metrics::Metrics, runners::Runners, watched::Watched};

/// How many changed objects list readers find in memory; older changes are in the store.
const CHANGES_MAX: usize = 20_000;

/// How many sessions at rest (stopped, hibernated, deleted) are kept in memory; a state is some kilobytes.
const SESSIONS_AT_REST: usize = 1024;

/// How many threads are kept in memory; a state is some hundred bytes, and a thread is never at work.
const THREADS: usize = 4096;

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
    /// Why its log cannot be read to its end, if it cannot: then the state is what can be read, and no command is taken.
    pub damaged: Option<Arc<str>>,
    /// Up to where its newest snapshot is folded.
    pub(crate) snapshot_seq: u64,
}

impl Published {
    /// Whether nothing happens by itself any more.
    fn at_rest(&self) -> bool {
        let at_rest = matches!(self.state.phase, Phase::Stopped { .. } | Phase::Hibernated);
        at_rest || self.state.deleted || self.damaged.is_some()
    }
}

/// A thread as the last commit left it.
#[derive(Debug, Clone)]
pub(crate) struct PublishedThread {
    pub(crate) log: LogKey,
    pub(crate) state: Arc<ThreadState>,
    /// The position of its first event.
    pub(crate) created_pos: u64,
}

/// Nothing can be written: the disk is full, or refuses.
#[derive(Debug, Clone)]
pub struct NoRoom {
    /// Since when.
    pub since: Timestamp,
    /// What the store said.
    pub error: Arc<convene_store::Error>,
}

/// Shared between the sequencer, which writes, and everybody else, who read.
#[derive(Debug)]
pub struct Shared {
    /// The feed.
    pub feed: Feed,
    /// The log's epoch.
    pub epoch: u64,
    sessions: RwLock<Memory<SessionId, Published>>,
    threads: RwLock<Memory<ThreadId, PublishedThread>>,
    changes: Mutex<Changes>,
    /// How many sessions may be live; no further one is made then.
    live_max: AtomicUsize,
    /// How many prompts may wait in a session; no further one is taken then.
    queue_max: AtomicUsize,
    /// Wakes the dispatcher.
    pub dispatch: Notify,
    /// Wakes the workers' uplinks.
    pub placed: watch::Sender<u64>,
    /// Wakes list readers at once: the last position at which more than the text of an answer changed.
    pub(crate) material: watch::Sender<u64>,
    /// Why nothing can be written, as long as that is so.
    pub(crate) no_room: watch::Sender<Option<NoRoom>>,
    /// Which runners are connected.
    pub runners: Runners,
    /// Which sessions somebody looks at.
    pub watched: Arc<Watched>,
    /// Counters for `/metrics`.
    pub metrics: Metrics,
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
            sessions: RwLock::new(Memory::new(SESSIONS_AT_REST)),
            threads: RwLock::new(Memory::new(THREADS)),
            changes: Mutex::new(Changes { floor: pos, ..Changes::default() }),
            live_max: AtomicUsize::new(usize::MAX),
            queue_max: AtomicUsize::new(limits::QUEUE),
            dispatch: Notify::new(),
            placed: watch::Sender::new(0),
            material: watch::Sender::new(pos),
            no_room: watch::Sender::new(None),
            runners: Runners::default(),
            watched: Arc::default(),
            metrics: Metrics::default(),
        }
    }

    /// Lets no more than so many sessions be live from here on; those that are stay so.
    pub fn limit_live(&self, max: usize) {
        self.live_max.store(max, Ordering::Relaxed);
    }

    /// Lets no more than so many prompts wait in a session from here on.
    pub fn limit_queue(&self, max: usize) {
        self.queue_max.store(max.min(limits::QUEUE_MAX), Ordering::Relaxed);
    }

    /// How many prompts may wait in a session.
    pub fn queue_max(&self) -> usize {
        self.queue_max.load(Ordering::Relaxed)
    }

    /// How many sessions may be live.
    pub fn live_max(&self) -> usize {
        self.live_max.load(Ordering::Relaxed)
    }

    /// Why nothing can be written, if that is so.
    pub fn no_room(&self) -> Option<NoRoom> {
        self.no_room.borrow().clone()
    }

    /// Follows whether anything can be written.
    pub fn follow_room(&self) -> watch::Receiver<Option<NoRoom>> {
        self.no_room.subscribe()
    }

    /// How many sessions are live: neither stopped, hibernated, deleted nor damaged.
    pub fn live(&self) -> usize {
        self.all().at_work()
    }

    /// A session that is in memory: every live one, and those touched lately.
    pub fn session(&self, id: SessionId) -> Option<Published> {
        self.all().get(id).cloned()
    }

    /// Whether a session that is in memory is deleted.
    pub fn is_deleted(&self, id: SessionId) -> bool {
        self.all().get(id).is_some_and(|published| published.state.deleted)
    }

    /// All sessions in memory that fit; damaged ones are left alone.
    pub fn sessions_where(&self, fits: impl Fn(&SessionState) -> bool) -> Vec<Published> {
        self.all().values().filter(|p| p.damaged.is_none() && fits(&p.state)).cloned().collect()
    }

    /// Looks at all sessions in memory; damaged ones are left alone. Everybody else waits meanwhile.
    pub(crate) fn each_session(&self, mut look: impl FnMut(&SessionState)) {
        self.all().values().filter(|p| p.damaged.is_none()).for_each(|p| look(&p.state));
    }

    /// Sessions in memory whose logs cannot be read to their end, with the reason.
    pub fn damaged(&self) -> Vec<(SessionId, Arc<str>)> {
        self.all().values().filter_map(|p| Some((p.state.id, p.damaged.clone()?))).collect()
    }

    /// A thread that is in memory.
    pub fn thread(&self, id: ThreadId) -> Option<Arc<ThreadState>> {
        self.published_thread(id).map(|thread| thread.state)
    }

    pub(crate) fn published_thread(&self, id: ThreadId) -> Option<PublishedThread> {
        self.threads.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// A session as it was loaded before there was anything newer.
    pub(crate) fn begin_with(&self, id: SessionId, published: Published) {
        let at_rest = published.at_rest();
        self.sessions.write().unwrap_or_else(PoisonError::into_inner).put(id, published, at_rest);
    }

    /// A session from memory or from the store, from where it is remembered.
    pub(crate) fn find_session<R: Reader>(&self, reader: &R, id: SessionId) -> Result<Published, Error> {
        let evicted = {
            let all = self.all();
            if let Some(published) = all.get(id) {
                return Ok(published.clone());
            }
            all.evicted()
        };
        let published = load::session(reader, id)?;
        let at_rest = published.at_rest();
        let mut all = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        all.fill(id, published.clone(), at_rest, evicted);
        // Something newer may have come while the store was read.
        Ok(all.get(id).cloned().unwrap_or(published))
    }

    /// A thread from memory or from the store, from where it is remembered.
    pub(crate) fn find_thread<R: Reader>(&self, reader: &R, id: ThreadId) -> Result<PublishedThread, Error> {
        let evicted = {
            let all = self.threads.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(thread) = all.get(id) {
                return Ok(thread.clone());
            }
            all.evicted()
        };
        let row = reader.thread(id)?.ok_or(Error::ThreadNotFound(id))?;
        let state = serde_json::from_str(&row.state).map_err(|_| Error::ThreadNotFound(id))?;
        let thread = PublishedThread { log: row.log, state: Arc::new(state), created_pos: row.created_pos };
        let mut all = self.threads.write().unwrap_or_else(PoisonError::into_inner);
        all.fill(id, thread.clone(), true, evicted);
        Ok(all.get(id).cloned().unwrap_or(thread))
    }

    /// Publishes a session; tells whether more changed than the text of an answer.
    pub(crate) fn put_session(&self, published: Published) -> bool {
        let (id, state, at_rest) = (published.state.id, Arc::clone(&published.state), published.at_rest());
        let mut all = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        let old = all.put(id, published, at_rest);
        drop(all);
        if at_rest {
            self.runners.gone(id);
        }
        old.is_none_or(|old| is_material(&old.state, &state))
    }

    pub(crate) fn put_thread(&self, thread: PublishedThread) {
        self.threads.write().unwrap_or_else(PoisonError::into_inner).put(thread.state.id, thread, true);
    }

    fn all(&self) -> RwLockReadGuard<'_, Memory<SessionId, Published>> {
        self.sessions.read().unwrap_or_else(PoisonError::into_inner)
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

/// Whether somebody who looks at a list waits for this change; what an agent streams may come a little later.
fn is_material(old: &SessionState, new: &SessionState) -> bool {
    // What was read from the store a moment before it is published has been shown to nobody's list.
    old.seq >= new.seq
        || old.phase.name() != new.phase.name()
        || view::badge(old) != view::badge(new)
        || waiting(old) != waiting(new)
        || old.title != new.title
        || old.archived != new.archived
        || old.deleted != new.deleted
        || old.labels != new.labels
        || old.turns != new.turns
        || old.queue.len() != new.queue.len()
        || old.last_turn.as_ref().map(|t| t.id) != new.last_turn.as_ref().map(|t| t.id)
        || !old.permissions.keys().eq(new.permissions.keys())
        || !old.elicitations.keys().eq(new.elicitations.keys())
        || old.failure != new.failure
        || !Arc::ptr_eq(&old.spec, &new.spec)
}

fn waiting(state: &SessionState) -> Option<&convene_core::session::Waiting> {
    match &state.phase {
        Phase::Pending { waiting } => waiting.as_ref(),
        Phase::Starting { .. }
        | Phase::Idle { .. }
        | Phase::Running { .. }
        | Phase::Stopping { .. }
        | Phase::Hibernated
        | Phase::Stopped { .. } => None,
    }
}

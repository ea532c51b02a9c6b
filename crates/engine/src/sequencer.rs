//! The sequencer: decides every item on the newest speculative state, and commits them as a group.
//!
//! It runs on a thread of its own and is the store's only writer, so deciding and committing need no lock and no
//! second try. While it waits for the disk the next group gathers: that is the group commit.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, atomic::Ordering},
};

use convene_core::{
    Timestamp,
    command::{Command, Create},
    event::{Event, EventBody, EventData, KnownEvent},
    ids::{SessionId, ThreadId},
    rejection::Rejection,
    session::{self, Decision, Phase, SessionState},
    thread::{ThreadEvent, ThreadState},
    view,
};
use convene_store::{
    ChangedObject, EventRow, Group, Loaded, LogKey, Reader, ReplyRow, SessionRow, SnapshotRow, Store, ThreadRow,
};

use crate::{
    env::Env,
    error::Error,
    shared::{Metrics, Published, Shared},
    work::{Done, Idempotency, NewSession, NewThread, Outcome, ThreadPlace, Work},
};

/// How many events a session's newest snapshot may lag behind.
const SNAPSHOT_EVERY: u64 = 1000;

/// The owner of all decisions. Synchronous: a simulator calls [`Sequencer::run_group`] itself.
pub struct Sequencer<S: Store> {
    store: S,
    reader: S::Reader,
    env: Env,
    shared: Arc<Shared>,
    sessions: HashMap<SessionId, Entry>,
    threads: HashMap<ThreadId, ThreadEntry>,
    last_pos: u64,
    last_key: LogKey,
}

/// A session as the sequencer knows it: committed, or speculative within a group.
#[derive(Clone)]
struct Entry {
    log: LogKey,
    created_pos: u64,
    state: Arc<SessionState>,
    snapshot_seq: u64,
    command: Option<(u64, Arc<str>)>,
}

#[derive(Clone)]
struct ThreadEntry {
    log: LogKey,
    created_pos: u64,
    state: Arc<ThreadState>,
}

/// One transaction in the making.
#[derive(Default)]
struct Draft {
    group: Group,
    sessions: HashSet<SessionId>,
    threads: HashSet<ThreadId>,
    snapshots: HashSet<SessionId>,
    replies: HashMap<(String, Arc<str>), usize>,
}

impl<S: Store> Sequencer<S> {
    /// A sequencer over a store, with every live session loaded and published. Sessions whose logs cannot be read are
    /// left out (quarantined) and returned with the reason; the others go on.
    ///
    /// # Errors
    /// If the store cannot be read at all.
    pub fn open(store: S, env: Env) -> Result<(Self, Vec<(SessionId, String)>), Error> {
        let info = store.info();
        let reader = store.reader();
        let shared = Arc::new(Shared::new(info.last_pos, info.epoch));
        let mut this = Self {
            store,
            reader,
            env,
            shared,
            sessions: HashMap::new(),
            threads: HashMap::new(),
            last_pos: info.last_pos,
            last_key: info.last_key,
        };
        let mut quarantined = Vec::new();
        for id in this.reader.live_sessions()? {
            match this.entry(id) {
                Ok(entry) => {
                    let entry = entry.clone();
                    this.shared.put_session(entry.published());
                }
                Err(Error::Damaged { why, .. }) => quarantined.push((id, why)),
                Err(error) => return Err(error),
            }
        }
        Ok((this, quarantined))
    }

    /// What it publishes.
    pub fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// A reader of its store.
    pub fn reader(&self) -> S::Reader {
        self.reader.clone()
    }

    /// Decides and commits a group; answers come in the order of the items.
    pub fn run_group(&mut self, items: Vec<(Work, Option<Idempotency>)>) -> Vec<Result<Done, Error>> {
        let mut draft = Draft::default();
        let mut answers = Vec::with_capacity(items.len());
        let metrics = &self.shared.metrics;
        Metrics::add(&metrics.items, items.len());
        for (work, idempotency) in items {
            answers.push(self.decide(&mut draft, work, idempotency));
        }
        let refused = answers.iter().filter(|a| a.is_err()).count();
        let fenced = answers.iter().filter(|a| matches!(a, Err(Error::Rejected(Rejection::Fenced { .. })))).count();
        Metrics::add(&self.shared.metrics.rejected, refused);
        Metrics::add(&self.shared.metrics.fenced, fenced);
        self.fill_rows(&mut draft);
        if draft.group.is_empty() {
            return answers;
        }
        let started = std::time::Instant::now();
        let result = self.store.commit(&draft.group);
        let nanos = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.shared.metrics.commit_nanos.fetch_add(nanos, Ordering::Relaxed);
        match result {
            Ok(()) => {
                self.publish(&draft);
                answers
            }
            Err(error) => {
                self.shared.metrics.failed_commits.fetch_add(1, Ordering::Relaxed);
                tracing::error!(error = %error, source = ?std::error::Error::source(&error), "the store refused a group");
                self.roll_back(&draft);
                let error = Error::from(error);
                // What was refused before stays refused; what was decided did not happen.
                answers.into_iter().map(|a| a.and(Err(error.clone()))).collect()
            }
        }
    }

    fn decide(
        &mut self,
        draft: &mut Draft,
        work: Work,
        idempotency: Option<Idempotency>,
    ) -> Result<Done, Error> {
        if let Some(idempotency) = &idempotency
            && let Some(body) = self.recorded(draft, idempotency)?
        {
            return Ok(Done::Replayed(body));
        }
        let key = idempotency.as_ref().map(|i| Arc::clone(&i.key));
        let outcome = match work {
            Work::CreateSession(new) => self.create_session(draft, *new, key)?,
            Work::CreateThread(new) => self.create_thread(draft, *new, key)?,
            Work::Command { session, command } => self.command(draft, session, command, key)?,
            Work::ChangeThread { thread, changes } => {
                self.thread_event(draft, thread, &ThreadEvent::ThreadUpdated { changes })?
            }
            Work::DeleteThread { thread, by } => self.delete_thread(draft, thread, by)?,
            Work::AddToken(row) => {
                draft.group.tokens.push(row);
                Outcome::default()
            }
            Work::RevokeToken(id) => {
                draft.group.revoked.push(id);
                Outcome::default()
            }
        };
        if let Some(idempotency) = idempotency {
            let reply = (idempotency.render)(&outcome);
            draft.replies.insert((idempotency.owner.clone(), Arc::clone(&idempotency.key)), draft.group.replies.len());
            draft.group.replies.push(ReplyRow {
                owner: idempotency.owner,
                key: idempotency.key.to_string(),
                request: idempotency.request,
                reply,
                at: self.env.clock.now(),
            });
        }
        Ok(Done::Fresh(outcome))
    }

    /// The answer that was recorded under this key, in the store or earlier in this group.
    fn recorded(&self, draft: &Draft, idempotency: &Idempotency) -> Result<Option<String>, Error> {
        let speculative = draft
            .replies
            .get(&(idempotency.owner.clone(), Arc::clone(&idempotency.key)))
            .and_then(|place| draft.group.replies.get(*place));
        let row = match speculative {
            Some(row) => Some(row.clone()),
            None => self.reader.reply(&idempotency.owner, &idempotency.key)?,
        };
        match row {
            Some(row) if row.request == idempotency.request => Ok(Some(row.reply)),
            Some(_) => Err(Error::IdempotencyConflict),
            None => Ok(None),
        }
    }

    fn create_session(
        &mut self,
        draft: &mut Draft,
        new: NewSession,
        key: Option<Arc<str>>,
    ) -> Result<Outcome, Error> {
        let (owner, namespace) = (new.owner.clone(), new.namespace.clone());
        let thread = match new.thread {
            ThreadPlace::Existing(id) if self.thread_entry(id)?.state.deleted => return Err(Error::ThreadNotFound(id)),
            ThreadPlace::Existing(id) => return self.begin_session(draft, new, id, key),
            ThreadPlace::New(id) => id,
        };
        let mut outcome = self.begin_session(draft, new, thread, key)?;
        let title = outcome.session.as_ref().map(|s| s.title.clone()).unwrap_or_default();
        let (topic, labels) = (String::new(), std::collections::BTreeMap::new());
        let event = ThreadEvent::ThreadCreated { owner, namespace, title, topic, labels };
        outcome.thread = self.begin_thread(draft, thread, &event);
        outcome.pos = self.last_pos;
        Ok(outcome)
    }

    fn create_thread(&mut self, draft: &mut Draft, new: NewThread, key: Option<Arc<str>>) -> Result<Outcome, Error> {
        let mut title = new.title;
        // The session comes first because it may be refused; the thread cannot.
        let mut outcome = match new.session {
            Some(first) => self.begin_session(draft, first, new.id, key)?,
            None => Outcome::default(),
        };
        if let (Some(session), true) = (&outcome.session, title.is_empty()) {
            title.clone_from(&session.title);
        }
        let event = ThreadEvent::ThreadCreated {
            owner: new.owner,
            namespace: new.namespace,
            title,
            topic: new.topic,
            labels: new.labels,
        };
        outcome.thread = self.begin_thread(draft, new.id, &event);
        outcome.pos = self.last_pos;
        Ok(outcome)
    }

    /// Makes a session in a thread that exists or is made in the same transaction.
    fn begin_session(
        &mut self,
        draft: &mut Draft,
        new: NewSession,
        thread: ThreadId,
        key: Option<Arc<str>>,
    ) -> Result<Outcome, Error> {
        let create = Create {
            spec: new.spec,
            thread,
            owner: new.owner,
            namespace: new.namespace,
            origin: new.origin,
            title: new.title,
            labels: new.labels,
            prompt: new.prompt,
        };
        let mut pos = self.last_pos;
        let decision = session::create(new.id, create, self.env.clock.now(), &mut || {
            pos += 1;
            pos
        })?;
        // Nothing was refused: from here on the draft may grow.
        self.last_pos = pos;
        let log = self.next_key();
        let created_pos = decision.events.first().map_or(pos, |e| e.pos);
        let state = Arc::new(decision.state.clone());
        self.sessions.insert(new.id, Entry { log, created_pos, state, snapshot_seq: 0, command: None });
        Ok(self.take(draft, new.id, decision, key))
    }

    fn command(
        &mut self,
        draft: &mut Draft,
        id: SessionId,
        command: Command,
        key: Option<Arc<str>>,
    ) -> Result<Outcome, Error> {
        let now = self.env.clock.now();
        let state = Arc::clone(&self.entry(id)?.state);
        if state.deleted {
            return Err(Error::SessionNotFound(id));
        }
        let mut pos = self.last_pos;
        let decision = session::handle(&state, command, now, &mut || {
            pos += 1;
            pos
        })?;
        self.last_pos = pos;
        Ok(self.take(draft, id, decision, key))
    }

    /// Takes a decision into the draft: rows for its events, its state as the session's newest.
    fn take(&mut self, draft: &mut Draft, id: SessionId, decision: Decision, key: Option<Arc<str>>) -> Outcome {
        let Some(entry) = self.sessions.get_mut(&id) else { return Outcome::default() };
        let Decision { state, events } = decision;
        let pos = events.last().map_or(0, |e| e.pos);
        if events.is_empty() {
            return Outcome { session: Some(Arc::clone(&entry.state)), thread: None, pos };
        }
        let mut snapshot = state.seq >= entry.snapshot_seq + SNAPSHOT_EVERY;
        for mut event in events {
            snapshot |= ends_something(&event.data);
            if event.index.is_none() {
                event.data.command.clone_from(&key);
            }
            draft.group.events.push(row(entry.log, &event));
        }
        if let Some(key) = key {
            entry.command = Some((pos, key));
        }
        if state.deleted {
            draft.group.purged.push(entry.log);
            snapshot = false;
        }
        entry.state = Arc::new(state);
        draft.sessions.insert(id);
        if snapshot {
            draft.snapshots.insert(id);
        }
        Outcome { session: Some(Arc::clone(&entry.state)), thread: None, pos }
    }

    fn begin_thread(&mut self, draft: &mut Draft, id: ThreadId, event: &ThreadEvent) -> Option<Arc<ThreadState>> {
        let log = self.next_key();
        self.last_pos += 1;
        let (pos, now) = (self.last_pos, self.env.clock.now());
        let state = Arc::new(ThreadState::fold(None, id, event, 1, pos, now)?);
        draft.group.events.push(thread_row(log, 1, pos, now, event));
        draft.threads.insert(id);
        self.threads.insert(id, ThreadEntry { log, created_pos: pos, state: Arc::clone(&state) });
        Some(state)
    }

    fn thread_event(&mut self, draft: &mut Draft, id: ThreadId, event: &ThreadEvent) -> Result<Outcome, Error> {
        let entry = self.thread_entry(id)?.clone();
        if entry.state.deleted {
            return Err(Error::ThreadNotFound(id));
        }
        let (seq, pos, now) = (entry.state.seq + 1, self.last_pos + 1, self.env.clock.now());
        let before = ThreadState::clone(&entry.state);
        let Some(state) = ThreadState::fold(Some(before), id, event, seq, pos, now) else {
            return Err(Error::Rejected(Rejection::Nothing));
        };
        self.last_pos = pos;
        draft.group.events.push(thread_row(entry.log, seq, pos, now, event));
        draft.threads.insert(id);
        let state = Arc::new(state);
        self.threads.insert(id, ThreadEntry { state: Arc::clone(&state), ..entry });
        Ok(Outcome { session: None, thread: Some(state), pos })
    }

    fn delete_thread(&mut self, draft: &mut Draft, id: ThreadId, by: String) -> Result<Outcome, Error> {
        self.thread_entry(id)?;
        let mut sessions = self.reader.thread_sessions(id)?;
        // Sessions that were made earlier in this group are not in the store yet.
        sessions.extend(draft.sessions.iter().copied().filter(|s| {
            self.sessions.get(s).is_some_and(|e| e.state.thread == id)
        }));
        sessions.sort_unstable();
        sessions.dedup();
        for session in &sessions {
            let state = &self.entry(*session)?.state;
            if let (Some(_), name) = (state.phase.attempt(), state.phase.name()) {
                return Err(Rejection::WrongState { command: "delete", state: name }.into());
            }
        }
        for session in sessions {
            if !self.entry(session)?.state.deleted {
                self.command(draft, session, Command::Delete { by: by.clone() }, None)?;
            }
        }
        self.thread_event(draft, id, &ThreadEvent::ThreadDeleted { by })
    }

    /// The rows of everything that the draft touched, as it is after the group.
    fn fill_rows(&self, draft: &mut Draft) {
        for entry in draft.sessions.iter().filter_map(|id| self.sessions.get(id)) {
            draft.group.sessions.push(entry.row());
        }
        for entry in draft.threads.iter().filter_map(|id| self.threads.get(id)) {
            draft.group.threads.push(entry.row());
        }
        for entry in draft.snapshots.iter().filter_map(|id| self.sessions.get(id)) {
            if let Ok(state) = serde_json::to_string(&*entry.state) {
                draft.group.snapshots.push(SnapshotRow { log: entry.log, seq: entry.state.seq, state });
            }
        }
    }

    fn publish(&mut self, draft: &Draft) {
        for id in &draft.snapshots {
            if let Some(entry) = self.sessions.get_mut(id) {
                entry.snapshot_seq = entry.state.seq;
            }
        }
        let mut changed = Vec::with_capacity(draft.sessions.len() + draft.threads.len());
        let mut nudge = false;
        for id in &draft.sessions {
            let Some(entry) = self.sessions.get(id) else { continue };
            changed.push((ChangedObject::Session(*id), entry.state.pos));
            nudge |= matches!(entry.state.phase, Phase::Pending { .. } | Phase::Stopped { .. } | Phase::Hibernated);
            self.shared.put_session(entry.published());
        }
        for id in &draft.threads {
            let Some(entry) = self.threads.get(id) else { continue };
            changed.push((ChangedObject::Thread(*id), entry.state.pos));
            self.shared.put_thread(Arc::clone(&entry.state));
        }
        self.shared.changed(changed);
        let metrics = &self.shared.metrics;
        metrics.commits.fetch_add(1, Ordering::Relaxed);
        Metrics::add(&metrics.events, draft.group.events.len());
        self.shared.feed.publish(&draft.group.events, self.last_pos);
        if draft.sessions.iter().filter_map(|id| self.sessions.get(id)).any(|e| wants_worker(&e.state.phase)) {
            self.shared.placed.send_modify(|n| *n += 1);
        }
        if nudge {
            self.shared.dispatch.notify_one();
        }
    }

    /// Drops what was decided but not committed; it is read back from the store when it is next needed.
    fn roll_back(&mut self, draft: &Draft) {
        for id in &draft.sessions {
            self.sessions.remove(id);
        }
        for id in &draft.threads {
            self.threads.remove(id);
        }
    }

    fn entry(&mut self, id: SessionId) -> Result<&mut Entry, Error> {
        if !self.sessions.contains_key(&id) {
            let loaded = match self.reader.load(id) {
                Ok(Some(loaded)) => loaded,
                Ok(None) => return Err(Error::SessionNotFound(id)),
                Err(convene_store::Error::Damaged { why, .. }) => return Err(Error::Damaged { session: id, why }),
                Err(error) => return Err(error.into()),
            };
            let entry = Entry::fold(loaded)?;
            self.sessions.insert(id, entry);
        }
        self.sessions.get_mut(&id).ok_or(Error::SessionNotFound(id))
    }

    fn thread_entry(&mut self, id: ThreadId) -> Result<&ThreadEntry, Error> {
        if !self.threads.contains_key(&id) {
            let row = self.reader.thread(id)?.ok_or(Error::ThreadNotFound(id))?;
            let state = serde_json::from_str(&row.state).map_err(|_| Error::ThreadNotFound(id))?;
            let entry = ThreadEntry { log: row.log, created_pos: row.created_pos, state: Arc::new(state) };
            self.threads.insert(id, entry);
        }
        self.threads.get(&id).ok_or(Error::ThreadNotFound(id))
    }

    const fn next_key(&mut self) -> LogKey {
        self.last_key = LogKey(self.last_key.0 + 1);
        self.last_key
    }
}

impl Entry {
    fn fold(loaded: Loaded) -> Result<Self, Error> {
        let (row, snapshot_seq) = (loaded.row.clone(), loaded.snapshot.as_ref().map_or(0, |s| s.seq));
        let state = fold(loaded)?;
        Ok(Self {
            log: row.log,
            created_pos: row.created_pos,
            state: Arc::new(state),
            snapshot_seq,
            command: None,
        })
    }

    fn published(&self) -> Published {
        Published {
            log: self.log,
            state: Arc::clone(&self.state),
            created_pos: self.created_pos,
            command: self.command.clone(),
        }
    }

    fn row(&self) -> SessionRow {
        let state = &self.state;
        SessionRow {
            log: self.log,
            id: state.id,
            thread: state.thread,
            owner: state.owner.clone(),
            namespace: state.namespace.clone(),
            agent: state.spec.agent.clone(),
            cwd: state.spec.cwd.clone(),
            title: state.title.clone(),
            state: state.phase.name().to_owned(),
            badge: view::badge(state).to_string(),
            archived: state.archived,
            deleted: state.deleted,
            seq: state.seq,
            created_pos: self.created_pos,
            pos: state.pos,
            created_at: state.created_at,
            updated_at: state.updated_at,
        }
    }
}

impl ThreadEntry {
    fn row(&self) -> ThreadRow {
        ThreadRow {
            log: self.log,
            id: self.state.id,
            namespace: self.state.namespace.clone(),
            archived: self.state.archived,
            deleted: self.state.deleted,
            created_pos: self.created_pos,
            pos: self.state.pos,
            state: serde_json::to_string(&*self.state).unwrap_or_default(),
        }
    }
}

/// A session's state from its newest snapshot and the events after it.
pub(crate) fn fold(loaded: Loaded) -> Result<SessionState, Error> {
    let id = loaded.row.id;
    let damaged = |why: String| Error::Damaged { session: id, why };
    // A snapshot that an older or newer version cannot read is no damage: but the tail alone cannot replace it.
    let mut state: Option<SessionState> = match &loaded.snapshot {
        Some(snapshot) => {
            Some(serde_json::from_str(&snapshot.state).map_err(|e| damaged(format!("snapshot {}: {e}", snapshot.seq)))?)
        }
        None => None,
    };
    for row in &loaded.tail {
        let event = event(id, row).map_err(|e| damaged(format!("event {}: {e}", row.seq)))?;
        match &mut state {
            Some(state) => state.apply(&event),
            None => state = SessionState::begin(&event),
        }
    }
    state.ok_or_else(|| damaged("it does not begin with session_created".to_owned()))
}

/// An event from its row.
pub(crate) fn event(session: SessionId, row: &EventRow) -> Result<Event, serde_json::Error> {
    let data = EventData::from_json(&row.data)?;
    Ok(Event { session, seq: row.seq, pos: row.pos, at: row.at, index: row.index, data })
}

fn row(log: LogKey, event: &Event) -> EventRow {
    EventRow {
        log,
        seq: event.seq,
        pos: event.pos,
        at: event.at,
        index: event.index,
        turn: event.data.turn,
        // Our own types always serialize: string keys, finite numbers.
        data: serde_json::to_string(&event.data).unwrap_or_default().into(),
    }
}

fn thread_row(log: LogKey, seq: u64, pos: u64, at: Timestamp, event: &ThreadEvent) -> EventRow {
    let data = serde_json::to_string(event).unwrap_or_default().into();
    EventRow { log, seq, pos, at, index: None, turn: None, data }
}

/// Whether an event is worth a snapshot: a turn or the session ended.
const fn ends_something(data: &EventData) -> bool {
    matches!(
        data.body,
        EventBody::Known(
            KnownEvent::TurnEnded { .. } | KnownEvent::SessionStopped { .. } | KnownEvent::SessionHibernated {}
        )
    )
}

/// Whether the session's worker may have something to do.
const fn wants_worker(phase: &Phase) -> bool {
    matches!(phase, Phase::Starting { .. } | Phase::Stopping { .. })
}

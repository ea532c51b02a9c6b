//! One transaction in the making: the group of rows, and the speculative states that later items of it decide on.
//!
//! Dropping a draft drops what was decided: nothing outside of it has changed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use convene_core::{
    Timestamp,
    event::{Event, EventBody, EventData, KnownEvent},
    ids::{SessionId, ThreadId},
    session::Decision,
    thread::{ThreadEvent, ThreadState},
    view,
};
use convene_store::{Error, EventRow, Group, LogKey, Reader, ReplyRow, SessionRow, SnapshotRow, ThreadRow};

use crate::{
    shared::{Published, PublishedThread},
    story::Step,
    work::Outcome,
};

/// How many events a session's newest snapshot may lag behind.
const SNAPSHOT_EVERY: u64 = 1000;

#[derive(Default)]
pub(crate) struct Draft {
    pub(crate) group: Group,
    /// Sessions as they are after the items so far.
    pub(crate) sessions: BTreeMap<SessionId, Published>,
    /// Threads likewise.
    pub(crate) threads: BTreeMap<ThreadId, PublishedThread>,
    /// What is told once the store has it.
    pub(crate) steps: Vec<Step>,
    /// Sessions that get a snapshot.
    snapshots: BTreeSet<SessionId>,
    /// Where in the group the answer to a key is.
    replies: HashMap<(String, Arc<str>), usize>,
}

impl Draft {
    /// Takes a decision in: rows for its events, its state as the session's newest.
    pub(crate) fn take(&mut self, before: Published, decision: Decision, key: Option<Arc<str>>) -> Outcome {
        let Decision { state, events } = decision;
        let pos = events.last().map_or(0, |e| e.pos);
        if events.is_empty() {
            return Outcome { session: Some(before.state), thread: None, pos };
        }
        let (log, id) = (before.log, state.id);
        let mut snapshot = state.seq >= before.snapshot_seq + SNAPSHOT_EVERY;
        for mut event in events {
            snapshot |= ends_something(&event.data);
            if event.index.is_none() {
                event.data.command.clone_from(&key);
            }
            self.steps.extend(Step::of(&event, &state));
            self.group.events.push(event_row(log, &event));
        }
        if state.deleted {
            self.group.purged.push(log);
            self.snapshots.remove(&id);
        } else if snapshot {
            self.snapshots.insert(id);
        }
        let state = Arc::new(state);
        let command = key.map(|key| (pos, key)).or(before.command);
        self.sessions.insert(id, Published { state: Arc::clone(&state), command, ..before });
        Outcome { session: Some(state), thread: None, pos }
    }

    /// Takes a thread's next event in.
    pub(crate) fn take_thread(&mut self, thread: PublishedThread, at: Timestamp, event: &ThreadEvent) {
        let ThreadState { id, seq, pos, .. } = *thread.state;
        // Our own types always serialize: string keys, finite numbers.
        let data = serde_json::to_string(event).unwrap_or_default().into();
        self.group.events.push(EventRow { log: thread.log, seq, pos, at, index: None, turn: None, data });
        if thread.state.deleted {
            self.group.purged.push(thread.log);
        }
        self.threads.insert(id, thread);
    }

    /// The answer under a key that was decided earlier in this group.
    pub(crate) fn reply(&self, owner: &str, key: &Arc<str>) -> Option<&ReplyRow> {
        let place = self.replies.get(&(owner.to_owned(), Arc::clone(key)))?;
        self.group.replies.get(*place)
    }

    pub(crate) fn record(&mut self, owner: String, key: &Arc<str>, request: String, reply: String, at: Timestamp) {
        self.replies.insert((owner.clone(), Arc::clone(key)), self.group.replies.len());
        self.group.replies.push(ReplyRow { owner, key: key.to_string(), request, reply, at });
    }

    /// The rows of everything that was touched, as it is after the group.
    pub(crate) fn fill_rows(&mut self) {
        for published in self.sessions.values() {
            self.group.sessions.push(session_row(published));
        }
        for thread in self.threads.values() {
            self.group.threads.push(thread_row(thread));
        }
        for id in &self.snapshots {
            let Some(published) = self.sessions.get_mut(id) else { continue };
            if let Some(snapshot) = snapshot_row(published) {
                published.snapshot_seq = snapshot.seq;
                self.group.snapshots.push(snapshot);
            }
        }
    }

    /// Whether the store has this group, which it has whole or not at all.
    pub(crate) fn landed<R: Reader>(&self, reader: &R) -> Result<bool, Error> {
        if let Some((id, published)) = self.sessions.iter().next() {
            return Ok(reader.session(*id)?.is_some_and(|row| row.seq >= published.state.seq));
        }
        if let Some((id, thread)) = self.threads.iter().next() {
            return Ok(reader.thread(*id)?.is_some_and(|row| row.pos >= thread.state.pos));
        }
        if let Some(row) = self.group.replies.first() {
            return Ok(reader.reply(&row.owner, &row.key)?.is_some());
        }
        if let Some(row) = self.group.tokens.last() {
            return Ok(reader.token(row.id)?.as_ref() == Some(row));
        }
        match self.group.revoked.first() {
            Some(id) => Ok(reader.token(*id)?.is_none()),
            None => Ok(true),
        }
    }
}

pub(crate) fn event_row(log: LogKey, event: &Event) -> EventRow {
    EventRow {
        log,
        seq: event.seq,
        pos: event.pos,
        at: event.at,
        index: event.index,
        turn: event.data.turn,
        data: event.data.to_json().into(),
    }
}

/// The columns of a session. Of one that is gone they tell list streams which it was, and nothing of what it was about.
pub(crate) fn session_row(published: &Published) -> SessionRow {
    let state = &published.state;
    let said_of = |text: &str| if state.deleted { String::new() } else { text.to_owned() };
    SessionRow {
        log: published.log,
        id: state.id,
        thread: state.thread,
        owner: state.owner.clone(),
        namespace: state.namespace.clone(),
        agent: state.spec.agent.clone(),
        cwd: said_of(&state.spec.cwd),
        title: said_of(&state.title),
        state: state.phase.name().to_owned(),
        badge: view::badge(state).to_string(),
        archived: state.archived,
        deleted: state.deleted,
        seq: state.seq,
        created_pos: published.created_pos,
        pos: state.pos,
        created_at: state.created_at,
        updated_at: state.updated_at,
    }
}

pub(crate) fn snapshot_row(published: &Published) -> Option<SnapshotRow> {
    let state = serde_json::to_string(&*published.state).ok()?;
    Some(SnapshotRow { log: published.log, seq: published.state.seq, state })
}

pub(crate) fn thread_row(thread: &PublishedThread) -> ThreadRow {
    let state = &thread.state;
    let mut kept = ThreadState::clone(state);
    if kept.deleted {
        (kept.title, kept.topic, kept.labels) = (String::new(), String::new(), BTreeMap::new());
    }
    ThreadRow {
        log: thread.log,
        id: state.id,
        namespace: state.namespace.clone(),
        archived: state.archived,
        deleted: state.deleted,
        created_pos: thread.created_pos,
        pos: state.pos,
        state: serde_json::to_string(&kept).unwrap_or_default(),
    }
}

/// Whether an event is worth a snapshot: a turn or the session ended.
const fn ends_something(data: &EventData) -> bool {
    matches!(
        data.body,
        EventBody::Known(
            KnownEvent::TurnEnded { .. }
                | KnownEvent::SessionStopped { .. }
                | KnownEvent::SessionHibernated {}
                | KnownEvent::RepairCompleted { .. }
        )
    )
}

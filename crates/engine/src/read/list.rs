//! Reading the list of sessions and threads by cursor.

use std::{collections::HashSet, sync::Arc, time::Duration};

use convene_core::{
    ids::{SessionId, ThreadId},
    session::SessionState,
    thread::ThreadState,
};
use convene_store::{Changed, ChangedObject, Reader};
use tokio::{sync::watch, time::Instant};

use super::{PAGE, whole_thread};
use crate::{
    engine::Engine,
    error::Error,
    shared::{Published, Shared},
};

/// How long a list may lag behind what agents stream. Everything else is told at once; this keeps a thousand lists from
/// waking at every commit.
const LAG: Duration = Duration::from_millis(250);

/// An object of the list that changed.
#[derive(Debug, Clone)]
pub struct ListChange {
    /// Where.
    pub pos: u64,
    /// The object as it is now.
    pub object: ListObject,
    /// Whether a reader at the cursor has not seen it before.
    pub is_new: bool,
}

/// An object of the list.
#[derive(Debug, Clone)]
pub enum ListObject {
    /// A session.
    Session(Published),
    /// A session that is gone.
    SessionGone(SessionId),
    /// A thread with its sessions.
    Thread(Arc<ThreadState>, Vec<Arc<SessionState>>),
    /// A thread that is gone.
    ThreadGone(ThreadId),
}

/// A place in the list, and what a reader there has been told.
#[derive(Debug, Clone)]
pub struct ListCursor {
    after: u64,
    /// Where the reader was when it last had everything; what was made after that is new to it.
    since: u64,
    /// What it was told of as new since then.
    told: HashSet<ObjectId>,
    /// Whether it had everything at its last read.
    caught_up: bool,
}

impl ListCursor {
    /// A cursor after `after`.
    pub fn new(after: u64) -> Self {
        Self { after, since: after, told: HashSet::new(), caught_up: false }
    }

    /// The last position that was read.
    pub const fn after(&self) -> u64 {
        self.after
    }

    /// Whether everything that changed is in memory, as it is while sessions stream: then reading need not leave its
    /// thread.
    fn is_in_memory(&self, shared: &Shared) -> bool {
        shared.changed_after(self.after, PAGE).is_some_and(|changed| {
            changed.iter().all(|(_, object)| match object {
                ChangedObject::Session(id) => shared.session(*id).is_some(),
                // Its sessions are looked up in the store.
                ChangedObject::Thread(_) => false,
            })
        })
    }

    /// What changed after the cursor, which it moves; empty: nothing. Blocks while it reads the store.
    pub fn read<R: Reader>(&mut self, shared: &Shared, reader: &R) -> Result<Vec<ListChange>, Error> {
        let published = *shared.feed.follow_all().borrow();
        let changed = match shared.changed_after(self.after, PAGE) {
            Some(changed) => changed,
            None => {
                let rows = reader.changed(self.after, PAGE)?;
                // The store may have what is not published yet, while memory has the states before it.
                let rows = rows.into_iter().take_while(|row| row.pos <= published);
                rows.map(|Changed { object, pos, .. }| (pos, object)).collect()
            }
        };
        let mut changes = Vec::with_capacity(changed.len());
        for (pos, object) in &changed {
            changes.extend(find(shared, reader, *pos, *object)?);
        }
        for (change, created_pos) in &mut changes {
            change.is_new = *created_pos > self.since && self.told.insert(ObjectId::of(&change.object));
        }
        self.after = changed.last().map_or(self.after, |(pos, _)| *pos);
        self.caught_up = changed.len() < PAGE;
        if self.caught_up {
            self.since = self.after;
            self.told.clear();
        }
        Ok(changes.into_iter().map(|(change, _)| change).collect())
    }
}

/// An object as it is now, and where it began; 0 if it is gone.
fn find<R: Reader>(
    shared: &Shared,
    reader: &R,
    pos: u64,
    object: ChangedObject,
) -> Result<Option<(ListChange, u64)>, Error> {
    let (object, created_pos) = match object {
        ChangedObject::Session(id) => match shared.find_session(reader, id) {
            Ok(published) if published.state.deleted => (ListObject::SessionGone(id), 0),
            Ok(published) => {
                let created_pos = published.created_pos;
                (ListObject::Session(published), created_pos)
            }
            Err(Error::SessionNotFound(_)) => (ListObject::SessionGone(id), 0),
            // One that nothing can be told of must not keep the others from being told.
            Err(error) if error.is_damage() => return Ok(None),
            Err(error) => return Err(error),
        },
        ChangedObject::Thread(id) => match whole_thread(shared, reader, id) {
            Ok((thread, sessions)) => (ListObject::Thread(thread.state, sessions), thread.created_pos),
            Err(Error::ThreadNotFound(_)) => (ListObject::ThreadGone(id), 0),
            Err(error) if error.is_damage() => return Ok(None),
            Err(error) => return Err(error),
        },
    };
    Ok(Some((ListChange { pos, object, is_new: false }, created_pos)))
}

/// Reads the list by cursor: after a gap each changed object once, as it is now. Dropping a future of it loses nothing:
/// the cursor moves with what is returned.
pub struct ListReader<R: Reader> {
    engine: Engine<R>,
    cursor: ListCursor,
    /// When it last had everything; `None` while there may be more.
    caught_up: Option<Instant>,
    all: watch::Receiver<u64>,
    material: watch::Receiver<u64>,
}

impl<R: Reader> ListReader<R> {
    pub(super) fn new(engine: Engine<R>, after: u64) -> Self {
        let (all, material) = (engine.shared.feed.follow_all(), engine.shared.material.subscribe());
        Self { engine, cursor: ListCursor::new(after), caught_up: None, all, material }
    }

    /// The cursor.
    pub const fn after(&self) -> u64 {
        self.cursor.after()
    }

    /// What changed after the cursor, which it moves; empty: nothing.
    pub async fn read(&mut self) -> Result<Vec<ListChange>, Error> {
        // Marked as seen before the read: what comes during it is news.
        self.all.mark_unchanged();
        self.material.mark_unchanged();
        if self.cursor.is_in_memory(&self.engine.shared) {
            let changes = self.cursor.read(&self.engine.shared, &self.engine.reader)?;
            self.caught_up = self.cursor.caught_up.then(Instant::now);
            return Ok(changes);
        }
        let (mut cursor, shared) = (self.cursor.clone(), Arc::clone(&self.engine.shared));
        let read = move |reader: &R| cursor.read(&shared, reader).map(|changes| (cursor, changes));
        let (cursor, changes) = self.engine.read(read).await?;
        self.caught_up = cursor.caught_up.then(Instant::now);
        self.cursor = cursor;
        Ok(changes)
    }

    /// Waits until something changed after the cursor, and reads it.
    pub async fn next(&mut self) -> Result<Vec<ListChange>, Error> {
        loop {
            if let Some(at) = self.caught_up {
                let streamed = async {
                    tokio::time::sleep_until(at + LAG).await;
                    self.all.changed().await
                };
                tokio::select! {
                    news = self.material.changed() => news,
                    news = streamed => news,
                }
                .map_err(|_| Error::Stopped)?;
                self.caught_up = None;
            }
            let changes = self.read().await?;
            if !changes.is_empty() {
                return Ok(changes);
            }
        }
    }
}

/// What tells two objects of the list apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum ObjectId {
    Session(SessionId),
    Thread(ThreadId),
}

impl ObjectId {
    fn of(object: &ListObject) -> Self {
        match object {
            ListObject::Session(p) => Self::Session(p.state.id),
            ListObject::SessionGone(id) => Self::Session(*id),
            ListObject::Thread(t, _) => Self::Thread(t.id),
            ListObject::ThreadGone(id) => Self::Thread(*id),
        }
    }
}

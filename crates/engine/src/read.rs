//! Reading by cursor: a session's log, and the list of everything that changed.

use std::{collections::HashMap, sync::Arc};

use convene_core::{
    ids::{SessionId, ThreadId},
    session::SessionState,
    thread::ThreadState,
};
use convene_store::{
    Changed, ChangedObject, EventFilter, EventRow, LogKey, Reader, SessionFilter, ThreadRow,
    feed::Read,
};
use tokio::sync::watch;

use crate::{engine::Engine, error::Error, sequencer::fold, shared::Published};

/// How many events a reader takes at once: enough to keep a socket busy, little enough to stay small in memory.
const PAGE: usize = 512;

/// A page of sessions.
#[derive(Debug)]
pub struct SessionPage {
    /// The sessions, newest first.
    pub items: Vec<Published>,
    /// The `created_pos` before which the next page begins; `None` on the last.
    pub next: Option<u64>,
    /// The position that the page reflects at least.
    pub pos: u64,
}

impl<R: Reader> Engine<R> {
    /// Runs a read off the async threads.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&R) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let reader = self.reader.clone();
        tokio::task::spawn_blocking(move || read(&reader)).await.map_err(|_| Error::Stopped)?
    }

    /// Runs a read of the store's own door off the async threads.
    pub async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(&R) -> Result<T, convene_store::Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.read(move |reader| query(reader).map_err(Error::from)).await
    }

    /// A session as the last commit left it.
    ///
    /// # Errors
    /// If there is none, or it is deleted, or its log is damaged.
    pub async fn session(&self, id: SessionId) -> Result<Published, Error> {
        let published = match self.shared.session(id) {
            Some(published) => published,
            None => self.read(move |reader| load(reader, id)).await?,
        };
        if published.state.deleted { Err(Error::SessionNotFound(id)) } else { Ok(published) }
    }

    /// A page of sessions, newest first.
    pub async fn sessions(&self, mut filter: SessionFilter) -> Result<SessionPage, Error> {
        let pos = *self.shared.feed.follow_all().borrow();
        let wanted = filter.limit;
        filter.limit = wanted.saturating_add(1);
        let shared = Arc::clone(&self.shared);
        let mut items = self
            .read(move |reader| {
                let rows = reader.sessions(&filter)?;
                rows.into_iter()
                    .map(|row| match shared.session(row.id) {
                        Some(published) => Ok(published),
                        None => load(reader, row.id),
                    })
                    // A session that cannot be read must not hide the others.
                    .filter(|item| !matches!(item, Err(Error::Damaged { .. } | Error::SessionNotFound(_))))
                    .collect::<Result<Vec<_>, Error>>()
            })
            .await?;
        let more = items.len() > wanted;
        items.truncate(wanted);
        let next = if more { items.last().map(|p| p.created_pos) } else { None };
        Ok(SessionPage { items, next, pos })
    }

    /// A thread with its sessions, oldest first.
    ///
    /// # Errors
    /// If there is none, or it is deleted.
    pub async fn thread(&self, id: ThreadId) -> Result<(Arc<ThreadState>, Vec<Arc<SessionState>>), Error> {
        let thread = match self.shared.thread(id) {
            Some(thread) => thread,
            None => {
                let row = self.query(move |reader| reader.thread(id)).await?.ok_or(Error::ThreadNotFound(id))?;
                Arc::new(parse_thread(&row)?)
            }
        };
        if thread.deleted {
            return Err(Error::ThreadNotFound(id));
        }
        let mut sessions = Vec::new();
        for session in self.query(move |reader| reader.thread_sessions(id)).await? {
            match self.session(session).await {
                Ok(published) => sessions.push(published.state),
                Err(Error::SessionNotFound(_) | Error::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok((thread, sessions))
    }

    /// Ids of threads, newest first, with the `created_pos` of each.
    pub async fn threads(
        &self,
        namespace: String,
        archived: bool,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(ThreadId, u64)>, Error> {
        let rows = self.query(move |reader| reader.threads(&namespace, archived, before, limit)).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.created_pos)).collect())
    }

    /// Events of a session that fit a filter.
    pub async fn events(&self, id: SessionId, filter: EventFilter) -> Result<Vec<EventRow>, Error> {
        let published = self.session(id).await?;
        self.query(move |reader| reader.events(published.log, &filter)).await
    }

    /// Follows a session's log from a cursor on: first what is there, then what comes.
    pub async fn follow(&self, id: SessionId, after: u64) -> Result<LogReader<R>, Error> {
        let published = self.session(id).await?;
        let news = self.shared.feed.follow(published.log);
        // Read again after following: what was committed in between is known to one of the two.
        let committed = self.shared.session(id).map_or(published.state.seq, |p| p.state.seq);
        Ok(LogReader { engine: self.clone(), id, log: published.log, after, committed, news })
    }

    /// Follows the list of sessions and threads from a cursor on.
    pub fn follow_list(&self, after: u64) -> ListReader<R> {
        ListReader { engine: self.clone(), after, news: self.shared.feed.follow_all() }
    }
}

fn load<R: Reader>(reader: &R, id: SessionId) -> Result<Published, Error> {
    let loaded = match reader.load(id) {
        Ok(Some(loaded)) => loaded,
        Ok(None) => return Err(Error::SessionNotFound(id)),
        Err(convene_store::Error::Damaged { why, .. }) => return Err(Error::Damaged { session: id, why }),
        Err(error) => return Err(error.into()),
    };
    if loaded.row.deleted {
        return Err(Error::SessionNotFound(id));
    }
    let (log, created_pos) = (loaded.row.log, loaded.row.created_pos);
    Ok(Published { log, created_pos, state: Arc::new(fold(loaded)?), command: None })
}

fn parse_thread(row: &ThreadRow) -> Result<ThreadState, Error> {
    serde_json::from_str(&row.state).map_err(|_| Error::ThreadNotFound(row.id))
}

/// Reads a session's log by cursor.
pub struct LogReader<R: Reader> {
    engine: Engine<R>,
    id: SessionId,
    log: LogKey,
    after: u64,
    committed: u64,
    news: watch::Receiver<u64>,
}

impl<R: Reader> LogReader<R> {
    /// The cursor.
    pub const fn after(&self) -> u64 {
        self.after
    }

    /// The events after the cursor that are there now, which it moves; empty: none, or the session is gone.
    pub async fn read(&mut self) -> Result<Vec<EventRow>, Error> {
        self.news.mark_unchanged();
        let committed = self.committed.max(*self.news.borrow());
        let events = match self.engine.shared.feed.read(self.log, self.after, committed, PAGE) {
            Read::Tail(events) => events,
            Read::Store => {
                let (log, after) = (self.log, self.after);
                let filter = EventFilter { after: Some(after), limit: PAGE, ..EventFilter::default() };
                self.engine.query(move |reader| reader.events(log, &filter)).await?
            }
        };
        if let Some(last) = events.last() {
            self.after = last.seq;
        }
        Ok(events)
    }

    /// Waits until there is something after the cursor, and reads it. `None`: the session is gone.
    pub async fn next(&mut self) -> Result<Option<Vec<EventRow>>, Error> {
        loop {
            let events = self.read().await?;
            if !events.is_empty() {
                return Ok(Some(events));
            }
            if self.engine.shared.session(self.id).is_some_and(|p| p.state.deleted) {
                return Ok(None);
            }
            if self.news.changed().await.is_err() {
                return Ok(None);
            }
        }
    }
}

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

/// Reads the list by cursor: after a gap each changed object once, as it is now.
pub struct ListReader<R: Reader> {
    engine: Engine<R>,
    after: u64,
    news: watch::Receiver<u64>,
}

impl<R: Reader> ListReader<R> {
    /// The cursor.
    pub const fn after(&self) -> u64 {
        self.after
    }

    /// What changed after the cursor, which it moves; empty: nothing.
    pub async fn read(&mut self) -> Result<Vec<ListChange>, Error> {
        self.news.mark_unchanged();
        let after = self.after;
        let changed = match self.engine.shared.changed_after(after, PAGE) {
            Some(changed) => changed,
            None => {
                let rows = self.engine.query(move |reader| reader.changed(after, PAGE)).await?;
                rows.into_iter().map(|Changed { object, pos, .. }| (pos, object)).collect()
            }
        };
        let mut frames = Vec::with_capacity(changed.len());
        for (pos, object) in changed {
            self.after = pos;
            frames.extend(self.change(pos, object, after).await?);
        }
        // The same object may have changed again meanwhile; the later place wins.
        let mut last: HashMap<ObjectId, usize> = HashMap::new();
        for (place, frame) in frames.iter().enumerate() {
            last.insert(ObjectId::of(&frame.object), place);
        }
        let mut place = 0;
        frames.retain(|frame| {
            let keep = last.get(&ObjectId::of(&frame.object)) == Some(&place);
            place += 1;
            keep
        });
        Ok(frames)
    }

    /// Waits until something changed after the cursor, and reads it.
    pub async fn next(&mut self) -> Result<Vec<ListChange>, Error> {
        loop {
            let changes = self.read().await?;
            if !changes.is_empty() {
                return Ok(changes);
            }
            if self.news.changed().await.is_err() {
                return Err(Error::Stopped);
            }
        }
    }

    async fn change(&self, pos: u64, object: ChangedObject, after: u64) -> Result<Option<ListChange>, Error> {
        match object {
            ChangedObject::Session(id) => match self.engine.session(id).await {
                Ok(published) => {
                    let is_new = published.created_pos > after;
                    Ok(Some(ListChange { pos, object: ListObject::Session(published), is_new }))
                }
                Err(Error::SessionNotFound(_)) => {
                    Ok(Some(ListChange { pos, object: ListObject::SessionGone(id), is_new: false }))
                }
                Err(Error::Damaged { .. }) => Ok(None),
                Err(error) => Err(error),
            },
            ChangedObject::Thread(id) => match self.engine.thread(id).await {
                Ok((thread, sessions)) => {
                    // A thread's first change is its creation.
                    let is_new = thread.seq == 1;
                    Ok(Some(ListChange { pos, object: ListObject::Thread(thread, sessions), is_new }))
                }
                Err(Error::ThreadNotFound(_)) => {
                    Ok(Some(ListChange { pos, object: ListObject::ThreadGone(id), is_new: false }))
                }
                Err(error) => Err(error),
            },
        }
    }
}

/// What tells two objects of the list apart.
#[derive(PartialEq, Eq, Hash)]
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

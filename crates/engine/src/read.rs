//! Reading by cursor: a session's log, and the list of everything that changed.

mod holes;
mod list;
mod log;

use std::sync::Arc;

use convene_core::{
    ids::{SessionId, ThreadId},
    session::SessionState,
    thread::ThreadState,
};
use convene_store::{EventFilter, EventRow, Reader, SessionFilter};

pub use list::{ListChange, ListCursor, ListObject, ListReader};
pub use log::{LogCursor, LogReader};

use crate::{
    engine::Engine,
    error::Error,
    shared::{Published, PublishedThread, Shared},
};

/// How many events a reader takes at once: enough to keep a socket busy, little enough to stay small in memory.
const PAGE: usize = 512;

/// The same in bytes of data, where events are large.
const PAGE_BYTES: usize = 512 << 10;

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
    pub(crate) async fn read<T: Send + 'static>(
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

    /// A session as the last commit left it; one whose log is damaged as far as it can be read.
    ///
    /// # Errors
    /// If there is none, or it is deleted.
    pub async fn session(&self, id: SessionId) -> Result<Published, Error> {
        let published = match self.shared.session(id) {
            Some(published) => published,
            None => {
                let shared = Arc::clone(&self.shared);
                self.read(move |reader| shared.find_session(reader, id)).await?
            }
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
                    .map(|row| shared.find_session(reader, row.id))
                    // It went meanwhile, or not even its row makes sense; that must not hide the others.
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
        let shared = Arc::clone(&self.shared);
        let (thread, sessions) = self.read(move |reader| whole_thread(&shared, reader, id)).await?;
        Ok((thread.state, sessions))
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

    /// Events of a session that fit a filter; of a damaged log those before the damage.
    ///
    /// # Errors
    /// [`Error::Damaged`] where the first of them is damaged.
    pub async fn events(&self, id: SessionId, filter: EventFilter) -> Result<Vec<EventRow>, Error> {
        let published = self.session(id).await?;
        self.query(move |reader| match published.damaged.is_none() && published.state.repaired {
            true => holes::events(reader, published.log, &filter, published.state.seq),
            false => reader.events(published.log, &filter),
        })
        .await
        .map_err(|error| of_log(id, error))
    }

    /// The answer that was recorded under a key of an owner, if there is one.
    ///
    /// # Errors
    /// If the key was used with another `request`, or the store cannot be read.
    pub async fn recorded(&self, owner: &str, key: &str, request: &str) -> Result<Option<String>, Error> {
        let (owner, key) = (owner.to_owned(), key.to_owned());
        match self.query(move |reader| reader.reply(&owner, &key)).await? {
            Some(row) if row.request == request => Ok(Some(row.reply)),
            Some(_) => Err(Error::IdempotencyConflict),
            None => Ok(None),
        }
    }

    /// Follows a session's log from a cursor on: first what is there, then what comes.
    pub async fn follow(&self, id: SessionId, after: u64) -> Result<LogReader<R>, Error> {
        let shared = Arc::clone(&self.shared);
        let (cursor, news) = match shared.session(id) {
            // The store is asked only for a session that is let go this very moment.
            Some(_) => LogCursor::new(&shared, &self.reader, id, after)?,
            None => self.read(move |reader| LogCursor::new(&shared, reader, id, after)).await?,
        };
        Ok(LogReader::new(self.clone(), cursor, news))
    }

    /// Follows the list of sessions and threads from a cursor on.
    pub fn follow_list(&self, after: u64) -> ListReader<R> {
        ListReader::new(self.clone(), after)
    }
}

/// A failure to read a session's log: where it is damaged, the session is, and not the store.
fn of_log(session: SessionId, error: Error) -> Error {
    match &error {
        Error::Store(inner) => match &**inner {
            convene_store::Error::Damaged { what, why } => Error::Damaged { session, why: format!("{what}: {why}") },
            _ => error,
        },
        _ => error,
    }
}

/// A thread with its sessions, oldest first.
fn whole_thread<R: Reader>(
    shared: &Shared,
    reader: &R,
    id: ThreadId,
) -> Result<(PublishedThread, Vec<Arc<SessionState>>), Error> {
    let thread = shared.find_thread(reader, id)?;
    if thread.state.deleted {
        return Err(Error::ThreadNotFound(id));
    }
    let mut sessions = Vec::new();
    for session in reader.thread_sessions(id)? {
        match shared.find_session(reader, session) {
            Ok(published) if published.state.deleted => {}
            Ok(published) => sessions.push(published.state),
            Err(Error::SessionNotFound(_) | Error::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok((thread, sessions))
}

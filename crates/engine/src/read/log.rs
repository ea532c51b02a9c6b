//! Reading a session's log by cursor.

use std::sync::Arc;

use convene_core::ids::SessionId;
use convene_store::{EventFilter, EventRow, LogKey, Reader, feed::Read};
use tokio::{sync::watch, task::JoinHandle};

use super::{PAGE, PAGE_BYTES, holes};
use crate::{engine::Engine, error::Error, shared::Shared, watched::Watching};

/// A place in a session's log.
#[derive(Debug, Clone)]
pub struct LogCursor {
    id: SessionId,
    log: LogKey,
    after: u64,
    /// The log's last `seq` when the cursor was made.
    committed: u64,
    /// Whether events may be missing that a repair knows of.
    repaired: bool,
}

impl LogCursor {
    /// A cursor after `after`, and what tells of news from then on.
    ///
    /// # Errors
    /// If there is no such session, or it is deleted.
    pub fn new<R: Reader>(
        shared: &Shared,
        reader: &R,
        id: SessionId,
        after: u64,
    ) -> Result<(Self, watch::Receiver<u64>), Error> {
        let published = shared.find_session(reader, id)?;
        if published.state.deleted {
            return Err(Error::SessionNotFound(id));
        }
        let news = shared.feed.follow(published.log);
        // Looked up again after following: what is committed in between is known to one of the two.
        let committed = match shared.session(id) {
            Some(published) => published.state.seq,
            None => reader.session(id)?.map_or(0, |row| row.seq),
        };
        let repaired = published.damaged.is_none() && published.state.repaired;
        Ok((Self { id, log: published.log, after, committed, repaired }, news))
    }

    /// The last `seq` that was read.
    pub const fn after(&self) -> u64 {
        self.after
    }

    /// What memory has after the cursor, which it moves; `None`: the store has it. `told` is the last news.
    fn read_memory(&mut self, shared: &Shared, told: u64) -> Option<Vec<EventRow>> {
        match shared.feed.read(self.log, self.after, self.committed.max(told), PAGE, PAGE_BYTES) {
            Read::Tail(events) => Some(self.passed(events)),
            Read::Store => None,
        }
    }

    /// What the store has after the cursor, which it moves. Where events are lost that a repair knows of, those behind
    /// them; else it is [`Error::Damaged`].
    fn read_store<R: Reader>(&mut self, shared: &Shared, reader: &R) -> Result<Vec<EventRow>, Error> {
        let filter =
            EventFilter { after: Some(self.after), limit: PAGE, bytes: Some(PAGE_BYTES), ..EventFilter::default() };
        if !self.repaired {
            match reader.events(self.log, &filter) {
                Ok(events) => return Ok(self.passed(events)),
                Err(convene_store::Error::Damaged { why, .. }) => {
                    // It may have been repaired since the cursor was made.
                    let published = shared.find_session(reader, self.id)?;
                    self.repaired = published.damaged.is_none() && published.state.repaired;
                    if !self.repaired {
                        return Err(Error::Damaged { session: self.id, why });
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        let last = reader.session(self.id)?.map_or(0, |row| row.seq);
        let events = holes::events(reader, self.log, &filter, last)?;
        Ok(self.passed(events))
    }

    fn passed(&mut self, events: Vec<EventRow>) -> Vec<EventRow> {
        if let Some(last) = events.last() {
            self.after = last.seq;
        }
        events
    }

    /// The events after the cursor that are there now, which it moves. Blocks while it reads the store.
    ///
    /// Where the first one is not the next one, or two do not follow each other, events between them are lost, and a
    /// repair knows of it.
    ///
    /// # Errors
    /// [`Error::Damaged`] if the next events are lost and nobody has repaired the log; or if the store cannot be read.
    pub fn read<R: Reader>(&mut self, shared: &Shared, reader: &R, told: u64) -> Result<Vec<EventRow>, Error> {
        match self.read_memory(shared, told) {
            Some(events) => Ok(events),
            None => self.read_store(shared, reader),
        }
    }
}

/// A page of the store that is being read, and the cursor behind it.
type Page = JoinHandle<Result<(LogCursor, Vec<EventRow>), Error>>;

/// Reads a session's log by cursor. Dropping a future of it loses nothing: the cursor moves with what is returned.
pub struct LogReader<R: Reader> {
    engine: Engine<R>,
    cursor: LogCursor,
    news: watch::Receiver<u64>,
    /// The page behind the last one, which is read while that is used.
    ahead: Option<Page>,
    /// Keeps the session from being put to sleep for idleness.
    _watching: Watching,
}

impl<R: Reader> LogReader<R> {
    pub(super) fn new(engine: Engine<R>, cursor: LogCursor, news: watch::Receiver<u64>) -> Self {
        let watching = engine.shared.watched.watch(cursor.id);
        Self { engine, cursor, news, ahead: None, _watching: watching }
    }

    /// The cursor.
    pub const fn after(&self) -> u64 {
        self.cursor.after()
    }

    /// The log that it reads.
    pub const fn log(&self) -> LogKey {
        self.cursor.log
    }

    /// Moves the cursor past what somebody else has delivered.
    pub fn skip_to(&mut self, seq: u64) {
        if seq > self.cursor.after {
            self.cursor.after = seq;
            self.ahead = None;
        }
    }

    /// The events after the cursor that are there now, which it moves; empty: none, or the session is gone. As
    /// [`LogCursor::read`].
    ///
    /// # Errors
    /// As there.
    pub async fn read(&mut self) -> Result<Vec<EventRow>, Error> {
        // Marked as seen before the read: what comes during it is news.
        let told = *self.news.borrow_and_update();
        let ahead = self.ahead.take();
        if let Some(events) = self.cursor.read_memory(&self.engine.shared, told) {
            return Ok(events);
        }
        let mut read = None;
        if let Some(page) = ahead {
            // Where it ended there may be more by now, of which no news will tell again; and what failed may be mended.
            read = finished(page).await.ok().filter(|(_, events)| !events.is_empty());
        }
        let (cursor, events) = match read {
            Some(read) => read,
            None => finished(self.begin_page()).await?,
        };
        self.cursor = cursor;
        // Behind a page that is not full, the store has no more.
        if events.len() >= PAGE || events.iter().map(|event| event.data.len()).sum::<usize>() >= PAGE_BYTES {
            self.ahead = Some(self.begin_page());
        }
        Ok(events)
    }

    /// Begins to read what the store has after the cursor, whether somebody waits for it or not.
    fn begin_page(&self) -> Page {
        let (reader, shared) = (self.engine.reader.clone(), Arc::clone(&self.engine.shared));
        let mut cursor = self.cursor.clone();
        tokio::task::spawn_blocking(move || cursor.read_store(&shared, &reader).map(|events| (cursor, events)))
    }

    /// Waits until there is something after the cursor, and reads it. `None`: the session is gone.
    pub async fn next(&mut self) -> Result<Option<Vec<EventRow>>, Error> {
        loop {
            let events = self.read().await?;
            if !events.is_empty() {
                return Ok(Some(events));
            }
            if self.is_gone().await? {
                return Ok(None);
            }
            if self.news.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    /// Whether the session is gone.
    pub async fn is_gone(&self) -> Result<bool, Error> {
        let id = self.cursor.id;
        match self.engine.shared.session(id) {
            Some(published) => Ok(published.state.deleted),
            None => Ok(self.engine.query(move |reader| reader.session(id)).await?.is_none_or(|row| row.deleted)),
        }
    }
}

async fn finished(page: Page) -> Result<(LogCursor, Vec<EventRow>), Error> {
    page.await.map_err(|_| Error::Stopped)?
}

//! Reading a session's log by cursor.

use convene_core::ids::SessionId;
use convene_store::{EventFilter, EventRow, LogKey, Reader, feed::Read};
use tokio::sync::watch;

use super::PAGE;
use crate::{engine::Engine, error::Error};

/// Reads a session's log by cursor. Dropping a future of it loses nothing: the cursor moves with what is returned.
pub struct LogReader<R: Reader> {
    engine: Engine<R>,
    id: SessionId,
    log: LogKey,
    after: u64,
    /// The log's last `seq` when the reader began to follow.
    committed: u64,
    news: watch::Receiver<u64>,
}

impl<R: Reader> LogReader<R> {
    pub(super) const fn new(
        engine: Engine<R>,
        id: SessionId,
        log: LogKey,
        after: u64,
        committed: u64,
        news: watch::Receiver<u64>,
    ) -> Self {
        Self { engine, id, log, after, committed, news }
    }

    /// The cursor.
    pub const fn after(&self) -> u64 {
        self.after
    }

    /// The events after the cursor that are there now, which it moves; empty: none, or the session is gone.
    pub async fn read(&mut self) -> Result<Vec<EventRow>, Error> {
        // Marked as seen before the read: what comes during it is news.
        let committed = self.committed.max(*self.news.borrow_and_update());
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
            if self.is_gone().await? {
                return Ok(None);
            }
            if self.news.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    async fn is_gone(&self) -> Result<bool, Error> {
        let id = self.id;
        match self.engine.shared.session(id) {
            Some(published) => Ok(published.state.deleted),
            None => Ok(self.engine.query(move |reader| reader.session(id)).await?.is_none_or(|row| row.deleted)),
        }
    }
}

//! Events as clients get them on the socket, written once for all who watch.
//!
//! Viewers of a session read the same events at nearly the same time, so the last texts are kept: a table of fixed size,
//! in which a new event takes the place of an older one. What is not there is written again.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use axum::extract::ws::Utf8Bytes;
use convene_core::{event::Place, ids::SessionId};
use convene_engine::storage::EventRow;

/// How many texts are kept: what a flood commits at once, and a few live sessions beside it.
const SLOTS: usize = 2048;

/// Longer texts are not kept, so that the table stays below two megabytes; writing them is cheap beside sending them.
const LENGTH_MAX: usize = 1024;

/// The last texts, by their events' place in the store.
pub struct Texts(Vec<Mutex<Option<(u64, Utf8Bytes)>>>);

impl Default for Texts {
    fn default() -> Self {
        Self((0..SLOTS).map(|_| Mutex::default()).collect())
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Texts").finish_non_exhaustive()
    }
}

impl Texts {
    /// The frame of a session's event.
    pub fn frame(&self, session: SessionId, row: &EventRow) -> Utf8Bytes {
        let place = usize::try_from(row.pos % SLOTS as u64).unwrap_or(0);
        let Some(slot) = self.0.get(place) else { return write(session, row) };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        match &*slot {
            Some((pos, text)) if *pos == row.pos => text.clone(),
            Some(_) | None => {
                let text = write(session, row);
                if text.len() <= LENGTH_MAX {
                    *slot = Some((row.pos, text.clone()));
                }
                text
            }
        }
    }
}

fn write(session: SessionId, row: &EventRow) -> Utf8Bytes {
    Place::in_topic(session).write(row.seq, row.pos, row.at, &row.data).into()
}

#[cfg(test)]
#[path = "texts_tests.rs"]
mod tests;

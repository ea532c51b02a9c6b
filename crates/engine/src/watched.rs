//! Which sessions somebody looks at: those are not put to sleep for their idleness.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use convene_core::ids::SessionId;

/// How many readers follow each session's log.
#[derive(Debug, Default)]
pub struct Watched {
    readers: Mutex<HashMap<SessionId, usize>>,
}

impl Watched {
    /// A reader follows a session until this is dropped.
    pub(crate) fn watch(self: &Arc<Self>, session: SessionId) -> Watching {
        *self.lock().entry(session).or_default() += 1;
        Watching { watched: Arc::clone(self), session }
    }

    /// Whether anybody follows a session.
    pub fn is_watched(&self, session: SessionId) -> bool {
        self.lock().contains_key(&session)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, usize>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reader that follows a session.
#[derive(Debug)]
pub(crate) struct Watching {
    watched: Arc<Watched>,
    session: SessionId,
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut readers = self.watched.lock();
        if let Some(count) = readers.get_mut(&self.session) {
            *count -= 1;
            if *count == 0 {
                readers.remove(&self.session);
            }
        }
    }
}

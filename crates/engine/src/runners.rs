//! Which runners are connected: told by the server's doors, looked at by who says what is wrong.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use convene_core::{Timestamp, ids::SessionId};

/// The links of runners, by session.
#[derive(Debug, Default)]
pub struct Runners {
    links: Mutex<HashMap<SessionId, Reach>>,
}

#[derive(Debug, Clone, Copy)]
enum Reach {
    Here,
    /// It is not connected, or does not answer.
    Away(Timestamp),
}

impl Runners {
    /// A session's runner is connected and answers.
    pub fn here(&self, session: SessionId) {
        self.lock().insert(session, Reach::Here);
    }

    /// A session's runner has not been heard since then.
    pub fn away(&self, session: SessionId, since: Timestamp) {
        self.lock().insert(session, Reach::Away(since));
    }

    /// A session has no runner any more.
    pub fn gone(&self, session: SessionId) {
        self.lock().remove(&session);
    }

    /// Since when a session's runner cannot be reached, if it cannot; one that never came, since the server is `up`.
    pub fn away_since(&self, session: SessionId, up: Timestamp) -> Option<Timestamp> {
        match self.lock().get(&session) {
            Some(Reach::Here) => None,
            Some(Reach::Away(since)) => Some(*since),
            None => Some(up),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Reach>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

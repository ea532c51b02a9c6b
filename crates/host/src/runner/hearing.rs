//! Whether all that the agent said was heard. A runner that the system held up finds words that came in time behind a timer
//! that has run out since; what the timer would do waits until they are read.

use tokio::time::Instant;

use crate::ladder::DRAIN;

/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    /// Until when words are read before what is due is done.
    until: Option<Instant>,
    behind: bool,
}

impl Hearing {
    /// Takes note of whether something is due that words could change, and whether there were none left to read.
    pub(super) fn note(&mut self, due: bool, heard_all: bool, now: Instant) {
        self.until = due.then(|| self.until.unwrap_or(now + DRAIN));
        // One that never ends puts nothing off for ever.
        self.behind = !heard_all && self.until.is_some_and(|until| now < until);
    }

    /// Whether words may be left that came in time.
    pub(super) const fn is_behind(&self) -> bool {
        self.behind
    }

    /// When something is due that was to be at `at`, while nothing is read.
    pub(super) fn unread(&self, at: Option<Instant>) -> Option<Instant> {
        at.map(|at| if self.behind { self.until.map_or(at, |until| until.max(at)) } else { at })
    }
}

//! Watches the agent's process while a turn runs: one that somebody stopped by a signal says nothing, and would look as if
//! it thought.

use std::time::Duration;

use convene_core::event::{KnownEvent, UnhealthyReason};
use tokio::time::Instant;

use super::Runner;
use crate::process::stands_still;

/// How often it is looked at. Outside of turns it is not: an idle runner does not wake.
const EVERY: Duration = Duration::from_secs(1);

/// What was seen of the agent's process.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// When it is looked at next.
    at: Option<Instant>,
    /// Whether it stood still the last time.
    still: bool,
    /// Whether it was said so.
    told: bool,
}

impl Runner {
    pub(super) fn watch_deadline(&self) -> Option<Instant> {
        self.watch.at
    }

    /// Looks at the agent's process, if it is time. That it stands still is said when it did so twice: whoever looks with
    /// a debugger stops it for a moment, too.
    pub(super) fn on_watch_time(&mut self, now: Instant) {
        let watched = self.agent_pid().filter(|_| self.turn.is_some() || self.watch.told);
        let Some(pid) = watched else {
            self.watch = Watch::default();
            return;
        };
        if now < *self.watch.at.get_or_insert(now + EVERY) {
            return;
        }
        let still = stands_still(pid);
        if still && self.watch.still && !self.watch.told {
            self.watch.told = true;
            let detail = format!("the agent's process {pid} stands still; `kill -CONT {pid}` lets it go on");
            self.emit(KnownEvent::SessionUnhealthy { reason: UnhealthyReason::AgentStopped, detail });
        } else if !still && self.watch.told {
            self.watch.told = false;
            self.emit(KnownEvent::SessionRecovered { reason: UnhealthyReason::AgentStopped });
        }
        self.watch.still = still;
        self.watch.at = Some(now + EVERY);
    }
}

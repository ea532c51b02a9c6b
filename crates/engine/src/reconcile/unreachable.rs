//! Stops sessions whose worker cannot be reached, and says that nothing is proved.

use convene_core::{Timestamp, command::Command, failure::AttemptExit, ids::SessionId, session::Phase};

use super::LEASE;
use crate::{shared::Shared, workers::Workers};

/// One pass: the ends that are due. A server that has just `started` waits as long as if everybody had been there then.
pub fn pass(shared: &Shared, workers: &Workers, started: Timestamp, now: Timestamp) -> Vec<(SessionId, Command)> {
    let stopping = shared.sessions_where(|s| matches!(s.phase, Phase::Stopping { .. }));
    if stopping.is_empty() {
        return Vec::new();
    }
    let workers = workers.all();
    let mut due = Vec::new();
    for published in stopping {
        let Phase::Stopping { attempt, since, .. } = &published.state.phase else { continue };
        let worker = workers.iter().find(|w| w.status.name == attempt.worker);
        if worker.is_some_and(|w| w.status.connected) {
            continue;
        }
        let seen = worker.map_or(started, |w| w.last_seen_at);
        let quiet_since = started.max(*since).max(seen);
        if now.as_second() - quiet_since.as_second() < LEASE {
            continue;
        }
        let exit = AttemptExit {
            by: "server".to_owned(),
            verified: false,
            detail: format!("worker {} cannot be reached", attempt.worker),
            ..AttemptExit::default()
        };
        due.push((published.state.id, Command::EndAttempt { attempt: attempt.number, exit }));
    }
    due
}

//! Ends turns that are out of time and rejects permission requests that nobody answered.

use convene_core::{Timestamp, command::Command, ids::SessionId, limits};

use crate::shared::Shared;

/// One pass: the commands that are due.
pub fn pass(shared: &Shared, now: Timestamp) -> Vec<(SessionId, Command)> {
    let live = shared.sessions_where(|s| s.phase.attempt().is_some());
    let mut due = Vec::new();
    for published in live {
        let state = &published.state;
        let passed = |since: Timestamp, seconds: u64| {
            u64::try_from(now.as_millisecond() - since.as_millisecond())
                .is_ok_and(|ms| ms >= seconds.saturating_mul(1000))
        };
        if let Some(turn) = state.phase.turn()
            && state.spec.timeout > 0
            && turn.cancelled_by.is_none()
            && turn.handed_over_at.is_some_and(|at| passed(at, state.spec.timeout))
        {
            due.push((state.id, Command::ExpireTurn { turn: turn.id }));
        }
        for (request, pending) in &state.permissions {
            if passed(pending.asked_at, limits::ASK_TIMEOUT) {
                due.push((state.id, Command::ExpirePermission { request: *request }));
            }
        }
    }
    due
}

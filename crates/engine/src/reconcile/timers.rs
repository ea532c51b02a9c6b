//! Ends turns that are out of time and rejects permission requests that nobody answered.
//!
//! While the server was away nobody could answer and no runner could report, so what began before it came up has a
//! lease and its margin from then on.

use convene_core::{Timestamp, command::Command, ids::SessionId};

use super::LEASE;
use crate::shared::Shared;

/// One pass: the commands that are due, for a server that came up at `started`.
pub fn pass(shared: &Shared, started: Timestamp, now: Timestamp) -> Vec<(SessionId, Command)> {
    let settled = now.as_second() - started.as_second() >= LEASE;
    let live = shared.sessions_where(|s| s.phase.attempt().is_some());
    let mut due = Vec::new();
    for published in live {
        let state = &published.state;
        let passed = |since: Timestamp, seconds: u64| {
            let ms = u64::try_from(now.as_millisecond() - since.as_millisecond());
            (settled || since >= started) && ms.is_ok_and(|ms| ms >= seconds.saturating_mul(1000))
        };
        if let Some(turn) = state.phase.turn()
            && state.spec.timeout > 0
            && turn.cancelled_by.is_none()
            && turn.handed_over_at.is_some_and(|at| passed(at, state.spec.timeout))
        {
            due.push((state.id, Command::ExpireTurn { turn: turn.id }));
        }
        for (request, pending) in &state.permissions {
            let patience = state.spec.ask_timeout;
            if patience > 0 && passed(pending.asked_at, patience) {
                due.push((state.id, Command::ExpirePermission { request: *request }));
            }
        }
    }
    due
}

//! Ends turns that are out of time and rejects permission requests that nobody answered.
//!
//! While the server was away nobody could answer and no runner could report, so what began before it came up has a
//! lease and its margin from then on.

use convene_core::{
    Timestamp,
    command::{Command, Expiry},
    ids::SessionId,
};

use super::Windows;
use crate::shared::Shared;

/// One pass: the commands that are due.
pub fn pass(shared: &Shared, windows: impl Into<Windows>, now: Timestamp) -> Vec<(SessionId, Command)> {
    let windows = windows.into();
    let live = shared.sessions_where(|s| s.phase.attempt().is_some());
    let mut due = Vec::new();
    for published in live {
        let state = &published.state;
        let passed = |since: Timestamp, seconds: u64| windows.are_over(since, seconds, now);
        if let Some(turn) = state.phase.turn()
            && state.spec.timeout > 0
            && turn.cancelled_by.is_none()
            && turn.handed_over_at.is_some_and(|at| passed(at, state.spec.timeout))
        {
            due.push((state.id, Command::ExpireTurn { turn: turn.id, why: Expiry::Timeout }));
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

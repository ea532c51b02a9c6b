//! Whose time is up, and whether anybody could have been heard before it was.

use convene_core::{Timestamp, command::Command, ids::SessionId, session::SessionState};
use convene_engine::Shared;

/// A lease and its margin, in seconds: what everybody has to come back in.
const LEASE: i64 = 45;

/// Counts the ends that are due. A server that has been `awake` for less than a lease ends nobody's time that began
/// before.
///
/// # Errors
/// Whose time it ended too early.
pub(super) fn check(
    shared: &Shared,
    due: &[(SessionId, Command)],
    awake: Timestamp,
    now: Timestamp,
) -> Result<usize, String> {
    if now.as_second() - awake.as_second() >= LEASE {
        return Ok(due.len());
    }
    for (session, command) in due {
        let Some(published) = shared.session(*session) else { continue };
        if began(&published.state, command).is_none_or(|began| began < awake) {
            let name = command.name();
            return Err(format!("a server that has just come up expires what it could not hear of: {session} {name}"));
        }
    }
    Ok(due.len())
}

/// When the time began that is up; `None`: it was not heard of since the server came up.
fn began(state: &SessionState, command: &Command) -> Option<Timestamp> {
    match command {
        Command::ExpireTurn { .. } => state.phase.turn().and_then(|turn| turn.handed_over_at),
        Command::ExpirePermission { request } => state.permissions.get(request).map(|pending| pending.asked_at),
        _ => None,
    }
}

//! Whose time is up, and whether anybody could have been heard before it was.

use convene_core::{
    Timestamp,
    command::{Command, Expiry},
    ids::SessionId,
    session::SessionState,
};
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
    let settled = now.as_second() - awake.as_second() >= LEASE;
    let mut ends = 0;
    for (session, command) in due {
        let Some(published) = shared.session(*session) else { continue };
        let Some(began) = began(&published.state, command) else { continue };
        ends += 1;
        if !settled && began < awake {
            let name = command.name();
            return Err(format!("a server that has just come up expires what it could not hear of: {session} {name}"));
        }
    }
    Ok(ends)
}

/// When the time began that is up; nothing if the command ends nobody's time.
fn began(state: &SessionState, command: &Command) -> Option<Timestamp> {
    match command {
        Command::ExpireTurn { why, .. } => {
            let turn = state.phase.turn()?;
            match why {
                _ if turn.cancelled_by.is_some() => turn.cancelled_at,
                Expiry::Timeout => turn.handed_over_at,
                Expiry::Inactivity => turn.silent_since(),
            }
        }
        Command::ExpirePermission { request } => state.permissions.get(request).map(|pending| pending.asked_at),
        // Its worker was not heard of since the server came up.
        Command::EndAttempt { .. } => Some(Timestamp::MIN),
        _ => None,
    }
}

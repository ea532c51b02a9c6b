//! Puts idle sessions to sleep: those that nobody has used or watched for long, and, where others wait for a seat, those
//! that were used least recently; the same where agents fill the memory of their machine. An agent with work of its own
//! stays awake, which its runner says; it is asked again later and later.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use convene_core::{
    Timestamp,
    command::Command,
    dispatch::WorkerStatus,
    ids::{SessionId, WorkerName},
    session::{Phase, SessionState},
};

use crate::{
    shared::{Published, Shared},
    workers::Workers,
};

/// Who puts to sleep what has been idle for long.
const BY_IDLE: &str = "idle";

/// Who puts to sleep what holds a seat that somebody else waits for.
const BY_SEATS: &str = "seats";

/// Who puts to sleep what was used least recently on a machine whose memory its agents fill.
const BY_MEMORY: &str = "memory";

/// How long a session that stayed awake is not asked for its seat again, in seconds, the first time.
const AWAKE: i64 = 30;

/// How often the time until the next question doubles, at most.
const DOUBLINGS: u32 = 6;

/// When sessions were last seen to be watched, as far as that is later than their last event.
#[derive(Debug, Default)]
pub struct LastWatched(HashMap<SessionId, Timestamp>);

/// One pass for idleness: the sessions that nobody has used or watched for so long, for a server that came up at
/// `started`. Zero is never.
pub fn idle_pass(
    shared: &Shared,
    last: &mut LastWatched,
    after: Duration,
    started: Timestamp,
    now: Timestamp,
) -> Vec<(SessionId, Command)> {
    if after.is_zero() {
        return Vec::new();
    }
    let idle = shared.sessions_where(SessionState::may_sleep);
    let ids: HashSet<SessionId> = idle.iter().map(|p| p.state.id).collect();
    last.0.retain(|id, _| ids.contains(id));
    let mut due = Vec::new();
    for published in idle {
        let state = &published.state;
        if shared.watched.is_watched(state.id) {
            last.0.insert(state.id, now);
            continue;
        }
        let watched = last.0.get(&state.id).copied().unwrap_or(started);
        let rests_since = state.updated_at.max(started).max(watched);
        let patience = after.saturating_mul(1 << state.kept_awake().min(DOUBLINGS));
        let rested = u64::try_from(now.as_millisecond() - rests_since.as_millisecond()).unwrap_or(0);
        if u128::from(rested) >= patience.as_millis() {
            due.push((state.id, Command::Hibernate { recap: false, by: BY_IDLE.to_owned() }));
        }
    }
    due
}

/// One pass for seats: for each session that waits because every seat is taken, one that can give up its own.
pub fn seats_pass(shared: &Shared, workers: &Workers, now: Timestamp) -> Vec<(SessionId, Command)> {
    let mut waiting = shared.sessions_where(waits_for_seat);
    if waiting.is_empty() {
        return Vec::new();
    }
    waiting.sort_by_key(|p| (p.state.last_prompt_at.unwrap_or(p.state.created_at), p.created_pos));
    let mut sleepers = least_used_first(shared, now);
    let mut soon_free = HashMap::<WorkerName, usize>::new();
    for published in shared.sessions_where(|s| s.phase.attempt().is_some()) {
        let leaves = matches!(published.state.phase, Phase::Stopping { .. });
        if let Some(attempt) = published.state.phase.attempt().filter(|a| leaves || a.leaving.is_some()) {
            *soon_free.entry(attempt.worker.clone()).or_default() += 1;
        }
    }
    let workers: Vec<WorkerStatus> = workers.all().into_iter().map(|w| w.status).collect();
    let mut commands = Vec::new();
    for wants in waiting {
        if sleepers.is_empty() {
            break;
        }
        let fits = |name: &WorkerName| workers.iter().any(|w| w.name == *name && takes(w, &wants.state));
        // A seat that is about to be free is meant for one who waits.
        if let Some((_, free)) = soon_free.iter_mut().find(|(name, free)| **free > 0 && fits(name)) {
            *free -= 1;
            continue;
        }
        let found = sleepers.iter().position(|p| worker_of(p).is_some_and(fits));
        if let Some(found) = found {
            let sleeper = sleepers.remove(found);
            commands.push((sleeper.state.id, Command::Hibernate { recap: false, by: BY_SEATS.to_owned() }));
        }
    }
    commands
}

/// One pass for memory: on each worker whose agents hold more than `max` bytes, the sessions that were used least
/// recently, until the rest is within it. Zero is never.
pub fn memory_pass(shared: &Shared, workers: &Workers, max: u64, now: Timestamp) -> Vec<(SessionId, Command)> {
    if max == 0 {
        return Vec::new();
    }
    // What is about to leave takes its memory with it.
    let held = |state: &SessionState| {
        let attempt = state.phase.attempt().filter(|attempt| attempt.leaving.is_none())?;
        Some((attempt.worker.clone(), workers.memory(&attempt.worker, state.id, attempt.number)?))
    };
    let mut by_worker = HashMap::<WorkerName, u64>::new();
    for published in shared.sessions_where(|state| state.phase.attempt().is_some()) {
        if let Some((worker, bytes)) = held(&published.state) {
            *by_worker.entry(worker).or_default() += bytes;
        }
    }
    by_worker.retain(|_, bytes| *bytes > max);
    if by_worker.is_empty() {
        return Vec::new();
    }
    let mut commands = Vec::new();
    for sleeper in least_used_first(shared, now) {
        let Some((worker, bytes)) = held(&sleeper.state) else { continue };
        let Some(all) = by_worker.get_mut(&worker).filter(|all| **all > max) else { continue };
        *all = all.saturating_sub(bytes);
        commands.push((sleeper.state.id, Command::Hibernate { recap: false, by: BY_MEMORY.to_owned() }));
    }
    commands
}

/// Sessions that can be put to sleep, the least recently used first; those that somebody watches last of all.
fn least_used_first(shared: &Shared, now: Timestamp) -> Vec<Published> {
    let mut sleepers = shared.sessions_where(|state| may_give_up_seat(state, now));
    sleepers.sort_by_key(|p| (shared.watched.is_watched(p.state.id), p.state.updated_at, p.created_pos));
    sleepers
}

fn waits_for_seat(state: &SessionState) -> bool {
    matches!(&state.phase, Phase::Pending { waiting: Some(waiting) } if waiting.reason == "no_seat") && !state.deleted
}

fn may_give_up_seat(state: &SessionState, now: Timestamp) -> bool {
    let patience = AWAKE << state.kept_awake().min(DOUBLINGS);
    let asked_at = state.phase.attempt().and_then(|attempt| attempt.kept_awake_at);
    state.may_sleep() && asked_at.is_none_or(|at| now.as_second() - at.as_second() >= patience)
}

fn worker_of(published: &Published) -> Option<&WorkerName> {
    published.state.phase.attempt().map(|attempt| &attempt.worker)
}

/// Whether a worker could take a session if it had a seat.
fn takes(worker: &WorkerStatus, state: &SessionState) -> bool {
    worker.connected
        && state.pinned_worker().is_none_or(|name| name == worker.name)
        && worker.agents.iter().any(|agent| agent.installed && agent.name == state.spec.agent)
}

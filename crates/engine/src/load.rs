//! Brings a session's state back from the store: from its newest snapshot and the events after it, from all of its
//! events if the snapshot is of no use, and as far as they go if its log is damaged.

use std::{num::NonZero, panic::resume_unwind, sync::Arc, thread};

use convene_core::{
    event::{Event, EventData, KnownEvent},
    failure::{Failure, FailureKind, StopCause},
    ids::SessionId,
    session::{Phase, SessionState},
    spec::{Origin, SessionSpec},
};
use convene_store::{EventFilter, EventRow, Loaded, LogKey, Reader, SessionRow};

use crate::{error::Error, shared::Published};

/// How many events are read at once where a log is folded from its beginning.
pub(crate) const PAGE: usize = 1000;

/// With so many sessions it is worth a thread more.
const SESSIONS_A_THREAD: usize = 16;

/// Many sessions, in their order, by as many threads as the machine has cores.
pub(crate) fn sessions<R: Reader>(reader: &R, ids: &[SessionId]) -> Vec<Result<Published, Error>> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let share = ids.len().div_ceil(cores).max(SESSIONS_A_THREAD);
    let load = |ids: &[SessionId]| ids.iter().map(|id| session(reader, *id)).collect::<Vec<_>>();
    let Some((mine, others)) = ids.split_at_checked(share) else { return load(ids) };
    thread::scope(|scope| {
        let others: Vec<_> = others.chunks(share).map(|ids| scope.spawn(move || load(ids))).collect();
        let mut loaded = load(mine);
        for other in others {
            loaded.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        loaded
    })
}

/// A session as the store has it. One whose log is damaged comes back as far as it can be read, and says so.
pub(crate) fn session<R: Reader>(reader: &R, id: SessionId) -> Result<Published, Error> {
    let loaded = match reader.load(id) {
        Ok(Some(loaded)) => loaded,
        Ok(None) => return Err(Error::SessionNotFound(id)),
        Err(convene_store::Error::Damaged { why, .. }) => return damaged(reader, id, why),
        Err(error) => return Err(error.into()),
    };
    if loaded.row.deleted {
        return Err(Error::SessionNotFound(id));
    }
    let (log, created_pos) = (loaded.row.log, loaded.row.created_pos);
    let snapshot_seq = loaded.snapshot.as_ref().map_or(0, |s| s.seq);
    match fold(reader, loaded)? {
        Ok(state) => {
            let state = Arc::new(state);
            Ok(Published { log, state, created_pos, command: None, damaged: None, snapshot_seq })
        }
        Err(why) => damaged(reader, id, why),
    }
}

/// The state, or why there is none.
fn fold<R: Reader>(reader: &R, loaded: Loaded) -> Result<Result<SessionState, String>, Error> {
    let id = loaded.row.id;
    let mut state = None;
    if let Some(snapshot) = &loaded.snapshot {
        state = serde_json::from_str::<SessionState>(&snapshot.state).ok();
        if state.is_none() {
            // Another version wrote it, or it is broken; the log has everything that it had.
            tracing::warn!(session.id = %id, snapshot = snapshot.seq, "a snapshot cannot be read; folding the whole log");
            let (state, why) = fold_log(reader, id, loaded.row.log)?;
            return Ok(match (state, why) {
                (Some(state), None) if state.seq == loaded.row.seq => Ok(state),
                (_, why) => Err(why.unwrap_or_else(|| "its log does not begin or end as it should".to_owned())),
            });
        }
    }
    for row in &loaded.tail {
        if let Err(why) = apply(&mut state, id, row) {
            return Ok(Err(why));
        }
    }
    Ok(state.ok_or_else(|| "it does not begin with session_created".to_owned()))
}

/// Folds a log from its beginning as far as it goes; what ended it before its time.
fn fold_log<R: Reader>(
    reader: &R,
    id: SessionId,
    log: LogKey,
) -> Result<(Option<SessionState>, Option<String>), Error> {
    let mut state = None;
    let mut after = 0;
    loop {
        let filter = EventFilter { after: Some(after), limit: PAGE, ..EventFilter::default() };
        let page = match reader.events(log, &filter) {
            Ok(page) => page,
            Err(convene_store::Error::Damaged { why, .. }) => match beyond(reader, log, after)? {
                Some(next) => {
                    after = next - 1;
                    continue;
                }
                None => return Ok((state, Some(why))),
            },
            Err(error) => return Err(error.into()),
        };
        if page.is_empty() {
            return Ok((state, None));
        }
        for row in &page {
            if row.seq != after + 1 && repaired_at(reader, log, row.seq)?.is_none() {
                return Ok((state, Some(format!("event {after} is followed by event {}", row.seq))));
            }
            if let Err(why) = apply(&mut state, id, row) {
                return Ok((state, Some(why)));
            }
            after = row.seq;
        }
    }
}

/// Where a repair has seen that events from this one on are missing.
fn repaired_at<R: Reader>(reader: &R, log: LogKey, seq: u64) -> Result<Option<u64>, Error> {
    let kind = Some("repair_completed".to_owned());
    let filter = EventFilter { after: Some(seq - 1), kind, limit: 1, newest: true, ..EventFilter::default() };
    match reader.events(log, &filter) {
        Ok(repairs) => Ok(repairs.last().map(|repair| repair.seq)),
        Err(convene_store::Error::Damaged { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The first event behind a hole that a repair knows of.
fn beyond<R: Reader>(reader: &R, log: LogKey, after: u64) -> Result<Option<u64>, Error> {
    let Some(repair) = repaired_at(reader, log, after + 1)? else { return Ok(None) };
    for seq in after + 2..=repair {
        let filter = EventFilter { after: Some(seq - 1), limit: 1, ..EventFilter::default() };
        match reader.events(log, &filter) {
            Ok(_) => return Ok(Some(seq)),
            Err(convene_store::Error::Damaged { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

pub(crate) fn apply(state: &mut Option<SessionState>, id: SessionId, row: &EventRow) -> Result<(), String> {
    let data = EventData::from_json(&row.data).map_err(|error| format!("event {}: {error}", row.seq))?;
    let event = Event { session: id, seq: row.seq, pos: row.pos, at: row.at, index: row.index, data };
    match state {
        Some(state) => state.apply(&event),
        None => *state = SessionState::begin(&event),
    }
    Ok(())
}

/// A session whose log cannot be read to its end: listed and shown with what can be read, and left alone.
fn damaged<R: Reader>(reader: &R, id: SessionId, why: String) -> Result<Published, Error> {
    let row = match reader.session(id) {
        Ok(Some(row)) if !row.deleted => row,
        Ok(_) => return Err(Error::SessionNotFound(id)),
        Err(convene_store::Error::Damaged { .. }) => return Err(Error::Damaged { session: id, why }),
        Err(error) => return Err(error.into()),
    };
    let (readable, _ended) = match fold_log(reader, id, row.log)? {
        // What it lacks is known: a repair has closed it.
        (Some(state), None) if state.seq == row.seq && repaired_at(reader, row.log, 1)?.is_some() => {
            return Ok(Published {
                log: row.log,
                state: Arc::new(state),
                created_pos: row.created_pos,
                command: None,
                damaged: None,
                snapshot_seq: 0,
            });
        }
        folded => folded,
    };
    let Some(mut state) = readable.or_else(|| from_row(&row)) else { return Err(Error::Damaged { session: id, why }) };
    let detail = format!("its log is damaged: {why}");
    state.phase =
        Phase::Stopped { cause: StopCause::Failed, detail: Some(detail.clone()), verified: false, step: None };
    state.failure = Some(Failure::new(FailureKind::UnknownFailure, detail).code("session_damaged"));
    state.permissions.clear();
    state.elicitations.clear();
    state.directives.clear();
    state.needs_you_since = None;
    (state.seq, state.pos, state.updated_at) = (row.seq, row.pos, row.updated_at);
    Ok(Published {
        log: row.log,
        state: Arc::new(state),
        created_pos: row.created_pos,
        command: None,
        damaged: Some(why.into()),
        snapshot_seq: 0,
    })
}

/// What the row alone tells of a session.
fn from_row(row: &SessionRow) -> Option<SessionState> {
    SessionState::begin(&Event {
        session: row.id,
        seq: 1,
        pos: row.created_pos,
        at: row.created_at,
        index: None,
        data: EventData::new(created(row)),
    })
}

/// The event that made a session, as far as its row tells.
pub(crate) fn created(row: &SessionRow) -> KnownEvent {
    let spec = SessionSpec::new(row.agent.clone(), row.cwd.clone());
    KnownEvent::SessionCreated {
        spec: Arc::new(spec),
        thread: row.thread,
        owner: row.owner.clone(),
        namespace: row.namespace.clone(),
        origin: Origin::default(),
        title: row.title.clone(),
        labels: std::collections::BTreeMap::new(),
        fork: None,
    }
}

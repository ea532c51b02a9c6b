//! Walking a log: every event is checked against its checksum and its place, so that what is lost is missed.

use std::sync::Arc;

use rusqlite::{Connection, Row, params};

use super::{
    columns::{self, Kind},
    pool::Pool,
    read::clamped,
    sum,
};
use crate::{Error, EventFilter, EventRow, LogKey, fail};

/// What was read of a log.
pub(super) struct Walked {
    pub(super) events: Vec<EventRow>,
    /// What ended it before its time.
    pub(super) stopped: Option<Error>,
}

/// Walks a log as far as it can be read. `conn` has to stay at one moment meanwhile.
pub(super) fn walk(conn: &Connection, pool: &Pool, log: LogKey, filter: &EventFilter) -> rusqlite::Result<Walked> {
    let order = if filter.newest { "DESC" } else { "ASC" };
    let mut query = conn.prepare_cached(&format!(
        "SELECT {} FROM events WHERE log = ?1 AND seq > ?2 AND seq < ?3 ORDER BY seq {order}",
        sum::EVENTS.checked()
    ))?;
    let mut place = Place::new(filter, last(conn, log));
    let mut rows =
        query.query(params![log.0, clamped(filter.after.unwrap_or(0)), clamped(filter.before.unwrap_or(u64::MAX))])?;
    let mut events = Vec::new();
    let mut stopped = None;
    let (mut bytes, most) = (0, filter.bytes.unwrap_or(usize::MAX));
    while events.len() < filter.limit && bytes < most && stopped.is_none() {
        let met = match rows.next() {
            Ok(Some(row)) => place.take(log, row).and_then(|seq| event(pool, log, seq, row, filter)),
            Ok(None) => {
                stopped = place.missing(log).err();
                break;
            }
            Err(error) => Err(fail::sql("reading events", pool.path(), error)),
        };
        match met {
            Ok(Some(event)) => {
                bytes += event.data.len();
                events.push(event);
            }
            Ok(None) => {}
            Err(error) => stopped = Some(error),
        }
    }
    if filter.newest {
        events.reverse();
    }
    Ok(Walked { events, stopped })
}

/// The last event that a session's log should have; none if that is not known, or its events are gone for good.
fn last(conn: &Connection, log: LogKey) -> Option<u64> {
    let sql = format!("SELECT {} FROM sessions WHERE log = ?1", sum::SESSIONS.checked());
    let row = conn.prepare_cached(&sql).and_then(|mut query| query.query_row([log.0], columns::session));
    row.ok().filter(|row| !row.deleted).map(|row| row.seq)
}

/// Which event has to come next.
struct Place {
    newest: bool,
    next: Option<u64>,
    /// The walk is not over before this one was met; with `newest` the one after it.
    end: Option<u64>,
}

impl Place {
    fn new(filter: &EventFilter, last: Option<u64>) -> Self {
        let after = filter.after.unwrap_or(0);
        let last = last.map(|last| filter.before.map_or(last, |before| last.min(before.saturating_sub(1))));
        if filter.newest {
            Self { newest: true, next: last, end: Some(after) }
        } else {
            Self { newest: false, next: Some(after.saturating_add(1)), end: last }
        }
    }

    /// Goes past a row.
    fn take(&mut self, log: LogKey, row: &Row<'_>) -> Result<u64, Error> {
        let number = |column| columns::unsigned(row, column).map_err(|error| damaged(log, None, error.to_string()));
        let (of, seq) = (number(1)?, number(2)?);
        if i64::try_from(of) != Ok(log.0) {
            return Err(damaged(log, None, format!("an event of log {of} is in its place")));
        }
        if let Some(next) = self.next.filter(|next| *next != seq) {
            return Err(damaged(log, Some(next), format!("event {seq} is in its place")));
        }
        self.next = Some(if self.newest { seq.saturating_sub(1) } else { seq.saturating_add(1) });
        Ok(seq)
    }

    /// Nothing may be missing when there are no more rows.
    fn missing(&self, log: LogKey) -> Result<(), Error> {
        let (Some(next), Some(end)) = (self.next, self.end) else { return Ok(()) };
        let all = if self.newest { next <= end } else { next > end };
        if all { Ok(()) } else { Err(damaged(log, Some(next), crate::MISSING.to_owned())) }
    }
}

/// An event, if it is of the wanted type and turn.
fn event(pool: &Pool, log: LogKey, seq: u64, row: &Row<'_>, filter: &EventFilter) -> Result<Option<EventRow>, Error> {
    let failed = |error: rusqlite::Error| damaged(log, Some(seq), plainly(error));
    sum::EVENTS.check(row).map_err(failed)?;
    let turn = columns::turn(row, 5).map_err(failed)?;
    if filter.turn.is_some() && filter.turn != turn {
        return Ok(None);
    }
    let data = columns::text(row, 7).map_err(failed)?;
    if let Some(wanted) = &filter.kind
        && !Kind::of(data).is_some_and(|kind| kind.is(wanted))
    {
        return Ok(None);
    }
    let data = match row.get_ref(6).map_err(failed)? {
        rusqlite::types::ValueRef::Null => data.into(),
        _ => large(pool, log, seq, columns::text(row, 6).map_err(failed)?)?,
    };
    let index = match row.get::<_, Option<i64>>(4).map_err(failed)? {
        Some(_) => Some(columns::unsigned(row, 4).map_err(failed)?),
        None => None,
    };
    let pos = columns::unsigned(row, 0).map_err(failed)?;
    Ok(Some(EventRow { log, seq, pos, at: columns::time(row, 3).map_err(failed)?, index, turn, data }))
}

/// What is wrong with a value, without the words around it.
fn plainly(error: rusqlite::Error) -> String {
    match error {
        rusqlite::Error::FromSqlConversionFailure(_, _, source) => source.to_string(),
        error => error.to_string(),
    }
}

/// Data that is in a file.
fn large(pool: &Pool, log: LogKey, seq: u64, hash: &str) -> Result<Arc<str>, Error> {
    let damaged = |why: String| damaged(log, Some(seq), why);
    match pool.blobs().get(hash) {
        Ok(Some(bytes)) => match String::from_utf8(bytes) {
            Ok(text) => Ok(text.into()),
            Err(error) => Err(damaged(error.to_string())),
        },
        Ok(None) => Err(damaged(format!("its file {hash} is gone"))),
        Err(Error::Damaged { what, why }) => Err(damaged(format!("{what}: {why}"))),
        Err(error) => Err(error),
    }
}

fn damaged(log: LogKey, seq: Option<u64>, why: String) -> Error {
    let what = match seq {
        Some(seq) => format!("event {seq} of log {}", log.0),
        None => format!("an event of log {}", log.0),
    };
    Error::Damaged { what, why }
}

//! Reading what is committed.

use std::{fmt::Write as _, sync::Arc};

use convene_core::ids::{SessionId, ThreadId, TokenId};
use rusqlite::{Connection, OptionalExtension as _, Params, Row, Statement, ToSql, params, params_from_iter};

use super::{columns, epochs, log, pool::Pool, sum};
use crate::{
    Changed, ChangedObject, Error, EventFilter, EventRow, Loaded, LogKey, Reader, ReplyRow, SessionFilter, SessionRow,
    ThreadRow, TokenRow, fail,
};

/// A reader of a SQLite database. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct SqliteReader {
    pool: Arc<Pool>,
}

impl SqliteReader {
    pub(super) fn new(pool: Arc<Pool>) -> Self {
        Self { pool }
    }

    /// Where the database is.
    pub(super) fn dir(&self) -> &std::path::Path {
        self.pool.path().parent().unwrap_or_else(|| std::path::Path::new("."))
    }

    pub(super) fn read<T>(
        &self,
        doing: &'static str,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        self.pool.read(|conn| read(conn).map_err(|error| fail::sql(doing, self.pool.path(), error)))
    }

    /// A session's row, snapshot and tail, as of one moment.
    fn load_from(&self, conn: &Connection, id: SessionId) -> Result<Option<Loaded>, Error> {
        let failed = |error| damage(id, fail::sql("loading a session", self.pool.path(), error));
        let moment = conn.unchecked_transaction().map_err(failed)?;
        let Some(row) = session_row(&moment, id).map_err(failed)? else {
            return Ok(None);
        };
        let snapshot = moment
            .prepare_cached(&format!("SELECT {} FROM snapshots WHERE log = ?1", sum::SNAPSHOTS.checked()))
            .and_then(|mut query| query.query_row([row.log.0], columns::snapshot).optional());
        let snapshot = match snapshot {
            Ok(snapshot) => snapshot,
            Err(error) if fail::unreadable(&error) => {
                // The log has everything that it had.
                tracing::warn!(session.id = %id, %error, "a snapshot is damaged; reading the whole log");
                None
            }
            Err(error) => return Err(failed(error)),
        };
        let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.seq);
        let filter = EventFilter { after: Some(after), limit: usize::MAX, ..EventFilter::default() };
        let walked = log::walk(&moment, &self.pool, row.log, &filter).map_err(failed)?;
        if let Some(error) = walked.stopped {
            return Err(damage(id, error));
        }
        let tail = walked.events;
        if !row.deleted {
            gapless(&row, after, &tail)?;
        }
        Ok(Some(Loaded { row, snapshot, tail }))
    }
}

impl Reader for SqliteReader {
    fn session(&self, id: SessionId) -> Result<Option<SessionRow>, Error> {
        self.read("reading a session", |conn| session_row(conn, id))
    }

    fn load(&self, id: SessionId) -> Result<Option<Loaded>, Error> {
        self.pool.read(|conn| self.load_from(conn, id))
    }

    fn events(&self, log: LogKey, filter: &EventFilter) -> Result<Vec<EventRow>, Error> {
        self.pool.read(|conn| {
            let moment = conn.unchecked_transaction();
            let walked = moment.and_then(|moment| log::walk(&moment, &self.pool, log, filter));
            let walked = walked.map_err(|error| fail::sql("reading events", self.pool.path(), error))?;
            match walked.stopped {
                Some(error) if walked.events.is_empty() => Err(error),
                // Who reads on from here meets the failure as the first thing.
                Some(_) | None => Ok(walked.events),
            }
        })
    }

    fn sessions(&self, filter: &SessionFilter) -> Result<Vec<SessionRow>, Error> {
        let text = filter.text.as_ref().map(|text| text.to_lowercase());
        self.read("listing sessions", |conn| {
            let (sql, values) = session_query(filter);
            let mut query = conn.prepare_cached(&sql)?;
            let mut rows = query.query(params_from_iter(values))?;
            let mut found = Vec::new();
            while found.len() < filter.limit
                && let Some(row) = rows.next()?
            {
                let row = columns::session(row)?;
                // Here, because the database knows upper and lower case of ASCII only.
                if text.as_deref().is_none_or(|text| mentions(&row, text)) {
                    found.push(row);
                }
            }
            Ok(found)
        })
    }

    fn live_sessions(&self) -> Result<Vec<SessionId>, Error> {
        self.read("listing live sessions", |conn| {
            all(
                conn.prepare_cached(
                    "SELECT id FROM sessions WHERE state <> 'stopped' AND state <> 'hibernated' AND deleted = 0
                    ORDER BY created_pos",
                )?,
                [],
                |row| columns::parsed(row, 0),
            )
        })
    }

    fn count_by_badge(&self) -> Result<Vec<(String, u64)>, Error> {
        self.read("counting sessions", |conn| {
            all(
                conn.prepare_cached(
                    "SELECT badge, COUNT(*) FROM sessions WHERE archived = 0 AND deleted = 0
                    GROUP BY badge ORDER BY badge",
                )?,
                [],
                |row| Ok((row.get(0)?, columns::unsigned(row, 1)?)),
            )
        })
    }

    fn changed(&self, after: u64, limit: usize) -> Result<Vec<Changed>, Error> {
        self.read("reading what changed", |conn| {
            all(
                conn.prepare_cached(
                    "SELECT 0, id, pos, created_pos, deleted FROM sessions WHERE pos > ?1
                    UNION ALL SELECT 1, id, pos, created_pos, deleted FROM threads WHERE pos > ?1
                    ORDER BY 3 LIMIT ?2",
                )?,
                params![clamped(after), limited(limit)],
                |row| {
                    let object = if row.get(0)? {
                        ChangedObject::Thread(columns::parsed(row, 1)?)
                    } else {
                        ChangedObject::Session(columns::parsed(row, 1)?)
                    };
                    Ok(Changed {
                        object,
                        pos: columns::unsigned(row, 2)?,
                        created_pos: columns::unsigned(row, 3)?,
                        deleted: row.get(4)?,
                    })
                },
            )
        })
    }

    fn thread(&self, id: ThreadId) -> Result<Option<ThreadRow>, Error> {
        self.read("reading a thread", |conn| {
            conn.prepare_cached(&format!("SELECT {} FROM threads WHERE id = ?1", sum::THREADS.checked()))?
                .query_row([id.to_string()], columns::thread)
                .optional()
        })
    }

    fn threads(
        &self,
        namespace: &str,
        archived: bool,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<ThreadRow>, Error> {
        self.read("listing threads", |conn| {
            all(
                conn.prepare_cached(&format!(
                    "SELECT {} FROM threads
                    WHERE namespace = ?1 AND archived = ?2 AND deleted = 0 AND created_pos < ?3
                    ORDER BY created_pos DESC LIMIT ?4",
                    sum::THREADS.checked()
                ))?,
                params![namespace, archived, clamped(before.unwrap_or(u64::MAX)), limited(limit)],
                columns::thread,
            )
        })
    }

    fn thread_sessions(&self, id: ThreadId) -> Result<Vec<SessionId>, Error> {
        self.read("listing a thread's sessions", |conn| {
            all(
                conn.prepare_cached("SELECT id FROM sessions WHERE thread = ?1 AND deleted = 0 ORDER BY created_pos")?,
                [id.to_string()],
                |row| columns::parsed(row, 0),
            )
        })
    }

    fn reply(&self, owner: &str, key: &str) -> Result<Option<ReplyRow>, Error> {
        self.read("reading a recorded answer", |conn| {
            let sql = format!("SELECT {} FROM replies WHERE owner = ?1 AND name = ?2", sum::REPLIES.checked());
            conn.prepare_cached(&sql)?.query_row([owner, key], columns::reply).optional()
        })
    }

    fn tokens(&self) -> Result<Vec<TokenRow>, Error> {
        self.read("reading tokens", |conn| {
            let query =
                conn.prepare_cached(&format!("SELECT {} FROM tokens ORDER BY created_at, id", sum::TOKENS.checked()))?;
            all(query, [], columns::token)
        })
    }

    fn token_by_hash(&self, hash: &str) -> Result<Option<TokenRow>, Error> {
        self.read("reading a token", |conn| {
            conn.prepare_cached(&format!("SELECT {} FROM tokens WHERE hash = ?1", sum::TOKENS.checked()))?
                .query_row([hash], columns::token)
                .optional()
        })
    }

    fn sessions_by_suffix(&self, suffix: &str, limit: usize) -> Result<Vec<SessionId>, Error> {
        let suffix = suffix.to_ascii_lowercase();
        // An id has 32 digits; anything else is the end of none.
        if suffix.is_empty() || suffix.len() > 32 || !suffix.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(Vec::new());
        }
        self.read("looking up a session", |conn| {
            all(
                conn.prepare_cached(
                    "SELECT id FROM sessions WHERE id LIKE '%' || ?1 AND deleted = 0 ORDER BY id LIMIT ?2",
                )?,
                params![suffix, limited(limit)],
                |row| columns::parsed(row, 0),
            )
        })
    }

    fn earlier_epochs(&self) -> Result<Vec<u64>, Error> {
        self.read("reading earlier epochs", epochs::earlier)
    }

    fn token(&self, id: TokenId) -> Result<Option<TokenRow>, Error> {
        self.read("reading a token", |conn| {
            conn.prepare_cached(&format!("SELECT {} FROM tokens WHERE id = ?1", sum::TOKENS.checked()))?
                .query_row([id.to_string()], columns::token)
                .optional()
        })
    }
}

fn session_row(conn: &Connection, id: SessionId) -> rusqlite::Result<Option<SessionRow>> {
    conn.prepare_cached(&format!("SELECT {} FROM sessions WHERE id = ?1", sum::SESSIONS.checked()))?
        .query_row([id.to_string()], columns::session)
        .optional()
}

/// The events are all there from the snapshot to the last that the row knows of.
fn gapless(row: &SessionRow, after: u64, tail: &[EventRow]) -> Result<(), Error> {
    let mut last = after;
    for event in tail {
        if event.seq != last + 1 {
            let why = format!("event {} is followed by event {}", last, event.seq);
            return Err(Error::Damaged { what: format!("session {}", row.id), why });
        }
        last = event.seq;
    }
    if last == row.seq {
        return Ok(());
    }
    let why = format!("its log ends with event {last} where {} should be the last", row.seq);
    Err(Error::Damaged { what: format!("session {}", row.id), why })
}

/// Damage that is met while a session is loaded is that session's.
fn damage(id: SessionId, error: Error) -> Error {
    match error {
        Error::Damaged { what, why } => Error::Damaged { what: format!("session {id}"), why: format!("{what}: {why}") },
        Error::Newer { .. }
        | Error::Full { .. }
        | Error::ReadOnly { .. }
        | Error::InUse { .. }
        | Error::Failed { .. } => error,
    }
}

/// The statement for a filter: only what is asked for is compared, so that the planner sees which index fits.
fn session_query(filter: &SessionFilter) -> (String, Vec<Box<dyn ToSql>>) {
    let mut sql = format!("SELECT {} FROM sessions WHERE deleted = 0", sum::SESSIONS.checked());
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    let mut equal = |column: &str, value: Option<String>| {
        if let Some(value) = value {
            values.push(Box::new(value));
            // Writing to a string does not fail.
            let _ = write!(sql, " AND {column} = ?{}", values.len());
        }
    };
    equal("namespace", filter.namespace.clone());
    equal("badge", filter.badge.clone());
    equal("agent", filter.agent.clone());
    equal("thread", filter.thread.map(|id| id.to_string()));
    if let Some(archived) = filter.archived {
        sql.push_str(if archived { " AND archived = 1" } else { " AND archived = 0" });
    }
    if let Some(before) = filter.before {
        values.push(Box::new(clamped(before)));
        let _ = write!(sql, " AND created_pos < ?{}", values.len());
    }
    if !filter.states.is_empty() {
        let first = values.len() + 1;
        values.extend(filter.states.iter().map(|state| Box::new(state.clone()) as Box<dyn ToSql>));
        let places: Vec<String> = (first..=values.len()).map(|place| format!("?{place}")).collect();
        let _ = write!(sql, " AND state IN ({})", places.join(", "));
    }
    sql.push_str(" ORDER BY created_pos DESC");
    (sql, values)
}

/// Whether the row's words hold a text that is in lower case already.
fn mentions(row: &SessionRow, text: &str) -> bool {
    row.title.to_lowercase().contains(text)
        || row.cwd.to_lowercase().contains(text)
        || row.id.to_string().contains(text)
}

fn all<T>(
    mut query: rusqlite::CachedStatement<'_>,
    values: impl Params,
    row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let query: &mut Statement<'_> = &mut query;
    query.query_map(values, row)?.collect()
}

/// Positions beyond what the database can hold are beyond all that it has.
pub(super) fn clamped(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn limited(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

//! Rows of the database as rows of the door.

use std::{borrow::Cow, error::Error as StdError, str::FromStr};

use convene_core::{Timestamp, ids::TurnId};
use rusqlite::{Row, types::Type};
use serde::Deserialize;

use super::sum;
use crate::{LogKey, ReplyRow, SessionRow, SnapshotRow, ThreadRow, TokenRow};

/// A row of [`sum::SESSIONS`], checked; the others likewise.
pub(super) fn session(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    sum::SESSIONS.check(row)?;
    Ok(SessionRow {
        log: LogKey(row.get(0)?),
        seq: unsigned(row, 1)?,
        pos: unsigned(row, 2)?,
        updated_at: time(row, 3)?,
        created_pos: unsigned(row, 4)?,
        created_at: time(row, 5)?,
        archived: row.get(6)?,
        deleted: row.get(7)?,
        id: parsed(row, 8)?,
        thread: parsed(row, 9)?,
        owner: row.get(10)?,
        namespace: row.get(11)?,
        agent: row.get(12)?,
        state: row.get(13)?,
        badge: row.get(14)?,
        cwd: row.get(15)?,
        title: row.get(16)?,
    })
}

pub(super) fn thread(row: &Row<'_>) -> rusqlite::Result<ThreadRow> {
    sum::THREADS.check(row)?;
    Ok(ThreadRow {
        log: LogKey(row.get(0)?),
        pos: unsigned(row, 1)?,
        created_pos: unsigned(row, 2)?,
        archived: row.get(3)?,
        deleted: row.get(4)?,
        id: parsed(row, 5)?,
        namespace: row.get(6)?,
        state: row.get(7)?,
    })
}

pub(super) fn snapshot(row: &Row<'_>) -> rusqlite::Result<SnapshotRow> {
    sum::SNAPSHOTS.check(row)?;
    Ok(SnapshotRow { log: LogKey(row.get(0)?), seq: unsigned(row, 1)?, state: row.get(2)? })
}

pub(super) fn reply(row: &Row<'_>) -> rusqlite::Result<ReplyRow> {
    sum::REPLIES.check(row)?;
    Ok(ReplyRow { owner: row.get(0)?, key: row.get(1)?, at: time(row, 2)?, request: row.get(3)?, reply: row.get(4)? })
}

pub(super) fn token(row: &Row<'_>) -> rusqlite::Result<TokenRow> {
    sum::TOKENS.check(row)?;
    Ok(TokenRow {
        id: parsed(row, 0)?,
        hash: row.get(1)?,
        name: row.get(2)?,
        scope: row.get(3)?,
        owner: row.get(4)?,
        created_at: time(row, 5)?,
        expires_at: time_if_any(row, 6)?,
        generation: row.get(7)?,
        previous_until: time_if_any(row, 8)?,
        last_used_at: time_if_any(row, 9)?,
    })
}

pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

fn time_if_any(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    match row.get::<_, Option<i64>>(column)? {
        Some(_) => time(row, column).map(Some),
        None => Ok(None),
    }
}

pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millisecond(row.get(column)?).map_err(|error| unlike(column, Type::Integer, error))
}

/// An id, or whatever else is kept as its text.
pub(super) fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: FromStr<Err: StdError + Send + Sync + 'static>,
{
    text(row, column)?.parse().map_err(|error| unlike(column, Type::Text, error))
}

pub(super) fn turn(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<TurnId>> {
    if row.get_ref(column)? == rusqlite::types::ValueRef::Null {
        return Ok(None);
    }
    let uuid = text(row, column)?.parse().map_err(|error| unlike(column, Type::Text, error))?;
    Ok(Some(TurnId::new(uuid)))
}

pub(super) fn text<'row>(row: &'row Row<'_>, column: usize) -> rusqlite::Result<&'row str> {
    row.get_ref(column)?.as_str().map_err(|error| unlike(column, Type::Text, error))
}

fn unlike(column: usize, kind: Type, error: impl StdError + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(error))
}

/// The type of an event, as its data says.
#[derive(Debug, Deserialize)]
pub(super) struct Kind<'a> {
    #[serde(borrow, rename = "type")]
    name: Cow<'a, str>,
}

impl<'a> Kind<'a> {
    /// `None` if the data has none.
    pub(super) fn of(data: &'a str) -> Option<Self> {
        serde_json::from_str(data).ok()
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// An object that has nothing but the type.
    pub(super) fn alone(self) -> String {
        serde_json::json!({ "type": self.name }).to_string()
    }
}

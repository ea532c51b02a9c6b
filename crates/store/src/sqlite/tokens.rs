//! API tokens on their way from one database to another: never one that may have been revoked.

use std::path::Path;

use rusqlite::{
    Connection,
    types::{Type, Value, ValueRef},
};

use super::{inspect, sum};

/// Columns of [`sum::TOKENS`].
const ID: usize = 0;
const GENERATION: usize = 7;

/// All tokens of a database that nobody writes to.
///
/// # Errors
/// If any of them cannot be read as it was written.
fn read(path: &Path) -> rusqlite::Result<Vec<Vec<Value>>> {
    let conn = inspect::connect(path)?;
    // A row that was removed is still on its page, and may come back by a damage.
    let checked: String = conn.query_row("PRAGMA integrity_check(tokens)", [], |row| row.get(0))?;
    if checked != "ok" {
        return Err(rusqlite::Error::FromSqlConversionFailure(0, Type::Text, checked.into()));
    }
    let mut query = conn.prepare(&format!("SELECT {} FROM tokens", sum::TOKENS.checked()))?;
    let rows = query.query_map([], |row| {
        sum::TOKENS.check(row)?;
        (0..sum::TOKENS.width).map(|column| row.get(column)).collect()
    })?;
    rows.collect()
}

fn put(to: &Connection, row: &[Value]) -> rusqlite::Result<()> {
    let places: Vec<String> = (1..=sum::TOKENS.width + 1).map(|place| format!("?{place}")).collect();
    let sql = format!("INSERT INTO tokens ({}, crc) VALUES ({})", sum::TOKENS.columns, places.join(", "));
    let values: Vec<ValueRef<'_>> = row.iter().map(ValueRef::from).collect();
    to.prepare_cached(&sql)?.execute(sum::TOKENS.sealed(&values)).map(drop)
}

/// Takes over all tokens, and tells how many; `None`: there are none, because those that there are cannot be read.
pub(super) fn copy(from: &Path, to: &Connection) -> rusqlite::Result<Option<u64>> {
    match read(from) {
        Ok(rows) => {
            for row in &rows {
                put(to, row)?;
            }
            Ok(Some(rows.len() as u64))
        }
        Err(error) => {
            tracing::warn!(%error, "the tokens cannot be read; new ones are needed");
            Ok(None)
        }
    }
}

/// Leaves the tokens in `to` that `newer` has too, as they are there if they were rotated since, and tells how many;
/// `None`: what `newer` has cannot be read, and nothing was changed.
pub(super) fn leave_common(newer: &Path, to: &Connection) -> rusqlite::Result<Option<u64>> {
    let rows = match read(newer) {
        Ok(rows) => rows,
        Err(error) => {
            tracing::warn!(%error, "which tokens were revoked since cannot be read");
            return Ok(None);
        }
    };
    let mut kept = 0;
    let mut query = to.prepare("SELECT id, generation FROM tokens")?;
    let there = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for (id, generation) in there.collect::<rusqlite::Result<Vec<(String, i64)>>>()? {
        let row = rows.iter().find(|row| row.get(ID) == Some(&Value::Text(id.clone())));
        kept += u64::from(row.is_some());
        let is_older =
            |row: &&Vec<Value>| matches!(row.get(GENERATION), Some(Value::Integer(now)) if *now < generation);
        if row.is_some_and(|row| is_older(&row)) {
            continue;
        }
        to.execute("DELETE FROM tokens WHERE id = ?1", [id])?;
        if let Some(row) = row {
            put(to, row)?;
        }
    }
    Ok(Some(kept))
}

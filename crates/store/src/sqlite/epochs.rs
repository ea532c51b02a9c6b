//! Epochs of before. A new database of a damaged one has another epoch, because positions may mean something else in it;
//! what was at work goes on in it nevertheless, by the names that it was given under the epochs before. A backup that is
//! put back ends all of them.

use std::{collections::BTreeSet, path::Path};

use rusqlite::{Connection, OptionalExtension as _};

use super::{inspect, sum};

/// Where `meta` has them, with spaces between.
const EARLIER: &str = "earlier_epochs";

/// Epochs under which the database was before it was made anew.
pub(super) fn earlier(conn: &Connection) -> rusqlite::Result<Vec<u64>> {
    let all = remembered(conn, EARLIER)?.unwrap_or_default();
    Ok(all.split(' ').filter_map(|epoch| epoch.parse().ok()).collect())
}

/// Lets what began in the database at `from` go on in the new one. `met`: all epochs that any of its pages has.
pub(super) fn go_on(from: &Path, met: &BTreeSet<u64>, to: &Connection) -> rusqlite::Result<()> {
    let epochs = of(from).unwrap_or_else(|error| {
        tracing::warn!(%error, "the epoch of the damaged database cannot be read from its table");
        // If there is more than one, a backup may have ended some of them, and nobody knows which.
        if met.len() == 1 { met.iter().copied().collect() } else { Vec::new() }
    });
    remember(to, &epochs)
}

/// Ends what began before.
pub(super) fn end(conn: &Connection) -> rusqlite::Result<()> {
    remember(conn, &[])
}

/// The epoch of a database that nobody writes to, and those before it.
fn of(path: &Path) -> rusqlite::Result<Vec<u64>> {
    let conn = inspect::connect(path)?;
    let mut epochs = earlier(&conn)?;
    let own = remembered(&conn, "epoch")?.and_then(|epoch| epoch.parse().ok());
    epochs.push(own.ok_or(rusqlite::Error::QueryReturnedNoRows)?);
    Ok(epochs)
}

fn remembered(conn: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    conn.query_row("SELECT name, value, crc FROM meta WHERE name = ?1", [name], |row| {
        sum::META.check(row)?;
        row.get(1)
    })
    .optional()
}

fn remember(conn: &Connection, epochs: &[u64]) -> rusqlite::Result<()> {
    let epochs: Vec<String> = epochs.iter().map(u64::to_string).collect();
    sum::remember(conn, EARLIER, &epochs.join(" "))
}

//! Closing: everything is brought into the file of the database, then that is said, and then the WAL goes. Whoever is
//! killed in between leaves a database that opens.

use std::path::Path;

use rusqlite::{Connection, config::DbConfig};

use super::{
    lock::{Lock, State},
    raw,
};
use crate::{Error, fail, steps};

/// Closes the database of a writer for the next one.
///
/// # Errors
/// If the disk refuses, or somebody reads: the WAL stays, and what was said of it stays true.
pub(super) fn close(conn: &Connection, path: &Path, lock: &Lock) -> Result<(), Error> {
    let said = |error| fail::io("closing the database", path, error);
    let failed = |error| fail::sql("closing the database", path, error);
    steps::before("checkpoint").map_err(said)?;
    if !bring_in(conn).map_err(failed)? {
        return Err(Error::InUse { path: path.to_owned() });
    }
    steps::before("say").map_err(said)?;
    lock.say(State::Closed).map_err(said)?;
    steps::before("empty").map_err(said)?;
    // A WAL that stays, because somebody has begun to read, has nothing that is not in the database.
    empty(conn).map_err(failed)?;
    steps::before("close").map_err(said)
}

/// Brings everything into the file of the database and that to the disk; the WAL stays as it is. Tells whether nobody was
/// in the way.
fn bring_in(conn: &Connection) -> rusqlite::Result<bool> {
    let all = conn.query_row("PRAGMA wal_checkpoint(FULL)", [], |row| {
        let (in_the_way, all, done): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(in_the_way == 0 && all == done)
    })?;
    if !all {
        // SQLite syncs at the end alone, and the next writer may take what was moved for durable.
        raw::sync(conn)?;
    }
    Ok(all)
}

/// Empties the WAL, of which everything is in the database, and lets SQLite remove it when the connection closes; unless
/// somebody reads.
fn empty(conn: &Connection) -> rusqlite::Result<()> {
    let in_the_way: i64 = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if in_the_way == 0 {
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    }
    Ok(())
}

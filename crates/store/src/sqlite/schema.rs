//! The schema: migrations that are run in order, once each, and never on a database that is newer than this build.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _};

use super::sum;
use crate::{Error, fail};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Brings the schema to this build's, or refuses without having touched anything.
pub(super) fn bring_up(conn: &mut Connection, path: &Path, new: bool) -> Result<(), Error> {
    let runner = embedded::migrations::runner();
    let known = known(&runner);
    let found = version(conn).map_err(|error| fail::sql("reading the schema's version", path, error))?;
    let failed = |error| fail::sql("giving rows their checksums", path, error);
    match found {
        Some(found) if found > known => return Err(Error::Newer { found, known }),
        Some(found) if found == known => {
            as_written(conn, path)?;
            // A crash may have come between the last migration and the checksums.
            return sum::fill(conn).map_err(failed);
        }
        // Its history says less than it is: a migration that has run must not run again.
        Some(_) if as_written(conn, path).is_ok() => return Err(unlike(path)),
        Some(_) => {}
        None if new || is_empty(conn).map_err(|error| fail::sql("reading the schema", path, error))? => {}
        None => return Err(foreign(path)),
    }
    migrate(conn, path)?;
    sum::fill(conn).map_err(failed)
}

fn migrate(conn: &mut Connection, path: &Path) -> Result<(), Error> {
    let runner = embedded::migrations::runner().set_grouped(true).set_abort_divergent(true);
    runner.run(conn).map(drop).map_err(|error| migration_failed(path, error))
}

/// What the migrations make, as [`texts`] tells it: to make it anew at each opening would take longer than to compare.
const MADE: &str = include_str!("schema.sql");

/// The schema is to the letter what the migrations make. A changed letter would change what is found by an index.
fn as_written(conn: &Connection, path: &Path) -> Result<(), Error> {
    let found = texts(conn).map_err(|error| fail::sql("reading the schema", path, error))?;
    if found == MADE { Ok(()) } else { Err(unlike(path)) }
}

/// Everything that a database has, in an order of its own.
fn texts(conn: &Connection) -> rusqlite::Result<String> {
    conn.prepare(
        "SELECT '-- ' || type || ' ' || name || ' of ' || tbl_name || char(10) || COALESCE(sql || ';' || char(10), '')
        FROM sqlite_master ORDER BY type, name",
    )?
    .query_map([], |row| row.get::<_, String>(0))?
    .collect()
}

fn unlike(path: &Path) -> Error {
    Error::Damaged { what: path.display().to_string(), why: "its schema is not what was written".to_owned() }
}

/// Whether this build can read the database.
///
/// # Errors
/// `Newer`, or `Damaged` if it is not one of this program.
pub(super) fn readable(conn: &Connection, path: &Path) -> Result<(), Error> {
    let known = known(&embedded::migrations::runner());
    match version(conn).map_err(|error| fail::sql("reading the schema's version", path, error))? {
        Some(found) if found > known => Err(Error::Newer { found, known }),
        Some(_) => Ok(()),
        None => Err(foreign(path)),
    }
}

fn known(runner: &refinery::Runner) -> i64 {
    runner.get_migrations().iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0)
}

fn foreign(path: &Path) -> Error {
    let what = path.display().to_string();
    Error::Damaged { what, why: "it is a database, but not one of this program".to_owned() }
}

/// The version that was reached; `None` before the first migration.
fn version(conn: &Connection) -> rusqlite::Result<Option<i64>> {
    let history = conn
        .query_row("SELECT 1 FROM sqlite_master WHERE name = 'refinery_schema_history'", [], |_| Ok(()))
        .optional()?;
    if history.is_none() {
        return Ok(None);
    }
    conn.query_row("SELECT MAX(version) FROM refinery_schema_history", [], |row| row.get(0))
}

/// Whether there is nothing in it but the history of migrations: that is made first, and whoever made it may have died
/// before the first migration.
fn is_empty(conn: &Connection) -> rusqlite::Result<bool> {
    let others = "SELECT COUNT(*) FROM sqlite_master WHERE tbl_name <> 'refinery_schema_history'";
    conn.query_row(others, [], |row| Ok(row.get::<_, i64>(0)? == 0))
}

fn migration_failed(path: &Path, error: refinery::Error) -> Error {
    let doing = "bringing the schema up to date";
    // The cause is SQLite's, under the migration that met it.
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        if let Some(rusqlite::Error::SqliteFailure(failure, text)) = inner.downcast_ref() {
            return fail::sql(doing, path, rusqlite::Error::SqliteFailure(*failure, text.clone()));
        }
        cause = inner.source();
    }
    Error::Failed { doing, source: error.into() }
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;

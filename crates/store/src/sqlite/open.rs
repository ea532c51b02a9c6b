//! Opening: the directory, the lock, the file, its schema, and what the writer goes on from.

use std::{
    error::Error as StdError,
    fs::{self, DirBuilder, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    panic::resume_unwind,
    path::{Path, PathBuf},
    str::FromStr,
    thread,
    time::Duration,
};

use convene_core::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, config::DbConfig};

use super::{
    check, checkpoint, columns,
    lock::{Lock, State, lock},
    schema, sum,
};
use crate::{Error, LogKey, OpenInfo, blobs, fail};

pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) writer: Connection,
    pub(super) info: OpenInfo,
    pub(super) lock: Lock,
    /// Its rows were not looked at yet.
    pub(super) large: bool,
}

pub(super) fn open(dir: &Path, now: Timestamp, epoch_seed: u64) -> Result<Opened, Error> {
    make_dir(dir).map_err(|error| fail::io("making the data directory", dir, error))?;
    let lock = lock(dir)?;
    let path = dir.join("convene.db");
    check::files(dir, lock.state())?;
    let large = check::is_large(&path);
    if !large {
        check::wal(dir)?;
    }
    let new = make_file(dir, &path, &lock)?;
    let mut writer = if large { writer_beside_a_look(dir, &path)? } else { writer(&path)? };
    if !new && !large {
        check::pages(&writer, &path)?;
    }
    schema::bring_up(&mut writer, &path, new)?;
    if !large {
        check::rows(&writer, &path)?;
    }
    let failed = |error| fail::sql("reading what the database goes on from", &path, error);
    if epoch(&writer).map_err(failed)?.is_none() {
        create_meta(&writer, now, epoch_seed).map_err(failed)?;
    }
    let info = info(&writer).map_err(failed)?;
    // From here on the WAL has something, so that it is missed when it is lost. SQLite writes nothing where nothing
    // changes, so it is another number each time.
    let before = remembered::<i64>(&writer, "opened_at").map_err(failed)?;
    let at = before.map_or(now.as_millisecond(), |before| now.as_millisecond().max(before.saturating_add(1)));
    sum::remember(&writer, "opened_at", &at.to_string())
        .map_err(|error| fail::sql("writing to the database", &path, error))?;
    lock.say(State::Open).map_err(|error| fail::io("locking the data directory", dir, error))?;
    if new {
        blobs::sync_dir(dir).map_err(|error| fail::io("making the data directory", dir, error))?;
    }
    Ok(Opened { path, writer, info, lock, large })
}

/// The writer of a large database, whose WAL is as long as it gets: SQLite reads all of it while it is looked at. Nothing
/// is written before both are through.
fn writer_beside_a_look(dir: &Path, path: &Path) -> Result<Connection, Error> {
    thread::scope(|scope| {
        let look = scope.spawn(|| check::wal(dir));
        let writer = writer(path);
        look.join().unwrap_or_else(|panic| resume_unwind(panic)).and(writer)
    })
}

/// Makes the directory for its owner alone, unless it is there: then it is as its owner wants it.
pub(super) fn make_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    match dir.parent() {
        Some(parent) if parent.as_os_str().is_empty() => blobs::sync_dir(Path::new(".")),
        Some(parent) => blobs::sync_dir(parent),
        None => Ok(()),
    }
}

/// Makes the file if there is none, and tells whether it is still empty.
///
/// SQLite would take an empty file for a new database and throw away the WAL beside it; where anything says that
/// there was one before, that is damage.
fn make_file(dir: &Path, path: &Path, lock: &Lock) -> Result<bool, Error> {
    let size = |path: &Path| fs::metadata(path).map_or(0, |meta| meta.len());
    if size(path) == 0 {
        let has_wal = size(&dir.join("convene.db-wal")) > 0;
        let was_used = lock.state() != State::New || dir.join("blobs").exists();
        if has_wal || was_used {
            return Err(Error::Damaged {
                what: path.display().to_string(),
                why: "it is empty or gone, but what is beside it belongs to a database".to_owned(),
            });
        }
    }
    let failed = |error| fail::io("opening the database", path, error);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if meta.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
    }
    Ok(meta.len() == 0)
}

/// The connection that writes.
pub(super) fn writer(path: &Path) -> Result<Connection, Error> {
    connect_writer(path).map_err(|error| fail::sql("opening the database", path, error))
}

fn connect_writer(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    settle(&conn)?;
    // What is refused stays as it is; who closes what is whole says so.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // Before there is anything: so that room can be given back piece by piece. Later it would be one more commit at each
    // opening, before it is known whether the WAL is whole.
    if fs::metadata(path).is_ok_and(|meta| meta.len() == 0) {
        conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    conn.pragma_update(None, "journal_mode", "WAL")?;
    // A commit is on the disk when it returns.
    conn.pragma_update(None, "synchronous", "FULL")?;
    // Before the hook, which takes its place.
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    checkpoint::watch(&conn);
    conn.pragma_update(None, "journal_size_limit", 16 << 20)?;
    // Kibibytes: a large group with the index leaves of its logs.
    conn.pragma_update(None, "cache_size", -4096)?;
    Ok(conn)
}

/// A connection that reads.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    settle(&conn)?;
    conn.pragma_update(None, "query_only", true)?;
    conn.pragma_update(None, "cache_size", -1024)?;
    Ok(conn)
}

fn settle(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(Duration::from_secs(5))?;
    conn.set_prepared_statement_cache_capacity(48);
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "cell_size_check", true)?;
    conn.pragma_update(None, "foreign_keys", false)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(())
}

/// What the writer goes on from. Rows may have been purged, so `meta` remembers what they had.
pub(super) fn info(conn: &Connection) -> rusqlite::Result<OpenInfo> {
    let number = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0));
    let last_pos = number(
        "SELECT MAX(COALESCE((SELECT MAX(pos) FROM events), 0), COALESCE((SELECT MAX(pos) FROM sessions), 0),
            COALESCE((SELECT MAX(pos) FROM threads), 0))",
    )?;
    let last_key = number(
        "SELECT MAX(COALESCE((SELECT MAX(log) FROM sessions), 0), COALESCE((SELECT MAX(log) FROM threads), 0),
            COALESCE((SELECT MAX(log) FROM events), 0))",
    )?;
    let last_pos = u64::try_from(last_pos).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, last_pos))?;
    Ok(OpenInfo {
        epoch: epoch(conn)?.unwrap_or_default(),
        last_pos: last_pos.max(remembered(conn, "last_pos")?.unwrap_or_default()),
        last_key: LogKey(last_key.max(remembered(conn, "last_key")?.unwrap_or_default())),
    })
}

fn epoch(conn: &Connection) -> rusqlite::Result<Option<u64>> {
    remembered(conn, "epoch")
}

/// A number that `meta` has.
fn remembered<T: FromStr<Err: StdError + Send + Sync + 'static>>(
    conn: &Connection,
    name: &str,
) -> rusqlite::Result<Option<T>> {
    conn.query_row("SELECT name, value, crc FROM meta WHERE name = ?1", [name], |row| {
        sum::META.check(row)?;
        columns::parsed(row, 1)
    })
    .optional()
}

fn create_meta(conn: &Connection, now: Timestamp, epoch: u64) -> rusqlite::Result<()> {
    let tx = conn.unchecked_transaction()?;
    sum::remember(&tx, "epoch", &epoch.to_string())?;
    sum::remember(&tx, "created_at", &now.as_millisecond().to_string())?;
    tx.commit()
}

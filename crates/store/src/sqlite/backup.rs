//! A copy of a database and its files that is whole, made while a server writes, and the way back.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use convene_core::Timestamp;
use rusqlite::Connection;

use super::{
    check, epochs,
    exchange::{Exchange, Fate, interrupted},
    inspect, open,
    salvage::{Found, Salvage},
    schema, sum, tokens,
};
use crate::{
    Error,
    blobs::{self, Blobs},
    fail, steps,
};

/// What is in a backup.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct BackedUp {
    /// Sessions, deleted ones left out.
    pub sessions: u64,
    /// Events.
    pub events: u64,
    /// Events that were damaged before already: they are in it as they are.
    pub damaged: u64,
    /// API tokens.
    pub tokens: u64,
    /// The size of its files, in bytes.
    pub bytes: u64,
}

/// Copies the database of `home` and its files to the directory `to`, which appears when it is whole and was read back.
///
/// Every event that was acknowledged before the call is in it, whether a server runs or not.
///
/// # Errors
/// If `to` is there already, if the database is newer or damaged, or if the disk refuses; nothing is left then.
pub fn backup(home: &Path, to: &Path) -> Result<BackedUp, Error> {
    let refused = |error| fail::io("making a backup", to, error);
    if to.symlink_metadata().is_ok() {
        return Err(refused(io::ErrorKind::AlreadyExists.into()));
    }
    let name = to.file_name().ok_or_else(|| refused(io::ErrorKind::InvalidInput.into()))?;
    let above = to.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let part = above.join(format!(".{}.part", name.to_string_lossy()));
    clear(&part).map_err(refused)?;
    blobs::make_dir(&part, above).map_err(refused)?;
    let made = copy(home, &part).and_then(|()| verify(&part));
    let made = made.and_then(|made| {
        fs::rename(&part, to).and_then(|()| blobs::sync_dir(above)).map_err(refused)?;
        Ok(made)
    });
    if made.is_err() {
        // It is no use to anybody.
        let _ = clear(&part);
    }
    made
}

/// Whether a backup can be read to its last row, and what is in it.
///
/// # Errors
/// `Newer`, or `Damaged` if it is none or not whole.
pub fn verify(dir: &Path) -> Result<BackedUp, Error> {
    let path = dir.join("convene.db");
    let failed = |error| fail::sql("reading a backup", &path, error);
    if !path.is_file() {
        let why = "there is no database in it".to_owned();
        return Err(Error::Damaged { what: dir.display().to_string(), why });
    }
    let conn = inspect::connect(&path).map_err(failed)?;
    schema::readable(&conn, &path)?;
    check::whole(&conn, &path)?;
    let count = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs).map_err(failed);
    let mut made = BackedUp {
        sessions: count("SELECT COUNT(*) FROM sessions WHERE deleted = 0")?,
        events: count("SELECT COUNT(*) FROM events")?,
        damaged: 0,
        tokens: count("SELECT COUNT(*) FROM tokens")?,
        bytes: size(dir).map_err(|error| fail::io("reading a backup", dir, error))?,
    };
    let kept = blobs::Blobs::open(dir);
    let mut rows = conn.prepare(&format!("SELECT {} FROM events", sum::EVENTS.checked())).map_err(failed)?;
    let mut rows = rows.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let file: Option<String> = row.get(6).map_err(failed)?;
        let has_file = |hash: String| matches!(kept.get(&hash), Ok(Some(_)));
        let whole = sum::EVENTS.check(row).is_ok() && file.is_none_or(has_file);
        made.damaged += u64::from(!whole);
    }
    Ok(made)
}

/// Whether a backup may be put in place of which events are damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// It is refused.
    Refused,
    /// It is taken as it is.
    Accepted,
}

/// Makes a backup the database of `home`, under another epoch, because positions that were given after it are given
/// again. What is there is replaced when the returned one is finished, and kept under another name; until then nothing of
/// it is touched. [`Salvage::found`] says how many tokens there are: those that were revoked since the backup stay so,
/// if what is replaced can be read.
///
/// One that was interrupted is carried out by the same again.
///
/// # Errors
/// `InUse` while a server runs, `Newer` or `Damaged` if the backup is no use, or if the disk refuses; nothing is left then.
pub fn restore(home: &Path, from: &Path, damage: Damage, now: Timestamp, epoch_seed: u64) -> Result<Salvage, Error> {
    let unfit = |why| Err(Error::Damaged { what: from.display().to_string(), why });
    if fs::metadata(from.join("convene.db-wal")).is_ok_and(|meta| meta.len() > 0) {
        return unfit("it is no backup: somebody has written to it since".to_owned());
    }
    let made = verify(from)?;
    if made.damaged > 0 && damage == Damage::Refused {
        return unfit(format!("{} of its {} events cannot be read", made.damaged, made.events));
    }
    let refused = |error| fail::io("restoring a backup", home, error);
    open::make_dir(home).map_err(refused)?;
    let exchange = Exchange::begin(home, Fate::Replaced, now)?;
    let part = exchange.make_part().map_err(refused)?;
    let path = part.join("convene.db");
    steps::before("copy").map_err(refused)?;
    copy_file(&from.join("convene.db"), &path).map_err(refused)?;
    copy_blobs(from, &part, Some(home)).map_err(refused)?;
    let mut conn = open::writer(&path)?;
    // It may be of an earlier version.
    schema::bring_up(&mut conn, &path, false)?;
    let known = if exchange.is_sound() { Some(exchange.old()) } else { None };
    let settle = |conn: &mut Connection| {
        let tx = conn.transaction()?;
        sum::remember(&tx, "epoch", &epoch_seed.to_string())?;
        epochs::end(&tx)?;
        let tokens = known.filter(|old| old.exists()).map(|old| tokens::leave_common(&old, &tx)).transpose()?;
        tx.commit()?;
        Ok(tokens.flatten())
    };
    let tokens = settle(&mut conn).map_err(|error| fail::sql("restoring a backup", &path, error))?;
    drop(conn);
    steps::before("use").map_err(refused)?;
    Ok(Salvage::restored(exchange, Found { events: made.events, tokens, ..Found::default() }))
}

fn copy(home: &Path, part: &Path) -> Result<(), Error> {
    let refused = |error| fail::io("making a backup", part, error);
    if interrupted(home) {
        let what = home.join("convene.db").display().to_string();
        return Err(Error::Damaged { what, why: "putting a new one in its place was interrupted".to_owned() });
    }
    // Before and after: a file whose last session goes while the copy is made is in the first, a new one in the second.
    copy_blobs(home, part, None).map_err(refused)?;
    let target = part.join("convene.db");
    // SQLite would make it readable for others.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&target).map_err(refused)?;
    let source = home.join("convene.db");
    let failed = |error| fail::sql("making a backup", &source, error);
    if !source.is_file() {
        let why = "there is no database".to_owned();
        return Err(Error::Damaged { what: source.display().to_string(), why });
    }
    let conn: Connection = open::reader(&source).map_err(failed)?;
    schema::readable(&conn, &source)?;
    conn.pragma_update(None, "query_only", false).map_err(failed)?;
    conn.execute("VACUUM INTO ?1", [target.to_string_lossy()]).map_err(failed)?;
    File::open(&target).and_then(|file| file.sync_all()).map_err(refused)?;
    copy_blobs(home, part, None).map_err(refused)?;
    blobs::sync_dir(part).map_err(refused)
}

/// Copies the files that are not there yet to a directory that is of no use before all of them are; those that are whole
/// in `home` already take no room.
fn copy_blobs(from: &Path, to: &Path, home: Option<&Path>) -> io::Result<()> {
    let shelves = match fs::read_dir(from.join("blobs")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        shelves => shelves?,
    };
    let store = to.join("blobs");
    steps::before("make")?;
    blobs::make_dir(&store, to)?;
    for shelf in shelves {
        let shelf = shelf?;
        let target = store.join(shelf.file_name());
        blobs::make_dir(&target, &store)?;
        for file in fs::read_dir(shelf.path())? {
            let file = file?;
            let name = file.file_name();
            let copy = target.join(&name);
            // Names that begin with a dot are not whole yet.
            if copy.exists() || name.to_string_lossy().starts_with('.') {
                continue;
            }
            let is_whole = |home: &&Path| {
                let hash = name.to_str().unwrap_or_default();
                matches!(Blobs::open(home).get(hash), Ok(Some(_)))
            };
            let at_home = home.filter(is_whole).map(|home| home.join("blobs").join(shelf.file_name()).join(&name));
            if at_home.is_some_and(|at_home| fs::hard_link(at_home, &copy).is_ok()) {
                continue;
            }
            steps::before("copy")?;
            match copy_file(&file.path(), &copy) {
                // Its last session is gone by now.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                copied => copied?,
            }
        }
        blobs::sync_dir(&target)?;
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut target = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(to)?;
    io::copy(&mut source, &mut target)?;
    target.sync_all()
}

fn size(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    let mut left: Vec<PathBuf> = vec![dir.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next)? {
            let entry = entry?;
            let meta = entry.metadata()?;
            if meta.is_dir() { left.push(entry.path()) } else { bytes += meta.len() }
        }
    }
    Ok(bytes)
}

fn clear(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        cleared => cleared,
    }
}

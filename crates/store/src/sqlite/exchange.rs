//! Puts a new database in the place of another. Whenever that is interrupted, either the old one is the database as
//! before, or it is decided that the new one is, and whoever comes next goes on from there.
//!
//! `salvage.part/` is the new one while it is made, and means nothing to anybody. Renamed to `salvage/` it is decided: in
//! it are a database that needs no WAL, the files that it brings along, and `plan`, which says what the old one is called
//! from then on. As long as `salvage/convene.db` is there, `convene.db` is the old one, or gone already.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use convene_core::Timestamp;

use super::{
    close,
    lock::{self, Lock, State},
    open,
    wal::{self, Condition},
};
use crate::{
    Error,
    blobs::{self, Blobs},
    fail, steps,
};

const PART: &str = "salvage.part";
const WHOLE: &str = "salvage";
const PLAN: &str = "plan";

/// What belongs to a database, in the order in which it is put aside: first what must not be taken for a part of the new
/// one. The shared index of the WAL is made anew.
const ENDINGS: [&str; 3] = ["-wal", "-journal", ""];

/// Why a database gets out of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Damaged,
    Replaced,
}

impl Fate {
    const ALL: [Self; 2] = [Self::Damaged, Self::Replaced];

    /// What the names begin with that its databases get.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Damaged => "convene.db.damaged-",
            Self::Replaced => "convene.db.replaced-",
        }
    }
}

/// A new database on its way to the place of another. Dropping it leaves the old one where it is, unless it was decided.
#[derive(Debug)]
pub(super) struct Exchange {
    home: PathBuf,
    fate: Fate,
    /// Whether it is known what the old one committed last.
    sound: bool,
    /// Of an earlier one that was interrupted when it was decided.
    decided: Option<Plan>,
    lock: Lock,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Plan {
    /// What the old database is called from then on.
    aside: String,
    /// Whether it is known what it committed last.
    sound: bool,
}

impl Exchange {
    /// Takes the lock, and goes on from where an earlier one was interrupted.
    ///
    /// # Errors
    /// `InUse` while a server runs, or if the disk refuses.
    pub(super) fn begin(home: &Path, fate: Fate, now: Timestamp) -> Result<Self, Error> {
        let lock = lock::lock(home)?;
        let said = |error| fail::io("making room for a new database", home, error);
        steps::clear(&home.join(PART)).map_err(said)?;
        let mut exchange =
            Self { home: home.to_owned(), fate, sound: is_sound(home, lock.state()), decided: None, lock };
        if interrupted(home) {
            let plan = match fs::read_to_string(home.join(WHOLE).join(PLAN)) {
                Ok(text) => Plan::parse(&text),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(said(error)),
            };
            // Versions of before made no plan.
            let plan = plan.unwrap_or_else(|| Plan { aside: free_name(home, Fate::Damaged, now), sound: false });
            put_aside(home, &plan).map_err(said)?;
            exchange.decided = Some(plan);
        }
        Ok(exchange)
    }

    /// Where the new database is made.
    pub(super) fn part(&self) -> PathBuf {
        self.home.join(PART)
    }

    /// Where it is if an earlier exchange was decided.
    pub(super) fn decided(&self) -> Option<PathBuf> {
        self.decided.as_ref().map(|_| self.home.join(WHOLE))
    }

    /// Makes the directory for it.
    pub(super) fn make_part(&self) -> io::Result<PathBuf> {
        steps::before("make")?;
        blobs::make_dir(&self.part(), &self.home)?;
        Ok(self.part())
    }

    /// The database that makes room, wherever it is by now.
    pub(super) fn old(&self) -> PathBuf {
        self.home.join(self.decided.as_ref().map_or("convene.db", |plan| plan.aside.as_str()))
    }

    /// Whether it is known what that one committed last: no part of its WAL is lost.
    pub(super) fn is_sound(&self) -> bool {
        self.decided.as_ref().map_or(self.sound, |plan| plan.sound)
    }

    /// Puts the new database in the place of the old one; tells where that one is now.
    ///
    /// # Errors
    /// `InUse` if somebody still has the new one open, `Full` or another if not all of it can be brought to the disk: the
    /// old one stays where it is then. If the disk refuses later, it is decided, and the next one goes on.
    pub(super) fn finish(&self, now: Timestamp) -> Result<Vec<PathBuf>, Error> {
        let said = |error| fail::io("putting a new database in its place", &self.home, error);
        let plan = match &self.decided {
            Some(plan) if !self.part().exists() => plan.clone(),
            _ => {
                settle(&self.part())?;
                self.decide(now).map_err(said)?
            }
        };
        self.place(&plan).map_err(said)
    }

    fn decide(&self, now: Timestamp) -> io::Result<Plan> {
        let (part, whole) = (self.part(), self.home.join(WHOLE));
        if let Some(plan) = &self.decided {
            // The old one is aside already, under the name that it keeps: only the new one is another.
            shelve(&part, &self.home)?;
            steps::rename(&part.join("convene.db"), &whole.join("convene.db"))?;
            steps::sync_dir(&whole)?;
            return Ok(plan.clone());
        }
        let plan = Plan { aside: free_name(&self.home, self.fate, now), sound: self.sound };
        steps::write(&part.join(PLAN), plan.text().as_bytes())?;
        steps::sync_dir(&part)?;
        // Of one that was interrupted when everything but this was done.
        steps::clear(&whole)?;
        steps::rename(&part, &whole)?;
        steps::sync_dir(&self.home)?;
        Ok(plan)
    }

    fn place(&self, plan: &Plan) -> io::Result<Vec<PathBuf>> {
        let (home, whole) = (&self.home, self.home.join(WHOLE));
        put_aside(home, plan)?;
        shelve(&whole, home)?;
        steps::before("say")?;
        self.lock.say(State::Closed)?;
        steps::rename(&whole.join("convene.db"), &home.join("convene.db"))?;
        steps::sync_dir(home)?;
        // It only takes space, and goes with the next one.
        if let Err(error) = steps::clear(&whole) {
            tracing::warn!(path = %whole.display(), %error, "what is left of a new database stays");
        }
        let kept = ENDINGS.iter().rev().map(|ending| home.join(format!("{}{ending}", plan.aside)));
        Ok(kept.filter(|path| path.exists()).collect())
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // What is not decided is no use to anybody, and may be all that fills the disk.
        if let Err(error) = steps::clear(&self.part()) {
            tracing::warn!(path = %self.part().display(), %error, "a part of a new database stays");
        }
    }
}

impl Plan {
    fn text(&self) -> String {
        format!("aside {}\nsound {}\n", self.aside, self.sound)
    }

    fn parse(text: &str) -> Option<Self> {
        let said = |name| text.lines().find_map(|line| line.strip_prefix(name));
        let aside = said("aside ").filter(|aside| is_kept(aside) && !aside.contains('/'))?;
        Some(Self { aside: aside.to_owned(), sound: said("sound ") == Some("true") })
    }
}

/// Whether it is decided that there is a new database, and it is not yet in its place.
pub(super) fn interrupted(home: &Path) -> bool {
    home.join(WHOLE).join("convene.db").exists()
}

/// Whether there is a database beside the one in use that may refer to the same files.
pub(super) fn keeps_another(home: &Path) -> bool {
    let Ok(mut entries) = fs::read_dir(home) else { return true };
    entries.any(|entry| entry.is_ok_and(|entry| entry.file_name().to_str().is_some_and(is_kept)))
}

fn is_kept(name: &str) -> bool {
    Fate::ALL.iter().any(|fate| name.starts_with(fate.prefix()))
}

/// Whether the WAL is there if there should be one, and no part of it has gone bad.
fn is_sound(home: &Path, left: State) -> bool {
    match wal::look(&home.join("convene.db-wal")) {
        Ok(Condition::Sound) => true,
        Ok(Condition::Empty) => left != State::Open,
        Ok(Condition::Bad(_) | Condition::NoHeader) | Err(_) => false,
    }
}

/// A name that no other database has.
fn free_name(home: &Path, fate: Fate, now: Timestamp) -> String {
    let name = format!("{}{}", fate.prefix(), now.strftime("%Y%m%dT%H%M%SZ"));
    let is_free = |name: &String| !ENDINGS.iter().any(|ending| home.join(format!("{name}{ending}")).exists());
    let others = (2..).map(|number: u32| format!("{name}.{number}"));
    std::iter::once(name.clone()).chain(others).find(is_free).unwrap_or(name)
}

/// Gives the old database its name. What has it already stays.
fn put_aside(home: &Path, plan: &Plan) -> io::Result<()> {
    for ending in ENDINGS {
        steps::rename(&home.join(format!("convene.db{ending}")), &home.join(format!("{}{ending}", plan.aside)))?;
    }
    for name in ["convene.db", plan.aside.as_str()] {
        steps::remove(&home.join(format!("{name}-shm")))?;
    }
    // Before the new one comes: nothing of the old one may come back beside it.
    steps::sync_dir(home)
}

/// Brings the files of a new database, if it has any of its own, to the others.
fn shelve(from: &Path, home: &Path) -> io::Result<()> {
    let store = from.join("blobs");
    if !store.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
        return Ok(());
    }
    let (target, whole) = (home.join("blobs"), Blobs::open(from));
    steps::before("make")?;
    blobs::make_dir(&target, home)?;
    for shelf in fs::read_dir(store)? {
        let shelf = shelf?;
        let target = target.join(shelf.file_name());
        blobs::make_dir(&target, &home.join("blobs"))?;
        for file in fs::read_dir(shelf.path())? {
            let file = file?;
            let (name, target) = (file.file_name(), target.join(file.file_name()));
            let is_whole = || name.to_str().is_some_and(|hash| matches!(whole.get(hash), Ok(Some(_))));
            let brings_more = match fs::metadata(&target) {
                Ok(there) => there.ino() != file.metadata()?.ino() && is_whole(),
                Err(_) => true,
            };
            if brings_more {
                steps::rename(&file.path(), &target)?;
            }
        }
        steps::sync_dir(&target)?;
    }
    Ok(())
}

/// Brings everything of a new database into its file and that to the disk, and looks whether it is so.
fn settle(part: &Path) -> Result<(), Error> {
    let path = part.join("convene.db");
    let said = |error| fail::io("closing a new database", &path, error);
    let lock = lock::lock(part)?;
    steps::remove(&part.join("reserve")).map_err(said)?;
    let conn = open::writer(&path)?;
    close::close(&conn, &path, &lock)?;
    conn.close().map_err(|(_, error)| fail::sql("closing a new database", &path, error))?;
    if fs::metadata(part.join("convene.db-wal")).is_ok_and(|meta| meta.len() > 0) {
        return Err(said(io::Error::other("its WAL still has something")));
    }
    steps::before("sync").and_then(|()| File::open(&path)?.sync_all()).map_err(said)
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;

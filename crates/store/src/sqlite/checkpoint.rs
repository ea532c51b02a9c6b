//! Moves pages from the WAL into the database beside the writer, so that no commit waits for it.
//!
//! That thread can never come to the end of a WAL that grows meanwhile, and only at its end can the WAL begin anew. So the
//! writer moves the last few pages itself, soon after the thread has moved and synced the many. Where it is faster than the
//! thread, it moves all of them in the end: a WAL that nobody empties would grow without bounds, and the next opening
//! would read all of it.

use std::{
    cell::Cell,
    ffi::c_int,
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Sender, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};

use rusqlite::{Connection, Row, hooks::Wal};

use super::{open, raw};
use crate::{Error, fail};

/// Pages in the WAL after which they are moved, in the background.
const EVERY: c_int = 1000;

/// Pages in the WAL from which the writer moves the last ones, if they are few.
const ENOUGH: c_int = 2000;

/// Few: to copy and sync them takes about as long as a commit or two.
const FEW: c_int = 200;

/// Pages in the WAL with which the writer moves them before it goes on, however many.
const MOST: c_int = 4000;

thread_local! {
    /// Pages in the WAL after the last commit of this thread. SQLite's hook is a function and holds nothing itself.
    static PAGES: Cell<c_int> = const { Cell::new(0) };
}

/// Has commits of a connection tell how long the WAL is, instead of moving pages by themselves.
pub(super) fn watch(conn: &Connection) {
    let told = |_: &Wal, pages: c_int| {
        PAGES.set(pages);
        Ok(())
    };
    conn.wal_hook(Some(told));
}

/// Whether pages that SQLite takes for moved may not be on the disk: a sync of them has failed, and one that is tried again
/// may succeed without them. Then the WAL must be kept as it is, until a new process moves all of it once more.
#[derive(Debug, Clone)]
pub(super) struct Doubt {
    raised: Arc<AtomicBool>,
    path: PathBuf,
    findings: Sender<Error>,
}

impl Doubt {
    /// No doubt yet; whoever listens to `findings` is told of it, and should end the process.
    pub(super) fn none(path: PathBuf, findings: Sender<Error>) -> Self {
        Self { raised: Arc::default(), path, findings }
    }

    pub(super) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::SeqCst)
    }

    pub(super) fn raise(&self, error: rusqlite::Error) {
        if !self.raised.swap(true, Ordering::SeqCst) {
            tracing::error!(path = %self.path.display(), %error, "the database cannot be synced; its WAL is kept");
            // Whoever listened may be gone.
            drop(self.findings.send(fail::sql("syncing the database", &self.path, error)));
        }
    }

    /// Moves what nobody reads any more in its older form, and syncs it. Waits for nobody. Tells how many pages of the WAL
    /// are moved.
    pub(super) fn pass(&self, conn: &Connection) -> rusqlite::Result<c_int> {
        if self.is_raised() {
            return Ok(0);
        }
        let pages = |row: &Row<'_>| Ok((row.get(1)?, row.get(2)?));
        let (all, moved): (c_int, c_int) = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], pages)?;
        // SQLite syncs the database only when all of the WAL is in it, which would leave all the waiting to the last pass.
        if 0 < moved
            && moved < all
            && let Err(error) = raw::sync(conn)
        {
            self.raise(error);
            return Ok(0);
        }
        Ok(moved)
    }
}

/// The thread that moves them; it is there from when there is something to do.
#[derive(Debug)]
pub(super) struct Checkpoints {
    pub(super) doubt: Doubt,
    /// Pages in the WAL when the thread was last asked.
    asked: c_int,
    /// Pages in it when the writer last moved what it could: where somebody reads, some stay.
    tried: c_int,
    thread: Option<Thread>,
}

#[derive(Debug)]
struct Thread {
    ask: SyncSender<()>,
    /// How many pages of the WAL it has moved and synced; it holds this while it does. Of a WAL that has begun anew since it
    /// says too much.
    moved: Arc<Mutex<c_int>>,
    handle: JoinHandle<()>,
}

impl Checkpoints {
    pub(super) const fn new(doubt: Doubt) -> Self {
        Self { doubt, asked: 0, tried: 0, thread: None }
    }

    /// After a commit of a watched connection on this thread: has pages moved if there are enough.
    pub(super) fn after_commit(&mut self, writer: &Connection) -> rusqlite::Result<()> {
        let pages = PAGES.take();
        if pages < self.asked.max(self.tried) {
            // The WAL has begun anew.
            (self.asked, self.tried) = (0, 0);
        }
        if pages >= ENOUGH && pages - self.tried >= FEW && self.finish(pages, writer)? {
            self.tried = pages;
            return Ok(());
        }
        if pages - self.asked >= EVERY {
            self.asked = pages;
            if self.thread.is_none() {
                self.thread = start(self.doubt.clone());
            }
            // One that is at work comes to these pages as well, or is asked again. One that could not begin is begun anew.
            if let Some(thread) = &self.thread
                && let Err(TrySendError::Disconnected(())) = thread.ask.try_send(())
            {
                self.thread = None;
            }
        }
        Ok(())
    }

    /// Moves what the thread has left, if that is little or the WAL is long. Tells whether it has tried.
    fn finish(&self, pages: c_int, writer: &Connection) -> rusqlite::Result<bool> {
        // Held until it is done: the two cannot move pages at once.
        let moved = self.moved(pages >= MOST);
        // What it says of the WAL before counts for nothing.
        let left = pages - moved.as_deref().copied().filter(|moved| *moved <= pages).unwrap_or(0);
        let tries = pages >= MOST || left <= FEW;
        if tries {
            self.doubt.pass(writer)?;
        }
        Ok(tries)
    }

    /// What the thread has moved, unless it is at work, and is not to be waited for.
    fn moved(&self, wait: bool) -> Option<MutexGuard<'_, c_int>> {
        let thread = self.thread.as_ref()?;
        if wait { Some(held(&thread.moved)) } else { thread.moved.try_lock().ok() }
    }

    /// Waits for the thread and ends it.
    pub(super) fn end(&mut self) {
        if let Some(Thread { ask, handle, .. }) = self.thread.take() {
            drop(ask);
            if handle.join().is_err() {
                tracing::error!("the thread that moves pages from the WAL panicked");
            }
        }
    }
}

/// Starts the thread. Without one the writer does it all.
fn start(doubt: Doubt) -> Option<Thread> {
    let (ask, asked) = sync_channel::<()>(1);
    let moved = Arc::new(Mutex::new(0));
    let told = Arc::clone(&moved);
    let run = move || {
        let conn = match open::writer(&doubt.path) {
            Ok(conn) => conn,
            Err(error) => return tracing::warn!(%error, "pages are moved from the WAL by the writer"),
        };
        while asked.recv().is_ok() {
            let mut told = held(&told);
            match doubt.pass(&conn) {
                Ok(moved) => *told = moved,
                // SQLite takes none of them for moved.
                Err(error) => tracing::warn!(path = %doubt.path.display(), %error, "cannot move pages from the WAL"),
            }
        }
    };
    let handle: io::Result<JoinHandle<()>> = std::thread::Builder::new().name("checkpoints".to_owned()).spawn(run);
    Some(Thread { ask, moved, handle: handle.ok()? })
}

fn held(moved: &Mutex<c_int>) -> MutexGuard<'_, c_int> {
    moved.lock().unwrap_or_else(PoisonError::into_inner)
}

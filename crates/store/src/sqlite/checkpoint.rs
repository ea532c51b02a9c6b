//! Moves pages from the WAL into the database beside the writer, so that no commit waits for it.
//!
//! Where the writer is faster than that, it has to do it itself in the end: a WAL that nobody empties would grow
//! without bounds, and the next opening would read all of it.

use std::{
    cell::Cell,
    ffi::c_int,
    io,
    path::{Path, PathBuf},
    sync::mpsc::{SyncSender, sync_channel},
    thread::JoinHandle,
};

use rusqlite::{Connection, hooks::Wal};

use super::open;

/// Pages in the WAL after which they are moved, in the background.
const EVERY: c_int = 1000;

/// Pages in the WAL with which the writer moves them before it goes on.
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

/// The thread that moves them; it is there from when there is something to do.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    /// Pages in the WAL when it was last asked.
    asked: c_int,
    thread: Option<(SyncSender<()>, JoinHandle<()>)>,
}

impl Checkpoints {
    /// After a commit of a watched connection on this thread: has pages moved if there are enough.
    pub(super) fn after_commit(&mut self, path: &Path, writer: &Connection) -> rusqlite::Result<()> {
        let pages = PAGES.take();
        if pages >= MOST {
            self.asked = 0;
            return pass(writer);
        }
        if pages < self.asked {
            // The WAL has begun anew.
            self.asked = 0;
        }
        if pages - self.asked >= EVERY {
            self.asked = pages;
            if self.thread.is_none() {
                self.thread = start(path.to_owned());
            }
            if let Some((sender, _)) = &self.thread {
                // One that is at work comes to these pages as well, or is asked again.
                let _busy = sender.try_send(());
            }
        }
        Ok(())
    }

    /// Waits for the thread and ends it.
    pub(super) fn end(&mut self) {
        if let Some((sender, thread)) = self.thread.take() {
            drop(sender);
            if thread.join().is_err() {
                tracing::error!("the thread that moves pages from the WAL panicked");
            }
        }
    }
}

/// Starts the thread. Without one the writer does it all.
fn start(path: PathBuf) -> Option<(SyncSender<()>, JoinHandle<()>)> {
    let (sender, asked) = sync_channel::<()>(1);
    let run = move || {
        let conn = match open::writer(&path) {
            Ok(conn) => conn,
            Err(error) => return tracing::warn!(%error, "pages are moved from the WAL by the writer"),
        };
        while asked.recv().is_ok() {
            if let Err(error) = pass(&conn) {
                // They stay in the WAL; the writer meets what is wrong as well, and knows what to do.
                tracing::warn!(path = %path.display(), %error, "cannot move pages from the WAL");
            }
        }
    };
    let thread: io::Result<JoinHandle<()>> = std::thread::Builder::new().name("checkpoints".to_owned()).spawn(run);
    Some((sender, thread.ok()?))
}

/// Moves what nobody reads any more in its older form. Waits for nobody.
fn pass(conn: &Connection) -> rusqlite::Result<()> {
    conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

//! Durability: stores and orders, never decides.
//!
//! A [`Store`] has one writer, which the engine's sequencer owns, and any number of [`Reader`]s. `commit` is one
//! transaction: all of a group or nothing, durable when it returns. SQLite is the default; every store passes the
//! suite in `tests/`.

pub mod blobs;
mod error;
mod fail;
pub mod feed;
mod reserve;
mod rows;
pub mod sqlite;
mod steps;

pub use error::Error;
pub use rows::{
    Changed, ChangedObject, EventFilter, EventRow, Group, Loaded, LogKey, OpenInfo, ReplyRow, SessionFilter,
    SessionRow, SnapshotRow, ThreadRow, TokenRow,
};
pub use sqlite::{SqliteReader, SqliteStore, backup, salvage};

use convene_core::ids::{SessionId, ThreadId, TokenId};

/// Why a log is damaged of which an event is not there: what was asked for is missing, and not unreadable.
pub const MISSING: &str = "it is missing";

/// What a store does for order, and not because somebody asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chore {
    /// Give room that is not used back to the disk.
    FreePages,
    /// Remove files that no event refers to: of writers that died before their commit, and of logs that were removed by
    /// somebody who died after it.
    Files {
        /// Which of the 256 parts of them.
        shelf: u8,
    },
}

/// The writer of a store.
pub trait Store: Send + 'static {
    /// Its readers.
    type Reader: Reader;

    /// A reader; readers see what is committed, in commit order.
    fn reader(&self) -> Self::Reader;

    /// What the writer goes on from.
    fn info(&self) -> OpenInfo;

    /// Makes a group durable, whole or not at all.
    ///
    /// # Errors
    /// If the disk refuses. Nothing of the group is visible then, and the same group may be committed again.
    fn commit(&mut self, group: &Group) -> Result<(), Error>;

    /// Does a piece of a chore, between two groups: nothing that is stored changes. Tells whether there is more of it.
    ///
    /// # Errors
    /// If the disk refuses.
    fn tidy(&mut self, chore: Chore) -> Result<bool, Error> {
        let _nothing_to_tidy = chore;
        Ok(false)
    }

    /// Gives up the room that was kept for a full disk: what ends things may then be committed still.
    fn spend_reserve(&mut self) {}

    /// Whether commits may be tried again after one failed: there is room, the reserve among it, and what was last
    /// committed is there.
    ///
    /// # Errors
    /// If not.
    fn recover(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// Reads what is committed. Calls block; the caller keeps them off its async threads.
pub trait Reader: Clone + Send + Sync + 'static {
    /// A session's row, also of one that is deleted.
    fn session(&self, id: SessionId) -> Result<Option<SessionRow>, Error>;

    /// A session with its newest snapshot and the events after it.
    ///
    /// # Errors
    /// `Error::Damaged` if its log has a gap or a row that cannot be read: the session is quarantined by the caller,
    /// the others go on.
    fn load(&self, id: SessionId) -> Result<Option<Loaded>, Error>;

    /// Events of a log that fit the filter, ascending by `seq`.
    ///
    /// An event that cannot be read or is missing ends the answer before it (with `newest`: after it), and is an error only if it
    /// is the first that is met: a damaged log is read as far as it goes, and beyond by asking for what is after.
    ///
    /// # Errors
    /// `Error::Damaged` if the first event cannot be read.
    fn events(&self, log: LogKey, filter: &EventFilter) -> Result<Vec<EventRow>, Error>;

    /// Rows of sessions that fit the filter, deleted ones left out, newest first (by `created_pos`), at most `filter.limit`.
    fn sessions(&self, filter: &SessionFilter) -> Result<Vec<SessionRow>, Error>;

    /// Ids of sessions that are neither stopped, hibernated nor deleted, oldest first: what the reconcilers look after.
    fn live_sessions(&self) -> Result<Vec<SessionId>, Error>;

    /// How many sessions there are by badge, archived and deleted ones left out.
    fn count_by_badge(&self) -> Result<Vec<(String, u64)>, Error>;

    /// Sessions and threads whose last change is after `pos`, each once, ascending by that change, at most `limit`.
    fn changed(&self, after: u64, limit: usize) -> Result<Vec<Changed>, Error>;

    /// A thread's row, also of one that is deleted.
    fn thread(&self, id: ThreadId) -> Result<Option<ThreadRow>, Error>;

    /// Rows of threads of a namespace, deleted ones left out, newest first, created before `before` (a `created_pos`)
    /// if it is given.
    fn threads(
        &self,
        namespace: &str,
        archived: bool,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<ThreadRow>, Error>;

    /// Ids of a thread's sessions that are not deleted, oldest first.
    fn thread_sessions(&self, id: ThreadId) -> Result<Vec<SessionId>, Error>;

    /// The recorded answer to a command with this key.
    fn reply(&self, owner: &str, key: &str) -> Result<Option<ReplyRow>, Error>;

    /// All tokens.
    fn tokens(&self) -> Result<Vec<TokenRow>, Error>;

    /// The token with this hash of its secret.
    fn token_by_hash(&self, hash: &str) -> Result<Option<TokenRow>, Error>;

    /// Sessions that are not deleted and whose id ends with `suffix` (hexadecimal), at most `limit`.
    fn sessions_by_suffix(&self, suffix: &str, limit: usize) -> Result<Vec<SessionId>, Error>;

    /// A token by its public name.
    fn token(&self, id: TokenId) -> Result<Option<TokenRow>, Error>;

    /// Epochs under which the log was before it was saved from a damage: what began under them goes on.
    ///
    /// # Errors
    /// If they cannot be read.
    fn earlier_epochs(&self) -> Result<Vec<u64>, Error> {
        Ok(Vec::new())
    }
}

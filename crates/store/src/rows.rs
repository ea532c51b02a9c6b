//! Rows as the engine writes and reads them.

use std::sync::Arc;

use convene_core::{
    Timestamp,
    ids::{SessionId, ThreadId, TokenId, TurnId},
};

/// The internal integer key of a log: a session's or a thread's. Keys are given by the engine, ascending from
/// [`OpenInfo::last_key`], and are never shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogKey(pub i64);

/// What the writer goes on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenInfo {
    /// The log's epoch: another one means that positions of before say nothing (a restored backup).
    pub epoch: u64,
    /// The highest position that was ever given.
    pub last_pos: u64,
    /// The highest log key that was ever given.
    pub last_key: LogKey,
}

/// One transaction.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// Events, ascending by `pos`.
    pub events: Vec<EventRow>,
    /// Sessions that are new or changed, as they are after the group.
    pub sessions: Vec<SessionRow>,
    /// Threads that are new or changed, as they are after the group.
    pub threads: Vec<ThreadRow>,
    /// Folded states.
    pub snapshots: Vec<SnapshotRow>,
    /// Recorded answers.
    pub replies: Vec<ReplyRow>,
    /// Tokens that are new or changed, as they are after the group.
    pub tokens: Vec<TokenRow>,
    /// Tokens that are gone.
    pub revoked: Vec<TokenId>,
    /// Logs whose events and snapshots go, those of this group too; the session or thread row stays as a tombstone (`deleted`).
    pub purged: Vec<LogKey>,
}

impl Group {
    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
            && self.sessions.is_empty()
            && self.threads.is_empty()
            && self.snapshots.is_empty()
            && self.replies.is_empty()
            && self.tokens.is_empty()
            && self.revoked.is_empty()
            && self.purged.is_empty()
    }
}

/// An event of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its log.
    pub log: LogKey,
    /// Its place in the log, gapless from 1.
    pub seq: u64,
    /// Its place in the store's commit order.
    pub pos: u64,
    /// When it was committed, to the millisecond.
    pub at: Timestamp,
    /// Its index in its attempt, if a runner reported it.
    pub index: Option<u64>,
    /// Its turn, for filters.
    pub turn: Option<TurnId>,
    /// The event: a JSON object with its `type`. Large ones go to a content-addressed file, which readers do not notice.
    pub data: Arc<str>,
}

/// The columns of a session that lists and reconcilers filter by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Its log.
    pub log: LogKey,
    /// Its id.
    pub id: SessionId,
    /// Its thread.
    pub thread: ThreadId,
    /// Who made it.
    pub owner: String,
    /// Whose it is.
    pub namespace: String,
    /// Its agent.
    pub agent: String,
    /// Its directory.
    pub cwd: String,
    /// Its title.
    pub title: String,
    /// Its state's public name.
    pub state: String,
    /// Its badge.
    pub badge: String,
    /// Whether it is put away.
    pub archived: bool,
    /// Whether it is gone: the row is a tombstone for list streams.
    pub deleted: bool,
    /// The last event's place in its log.
    pub seq: u64,
    /// The first event's place in the store.
    pub created_pos: u64,
    /// The last event's place in the store.
    pub pos: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its last event was.
    pub updated_at: Timestamp,
}

/// A thread, whole: its log is for list streams and audits, not for folding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadRow {
    /// Its log.
    pub log: LogKey,
    /// Its id.
    pub id: ThreadId,
    /// Whose it is.
    pub namespace: String,
    /// Whether it is put away.
    pub archived: bool,
    /// Whether it is gone.
    pub deleted: bool,
    /// The first event's place in the store.
    pub created_pos: u64,
    /// The last event's place in the store.
    pub pos: u64,
    /// The thread's state as JSON.
    pub state: String,
}

/// A folded state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRow {
    /// The log.
    pub log: LogKey,
    /// The last event that is folded in.
    pub seq: u64,
    /// The state as JSON.
    pub state: String,
}

/// The recorded answer to a command with an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyRow {
    /// Who sent it.
    pub owner: String,
    /// The key.
    pub key: String,
    /// A hash of the command.
    pub request: String,
    /// The answer as JSON.
    pub reply: String,
    /// When.
    pub at: Timestamp,
}

/// An API token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Its public name.
    pub id: TokenId,
    /// Hexadecimal SHA-256 of its secret.
    pub hash: String,
    /// What it is for.
    pub name: String,
    /// What it may.
    pub scope: String,
    /// Whose it is.
    pub owner: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// How often it was given a new secret.
    pub generation: u32,
    /// Until when the secret before the newest one works, too.
    pub previous_until: Option<Timestamp>,
    /// When it was last shown, to within a minute or so.
    pub last_used_at: Option<Timestamp>,
}

/// A session with its newest snapshot and the events after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The row.
    pub row: SessionRow,
    /// The newest snapshot.
    pub snapshot: Option<SnapshotRow>,
    /// The events after it, ascending; all events if there is none.
    pub tail: Vec<EventRow>,
}

/// Which events of a log are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only those with a greater `seq`.
    pub after: Option<u64>,
    /// Only those with a smaller `seq`.
    pub before: Option<u64>,
    /// Only those of this type.
    pub kind: Option<String>,
    /// Only those of this turn.
    pub turn: Option<TurnId>,
    /// At most so many: the first ones, or with `newest` the last ones (still ascending).
    pub limit: usize,
    /// No further one once their data comes to so many bytes.
    pub bytes: Option<usize>,
    /// Whether the limit keeps the last ones.
    pub newest: bool,
}

/// Which sessions are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Only those of this namespace.
    pub namespace: Option<String>,
    /// Only those in one of these states; empty: all.
    pub states: Vec<String>,
    /// Only those with this badge.
    pub badge: Option<String>,
    /// Only those of this agent.
    pub agent: Option<String>,
    /// Only those of this thread.
    pub thread: Option<ThreadId>,
    /// Only those whose archived flag is this; `None`: both.
    pub archived: Option<bool>,
    /// Only those whose title, directory or id holds this text, letters of either case alike.
    pub text: Option<String>,
    /// Only those created before this `created_pos`.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// A session or thread that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Which.
    pub object: ChangedObject,
    /// Its last change.
    pub pos: u64,
    /// Its first event: above a reader's cursor it is new to that reader.
    pub created_pos: u64,
    /// Whether it is gone.
    pub deleted: bool,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangedObject {
    /// A session.
    Session(SessionId),
    /// A thread.
    Thread(ThreadId),
}

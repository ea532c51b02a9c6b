//! Bodies of HTTP requests and answers; here what several resources share.

mod access;
mod audit;
mod changes;
mod config;
mod export;
mod lifecycle;
mod machine;
mod mend;
mod prompt;
mod prune;
mod question;
mod server;
mod session;
mod thread;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use access::{CreateToken, CreatedToken, LogIn, LoginLink, RotateToken, TokenView};
pub use audit::{AuditActor, AuditEntry, AuditKind, AuditOutcome, AuditPage, AuditPeer, AuditPeerKind};
pub use changes::{FileChange, FileChanges, FileStatus};
pub use config::{ConfigItem, ConfigView};
pub use export::ExportFormat;
pub use lifecycle::{ForkSession, HibernateSession};
pub use machine::{AgentAnnounced, AgentTest, AgentView, DirectoryEntry, DirectoryList, TestAgent, WorkerView};
pub use mend::{
    RecapMessage, RepairReport, RepairSession, RepairedSession, RewindSession, RewoundSession, SessionRecap, TurnName,
};
pub use prompt::{
    CancelTurn, EditQueueEntry, PromptAccepted, PromptInput, PromptMode, PromptStatus, QueueChanged, SendPrompt,
};
pub use prune::{KeptSession, PruneSessions, Pruned, PrunedSession};
pub use question::{AnswerElicitation, DecidePermission, DecisionInput, ElicitationAction, PermissionDecidedBody};
pub use server::{ServerStatus, Shutdown, ShuttingDown, StorageTrouble};
pub use session::{
    Authenticate, CreateSession, CreatedSession, DeleteSession, History, HistoryTurn, PatchSession, RemoveWorktree,
    SessionHealth, SessionLimits, StopSession, WorktreeFate, WorktreeInput, WorktreeRemoved,
};
pub use thread::{CreateThread, CreatedThread, PatchThread};

/// Where a reader that has this answer goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cursor {
    /// In the session's log.
    pub seq: u64,
    /// In the store's commit order.
    pub pos: u64,
    /// The log's epoch; a cursor of another epoch is `cursor_too_old`.
    pub epoch: u64,
}

/// A page of a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last.
    pub next_cursor: Option<String>,
    /// The store's position that the page reflects: list streams go on from here.
    pub pos: u64,
    /// The log's epoch.
    pub epoch: u64,
}

/// Answer of a deletion.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Deleted {
    /// What is gone.
    pub id: String,
    /// That it is: always `true`.
    pub deleted: bool,
    /// Where the list says so: what was told of it before this is older.
    pub pos: u64,
}

/// A list that comes whole.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Items<T> {
    /// The items.
    pub items: Vec<T>,
}

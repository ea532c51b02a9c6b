//! Who did what.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One line of the audit log: a change that was asked for, or a request that was turned away. It never holds a secret,
/// a prompt, or a text that the caller chose, but for the command's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Its place in the log, from 1, without gaps.
    pub n: u64,
    /// When it was answered.
    pub at: Timestamp,
    /// Who asked.
    pub actor: AuditActor,
    /// From where.
    pub peer: AuditPeer,
    /// What was asked for, such as `sessions.create` or `sessions.stop`.
    pub action: String,
    /// What it was about: an id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What became of it.
    pub outcome: AuditOutcome,
    /// The status of the answer.
    pub status: u16,
    /// The problem's code, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The command's key; events that it caused carry it, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// How many requests were turned away just before and have no line of their own: a flood is counted, not written down.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
}

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditActor {
    /// What they showed.
    pub kind: AuditKind,
    /// Whose work it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What they may: the scope's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The API token's id, or the session of an attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The API token's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What somebody showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditKind {
    /// The owner's token, from its file.
    Owner,
    /// A browser's cookie.
    Browser,
    /// An API token.
    Token,
    /// The token of an attempt.
    Attempt,
    /// The token of the embedded worker.
    Worker,
    /// Nothing that was good.
    Nobody,
}

/// Where a request came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditPeer {
    /// Over what.
    pub kind: AuditPeerKind,
    /// The process, over the unix socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// The address, if it is not of this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// Over what a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditPeerKind {
    /// The unix socket.
    Local,
    /// TCP on this machine.
    Loopback,
    /// The network.
    Remote,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It was done, or had been done before.
    Done,
    /// Who asked may not.
    Denied,
    /// It could not be done.
    Refused,
}

/// A page of the audit log, oldest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditPage {
    /// The lines.
    pub items: Vec<AuditEntry>,
    /// Where the next page begins, if there is one: `after` if lines after a place were asked for, else `before`.
    pub next_cursor: Option<String>,
    /// What was probably meant, if nothing is called like the action that was asked for.
    #[serde(default)]
    pub hint: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

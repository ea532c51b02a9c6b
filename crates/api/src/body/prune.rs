//! Bodies about sessions that are removed because nobody needs them any more.

use convene_core::{Timestamp, ids::SessionId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /v1/prune`. At least one of `older_than`, `larger_than` and `keep` says which; all that are given must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PruneSessions {
    /// Those that nobody has used for so many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_than: Option<u64>,
    /// Those whose log takes more than so many bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub larger_than: Option<u64>,
    /// So many of the latest stay in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<usize>,
    /// Only those that are put away.
    #[serde(default)]
    pub archived_only: bool,
    /// Only tell what would go.
    #[serde(default)]
    pub dry_run: bool,
}

/// Answer of `POST /v1/prune`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pruned {
    /// Whether nothing went because that was not wanted.
    pub dry_run: bool,
    /// What went, or would go, the longest unused first.
    pub items: Vec<PrunedSession>,
    /// About how many bytes they took.
    pub bytes: u64,
    /// By how many bytes there is more room on the disk now.
    pub freed_bytes: u64,
    /// What was to go and did not, with the reason.
    pub kept: Vec<KeptSession>,
}

/// A session that went, or would go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PrunedSession {
    /// The session.
    pub id: SessionId,
    /// The last six characters of its id.
    pub short_id: String,
    /// Its title.
    pub title: String,
    /// Its agent.
    pub agent: String,
    /// When it was last used.
    pub updated_at: Timestamp,
    /// Whether it was put away.
    pub archived: bool,
    /// How many events its log had.
    pub events: u64,
    /// About how many bytes its log took.
    pub bytes: u64,
}

/// A session that was to go and did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeptSession {
    /// The session.
    pub id: SessionId,
    /// Why, for people.
    pub why: String,
}

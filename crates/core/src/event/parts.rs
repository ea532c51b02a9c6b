//! What several events are made of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{ids::SessionId, spec::PermissionMode};

/// What a `session_updated` changed; absent fields stay.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionChanges {
    /// The title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The labels, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Who answers permission requests from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<PermissionMode>,
    /// The model wanted from the next attempt on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The mode wanted from the next attempt on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Config options wanted from the next attempt on, merged over the old ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub config: BTreeMap<String, Value>,
    /// Wall clock for a turn, in seconds; 0 is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// After so many seconds of a turn in which nothing happens it is said so; 0 is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inactivity_warn: Option<u64>,
    /// After so many seconds of a turn in which nothing happens it is cancelled; 0 is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inactivity_timeout: Option<u64>,
}

impl SessionChanges {
    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How the agent's session was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionOpening {
    /// `session/new`.
    New,
    /// `session/resume`: the agent remembers, nothing was replayed.
    Resumed,
    /// `session/load`: the agent remembers; its replay was left out of the log.
    Loaded,
    /// `session/fork`: the agent remembers what the session that it was forked from had said.
    Forked,
}

/// Where a fork comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fork {
    /// The session whose conversation it goes on with.
    pub session: SessionId,
    /// Up to which event of it.
    pub seq: u64,
    /// The agent's own id of that session, as it was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_session_id: Option<String>,
}

/// A part of a log that a rewind took out of the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cut {
    /// The last event before it.
    pub after: u64,
    /// The rewind: the first event behind it.
    pub before: u64,
}

impl Cut {
    /// Whether an event is in it.
    pub const fn holds(self, seq: u64) -> bool {
        self.after < seq && seq < self.before
    }

    /// Adds a cut to those before it, which it takes in where it reaches back to them.
    pub fn add(self, cuts: &mut Vec<Self>) {
        cuts.retain(|old| old.after < self.after);
        // One that it begins in the middle of goes on to its end.
        let after = cuts.last().filter(|old| old.before > self.after).map_or(self.after, |old| old.after);
        cuts.retain(|old| old.after < after);
        cuts.push(Self { after, before: self.before });
    }
}

/// Why an agent does not remember the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContextLoss {
    /// It can neither resume nor load a session.
    CannotReopen,
    /// It could not open its earlier session again: it does not know it any more.
    SessionUnknown,
    /// It cannot fork a session, or did not.
    CannotFork,
}

/// What the tree of an attempt may take, and how that is enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TreeLimits {
    /// Processes at a time, the agent among them; absent: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<u32>,
    /// Memory of all of them that is no file's, in bytes; absent: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Who sees to it.
    pub by: LimitedBy,
}

/// Who sees to the limits of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitedBy {
    /// The kernel, by the attempt's cgroup: what is past a limit does not come to be.
    Kernel,
    /// The runner looks again and again, and ends the attempt that is past a limit: a tree may be larger for a moment.
    Watch,
    /// Somebody of a later version.
    #[serde(other)]
    Other,
}

/// Why a session that was to hibernate does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AwakeReason {
    /// Processes that its agent started in a turn are still at work.
    LiveWork,
    /// A prompt came first, or its agent was not ready.
    Busy,
}

/// Why a session is not well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnhealthyReason {
    /// A turn runs, nobody is asked anything, and nothing has come from the agent for two minutes.
    Silent,
    /// The agent's process stands still: somebody stopped it by a signal.
    AgentStopped,
    /// Its runner is not connected to the server.
    RunnerUnreachable,
    /// Its worker is not connected to the server, or does not answer.
    WorkerOffline,
    /// Written by a later version.
    #[serde(other)]
    Other,
}

impl UnhealthyReason {
    /// Its name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::AgentStopped => "agent_stopped",
            Self::RunnerUnreachable => "runner_unreachable",
            Self::WorkerOffline => "worker_offline",
            Self::Other => "other",
        }
    }
}

/// What was decided about a permission request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Allowed this time.
    AllowOnce,
    /// Allowed from now on.
    AllowAlways,
    /// Rejected this time.
    RejectOnce,
    /// Rejected from now on.
    RejectAlways,
    /// An option of another kind was chosen.
    Other,
    /// Nobody decided: the turn was cancelled, or its attempt died.
    Cancelled,
}

impl Decision {
    /// Its name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AllowOnce => "allow_once",
            Self::AllowAlways => "allow_always",
            Self::RejectOnce => "reject_once",
            Self::RejectAlways => "reject_always",
            Self::Other => "other",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether somebody said no.
    pub const fn is_rejection(self) -> bool {
        matches!(self, Self::RejectOnce | Self::RejectAlways)
    }
}

/// Whether a stop gives the agent time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopMode {
    /// Cancel, end of input, patience, SIGTERM, SIGKILL.
    #[default]
    Graceful,
    /// SIGKILL at once.
    Now,
}

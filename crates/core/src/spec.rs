//! What a session is to be: agent, directory, permissions, policies.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::workspace::WorktreeSpec;

/// What is wanted of a session; frozen when it is created, changed only by `session_updated`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionSpec {
    /// The agent's name in the catalogue or the config.
    pub agent: String,
    /// The working directory, absolute, on the worker's machine.
    pub cwd: String,
    /// A git worktree of its own instead of `cwd` itself, which must lie in a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree: Option<WorktreeSpec>,
    /// Directories beside `cwd` that the agent may touch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_dirs: Vec<String>,
    /// Said to the agent before the first prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// The model, as the agent names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The agent's mode, as it names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Further config options of the agent, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub config: BTreeMap<String, Value>,
    /// Who answers permission requests.
    #[serde(default)]
    pub permissions: PermissionMode,
    /// Environment of the agent. In the log its values are locked away by the server: `sealed:v1:…`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// MCP servers offered to the agent, in ACP's own shape. The values of their `env` and `headers` are locked away, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub mcp_servers: Vec<Value>,
    /// The worker it must run on, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Wall clock for a turn, in seconds; 0 is no limit.
    #[serde(default)]
    pub timeout: u64,
    /// After so many seconds of a turn in which nothing happens it is said so; 0 is never.
    #[serde(default = "inactivity_warn", skip_serializing_if = "is_usual_inactivity_warn")]
    pub inactivity_warn: u64,
    /// After so many seconds of a turn in which nothing happens it is cancelled; 0 is never. Waiting for a person does not
    /// count.
    #[serde(default = "inactivity_timeout", skip_serializing_if = "is_usual_inactivity_timeout")]
    pub inactivity_timeout: u64,
    /// How long a permission request waits for a person, in seconds, before it is rejected once; 0 is for ever.
    #[serde(default = "ask_timeout", skip_serializing_if = "is_usual_ask_timeout")]
    pub ask_timeout: u64,
    /// What happens when a turn ends and nothing is queued.
    #[serde(default)]
    pub on_turn_end: OnTurnEnd,
    /// What happens after a crash.
    #[serde(default)]
    pub crash_policy: CrashPolicy,
}

impl SessionSpec {
    /// A session of an agent in a directory, everything else as it is by default.
    pub fn new(agent: impl Into<String>, cwd: impl Into<String>) -> Self {
        Self {
            agent: agent.into(),
            cwd: cwd.into(),
            worktree: None,
            add_dirs: Vec::new(),
            system_prompt: None,
            model: None,
            mode: None,
            config: BTreeMap::new(),
            permissions: PermissionMode::default(),
            env: BTreeMap::new(),
            mcp_servers: Vec::new(),
            worker: None,
            timeout: 0,
            inactivity_warn: inactivity_warn(),
            inactivity_timeout: inactivity_timeout(),
            ask_timeout: ask_timeout(),
            on_turn_end: OnTurnEnd::default(),
            crash_policy: CrashPolicy::default(),
        }
    }
}

/// What a log without a word about it means.
const fn ask_timeout() -> u64 {
    crate::limits::ASK_TIMEOUT
}

/// `serde` wants a function.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
const fn is_usual_ask_timeout(seconds: &u64) -> bool {
    *seconds == crate::limits::ASK_TIMEOUT
}

/// What a log without a word about it means.
const fn inactivity_warn() -> u64 {
    crate::limits::INACTIVITY_WARN
}

/// What a log without a word about it means.
const fn inactivity_timeout() -> u64 {
    crate::limits::INACTIVITY_TIMEOUT
}

/// `serde` wants a function.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
const fn is_usual_inactivity_warn(seconds: &u64) -> bool {
    *seconds == crate::limits::INACTIVITY_WARN
}

/// `serde` wants a function.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
const fn is_usual_inactivity_timeout(seconds: &u64) -> bool {
    *seconds == crate::limits::INACTIVITY_TIMEOUT
}

/// Who answers permission requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PermissionMode {
    /// Every request is rejected once.
    Deny,
    /// A person is asked.
    #[default]
    Ask,
    /// Reads are allowed, a person is asked for the rest.
    Reads,
    /// Every request is allowed once.
    All,
}

/// What happens when a turn ends and nothing is queued.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnTurnEnd {
    /// The session waits idle.
    #[default]
    Keep,
    /// The session is stopped as completed (one-shot).
    Stop,
}

/// What happens when a runner, keeper, agent or machine died under a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CrashPolicy {
    /// A new attempt takes up what is still queued; a turn of unknown outcome is never sent again.
    Resume,
    /// The session is stopped as failed and says so; the next prompt takes it up again.
    #[default]
    Ask,
    /// The session is stopped as failed and what is queued is dropped.
    Fail,
}

/// Where a session came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A person or a program through the API.
    #[default]
    User,
    /// Another session.
    Spawned,
    /// A schedule.
    Schedule,
    /// A Kubernetes resource.
    Resource,
}

/// Where a turn came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TurnSource {
    /// A person or a program through the API.
    #[default]
    User,
    /// Convene itself.
    Synthetic,
}

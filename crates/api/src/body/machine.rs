//! Agents and workers as they are listed.

use std::collections::BTreeMap;

use convene_core::{
    content::{AuthMethod, ConfigOption},
    dispatch::DetectedAgent,
    failure::Failure,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// An agent over all workers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgentView {
    /// Its name.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Other names that it can be shown and tested by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Whether a connected worker can start it.
    pub installed: bool,
    /// Its version, where it is known.
    pub version: Option<String>,
    /// How it is installed.
    pub install: String,
    /// How one signs in.
    pub sign_in: String,
    /// `true` once a prompt was answered, `false` if it asked to sign in, absent as long as neither is known: many agents
    /// open a session without an account, and fail at the first prompt.
    #[serde(default)]
    pub signed_in: Option<bool>,
    /// How far the entry of the catalogue was tried, if not all the way.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tried: String,
    /// What each worker found.
    pub workers: BTreeMap<String, DetectedAgent>,
    /// What it announced about itself, the newest first; in lists it is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub announced: Vec<AgentAnnounced>,
}

/// Which agent is tested where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestAgent {
    /// The worker that starts it, by name; one that has it if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Whether it gets one small prompt, too. Only an answer proves that it is signed in; it may cost a few tokens.
    #[serde(default)]
    pub prompt: bool,
}

/// A worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkerView {
    /// Its name.
    pub name: String,
    /// Whether its uplink is up.
    pub connected: bool,
    /// Its version.
    pub version: String,
    /// Attempts it can hold.
    pub seats: u32,
    /// Attempts it holds.
    pub seats_taken: u32,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Agents on its machine.
    pub agents: Vec<DetectedAgent>,
    /// When it was last heard.
    pub last_seen_at: Timestamp,
}

/// What an agent said about itself in a hello: never what a list says of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgentAnnounced {
    /// Its name by its own account.
    pub name: String,
    /// Its title by its own account.
    pub title: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The ACP version it speaks.
    pub protocol_version: u32,
    /// Its capabilities, verbatim.
    #[schema(value_type = Object)]
    pub capabilities: Value,
    /// Ways to sign in.
    pub auth_methods: Vec<AuthMethod>,
    /// `true` once a prompt was answered, `false` if it asked to sign in, absent as long as neither is known.
    pub signed_in: Option<bool>,
    /// Its settings with their choices: modes, models and others; empty before it has opened a session.
    pub config_options: Vec<ConfigOption>,
    /// On which worker it said so.
    pub worker: String,
    /// When it said so.
    pub at: Timestamp,
}

/// How the test of an agent went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgentTest {
    /// Its name.
    pub agent: String,
    /// On which worker it was tested.
    pub worker: String,
    /// Whether everything that was tried went well: its hello, its session, and the prompt if one was wanted.
    pub ok: bool,
    /// How it was started: the program and its arguments.
    pub argv: Vec<String>,
    /// From its start to its answer to `initialize`, in milliseconds.
    pub initialize_ms: Option<u64>,
    /// From there to its open session, in milliseconds.
    pub session_ms: Option<u64>,
    /// What it answered to the prompt, cut; absent if none was sent or none was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// From the prompt to the end of its turn, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_ms: Option<u64>,
    /// What it said about itself, if it got that far.
    pub announced: Option<AgentAnnounced>,
    /// What went wrong.
    pub failure: Option<Failure>,
    /// The end of what it wrote to stderr, redacted.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stderr: String,
}

/// Directories of a worker's machine, inside its roots.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DirectoryList {
    /// Absolute paths, by name; repositories of git first.
    pub items: Vec<DirectoryEntry>,
    /// Whether there are more than were asked for.
    pub truncated: bool,
}

/// A directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DirectoryEntry {
    /// Its absolute path.
    pub path: String,
    /// Whether it is the top of a git repository or worktree.
    pub git: bool,
}

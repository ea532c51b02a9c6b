//! Says what a runner is told at its start: where its server is, which attempt it is, which agent to launch.
//!
//! The worker writes a [`RunnerConfig`] as JSON to the runner's standard input. The session's spec and the prompt are
//! not in it: the runner gets them from the server, in the answer to its hello.

use std::{fmt, path::PathBuf};

use convene_core::{
    ids::{SessionId, ThreadId},
    workspace::Workspace,
};
use serde::{Deserialize, Serialize};

/// All that a runner needs before it has said hello.
#[derive(Clone, Serialize, Deserialize)]
pub struct RunnerConfig {
    /// Where the server listens.
    pub server: ServerAddr,
    /// What the runner shows the server; it ends with the attempt.
    pub token: String,
    /// The session.
    pub session: SessionId,
    /// Its thread.
    pub thread: ThreadId,
    /// The attempt.
    pub attempt: u32,
    /// How the agent is started.
    pub agent: LaunchSpec,
    /// What the worker found or made of the session's directory, if the server does not know it yet: reported first, and
    /// where the agent works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<Workspace>,
    /// How long the agent may take to answer `initialize`, and then to open its session, in milliseconds.
    #[serde(default = "default_start_timeout_ms")]
    pub start_timeout_ms: u64,
    /// How long an agent without a session waits for a sign-in, in milliseconds.
    #[serde(default = "default_sign_in_timeout_ms")]
    pub sign_in_timeout_ms: u64,
    /// The longest line that is taken from the agent, in bytes.
    #[serde(default = "default_line_max")]
    pub line_max: usize,
    /// The most unacknowledged bytes on disk while the server is away; past them the agent is not read.
    #[serde(default = "default_spool_max")]
    pub spool_max: u64,
    /// What the agent and all that it starts may take.
    #[serde(default)]
    pub tree_max: TreeMax,
}

/// The server's address, as far as an uplink is concerned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerAddr {
    /// A unix socket.
    Unix(PathBuf),
    /// `http://host:port`.
    Http(String),
}

impl std::fmt::Display for ServerAddr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Http(url) => f.write_str(url),
        }
    }
}

/// What the tree of an attempt may take; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeMax {
    /// Processes at a time.
    #[serde(default)]
    pub processes: u32,
    /// Memory of all of them that is no file's, in bytes.
    #[serde(default)]
    pub memory: u64,
}

/// How an agent is started; the worker makes it from the catalogue and its own configuration.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct LaunchSpec {
    /// Its name in the catalogue or the configuration.
    pub name: String,
    /// What people call it.
    #[serde(default)]
    pub title: String,
    /// The program, by path or by name, and its arguments.
    pub command: Vec<String>,
    /// Its environment beyond the allow-list, references resolved.
    #[serde(default)]
    pub env: Vec<(String, String)>,
    /// How one signs in, for a hint.
    #[serde(default)]
    pub sign_in: String,
    /// How it is installed, for a hint.
    #[serde(default)]
    pub install: String,
    /// What makes its program speak ACP, for a hint; empty if it speaks nothing else, or nobody knows.
    #[serde(default)]
    pub acp_flag: String,
    /// Whether its first start downloads it, and so takes long.
    #[serde(default)]
    pub downloads: bool,
}

impl LaunchSpec {
    /// What people call it.
    pub fn display_name(&self) -> &str {
        if self.title.is_empty() { &self.name } else { &self.title }
    }

    /// How long it may take to start, in milliseconds: what is wanted, and longer if a download comes before.
    pub fn start_timeout_ms(&self, wanted: u64) -> u64 {
        if self.downloads { wanted.max(DOWNLOAD_MS) } else { wanted }
    }
}

/// How long a download may take, in milliseconds: agents are packages of up to half a gigabyte.
const DOWNLOAD_MS: u64 = 300_000;

// Neither the token nor a value of the environment may reach a log.
impl fmt::Debug for RunnerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunnerConfig")
            .field("server", &self.server)
            .field("session", &self.session)
            .field("attempt", &self.attempt)
            .field("agent", &self.agent)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LaunchSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.env.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("LaunchSpec")
            .field("name", &self.name)
            .field("command", &self.command)
            .field("env", &names)
            .finish()
    }
}

const fn default_start_timeout_ms() -> u64 {
    60_000
}

/// Ten minutes: a sign-in leads through a browser.
pub(crate) const fn default_sign_in_timeout_ms() -> u64 {
    600_000
}

const fn default_line_max() -> usize {
    16 << 20
}

pub(crate) const fn default_spool_max() -> u64 {
    2 << 30
}

//! Configuration: defaults, then the file, then `CONVENE_*`, then flags; each layer overrides the one before.
//!
//! Every key of the file exists as a field here. Those that nothing reads yet are checked all the same, so that a file
//! written today means the same tomorrow.

mod environment;
mod file;
mod keys;
mod origin;
mod schema;
mod shown;
mod value;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use convene_core::{
    limits,
    spec::{CrashPolicy, OnTurnEnd, PermissionMode},
};

pub use environment::{Environment, Unknown};
pub use origin::{Origin, Origins};
pub use schema::schema;
pub use shown::{key as toml_key, toml as toml_value, view, without_password};
pub use value::{duration, size};

use crate::{
    failure::Failure,
    render::transcript::{Amount, Thoughts},
};

/// The whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[client]`
    pub client: ClientKeys,
    /// `[run]`
    pub run: Run,
    /// `[permissions]`
    pub permissions: Permissions,
    /// `[ui]`
    pub ui: Ui,
    /// `[limits]`
    pub limits: Limits,
    /// `[retention]`
    pub retention: Retention,
    /// `[ledger]`
    pub ledger: Ledger,
    /// `[worker]`
    pub worker: Worker,
    /// `[agents.NAME]`
    pub agents: BTreeMap<String, Agent>,
    /// `[mcp.NAME]`
    pub mcp: BTreeMap<String, Mcp>,
}

/// The server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where it listens.
    pub bind: String,
    /// Directories that sessions may work in; `~` and `$TMPDIR` are not resolved yet.
    pub roots: Vec<String>,
    /// Origins that browsers may come from.
    pub origins: Vec<String>,
    /// Whether a proxy with TLS stands before it.
    pub trust_proxy: bool,
    /// How its log is written.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_level: String,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// How the command line finds its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientKeys {
    /// Its address; empty is the local socket.
    pub url: String,
    /// Where its token is: `env:NAME` or `file:PATH`.
    pub token: String,
    /// Whether a local server is started when none runs.
    pub autostart: bool,
    /// For how long a server that went away is waited for.
    pub reconnect_timeout: Duration,
}

/// What new sessions are, unless a flag says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Their agent.
    pub agent: String,
    /// Who answers permission requests.
    pub permissions: PermissionMode,
    /// Wall clock for a turn; zero is none.
    pub timeout: Duration,
    /// What happens when a turn ends.
    pub on_turn_end: OnTurnEnd,
    /// What happens after a crash.
    pub crash_policy: CrashPolicy,
}

/// Permission requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    /// How long one waits for a person; none waits for ever.
    pub ask_timeout: Option<Duration>,
    /// Whether the terminal's bell rings.
    pub bell: bool,
}

/// What commands look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ui {
    /// Whether there are colors.
    pub color: ColorChoice,
    /// Words instead of signs, no live row.
    pub plain: bool,
    /// Thoughts.
    pub thoughts: Thoughts,
    /// Tool calls.
    pub tools: Amount,
    /// Last lines of a tool's output.
    pub tool_lines: usize,
    /// Lines of a file's change.
    pub diff_lines: usize,
    /// How links are written.
    pub links: String,
}

/// Whether there are colors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorChoice {
    /// Where the stream is a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Limits of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Sessions that are live at once.
    pub sessions: usize,
    /// Prompts that wait in a session.
    pub queue: usize,
    /// The size of a prompt, in bytes.
    pub prompt: usize,
    /// The size of an agent's line, in bytes.
    pub line: usize,
    /// After so much idleness a session is hibernated.
    pub hibernate_after: Duration,
    /// When a worker's agents hold more memory than this, in bytes, idle sessions are hibernated; 0 is never.
    pub memory: usize,
    /// After so long a turn in which nothing happens is warned of; zero is never.
    pub inactivity_warn: Duration,
    /// After so long a turn in which nothing happens is cancelled; zero is never.
    pub inactivity_timeout: Duration,
    /// Requests of one token in a minute.
    pub requests: u32,
    /// Failed tries to get in from one address in a minute.
    pub failed_auth: u32,
    /// Processes of an agent and all that it starts; 0 is no limit.
    pub tree_processes: u32,
    /// Memory of an agent and all that it starts, in bytes; 0 is no limit.
    pub tree_memory: usize,
}

/// Which sessions are removed by themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    /// Stopped ones that nobody has used for so long; zero is never.
    pub older_than: Duration,
    /// Of these only those whose log takes more, in bytes.
    pub larger_than: usize,
    /// So many of the latest stay in any case.
    pub keep: usize,
    /// Only those that are put away.
    pub archived_only: bool,
}

/// Where sessions are written down when they stop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The directory; empty is nowhere.
    pub dir: String,
}

/// The worker of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// Its name.
    pub name: String,
    /// Attempts it holds at once.
    pub seats: u32,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// How long an agent may take to say hello.
    pub start_timeout: Duration,
    /// How long an agent without a session waits for a sign-in.
    pub sign_in_timeout: Duration,
    /// What confines agents.
    pub sandbox: String,
    /// Whether agents that are not installed may be started with `npx` and `uvx`, which download them.
    pub downloads: bool,
    /// A registry of agents, by path or URL; empty is none.
    pub registry: String,
}

/// An agent of one's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agent {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Its environment: values, or references that the worker resolves at launch.
    pub env: BTreeMap<String, String>,
}

/// An MCP server that sessions may name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mcp {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Its environment.
    pub env: BTreeMap<String, String>,
}

impl Default for Config {
    fn default() -> Self {
        let rates = convene_server::Rates::default();
        Self {
            server: Server {
                bind: "127.0.0.1:4747".to_owned(),
                roots: vec!["~".to_owned(), "$TMPDIR".to_owned()],
                origins: Vec::new(),
                trust_proxy: false,
                log_format: LogFormat::Text,
                log_level: "info".to_owned(),
            },
            client: ClientKeys {
                url: String::new(),
                token: String::new(),
                autostart: true,
                reconnect_timeout: Duration::from_secs(600),
            },
            run: Run {
                agent: "builtin".to_owned(),
                permissions: PermissionMode::Ask,
                timeout: Duration::ZERO,
                on_turn_end: OnTurnEnd::Keep,
                crash_policy: CrashPolicy::Ask,
            },
            permissions: Permissions { ask_timeout: Some(Duration::from_secs(300)), bell: true },
            ui: Ui {
                color: ColorChoice::Auto,
                plain: false,
                thoughts: Thoughts::Folded,
                tools: Amount::Short,
                tool_lines: 12,
                diff_lines: 60,
                links: "text".to_owned(),
            },
            limits: Limits {
                sessions: convene_server::SESSIONS_MAX,
                queue: limits::QUEUE,
                prompt: limits::PROMPT,
                line: 16_000_000,
                hibernate_after: Duration::from_secs(900),
                memory: 0,
                inactivity_warn: Duration::from_secs(limits::INACTIVITY_WARN),
                inactivity_timeout: Duration::from_secs(limits::INACTIVITY_TIMEOUT),
                requests: rates.requests,
                failed_auth: rates.failed_auth,
                tree_processes: 2000,
                tree_memory: 0,
            },
            retention: Retention::default(),
            ledger: Ledger::default(),
            worker: Worker {
                name: "local".to_owned(),
                seats: 32,
                labels: BTreeMap::new(),
                start_timeout: Duration::from_secs(60),
                sign_in_timeout: Duration::from_secs(600),
                sandbox: "none".to_owned(),
                downloads: true,
                registry: String::new(),
            },
            agents: BTreeMap::new(),
            mcp: BTreeMap::new(),
        }
    }
}

/// A configuration as it was read.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// Variables that begin like ours and are none.
    pub unknown: Vec<Unknown>,
    /// Where the values come from.
    pub origins: Origins,
}

impl Config {
    /// Reads the file, if there is one, and the environment.
    ///
    /// # Errors
    /// If the file cannot be read, is no TOML, has an unknown key or a value that does not fit.
    pub fn load(path: &Path, must_exist: bool, environment: &Environment) -> Result<Loaded, Failure> {
        let (mut config, mut origins) = (Self::default(), Origins::default());
        match std::fs::read_to_string(path) {
            Ok(text) => file::read(&text, path, &mut config, &mut origins)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => {}
            Err(error) => return Err(file::unreadable(path, &error)),
        }
        let unknown = environment.apply(&mut config, &mut origins)?;
        Ok(Loaded { config, unknown, origins })
    }
}

/// Where the file is, unless somebody says otherwise.
pub fn default_path(environment: &Environment) -> PathBuf {
    environment.base("XDG_CONFIG_HOME", ".config").join("convene").join("config.toml")
}

/// Where the data is, unless somebody says otherwise.
pub fn default_data_dir(environment: &Environment) -> PathBuf {
    environment.base("XDG_DATA_HOME", ".local/share").join("convene")
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;

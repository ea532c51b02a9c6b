//! What a server is started with, and what it tells when it is up.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use convene_api::{body::ConfigView, doctor::Check};
use convene_core::limits;
use tokio_util::sync::CancellationToken;

use crate::{page::PageFile, rate::Rates, retention::Retention};

/// How many sessions may be live by default. Sessions that wait for a seat cost memory alone, and far more of them than
/// seats is what a night's work looks like; this is for a script that has lost its mind.
pub const SESSIONS_MAX: usize = 10_000;

/// How long a session is idle and unwatched before it is put to sleep, by default.
pub const HIBERNATE_AFTER: Duration = Duration::from_secs(15 * 60);

/// What a server is started with.
#[derive(Debug, Clone)]
pub struct ServeConfig {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Where the TCP listener goes; port 0 takes a free one.
    pub bind: SocketAddr,
    /// The user's home: the directory of sessions that name none, and a root by default.
    pub home: PathBuf,
    /// Directories that sessions may work in; empty: home and the directories for temporary files.
    pub roots: Vec<PathBuf>,
    /// Origins beside the server's own that browsers may come from, such as `https://convene.example`; their hosts may
    /// be in `Host` too.
    pub origins: Vec<String>,
    /// Whether a proxy with TLS stands before a bind that is open to the network.
    pub trust_proxy: bool,
    /// How often callers may ask.
    pub rates: Rates,
    /// How many sessions may be live at once.
    pub sessions_max: usize,
    /// How many prompts may wait in a session.
    pub queue_max: usize,
    /// The largest prompt, in bytes.
    pub prompt_max: usize,
    /// How long permission requests of new sessions wait for a person, in seconds; 0 is for ever.
    pub ask_timeout: u64,
    /// After so many seconds of a turn in which nothing happens it is said so, in new sessions; 0 is never.
    pub inactivity_warn: u64,
    /// After so many seconds of a turn in which nothing happens it is cancelled, in new sessions; 0 is never.
    pub inactivity_timeout: u64,
    /// When the agents of a worker hold more memory than this, in bytes, the least recently used idle sessions on it are
    /// put to sleep; 0 is never.
    pub memory_max: u64,
    /// After so much idleness without anybody watching a session is put to sleep; zero is never.
    pub hibernate_after: Duration,
    /// Which sessions are removed by themselves, if any are.
    pub retention: Option<Retention>,
    /// Where the ledger of a session is written when it stops, if it is.
    pub ledger: Option<PathBuf>,
    /// The agent of sessions that name none.
    pub default_agent: String,
    /// Names of agents that the config adds to the catalogue.
    pub agents: Vec<String>,
    /// Whose server it is: the owner of what local clients make.
    pub owner: String,
    /// The version that is told.
    pub version: String,
    /// Whether a process belongs to an attempt: an agent that found the owner's token gets nothing with it.
    pub is_attempt_process: fn(i32) -> bool,
    /// What a doctor asks the machine that the data directory is on; the server itself looks at no processes.
    pub machine_checks: fn(&Path) -> Vec<Check>,
    /// The files of the dashboard; without them a small page says that there is none.
    pub page: &'static [PageFile],
    /// The configuration as it may be shown.
    pub shown: ConfigView,
    /// Ends the server; sessions go on.
    pub shutdown: CancellationToken,
}

impl ServeConfig {
    /// A config with the defaults of a local server.
    pub fn new(data_dir: PathBuf, home: PathBuf) -> Self {
        Self {
            data_dir,
            bind: SocketAddr::from(([127, 0, 0, 1], 4747)),
            home,
            roots: Vec::new(),
            origins: Vec::new(),
            trust_proxy: false,
            rates: Rates::default(),
            sessions_max: SESSIONS_MAX,
            queue_max: limits::QUEUE,
            prompt_max: limits::PROMPT,
            ask_timeout: limits::ASK_TIMEOUT,
            inactivity_warn: limits::INACTIVITY_WARN,
            inactivity_timeout: limits::INACTIVITY_TIMEOUT,
            memory_max: 0,
            hibernate_after: HIBERNATE_AFTER,
            retention: None,
            ledger: None,
            default_agent: convene_core::catalogue::BUILTIN.to_owned(),
            agents: Vec::new(),
            owner: "local".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            is_attempt_process: |_| false,
            machine_checks: |_| Vec::new(),
            page: &[],
            shown: ConfigView::default(),
            shutdown: CancellationToken::new(),
        }
    }
}

/// What a server tells once both of its listeners accept.
#[derive(Clone)]
pub struct ServerInfo {
    /// Where TCP listens.
    pub addr: SocketAddr,
    /// Where the unix socket is.
    pub socket: PathBuf,
    /// Where the owner's token for local clients is.
    pub token_file: PathBuf,
    /// Opens the page, once and within ten minutes: goes into the fragment, `/#t=…`.
    pub login_token: String,
    /// What the embedded worker shows.
    pub worker_token: String,
    /// The log's epoch.
    pub epoch: u64,
}

impl ServerInfo {
    /// The address for a browser.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The address for a browser that opens the page without a further question.
    pub fn login_url(&self) -> String {
        format!("http://{}/#t={}", self.addr, self.login_token)
    }
}

impl std::fmt::Debug for ServerInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the tokens.
        f.debug_struct("ServerInfo").field("addr", &self.addr).field("socket", &self.socket).finish_non_exhaustive()
    }
}

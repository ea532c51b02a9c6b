//! The roles of the binary put together: a server with its embedded worker, a worker of its own, a runner.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use convene_core::ids::{InstanceId, WorkerName};
use convene_host::{
    detect::{Agents, CustomAgent, registry::Registry},
    launch_spec::{ServerAddr, TreeMax},
    marker,
    worker::{self, WorkerConfig},
};
use convene_server::{ServeConfig, ServeError, ServerInfo};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What a worker is to be, wherever its server is.
#[derive(Debug, Clone)]
pub struct WorkerSetup {
    /// Its name.
    pub name: String,
    /// Attempts it can hold.
    pub seats: u32,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Where the run directories are; without one, in the data directory.
    pub run_root: Option<PathBuf>,
    /// The data directory.
    pub data_dir: PathBuf,
    /// Directories that sessions may work in.
    pub roots: Vec<String>,
    /// The configuration's own agents.
    pub agents: BTreeMap<String, CustomAgent>,
    /// Whether agents may be started with `npx` and `uvx`, which download them.
    pub downloads: bool,
    /// The registry of agents that the configuration names.
    pub registry: Option<Arc<Registry>>,
    /// How long an agent may take to start, in milliseconds.
    pub start_timeout_ms: u64,
    /// How long an agent without a session waits for a sign-in, in milliseconds.
    pub sign_in_timeout_ms: u64,
    /// The longest line that is taken from an agent, in bytes.
    pub line_max: usize,
    /// What an agent and all that it starts may take.
    pub tree_max: TreeMax,
}

impl WorkerSetup {
    fn config(self, server: ServerAddr, token: String) -> std::io::Result<WorkerConfig> {
        let run_root = match self.run_root {
            Some(root) => root,
            None => worker::root::of(&self.data_dir, &self.name)?,
        };
        Ok(WorkerConfig {
            name: WorkerName::new(&self.name),
            instance: InstanceId::new(uuid::Uuid::now_v7()),
            seats: self.seats,
            labels: self.labels,
            roots: self.roots,
            run_root,
            worktree_root: self.data_dir.join("worktrees"),
            server,
            token,
            agents: Agents::new(executable()?, self.agents).downloads(self.downloads).registry(self.registry),
            start_timeout_ms: self.start_timeout_ms,
            sign_in_timeout_ms: self.sign_in_timeout_ms,
            line_max: self.line_max,
            tree_max: self.tree_max,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }
}

/// This program's file. On Linux the link that stays true when the file is replaced by an upgrade.
pub fn executable() -> std::io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok(PathBuf::from("/proc/self/exe")) } else { std::env::current_exe() }
}

/// The pause before the embedded worker is begun again.
const WORKER_AGAIN: Duration = Duration::from_secs(2);

/// Runs the embedded worker until it is cancelled. What the machine refuses it (a disk that is full, for one) may be
/// there a moment later, and without a worker no session would ever begin.
async fn embedded(setup: WorkerSetup, server: ServerAddr, token: String, cancel: CancellationToken) {
    loop {
        let ended = match setup.clone().config(server.clone(), token.clone()) {
            Ok(config) => worker::run(config, cancel.clone()).await.map_err(anyhow::Error::from),
            Err(error) => Err(anyhow::Error::from(error).context("its directories cannot be made")),
        };
        let Err(error) = ended else { return };
        tracing::error!(error = format!("{error:#}"), "the embedded worker has ended");
        if matches!(error.downcast_ref(), Some(worker::Error::Rejected { .. })) {
            return;
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(WORKER_AGAIN) => {}
        }
    }
}

/// Serves until the configuration's token is cancelled, with a worker embedded if one is wanted. Sessions go on after it.
///
/// # Errors
/// If the server cannot be started.
pub async fn serve(
    mut config: ServeConfig,
    setup: Option<WorkerSetup>,
    ready: impl FnOnce(&ServerInfo) + Send,
) -> Result<(), ServeError> {
    config.is_attempt_process = is_attempt_process;
    config.machine_checks = convene_host::doctor::checks;
    let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
    let (owner, stop) = (tasks.clone(), cancel.clone());
    let result = convene_server::serve(config, move |info| {
        ready(&info);
        convene_host::process::release_memory();
        let Some(setup) = setup else { return };
        owner.spawn(embedded(setup, ServerAddr::Unix(info.socket.clone()), info.worker_token.clone(), stop));
    })
    .await;
    cancel.cancel();
    tasks.close();
    tasks.wait().await;
    result
}

/// Whether a process belongs to an attempt of this server's workers. Marks that the server carries itself say nothing:
/// it was started from inside a session, and so were its own clients.
fn is_attempt_process(pid: i32) -> bool {
    let own = marker::markers_of(std::process::id().cast_signed());
    marker::markers_of(pid).iter().any(|mark| !own.contains(mark))
}

/// Runs a worker for a server until it is cancelled.
///
/// # Errors
/// If the server refuses it, or this program's file cannot be found.
pub async fn worker(
    setup: WorkerSetup,
    server: ServerAddr,
    token: String,
    cancel: CancellationToken,
) -> anyhow::Result<()> {
    Ok(worker::run(setup.config(server, token)?, cancel).await?)
}

/// Becomes keeper and runner of an attempt. Must be called before any thread exists.
///
/// # Errors
/// If the run directory does not allow it.
pub fn runner(run_dir: &Path) -> anyhow::Result<u8> {
    Ok(convene_host::runner::runner_main(run_dir)?)
}

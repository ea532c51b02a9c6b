//! `convene worker`: the worker of a machine, dialing out to a server elsewhere.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use convene_api::{
    exit,
    problem::{Code, Problem},
};
use convene_host::{
    detect::{CustomAgent, registry::Registry},
    launch_spec::{ServerAddr, TreeMax},
};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    args::TEMPLATE,
    config::{self, Config},
    connect::SOCKET,
    failure::{Failure, Outcome},
    logging,
    roles::{self, WorkerSetup},
};

const EXAMPLES: &str = "\
Examples:
  CONVENE_TOKEN=... convene worker --server http://127.0.0.1:4747
  convene worker --server http://127.0.0.1:4747 --token-file token --name build-1 --seats 4";

/// Run sessions of a server on this machine
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct WorkerArgs {
    /// Its token; --token-file or CONVENE_TOKEN keep it out of the process list
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
    /// Read the token from this file descriptor
    #[arg(long, value_name = "FD", conflicts_with = "token")]
    pub token_fd: Option<i32>,
    /// Its name [default: worker.name of the config, else this machine's]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Attempts it holds at once
    #[arg(long, value_name = "N")]
    pub seats: Option<u32>,
    /// Where its run directories are [default: run in the data directory]
    #[arg(long, value_name = "DIR")]
    pub run_dir: Option<PathBuf>,
    /// A label; several times
    #[arg(long, value_name = "K=V", value_parser = super::spec::pair)]
    pub label: Vec<(String, String)>,
}

/// Runs it until SIGINT or SIGTERM; its sessions go on.
pub fn run(app: &App, args: WorkerArgs) -> Outcome {
    logging::begin(app.config.server.log_format, &app.config.server.log_level);
    let token = token(app, &args)?;
    let server = server(app)?;
    let mut setup = setup(app)?;
    if let Some(name) = args.name {
        setup.name = name;
    } else if setup.name == Config::default().worker.name {
        // The server's own worker has that name, and a machine's name tells workers apart.
        setup.name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    }
    if let Some(seats) = args.seats {
        setup.seats = seats;
    }
    if let Some(dir) = args.run_dir {
        setup.run_root = Some(std::path::absolute(&dir).unwrap_or(dir));
    }
    setup.labels.extend(args.label);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Code::Internal, format!("the system gives no event loop: {e}")))?;
    runtime.block_on(async {
        let cancel = CancellationToken::new();
        let on =
            |kind| signal(kind).map_err(|e| Failure::new(Code::Internal, format!("signals cannot be caught: {e}")));
        let (mut interrupt, mut terminate) = (on(SignalKind::interrupt())?, on(SignalKind::terminate())?);
        tokio::select! {
            result = roles::worker(setup, server, token, cancel) => result.map_err(|error| ended(&error)),
            _ = interrupt.recv() => Ok(()),
            _ = terminate.recv() => Ok(()),
        }
    })?;
    Ok(exit::DONE)
}

/// Why a worker ended that was not asked to.
fn ended(error: &anyhow::Error) -> Failure {
    use convene_host::worker::{Error, root};
    let cause = format!("{error:#}");
    let problem = match error.downcast_ref::<Error>() {
        Some(Error::Rejected { code, .. }) => match Code::parse(code) {
            None | Some(Code::TokenInvalid) => Problem::new(Code::TokenInvalid, "the server refuses this worker")
                .hint("make it a token on the server: convene token create --scope worker"),
            Some(code) => Problem::new(code, "the server refuses this worker")
                .hint("convene status says which version the server has, convene --version this one"),
        },
        Some(Error::Root(root::Error::Taken { .. })) => {
            return Problem::new(Code::WrongState, cause)
                .hint("it runs already; another one on this machine wants a --name or --run-dir of its own")
                .into();
        }
        Some(Error::Root(_) | Error::Machine(_) | Error::Scan(_)) => {
            Problem::new(Code::StorageFailed, "the worker cannot run on this machine").hint("convene doctor")
        }
        None => Problem::new(Code::Internal, "the worker ended"),
    };
    problem.with("cause", cause).into()
}

/// What the configuration says of this machine's worker.
///
/// # Errors
/// If it names a registry of agents that is none.
pub fn setup(app: &App) -> Result<WorkerSetup, Failure> {
    let worker = &app.config.worker;
    let agents = app.config.agents.iter().map(|(name, agent)| {
        let agent = CustomAgent { command: agent.command.clone(), env: agent.env.clone() };
        (name.clone(), agent)
    });
    Ok(WorkerSetup {
        name: worker.name.clone(),
        seats: worker.seats,
        labels: worker.labels.clone(),
        run_root: None,
        data_dir: app.data_dir.clone(),
        roots: roots(app),
        agents: agents.collect(),
        start_timeout_ms: u64::try_from(worker.start_timeout.as_millis()).unwrap_or(u64::MAX),
        sign_in_timeout_ms: u64::try_from(worker.sign_in_timeout.as_millis()).unwrap_or(u64::MAX),
        line_max: app.config.limits.line,
        tree_max: TreeMax {
            processes: app.config.limits.tree_processes,
            memory: app.config.limits.tree_memory.try_into().unwrap_or(u64::MAX),
        },
        downloads: worker.downloads,
        registry: registry(app)?.map(Arc::new),
    })
}

/// The registry of agents that the configuration names. A file must be there and be one; a URL is fetched later.
fn registry(app: &App) -> Result<Option<Registry>, Failure> {
    let location = app.config.worker.registry.as_str();
    if location.is_empty() {
        return Ok(None);
    }
    let location = match (location.strip_prefix("~/"), app.environment.home()) {
        (Some(rest), Some(home)) => home.join(rest).to_string_lossy().into_owned(),
        (Some(_) | None, _) => location.to_owned(),
    };
    Registry::open(&location, &app.data_dir).map(Some).map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        let why = if cause.is_empty() { error.to_string() } else { format!("{error}: {cause}") };
        let problem = Problem::new(Code::ConfigInvalid, format!("worker.registry: {why}")).with("why", why);
        problem.hint("correct worker.registry in the config, or leave it out").into()
    })
}

/// The roots of the configuration, as paths.
fn roots(app: &App) -> Vec<String> {
    let home = app.environment.home().unwrap_or_else(|| Path::new("/"));
    let roots = app.config.server.roots.iter().map(|root| super::serve::resolve_root(root, home));
    roots.map(|root| root.display().to_string()).collect()
}

/// The server that it dials: a flag, `CONVENE_URL`, the config, else the local socket.
fn server(app: &App) -> Result<ServerAddr, Failure> {
    let configured = Some(app.config.client.url.as_str()).filter(|url| !url.is_empty());
    let Some(url) = app.globals.server.as_deref().or_else(|| app.environment.get("CONVENE_URL")).or(configured) else {
        return Ok(ServerAddr::Unix(app.data_dir.join(SOCKET)));
    };
    match url.strip_prefix("unix:") {
        Some(path) => Ok(ServerAddr::Unix(path.trim_start_matches("//").into())),
        None if url.starts_with("http://") => Ok(ServerAddr::Http(url.to_owned())),
        None => Err(Problem::new(
            Code::InvalidRequest,
            format!("{:?} is not an address of a server", config::without_password(url)),
        )
        .hint("an example: --server http://127.0.0.1:4747")
        .into()),
    }
}

fn token(app: &App, args: &WorkerArgs) -> Result<String, Failure> {
    let unreadable = |from: String| {
        move |error: std::io::Error| {
            Failure::new(Code::AuthRequired, format!("cannot read the token from {from}: {error}"))
        }
    };
    if let Some(fd) = args.token_fd {
        let text = std::fs::read_to_string(format!("/dev/fd/{fd}")).map_err(unreadable(format!("descriptor {fd}")))?;
        return Ok(text.trim().to_owned());
    }
    if let Some(token) = &args.token {
        app.out.warn("token_in_argv", "every user of this machine can read the arguments of a process; CONVENE_TOKEN or --token-fd keep the token out of them");
        return Ok(token.clone());
    }
    if let Some(file) = &app.globals.token_file {
        let text = std::fs::read_to_string(file).map_err(unreadable(file.display().to_string()))?;
        return Ok(text.trim().to_owned());
    }
    match app.environment.get("CONVENE_TOKEN") {
        Some(token) => Ok(token.to_owned()),
        None => Err(Problem::new(Code::AuthRequired, "a worker needs a token")
            .hint("make one on the server: convene token create --scope worker; then set CONVENE_TOKEN")
            .into()),
    }
}

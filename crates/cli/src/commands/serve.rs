//! `convene serve`: the server in the foreground.

use std::{
    future::Future,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use convene_api::{
    exit,
    problem::{Code, Problem},
};
use convene_server::{Rates, Retention, ServeConfig, ServerInfo};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    args::TEMPLATE,
    config::{Config, LogFormat},
    connect, dashboard,
    failure::{Failure, Outcome},
    logging, roles,
};

const EXAMPLES: &str = "\
Examples:
  convene serve
  convene serve --bind 127.0.0.1:0 --open
  convene serve --data-dir /srv/convene --log-format json";

/// Run the server in the foreground
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct ServeArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub bind: Option<String>,
    /// Open the dashboard
    #[arg(long)]
    pub open: bool,
    /// A proxy with TLS stands before an address that is open to the network
    #[arg(long)]
    pub trust_proxy: bool,
    /// Without a worker: sessions wait until one connects
    #[arg(long)]
    pub no_worker: bool,
    /// Leave the terminal: what `run` starts
    #[arg(long, hide = true)]
    pub detached: bool,
}

/// Runs it until SIGINT, SIGTERM, or `convene shutdown`.
pub fn run(app: &App, args: ServeArgs) -> Outcome {
    if args.detached {
        // Fails for a group leader, which has left its terminal already.
        let _ = rustix::process::setsid();
    }
    logging::begin(app.config.server.log_format, &app.config.server.log_level);
    let mut config = config(app, &args)?;
    let shutdown = CancellationToken::new();
    config.shutdown = shutdown.clone();
    let worker = (!args.no_worker).then(|| super::worker::setup(app)).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Code::Internal, format!("the system gives no event loop: {e}")))?;
    runtime.block_on(async {
        let signals = until_signal(shutdown)?;
        let serving = roles::serve(config, worker, |info| told(app, &args, info));
        tokio::pin!(serving);
        let result = tokio::select! {
            result = &mut serving => result,
            () = signals => serving.await,
        };
        result.map_err(|error| Failure::from(error.problem()))
    })?;
    Ok(exit::DONE)
}

/// The server's configuration.
fn config(app: &App, args: &ServeArgs) -> Result<ServeConfig, Failure> {
    let home = app.environment.home().map_or_else(|| PathBuf::from("/"), Path::to_path_buf);
    let mut config = ServeConfig::new(app.data_dir.clone(), home.clone());
    let bind = args.bind.as_deref().unwrap_or(&app.config.server.bind);
    config.bind = bind.parse().map_err(|_| {
        Failure::from(
            Problem::new(Code::InvalidRequest, format!("{bind:?} is not an address with a port"))
                .hint("an example: --bind 127.0.0.1:4747"),
        )
    })?;
    // The defaults are resolved by the server; what a person wrote is resolved here.
    if app.config.server.roots != Config::default().server.roots {
        config.roots = app.config.server.roots.iter().map(|root| resolve_root(root, &home)).collect();
    }
    config.origins.clone_from(&app.config.server.origins);
    config.trust_proxy = args.trust_proxy || app.config.server.trust_proxy;
    let limits = &app.config.limits;
    config.rates = Rates { requests: limits.requests, failed_auth: limits.failed_auth };
    config.sessions_max = limits.sessions;
    config.prompt_max = limits.prompt;
    config.queue_max = limits.queue;
    config.memory_max = limits.memory as u64;
    config.inactivity_warn = seconds(limits.inactivity_warn);
    config.inactivity_timeout = seconds(limits.inactivity_timeout);
    config.hibernate_after = limits.hibernate_after;
    let retention = &app.config.retention;
    config.retention = (!retention.older_than.is_zero()).then(|| Retention {
        older_than: Some(retention.older_than),
        larger_than: Some(retention.larger_than as u64).filter(|bytes| *bytes > 0),
        keep: Some(retention.keep),
        archived_only: retention.archived_only,
    });
    config.ledger =
        Some(&app.config.ledger.dir).filter(|dir| !dir.is_empty()).map(|dir| resolve_root(dir, &config.home));
    config.ask_timeout = app.config.permissions.ask_timeout.map_or(0, |patience| patience.as_secs().max(1));
    config.default_agent.clone_from(&app.config.run.agent);
    config.agents = app.config.agents.keys().cloned().collect();
    if let Some(user) = app.environment.get("USER").filter(|user| !user.is_empty()) {
        user.clone_into(&mut config.owner);
    }
    env!("CARGO_PKG_VERSION").clone_into(&mut config.version);
    config.page = dashboard::files();
    config.shown = app.shown_config();
    if let Some(bind) = &args.bind {
        let item = config.shown.items.iter_mut().find(|item| item.key == "server.bind");
        if let Some(item) = item {
            (item.value, item.origin) = (bind.as_str().into(), "flag".to_owned());
            item.source = Some("--bind".to_owned());
        }
    }
    Ok(config)
}

/// Whole seconds, and of what is less than one, one: 0 means never.
fn seconds(duration: Duration) -> u64 {
    if duration.is_zero() { 0 } else { duration.as_secs().max(1) }
}

/// A root as the configuration writes it, as a path.
pub fn resolve_root(root: &str, home: &Path) -> PathBuf {
    match root.strip_prefix('~') {
        Some(rest) => home.join(rest.trim_start_matches('/')),
        None if root == "$TMPDIR" => std::env::temp_dir(),
        None => PathBuf::from(root),
    }
}

/// Says where the server listens, for people or for programs.
fn told(app: &App, args: &ServeArgs, info: &ServerInfo) {
    let said = match app.config.server.log_format {
        LogFormat::Json => app.out.json(&serde_json::json!({ "listening": info.url(), "open": info.login_url() })),
        LogFormat::Text => app
            .out
            .line(&format!("listening on {}", info.url()))
            .and_then(|()| app.out.line(&format!("open {}  (works once, 10 min)", info.login_url()))),
    };
    if said.is_err() {
        tracing::warn!("nobody reads standard output; the server goes on");
    }
    if let Err(error) = connect::remember_address(&app.data_dir, &info.url()) {
        tracing::warn!(error = %error, "`convene open` will not find the address");
    }
    if args.open {
        super::open::in_browser(app, &info.login_url());
    }
}

/// Ends the server in order at the first SIGINT or SIGTERM; SIGHUP is a closed terminal and ends it too.
fn until_signal(shutdown: CancellationToken) -> Result<impl Future<Output = ()>, Failure> {
    let on = |kind| signal(kind).map_err(|e| Failure::new(Code::Internal, format!("signals cannot be caught: {e}")));
    let (mut interrupt, mut terminate, mut hangup) =
        (on(SignalKind::interrupt())?, on(SignalKind::terminate())?, on(SignalKind::hangup())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        shutdown.cancel();
    })
}

//! Starts a server, runs it, and ends it: lock, store, engine, reconcilers, listeners; the other way round at the end.

use std::{path::Path, sync::Arc, time::Duration};

use convene_engine::{Clock as _, Env, Running, SystemClock, reconcile, storage::SqliteStore};
use tokio::{
    sync::{oneshot, watch},
    task::JoinSet,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    announced::Announcements,
    app::{App, Engine, LinksUp, Shared},
    audit::Audit,
    auth::{self, Keys, LoggedOut, LoginLinks, Origins, Usage},
    config::{ServeConfig, ServerInfo},
    connections,
    error::ServeError,
    ledger, listen, lock,
    metrics::Metrics,
    page::Page,
    rate::Limiter,
    removals::Removals,
    retention, routes,
    stream::{self, Texts, cast::Hall},
    uplink::Asks,
};

/// How long connections and tasks may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// Runs a server until `config.shutdown` is cancelled; `ready` is called when both listeners accept.
///
/// # Errors
/// If it cannot be started, or a listener ends by itself.
pub async fn serve(config: ServeConfig, ready: impl FnOnce(ServerInfo)) -> Result<(), ServeError> {
    // An address that the network reaches wants a proxy that is trusted.
    if !config.bind.ip().is_loopback() && !config.trust_proxy {
        return Err(ServeError::BindRefused { addr: config.bind });
    }
    let dir = config.data_dir.clone();
    let lock = blocking(move || lock::take(&dir)).await?;
    let (tcp, addr) = listen::tcp(config.bind).await?;
    let dir = config.data_dir.clone();
    let (engine, running, keys, audit, findings) = blocking(move || open(&dir)).await?;
    let dir = config.data_dir.clone();
    let announced = blocking(move || Ok(Announcements::open(&dir))).await?;
    let (dir, now) = (config.data_dir.clone(), engine.now());
    let logged_out = blocking(move || LoggedOut::open(&dir, now).map_err(ServeError::files(&dir.join("auth")))).await?;
    for (session, why) in &running.quarantined {
        tracing::error!(session.id = %session, why, "a session's log is damaged; the others go on");
    }
    let socket = config.data_dir.join("server.sock");
    let unix = listen::unix(&socket)?;
    let links = LoginLinks::default();
    let (login_token, _) = links.make(engine.now()).map_err(ServeError::files(&socket))?;
    let info = ServerInfo {
        addr,
        socket: socket.clone(),
        token_file: keys.owner_file.clone(),
        login_token,
        worker_token: keys.worker_token(),
        epoch: engine.shared().epoch,
    };
    let shutdown = config.shutdown.clone();
    let closing = CancellationToken::new();
    let sockets = TaskTracker::new();
    engine.shared().limit_live(config.sessions_max);
    engine.shared().limit_queue(config.queue_max);
    let app = App::new(Shared {
        started_at: engine.now(),
        origins: Origins::new(addr.ip(), &config.origins, config.trust_proxy),
        limiter: Limiter::new(config.rates),
        audit,
        logged_out,
        usage: Usage::default(),
        tokens_changed: watch::Sender::new(()),
        cookie: format!("convene_{}", addr.port()),
        page: Page::new(config.page),
        texts: Texts::default(),
        hall: Hall::default(),
        closing: closing.clone(),
        sockets: sockets.clone(),
        links_up: LinksUp::default(),
        doctor: tokio::sync::Mutex::default(),
        metrics: Metrics::default(),
        asks: Asks::default(),
        announced: Arc::new(announced),
        removals: Removals::new(&config.data_dir),
        pruning: tokio::sync::Mutex::default(),
        workers_changed: watch::Sender::new(()),
        engine: engine.clone(),
        config,
        keys,
        links,
    });
    // Reconcilers and listeners; whichever ends first ends the server.
    let mut tasks = JoinSet::new();
    let (dispatching, timing) = (closing.clone(), closing.clone());
    let (for_dispatch, for_timers) = (engine.clone(), engine.clone());
    tasks.spawn(async move {
        reconcile::dispatch(for_dispatch, dispatching).await;
        Ok(())
    });
    tasks.spawn(async move {
        reconcile::timers(for_timers, timing).await;
        Ok(())
    });
    let (for_room, looking) = (engine.clone(), closing.clone());
    tasks.spawn(async move {
        reconcile::room(for_room, looking).await;
        Ok(())
    });
    let (for_memory, freeing, memory_max) = (engine.clone(), closing.clone(), app.config.memory_max);
    tasks.spawn(async move {
        reconcile::memory(for_memory, memory_max, freeing).await;
        Ok(())
    });
    let (for_sleep, sleeping, after) = (app.engine.clone(), closing.clone(), app.config.hibernate_after);
    tasks.spawn(async move {
        reconcile::sleep(for_sleep, after, sleeping).await;
        Ok(())
    });
    let (for_order, ordering) = (app.clone(), closing.clone());
    tasks.spawn(async move {
        retention::keep(for_order, ordering).await;
        Ok(())
    });
    let (for_ledgers, writing) = (app.clone(), closing.clone());
    tasks.spawn(async move {
        ledger::keep(for_ledgers, writing).await;
        Ok(())
    });
    let looking_at_store = closing.clone();
    tasks.spawn(async move {
        // A store of which something is found while it is used is used no further.
        tokio::select! {
            () = looking_at_store.cancelled() => Ok(()),
            error = found(findings) => Err(ServeError::Store(Arc::new(error))),
        }
    });
    let for_usage = app.clone();
    tasks.spawn(async move {
        auth::keep_usage(for_usage).await;
        Ok(())
    });
    let (for_casting, casting) = (app.clone(), closing.clone());
    tasks.spawn(async move {
        stream::cast::run(for_casting, casting).await;
        Ok(())
    });
    let (routes, until) = (routes::service(app), closing.clone());
    let (for_unix, until_unix) = (routes.clone(), closing.clone());
    tasks.spawn(async move {
        connections::accept(tcp, routes, until).await;
        Ok(())
    });
    tasks.spawn(async move {
        connections::accept(unix, for_unix, until_unix).await;
        Ok(())
    });
    drop(engine);
    tracing::info!(addr = %info.addr, socket = %info.socket.display(), "serving");
    ready(info);
    let result = tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        Some(ended) = tasks.join_next() => early(ended),
    };
    closing.cancel();
    sockets.close();
    drain(tasks, sockets).await;
    join(running).await;
    // The lock is still held, so it is ours.
    if let Err(error) = std::fs::remove_file(&socket) {
        tracing::debug!(error = %error, "the socket is gone already");
    }
    drop(lock);
    result
}

/// The first finding. Nothing waits for the thread that listens: it ends with the store.
async fn found(findings: Findings) -> convene_engine::storage::Error {
    let (tell, told) = oneshot::channel();
    let listen = move || {
        if let Some(error) = findings.and_then(|findings| findings.recv().ok()) {
            // Whoever asked may be gone.
            drop(tell.send(error));
        }
    };
    let listening = std::thread::Builder::new().name("findings".to_owned()).spawn(listen);
    match (listening, told.await) {
        (Ok(_), Ok(error)) => error,
        (Ok(_) | Err(_), _) => std::future::pending().await,
    }
}

/// What is found in the store while it is used already.
type Findings = Option<std::sync::mpsc::Receiver<convene_engine::storage::Error>>;

/// Opens what needs the disk.
fn open(dir: &Path) -> Result<(Engine, Running, Keys, Audit, Findings), ServeError> {
    let keys = Keys::open(dir)?;
    let audit = Audit::open(dir)?;
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).map_err(|error| ServeError::files(dir)(std::io::Error::other(error.to_string())))?;
    let mut store =
        SqliteStore::open(dir, SystemClock.now(), epoch(seed)).map_err(|error| ServeError::Store(Arc::new(error)))?;
    let findings = store.findings();
    let (engine, running) = Engine::start(store, Env::system()).map_err(ServeError::Engine)?;
    Ok((engine, running, keys, audit, findings))
}

/// The epoch of a new log: 53 bits, because JavaScript reads it as a number.
pub(crate) const fn epoch(seed: [u8; 8]) -> u64 {
    u64::from_le_bytes(seed) >> 11
}

/// A task ended before its time.
fn early(ended: Result<Result<(), ServeError>, tokio::task::JoinError>) -> Result<(), ServeError> {
    match ended {
        Ok(Ok(())) => Err(ServeError::Listener(std::io::Error::other("it ended by itself"))),
        Ok(Err(error)) => Err(error),
        Err(error) => Err(ServeError::Listener(std::io::Error::other(error))),
    }
}

/// Waits for requests, sockets and reconcilers, for as long as the grace lasts.
async fn drain(mut tasks: JoinSet<Result<(), ServeError>>, sockets: TaskTracker) {
    let all = async {
        while tasks.join_next().await.is_some() {}
        sockets.wait().await;
    };
    if timeout(GRACE, all).await.is_err() {
        tracing::warn!("connections were still open after the grace and are cut");
        tasks.shutdown().await;
    }
}

/// Waits until everything that was submitted is committed. The last handles are gone by now, unless a connection was
/// cut; then the thread ends with the process, and what was not answered was not promised.
async fn join(running: Running) {
    let (done, joined) = oneshot::channel();
    let waiting = std::thread::Builder::new().name("joining".to_owned()).spawn(move || {
        running.join();
        // Whoever waited may have lost patience.
        let _ = done.send(());
    });
    if waiting.is_err() || timeout(GRACE / 4, joined).await.is_err() {
        tracing::warn!("the engine is still in use and is left to the end of the process");
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ServeError> + Send + 'static,
) -> Result<T, ServeError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(ServeError::Listener(std::io::Error::other(error))),
    }
}

//! A server in a directory of its own, and peers that speak its uplinks over real sockets, in this process.

// Each test file is a crate of its own and uses a part of this.
#![expect(dead_code, reason = "every test file uses another part")]

pub mod damage;
pub mod http;
pub mod play;
pub mod runner;
pub mod socket;
pub mod worker;

use std::{path::PathBuf, time::Duration};

use convene_api::client::{Client, Endpoint};
use convene_server::{ServeConfig, ServeError, ServerInfo, serve};
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// How long anything in a test may take; nothing is expected to come near it.
pub const SOON: Duration = Duration::from_secs(20);

/// A server that runs in this process.
pub struct Server {
    pub info: ServerInfo,
    pub dir: PathBuf,
    pub token: String,
    shutdown: CancellationToken,
    running: Option<JoinHandle<Result<(), ServeError>>>,
    home: Option<tempfile::TempDir>,
}

/// A config for tests: a free port, and the test's directory as home.
pub fn config(home: &std::path::Path) -> ServeConfig {
    let mut config = ServeConfig::new(home.join("data"), home.to_owned());
    config.bind = ([127, 0, 0, 1], 0).into();
    config.roots = vec![home.to_owned()];
    config.owner = "robin".to_owned();
    config
}

/// Starts a server and waits until it is ready.
pub async fn start() -> Server {
    start_with(|_| {}).await
}

/// Starts a server with another config.
pub async fn start_with(change: impl FnOnce(&mut ServeConfig)) -> Server {
    let home = tempfile::tempdir().unwrap();
    let mut config = config(home.path());
    change(&mut config);
    let mut server = start_in(config).await.unwrap();
    server.home = Some(home);
    server
}

/// Starts a server with exactly this config.
#[expect(clippy::disallowed_methods, reason = "the test joins it in `stop`")]
pub async fn start_in(config: ServeConfig) -> Result<Server, ServeError> {
    let (tell, told) = oneshot::channel();
    let (dir, shutdown) = (config.data_dir.clone(), config.shutdown.clone());
    let mut running = tokio::spawn(serve(config, move |info| drop(tell.send(info))));
    // A server that does not start drops its end.
    let Ok(info) = told.await else { return Err((&mut running).await.unwrap().unwrap_err()) };
    let token = std::fs::read_to_string(&info.token_file).unwrap().trim().to_owned();
    Ok(Server { info, dir, token, shutdown, running: Some(running), home: None })
}

impl Server {
    pub fn endpoint(&self) -> Endpoint {
        self.info.url().parse().unwrap()
    }

    /// A client with the owner's token.
    pub fn client(&self) -> Client {
        Client::new(self.endpoint(), Some(self.token.clone()))
    }

    /// The directory that sessions work in.
    pub fn home(&self) -> String {
        self.dir.parent().unwrap().canonicalize().unwrap().display().to_string()
    }

    /// Ends the server; the test's directory stays until it is dropped.
    pub async fn stop(mut self) -> Option<tempfile::TempDir> {
        self.shutdown.cancel();
        let running = self.running.take().unwrap();
        timeout(SOON, running).await.expect("it ends in time").unwrap().expect("it ends well");
        assert!(!self.info.socket.exists(), "its socket is gone");
        self.home.take()
    }

    /// Waits for the end of a server that was told to end.
    pub async fn ended(mut self) {
        let running = self.running.take().unwrap();
        timeout(SOON, running).await.expect("it ends in time").unwrap().expect("it ends well");
    }
}

/// Waits until a value is as wanted; asks again at once, and yields in between.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(value) = ask().await {
                return value;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, found).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

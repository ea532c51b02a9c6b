//! A machine with a worker, the server that it dials, and the runner that it launches.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use convene_api::uplink::{StartAttempt, WorkerDown, WorkerHello, WorkerUp};
use convene_core::ids::{InstanceId, SessionId, ThreadId, WorkerName};
use convene_host::{
    detect::{Agents, CustomAgent},
    keeper::{KeeperOptions, keeper_main},
    launch_spec::{RunnerConfig, ServerAddr, TreeMax},
    marker,
    rundir::RunDir,
    spool::Spool,
    worker::{self, WorkerConfig},
};
use futures_util::{SinkExt as _, StreamExt as _};
use tempfile::TempDir;
use tokio::{
    net::{UnixListener, UnixStream},
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_secs(20);

/// The runner of these tests: says that it is there, spools as many events as its agent's environment says, and stays
/// until it is killed, or goes.
pub fn runner_main(dir: &str) -> ExitCode {
    let side = keeper_main(Path::new(dir), &KeeperOptions::default()).expect("a keeper");
    let config: RunnerConfig = serde_json::from_slice(&side.take_config().expect("a configuration")).expect("JSON");
    let setting = |name: &str| config.agent.env.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
    let events: u64 = setting("EVENTS").expect("a number").parse().expect("a number");
    let mut spool = Spool::open(&side.run_dir().spool_path()).expect("a spool");
    let texts: Vec<String> = (0..events).map(|n| format!(r#"{{"n":{n}}}"#)).collect();
    spool.append(texts.iter().map(String::as_str)).expect("room on the disk");
    let mut diary = std::fs::OpenOptions::new().create(true).append(true).open(setting("DIARY").expect("a path"));
    writeln!(diary.as_mut().expect("a diary"), "{}", config.token).expect("room on the disk");
    if setting("STAYS").is_some() {
        loop {
            std::thread::park();
        }
    }
    ExitCode::SUCCESS
}

pub struct Machine {
    dir: TempDir,
    listener: UnixListener,
    /// None or one.
    worker: JoinSet<Result<(), worker::Error>>,
    cancel: CancellationToken,
}

impl Machine {
    /// A machine with a worker that has begun to dial.
    pub fn start() -> Machine {
        let dir = TempDir::with_prefix("convene-worker-").expect("a directory");
        let listener = UnixListener::bind(dir.path().join("server.sock")).expect("a socket");
        let mut machine = Machine { dir, listener, worker: JoinSet::new(), cancel: CancellationToken::new() };
        machine.start_worker();
        machine
    }

    pub fn start_worker(&mut self) {
        self.cancel = CancellationToken::new();
        self.worker.spawn(worker::run(self.config(), self.cancel.clone()));
    }

    /// Lets the worker go, as a restart would.
    pub async fn stop_worker(&mut self) {
        self.cancel.cancel();
        self.worker.join_next().await.expect("a worker").expect("no panic").expect("no error");
    }

    /// How the worker ended by itself.
    pub async fn worker_ended(&mut self) -> worker::Error {
        let ended = timeout(DEADLINE, self.worker.join_next()).await.expect("an end");
        ended.expect("a worker").expect("no panic").expect_err("an error")
    }

    fn config(&self) -> WorkerConfig {
        let agent = |settings: &[(&str, &str)]| {
            let diary = [("DIARY".to_owned(), self.path("diary").display().to_string())];
            let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            CustomAgent { command: vec!["/bin/true".to_owned()], env: settings.chain(diary).collect() }
        };
        let missing = CustomAgent { command: vec!["/no/such/agent".to_owned()], env: BTreeMap::new() };
        let custom = [
            ("stays", agent(&[("EVENTS", "3"), ("STAYS", "yes")])),
            ("leaves", agent(&[("EVENTS", "1300")])),
            ("keyless", agent(&[("EVENTS", "0"), ("KEY", "env:CONVENE_TEST_NOT_SET")])),
            ("missing", missing),
        ];
        WorkerConfig {
            name: WorkerName::new("here"),
            instance: InstanceId::new(uuid::Uuid::now_v7()),
            seats: 4,
            labels: BTreeMap::new(),
            roots: Vec::new(),
            run_root: self.path("run"),
            worktree_root: self.path("worktrees"),
            server: ServerAddr::Unix(self.path("server.sock")),
            token: "a-workers-token".to_owned(),
            agents: Agents::new(
                std::env::current_exe().expect("a path"),
                custom.map(|(name, agent)| (name.to_owned(), agent)).into(),
            )
            .downloads(false),
            start_timeout_ms: 1000,
            sign_in_timeout_ms: 1000,
            line_max: 1 << 20,
            tree_max: TreeMax::default(),
            version: "0".to_owned(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// One line for each runner that was launched here.
    pub fn launches(&self) -> usize {
        std::fs::read_to_string(self.path("diary")).unwrap_or_default().lines().count()
    }

    pub fn order(&self, agent: &str) -> StartAttempt {
        let session = SessionId::new(uuid::Uuid::now_v7());
        StartAttempt {
            session,
            thread: ThreadId::new(session.uuid()),
            attempt: 1,
            agent: agent.to_owned(),
            cwd: self.dir.path().display().to_string(),
            worktree: None,
            workspace: None,
            token: "an-attempts-token".to_owned(),
        }
    }

    pub fn run_dir(&self, start: &StartAttempt) -> PathBuf {
        self.path("run").join(start.session.to_string()).join("1")
    }

    /// The next link of the worker, up to its hello.
    pub async fn dialed(&self) -> (Link, WorkerHello) {
        let accepted = timeout(DEADLINE, self.listener.accept()).await.expect("the worker dials").expect("a link");
        let socket = tokio_tungstenite::accept_async(accepted.0).await.expect("a WebSocket");
        let mut link = Link { socket };
        match link.next().await {
            WorkerUp::Hello(hello) => (link, hello),
            other => panic!("no hello: {other:?}"),
        }
    }

    /// The next link, welcomed.
    pub async fn linked(&self) -> (Link, WorkerHello) {
        let (mut link, hello) = self.dialed().await;
        link.say(WorkerDown::Welcome { protocol: 1 }).await;
        (link, hello)
    }
}

impl Drop for Machine {
    /// A failed test must not leave its attempts behind either.
    fn drop(&mut self) {
        self.worker.abort_all();
        for run_dir in RunDir::scan(&self.path("run")).unwrap_or_default() {
            if let Ok(Some(record)) = run_dir.attempt_record() {
                let _ = record.keeper.map(|keeper| keeper.signal(rustix::process::Signal::KILL));
            }
            let _ = convene_host::death::bury(&run_dir);
            let left = marker::marked_processes(run_dir.session(), run_dir.attempt()).unwrap_or_default();
            assert!(left.is_empty() || std::thread::panicking(), "left behind: {left:?}");
        }
    }
}

/// The server's end of a link.
pub struct Link {
    socket: WebSocketStream<UnixStream>,
}

impl Link {
    pub async fn say(&mut self, frame: WorkerDown) {
        let text = serde_json::to_string(&frame).expect("plain data");
        self.socket.send(Message::text(text)).await.expect("the link is up");
    }

    /// The next frame that is not about the agents of the machine.
    pub async fn next(&mut self) -> WorkerUp {
        loop {
            let message = timeout(DEADLINE, self.socket.next()).await.expect("a frame in time");
            let Message::Text(text) = message.expect("the link is up").expect("a frame") else { continue };
            match serde_json::from_str(&text).expect("a frame of the protocol") {
                WorkerUp::Agents { .. } | WorkerUp::Memory { .. } => {}
                frame => return frame,
            }
        }
    }
}

pub async fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < end, "timed out: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

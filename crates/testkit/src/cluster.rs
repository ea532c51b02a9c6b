//! Runs the product as its users do: real processes of the one binary in a hermetic home, killed and restarted by role.
//!
//! A test makes a [`Cluster`], talks to it through the typed client, watches it with [`Recorder`]s, and ends it with
//! [`Cluster::end`]. Whatever a test does, nothing is left behind: a process that outlives its cluster fails the test,
//! and is killed all the same. Linux only, because the proof reads `/proc`.

mod binaries;
mod builder;
mod home;
mod http;
mod log;
mod process;
mod recorder;
mod sse;
mod table;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use convene_api::{
    body::{CreateSession, CreateToken, CreatedSession, PromptInput, SendPrompt, Shutdown, StopSession},
    client::{Client, CommandKey, Endpoint, SessionsQuery},
};
use convene_core::{
    event::{EventBody, KnownEvent, StopMode},
    ids::SessionId,
    view::SessionView,
};
use rustix::process::Signal;
use tokio::time::Instant;

pub use builder::Builder;
pub use home::Home;
pub use http::Answer;
pub use log::Log;
pub(crate) use log::{answer_text, same};
pub use process::Running;
pub use recorder::{Recorder, Seen, SeenEvent, Topic};
pub use table::Process;

/// How long a condition may take to come true; far more than it needs on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often a condition that nobody announces is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// A process by its part in the play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `convene serve`.
    Server,
    /// `convene worker`, where it is a process of its own.
    Worker,
    /// The keeper of a session's attempt.
    Keeper,
    /// The runner of a session's attempt.
    Runner,
    /// The agent of a session.
    Agent,
}

/// A running product, to be ended by [`Cluster::end`].
#[must_use]
pub struct Cluster {
    home: Home,
    binary: PathBuf,
    port: u16,
    worker_apart: bool,
    environment: Vec<(String, String)>,
    descriptors: Option<u64>,
    server: Option<Running>,
    worker: Option<Running>,
    ended: bool,
}

/// The processes of a session's attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tree {
    /// Its keeper.
    pub keeper: i32,
    /// Its runner.
    pub runner: i32,
    /// Its agent.
    pub agent: i32,
}

impl Cluster {
    /// The home of everything.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Where the server listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts the server where the last one was and waits until it is ready.
    pub async fn start_server(&mut self) -> Result<()> {
        self.launch_server()?;
        let server = self.server.as_mut().context("no server")?;
        if let Err(error) = server.wait_for_line("listening on ", PATIENCE).await {
            self.server = None;
            return Err(error);
        }
        self.client()?.ready().await.context("the server says that it listens and is not ready")?;
        Ok(())
    }

    /// Starts the server where the last one was, and waits for nothing.
    pub fn launch_server(&mut self) -> Result<()> {
        ensure!(self.server.is_none(), "the server runs already");
        let bind = format!("127.0.0.1:{}", self.port);
        let mut args = vec!["serve", "--bind", &bind];
        if self.worker_apart {
            args.push("--no-worker");
        }
        self.server = Some(self.spawn("server", &args, &[])?);
        Ok(())
    }

    /// Starts the worker as a process of its own, with a token of a worker.
    pub async fn start_worker(&mut self) -> Result<()> {
        ensure!(self.worker.is_none(), "the worker runs already");
        let token = self.worker_token().await?;
        let url = self.url();
        let worker = self.spawn("worker", &["worker", "--server", &url], &[("CONVENE_TOKEN", &token)])?;
        self.worker = Some(worker);
        Ok(())
    }

    /// A token of a worker; the same one over restarts, because the server may be down when the worker starts.
    async fn worker_token(&self) -> Result<String> {
        let path = self.home.root().join("worker-token");
        if let Ok(token) = std::fs::read_to_string(&path) {
            return Ok(token);
        }
        let body = CreateToken { name: "worker".to_owned(), scope: Some("worker".to_owned()), expires_in: None };
        let created = self.client()?.create_token(&body, &CommandKey::fresh()).await?;
        std::fs::write(&path, &created.secret)?;
        Ok(created.secret)
    }

    /// Waits until a worker is connected.
    pub async fn worker_connected(&self) -> Result<()> {
        let client = self.client()?;
        wait_until("a worker is connected", PATIENCE, async || {
            Ok(client.workers().await?.items.iter().any(|w| w.connected))
        })
        .await
    }

    /// Starts the binary with these arguments in this home; its output goes to a file there.
    pub fn spawn(&self, name: &str, args: &[&str], env: &[(&str, &str)]) -> Result<Running> {
        let given = self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let env: Vec<(&str, &str)> = given.chain(env.iter().copied()).collect();
        let Some(most) = self.descriptors else { return Running::spawn(&self.home, &self.binary, name, args, &env) };
        let script = format!("ulimit -n {most}; exec \"$0\" \"$@\"");
        let binary = self.binary.to_string_lossy();
        let args: Vec<&str> = ["-c", &script, &*binary].into_iter().chain(args.iter().copied()).collect();
        Running::spawn(&self.home, Path::new("/bin/sh"), name, &args, &env)
    }

    /// Starts another program in this home.
    pub fn spawn_other(&self, program: &str, name: &str, args: &[&str]) -> Result<Running> {
        Running::spawn(&self.home, Path::new(program), name, args, &[])
    }

    /// A command of the binary in this home, for the tests of the command line.
    pub fn command(&self, args: &[&str]) -> std::process::Command {
        self.home.command(&self.binary, args)
    }

    /// A client with the owner's token.
    pub fn client(&self) -> Result<Client> {
        let endpoint: Endpoint = self.url().parse()?;
        Ok(Client::new(endpoint, Some(self.home.owner_token()?)))
    }

    /// Sends one request by hand, with these headers alone.
    pub async fn http(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
        http::exchange(self.port, method, path, headers, body).await
    }

    /// Posts a body as the owner.
    pub async fn post(&self, path: &str, body: &[u8]) -> Result<Answer> {
        let token = format!("Bearer {}", self.home.owner_token()?);
        self.http("POST", path, &[("authorization", &token), ("content-type", "application/json")], body).await
    }

    /// Follows a topic from a cursor on and records everything.
    pub fn record(&self, topic: Topic, after: u64) -> Result<Recorder> {
        Ok(Recorder::start(self.port, self.home.owner_token()?, topic, after, None))
    }

    /// As [`Self::record`] of a session, but over server-sent events.
    pub fn record_by_sse(&self, session: SessionId, after: u64) -> Result<Recorder> {
        Ok(Recorder::start_sse(self.port, self.home.owner_token()?, session, after))
    }

    /// As [`Self::record`], but the connection breaks every few frames, by a seed.
    pub fn record_with_breaks(&self, topic: Topic, after: u64, seed: u64) -> Result<Recorder> {
        Ok(Recorder::start(self.port, self.home.owner_token()?, topic, after, Some(seed)))
    }

    /// Subscribes to a topic and takes nothing of what comes, for as long as the answer lives.
    pub async fn record_without_reading(&self, topic: Topic, after: u64) -> Result<impl Sized + use<>> {
        recorder::open(self.port, &self.home.owner_token()?, topic, after, None).await
    }

    /// What a session of the agent is created with.
    pub fn session_of(&self, agent: &str, prompt: &str) -> CreateSession {
        CreateSession {
            agent: Some(agent.to_owned()),
            cwd: Some(self.home.work().to_string_lossy().into_owned()),
            prompt: (!prompt.is_empty()).then(|| PromptInput::Text(prompt.to_owned())),
            ..CreateSession::default()
        }
    }

    /// Creates a session of the agent `fake` with a prompt; none, if it is empty.
    pub async fn create(&self, prompt: &str) -> Result<CreatedSession> {
        let body = self.session_of("fake", prompt);
        Ok(self.client()?.create_session(&body, &CommandKey::fresh()).await?)
    }

    /// Sends a prompt.
    pub async fn prompt(&self, session: SessionId, text: &str) -> Result<convene_api::body::PromptAccepted> {
        let body = SendPrompt { content: PromptInput::Text(text.to_owned()), mode: Default::default() };
        Ok(self.client()?.prompt(session, &body, &CommandKey::fresh()).await?)
    }

    /// A session as it is now.
    pub async fn session(&self, session: SessionId) -> Result<SessionView> {
        Ok(self.client()?.session(&session.to_string()).await?)
    }

    /// Waits until a session is as it should be; looks again after each of its events.
    pub async fn wait_session(
        &self,
        session: SessionId,
        what: &str,
        is: impl Fn(&SessionView) -> bool,
    ) -> Result<SessionView> {
        let client = self.client()?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let view = client.session(&session.to_string()).await?;
            if is(&view) {
                return Ok(view);
            }
            let mut events = client.follow(session, view.seq);
            if tokio::time::timeout_at(deadline, events.next()).await.is_err() {
                bail!("{what}: not in {PATIENCE:?}; the session is {view:#?}");
            }
        }
    }

    /// Waits until a session is idle after its last turn.
    pub async fn wait_idle(&self, session: SessionId) -> Result<SessionView> {
        let idle = |s: &SessionView| s.state == "idle" && s.last_turn.is_some() && s.queue_length == 0;
        self.wait_session(session, "the session is idle", idle).await
    }

    /// The whole log of a session.
    pub async fn log(&self, session: SessionId) -> Result<Log> {
        Log::read(&self.client()?, session).await
    }

    /// The processes of a session's attempt, once its agent runs.
    pub async fn tree(&self, session: SessionId) -> Result<Tree> {
        let running = |s: &SessionView| s.attempt > 0 && s.agent_session_id.is_some();
        self.wait_session(session, "the agent runs", running).await?;
        self.tree_now(session).await?.context("the attempt has no tree")
    }

    /// The processes of a session's newest attempt; nothing if it has ended, or is not that far.
    pub async fn tree_now(&self, session: SessionId) -> Result<Option<Tree>> {
        let attempt = self.session(session).await?.attempt;
        let record =
            self.home.data().join("run").join(session.to_string()).join(attempt.to_string()).join("attempt.json");
        let Ok(text) = std::fs::read(&record) else { return Ok(None) };
        let record: serde_json::Value = serde_json::from_slice(&text)?;
        let pid = |role: &str| record[role]["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
        let (Some(keeper), Some(runner)) = (pid("keeper"), pid("runner")) else { return Ok(None) };
        let log = self.log(session).await?;
        let launched = log.events.iter().rev().filter(|event| event.data.attempt == Some(attempt));
        let mut agent = launched.filter_map(|event| match &event.data.body {
            EventBody::Known(KnownEvent::AgentLaunched { pid, .. }) => i32::try_from(*pid).ok(),
            EventBody::Known(_) | EventBody::Unknown(_) => None,
        });
        Ok(agent.next().map(|agent| Tree { keeper, runner, agent }))
    }

    /// Kills processes, one right after the other, by SIGKILL.
    pub fn kill(&mut self, roles: &[Role], tree: &Tree) -> Result<()> {
        for role in roles {
            let pid = match role {
                Role::Server => self.server.as_ref().context("no server")?.pid(),
                Role::Worker => self.worker.as_ref().context("no worker of its own")?.pid(),
                Role::Keeper => tree.keeper,
                Role::Runner => tree.runner,
                Role::Agent => tree.agent,
            };
            match table::kill(pid) {
                Ok(()) => {}
                // The death of the one before may have taken it along.
                Err(rustix::io::Errno::SRCH) => {}
                Err(error) => bail!("cannot kill the {role:?}: {error}"),
            }
        }
        for role in roles {
            match role {
                Role::Server => drop(self.server.take().map(Running::reap)),
                Role::Worker => drop(self.worker.take().map(Running::reap)),
                Role::Keeper | Role::Runner | Role::Agent => {}
            }
        }
        Ok(())
    }

    /// Kills the server.
    pub fn kill_server(&mut self) -> Result<()> {
        let nobody = Tree { keeper: 0, runner: 0, agent: 0 };
        self.kill(&[Role::Server], &nobody)
    }

    /// Kills the worker that is a process of its own.
    pub fn kill_worker(&mut self) -> Result<()> {
        let nobody = Tree { keeper: 0, runner: 0, agent: 0 };
        self.kill(&[Role::Worker], &nobody)
    }

    /// Starts the roles that a test killed and that do not come back by themselves.
    pub async fn restart(&mut self, roles: &[Role]) -> Result<()> {
        if roles.contains(&Role::Server) {
            self.start_server().await?;
        }
        if roles.contains(&Role::Worker) {
            self.start_worker().await?;
        }
        Ok(())
    }

    /// Whether a process is one of this cluster's: a number that was read a while ago may be somebody else's now.
    pub fn owns(&self, pid: i32) -> bool {
        table::names(pid, &self.home.name())
    }

    /// Keeps the home when the cluster has ended, and tells where it is.
    pub fn keep(&mut self) -> PathBuf {
        self.home.keep();
        self.home.root().to_owned()
    }

    /// The process id of the server.
    pub fn server_pid(&self) -> Option<i32> {
        self.server.as_ref().map(Running::pid)
    }

    /// The process id of the worker that is a process of its own.
    pub fn worker_pid(&self) -> Option<i32> {
        self.worker.as_ref().map(Running::pid)
    }

    /// The prompts that agents received, in their order.
    pub fn receipts(&self) -> Result<Vec<String>> {
        self.home.read_receipts()
    }

    /// Every process of attempts: keepers, runners, agents and what they started. A program that the worker only asks
    /// for its version, which it does now and then by itself, is none of them.
    pub fn attempt_processes(&self) -> Vec<Process> {
        self.processes().into_iter().filter(|p| !p.command.contains("--version")).collect()
    }

    /// Every process of this cluster but the server and the worker.
    fn processes(&self) -> Vec<Process> {
        let own: Vec<i32> = [&self.server, &self.worker].into_iter().flatten().map(Running::pid).collect();
        table::processes_naming(&self.home.name()).into_iter().filter(|p| !own.contains(&p.pid)).collect()
    }

    /// Waits until no process of any attempt is left.
    pub async fn attempts_gone(&self) -> Result<()> {
        let gone =
            wait_until("no process of an attempt is left", PATIENCE, async || Ok(self.attempt_processes().is_empty()))
                .await;
        gone.with_context(|| format!("left are {:#?}", self.attempt_processes()))
    }

    /// Stops every session without giving its agent time; the agents of these tests are deaf to all but SIGKILL.
    async fn stop_all_now(&self) -> Result<()> {
        let client = self.client()?;
        for session in client.sessions(&SessionsQuery::default()).await?.items {
            if session.state != "stopped" {
                let now = StopSession { mode: StopMode::Now, message: None };
                client.stop(session.id, &now, &CommandKey::fresh()).await?;
            }
        }
        Ok(())
    }

    /// Ends everything as a user would and proves that nothing is left.
    pub async fn end(mut self) -> Result<()> {
        let left = self.finish().await?;
        ensure!(left.is_empty(), "left are {left:#?}");
        Ok(())
    }

    /// Ends everything as a user would, and tells which processes are left.
    pub async fn finish(&mut self) -> Result<Vec<Process>> {
        if self.server.is_some() {
            self.stop_all_now().await?;
            let client = self.client()?;
            let end = Shutdown { stop_sessions: true, ..Shutdown::of(client.status().await?.epoch) };
            client.shutdown(&end, &CommandKey::fresh()).await?;
        }
        if let Some(server) = self.server.take() {
            let status = server.wait(PATIENCE).await.context("the server did not end")?;
            ensure!(status.success(), "the server ended with {status}");
        }
        if let Some(worker) = self.worker.take() {
            worker.terminate()?;
            worker.wait(PATIENCE).await.context("the worker did not end")?;
        }
        let gone = async || Ok(self.processes().is_empty());
        let left = match wait_until("no process is left", PATIENCE, gone).await {
            Ok(()) => Vec::new(),
            Err(_) => self.processes(),
        };
        self.ended = left.is_empty();
        Ok(left)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.server.take().map(Running::kill));
        drop(self.worker.take().map(Running::kill));
        let left = table::kill_naming(&self.home.name());
        // A test that did not come to its end fails with an error of its own, which says more.
        if !self.ended {
            self.home.print_logs();
        } else if !left.is_empty() && !std::thread::panicking() {
            panic!("the test left processes behind: {left:#?}");
        }
    }
}

/// Ends a process by SIGKILL.
///
/// # Errors
/// If it is gone.
pub fn kill(pid: i32) -> Result<()> {
    Ok(table::kill(pid)?)
}

/// Makes a process stand still.
///
/// # Errors
/// If it is gone.
pub fn freeze(pid: i32) -> Result<()> {
    Ok(table::signal(pid, Signal::STOP)?)
}

/// Lets a process go on that stood still.
///
/// # Errors
/// If it is gone.
pub fn thaw(pid: i32) -> Result<()> {
    Ok(table::signal(pid, Signal::CONT)?)
}

/// Waits until a condition that nobody announces is true.
///
/// # Errors
/// If it is not true in time, or cannot be found out.
pub async fn wait_until(what: &str, patience: Duration, mut is: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + patience;
    while !is().await? {
        if Instant::now() > deadline {
            bail!("{what}: not in {patience:?}");
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Waits until a file is there.
///
/// # Errors
/// If it does not come in time.
pub async fn wait_for_file(path: &Path, patience: Duration) -> Result<()> {
    wait_until(&format!("{} is there", path.display()), patience, async || Ok(path.exists())).await
}

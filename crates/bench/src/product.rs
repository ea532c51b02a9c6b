//! The product as it is measured: a server with its worker in a home of its own, driven through its doors.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use convene_testkit::cluster::{Builder, Cluster};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    Plan,
    http::{Connection, PATIENCE},
    process,
    viewer::Viewer,
};

/// How often a session is looked at that nobody watches.
const LOOK: Duration = Duration::from_millis(5);

/// A running server.
pub struct Product {
    runtime: Runtime,
    cluster: Option<Cluster>,
    binary: PathBuf,
    /// Where it listens.
    pub port: u16,
    /// The owner's token.
    pub token: String,
    /// Where sessions work.
    pub work: String,
    data: PathBuf,
}

impl Product {
    /// Starts one with its worker.
    pub fn start(plan: &Plan, build: impl FnOnce(Builder) -> Builder) -> Result<Self> {
        Self::begin(plan, build, true)
    }

    /// Starts one whose sessions wait: no worker comes by itself.
    pub fn without_worker(plan: &Plan, build: impl FnOnce(Builder) -> Builder) -> Result<Self> {
        Self::begin(plan, |builder| build(builder.worker_apart()), false)
    }

    fn begin(plan: &Plan, build: impl FnOnce(Builder) -> Builder, worker: bool) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let binary = plan.program("convene").canonicalize()?;
        let builder = build(Cluster::of(&binary));
        let cluster = runtime.block_on(async {
            let mut cluster = builder.prepare()?;
            cluster.start_server().await?;
            if worker {
                cluster.worker_connected().await?;
            }
            anyhow::Ok(cluster)
        })?;
        let port = cluster.url().rsplit(':').next().context("no port")?.parse()?;
        let token = cluster.home().owner_token()?;
        let work = cluster.home().work().to_string_lossy().into_owned();
        let data = cluster.home().data();
        Ok(Self { runtime, cluster: Some(cluster), binary, port, token, work, data })
    }

    /// Starts the worker and returns at once.
    pub fn start_worker(&mut self) -> Result<()> {
        let cluster = self.cluster.as_mut().context("it has ended")?;
        self.runtime.block_on(cluster.start_worker())
    }

    /// The server's process.
    pub fn server(&self) -> Result<i32> {
        self.cluster.as_ref().and_then(Cluster::server_pid).context("no server")
    }

    /// All our processes: the server, keepers and runners; not the agents.
    pub fn processes(&self) -> Result<Vec<i32>> {
        let mut pids = self.attempts();
        pids.push(self.server()?);
        Ok(pids)
    }

    /// Keepers and runners.
    pub fn attempts(&self) -> Vec<i32> {
        let all = self.cluster.as_ref().map(Cluster::attempt_processes).unwrap_or_default();
        all.iter().map(|process| process.pid).filter(|pid| process::runs(*pid, &self.binary)).collect()
    }

    /// A connection as the owner.
    pub fn connection(&self) -> Result<Connection> {
        Connection::open(self.port, &self.token)
    }

    /// A socket as the owner.
    pub fn viewer(&self) -> Result<Viewer> {
        Viewer::socket(self.port, "/v1/ws", &self.token)
    }

    /// What a session of the fake agent is created with.
    pub fn body(&self, prompt: &str) -> Value {
        json!({"agent": "fake", "cwd": self.work, "prompt": prompt})
    }

    /// Makes sessions with live agents that wait for a prompt; returns their ids.
    pub fn idle_sessions(&self, count: usize) -> Result<Vec<String>> {
        let mut connection = self.connection()?;
        let mut ids = Vec::with_capacity(count);
        for _ in 0..count {
            let answer = connection.must("POST", "/v1/sessions", &self.body("hello").to_string())?;
            let answer: Value = serde_json::from_str(&answer)?;
            ids.push(answer["session"]["id"].as_str().context("no id")?.to_owned());
        }
        for id in &ids {
            self.viewer()?.read_log(id, |text| !is_turn_end(text))?;
        }
        Ok(ids)
    }

    /// The worker's process, if it is one of its own.
    pub fn worker(&self) -> Option<i32> {
        self.cluster.as_ref()?.worker_pid()
    }

    /// Gives each of these sessions this prompt.
    pub fn prompt_all(&self, connection: &mut Connection, sessions: &[String], prompt: &str) -> Result<()> {
        let body = json!({"content": prompt}).to_string();
        for session in sessions {
            connection.must("POST", &format!("/v1/sessions/{session}/prompts"), &body)?;
        }
        Ok(())
    }

    /// Waits until none of these sessions has a turn running.
    pub fn wait_idle(&self, connection: &mut Connection, sessions: &[String]) -> Result<()> {
        sessions.iter().try_for_each(|session| self.wait_state(connection, session, "idle"))
    }

    /// Waits until a session is in this state.
    pub fn wait_state(&self, connection: &mut Connection, session: &str, state: &str) -> Result<()> {
        let (state, since) = (format!(r#""state":"{state}""#), Instant::now());
        while !connection.must("GET", &format!("/v1/sessions/{session}"), "")?.contains(&state) {
            ensure!(since.elapsed() < PATIENCE, "{session} is not in {state} after {PATIENCE:?}");
            std::thread::park_timeout(LOOK);
        }
        Ok(())
    }

    /// Kills the server.
    pub fn kill(&mut self) -> Result<()> {
        self.cluster.as_mut().context("it has ended")?.kill_server()
    }

    /// Starts the server again and waits for nothing.
    pub fn launch(&mut self) -> Result<()> {
        self.cluster.as_mut().context("it has ended")?.launch_server()
    }

    /// Where it keeps what outlives it.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Kills the server, so that what it has on disk can be looked at, and starts it again.
    pub fn look_at_data<T>(&mut self, look: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
        let cluster = self.cluster.as_mut().context("it has ended")?;
        cluster.kill_server()?;
        let seen = look(&self.data)?;
        self.runtime.block_on(cluster.start_server())?;
        Ok(seen)
    }

    /// Ends a server whose workers are gone: it would wait for them.
    pub fn abandon(mut self) -> Result<()> {
        if let Some(cluster) = self.cluster.as_mut() {
            cluster.kill_server()?;
        }
        self.end()
    }

    /// Ends it as a user would.
    pub fn end(mut self) -> Result<()> {
        let Some(cluster) = self.cluster.take() else { return Ok(()) };
        self.runtime.block_on(cluster.end())
    }
}

/// Whether a message tells the end of a turn.
pub fn is_turn_end(text: &str) -> bool {
    text.contains(r#""type":"turn_ended""#)
}

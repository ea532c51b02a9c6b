//! What the tests of the command line share: commands that run while the test does something, and the fake agent's words.

#![expect(dead_code, reason = "each test binary uses its part of it")]

use std::{
    io::{Read as _, Write as _},
    process::{Child, Output, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use convene_core::{ids::SessionId, view::SessionView};
use convene_testkit::{
    cluster::{Builder, Cluster, PATIENCE, wait_until},
    terminal::Terminal,
};
use serde_json::{Value, json};

/// A cluster of the binary under test.
pub fn cluster() -> Builder {
    Cluster::of(env!("CARGO_BIN_EXE_convene"))
}

/// A command that goes on while the test does something.
pub struct Running {
    pub child: Child,
}

impl Running {
    pub fn start(cluster: &Cluster, args: &[&str]) -> Result<Self> {
        Self::start_with(cluster, args, &[], Stdio::null())
    }

    pub fn start_with(cluster: &Cluster, args: &[&str], env: &[(&str, &str)], stdin: Stdio) -> Result<Self> {
        let mut command = cluster.command(args);
        command.envs(env.iter().copied()).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(Self { child: command.spawn()? })
    }

    /// Waits for its end; both outputs are read meanwhile.
    pub async fn end(mut self) -> Result<Output> {
        let stdout = self.child.stdout.take();
        let stderr = self.child.stderr.take();
        let reading = tokio::task::spawn_blocking(move || {
            let said = std::thread::spawn(move || {
                let mut bytes = Vec::new();
                stderr.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes)).map(|_| bytes)
            });
            let mut bytes = Vec::new();
            stdout.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes))?;
            Ok::<_, std::io::Error>((bytes, said.join().unwrap_or_else(|_| Ok(Vec::new()))?))
        });
        let (stdout, stderr) = tokio::time::timeout(PATIENCE, reading).await.context("it does not end")???;
        let status = self.child.wait()?;
        Ok(Output { status, stdout, stderr })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Said {
    /// It ended so and said this on stderr.
    pub fn is(&self, code: i32, part: &str) -> Result<()> {
        ensure!(self.code == Some(code) && self.stderr.contains(part), "wanted {code} and {part:?}: {self:?}");
        Ok(())
    }
}

/// Runs a command to its end.
pub async fn run(cluster: &Cluster, args: &[&str]) -> Result<Said> {
    Ok(Running::start(cluster, args)?.end().await?.into())
}

/// Runs a command with these bytes on standard input.
pub async fn run_with_input(cluster: &Cluster, args: &[&str], input: Vec<u8>) -> Result<Said> {
    let mut running = Running::start_with(cluster, args, &[], Stdio::piped())?;
    let mut stdin = running.child.stdin.take().context("no stdin")?;
    // A command that has seen enough closes the pipe.
    let writing = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let said = running.end().await?.into();
    drop(writing.join());
    Ok(said)
}

/// Starts a command in a terminal of 80 by 24.
pub fn terminal(cluster: &Cluster, args: &[&str]) -> Result<Terminal> {
    terminal_with(cluster, args, &[])
}

/// As [`terminal`], with these variables.
pub fn terminal_with(cluster: &Cluster, args: &[&str], env: &[(&str, &str)]) -> Result<Terminal> {
    let mut command = cluster.command(args);
    command.envs(env.iter().copied());
    Terminal::start(&command, 80, 24)
}

/// The arguments of a run of the fake agent.
pub fn run_args<'a>(prompt: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["run", "-a", "fake", "--no-autostart"];
    args.extend(more);
    args.push(prompt);
    args
}

/// The newest session, once there is one that is not among these.
pub async fn newest(cluster: &Cluster, known: &[SessionId]) -> Result<SessionId> {
    let client = cluster.client()?;
    let mut found = None;
    wait_until("there is a new session", PATIENCE, async || {
        let page = client.sessions(&Default::default()).await?;
        found = page.items.iter().map(|s| s.id).find(|id| !known.contains(id));
        Ok(found.is_some())
    })
    .await?;
    found.context("no session")
}

/// Waits until a session asks for permission.
pub async fn asks(cluster: &Cluster, id: SessionId) -> Result<SessionView> {
    cluster.wait_session(id, "it asks", |s| !s.pending_permissions.is_empty()).await
}

/// A word of the fake agent: it says a text, which may have line ends and controls.
pub fn says(text: &str) -> String {
    update(json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}}))
}

/// A word of the fake agent: any update.
pub fn update(update: Value) -> String {
    format!("UPDATE {update}")
}

/// A word of the fake agent: it asks to run a command, with options of these kinds.
pub fn asks_to_run(command: &str, kinds: &[&str]) -> String {
    let options: Vec<Value> =
        kinds.iter().map(|kind| json!({"optionId": kind, "name": format!("Option {kind}"), "kind": kind})).collect();
    let call = json!({
        "toolCallId": "asked-1", "title": "run it", "kind": "execute", "status": "pending",
        "rawInput": {"command": command},
    });
    format!("ASK {}", json!({"toolCall": call, "options": options}))
}

//! `convene run` and its neighbors while things die: what is on stdout is the whole answer or none, and the exit code
//! is what the log says.

use std::{
    io::Read as _,
    process::{Child, Output, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use convene_core::{ids::SessionId, view::SessionView};
use convene_testkit::cluster::{Builder, Cluster, PATIENCE, Role, Topic, wait_until};

fn cluster() -> Builder {
    Cluster::of(env!("CARGO_BIN_EXE_convene"))
}

/// A command of this home that goes on while the test does something.
struct Command {
    child: Child,
}

impl Command {
    fn start(cluster: &Cluster, args: &[&str]) -> Result<Self> {
        let mut command = cluster.command(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(Self { child: command.spawn()? })
    }

    /// Waits for its end; both outputs are read meanwhile.
    async fn end(mut self) -> Result<Output> {
        let mut stdout = self.child.stdout.take().context("no stdout")?;
        let mut stderr = self.child.stderr.take().context("no stderr")?;
        let reading = tokio::task::spawn_blocking(move || {
            let said = std::thread::spawn(move || {
                let mut bytes = Vec::new();
                stderr.read_to_end(&mut bytes).map(|_| bytes)
            });
            let mut bytes = Vec::new();
            stdout.read_to_end(&mut bytes)?;
            Ok::<_, std::io::Error>((bytes, said.join().unwrap_or_else(|_| Ok(Vec::new()))?))
        });
        let (stdout, stderr) = tokio::time::timeout(PATIENCE, reading).await.context("it does not end")???;
        let status = self.child.wait()?;
        Ok(Output { status, stdout, stderr })
    }
}

impl Drop for Command {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn run(cluster: &Cluster, args: &[&str]) -> Result<Output> {
    Command::start(cluster, args)?.end().await
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn words(count: usize) -> String {
    (1..=count).map(|n| format!("w{n} ")).collect()
}

/// The session that a command has made.
async fn newest(cluster: &Cluster) -> Result<SessionId> {
    let client = cluster.client()?;
    let mut found = None;
    wait_until("there is a session", PATIENCE, async || {
        found = client.sessions(&Default::default()).await?.items.first().map(|s| s.id);
        Ok(found.is_some())
    })
    .await?;
    found.context("no session")
}

#[tokio::test]
async fn a_run_goes_on_over_the_death_of_the_server() -> Result<()> {
    let mut cluster = cluster().start().await?;
    for json in [false, true] {
        let before = cluster.receipts()?.len();
        let prompt = format!("STREAM 300 5000 {json}");
        let mut args = vec!["run", "-a", "fake", "--no-autostart", &prompt];
        if json {
            args.push("--json");
        }
        let running = Command::start(&cluster, &args)?;
        wait_until("the agent has the prompt", PATIENCE, async || Ok(cluster.receipts()?.len() > before)).await?;
        let id = newest(&cluster).await?;
        let events = cluster.record(Topic::Session(id), 0)?;
        events.wait_text("w30 ").await?;
        cluster.kill_server()?;
        cluster.start_server().await?;
        let output = running.end().await?;
        ensure!(output.status.code() == Some(0), "it ended with {}: {}", output.status, text(&output.stderr));
        let stdout = text(&output.stdout);
        if json {
            // The stored events from the first to the last, each once.
            let log = cluster.log(id).await?;
            let seqs: Vec<u64> = stdout
                .lines()
                .map(|line| serde_json::from_str::<serde_json::Value>(line)?["seq"].as_u64().context("no seq"))
                .collect::<Result<_>>()?;
            ensure!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "the lines are {seqs:?}");
            let last = log.events.iter().find(|e| e.data.tag() == "turn_ended").context("no end")?.seq;
            ensure!(
                seqs.first() == Some(&1) && seqs.last() >= Some(&last),
                "the lines are {seqs:?}, the end is {last}"
            );
        } else {
            ensure!(stdout.trim_end() == words(300).trim_end(), "it printed {stdout:?}");
        }
    }
    cluster.end().await
}

#[tokio::test]
async fn a_run_whose_agent_dies_says_so() -> Result<()> {
    let mut cluster = cluster().start().await?;
    for (n, victim) in [Role::Agent, Role::Runner].into_iter().enumerate() {
        let running = Command::start(&cluster, &["run", "-a", "fake", "--no-autostart", "SLOW"])?;
        wait_until("the agent has the prompt", PATIENCE, async || Ok(cluster.receipts()?.len() > n)).await?;
        let id = newest(&cluster).await?;
        let events = cluster.record(Topic::Session(id), 0)?;
        events.wait_text("w5 ").await?;
        let tree = cluster.tree(id).await?;
        cluster.kill(&[victim], &tree)?;
        let output = running.end().await?;
        let stderr = text(&output.stderr);
        ensure!(output.status.code() == Some(5), "{victim:?}: it ended with {}: {stderr}", output.status);
        let view = cluster.session(id).await?;
        ensure!(stderr.contains(&view.short_id), "{victim:?}: it does not name the session: {stderr}");
    }
    cluster.end().await
}

#[tokio::test]
async fn a_question_is_answered_from_another_terminal_once() -> Result<()> {
    let cluster = cluster().start().await?;
    let running = Command::start(&cluster, &["run", "-a", "fake", "--no-autostart", "PERM"])?;
    let id = newest(&cluster).await?;
    let asks = |s: &SessionView| !s.pending_permissions.is_empty();
    let view = cluster.wait_session(id, "it asks", asks).await?;
    let request = view.pending_permissions[0].request.to_string();
    let approved = run(&cluster, &["approve", &view.short_id, &request]).await?;
    ensure!(approved.status.code() == Some(0), "approve ended with {}: {}", approved.status, text(&approved.stderr));
    let denied = run(&cluster, &["deny", &view.short_id, &request]).await?;
    let stderr = text(&denied.stderr);
    ensure!(denied.status.code() == Some(1), "deny ended with {}: {stderr}", denied.status);
    ensure!(stderr.contains("error[permission_already_decided]"), "deny says {stderr}");
    let output = running.end().await?;
    ensure!(output.status.code() == Some(0), "run ended with {}: {}", output.status, text(&output.stderr));
    ensure!(text(&output.stdout).trim() == "chose allow_once", "it printed {:?}", text(&output.stdout));

    // And denied: a turn that ends on a rejection is no success.
    let running = Command::start(&cluster, &["run", "-a", "fake", "--no-autostart", "PERM"])?;
    let other = async || Ok(newest(&cluster).await? != id);
    wait_until("there is another session", PATIENCE, other).await?;
    let second = newest(&cluster).await?;
    let view = cluster.wait_session(second, "it asks", asks).await?;
    let denied = run(&cluster, &["deny", &view.short_id]).await?;
    ensure!(denied.status.code() == Some(0), "deny ended with {}: {}", denied.status, text(&denied.stderr));
    let output = running.end().await?;
    ensure!(output.status.code() == Some(4), "run ended with {}: {}", output.status, text(&output.stderr));
    cluster.end().await
}

#[tokio::test]
async fn commands_say_when_nobody_answers() -> Result<()> {
    let mut cluster = cluster().start().await?;
    cluster.kill_server()?;
    for args in [vec!["ls", "--no-autostart"], vec!["status"], vec!["run", "-a", "fake", "--no-autostart", "hello"]] {
        let output = run(&cluster, &args).await?;
        ensure!(output.status.code() == Some(6), "{args:?} ended with {}: {}", output.status, text(&output.stderr));
        ensure!(text(&output.stderr).contains("server_unreachable"), "{args:?} says {}", text(&output.stderr));
        ensure!(output.stdout.is_empty(), "{args:?} printed {}", text(&output.stdout));
    }
    cluster.start_server().await?;
    let output = run(&cluster, &["status"]).await?;
    ensure!(output.status.code() == Some(0), "status ended with {}: {}", output.status, text(&output.stderr));
    cluster.end().await
}

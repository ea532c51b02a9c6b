//! What lists say: states by their shown names, how long a question waits, changes as they come, and tables that lose
//! nothing of importance on a narrow terminal.

mod common;

use std::{
    io::{BufRead as _, BufReader, Read},
    process::Stdio,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use common::{Running, asks, cluster, newest, run, run_args, terminal, terminal_with};
use convene_testkit::cluster::PATIENCE;
use serde_json::Value;

/// The lines of a command that goes on, as they come.
struct Lines(Receiver<String>);

impl Lines {
    fn of(running: &mut Running) -> Result<Self> {
        let stdout = running.child.stdout.take().context("no stdout")?;
        Ok(Self::from(stdout))
    }

    fn from(stream: impl Read + Send + 'static) -> Self {
        let (send, receive) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Self(receive)
    }

    /// The next line that says this.
    fn wait(&self, part: &str) -> Result<String> {
        let mut seen = Vec::new();
        loop {
            let line = self.0.recv_timeout(PATIENCE).with_context(|| format!("no {part:?} after {seen:?}"))?;
            if line.contains(part) {
                return Ok(line);
            }
            seen.push(line);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn states_are_asked_for_as_they_are_shown() -> Result<()> {
    let cluster = cluster().start().await?;
    let waits = cluster.create("PERM").await?.session.id;
    asks(&cluster, waits).await?;
    let idle = cluster.create("hello").await?.session.id;
    cluster.wait_idle(idle).await?;
    for (state, expected) in [
        ("needs you", vec![waits]),
        ("needs-you", vec![waits]),
        ("Needs-You,idle", vec![idle, waits]),
        ("idle", vec![idle]),
        ("running", vec![waits]),
        ("failed", vec![]),
    ] {
        let said = run(&cluster, &["ls", "-q", "--state", state]).await?;
        let ids: Vec<&str> = said.stdout.lines().collect();
        let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        ensure!(said.code == Some(0) && ids == expected, "{state}: {said:?}");
    }
    run(&cluster, &["ls", "--state", "need you"]).await?.is(2, "did you mean \"needs-you\"? States: pending, ")?;
    run(&cluster, &["ls", "--state", "purple"]).await?.is(2, "\"purple\" is no state")?;
    cluster.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn how_long_a_question_waits_is_said_wherever_it_is_shown() -> Result<()> {
    let cluster = cluster().config("[permissions]\nask_timeout = \"4m\"").start().await?;
    let id = cluster.create("PERM").await?.session.id;
    let short = asks(&cluster, id).await?.short_id;
    let shown = run(&cluster, &["show", &short]).await?;
    ensure!(shown.stdout.contains("(rejects in 3:") || shown.stdout.contains("(rejects in 4:00)"), "{shown:?}");
    // While its first turn runs it has one.
    ensure!(shown.stdout.contains("\nturns   1, running"), "{shown:?}");
    let mut listed = terminal(&cluster, &["ls"])?;
    ensure!(listed.end().await? == 0, "{}", listed.history());
    let history = listed.history();
    ensure!(history.contains(&format!("{short} asks: ")) && history.contains("(rejects in "), "{history}");
    let raw = String::from_utf8_lossy(&listed.raw()).into_owned();
    ensure!(raw.contains("\x1b[1;33mneeds you\x1b[0m"), "the state has no color: {raw:?}");
    let mut plain = terminal_with(&cluster, &["ls"], &[("NO_COLOR", "1")])?;
    ensure!(plain.end().await? == 0, "{}", plain.history());
    ensure!(!String::from_utf8_lossy(&plain.raw()).contains("\x1b[1;33m"), "NO_COLOR is not respected");
    cluster.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_its_time_it_is_said_how_long_nobody_answered() -> Result<()> {
    let cluster = cluster().config("[permissions]\nask_timeout = \"1s\"").start().await?;
    let id = cluster.create("PERM").await?.session.id;
    let view = cluster.wait_idle(id).await?;
    let within = "nobody answered within 1 s (permissions.ask_timeout)";
    run(&cluster, &["approve", &view.short_id]).await?.is(1, within)?;
    let logged = run(&cluster, &["logs", &view.short_id]).await?;
    ensure!(logged.stdout.contains(&format!("- rejected because {within}")), "{logged:?}");
    let events = run(&cluster, &["logs", &view.short_id, "--json", "--type", "permission_decided"]).await?;
    let event: Value = serde_json::from_str(events.stdout.lines().next().context("no event")?)?;
    ensure!(event["by"] == "timeout" && event["message"] == within, "{event}");
    cluster.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_told_as_they_come() -> Result<()> {
    let mut cluster = cluster().start().await?;
    let first = cluster.create("hello").await?.session.id;
    cluster.wait_idle(first).await?;
    let mut watching = Running::start(&cluster, &["ls", "--watch"])?;
    let lines = Lines::of(&mut watching)?;
    let line = lines.wait(&first.to_string())?;
    ensure!(line.contains("\tidle\tfake\t") && line.split('\t').count() == 6, "{line}");
    let second = cluster.create("PERM").await?.session.id;
    let line = lines.wait("\tneeds-you\t")?;
    ensure!(line.starts_with(&second.to_string()), "{line}");
    // A server that is gone for a moment costs nothing.
    cluster.kill_server()?;
    cluster.start_server().await?;
    run(&cluster, &["set", &first.to_string(), "title=another name"]).await?.is(0, "another name")?;
    lines.wait("\tanother name\t")?;
    run(&cluster, &["rm", "-y", &first.to_string()]).await?.is(0, "removed")?;
    let line = lines.wait("\tremoved\t")?;
    ensure!(line.starts_with(&first.to_string()), "{line}");

    let mut narrowed = Running::start(&cluster, &["ls", "-w", "--json", "--state", "needs-you"])?;
    let lines = Lines::of(&mut narrowed)?;
    let json = |line: String| serde_json::from_str::<Value>(&line).context(line);
    ensure!(json(lines.wait("ses_")?)?["id"] == second.to_string(), "another session");
    run(&cluster, &["deny", &second.to_string()]).await?.is(0, "rejected")?;
    // It is told once more: why it is no longer on the list.
    let told = json(lines.wait("ses_")?)?;
    ensure!(told["id"] == second.to_string() && told["badge"] != "needs-you", "{told}");
    drop((watching, narrowed));
    cluster.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrow_terminal_loses_nothing_that_matters() -> Result<()> {
    let cluster = cluster().agent("absent", &["/nonexistent/agent"]).start().await?;
    let mut agents = terminal(&cluster, &["agents"])?;
    ensure!(agents.end().await? == 0, "{}", agents.history());
    let history = agents.history();
    // Notes stand below their rows, in one line that the terminal wraps: a command is copied whole.
    let fits = |line: &str| line.starts_with("    ") || line.chars().count() <= 80;
    ensure!(history.lines().all(fits), "too wide:\n{history}");
    let header = history.lines().next().unwrap_or_default();
    ensure!(header.contains("SIGNED IN"), "{header}");
    for whole in ["npm install -g @google/gemini-cli", "needs none", "agents.absent.command"] {
        ensure!(history.contains(whole), "{whole:?} is lost:\n{history}");
    }
    run(&cluster, &["token", "create", "--scope", "write", "--name", "laptop"]).await?.is(0, "")?;
    let mut running = terminal(&cluster, &run_args("PERM", &[]))?;
    running.wait_for("asks to run a command").await?;
    let id = newest(&cluster, &[]).await?.to_string();
    run(&cluster, &["approve", &id]).await?.is(0, "allowed once")?;
    ensure!(running.end_within(Duration::from_secs(30)).await? == 0, "{}", running.history());
    let mut audit = terminal(&cluster, &["audit"])?;
    ensure!(audit.end().await? == 0, "{}", audit.history());
    let history = audit.history();
    ensure!(history.lines().all(|line| line.chars().count() <= 80), "too wide:\n{history}");
    for whole in ["tokens.create", "sessions.permissions.answer", "done", "OUTCOME"] {
        ensure!(history.contains(whole), "{whole:?} is lost:\n{history}");
    }
    cluster.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_say_how_they_stand_and_who_is_turned_away_is_on_record() -> Result<()> {
    let mut cluster = cluster().start().await?;
    let made = run(&cluster, &["token", "create", "--scope", "worker", "--name", "far"]).await?;
    let token = made.stdout.trim().to_owned();
    let place = tempfile::tempdir()?;
    let start = |name: &str, dir: &str| {
        let dir = place.path().join(dir);
        let dir = dir.to_str().context("a path")?;
        let mut command = cluster.command(&["worker", "--name", name, "--run-dir", dir]);
        command.env("CONVENE_TOKEN", &token).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut running = Running { child: command.spawn()? };
        let stderr = running.child.stderr.take().context("no stderr")?;
        Ok::<_, anyhow::Error>((running, Lines::from(stderr)))
    };
    let (far, said) = start("far", "one")?;
    said.wait(" connected ")?;
    let (again, twice) = start("far", "one")?;
    twice.wait("error[wrong_state]: another worker looks after ")?;
    // The server's own worker has that name.
    let (taken, refused) = start("local", "two")?;
    refused.wait("the server does not want this worker now")?;
    drop((again, taken));
    let logged = run(&cluster, &["audit", "--action", "uplink.worker.connect"]).await?;
    let line = logged.stdout.lines().next().with_context(|| format!("{logged:?}"))?;
    ensure!(line.contains("(token far)") && line.ends_with("\twrong_state"), "{line}");
    run(&cluster, &["audit", "--action", "token"]).await?.is(2, "did you mean \"tokens\"?")?;
    run(&cluster, &["audit", "--action", "purple"]).await?.is(2, "nothing is called \"purple\"")?;
    cluster.kill_server()?;
    said.wait("the connection is lost")?;
    cluster.start_server().await?;
    said.wait("connected again")?;
    drop(far);
    cluster.end().await
}

//! Agents that do harm: bytes that are no protocol, floods, processes and memory without end. The session says what it was,
//! its tree is gone, the server stays small, and the session beside it notices nothing.

use std::{os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use convene_api::client::CommandKey;
use convene_core::{
    failure::{StopReason, StopStep},
    ids::SessionId,
    view::SessionView,
};
use convene_testkit::cluster::{Builder, Cluster, Recorder, Role, Topic};

/// How much larger the server may have become by all that a test does to it.
const GROWTH: usize = 120 << 20;

/// How long a session takes at most to say its next words, on a busy machine beside an agent that does harm.
const SOON: Duration = Duration::from_secs(20);

fn cluster() -> Builder {
    Cluster::of(env!("CARGO_BIN_EXE_convene")).fake(&["--ignore-sigterm", "--ignore-eof"])
}

/// A session that talks all the time, and the server's memory before anything happened.
struct Neighbor {
    events: Recorder,
    server: i32,
    before: usize,
}

impl Neighbor {
    async fn start(cluster: &Cluster) -> Result<Self> {
        let created = cluster.create("SLOW").await?;
        let events = cluster.record(Topic::Session(created.session.id), created.cursor.seq)?;
        events.wait_text("w20 ").await?;
        let server = cluster.server_pid().context("no server")?;
        Ok(Self { events, server, before: peak(server)? })
    }

    async fn is_unharmed(&self, what: &str) -> Result<()> {
        let said = self.events.seen().text.len();
        let goes_on = self.events.wait_within("it goes on", SOON, |seen| seen.text.len() > said + 100).await;
        goes_on.with_context(|| format!("{what}: the session beside it stands still"))?;
        let after = peak(self.server)?;
        println!("{what}: the server's peak is {} MB, it was {} MB", after >> 20, self.before >> 20);
        ensure!(after < self.before + GROWTH, "{what}: the server grew from {} to {after} bytes", self.before);
        Ok(())
    }
}

/// The most that a process ever had in memory, in bytes.
fn peak(pid: i32) -> Result<usize> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<usize>()? << 10)
}

/// Prompts a new session and returns it when its turn is over.
async fn play(cluster: &Cluster, prompt: &str) -> Result<SessionView> {
    let body = cluster.session_of("fake", prompt);
    let created = cluster.client()?.create_session(&body, &CommandKey::fresh()).await?;
    let over = |s: &SessionView| s.last_turn.is_some() && matches!(s.state.as_str(), "stopped" | "idle");
    cluster.wait_session(created.session.id, &format!("{prompt:.40} is over"), over).await
}

async fn text(cluster: &Cluster, view: &SessionView) -> Result<String> {
    let turn = view.last_turn.as_ref().context("no turn has ended")?;
    Ok(cluster.log(view.id).await?.text(turn.id))
}

fn stopped_by(view: &SessionView, code: &str) -> Result<()> {
    let failure =
        view.failure.clone().with_context(|| format!("{code}: it does not say what went wrong: {view:#?}"))?;
    ensure!(view.state == "stopped" && failure.code.as_deref() == Some(code), "{code}: it is {failure:?}");
    ensure!(failure.hint.is_some(), "{code}: there is no hint in {failure:?}");
    ensure!(view.stop_verified == Some(true), "{code}: nothing is proved");
    Ok(())
}

/// Lines that are JSON and no message, or neither, or a message that nobody waits for. Each is noise or nothing.
const STRANGE: &[&str] = &[
    "RAW \\0",
    "RAW {\"jsonrpc\":\"2.0\",\"method\":\"session/update\\0\",\"params\":{}}",
    "RAW {\"jsonrpc\":\"2.0\",\"method\":\"a\",\"method\":\"b\",\"id\":1,\"id\":2}",
    "RAW {\"jsonrpc\":\"2.0\",\"method\":\"session/update\",\"params\":{\"sessionId\":\"{session}\",\"sessionId\":\"x\"}}",
    "RAW {\"jsonrpc\":\"2.0\",\"id\":99999999999999999999999999,\"result\":{}}",
    "RAW {\"jsonrpc\":\"2.0\",\"id\":-1,\"result\":{}}",
    "RAW {\"jsonrpc\":\"2.0\",\"id\":1e400,\"result\":{}}",
    "RAW {\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{}}",
    "RAW {\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{}}",
    "RAW {\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"what?\"}}",
    "RAW {\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"fs/read_text_file\",\"params\":[]}",
    "RAW {\"jsonrpc\":\"2.0\",\"id\":\"\",\"method\":\"session/request_permission\",\"params\":null}",
    "RAW {\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"\\ud800\",\"params\":{}}",
    "RAW {\"jsonrpc\":\"2.0\",\"method\":\"session/update\",\"params\":{\"sessionId\":\"{session}\",\"update\":{\"sessionUpdate\":\"usage_update\",\"used\":99999999999999999999999999,\"size\":-5}}}",
    "RAW {\"jsonrpc\":\"2.0\",\"method\":\"session/update\",\"params\":{\"sessionId\":\"{session}\",\"update\":{\"sessionUpdate\":\"tool_call\",\"toolCallId\":\"\",\"title\":null,\"status\":7}}}",
    "RAW {\"jsonrpc\":\"2.0\",\"method\":\"session/update\",\"params\":{\"sessionId\":\"{session}\",\"update\":{\"sessionUpdate\":\"tool_call_update\",\"toolCallId\":\"never-begun\",\"status\":\"completed\"}}}",
    "RAW {\"jsonrpc\":\"2.0\",\"method\":\"session/update\",\"params\":{\"sessionId\":\"another\",\"update\":{\"sessionUpdate\":\"plan\",\"entries\":{}}}}",
    "RAW [[[[[[[[",
    "RAW []",
    "RAW \"text\"",
    "DEEP 100",
    "DEEP 100000",
];

#[tokio::test]
async fn strange_lines_are_noise_and_no_harm() -> Result<()> {
    let cluster = cluster().start().await?;
    let neighbor = Neighbor::start(&cluster).await?;
    let view = play(&cluster, &format!("{}\nstill here", STRANGE.join("\n"))).await?;
    ensure!(view.state == "idle", "it is {} by {:?}", view.state, view.failure);
    let turn = view.last_turn.clone().context("no turn has ended")?;
    ensure!(turn.stop_reason == StopReason::EndTurn, "it ended by {turn:?}");
    ensure!(text(&cluster, &view).await?.ends_with("echo: still here"), "it said {:?}", text(&cluster, &view).await?);
    let log = cluster.log(view.id).await?;
    ensure!(log.count("agent_diagnostic") >= 3, "nobody is told of it: {:?}", log.tags());
    // Nothing of it breaks those who read the log.
    for args in [&["logs", "--verbose"][..], &["show"], &["export"]] {
        let id = view.id.to_string();
        let output = cluster.command(&[args, &[id.as_str()]].concat()).output()?;
        ensure!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    neighbor.is_unharmed("strange lines").await?;
    cluster.end().await
}

#[tokio::test]
async fn an_agent_that_dies_within_a_line_has_said_what_came_before() -> Result<()> {
    let cluster = cluster().start().await?;
    for cut in [0, 1, 20, 120, 10_000] {
        let view = play(&cluster, &format!("TOOL OPEN\nSTREAM 3\nCUT {cut}")).await?;
        stopped_by(&view, "agent_crashed")?;
        let said = text(&cluster, &view).await?;
        let whole = cut == 10_000;
        ensure!(said.starts_with("w1 w2 w3 ") && whole == said.contains("never heard"), "cut after {cut}: {said:?}");
        let turn = view.last_turn.clone().context("no turn has ended")?;
        ensure!(turn.stop_reason == StopReason::Interrupted, "cut after {cut}: it ended by {turn:?}");
        let log = cluster.log(view.id).await?;
        let last = log.events.iter().rev().find(|e| e.data.tag() == "tool_call_updated").context("no tool call")?;
        ensure!(last.json.contains("\"failed\""), "cut after {cut}: its tool call is left open: {}", last.json);
    }
    ensure!(cluster.attempt_processes().is_empty(), "left are {:#?}", cluster.attempt_processes());
    cluster.end().await
}

#[tokio::test]
async fn floods_are_taken_or_cut_and_drown_nobody() -> Result<()> {
    let cluster = cluster().start().await?;
    let neighbor = Neighbor::start(&cluster).await?;

    // The same words over and over: what they end with is not lost.
    let view = play(&cluster, "SAME 1100\nhello").await?;
    ensure!(view.state == "idle" && text(&cluster, &view).await? == "echo: hello", "it is {view:#?}");
    let log = cluster.log(view.id).await?;
    let last = log.events.iter().rev().find(|e| e.data.tag() == "tool_call_updated").context("no tool call")?;
    ensure!(last.json.contains("same-1") && last.json.contains("\"completed\""), "the last is {}", last.json);
    println!("1,100 identical updates are {} events", log.count("tool_call_updated"));
    neighbor.is_unharmed("identical updates").await?;

    let view = play(&cluster, "STDERR 50000000\nhello").await?;
    ensure!(view.state == "idle" && text(&cluster, &view).await? == "echo: hello", "it is {view:#?}");
    let kept = cluster.home().data().join("run").join(view.id.to_string()).join("1/agent_stderr");
    let kept = std::fs::metadata(&kept)?.len();
    ensure!(kept < 1 << 20, "{kept} bytes of stderr are kept");
    neighbor.is_unharmed("50 MB on stderr").await?;

    for prompt in ["LINE 100000000", "NONEWLINE 100000000"] {
        let view = play(&cluster, prompt).await?;
        stopped_by(&view, "agent_line_too_long")?;
        neighbor.is_unharmed(prompt).await?;
    }
    cluster.end().await
}

/// A fork bomb and an agent that takes all memory: the tree ends when it is past its limit, and with it all that it began.
#[tokio::test]
async fn a_tree_that_takes_too_much_is_ended() -> Result<()> {
    let limits = "[limits]\ntree_processes = 60\ntree_memory = \"300 MB\"";
    let mut cluster = cluster().config(limits).start().await?;
    let neighbor = Neighbor::start(&cluster).await?;
    for (prompt, what) in [("BOMB 8\nHANG", "60 processes"), ("HOG 600\nHANG", "MB of memory")] {
        let view = play(&cluster, prompt).await?;
        stopped_by(&view, "agent_over_limit")?;
        let failure = view.failure.clone().context("no failure")?;
        ensure!(failure.summary.contains(what), "{prompt}: it says {}", failure.summary);
        ensure!(matches!(view.stop_step, Some(StopStep::Tree | StopStep::Kill)), "{prompt}: {:?}", view.stop_step);
        let log = cluster.log(view.id).await?;
        let launched = log.first("agent_launched").context("no agent was launched")?;
        ensure!(launched.json.contains(r#""processes":60"#), "the limit is not told: {}", launched.json);
        neighbor.is_unharmed(prompt).await?;
    }
    // What stays within them is left alone.
    let view = play(&cluster, "BOMB 3\nHOG 10\nhello").await?;
    ensure!(view.state == "idle", "it is {} by {:?}", view.state, view.failure);
    drop(neighbor);
    let tree = cluster.tree(view.id).await?;
    cluster.kill(&[Role::Agent], &tree)?;
    cluster.wait_session(view.id, "it is stopped", |s| s.state == "stopped").await?;
    cluster.end().await
}

/// What an agent, or a runner, leaves that crashes: a file for its owner with all that is known, and no secret in it.
#[tokio::test]
async fn a_crash_leaves_a_bundle() -> Result<()> {
    const SECRET: &str = "canary-0b4e6a1f7c2d9358";
    let mut cluster = cluster().start().await?;
    let bundle = |view: &SessionView| -> Result<serde_json::Value> {
        let failure = view.failure.clone().with_context(|| format!("no failure in {view:#?}"))?;
        let path = failure.bundle.with_context(|| format!("no bundle of {}", failure.summary))?;
        let mode = |path: &Path| Ok::<_, anyhow::Error>(std::fs::metadata(path)?.permissions().mode() & 0o777);
        ensure!(mode(Path::new(&path))? == 0o600, "others may read {path}");
        let directory = Path::new(&path).parent().context("no directory")?;
        ensure!(mode(directory)? == 0o700 && directory.ends_with("logs/crash-bundles"), "it lies in {path}");
        let text = std::fs::read_to_string(&path)?;
        ensure!(!text.contains(SECRET), "a secret is in {path}");
        Ok(serde_json::from_str(&text)?)
    };
    let mut body = cluster.session_of("fake", &format!("STDERR 100000\n{SECRET}\nCRASH"));
    body.env.insert("FAKE_API_KEY".to_owned(), SECRET.to_owned());
    let created = cluster.client()?.create_session(&body, &CommandKey::fresh()).await?;
    let view = stopped(&cluster, created.session.id).await?;
    let told = bundle(&view)?;
    ensure!(told["kind"] == "process_exit" && told["exit"]["signal"] == 6, "it says {told}");
    ensure!(told["schema"] == "convene.crash-bundle.v1" && told["agent"] == "fake", "it says {told}");
    let stderr = told["stderr"].as_str().context("no stderr")?;
    ensure!(!stderr.is_empty() && stderr.len() <= 32 << 10, "{} bytes of stderr", stderr.len());
    let id = view.id.to_string();
    let shown = cluster.command(&["show", &id]).output()?.stdout;
    let shown = String::from_utf8(shown)?;
    ensure!(shown.contains("crash-bundles"), "nobody is shown where it lies: {shown}");

    // A runner that is killed leaves one, too; an agent that somebody stops does not.
    let created = cluster.create("SLOW").await?;
    let tree = cluster.tree(created.session.id).await?;
    cluster.kill(&[Role::Runner], &tree)?;
    let told = bundle(&stopped(&cluster, created.session.id).await?)?;
    ensure!(told["kind"] == "transport_failure" && told["attempt"] == 1, "it says {told}");
    let work = cluster.home().work();
    ensure!(told["cwd"].as_str().is_some_and(|cwd| work.ends_with(cwd) || work == Path::new(cwd)), "it says {told}");
    ensure!(told["command"][0].as_str().is_some_and(|program| program.ends_with("fake-agent")), "it says {told}");
    let bundles =
        || Ok::<_, anyhow::Error>(std::fs::read_dir(cluster.home().data().join("logs/crash-bundles"))?.count());
    let before = bundles()?;
    let view = play(&cluster, "hello").await?;
    let now = convene_api::body::StopSession { mode: convene_core::event::StopMode::Now, message: None };
    cluster.client()?.stop(view.id, &now, &CommandKey::fresh()).await?;
    let view = stopped(&cluster, view.id).await?;
    ensure!(view.failure.is_none() && bundles()? == before, "a stop is told as a crash: {view:#?}");
    cluster.end().await
}

/// The test of an agent belongs to no session: what it found out is in its answer, and nothing else of it stays.
#[tokio::test]
async fn the_test_of_an_agent_leaves_no_bundle() -> Result<()> {
    let cluster = cluster().agent("broken", &["sh", "-c", "echo 'error: it is broken' >&2; exit 3"]).start().await?;
    let mut command = cluster.command(&["agents", "test", "broken"]);
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let said = String::from_utf8([output.stdout, output.stderr].concat())?;
    ensure!(!output.status.success() && said.contains("it is broken"), "it says {said}");
    let left = cluster.home().data().join("logs/crash-bundles");
    ensure!(!left.exists(), "there is {left:?}");
    // A session of the same agent leaves one.
    let body = cluster.session_of("broken", "hello");
    let created = cluster.client()?.create_session(&body, &CommandKey::fresh()).await?;
    let view = stopped(&cluster, created.session.id).await?;
    ensure!(
        view.failure.is_some_and(|failure| failure.bundle.is_some()) && left.exists(),
        "nothing is left of a session"
    );
    cluster.end().await
}

async fn stopped(cluster: &Cluster, id: SessionId) -> Result<SessionView> {
    cluster.wait_session(id, "it is stopped", |s| s.state == "stopped").await
}

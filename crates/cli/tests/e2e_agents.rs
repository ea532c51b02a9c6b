//! `convene agents`: what is found, what agents announce, and what a test of one says, leaves and changes.

use std::{os::unix::fs::PermissionsExt as _, path::Path, process::Output};

use anyhow::{Context as _, Result, ensure};
use convene_api::{
    body::{AgentTest, AgentView},
    frame::ListFrame,
};
use convene_testkit::cluster::{Builder, Cluster, PATIENCE, Topic, wait_until};
use serde_json::Value;

fn cluster() -> Builder {
    Cluster::of(env!("CARGO_BIN_EXE_convene")).config("[worker]")
}

/// For agents that never say hello, which are waited for to the end.
fn impatient() -> Builder {
    cluster().config("start_timeout = \"5s\"")
}

/// Runs a command of the cluster's home to its end.
async fn run(cluster: &Cluster, args: &[&str]) -> Result<Output> {
    let mut command = cluster.command(args);
    let ended = tokio::task::spawn_blocking(move || command.output());
    Ok(tokio::time::timeout(PATIENCE, ended).await.context("it does not end")???)
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Nothing of a test is left: no process, no directory, no session.
async fn nothing_is_left(cluster: &Cluster) -> Result<()> {
    ensure!(cluster.attempt_processes().is_empty(), "left are {:#?}", cluster.attempt_processes());
    let left: Vec<_> = std::fs::read_dir(cluster.home().data().join("run"))?
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("ses_"))
        .filter(|name| {
            let directory = cluster.home().data().join("run").join(name);
            std::fs::read_dir(directory).is_ok_and(|mut attempts| attempts.next().is_some())
        })
        .collect();
    ensure!(left.is_empty(), "run directories are left: {left:?}");
    let temporary = cluster.home().root().join("tmp");
    let left: Vec<_> = std::fs::read_dir(temporary)?.filter_map(Result::ok).map(|e| e.file_name()).collect();
    ensure!(left.is_empty(), "in the temporary directory are {left:?}");
    ensure!(cluster.client()?.sessions(&Default::default()).await?.items.is_empty(), "a test made a session");
    Ok(())
}

#[tokio::test]
async fn the_list_says_what_is_there_and_how_it_starts() -> Result<()> {
    let cluster = cluster().agent("absent", &["/nonexistent/agent"]).start().await?;
    let listed = run(&cluster, &["agents"]).await?;
    ensure!(listed.status.success(), "{}", err(&listed));
    let text = out(&listed);
    let row = |name: &str| -> Result<Vec<String>> {
        let row = text.lines().find(|line| line.split('\t').next() == Some(name));
        Ok(row.with_context(|| format!("no {name} in {text}"))?.split('\t').map(str::to_owned).collect())
    };
    ensure!(row("builtin")?[2] == "built in" && row("fake")?[2] == "config", "{text}");
    let absent = row("absent")?;
    ensure!(absent[1] == "no" && absent[2] == "-" && absent[4].contains("agents.absent.command"), "{absent:?}");
    ensure!(text.lines().all(|line| line.split('\t').count() == 5), "rows differ: {text}");
    for agent in ["claude", "codex", "gemini", "opencode", "goose", "qwen", "kimi", "copilot", "cursor", "vibe"] {
        row(agent)?;
    }

    let json: Value = serde_json::from_str(&out(&run(&cluster, &["agents", "ls", "--json"]).await?))?;
    let items: Vec<AgentView> = serde_json::from_value(json["items"].clone())?;
    let fake = items.iter().find(|agent| agent.name == "fake").context("no fake")?;
    ensure!(fake.installed && fake.announced.is_empty(), "{fake:?}");
    ensure!(fake.workers["local"].command.first().is_some_and(|c| c.contains("fake-agent")), "{fake:?}");
    cluster.end().await
}

#[tokio::test]
async fn a_test_tells_the_steps_and_what_was_announced_is_kept() -> Result<()> {
    let mut cluster = cluster().start().await?;
    let before = run(&cluster, &["agents", "show", "fake"]).await?;
    ensure!(out(&before).contains("nothing yet: convene agents test fake"), "{}", out(&before));

    let tested = run(&cluster, &["agents", "test", "fake"]).await?;
    let text = out(&tested);
    ensure!(tested.status.code() == Some(0), "{text}{}", err(&tested));
    let unknown = "No prompt was sent, so whether it is signed in is not known";
    for step in ["start   ", "+ hello   ", "+ session opened", "+ end ", unknown, "convene agents test fake --prompt"] {
        ensure!(text.contains(step), "{step} is missing: {text}");
    }
    ensure!(!text.contains("fake works"), "nobody knows that: {text}");
    nothing_is_left(&cluster).await?;
    let listed = out(&run(&cluster, &["agents"]).await?);
    ensure!(listed.lines().any(|line| line.starts_with("fake\t") && line.contains("\t?\t")), "{listed}");
    ensure!(listed.lines().any(|line| line.starts_with("builtin\t") && line.contains("\tneeds none\t")), "{listed}");

    let tested = run(&cluster, &["agents", "test", "fake", "--prompt"]).await?;
    let text = out(&tested);
    ensure!(tested.status.code() == Some(0), "{text}{}", err(&tested));
    for step in ["+ prompt  it ", "fake works: convene run -a fake"] {
        ensure!(text.contains(step), "{step} is missing: {text}");
    }
    nothing_is_left(&cluster).await?;
    // A later test without a prompt unlearns nothing.
    ensure!(run(&cluster, &["agents", "test", "fake"]).await?.status.success(), "it works");

    let shown = out(&run(&cluster, &["agents", "show", "fake"]).await?);
    for fact in ["on local", "ago on local", "ACP 1", "yes: it answered a prompt", "load sessions"] {
        ensure!(shown.contains(fact), "{fact} is missing: {shown}");
    }
    ensure!(shown.lines().any(|l| l.trim_start().starts_with("mode ") && l.contains('*')), "no mode: {shown}");
    let listed = out(&run(&cluster, &["agents"]).await?);
    ensure!(listed.lines().any(|line| line.starts_with("fake\t") && line.contains("\tyes\t")), "{listed}");

    // It is the server's knowledge, and outlives it.
    cluster.kill_server()?;
    cluster.start_server().await?;
    let agent = cluster.client()?.agent("fake").await?;
    ensure!(agent.announced.len() == 1 && agent.announced[0].worker == "local", "{agent:?}");
    ensure!(agent.announced[0].signed_in == Some(true) && agent.version == agent.announced[0].version, "{agent:?}");
    cluster.end().await
}

/// An agent that opens a session for anybody, and wants an account at the first prompt.
const WANTS_ACCOUNT: &str = r#"
while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\("[^"]*"\|[0-9]*\).*/\1/p')
  say() { printf '{"jsonrpc":"2.0","id":%s,%s}\n' "$id" "$1"; }
  case "$line" in
    *'"initialize"'*) say '"result":{"protocolVersion":1,"agentCapabilities":{}}' ;;
    *'"session/new"'*) say '"result":{"sessionId":"one"}' ;;
    *'"session/prompt"'*) say '"error":{"code":-32000,"message":"Authentication required"}' ;;
  esac
done"#;

#[tokio::test]
async fn only_a_prompt_shows_that_an_account_is_missing() -> Result<()> {
    let cluster = cluster().agent("shy", &["/bin/sh", "-c", WANTS_ACCOUNT]).start().await?;
    let tested = run(&cluster, &["agents", "test", "shy"]).await?;
    ensure!(tested.status.code() == Some(0), "{}{}", out(&tested), err(&tested));
    ensure!(!out(&tested).contains("shy works"), "{}", out(&tested));

    let tested = run(&cluster, &["agents", "test", "shy", "--prompt"]).await?;
    let (text, error) = (out(&tested), err(&tested));
    ensure!(tested.status.code() == Some(5) && text.contains("x prompt\nshy does not work"), "{text}{error}");
    ensure!(error.contains("error[agent_auth_required]"), "{error}");
    nothing_is_left(&cluster).await?;
    let listed = out(&run(&cluster, &["agents"]).await?);
    ensure!(listed.lines().any(|line| line.starts_with("shy\t") && line.contains("\tno\t")), "{listed}");
    cluster.end().await
}

#[tokio::test]
async fn a_session_tells_as_much_as_a_test() -> Result<()> {
    let cluster = cluster().start().await?;
    let client = cluster.client()?;
    let session = cluster.create("hello").await?.session.id;
    cluster.wait_idle(session).await?;
    let agent = client.agent("fake").await?;
    let said = agent.announced.first().context("nothing was kept")?;
    ensure!(said.signed_in == Some(true) && said.capabilities["loadSession"] == true, "{said:?}");
    ensure!(said.config_options.iter().any(|option| option.id == "mode"), "{said:?}");
    cluster.end().await
}

#[tokio::test]
async fn wrong_commands_are_told_apart_and_leave_nothing() -> Result<()> {
    let root = tempfile::tempdir()?;
    let plain = root.path().join("plain");
    std::fs::write(&plain, "a text")?;
    let cluster = impatient()
        .agent("garbage", &["/bin/sh", "-c", "echo Welcome to my agent; exec cat >&2"])
        .agent("talkative", &["/bin/sh", "-c", "echo cannot find my key >&2; exit 3"])
        .agent("shut", &["/bin/sh", "-c", "exec cat > /dev/null"])
        .agent("absent", &["/nonexistent/agent", "--acp"])
        .agent("plain", &[plain.to_str().context("a path")?])
        .agent("script", &["/bin/sh", "-c", "exec /nonexistent/program"])
        .fake_as("early", &["--exit-at-start", "7"])
        .fake_as("mute", &["--no-initialize"])
        .fake_as("closed", &["--auth"])
        .fake_as("future", &["--protocol", "99"])
        .start()
        .await?;
    let cases = [
        ("garbage", "agent_not_acp", "Welcome to my agent"),
        ("talkative", "agent_exited_early", "cannot find my key"),
        ("shut", "agent_no_handshake", "closed its output"),
        ("absent", "agent_not_installed", "/nonexistent/agent"),
        ("plain", "agent_start_failed", "not an executable file"),
        ("script", "agent_exited_early", "exit code 127"),
        ("early", "agent_exited_early", "exit code 7"),
        ("mute", "agent_no_handshake", "initialize"),
        ("closed", "agent_auth_required", "sign in"),
        ("future", "agent_protocol_unsupported", "99"),
    ];
    let mut told = Vec::new();
    for (agent, code, words) in cases {
        let tested = run(&cluster, &["agents", "test", agent]).await?;
        let (text, error) = (out(&tested), err(&tested));
        ensure!(tested.status.code() == Some(5), "{agent}: {:?} {text}{error}", tested.status);
        ensure!(text.contains(&format!("{agent} does not work")), "{agent}: {text}");
        ensure!(error.contains(&format!("error[{code}]")) && error.contains(words), "{agent}: {error}");
        ensure!(error.contains("hint: "), "{agent} gets no hint: {error}");
        let summary = error.lines().find(|line| line.starts_with("error[")).unwrap_or_default().to_owned();
        ensure!(!told.contains(&summary), "{agent} is told as another: {summary}");
        told.push(summary);
        nothing_is_left(&cluster).await?;
    }

    let json = run(&cluster, &["agents", "test", "closed", "--json"]).await?;
    let test: AgentTest = serde_json::from_slice(&json.stdout)?;
    ensure!(!test.ok && test.failure.is_some() && test.initialize_ms.is_some(), "{test:?}");
    ensure!(test.announced.is_some_and(|said| said.signed_in == Some(false)), "it did not ask to sign in");
    ensure!(serde_json::from_slice::<Value>(&json.stderr)?["exit"] == 5, "{}", err(&json));
    cluster.end().await
}

/// What a Node that is too old for a program says.
const OLD_NODE: &str = r#"{
echo "/agent/index.js:3"; echo "import x from 'y' with { type: 'json' };"; echo "SyntaxError: Unexpected token 'with'"
echo "    at Module._compile (node:internal/modules/cjs/loader:1105:14)"; echo; echo "Node.js v18.1.0"
} >&2; exit 1"#;

#[tokio::test]
async fn what_is_plain_is_said_at_once_and_what_takes_long_early() -> Result<()> {
    let patient = Cluster::of(env!("CARGO_BIN_EXE_convene")).config("[worker]\nstart_timeout = \"50s\"");
    let cluster = patient
        .agent("headers", &["/bin/sh", "-c", r"printf 'Content-Length: 2\r\n\r\n{}'; exec cat > /dev/null"])
        .agent("loud", &["/bin/sh", "-c", "echo Welcome to my agent; cat > /dev/null; true"])
        .agent("dated", &["/bin/sh", "-c", OLD_NODE])
        .start()
        .await?;
    let since = std::time::Instant::now();
    let tested = run(&cluster, &["agents", "test", "headers"]).await?;
    let error = err(&tested);
    ensure!(error.contains("error[agent_not_acp]") && error.contains("it speaks with headers"), "{error}");
    ensure!(error.contains("hint: look for its ACP mode"), "{error}");
    // A wrong program's own words, not the last line of its stack.
    let tested = run(&cluster, &["agents", "test", "dated"]).await?;
    let error = err(&tested);
    let first = error.lines().next().unwrap_or_default();
    ensure!(first.contains("agent_exited_early") && first.contains("Unexpected token 'with'"), "{error}");
    ensure!(since.elapsed() < std::time::Duration::from_secs(40), "it waited for the limit: {:?}", since.elapsed());

    // Long before it is given up it is said what it wrote.
    let body = cluster.session_of("loud", "hello");
    let created = cluster.client()?.create_session(&body, &convene_api::client::CommandKey::fresh()).await?;
    let id = created.session.id;
    wait_until("it is said early", PATIENCE, async || Ok(cluster.log(id).await?.count("log_note") > 0)).await?;
    ensure!(cluster.session(id).await?.state == "starting", "it was given up");
    let logged = out(&run(&cluster, &["logs", &created.session.short_id]).await?);
    ensure!(logged.contains("loud has not said hello yet; it wrote \"Welcome to my agent\""), "{logged}");
    cluster.end().await
}

#[tokio::test]
async fn what_an_agent_leaves_running_dies_with_its_test() -> Result<()> {
    let script = "(setsid sleep 600 & setsid setsid sleep 601 &) ; trap '' TERM; exec cat > /dev/null";
    let cluster = impatient()
        .agent("forks", &["/bin/sh", "-c", script])
        .fake_as("stubborn", &["--ignore-sigterm", "--ignore-eof"])
        .start()
        .await?;
    let tested = run(&cluster, &["agents", "test", "forks"]).await?;
    ensure!(tested.status.code() == Some(5), "{}", out(&tested));
    nothing_is_left(&cluster).await?;
    let tested = run(&cluster, &["agents", "test", "stubborn"]).await?;
    ensure!(tested.status.code() == Some(0), "{}{}", out(&tested), err(&tested));
    nothing_is_left(&cluster).await?;
    // Attempts of sessions are others, and live on.
    let session = cluster.create("hello").await?.session.id;
    cluster.wait_idle(session).await?;
    let tree = cluster.tree(session).await?;
    ensure!(run(&cluster, &["agents", "test", "fake"]).await?.status.success(), "it works");
    ensure!(cluster.tree(session).await? == tree, "the session has another tree now");
    cluster.end().await
}

#[tokio::test]
async fn names_are_mended_or_refused() -> Result<()> {
    let cluster = cluster().start().await?;
    for args in [["agents", "show", "fkae"], ["agents", "test", "fkae"]] {
        let refused = run(&cluster, &args).await?;
        ensure!(refused.status.code() == Some(2), "{args:?}: {:?}", refused.status);
        let error = err(&refused);
        ensure!(error.contains("error[agent_unknown]") && error.contains("did you mean \"fake\"?"), "{error}");
    }
    let alias = run(&cluster, &["agents", "show", "claude-code", "--json"]).await?;
    let agent: AgentView = serde_json::from_slice(&alias.stdout)?;
    ensure!(agent.name == "claude", "{agent:?}");
    let refused = run(&cluster, &["run", "-a", "claude-code", "hello"]).await?;
    ensure!(err(&refused).contains("claude is not on local"), "{}", err(&refused));
    let refused = run(&cluster, &["agents", "test", "fake", "--worker", "nowhere"]).await?;
    ensure!(err(&refused).contains("error[worker_unknown]"), "{}", err(&refused));
    cluster.end().await
}

/// A directory of programs that stands before the search path.
fn programs(root: &Path, programs: &[(&str, String)]) -> Result<String> {
    let directory = root.join("programs");
    std::fs::create_dir_all(&directory)?;
    for (name, text) in programs {
        std::fs::write(directory.join(name), text)?;
        std::fs::set_permissions(directory.join(name), std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(format!("{}:/usr/bin:/bin", directory.display()))
}

fn node(version: &str) -> (&'static str, String) {
    ("node", format!("#!/bin/sh\necho v{version}\n"))
}

#[tokio::test]
async fn an_agent_that_is_not_installed_is_started_with_npx() -> Result<()> {
    let root = tempfile::tempdir()?;
    let fake = Path::new(env!("CARGO_BIN_EXE_convene")).with_file_name("fake-agent");
    let asked = root.path().join("asked");
    let npx = format!("#!/bin/sh\necho \"$@\" > {}\nexec {}\n", asked.display(), fake.display());
    let path = programs(root.path(), &[("npx", npx), node("24.1.0")])?;
    let mut cluster =
        cluster().environment("PATH", &path).environment("CONVENE_WORKER_DOWNLOADS", "true").start().await?;
    let tested = run(&cluster, &["agents", "test", "claude"]).await?;
    ensure!(tested.status.code() == Some(0), "{}{}", out(&tested), err(&tested));
    ensure!(err(&tested).contains("the first start of claude downloads it"), "{}", err(&tested));
    let words = std::fs::read_to_string(&asked)?;
    ensure!(words.starts_with("--yes @agentclientprotocol/claude-agent-acp@"), "npx was asked for {words}");

    let ran = run(&cluster, &["run", "-a", "claude", "hello"]).await?;
    ensure!(ran.status.success() && err(&ran).contains("the first start of claude downloads it"), "{}", err(&ran));

    // Another node, without a word to anybody: looking anew finds it.
    programs(root.path(), &[node("20.20.2")])?;
    let listed = out(&run(&cluster, &["agents", "--refresh"]).await?);
    let row = listed.lines().find(|line| line.starts_with("claude\t")).context("no claude")?;
    ensure!(row.contains("\tno\t") && row.contains("needs Node 22 or newer, and node on the PATH is 20.20.2"), "{row}");
    let refused = run(&cluster, &["run", "-a", "claude", "hello"]).await?;
    ensure!(refused.status.code() == Some(5) && err(&refused).contains("needs Node 22"), "{}", err(&refused));
    cluster.kill_server()?;
    cluster.start_server().await?;
    cluster.end().await
}

#[tokio::test]
async fn a_registry_adds_agents() -> Result<()> {
    let root = tempfile::tempdir()?;
    let fake = Path::new(env!("CARGO_BIN_EXE_convene")).with_file_name("fake-agent");
    let stone = format!("#!/bin/sh\nexec {}\n", fake.display());
    let path = programs(root.path(), &[("stone", stone)])?;
    let platform = format!("{}-{}", if cfg!(target_os = "macos") { "darwin" } else { "linux" }, std::env::consts::ARCH);
    let file = root.path().join("registry.json");
    let entry = |id: &str| {
        format!(
            r#"{{"id":"{id}","name":"Stone Agent","distribution":{{"binary":{{"{platform}":{{"cmd":"./{id}"}}}}}}}}"#
        )
    };
    let registry = |agents: &str| format!(r#"{{"version":"1.0.0","agents":[{agents}],"extensions":[]}}"#);
    std::fs::write(&file, registry(&format!("{},{{\"id\":3}}", entry("stone"))))?;
    let config = format!("registry = \"{}\"", file.display());
    let cluster = cluster().config(&config).environment("PATH", &path).start().await?;
    let shown = out(&run(&cluster, &["agents", "show", "stone"]).await?);
    ensure!(shown.contains("Stone Agent") && shown.contains("from the registry"), "{shown}");
    let tested = run(&cluster, &["agents", "test", "stone"]).await?;
    ensure!(tested.status.success(), "{}{}", out(&tested), err(&tested));

    std::fs::write(&file, registry(&format!("{},{}", entry("stone"), entry("pebble"))))?;
    let listed = out(&run(&cluster, &["agents", "--refresh"]).await?);
    let pebble = listed.lines().find(|line| line.starts_with("pebble\t")).context("no pebble")?;
    ensure!(pebble.contains("\tno\t"), "{pebble}");
    cluster.end().await
}

#[tokio::test]
async fn a_registry_that_is_none_is_an_error_of_the_configuration() -> Result<()> {
    let root = tempfile::tempdir()?;
    let file = root.path().join("registry.json");
    let config = format!("registry = \"{}\"", file.display());
    let cluster = cluster().config(&config).prepare()?;
    for (text, words) in [(None, "cannot read"), (Some("{\"agents\": 3}"), "no list of agents"), (Some("{"), "line 1")]
    {
        if let Some(text) = text {
            std::fs::write(&file, text)?;
        }
        let refused = run(&cluster, &["serve", "--bind", "127.0.0.1:0"]).await?;
        let error = err(&refused);
        ensure!(refused.status.code() == Some(2), "{:?} {error}", refused.status);
        ensure!(error.contains("error[config_invalid]") && error.contains(words), "{words}: {error}");
    }
    Ok(())
}

#[tokio::test]
async fn clients_of_the_list_are_told_of_agents() -> Result<()> {
    let cluster = cluster().start().await?;
    let recorder = cluster.record(Topic::List, 0)?;
    ensure!(run(&cluster, &["agents", "test", "fake", "--prompt"]).await?.status.success(), "it works");
    let told = |frame: &ListFrame| {
        let data: Value = serde_json::from_str(frame.data.get()).unwrap_or_default();
        frame.kind == "agent:updated" && data["name"] == "fake" && data["signed_in"] == true
    };
    recorder.wait("the list tells of the fake agent", |seen| seen.frames.iter().any(told)).await?;
    cluster.end().await
}

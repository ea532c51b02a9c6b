//! Secrets that an agent is given, and that it tells to everybody: they are found nowhere but in the agent.
//!
//! Canaries go in by every way there is, the agent says them by every way there is, and each process is killed in turn.
//! Then every file, every answer and every stream is searched.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use convene_api::{
    body::StopSession,
    client::{Client, CommandKey},
};
use convene_core::{ids::SessionId, view::SessionView};
use convene_testkit::cluster::{Cluster, PATIENCE, Role, Seen, Topic, wait_until};
use serde_json::json;

/// A secret, and the variable or the place by which it came.
#[derive(Clone, Copy)]
struct Canary {
    name: &'static str,
    value: &'static str,
}

const PROCESS: Canary = Canary { name: "FROM_PROCESS", value: "canary-process-4f1c9a" };
const CONFIG: Canary = Canary { name: "FROM_CONFIG", value: "canary+config/7b2e \"quoted\"\\5d" };
const SESSION: Canary = Canary { name: "PLAIN_WORD", value: "canary-session-é-83a6f0" };
const LINES: Canary = Canary { name: "PEM_KEY", value: "canary-first-line-11\ncanary-second-line-22" };
const MCP: Canary = Canary { name: "MCP_WORD", value: "canary-mcp-env-d04b71" };
const HEADER: Canary = Canary { name: "Authorization", value: "Bearer canary-mcp-header-c3e5" };

/// What a search looks for: anything that only a canary has.
const BIRD: &str = "canary";

/// As the fake agent sums a value up.
fn sum(value: &str) -> u64 {
    value.bytes().fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)) % 1_000_003)
}

/// Says which canary a text holds, as it is or in a coding that programs print.
fn found(text: &str) -> Option<String> {
    // The letters of base64 depend on what stands before: one third of a word is the same in each.
    let coded = ["Y2FuYXJ5", "NhbmFye", "jYW5hcn", "%63anary", "canary%2B"];
    let at = text.find(BIRD).or_else(|| coded.iter().find_map(|form| text.find(form)))?;
    let start = (0..=at.saturating_sub(60)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    Some(text[start..].chars().take(160).collect())
}

fn is_clean(what: &str, text: &str) -> Result<()> {
    match found(text) {
        Some(place) => bail!("{what} holds a secret: …{place}…"),
        None => Ok(()),
    }
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    let paths = entries.map(|entry| (entry.path(), entry.file_type().is_ok_and(|t| t.is_dir())));
    paths.flat_map(|(path, is_dir)| if is_dir { files_below(&path) } else { vec![path] }).collect()
}

/// Every file of the machine that the product may have written: data, run directories, logs, temporary files.
fn disk_is_clean(cluster: &Cluster) -> Result<usize> {
    let config = cluster.home().config_file();
    let files = files_below(cluster.home().root());
    for file in &files {
        // The one that the user wrote a secret into.
        if *file == config {
            continue;
        }
        // A socket cannot be read, nor what is gone meanwhile.
        let Ok(bytes) = fs::read(file) else { continue };
        is_clean(&file.display().to_string(), &String::from_utf8_lossy(&bytes))?;
    }
    for process in cluster.attempt_processes() {
        let line = fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
        is_clean("a command line", &String::from_utf8_lossy(&line))?;
    }
    Ok(files.len())
}

/// Everything that the API says, by every route that it describes.
async fn answers_are_clean(cluster: &Cluster, session: &SessionView) -> Result<usize> {
    let document = cluster.client()?.openapi().await?;
    let token = format!("Bearer {}", cluster.home().owner_token()?);
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().context("no paths")? {
        if methods.get("get").is_none() || path.ends_with("/ws") || path == "/v1/events" {
            continue;
        }
        let id = if path.starts_with("/v1/threads") { session.thread_id.to_string() } else { session.id.to_string() };
        let id = if path.starts_with("/v1/agents") { "teller".to_owned() } else { id };
        let id = if path.starts_with("/v1/workers") { "local".to_owned() } else { id };
        let filled: String = path
            .split('/')
            .map(|part| if part.starts_with('{') { id.as_str() } else { part })
            .collect::<Vec<_>>()
            .join("/");
        let answer = cluster.http("GET", &filled, &[("authorization", &token)], b"").await?;
        is_clean(&filled, &answer.head)?;
        is_clean(&filled, &answer.body)?;
        asked += 1;
    }
    for command in [vec!["ls", "--json"], vec!["audit", "--json"], vec!["agents", "--json"]] {
        let output = cluster.command(&command).output()?;
        is_clean(&command.join(" "), &String::from_utf8_lossy(&output.stdout))?;
    }
    let id = session.id.to_string();
    for command in [["logs", &id, "--json"], ["show", &id, "--json"]] {
        let output = cluster.command(&command).output()?;
        ensure!(output.status.success(), "{command:?}: {output:?}");
        is_clean(&command.join(" "), &String::from_utf8_lossy(&output.stdout))?;
        is_clean(&command.join(" "), &String::from_utf8_lossy(&output.stderr))?;
    }
    Ok(asked)
}

/// What a client was told: each event, and what the pieces make together.
fn stream_is_clean(seen: &Seen) -> Result<()> {
    ensure!(seen.faults.is_empty(), "the stream broke its promise: {:?}", seen.faults);
    for event in &seen.events {
        is_clean(&format!("event {}", event.seq), &event.json)?;
    }
    is_clean("what the agent said in all", &seen.text)?;
    for frame in &seen.frames {
        is_clean("a frame of the list", &serde_json::to_string(frame)?)?;
    }
    Ok(())
}

/// The agent has its values: it says their sums and not the values.
fn agent_has(text: &str, canaries: &[Canary]) -> Result<()> {
    for canary in canaries {
        let line = format!("{} has {} letters, sum {}", canary.name, canary.value.chars().count(), sum(canary.value));
        ensure!(text.contains(&line), "the agent has not {}: {text}", canary.name);
    }
    Ok(())
}

const TOLD: [Canary; 4] = [PROCESS, CONFIG, SESSION, LINES];

fn tell() -> String {
    let words: Vec<String> = TOLD.iter().map(|canary| format!("TELL {}", canary.name)).collect();
    format!("{}\nTELL-MCP", words.join("\n"))
}

fn toml(text: &str) -> Result<String> {
    // JSON's strings are TOML's.
    Ok(serde_json::to_string(text)?)
}

async fn teller() -> Result<Cluster> {
    let config = format!(
        "[agents.teller.env]\nFROM_PROCESS = \"env:CANARY_OF_THE_PROCESS\"\nFROM_CONFIG = {}\n",
        toml(CONFIG.value)?
    );
    let builder = Cluster::of(env!("CARGO_BIN_EXE_convene")).worker_apart().config(&config);
    // However much is logged.
    let builder = builder.environment("CONVENE_SERVER_LOG_LEVEL", "trace").environment("CONVENE_LOG", "trace");
    builder.environment("CANARY_OF_THE_PROCESS", PROCESS.value).fake_as("teller", &["--ignore-sigterm"]).start().await
}

async fn create(cluster: &Cluster, prompt: &str) -> Result<SessionId> {
    let mut body = cluster.session_of("teller", prompt);
    body.env = BTreeMap::from([(SESSION.name.to_owned(), SESSION.value.to_owned())]);
    body.env.insert(LINES.name.to_owned(), LINES.value.to_owned());
    body.mcp_servers = vec![
        json!({"name": "local", "command": "/bin/true", "args": [], "env": [{"name": MCP.name, "value": MCP.value}]}),
        json!({"type": "http", "name": "far", "url": "http://127.0.0.1:9/", "headers": [{"name": HEADER.name, "value": HEADER.value}]}),
    ];
    let created = cluster.client()?.create_session(&body, &CommandKey::fresh()).await?;
    is_clean("the answer", &serde_json::to_string(&created)?)?;
    Ok(created.session.id)
}

/// Prompts and waits for the end of that turn; what the agent said in it.
async fn ask(cluster: &Cluster, id: SessionId, prompt: &str) -> Result<String> {
    let before = cluster.session(id).await?.seq;
    let recorder = cluster.record(Topic::Session(id), before)?;
    cluster.prompt(id, prompt).await?;
    recorder.wait("the turn ended", |seen| seen.count("turn_ended") > 0).await?;
    let seen = recorder.seen();
    stream_is_clean(&seen)?;
    Ok(seen.text.clone())
}

#[tokio::test]
async fn a_secret_is_found_nowhere_but_in_the_agent() -> Result<()> {
    let mut cluster = teller().await?;
    let list = cluster.record(Topic::List, 0)?;
    let id = create(&cluster, &tell()).await?;
    let recorder = cluster.record(Topic::Session(id), 0)?;
    recorder.wait("the first turn ended", |seen| seen.count("turn_ended") == 1).await?;
    agent_has(&recorder.seen().text, &TOLD)?;
    ensure!(recorder.seen().text.contains(&format!("mcp sums {}", sum(MCP.value))), "the server's value is not there");
    ensure!(recorder.seen().text.contains("[redacted]"), "nothing was taken out");
    stream_is_clean(&recorder.seen())?;
    disk_is_clean(&cluster)?;

    // Without a server, what is told waits on the runner's disk. The last word is one that the first turn had not.
    cluster.prompt(id, &format!("STREAM 20 50000\n{}\nall of it is told", tell())).await?;
    recorder.wait("the second turn is on", |seen| seen.count("turn_started") == 2 && seen.text.contains("w3 ")).await?;
    cluster.kill_server()?;
    let spool = cluster.home().data().join("run").join(id.to_string()).join("1/spool");
    let told =
        async || Ok(fs::read(&spool).is_ok_and(|b| String::from_utf8_lossy(&b).contains("echo: all of it is told")));
    wait_until("it is in the spool", PATIENCE, told).await?;
    disk_is_clean(&cluster)?;
    cluster.start_server().await?;
    recorder.wait("the second turn ended", |seen| seen.count("turn_ended") == 2).await?;

    // Each process dies in a turn; the next attempt has the values again.
    for role in [Role::Runner, Role::Agent, Role::Keeper] {
        let before = recorder.seen().count("turn_started");
        cluster.prompt(id, &format!("{}\nSLOW", tell())).await?;
        recorder.wait("it tells", |seen| seen.count("turn_started") > before).await?;
        let view = cluster.wait_session(id, "it runs", |s| s.state == "running").await?;
        wait_until("it tells", PATIENCE, async || Ok(recorder.seen().text.matches("mcp sums").count() > before))
            .await?;
        let tree = cluster.tree(id).await?;
        cluster.kill(&[role], &tree)?;
        cluster.wait_session(id, "its end is told", |s| s.attempt == view.attempt && s.state != "running").await?;
        disk_is_clean(&cluster)?;
        let text = ask(&cluster, id, &tell()).await.with_context(|| format!("after the death of the {role:?}"))?;
        agent_has(&text, &TOLD)?;
    }

    // Stopped, the server and the worker started anew, and taken up again.
    cluster.client()?.stop(id, &StopSession::default(), &CommandKey::fresh()).await?;
    cluster.wait_session(id, "it is stopped", |s| s.state == "stopped").await?;
    cluster.attempts_gone().await?;
    disk_is_clean(&cluster)?;
    cluster.kill_server()?;
    cluster.kill_worker()?;
    cluster.restart(&[Role::Server, Role::Worker]).await?;
    let text = ask(&cluster, id, &tell()).await?;
    agent_has(&text, &TOLD)?;

    // Nobody needs more than the log to know what was taken out, and nobody gets more.
    let view = cluster.session(id).await?;
    let files = disk_is_clean(&cluster)?;
    let answers = answers_are_clean(&cluster, &view).await?;
    stream_is_clean(&recorder.seen())?;
    stream_is_clean(&list.seen())?;
    let whole = cluster.record(Topic::Session(id), 0)?;
    whole.wait("all of it", |seen| seen.last() >= view.seq).await?;
    stream_is_clean(&whole.seen())?;
    println!("{files} files, {answers} answers, {} events searched", whole.seen().events.len());
    ensure!(files > 10 && answers > 15, "that is not all: {files} files, {answers} answers");
    drop((list, recorder, whole));
    cluster.end().await
}

/// A value that cannot be opened any more is said, and the session does not run without it.
#[tokio::test]
async fn a_value_whose_key_is_gone_is_told() -> Result<()> {
    let mut cluster = teller().await?;
    cluster.kill_worker()?;
    let id = create(&cluster, "TELL PLAIN_WORD").await?;
    cluster.kill_server()?;
    fs::remove_file(cluster.home().data().join("auth/seal"))?;
    cluster.restart(&[Role::Server, Role::Worker]).await?;
    let view = cluster.wait_session(id, "it says so", |s| s.failure.is_some()).await?;
    let failure = view.failure.context("no failure")?;
    ensure!(failure.summary.contains("env/") && failure.summary.contains("auth/seal"), "{failure:#?}");
    ensure!(cluster.receipts()?.is_empty(), "the agent got its prompt without its environment");
    disk_is_clean(&cluster)?;
    cluster.end().await
}

/// What is refused is not said back with the secret in it.
#[tokio::test]
async fn a_refusal_does_not_say_the_secret_back() -> Result<()> {
    let cluster = teller().await?;
    let work = cluster.home().work();
    let bodies = [
        json!({"agent": "teller", "cwd": work, "env": {"A=B": SESSION.value}}),
        json!({"agent": "teller", "cwd": work, "env": {"A": {"x": SESSION.value}}}),
        json!({"agent": "teller", "cwd": work, "env": SESSION.value}),
        json!({"agent": "teller", "cwd": work, "env": [SESSION.value]}),
        json!({"agent": "teller", "cwd": work, "env": {"A": SESSION.value}, "nonsense": 1}),
        json!({"agent": "teller", "cwd": work, "mcp_servers": [SESSION.value]}),
        json!({"agent": "teller", "cwd": work, "mcp_servers": [{"env": {"A": SESSION.value}, "command": 7}]}),
    ];
    for body in bodies {
        let answer = cluster.post("/v1/sessions", body.to_string().as_bytes()).await?;
        ensure!(answer.status == 400, "{body}: {answer:?}");
        is_clean(&body.to_string().replace(BIRD, "bird"), &answer.body)?;
    }
    let nobody = Client::new(cluster.url().parse()?, None);
    ensure!(nobody.status().await.is_err(), "nobody is let in");
    disk_is_clean(&cluster)?;
    cluster.end().await
}

//! Attacks that became known, each on a program of this kind.

use std::{process::Stdio, time::Instant};

use anyhow::{Context as _, Result, ensure};
use convene_api::{body::StopSession, client::CommandKey};
use convene_core::event::StopMode;
use convene_testkit::cluster::{Cluster, PATIENCE, Topic};

use crate::door::{Door, UPGRADE};

/// MCP Inspector before 0.14.1: a local proxy without a token starts processes for any page, also one that calls it
/// 0.0.0.0.
#[tokio::test]
async fn cve_2025_49596_mcp_inspector_starts_processes_for_anybody() -> Result<()> {
    let door = Door::open().await?;
    let post = "POST /v1/sessions HTTP/1.1";
    let any = format!("Host: 0.0.0.0:{}", door.port);
    let (bearer, cookie) = (door.bearer(), format!("Cookie: {}", door.cookie));
    door.send(&[post], &door.evil()).await?.is_refused("no token", 401, "auth_required")?;
    door.send(&[post, &any], &door.evil()).await?.is_refused("0.0.0.0", 403, "origin_denied")?;
    for shown in [&bearer, &cookie] {
        door.send(&[post, &any, shown], &door.evil()).await?.is_refused("0.0.0.0 with it", 403, "origin_denied")?;
        let lines = [post, "Origin: https://evil.example", shown];
        door.send(&lines, &door.evil()).await?.is_refused("a page", 403, "origin_denied")?;
    }
    door.was_denied("auth_required").await?;
    door.was_denied("origin_denied").await?;
    door.close_untouched().await
}

/// opencode before 1.0.216: a server that starts by itself lets every page in, runs shells and hands out files.
#[tokio::test]
async fn cve_2026_22812_opencode_hands_shells_and_files_to_every_page() -> Result<()> {
    let door = Door::open().await?;
    let requests = [
        "POST /session/ses_1/shell HTTP/1.1",
        "POST /v1/sessions/ses_1/shell HTTP/1.1",
        "GET /file/content?path=/etc/passwd HTTP/1.1",
        "GET /v1/files?path=/etc/passwd HTTP/1.1",
        "GET /v1/blobs/..%2f..%2f..%2fetc%2fpasswd HTTP/1.1",
        "GET /assets/../../../../etc/passwd HTTP/1.1",
    ];
    for request in requests {
        let body = if request.starts_with("POST") { r#"{"command":"id"}"# } else { "" };
        let page = "Origin: http://evil.example";
        door.send(&[request, page], body).await?.is_refused(request, 403, "origin_denied")?;
        door.send(&[request], body).await?.is_refused(request, 401, "auth_required")?;
        let answer = door.send(&[request, &door.bearer()], body).await?;
        ensure!(answer.status >= 400 && !answer.body.contains("root:"), "{request}: {answer:?}");
        answer.allows_no_other_page(request)?;
    }
    // What is open to everybody lets other pages read nothing either.
    for path in ["/", "/healthz", "/readyz", "/sw.js"] {
        let line = format!("GET {path} HTTP/1.1");
        door.send(&[&line], "").await?.allows_no_other_page(path)?;
        door.send(&[&line, "Origin: http://evil.example"], "").await?.is_refused(path, 403, "origin_denied")?;
    }
    door.close_untouched().await
}

/// opencode issue 38857: a server on 0.0.0.0 without a password became a miner.
#[tokio::test]
async fn opencode_38857_a_server_that_is_open_to_the_network() -> Result<()> {
    let cluster = Cluster::of(env!("CARGO_BIN_EXE_convene")).prepare()?;
    for bind in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:0.0.0.0]:0"] {
        let mut command = cluster.command(&["serve", "--bind", bind]);
        let output = tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output());
        let output = tokio::time::timeout(PATIENCE, output).await.context("it does not end")???;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(!output.status.success() && text.contains("error[bind_refused]"), "{bind}: {text}");
        ensure!(output.stdout.is_empty(), "{bind}: it says that it listens");
    }
    ensure!(!cluster.home().data().join("convene.db").exists(), "it had begun");
    cluster.end().await
}

/// Claude Code's editor extensions: a WebSocket on this machine that any page may open.
#[tokio::test]
async fn cve_2025_52882_claude_code_opens_its_websocket_to_any_page() -> Result<()> {
    let door = Door::open().await?;
    let (bearer, cookie) = (door.bearer(), format!("Cookie: {}", door.cookie));
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1", "file://", "vscode-webview://x"] {
        let origin = format!("Origin: {origin}");
        for shown in [bearer.as_str(), &cookie, "X-Nothing: 1"] {
            let lines: Vec<&str> = UPGRADE.into_iter().chain([origin.as_str(), shown]).collect();
            door.send(&lines, "").await?.is_refused(&origin, 403, "origin_denied")?;
        }
    }
    door.send(&UPGRADE, "").await?.is_refused("no token", 401, "auth_required")?;
    let subprotocol = format!("Sec-WebSocket-Protocol: {}", door.token);
    let lines: Vec<&str> = UPGRADE.into_iter().chain([subprotocol.as_str()]).collect();
    door.send(&lines, "").await?.is_refused("a token as a protocol", 401, "auth_required")?;
    door.was_denied("origin_denied").await?;
    door.close_untouched().await
}

/// The Rust MCP SDK before 1.4.0 (also GHSA-89vp-x53w-74fx and RUSTSEC-2026-0189): a name of somebody else that leads
/// here is answered.
#[tokio::test]
async fn cve_2026_42559_rmcp_answers_to_any_name() -> Result<()> {
    let door = Door::open().await?;
    let (bearer, cookie) = (door.bearer(), format!("Cookie: {}", door.cookie));
    for host in ["rebound.evil.example", "rebound.evil.example:80", "0.0.0.0", "[::]", "127.0.0.1.nip.example"] {
        let host = format!("Host: {host}");
        for shown in [&bearer, &cookie] {
            for request in ["GET /v1/sessions HTTP/1.1", "GET /openapi.json HTTP/1.1", "GET / HTTP/1.1"] {
                door.send(&[request, &host, shown], "").await?.is_refused(&host, 403, "origin_denied")?;
            }
            let lines = ["POST /v1/sessions HTTP/1.1", &host, shown];
            door.send(&lines, &door.evil()).await?.is_refused(&host, 403, "origin_denied")?;
        }
    }
    door.was_denied("origin_denied").await?;
    door.close_untouched().await
}

/// The MCP SDKs for TypeScript (also GHSA-w48q-cv73-mx4w) and Python: the same, because the check was off by default.
#[tokio::test]
async fn cve_2025_66414_and_66416_mcp_sdks_check_names_only_when_told() -> Result<()> {
    // A server as it comes, without a word of configuration; its streams are as closed as everything else.
    let door = Door::open().await?;
    let bearer = door.bearer();
    let stream = ["GET /v1/events HTTP/1.1", "Accept: text/event-stream", "Host: rebound.example:4747", &bearer];
    door.send(&stream, "").await?.is_refused("a stream", 403, "origin_denied")?;
    let socket: Vec<&str> = UPGRADE.into_iter().chain(["Host: rebound.example:4747", &bearer]).collect();
    door.send(&socket, "").await?.is_refused("a socket", 403, "origin_denied")?;
    door.close_untouched().await
}

/// Claude Code before 1.0.111: an address was allowed because it began as an allowed one does.
#[tokio::test]
async fn cve_2026_24052_claude_code_compares_beginnings() -> Result<()> {
    let door = Door::open_with("[server]\norigins = [\"https://convene.example\"]").await?;
    let (bearer, port) = (door.bearer(), door.port);
    let origins = [
        format!("http://127.0.0.1:{port}.evil.example"),
        format!("http://127.0.0.1:{port}@evil.example"),
        format!("http://127.0.0.1:{port}/"),
        format!("http://evil.example/http://127.0.0.1:{port}"),
        "http://127.0.0.1.evil.example".to_owned(),
        "http://localhost.evil.example".to_owned(),
        "http://localhost.evil".to_owned(),
        "https://convene.example.evil.example".to_owned(),
        "https://convene.example@evil.example".to_owned(),
        "https://convene.example:444".to_owned(),
        "https://xconvene.example".to_owned(),
        "https://sub.convene.example".to_owned(),
        "http://convene.example".to_owned(),
    ];
    for origin in origins {
        let line = format!("Origin: {origin}");
        let lines = ["POST /v1/sessions HTTP/1.1", &line, &bearer];
        door.send(&lines, &door.evil()).await?.is_refused(&origin, 403, "origin_denied")?;
    }
    for host in ["convene.example.evil.example", "xconvene.example", "localhost.evil", "127.0.0.1.evil.example"] {
        let line = format!("Host: {host}");
        let lines = ["GET /v1/status HTTP/1.1", &line, &bearer];
        door.send(&lines, "").await?.is_refused(host, 403, "origin_denied")?;
    }
    let own = ["GET /v1/status HTTP/1.1", "Host: convene.example", "Origin: https://convene.example", &bearer];
    ensure!(door.send(&own, "").await?.status == 200, "the configured origin is not let in");
    door.close_untouched().await
}

/// nanocoder 1059, ResonantOS 320, ODS 166: the same class again and again, so every route there is is tried.
#[tokio::test]
async fn nanocoder_1059_resonantos_320_ods_166_a_route_that_somebody_forgot() -> Result<()> {
    let door = Door::open().await?;
    let document = door.cluster.client()?.openapi().await?;
    let paths = document["paths"].as_object().context("no paths")?;
    let mut tried = 0;
    for (path, methods) in paths {
        if ["/healthz", "/readyz"].contains(&path.as_str()) {
            continue;
        }
        for method in methods.as_object().into_iter().flat_map(|m| m.keys()) {
            let line = format!("{} {} HTTP/1.1", method.to_uppercase(), path.replace(['{', '}'], ""));
            let body = if method == "get" { "" } else { "{}" };
            let answer = door.send(&[&line], body).await?;
            // The way in takes a link instead of a token.
            let wanted = if path == "/v1/login" { "invalid_request" } else { "auth_required" };
            ensure!(answer.code() == wanted, "{line} without a token: {answer:?}");
            let wrong = "Authorization: Bearer cvo_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
            if path != "/v1/login" {
                door.send(&[&line, wrong], body).await?.is_refused(&line, 401, "token_invalid")?;
            }
            let page = "Origin: https://evil.example";
            door.send(&[&line, page, &door.bearer()], body).await?.is_refused(&line, 403, "origin_denied")?;
            tried += 1;
        }
    }
    ensure!(tried > 30, "only {tried} routes were found");
    door.close_untouched().await
}

/// OpenHands SDK 4901 and 4910, agentrove 763, kandev 1247 and 1249 and others: the process at the end of the chain
/// survives when the first one is killed.
#[tokio::test]
async fn openhands_4901_agentrove_763_kandev_1247_leaves_survive() -> Result<()> {
    let cluster = Cluster::of(env!("CARGO_BIN_EXE_convene")).start().await?;
    let id = cluster.create("DAEMON\nDAEMON HOLD").await?.session.id;
    cluster.wait_idle(id).await?;
    ensure!(cluster.attempt_processes().len() > 8, "the children are not there: {:?}", cluster.attempt_processes());
    let now = StopSession { mode: StopMode::Now, message: None };
    cluster.client()?.stop(id, &now, &CommandKey::fresh()).await?;
    cluster.attempts_gone().await?;
    let view = cluster.wait_session(id, "it is stopped", |s| s.state == "stopped").await?;
    ensure!(view.stop_verified == Some(true), "it is not proved: {view:#?}");
    cluster.end().await
}

/// eliza 31953, pi-agent-dashboard 370, RuView 484: a client that reads slowly loses frames, or the server.
#[tokio::test]
async fn eliza_31953_pi_agent_dashboard_370_ruview_484_slow_clients_lose_frames() -> Result<()> {
    let cluster = Cluster::of(env!("CARGO_BIN_EXE_convene")).start().await?;
    let id = cluster.create("").await?.session.id;
    let mut frozen = Vec::new();
    for _ in 0..20 {
        frozen.push(cluster.record_without_reading(Topic::Session(id), 0).await?);
    }
    let reader = cluster.record(Topic::Session(id), 0)?;
    cluster.prompt(id, &"TOOL\n".repeat(3000)).await?;
    reader.wait("the one that reads has all", |seen| seen.count("turn_ended") == 1).await?;
    let log = cluster.log(id).await?;
    log.is_all_of(&reader.seen(), 0)?;
    drop((frozen, reader));
    let late = cluster.record(Topic::Session(id), 0)?;
    late.wait("the one that comes back has all", |seen| seen.last() == log.events.len() as u64).await?;
    log.is_all_of(&late.seen(), 0)?;
    drop(late);
    cluster.end().await
}

/// claude-code 22040: a long history keeps the program from starting.
#[tokio::test]
async fn claude_code_22040_a_long_history_blocks_the_start() -> Result<()> {
    let mut cluster = Cluster::of(env!("CARGO_BIN_EXE_convene")).start().await?;
    let id = cluster.create(&"TOOL\n".repeat(6000)).await?.session.id;
    let events = cluster.wait_idle(id).await?.seq;
    ensure!(events > 15_000, "the history has {events} events only");
    cluster.kill_server()?;
    let started = Instant::now();
    cluster.start_server().await?;
    let took = started.elapsed();
    // A parse of all of it would take a multiple on a busy machine; the process alone takes most of this.
    ensure!(took.as_secs() < 20, "the start took {took:?}");
    ensure!(cluster.session(id).await?.seq >= events, "the history is shorter");
    cluster.end().await
}

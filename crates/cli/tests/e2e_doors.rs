//! What is refused at the doors, and how: every refusal has a code and a hint, changes nothing and loses nothing.

use std::{collections::BTreeSet, os::unix::fs::PermissionsExt as _, path::Path, process::Output};

use anyhow::{Context as _, Result, ensure};
use convene_api::{
    client::{Client, ClientError, CommandKey, SessionsQuery},
    problem::Code,
};
use convene_testkit::cluster::{Builder, Cluster, PATIENCE};
use serde_json::json;

fn cluster() -> Builder {
    Cluster::of(env!("CARGO_BIN_EXE_convene"))
}

/// Runs a server that will not come up, and returns what it says.
async fn refused(cluster: &Cluster, args: &[&str]) -> Result<Output> {
    let mut command = cluster.command(args);
    command.stdin(std::process::Stdio::null());
    let output = tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(move || command.output()));
    let output = output.await.context("it does not end")???;
    ensure!(!output.status.success(), "{args:?} came up");
    Ok(output)
}

fn says(output: &Output, code: &str) -> Result<String> {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(text.contains(&format!("error[{code}]")), "it says {text}");
    ensure!(output.stdout.is_empty(), "it wrote to stdout: {}", String::from_utf8_lossy(&output.stdout));
    Ok(text)
}

#[tokio::test]
async fn a_second_server_on_a_data_directory_is_refused() -> Result<()> {
    let cluster = cluster().start().await?;
    let created = cluster.create("hello").await?;
    let output = refused(&cluster, &["serve", "--bind", "127.0.0.1:0"]).await?;
    let text = says(&output, "server_already_running")?;
    let pid = cluster.server_pid().context("no server")?.to_string();
    ensure!(text.contains(&pid), "it does not name pid {pid}: {text}");
    ensure!(text.contains("hint"), "it gives no hint: {text}");
    cluster.wait_idle(created.session.id).await?;
    cluster.end().await
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() -> Result<()> {
    let cluster = cluster().prepare()?;
    let other = std::net::TcpListener::bind("127.0.0.1:0")?;
    let addr = other.local_addr()?.to_string();
    let text = says(&refused(&cluster, &["serve", "--bind", &addr]).await?, "port_in_use")?;
    ensure!(text.contains(&addr) && text.contains("127.0.0.1:0"), "it says {text}");
    // Nothing stands in the way of the next try.
    let mut cluster = cluster;
    cluster.start_server().await?;
    cluster.end().await
}

#[tokio::test]
async fn a_free_port_is_taken_and_told() -> Result<()> {
    let cluster = cluster().prepare()?;
    let mut server = cluster.spawn("json", &["serve", "--bind", "127.0.0.1:0", "--log-format", "json"], &[])?;
    let line = server.wait_for_line("listening", PATIENCE).await?;
    let line: serde_json::Value = serde_json::from_str(&line).with_context(|| line.clone())?;
    let url = line["listening"].as_str().context("no address")?;
    let client = Client::new(url.parse()?, Some(cluster.home().owner_token()?));
    client.ready().await?;
    server.terminate()?;
    let status = server.wait(PATIENCE).await?;
    ensure!(status.success(), "SIGTERM ends it with {status}");
    cluster.end().await
}

#[tokio::test]
async fn a_bind_that_is_open_to_the_network_is_refused() -> Result<()> {
    let cluster = cluster().prepare()?;
    says(&refused(&cluster, &["serve", "--bind", "0.0.0.0:0"]).await?, "bind_refused")?;
    cluster.end().await
}

#[tokio::test]
async fn a_data_directory_that_is_a_file_stays_a_file() -> Result<()> {
    let cluster = cluster().prepare()?;
    std::fs::write(cluster.home().data(), "mine")?;
    let output = refused(&cluster, &["serve", "--bind", "127.0.0.1:0"]).await?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(text.contains("error["), "it says {text}");
    ensure!(text.contains(&*cluster.home().data().to_string_lossy()), "it does not name the file: {text}");
    ensure!(std::fs::read_to_string(cluster.home().data())? == "mine", "the file was changed");
    cluster.end().await
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_written_is_named() -> Result<()> {
    let cluster = cluster().prepare()?;
    // Root may write anywhere but where the system has no files of anybody.
    let root = std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    let data = if root { Path::new("/sys/convene-data").to_owned() } else { cluster.home().data() };
    if !root {
        std::fs::create_dir(&data)?;
        std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o500))?;
    }
    let text = data.to_string_lossy().into_owned();
    let output = refused(&cluster, &["serve", "--bind", "127.0.0.1:0", "--data-dir", &text]).await?;
    let said = says(&output, "storage_readonly")?;
    ensure!(said.contains(&text), "it does not name {text}: {said}");
    if !root {
        std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o700))?;
    }
    cluster.end().await
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() -> Result<()> {
    let cluster = cluster().prepare()?;
    std::fs::create_dir(cluster.home().data())?;
    let newer = include_bytes!("e2e/newer.db");
    let path = cluster.home().data().join("convene.db");
    std::fs::write(&path, newer)?;
    let text = says(&refused(&cluster, &["serve", "--bind", "127.0.0.1:0"]).await?, "database_newer")?;
    ensure!(text.contains("9999"), "it says {text}");
    ensure!(text.contains("upgrade convene"), "it gives no hint: {text}");
    ensure!(rows_of(&std::fs::read(&path)?) == rows_of(newer), "the database was changed");
    cluster.end().await
}

/// A database without the pages' header: the first 100 bytes have the journal's mode and counters, which opening sets.
fn rows_of(database: &[u8]) -> &[u8] {
    database.get(100..).unwrap_or_default()
}

#[tokio::test]
async fn without_a_worker_a_session_waits_and_says_why() -> Result<()> {
    let mut cluster = cluster().worker_apart().prepare()?;
    cluster.start_server().await?;
    let created = cluster.create("hello").await?;
    let id = created.session.id;
    let view = cluster.wait_session(id, "it says why it waits", |s| s.waiting.is_some()).await?;
    ensure!(view.state == "pending", "it is {}", view.state);
    let waiting = view.waiting.context("no reason")?;
    ensure!(waiting.reason == "no_worker", "it waits for {waiting:?}");
    ensure!(cluster.receipts()?.is_empty(), "somebody got the prompt");
    // The reason outlives the server.
    cluster.kill_server()?;
    cluster.start_server().await?;
    cluster
        .wait_session(id, "it still says so", |s| s.waiting.as_ref().is_some_and(|w| w.reason == "no_worker"))
        .await?;

    cluster.start_worker().await?;
    let view = cluster.wait_idle(id).await?;
    ensure!(view.waiting.is_none(), "it still says that it waits");
    ensure!(cluster.receipts()? == ["hello"], "the agent got {:?}", cluster.receipts()?);
    cluster.end().await
}

#[tokio::test]
async fn one_key_is_one_session_however_often_it_comes() -> Result<()> {
    const TIMES: usize = 20;
    let mut cluster = cluster().start().await?;
    let key = CommandKey::fresh();
    let body = cluster.session_of("fake", "hello");
    let client = cluster.client()?;
    let creates = (0..TIMES).map(|_| client.create_session(&body, &key));
    let mut sessions = BTreeSet::new();
    for created in futures_util::future::join_all(creates).await {
        let created = created?;
        sessions.insert((created.session.id, created.cursor.seq, created.cursor.pos));
    }
    ensure!(sessions.len() == 1, "the answers differ: {sessions:?}");
    let listed = client.sessions(&SessionsQuery::default()).await?;
    ensure!(listed.items.len() == 1, "there are {} sessions", listed.items.len());
    let id = listed.items[0].id;
    cluster.wait_idle(id).await?;

    // With another body it is a mistake.
    let other = cluster.session_of("fake", "something else");
    match client.create_session(&other, &key).await {
        Err(ClientError::Problem(problem)) => ensure!(problem.code == Code::IdempotencyConflict, "{problem:?}"),
        answer => panic!("another body under the key got {answer:?}"),
    }
    // And over a restart it is still known.
    cluster.kill_server()?;
    cluster.start_server().await?;
    let again = cluster.client()?.create_session(&body, &key).await?;
    ensure!(again.session.id == id, "it made {}", again.session.id);
    ensure!(cluster.client()?.sessions(&SessionsQuery::default()).await?.items.len() == 1, "there are two now");
    ensure!(cluster.receipts()? == ["hello"], "the agent got {:?}", cluster.receipts()?);
    cluster.end().await
}

#[tokio::test]
async fn who_has_no_token_gets_nothing() -> Result<()> {
    let cluster = cluster().start().await?;
    let token = format!("Bearer {}", cluster.home().owner_token()?);
    let own = ("authorization", token.as_str());
    let json = ("content-type", "application/json");
    let body = json!({"agent": "fake", "cwd": cluster.home().work(), "prompt": "hello"}).to_string();
    let body = body.as_bytes();
    let evil = ("authorization", "Bearer cvo_0000000000000000000000000000000000000000000000000000000000000000");
    type Headers<'a> = &'a [(&'a str, &'a str)];
    let cases: [(&str, Headers<'_>, u16, &str); 6] = [
        ("no token", &[json], 401, "auth_required"),
        ("a foreign token", &[json, evil], 401, "token_invalid"),
        ("another host", &[json, own, ("host", "evil.example")], 403, "origin_denied"),
        ("no host that could be one", &[json, own, ("host", "0.0.0.0:1")], 403, "origin_denied"),
        ("another origin", &[json, own, ("origin", "https://evil.example")], 403, "origin_denied"),
        ("a null origin", &[json, own, ("origin", "null")], 403, "origin_denied"),
    ];
    for (what, headers, status, code) in cases {
        let answer = cluster.http("POST", "/v1/sessions", headers, body).await?;
        ensure!(answer.status == status, "{what}: {} {}", answer.status, answer.body);
        ensure!(answer.code() == code, "{what}: {}", answer.body);
    }
    // What a form on a page may send without asking first.
    let answer = cluster.http("POST", "/v1/sessions", &[own, ("content-type", "text/plain")], body).await?;
    ensure!(answer.status >= 400, "a form's body was taken: {}", answer.body);
    for path in ["/v1/sessions", "/v1/ws", "/v1/events", "/v1/tokens", "/v1/agents", "/metrics"] {
        let answer = cluster.http("GET", path, &[], b"").await?;
        ensure!(answer.status == 401, "{path} answers {} to nobody", answer.status);
    }
    ensure!(cluster.client()?.sessions(&SessionsQuery::default()).await?.items.is_empty(), "a session was made");
    cluster.end().await
}

#[tokio::test]
async fn bad_input_is_named_and_changes_nothing() -> Result<()> {
    let cluster = cluster().start().await?;
    let work = cluster.home().work();
    let file = work.join("file");
    std::fs::write(&file, "")?;
    let with = |changes: serde_json::Value| {
        let mut body = json!({"agent": "fake", "cwd": work, "prompt": "hello"});
        for (name, value) in changes.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        body.to_string().into_bytes()
    };
    let big = "x".repeat(10 << 20);
    // The body, the status, the codes that fit, and what a person must find in the answer.
    type Case<'a> = (Vec<u8>, u16, &'a [&'a str], &'a str);
    let cases: Vec<Case<'_>> = vec![
        (with(json!({"agent": "fkae"})), 400, &["agent_unknown"], "fake"),
        (with(json!({"cwd": work.join("nowhere")})), 400, &["cwd_missing"], ""),
        (with(json!({"cwd": file})), 400, &["cwd_not_a_directory"], "give its directory"),
        (with(json!({"cwd": "/etc"})), 403, &["cwd_not_allowed"], "roots"),
        (with(json!({"cwd": "relative"})), 400, &["invalid_request"], ""),
        (with(json!({"prompt": ""})), 400, &["prompt_empty"], ""),
        (with(json!({"prompt": "  \n "})), 400, &["prompt_empty"], ""),
        (with(json!({"prompt": big})), 413, &["prompt_too_large", "body_too_large"], ""),
        (with(json!({"promt": "hello"})), 400, &["unknown_field"], "prompt"),
        (with(json!({"permissions": "some"})), 400, &["invalid_request"], ""),
        (with(json!({"worktree": true})), 400, &["worktree_not_git"], "worktree"),
        (with(json!({"sandbox": "landlock"})), 501, &["not_supported_yet"], ""),
        (b"{\"agent\": \"fake\", \"prompt\": \"\xff\xfe\"}".to_vec(), 400, &["prompt_not_text", "invalid_request"], ""),
        (b"{\"agent\": ".to_vec(), 400, &["invalid_request"], ""),
        (b"[]".to_vec(), 400, &["invalid_request"], ""),
    ];
    for (body, status, codes, hint) in cases {
        let answer = cluster.post("/v1/sessions", &body).await?;
        let what = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        ensure!(answer.status == status, "{what}: {} {}", answer.status, answer.body);
        ensure!(codes.contains(&answer.code().as_str()), "{what}: {}", answer.body);
        ensure!(answer.body.contains(hint), "{what}: no {hint:?} in {}", answer.body);
        ensure!(answer.head.to_lowercase().contains("application/problem+json"), "{what}: {}", answer.head);
    }
    let page = cluster.client()?.sessions(&SessionsQuery::default()).await?;
    ensure!(page.items.is_empty(), "a refused command made {:?}", page.items);
    cluster.end().await
}

//! Tokens that are real and not good for this.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use convene_api::{
    body::{AuditKind, AuditOutcome, CreateToken, RotateToken},
    client::CommandKey,
};
use convene_core::ids::SessionId;
use convene_testkit::cluster::{PATIENCE, wait_until};
use serde_json::json;
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::door::{Door, UPGRADE, read, read_head};

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

#[tokio::test]
async fn a_login_link_twice_or_guessed() -> Result<()> {
    let door = Door::open().await?;
    let link = door.cluster.client()?.login_link(&CommandKey::fresh()).await?.path;
    let link = link.strip_prefix("/#t=").context("another kind of link")?.to_owned();
    let login = "POST /v1/login HTTP/1.1";
    let body = json!({ "token": link }).to_string();
    // A page of another origin cannot use it up either.
    let page = "Origin: https://evil.example";
    door.send(&[login, page], &body).await?.is_refused("another page", 403, "origin_denied")?;
    for guess in ["", "x", "00000000000000000000000000000000", &link[..31], &format!("{link}0")] {
        let answer = door.send(&[login], &json!({ "token": guess }).to_string()).await?;
        answer.is_refused(guess, 401, "token_invalid")?;
        ensure!(!answer.head.contains("set-cookie"), "{answer:?}");
    }
    let first = door.send(&[login], &body).await?;
    ensure!(first.status == 200 && first.head.contains("httponly; samesite=strict"), "{first:?}");
    let again = door.send(&[login], &body).await?;
    again.is_refused("a second time", 410, "login_link_used")?;
    ensure!(!again.head.contains("set-cookie"), "{again:?}");
    // What it is worth as a token is nothing.
    let lines = ["GET /v1/sessions HTTP/1.1", &bearer(&link)];
    door.send(&lines, "").await?.is_refused("as a token", 401, "token_invalid")?;
    // It does not outlive the server that made it.
    let mut door = door;
    let link = door.cluster.client()?.login_link(&CommandKey::fresh()).await?.path;
    door.cluster.kill_server()?;
    door.cluster.start_server().await?;
    let body = json!({ "token": link.strip_prefix("/#t=") }).to_string();
    door.send(&[login], &body).await?.is_refused("after a restart", 401, "token_invalid")?;
    door.close_untouched().await
}

#[tokio::test]
async fn an_attempts_token_is_good_for_its_attempt_alone() -> Result<()> {
    let mut cluster = convene_testkit::cluster::Cluster::of(env!("CARGO_BIN_EXE_convene")).start().await?;
    let (own, other) = (cluster.create("hello").await?.session.id, cluster.create("hello").await?.session.id);
    cluster.wait_idle(own).await?;
    cluster.wait_idle(other).await?;
    // Its code is made from the secret that only the server has; the same derivation, by hand.
    let token = attempt_token(&cluster.home().data(), own, 1)?;
    let port: u16 = cluster.url().rsplit_once(':').and_then(|(_, p)| p.parse().ok()).context("no port")?;
    let door = Door { token: cluster.home().owner_token()?, cookie: String::new(), port, cluster };
    let shown = bearer(&token);
    let read_own = door.send(&[&format!("GET /v1/sessions/{own} HTTP/1.1"), &shown], "").await?;
    ensure!(read_own.status == 200, "it does not read its own session: {read_own:?}");
    let requests = [
        format!("GET /v1/sessions/{other} HTTP/1.1"),
        format!("GET /v1/sessions/{own}/../{other} HTTP/1.1"),
        "GET /v1/sessions HTTP/1.1".to_owned(),
        "GET /v1/tokens HTTP/1.1".to_owned(),
        "GET /v1/audit HTTP/1.1".to_owned(),
        "GET /v1/events HTTP/1.1".to_owned(),
        "GET /v1/ws HTTP/1.1".to_owned(),
        "GET /metrics HTTP/1.1".to_owned(),
        "GET /v1/uplink/worker HTTP/1.1".to_owned(),
        format!("POST /v1/sessions/{own}/prompts HTTP/1.1"),
        format!("POST /v1/sessions/{own}/stop HTTP/1.1"),
        format!("POST /v1/sessions/{own}/permissions/prm_1 HTTP/1.1"),
        format!("PATCH /v1/sessions/{own} HTTP/1.1"),
        format!("DELETE /v1/sessions/{other} HTTP/1.1"),
        "POST /v1/sessions HTTP/1.1".to_owned(),
        "POST /v1/tokens HTTP/1.1".to_owned(),
        "POST /v1/login/links HTTP/1.1".to_owned(),
        "POST /v1/shutdown HTTP/1.1".to_owned(),
    ];
    for request in &requests {
        let body = if request.starts_with("GET") { "" } else { "{}" };
        door.send(&[request, &shown], body).await?.is_refused(request, 403, "scope_denied")?;
    }
    let denied = door.audit().await?;
    let denied = denied.iter().filter(|e| e.actor.kind == AuditKind::Attempt && e.outcome == AuditOutcome::Denied);
    ensure!(denied.count() == requests.len(), "the audit log has not all of them");
    // An uplink with it, for another session and for another attempt of its own.
    for (session, attempt) in [(other, 1), (own, 2), (own, 0)] {
        let said = uplink(&door, &token, session, attempt).await?;
        ensure!(said.contains("fenced"), "{session} {attempt}: {said}");
    }
    for session in [own, other] {
        ensure!(door.cluster.session(session).await?.state == "idle", "an uplink broke {session}");
    }
    // It ends with its attempt.
    door.cluster.client()?.stop(own, &convene_api::body::StopSession::default(), &CommandKey::fresh()).await?;
    door.cluster.wait_session(own, "it is stopped", |s| s.state == "stopped").await?;
    let after = door.send(&[&format!("GET /v1/sessions/{own} HTTP/1.1"), &shown], "").await?;
    after.is_refused("after the end", 401, "token_invalid")?;
    let forged = attempt_token(&door.cluster.home().data(), other, 1)?.replace("cva_", "cvt_");
    let answer = door.send(&["GET /v1/sessions HTTP/1.1", &bearer(&forged)], "").await?;
    answer.is_refused("another kind", 401, "token_invalid")?;
    cluster = door.cluster;
    cluster.end().await
}

/// What an attempt's token is, made from the key in the data directory as the server makes it.
fn attempt_token(data: &std::path::Path, session: SessionId, attempt: u32) -> Result<String> {
    let secret = std::fs::read_to_string(data.join("auth/secret"))?;
    let text = format!("cva_{}_{attempt}", session.uuid().simple());
    Ok(format!("{text}_{}", hmac_hex(secret.trim().as_bytes(), text.as_bytes())))
}

/// HMAC-SHA256 by its definition.
fn hmac_hex(key: &[u8], text: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    let mut block = [0_u8; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let (inner, outer) = (block.map(|b| b ^ 0x36), block.map(|b| b ^ 0x5c));
    let inside = Sha256::new().chain_update(inner).chain_update(text).finalize();
    format!("{:x}", Sha256::new().chain_update(outer).chain_update(inside).finalize())
}

/// Opens a runner's uplink with a token, says hello for an attempt, and returns what comes.
async fn uplink(door: &Door, token: &str, session: SessionId, attempt: u32) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", door.port)).await?;
    let mut request = UPGRADE.join("\r\n").replace("/v1/ws", "/v1/uplink/runner");
    request.push_str(&format!("\r\nHost: {}\r\n{}\r\n\r\n", door.host(), bearer(token)));
    stream.write_all(request.as_bytes()).await?;
    let answer = read_head(&mut stream).await?;
    ensure!(answer.status == 101, "{answer:?}");
    let hello = json!({"hello": {
        "session": session, "attempt": attempt, "instance": "ins_0197f1b2c3d47e5fa6b7c8d9e0f1a2b3",
        "protocol": {"min": 1, "max": 1}, "version": "0", "last_directive": 0,
    }})
    .to_string();
    // A text frame with a mask of zeros.
    let length = u16::try_from(hello.len())?.to_be_bytes();
    let frame = [&[0x81, 0x80 | 126, length[0], length[1], 0, 0, 0, 0], hello.as_bytes()].concat();
    stream.write_all(&frame).await?;
    Ok(read(&mut stream, Duration::from_secs(10)).await)
}

#[tokio::test]
async fn a_token_does_what_its_scope_says_and_no_more() -> Result<()> {
    let door = Door::open().await?;
    let none = "00000000000000000000000000000000";
    let (ses, prm) = (format!("ses_{none}"), format!("prm_{none}"));
    // What is wanted at least, and the request; what is let in fails for want of an object.
    let requests = [
        (0, "GET /v1/sessions HTTP/1.1".to_owned()),
        (0, "GET /v1/agents HTTP/1.1".to_owned()),
        (0, "GET /metrics HTTP/1.1".to_owned()),
        (1, format!("POST /v1/sessions/{ses}/permissions/{prm} HTTP/1.1")),
        (2, format!("POST /v1/sessions/{ses}/prompts HTTP/1.1")),
        (2, format!("POST /v1/sessions/{ses}/stop HTTP/1.1")),
        (2, format!("PATCH /v1/sessions/{ses} HTTP/1.1")),
        (2, format!("DELETE /v1/sessions/{ses} HTTP/1.1")),
        (2, format!("DELETE /v1/threads/thr_{none} HTTP/1.1")),
        (3, "GET /v1/tokens HTTP/1.1".to_owned()),
        (3, "POST /v1/tokens HTTP/1.1".to_owned()),
        (3, format!("POST /v1/tokens/tok_{none}/rotate HTTP/1.1")),
        (3, format!("DELETE /v1/tokens/tok_{none} HTTP/1.1")),
        (3, "GET /v1/audit HTTP/1.1".to_owned()),
        (3, "POST /v1/login/links HTTP/1.1".to_owned()),
    ];
    for (level, scope) in ["read", "approve", "write", "admin"].into_iter().enumerate() {
        let shown = bearer(&door.token(scope).await?);
        for (wanted, request) in &requests {
            let body = match request.split(' ').next() {
                Some("GET" | "DELETE") => "",
                _ if request.contains("permissions") => r#"{"decision":"allow_once"}"#,
                _ if request.contains("prompts") => r#"{"content":"x"}"#,
                _ if request.contains("PATCH") => r#"{"title":"x"}"#,
                _ => "{}",
            };
            let answer = door.send(&[request, &shown], body).await?;
            let is_denied = answer.code() == "scope_denied";
            ensure!(is_denied == (level < *wanted), "{scope}: {request}: {answer:?}");
            ensure!(!is_denied || answer.status == 403, "{scope}: {request}: {answer:?}");
        }
        if scope != "admin" {
            let stop = "POST /v1/shutdown HTTP/1.1";
            door.send(&[stop, &shown], "{}").await?.is_refused(scope, 403, "scope_denied")?;
        }
    }
    let worker = bearer(&door.token("worker").await?);
    for request in ["GET /v1/sessions HTTP/1.1", "GET /v1/uplink/runner HTTP/1.1", "POST /v1/sessions HTTP/1.1"] {
        door.send(&[request, &worker], "{}").await?.is_refused(request, 403, "scope_denied")?;
    }
    for scope in ["root", "", "ADMIN", "attempt", "read,admin"] {
        let body = json!({ "scope": scope }).to_string();
        let answer = door.send(&["POST /v1/tokens HTTP/1.1", &door.bearer()], &body).await?;
        answer.is_refused(scope, 400, "invalid_request")?;
    }
    door.was_denied("scope_denied").await?;
    door.close_untouched().await
}

#[tokio::test]
async fn a_token_that_was_replaced_or_revoked() -> Result<()> {
    let door = Door::open().await?;
    let client = door.cluster.client()?;
    let body = CreateToken { name: "ci".to_owned(), expires_in: None, scope: Some("read".to_owned()) };
    let made = client.create_token(&body, &CommandKey::fresh()).await?;
    let id = made.token.id;
    let works = async |secret: &str| -> Result<bool> {
        let answer = door.send(&["GET /v1/sessions HTTP/1.1", &bearer(secret)], "").await?;
        ensure!(answer.status == 200 || answer.code() == "token_invalid", "{answer:?}");
        Ok(answer.status == 200)
    };
    ensure!(works(&made.secret).await?, "the first secret does not work");
    // With a grace both work, without one only the new one does; a retry gets the same secret.
    let key = CommandKey::fresh();
    let second = client.rotate_token(id, &RotateToken { grace: 3600 }, &key).await?;
    let again = client.rotate_token(id, &RotateToken { grace: 3600 }, &key).await?;
    ensure!(second.secret == again.secret && second.secret != made.secret, "{again:?}");
    ensure!(second.token.previous_until.is_some() && second.token.generation == 1, "{second:?}");
    ensure!(works(&made.secret).await? && works(&second.secret).await?, "not both secrets work");
    let third = client.rotate_token(id, &RotateToken { grace: 0 }, &CommandKey::fresh()).await?;
    ensure!(!works(&made.secret).await? && !works(&second.secret).await?, "an old secret works");
    ensure!(works(&third.secret).await?, "the newest secret does not work");
    let brief = client.rotate_token(id, &RotateToken { grace: 5 }, &CommandKey::fresh()).await?;
    ensure!(works(&third.secret).await?, "the grace is none");
    wait_until("the grace is over", PATIENCE, async || Ok(!works(&third.secret).await?)).await?;
    ensure!(client.tokens().await?.items[0].last_used_at.is_some(), "it does not say when it was used");
    client.revoke_token(id, &CommandKey::fresh()).await?;
    ensure!(!works(&brief.secret).await?, "a revoked token works");
    // A token that is gone is not brought back by a rotation.
    let rotate = format!("POST /v1/tokens/{id}/rotate HTTP/1.1");
    door.send(&[&rotate, &door.bearer()], "{}").await?.is_refused("rotate", 404, "not_found")?;
    let body = CreateToken { name: String::new(), expires_in: Some(1), scope: None };
    let short = client.create_token(&body, &CommandKey::fresh()).await?.secret;
    wait_until("it has expired", PATIENCE, async || Ok(!works(&short).await?)).await?;
    for secret in [&made.secret, &second.secret, &third.secret, &brief.secret, &short] {
        let audit = serde_json::to_string(&door.audit().await?)?;
        ensure!(!audit.contains(secret.as_str()), "the audit log has a secret");
    }
    door.close_untouched().await
}

/// Whoever was let in goes when the token does.
#[tokio::test]
async fn connections_that_outlive_their_token() -> Result<()> {
    let door = Door::open().await?;
    let id = door.cluster.create("").await?.session.id;
    let client = door.cluster.client()?;
    let body = CreateToken { name: "wall".to_owned(), expires_in: None, scope: Some("read".to_owned()) };
    let made = client.create_token(&body, &CommandKey::fresh()).await?;
    let worker = CreateToken { name: "far".to_owned(), expires_in: None, scope: Some("worker".to_owned()) };
    let worker = client.create_token(&worker, &CommandKey::fresh()).await?;
    let sse = ["Accept: text/event-stream".to_owned(), "Connection: close".to_owned()];
    let upgrade: Vec<String> = UPGRADE[1..].iter().map(ToString::to_string).collect();
    let opened = [
        ("GET /v1/events HTTP/1.1".to_owned(), &sse[..], &made.secret),
        (format!("GET /v1/sessions/{id}/events HTTP/1.1"), &sse[..], &made.secret),
        ("GET /v1/ws HTTP/1.1".to_owned(), &upgrade[..], &made.secret),
    ];
    let mut streams = Vec::new();
    for (line, more, secret) in opened {
        let mut stream = TcpStream::connect(("127.0.0.1", door.port)).await?;
        let request = format!("{line}\r\nHost: {}\r\n{}\r\n{}\r\n\r\n", door.host(), bearer(secret), more.join("\r\n"));
        stream.write_all(request.as_bytes()).await?;
        let answer = read_head(&mut stream).await?;
        ensure!(matches!(answer.status, 101 | 200), "{line}: {answer:?}");
        streams.push((line, stream));
    }
    let second = door.cluster.spawn(
        "second",
        &["worker", "--server", &door.cluster.url(), "--name", "far"],
        &[("CONVENE_TOKEN", &worker.secret)],
    )?;
    let is_there = async || Ok(client.workers().await?.items.iter().any(|w| w.name == "far" && w.connected));
    wait_until("the second worker is connected", PATIENCE, is_there).await?;
    client.revoke_token(made.token.id, &CommandKey::fresh()).await?;
    client.revoke_token(worker.token.id, &CommandKey::fresh()).await?;
    let revoked = Instant::now();
    for (line, mut stream) in streams {
        timeout(PATIENCE, read(&mut stream, PATIENCE)).await?;
        ensure!(revoked.elapsed() < Duration::from_secs(20), "{line} was open for {:?}", revoked.elapsed());
    }
    let is_gone = async || Ok(!client.workers().await?.items.iter().any(|w| w.name == "far" && w.connected));
    wait_until("the second worker is sent away", PATIENCE, is_gone).await?;
    // It says why it goes; one that stays is ended.
    let _ = second.terminate();
    second.wait(PATIENCE).await?;
    door.cluster.end().await
}

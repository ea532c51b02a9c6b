//! Callers that ask too often, and the log of who did what.

use anyhow::{Result, ensure};
use convene_api::{
    body::{AuditKind, AuditOutcome, AuditPeerKind},
    client::CommandKey,
};
use futures_util::{StreamExt as _, stream};
use serde_json::json;

use crate::door::{Answer, Door};

const STATUS: &str = "GET /v1/status HTTP/1.1";

#[tokio::test]
async fn guesses_are_slowed_down_and_the_owner_is_not() -> Result<()> {
    let door = Door::open_with("[limits]\nfailed_auth = 5").await?;
    let wrong = "Authorization: Bearer cvo_0123456789abcdef0123456789abcdef";
    for _ in 0..5 {
        door.send(&[STATUS, wrong], "").await?.is_refused("a guess", 401, "token_invalid")?;
    }
    // It may guess once more every twelve seconds, which may be over meanwhile.
    let one_too_many = async |line: &str, more: &[&str], body: &str| -> Result<Answer> {
        let lines: Vec<&str> = [line].into_iter().chain(more.iter().copied()).collect();
        let mut answer = door.send(&lines, body).await?;
        for _ in 0..20 {
            if answer.status != 401 {
                break;
            }
            answer = door.send(&lines, body).await?;
        }
        Ok(answer)
    };
    let answer = one_too_many(STATUS, &[wrong], "").await?;
    answer.is_refused("one guess too many", 429, "rate_limited")?;
    for header in ["retry-after: ", "ratelimit-limit: 5", "ratelimit-remaining: 0", "ratelimit-reset: "] {
        ensure!(answer.head.contains(header), "no {header:?} in {answer:?}");
    }
    let login = "POST /v1/login HTTP/1.1";
    let guess = json!({"token": "00000000000000000000000000000000"}).to_string();
    one_too_many(login, &[], &guess).await?.is_refused("a guess of a link", 429, "rate_limited")?;
    // From the same address, with a good token.
    ensure!(door.send(&[STATUS, &door.bearer()], "").await?.status == 200, "the owner is kept out by somebody else");
    door.was_denied("rate_limited").await?;
    door.close_untouched().await
}

#[tokio::test]
async fn each_token_has_a_rate_of_its_own() -> Result<()> {
    let door = Door::open_with("[limits]\nrequests = 60").await?;
    let read = format!("Authorization: Bearer {}", door.token("read").await?);
    let mut last = door.send(&[STATUS, &read], "").await?;
    ensure!(last.head.contains("ratelimit-limit: 60") && last.head.contains("ratelimit-remaining: 59"), "{last:?}");
    // It fills up again meanwhile, at one a second.
    let mut asked = 1;
    while last.status == 200 && asked < 600 {
        last = door.send(&[STATUS, &read], "").await?;
        asked += 1;
    }
    last.is_refused("too often", 429, "rate_limited")?;
    ensure!(asked > 60 && last.head.contains("retry-after: 1"), "after {asked}: {last:?}");
    let other = format!("Authorization: Bearer {}", door.token("read").await?);
    ensure!(door.send(&[STATUS, &other], "").await?.status == 200, "another token is held up");
    door.close_untouched().await
}

#[tokio::test]
async fn a_burst_of_the_owner_is_let_through() -> Result<()> {
    let door = Door::open().await?;
    let client = door.cluster.client()?;
    let body = door.cluster.session_of("fake", "");
    let creates = stream::iter(0..500).map(|_| async { client.create_session(&body, &CommandKey::fresh()).await });
    let made: Vec<_> = creates.buffer_unordered(32).collect().await;
    let refused: Vec<_> = made.iter().filter_map(|made| made.as_ref().err()).collect();
    ensure!(refused.is_empty(), "{} of 500 were refused: {:?}", refused.len(), refused.first());
    door.cluster.end().await
}

#[tokio::test]
async fn no_more_sessions_than_the_limit() -> Result<()> {
    let door = Door::open_with("[limits]\nsessions = 3\nprompt = \"1 kB\"").await?;
    let client = door.cluster.client()?;
    let body = door.cluster.session_of("fake", "");
    let creates = stream::iter(0..20).map(|_| async { client.create_session(&body, &CommandKey::fresh()).await });
    let made: Vec<_> = creates.buffer_unordered(20).collect().await;
    ensure!(made.iter().filter(|made| made.is_ok()).count() == 3, "not three were made");
    let line = "POST /v1/sessions HTTP/1.1";
    let answer = door.send(&[line, &door.bearer()], &door.evil()).await?;
    answer.is_refused("a fourth", 429, "session_limit")?;
    ensure!(answer.body.contains("3 of 3"), "{answer:?}");
    // One that ends makes room.
    let id = made.iter().flatten().next().map(|made| made.session.id);
    let id = id.unwrap_or_else(|| unreachable!());
    client.stop(id, &convene_api::body::StopSession::default(), &CommandKey::fresh()).await?;
    door.cluster.wait_session(id, "it is stopped", |s| s.state == "stopped").await?;
    client.create_session(&body, &CommandKey::fresh()).await?;
    // The size of a prompt is told and enforced.
    let status = door.send(&[STATUS, &door.bearer()], "").await?;
    ensure!(status.head.contains("x-limit-prompt: 1000"), "{status:?}");
    let long = json!({"content": "x".repeat(1001)}).to_string();
    let prompt = format!("POST /v1/sessions/{id}/prompts HTTP/1.1");
    door.send(&[&prompt, &door.bearer()], &long).await?.is_refused("a long prompt", 413, "prompt_too_large")?;
    door.cluster.end().await
}

#[tokio::test]
async fn who_did_what_is_put_down() -> Result<()> {
    let mut door = Door::open().await?;
    let client = door.cluster.client()?;
    let key = CommandKey::fresh();
    let secret_words = "the prompt nobody else may read";
    let body = door.cluster.session_of("fake", secret_words);
    let id = client.create_session(&body, &key).await?.session.id;
    door.cluster.wait_idle(id).await?;
    let write = door.token("write").await?;
    let shown = format!("Authorization: Bearer {write}");
    let title = r#"{"title":"a title that is a secret"}"#;
    door.send(&[&format!("PATCH /v1/sessions/{id} HTTP/1.1"), &shown], title).await?;
    door.send(&["GET /v1/tokens HTTP/1.1", &shown], "").await?.is_refused("tokens", 403, "scope_denied")?;
    door.send(&[&format!("POST /v1/sessions/{id}/cancel HTTP/1.1"), &shown], "{}").await?;
    let wrong = format!("GET /v1/sessions/{} HTTP/1.1", secret_words.replace(' ', "%20"));
    door.send(&[&wrong], "").await?.is_refused("nobody", 401, "auth_required")?;

    let audit = door.audit().await?;
    ensure!(audit.windows(2).all(|two| two[0].n + 1 == two[1].n), "it has gaps: {audit:#?}");
    let find = |action: &str| audit.iter().rev().find(|entry| entry.action == action);
    let created = find("sessions.create");
    ensure!(
        created.is_some_and(|e| e.actor.kind == AuditKind::Owner
            && e.object == Some(id.to_string())
            && e.outcome == AuditOutcome::Done
            && e.peer.kind == AuditPeerKind::Loopback
            && e.command.as_deref() == Some(key.as_str())),
        "{created:#?}"
    );
    let changed = find("sessions.update");
    ensure!(
        changed.is_some_and(|e| e.actor.kind == AuditKind::Token
            && e.actor.name.as_deref() == Some("write")
            && e.actor.scope.as_deref() == Some("write")
            && e.actor.id.is_some()),
        "{changed:#?}"
    );
    let denied = find("tokens.read");
    ensure!(denied.is_some_and(|e| e.outcome == AuditOutcome::Denied && e.status == 403), "{denied:#?}");
    let refused = find("sessions.cancel");
    ensure!(refused.is_some_and(|e| e.outcome == AuditOutcome::Refused), "{refused:#?}");
    let nobody = find("sessions.read");
    ensure!(nobody.is_some_and(|e| e.actor.kind == AuditKind::Nobody && e.object.is_none()), "{nobody:#?}");
    let text = serde_json::to_string(&audit)?;
    for secret in [secret_words, "nobody%20else", "a title that is a secret", &door.token, &write, &door.cookie] {
        ensure!(!text.contains(secret), "the log has {secret:?}");
    }

    // It outlives the server, has filters and pages, and is for admins.
    door.cluster.kill_server()?;
    door.cluster.start_server().await?;
    let again = door.audit().await?;
    ensure!(again.starts_with(&audit), "it lost something");
    let page = door.send(&["GET /v1/audit?after=0&limit=2 HTTP/1.1", &door.bearer()], "").await?.json();
    ensure!(page["items"].as_array().is_some_and(|items| items.len() == 2), "{page}");
    ensure!(page["next_cursor"] == "2", "{page}");
    let of_token = door.send(&["GET /v1/audit?actor=write&action=sessions HTTP/1.1", &door.bearer()], "").await?.json();
    ensure!(of_token["items"].as_array().is_some_and(|items| items.len() == 2), "{of_token}");
    let output = door.cluster.command(&["audit", "--actor", "write"]).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success() && text.contains("sessions.update") && text.contains("scope_denied"), "{text}");
    door.cluster.end().await
}

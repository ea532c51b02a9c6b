//! A backup by hand: what is put back, what is refused, which tokens work then, and what a doctor ends that was begun.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use convene_api::{body::StopSession, client::CommandKey};
use convene_testkit::cluster::Cluster;
use rusqlite::Connection;

mod common;
use common::{cluster, run};

/// A session that is at rest.
async fn said(cluster: &Cluster, prompt: &str) -> Result<()> {
    let id = cluster.create(prompt).await?.session.id;
    cluster.wait_idle(id).await?;
    cluster.client()?.stop(id, &StopSession::default(), &CommandKey::fresh()).await?;
    cluster.wait_session(id, "it is stopped", |s| s.state == "stopped").await.map(drop)
}

async fn token(cluster: &Cluster, name: &str) -> Result<String> {
    let made = run(cluster, &["token", "create", "--scope", "read", "--name", name]).await?;
    made.is(0, "")?;
    Ok(made.stdout.trim().to_owned())
}

async fn status(cluster: &Cluster, token: &str) -> Result<u16> {
    let token = format!("Bearer {token}");
    Ok(cluster.http("GET", "/v1/sessions", &[("authorization", &token)], b"").await?.status)
}

async fn sessions(cluster: &Cluster) -> Result<usize> {
    Ok(cluster.client()?.sessions(&Default::default()).await?.items.len())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a name")
}

#[tokio::test]
async fn a_backup_comes_back_without_tokens_that_were_revoked_since() -> Result<()> {
    let mut cluster = cluster().start().await?;
    said(&cluster, "hello").await?;
    let (kept, revoked) = (token(&cluster, "laptop").await?, token(&cluster, "lost").await?);
    let place = cluster.home().work().join("monday");
    let from = text(&place)?;
    run(&cluster, &["backup", from]).await?.is(0, "backed up 1 session")?;
    run(&cluster, &["token", "revoke", "lost"]).await?.is(0, "")?;
    let later = token(&cluster, "later").await?;
    said(&cluster, "too late").await?;
    ensure!(status(&cluster, &revoked).await? == 401, "it was revoked");

    run(&cluster, &["restore", from, "--replace"]).await?.is(1, "server_already_running")?;
    cluster.kill_server()?;
    run(&cluster, &["restore", from]).await?.is(2, "--replace")?;
    let restored = run(&cluster, &["restore", from, "--replace"]).await?;
    restored.is(0, "restored 1 session")?;
    restored.is(0, "convene.db.replaced-")?;
    ensure!(!restored.stderr.contains("as of the backup"), "{restored:?}");
    cluster.start_server().await?;
    ensure!(sessions(&cluster).await? == 1, "what came after the backup is there");
    for (token, wanted) in [(&kept, 200), (&revoked, 401), (&later, 401)] {
        ensure!(status(&cluster, token).await? == wanted, "{token}: not {wanted}");
    }

    // Where nothing is replaced, nobody knows what was revoked.
    cluster.kill_server()?;
    let data = cluster.home().data();
    fs::create_dir(cluster.home().work().join("aside"))?;
    for name in ["convene.db", "convene.db-wal", "convene.db-shm", "convene.db.lock", "blobs"] {
        let _ = fs::rename(data.join(name), cluster.home().work().join("aside").join(name));
    }
    run(&cluster, &["restore", from]).await?.is(0, "2 API tokens as of the backup")?;
    cluster.start_server().await?;
    ensure!(status(&cluster, &revoked).await? == 200, "it was said that it works again");
    cluster.end().await
}

#[tokio::test]
async fn a_damaged_backup_is_refused_and_what_was_interrupted_is_ended_by_a_doctor() -> Result<()> {
    let mut cluster = cluster().start().await?;
    said(&cluster, "hello").await?;
    let place = cluster.home().work().join("monday");
    let from = text(&place)?;
    run(&cluster, &["backup", from]).await?.is(0, "")?;
    let whole = fs::read(place.join("convene.db"))?;
    let db = Connection::open(place.join("convene.db"))?;
    db.execute("UPDATE events SET at = at + 1 WHERE pos IN (SELECT pos FROM events ORDER BY pos DESC LIMIT 2)", [])?;
    drop(db);
    cluster.kill_server()?;
    let refused = run(&cluster, &["restore", from, "--replace"]).await?;
    refused.is(2, "2 events of ")?;
    refused.is(2, "--accept-damage")?;
    let kept = |cluster: &Cluster| -> Result<usize> {
        let names = fs::read_dir(cluster.home().data())?.map(|entry| Ok(entry?.file_name().into_string()));
        let names = names.collect::<Result<Vec<_>>>()?;
        Ok(names.iter().flatten().filter(|name| name.starts_with("convene.db.replaced-")).count())
    };
    ensure!(kept(&cluster)? == 0, "it was replaced");
    run(&cluster, &["restore", from, "--replace", "--accept-damage"]).await?.is(0, "2 events of it cannot be read")?;

    // As a restore leaves it that is killed when its database is whole.
    let data = cluster.home().data();
    fs::create_dir(data.join("salvage"))?;
    fs::write(data.join("salvage/convene.db"), whole)?;
    fs::write(data.join("salvage/plan"), "aside convene.db.replaced-then\nsound true\n")?;
    fs::rename(data.join("convene.db"), data.join("convene.db.replaced-then"))?;
    let served = run(&cluster, &["serve", "--bind", "127.0.0.1:0"]).await?;
    served.is(1, "interrupted")?;
    let looked = run(&cluster, &["doctor"]).await?;
    ensure!(looked.stdout.contains("database_damaged") || looked.stdout.contains("interrupted"), "{looked:?}");
    let mended = run(&cluster, &["doctor", "--fix"]).await?;
    let said = format!("{}{}", mended.stdout, mended.stderr);
    ensure!(said.contains("finished what was interrupted") && said.contains("replaced-then"), "{mended:?}");
    cluster.start_server().await?;
    ensure!(sessions(&cluster).await? == 1, "it is the one of the backup");
    cluster.end().await
}

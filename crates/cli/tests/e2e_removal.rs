//! A server that is killed while it removes sessions: the next one finishes what was begun, and nothing is left.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use convene_api::{
    body::{CreateSession, DeleteSession, PruneSessions, StopSession, WorktreeInput},
    client::CommandKey,
};
use convene_core::view::SessionView;
use convene_testkit::cluster::{Cluster, PATIENCE, wait_for_file, wait_until};

/// A `git` that kills who runs it when it is to remove a worktree, once.
const DEADLY: &str = r#"#!/bin/sh
case " $* " in
*" worktree remove "*)
    if mkdir "$0.begun" 2> /dev/null; then
        kill -9 $PPID
        : > "$0.struck"
        exit 1
    fi ;;
esac
PATH=${PATH#*:} exec git "$@"
"#;

/// A cluster whose server dies when it removes its first worktree, and the mark of that.
async fn cluster(bin: &Path) -> Result<(Cluster, PathBuf)> {
    let git = bin.join("git");
    fs::write(&git, DEADLY)?;
    fs::set_permissions(&git, fs::Permissions::from_mode(0o755))?;
    let path = format!("{}:{}", bin.display(), std::env::var("PATH")?);
    let cluster = Cluster::of(env!("CARGO_BIN_EXE_convene")).environment("PATH", &path).start().await?;
    Ok((cluster, bin.join("git.struck")))
}

fn git(dir: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("git").args(arguments).current_dir(dir).output().context("git is not there")?;
    ensure!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// A repository in the cluster's working directory.
fn repository(cluster: &Cluster) -> Result<PathBuf> {
    let dir = cluster.home().work().join("shop");
    fs::create_dir_all(&dir)?;
    git(&dir, &["init", "--quiet", "-b", "main"])?;
    fs::write(dir.join("cart.txt"), "one\n")?;
    git(&dir, &["add", "-A"])?;
    git(&dir, &["-c", "user.name=T", "-c", "user.email=t@example.invalid", "commit", "--quiet", "-m", "first"])?;
    Ok(dir)
}

/// A stopped session with a worktree of its own, which was told this.
async fn stopped(cluster: &Cluster, repository: &Path, prompt: &str) -> Result<SessionView> {
    let client = cluster.client()?;
    let body = CreateSession {
        cwd: Some(repository.display().to_string()),
        worktree: Some(WorktreeInput::Wanted(true)),
        ..cluster.session_of("fake", prompt)
    };
    let id = client.create_session(&body, &CommandKey::fresh()).await?.session.id;
    cluster.wait_idle(id).await?;
    client.stop(id, &StopSession::default(), &CommandKey::fresh()).await?;
    let session = cluster.wait_session(id, "it is stopped", |s| s.state == "stopped").await?;
    ensure!(Path::new(&session.cwd).is_dir(), "it has no worktree");
    Ok(session)
}

/// The files under a directory.
fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(dir) else { return Ok(found) };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

/// Waits until the server has died of what it removes, and starts the next one.
async fn struck_and_restarted(
    cluster: &mut Cluster,
    struck: &Path,
    meanwhile: impl FnOnce() -> Result<()>,
) -> Result<()> {
    wait_for_file(struck, PATIENCE).await?;
    cluster.kill_server()?;
    meanwhile()?;
    cluster.start_server().await
}

#[tokio::test]
async fn a_removal_that_was_cut_short_is_finished_by_the_next_server() -> Result<()> {
    let bin = tempfile::tempdir()?;
    let (mut cluster, struck) = cluster(bin.path()).await?;
    let repository = repository(&cluster)?;
    let session = stopped(&cluster, &repository, &"long ".repeat(40_000)).await?;
    let client = cluster.client()?;
    let data = cluster.home().data();
    let blobs: Vec<(PathBuf, Vec<u8>)> = files(&data.join("blobs"))?
        .into_iter()
        .map(|path| Ok((path.clone(), fs::read(path)?)))
        .collect::<Result<_>>()?;
    ensure!(!blobs.is_empty(), "what it was told is in no file of its own");

    let (body, key) = (DeleteSession::default(), CommandKey::fresh());
    let run_dir = data.join("run").join(session.id.to_string());
    let tail = data.join("tails").join(format!("{}-1.spool", session.id));
    let planted = || {
        ensure!(Path::new(&session.cwd).is_dir(), "its worktree is gone already");
        // As a death at other moments would have left them.
        for (path, bytes) in &blobs {
            fs::write(path, bytes)?;
        }
        fs::create_dir_all(run_dir.join("1"))?;
        fs::create_dir_all(data.join("tails"))?;
        Ok(fs::write(&tail, "what nobody wanted")?)
    };
    let restarted = struck_and_restarted(&mut cluster, &struck, planted);
    let (removed, restarted) = tokio::join!(client.delete_session(session.id, &body, &key), restarted);
    restarted?;
    // The client tried again under its key, and learned that it is done.
    removed?;
    ensure!(client.session(&session.id.to_string()).await.is_err(), "it is there");
    wait_until("nothing is left of it", PATIENCE, async || {
        let blobs_gone = files(&data.join("blobs"))?.is_empty();
        let plans_gone = files(&data.join("removals"))?.is_empty();
        Ok(blobs_gone && plans_gone && !Path::new(&session.cwd).exists() && !run_dir.exists() && !tail.exists())
    })
    .await?;
    ensure!(git(&repository, &["worktree", "list"])?.lines().count() == 1, "git still knows its worktree");
    ensure!(git(&repository, &["branch", "--list", "convene/*"])?.is_empty(), "its branch is still there");
    cluster.end().await
}

#[tokio::test]
async fn a_prune_that_was_cut_short_goes_on_under_its_key() -> Result<()> {
    let bin = tempfile::tempdir()?;
    let (mut cluster, struck) = cluster(bin.path()).await?;
    let repository = repository(&cluster)?;
    let first = stopped(&cluster, &repository, "one").await?;
    let second = stopped(&cluster, &repository, "two").await?;
    let client = cluster.client()?;
    let (body, key) = (PruneSessions { keep: Some(0), ..PruneSessions::default() }, CommandKey::fresh());
    let restarted = struck_and_restarted(&mut cluster, &struck, || Ok(()));
    let (pruned, restarted) = tokio::join!(client.prune(&body, &key), restarted);
    restarted?;
    let pruned = pruned?;
    // What was removed before the death is gone; the client's retry removed the rest, where its worker was there by then.
    cluster.worker_connected().await?;
    let again = client.prune(&body, &CommandKey::fresh()).await?;
    let told: Vec<_> = pruned.items.iter().chain(&again.items).map(|item| item.id).collect();
    ensure!(told == [second.id], "they removed {told:?}");
    wait_until("both worktrees are gone", PATIENCE, async || {
        Ok([&first, &second].iter().all(|session| !Path::new(&session.cwd).exists()))
    })
    .await?;
    ensure!(git(&repository, &["worktree", "list"])?.lines().count() == 1, "git still knows a worktree");
    cluster.end().await
}

//! A session's repository through its doors: what changed, a worktree of its own, its safe removal.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use convene_api::{
    body::{CreateSession, DeleteSession, FileChanges, StopSession, WorktreeFate, WorktreeInput},
    client::{ClientError, CommandKey},
    problem::Code,
};
use convene_core::ids::SessionId;
use convene_testkit::cluster::{Builder, Cluster};

fn cluster() -> Builder {
    Cluster::of(env!("CARGO_BIN_EXE_convene"))
}

/// A repository in the cluster's working directory, with a file and a commit.
fn repository(cluster: &Cluster) -> Result<PathBuf> {
    let dir = cluster.home().work().join("shop");
    std::fs::create_dir_all(dir.join("src"))?;
    git(&dir, &["init", "--quiet", "-b", "main"])?;
    std::fs::write(dir.join("src/cart.txt"), "one\ntwo\n")?;
    git(&dir, &["add", "-A"])?;
    git(&dir, &["-c", "user.name=T", "-c", "user.email=t@example.invalid", "commit", "--quiet", "-m", "first"])?;
    Ok(dir)
}

fn git(dir: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("git").args(arguments).current_dir(dir).output().context("git is not there")?;
    ensure!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

async fn changes(cluster: &Cluster, id: SessionId) -> Result<FileChanges> {
    Ok(cluster.client()?.changes(id).await?)
}

#[tokio::test]
async fn a_session_in_a_worktree_leaves_the_repository_alone() -> Result<()> {
    let cluster = cluster().start().await?;
    let repository = repository(&cluster)?;
    let cwd = repository.join("src").display().to_string();
    let body = CreateSession {
        cwd: Some(cwd),
        worktree: Some(WorktreeInput::Wanted(true)),
        ..cluster.session_of("fake", "WRITE cart.txt three\nWRITE new.txt hello")
    };
    let client = cluster.client()?;
    let created = client.create_session(&body, &CommandKey::fresh()).await?;
    let id = created.session.id;
    let view = cluster.wait_idle(id).await?;
    let workspace = view.workspace.clone().context("nothing is known of its directory")?;
    let branch = format!("convene/{}", id.short());
    ensure!(view.branch.as_deref() == Some(branch.as_str()), "it is on {:?}", view.branch);
    ensure!(workspace.worktree_of.as_deref() == repository.to_str(), "it was made of {:?}", workspace.worktree_of);
    ensure!(view.cwd == workspace.cwd && view.cwd.ends_with("/src"), "it works in {}", view.cwd);
    ensure!(std::fs::read_to_string(repository.join("src/cart.txt"))? == "one\ntwo\n", "the repository was changed");
    ensure!(git(&repository, &["status", "--porcelain"])?.is_empty(), "the repository is dirty");

    let found = changes(&cluster, id).await?;
    let paths: Vec<_> = found.files.iter().map(|f| f.path.as_str()).collect();
    ensure!(paths == ["src/cart.txt", "src/new.txt"], "what changed is {paths:?}");
    ensure!(
        found.base == workspace.base && found.branch.as_deref() == Some(branch.as_str()),
        "compared with {found:?}"
    );

    // Where it was made it is still "the newest session here".
    let here = cluster.command(&["show", "@"]).current_dir(repository.join("src")).output()?;
    let shown = String::from_utf8_lossy(&here.stdout);
    ensure!(shown.contains(&id.short()), "@ is not it: {shown}{}", String::from_utf8_lossy(&here.stderr));

    // It goes on there after a stop, and nothing of it is lost by a removal that nobody forced.
    client.stop(id, &StopSession::default(), &CommandKey::fresh()).await?;
    cluster.wait_session(id, "it is stopped", |s| s.state == "stopped").await?;
    cluster.prompt(id, "READ cart.txt").await?;
    let view = cluster
        .wait_session(id, "the second turn ended", |s| s.last_turn.as_ref().is_some_and(|t| t.number == 2))
        .await?;
    ensure!(view.result.as_deref().is_some_and(|text| text.contains("three")), "it read {:?}", view.result);
    client.stop(id, &StopSession::default(), &CommandKey::fresh()).await?;
    cluster.wait_session(id, "it is stopped again", |s| s.state == "stopped").await?;
    match client.delete_session(id, &DeleteSession::default(), &CommandKey::fresh()).await {
        Err(ClientError::Problem(problem)) => {
            ensure!(problem.code == Code::WorktreeDirty, "it said {problem:?}");
            ensure!(
                problem.hint.as_deref().is_some_and(|hint| hint.contains("--force")),
                "it hints {:?}",
                problem.hint
            );
        }
        other => anyhow::bail!("a dirty worktree was removed: {other:?}"),
    }
    ensure!(Path::new(&view.cwd).join("new.txt").exists(), "the work is gone");
    let discard = DeleteSession { worktree: WorktreeFate::Discard, ..DeleteSession::default() };
    client.delete_session(id, &discard, &CommandKey::fresh()).await?;
    ensure!(!Path::new(&view.cwd).exists(), "the worktree is still there");
    ensure!(git(&repository, &["branch", "--list", "convene/*"])?.is_empty(), "its branch is still there");
    ensure!(git(&repository, &["worktree", "list"])?.lines().count() == 1, "git still knows it");
    cluster.end().await
}

#[tokio::test]
async fn changes_of_a_session_in_place_are_those_since_it_began() -> Result<()> {
    let cluster = cluster().start().await?;
    let repository = repository(&cluster)?;
    let client = cluster.client()?;
    let body = CreateSession {
        cwd: Some(repository.display().to_string()),
        ..cluster.session_of("fake", "WRITE src/cart.txt three")
    };
    let id = client.create_session(&body, &CommandKey::fresh()).await?.session.id;
    let view = cluster.wait_idle(id).await?;
    ensure!(view.branch.as_deref() == Some("main"), "it is on {:?}", view.branch);
    git(&repository, &["-c", "user.name=T", "-c", "user.email=t@example.invalid", "commit", "-qam", "second"])?;
    let found = changes(&cluster, id).await?;
    ensure!(found.commits == 1, "{} commits", found.commits);
    let [file] = found.files.as_slice() else { anyhow::bail!("what changed is {:?}", found.files) };
    ensure!(file.path == "src/cart.txt" && file.committed, "it is {file:?}");
    ensure!(file.diff.as_deref().is_some_and(|diff| diff.contains("-one\n-two\n")), "its diff is {:?}", file.diff);
    cluster.end().await
}

#[tokio::test]
async fn a_worktree_of_no_repository_is_refused_and_changes_nothing() -> Result<()> {
    let cluster = cluster().start().await?;
    let client = cluster.client()?;
    let wanted = |worktree: &str| {
        let cwd = cluster.home().work().display().to_string();
        serde_json::json!({"agent": "fake", "cwd": cwd, "worktree": serde_json::from_str::<serde_json::Value>(worktree)
            .unwrap_or_default()})
        .to_string()
    };
    let answer = cluster.post("/v1/sessions", wanted("true").as_bytes()).await?;
    ensure!((answer.status, answer.code().as_str()) == (400, "worktree_not_git"), "it said {}", answer.code());
    for odd in [r#"{"branch": "-x"}"#, r#"{"branch": "a..b"}"#, r#"{"brnch": "x"}"#, r#""yes""#, r#"{"base": ""}"#] {
        let answer = cluster.post("/v1/sessions", wanted(odd).as_bytes()).await?;
        ensure!(answer.status == 400, "{odd} was answered with {}", answer.status);
    }
    ensure!(client.sessions(&convene_api::client::SessionsQuery::default()).await?.items.is_empty(), "one was made");

    // No commit of that name: its worker says so, and the session does.
    let repository = repository(&cluster)?;
    let spec = convene_core::workspace::WorktreeSpec { branch: None, base: Some("no-such".to_owned()) };
    let body = CreateSession {
        cwd: Some(repository.display().to_string()),
        worktree: Some(WorktreeInput::Spec(spec)),
        ..cluster.session_of("fake", "hello")
    };
    let id = client.create_session(&body, &CommandKey::fresh()).await?.session.id;
    let view = cluster.wait_session(id, "it has failed", |s| s.state == "stopped").await?;
    let failure = view.failure.context("it says nothing")?;
    ensure!(failure.code.as_deref() == Some("worktree_failed"), "it says {failure:?}");
    ensure!(failure.summary.contains("\"no-such\" names no commit"), "it says {}", failure.summary);
    cluster.end().await
}

#[tokio::test]
async fn directories_are_listed_inside_the_roots_only() -> Result<()> {
    let cluster = cluster().start().await?;
    let repository = repository(&cluster)?;
    let token = format!("Bearer {}", cluster.home().owner_token()?);
    let list = async |prefix: &str| -> Result<Vec<String>> {
        let path = format!("/v1/workers/local/dirs?prefix={prefix}");
        let answer = cluster.http("GET", &path, &[("Authorization", &token)], b"").await?;
        ensure!(answer.status == 200, "it answered {} {}", answer.status, answer.code());
        let list: convene_api::body::DirectoryList = serde_json::from_str(&answer.body)?;
        Ok(list.items.into_iter().map(|item| item.path).collect())
    };
    let work = cluster.home().work().display().to_string();
    ensure!(list(&format!("{work}/sh")).await? == [repository.display().to_string()], "it is not found");
    for outside in ["/etc/", "/usr/l", &format!("{work}/../../../../../etc/"), "relative"] {
        let found = list(outside).await?;
        ensure!(found.is_empty(), "{outside} gives {found:?}");
    }
    cluster.end().await
}

#[tokio::test]
async fn worktrees_go_and_sessions_stay() -> Result<()> {
    let cluster = cluster().start().await?;
    let repository = repository(&cluster)?;
    let cwd = repository.display().to_string();
    let client = cluster.client()?;
    let make = async |prompt: &str| {
        let body = CreateSession {
            cwd: Some(cwd.clone()),
            worktree: Some(WorktreeInput::Wanted(true)),
            ..cluster.session_of("fake", prompt)
        };
        let id = client.create_session(&body, &CommandKey::fresh()).await?.session.id;
        cluster.wait_idle(id).await
    };
    let run = |args: &[&str]| -> Result<(Option<i32>, String)> {
        let output = cluster.command(args).stdin(std::process::Stdio::null()).output()?;
        Ok((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()))
    };
    let (clean, dirty) = (make("hello").await?, make("WRITE new.txt hello").await?);
    // What has an agent keeps its directory.
    let (code, said) = run(&["rm", "-y", "--worktrees", &clean.short_id])?;
    ensure!(code == Some(1) && said.contains("error[wrong_state]") && said.contains("convene stop"), "{said}");
    for session in [&clean, &dirty] {
        client.stop(session.id, &StopSession::default(), &CommandKey::fresh()).await?;
        cluster.wait_session(session.id, "it stopped", |s| s.state == "stopped").await?;
    }
    let (code, said) = run(&["rm", "--worktrees"])?;
    ensure!(code == Some(2) && said.contains("the worktrees of 2 sessions") && said.contains("add --yes"), "{said}");
    let (code, said) = run(&["rm", "-y", "--worktrees"])?;
    ensure!(code == Some(1) && said.contains("error[worktree_dirty]: 1 file not committed"), "{said}");
    ensure!(said.contains(&format!("rm --worktrees {} --force", dirty.short_id)), "{said}");
    ensure!(said.contains(&format!(" of {}; its log stays", clean.short_id)), "{said}");
    ensure!(!Path::new(&clean.cwd).exists() && Path::new(&dirty.cwd).join("new.txt").exists(), "the wrong one went");
    let (code, said) = run(&["rm", "-y", "--force", "--worktrees", &dirty.short_id])?;
    ensure!(code == Some(0) && !Path::new(&dirty.cwd).exists(), "{said}");
    // The session is there, and a prompt makes its directory again.
    cluster.prompt(clean.id, "WRITE again.txt hello").await?;
    cluster.wait_idle(clean.id).await?;
    ensure!(Path::new(&clean.cwd).join("again.txt").exists(), "it was not made again");
    cluster.end().await
}

//! The life of a log: cut short and repaired, taken back, removed, pruned, written down, replayed.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use convene_api::{
    body::{CancelTurn, PruneSessions, RepairSession, RewindSession, StopSession, TurnName},
    client::{ClientError, CommandKey},
    problem::{Code, Problem},
};
use convene_core::{ids::SessionId, repair::IssueCode, view::SessionView};
use convene_testkit::cluster::{Builder, Cluster, PATIENCE, wait_until};
use rusqlite::{Connection, config::DbConfig};
use serde_json::Value;

fn cluster() -> Builder {
    Cluster::of(env!("CARGO_BIN_EXE_convene"))
}

fn key() -> CommandKey {
    CommandKey::fresh()
}

async fn said(cluster: &Cluster, prompt: &str) -> Result<SessionId> {
    let id = cluster.create(prompt).await?.session.id;
    cluster.wait_idle(id).await?;
    Ok(id)
}

async fn stop(cluster: &Cluster, id: SessionId) -> Result<SessionView> {
    cluster.client()?.stop(id, &StopSession::default(), &key()).await?;
    cluster.wait_session(id, "it is stopped", |s| s.state == "stopped").await
}

/// Prompts and waits for the end of that turn.
async fn prompt(cluster: &Cluster, id: SessionId, text: &str) -> Result<SessionView> {
    let turn = cluster.prompt(id, text).await?.turn;
    let over = |s: &SessionView| s.last_turn.as_ref().is_some_and(|t| t.id == turn) && s.state == "idle";
    cluster.wait_session(id, "its turn is over and it is idle", over).await
}

fn refusal<T: std::fmt::Debug>(result: Result<T, ClientError>) -> Result<Problem> {
    match result {
        Err(ClientError::Problem(problem)) => Ok(problem),
        other => bail!("it was not refused: {other:?}"),
    }
}

/// Runs a command of the CLI: its exit code, and what it said on stdout and stderr.
fn run(cluster: &Cluster, arguments: &[&str]) -> Result<(Option<i32>, String, String)> {
    let output = cluster.command(arguments).output()?;
    Ok((output.status.code(), String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
}

/// Loses events of a session while no server runs.
async fn lose(cluster: &mut Cluster, id: SessionId, tag: &str) -> Result<()> {
    cluster.kill_server()?;
    delete(cluster, id, tag)?;
    cluster.start_server().await
}

/// Deletes events of a session, and the snapshot of it.
fn delete(cluster: &Cluster, id: SessionId, tag: &str) -> Result<()> {
    let db = Connection::open(cluster.home().data().join("convene.db"))?;
    // A WAL that is gone would pass for a lost one.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let lost = db.execute(
        "DELETE FROM events WHERE log = (SELECT log FROM sessions WHERE id = ?1) AND data LIKE ?2",
        (id.to_string(), format!("%\"type\":\"{tag}\"%")),
    )?;
    ensure!(lost > 0, "{id} has no {tag}");
    db.execute("DELETE FROM snapshots WHERE log = (SELECT log FROM sessions WHERE id = ?1)", [id.to_string()])?;
    Ok(())
}

#[tokio::test]
async fn a_log_with_a_hole_is_closed_once_and_used_again() -> Result<()> {
    let mut cluster = cluster().start().await?;
    let id = said(&cluster, "TOOL OPEN").await?;
    let other = said(&cluster, "hello").await?;
    stop(&cluster, id).await?;
    lose(&mut cluster, id, "turn_ended").await?;
    let client = cluster.client()?;

    let prompted = refusal(cluster.prompt(id, "more").await.map_err(|e| e.downcast().expect("a refusal")))?;
    ensure!(prompted.code == Code::SessionDamaged, "it said {prompted:?}");
    let before = cluster.session(id).await?.seq;
    let looked = client.repair(id, &RepairSession { dry_run: true, force: false }, &key()).await?;
    ensure!(looked.repair.issues.iter().any(|i| i.code == IssueCode::EventSequenceGap), "it found {looked:?}");
    ensure!(!looked.repair.persisted && !looked.repair.actions.is_empty(), "it found {looked:?}");
    ensure!(cluster.session(id).await?.seq == before, "a dry run changed something");
    let (code, out, err) = run(&cluster, &["repair", &id.short(), "--dry-run"])?;
    ensure!(code == Some(0) && out.contains("warning event_sequence_gap"), "{code:?} {out}{err}");
    ensure!(err.starts_with("would close turn 1"), "it said {err}");

    let once = key();
    let repaired = client.repair(id, &RepairSession::default(), &once).await?;
    ensure!(repaired.repair.persisted && repaired.session.state == "stopped", "it is {repaired:?}");
    let again = client.repair(id, &RepairSession::default(), &once).await?;
    ensure!(again.session.seq == repaired.session.seq, "the same command is carried out once");
    let second = refusal(client.repair(id, &RepairSession::default(), &key()).await)?;
    ensure!(second.code == Code::NothingToRepair, "it said {second:?}");
    // Read past what is lost, to the end.
    let (code, out, err) = run(&cluster, &["logs", &id.short(), "--json"])?;
    let tags: Vec<String> = out
        .lines()
        .map(|line| Ok(serde_json::from_str::<Value>(line)?["type"].as_str().unwrap_or_default().to_owned()))
        .collect::<Result<_>>()?;
    ensure!(code == Some(0) && tags.last().is_some_and(|last| last == "repair_completed"), "{err} it ends {tags:?}");
    ensure!(tags.first().is_some_and(|first| first == "session_created"), "it begins {tags:?}");

    // It stays mended, and goes on.
    cluster.kill_server()?;
    cluster.start_server().await?;
    prompt(&cluster, id, "more").await?;
    prompt(&cluster, other, "more").await?;
    cluster.end().await
}

#[tokio::test]
async fn a_turn_goes_on_while_the_database_is_made_anew_for_another_session() -> Result<()> {
    let mut cluster = cluster().start().await?;
    let hurt = said(&cluster, "hello").await?;
    stop(&cluster, hurt).await?;
    let id = cluster.create("SLOW").await?.session.id;
    let text = async |cluster: &Cluster| {
        let turn = cluster.session(id).await?.turn.context("no turn runs")?.id;
        anyhow::Ok(cluster.log(id).await?.text(turn))
    };
    wait_until("the agent speaks", PATIENCE, async || Ok(text(&cluster).await.is_ok_and(|text| text.contains("w5 "))))
        .await?;
    let tree = cluster.tree(id).await?;
    cluster.kill_server()?;
    delete(&cluster, hurt, "turn_ended")?;
    let (code, out, err) = run(&cluster, &["doctor", "--fix"])?;
    ensure!(out.contains("made a new database") || err.contains("made a new database"), "{code:?} {out}{err}");
    cluster.start_server().await?;

    let before = text(&cluster).await?;
    let goes_on = async || Ok(text(&cluster).await?.len() > before.len() + 100);
    wait_until("it speaks in the new database, too", PATIENCE, goes_on).await?;
    ensure!(cluster.tree(id).await?.agent == tree.agent, "it is another agent");
    let view = cluster.session(id).await?;
    ensure!((view.attempt, view.state.as_str()) == (1, "running"), "it is {view:?}");
    let said = text(&cluster).await?;
    let words: Vec<&str> = said.split_whitespace().collect();
    let all = words.iter().zip(1..).all(|(word, n)| *word == format!("w{n}"));
    ensure!(all, "words are lost or doubled: {said}");
    cluster.client()?.cancel(id, &CancelTurn::default(), &key()).await?;
    cluster.wait_idle(id).await?;
    prompt(&cluster, id, "more").await?;
    ensure!(cluster.session(id).await?.attempt == 1, "it took another attempt");
    cluster.end().await
}

#[tokio::test]
async fn what_needs_no_repair_gets_none_and_a_damaged_session_can_be_removed() -> Result<()> {
    let mut cluster = cluster().start().await?;
    let id = said(&cluster, "hello").await?;
    let busy = refusal(cluster.client()?.repair(id, &RepairSession::default(), &key()).await)?;
    ensure!(busy.code == Code::WrongState && busy.fields.contains_key("issues"), "it said {busy:?}");
    stop(&cluster, id).await?;
    let (code, _, err) = run(&cluster, &["repair", &id.short()])?;
    ensure!(code == Some(1) && err.starts_with("error[nothing_to_repair]"), "{code:?} {err}");

    lose(&mut cluster, id, "attempt_started").await?;
    let (code, _, err) = run(&cluster, &["rm", "-y", &id.short()])?;
    ensure!(code == Some(1) && err.contains("session_damaged"), "{code:?} {err}");
    let thread = cluster.session(id).await?.thread_id;
    let (code, _, err) = run(&cluster, &["rm", "-y", "--force", &id.short()])?;
    ensure!(code == Some(0), "{err}");
    let client = cluster.client()?;
    ensure!(refusal(client.session(&id.to_string()).await)?.code == Code::SessionNotFound, "it is there");
    ensure!(refusal(client.thread(&thread.to_string()).await)?.code == Code::ThreadNotFound, "its thread is there");
    // What it was about is nowhere any more.
    let db = Connection::open(cluster.home().data().join("convene.db"))?;
    let left: i64 = db.query_row("SELECT COUNT(*) FROM events", [], |row| row.get(0))?;
    let title: String =
        db.query_row("SELECT title || cwd FROM sessions WHERE id = ?1", [id.to_string()], |r| r.get(0))?;
    ensure!((left, title.as_str()) == (0, ""), "{left} events and {title:?} are left");
    drop(db);
    cluster.end().await
}

#[tokio::test]
async fn a_conversation_is_taken_back_and_goes_on_from_there() -> Result<()> {
    let cluster = cluster().start().await?;
    let client = cluster.client()?;
    let id = said(&cluster, "first words").await?;
    prompt(&cluster, id, "second words").await?;
    let seen = prompt(&cluster, id, "third words").await?.seq;

    let to = |turn| RewindSession { turn: Some(TurnName::Number(turn)), ..RewindSession::default() };
    let stale = RewindSession { expected_seq: Some(seen - 1), ..to(2) };
    ensure!(refusal(client.rewind(id, &stale, &key()).await)?.code == Code::WrongState, "the log had gone on");
    ensure!(refusal(client.rewind(id, &to(9), &key()).await)?.code == Code::InvalidRequest, "there is no turn 9");
    let neither = refusal(client.rewind(id, &RewindSession::default(), &key()).await)?;
    ensure!(neither.code == Code::InvalidRequest, "it said {neither:?}");
    ensure!(cluster.session(id).await?.seq == seen, "what was refused changed something");

    let (code, out, err) = run(&cluster, &["rewind", &id.short(), "2"])?;
    ensure!((code, out.as_str()) == (Some(0), "second words\n"), "{code:?} {out}{err}");
    let ready = |s: &SessionView| s.state == "idle" && s.attempt == 2;
    cluster.wait_session(id, "another agent is ready", ready).await?;
    prompt(&cluster, id, "other words").await?;
    let told = cluster.receipts()?.pop().context("no prompt came")?;
    ensure!(told.contains("User: first words\n") && told.ends_with("other words"), "it was told {told:?}");
    ensure!(!told.contains("second words") && !told.contains("third words"), "it was told {told:?}");
    ensure!(cluster.session(id).await?.context_lost_at.is_none(), "nothing was lost: it was taken back");

    // Left out of what is for reading; still in the log.
    let log = cluster.log(id).await?;
    ensure!(log.count("turn_started") == 4 && log.count("session_rewound") == 1, "its log is {:?}", log.tags());
    let (_, read, _) = run(&cluster, &["export", &id.short(), "--format", "md"])?;
    ensure!(read.contains("first words") && read.contains("other words"), "{read}");
    ensure!(!read.contains("second words") && !read.contains("third words"), "{read}");
    let history = serde_json::to_string(&client.history(id).await?)?;
    ensure!(history.contains("first words") && !history.contains("third words"), "{history}");
    let recap = client.recap(id, 20).await?;
    let texts: Vec<&str> = recap.messages.iter().map(|message| message.text.as_str()).collect();
    // The last one says back what it was told, the recap among it.
    ensure!(texts.len() == 4 && texts[..3] == ["first words", "echo: first words", "other words"], "{texts:?}");
    ensure!(refusal(client.rewind(id, &to(3), &key()).await)?.code == Code::InvalidRequest, "it was taken back");

    // To the beginning, at rest.
    stop(&cluster, id).await?;
    let back = client.rewind(id, &to(1), &key()).await?;
    ensure!((back.session.state.as_str(), back.turn_number) == ("stopped", 1), "it is {back:?}");
    prompt(&cluster, id, "fresh").await?;
    ensure!(cluster.receipts()?.last().is_some_and(|last| last == "fresh"), "it was told of what was taken back");
    cluster.end().await
}

#[tokio::test]
async fn an_export_is_replayed_as_it_was_shown() -> Result<()> {
    let cluster = cluster().start().await?;
    let id = said(&cluster, "TOOL\nhello").await?;
    stop(&cluster, id).await?;
    let file = cluster.home().work().join("out.jsonl");
    let name = file.to_str().context("a name")?;
    let (code, _, err) = run(&cluster, &["export", &id.short(), "-O", name])?;
    ensure!(code == Some(0), "{err}");
    let bytes = fs::read(&file)?;
    let first: Value = serde_json::from_slice(bytes.split(|b| *b == b'\n').next().context("a line")?)?;
    ensure!(first["session"] == id.to_string() && first["lineage"]["depth"] == 0, "{first}");
    ensure!(!first["started_at"].is_null() && !first["ended_at"].is_null(), "{first}");
    let (_, again, _) = run(&cluster, &["export", &id.short()])?;
    ensure!(again.as_bytes() == bytes, "the same log gave other bytes");

    let (code, replayed, err) = run(&cluster, &["replay", name])?;
    let (_, shown, _) = run(&cluster, &["logs", &id.short()])?;
    ensure!(code == Some(0) && replayed == shown, "replayed:\n{replayed}{err}\nshown:\n{shown}");
    let (code, out, err) = run(&cluster, &["repair", name, "--dry-run"])?;
    ensure!(code == Some(0) && err.ends_with("is whole\n"), "{code:?} {out}{err}");

    // A line that is none is named.
    let text = String::from_utf8(bytes)?;
    let mut lines: Vec<&str> = text.lines().collect();
    lines[2] = "{\"type\":";
    fs::write(&file, lines.join("\n"))?;
    let (code, out, err) = run(&cluster, &["replay", name])?;
    ensure!((code, out.as_str()) == (Some(2), "") && err.contains("out.jsonl:3 "), "{code:?} {out}{err}");
    lines.truncate(2);
    fs::write(&file, lines.join("\n"))?;
    let (code, _, err) = run(&cluster, &["replay", name])?;
    ensure!(code == Some(2) && err.contains("its first line tells of"), "{code:?} {err}");
    cluster.end().await
}

#[tokio::test]
async fn what_nobody_needs_is_pruned_and_its_room_given_back() -> Result<()> {
    let cluster = cluster().start().await?;
    let client = cluster.client()?;
    let large = said(&cluster, "STREAM 20000").await?;
    let small = said(&cluster, "hello").await?;
    let live = said(&cluster, "STREAM 20000").await?;
    let origin = said(&cluster, "STREAM 20000").await?;
    client.fork(origin, &convene_api::body::ForkSession::default(), &key()).await?;
    for id in [large, small, origin] {
        stop(&cluster, id).await?;
    }
    let none = refusal(client.prune(&PruneSessions::default(), &key()).await)?;
    ensure!(none.code == Code::InvalidRequest, "it would remove everything: {none:?}");
    let body = PruneSessions { larger_than: Some(100_000), dry_run: true, ..PruneSessions::default() };
    let would = client.prune(&body, &key()).await?;
    ensure!(would.items.iter().map(|s| s.id).collect::<Vec<_>>() == [large], "it would remove {would:?}");
    ensure!(would.bytes > 100_000 && would.freed_bytes == 0, "{would:?}");
    ensure!(client.session(&large.to_string()).await.is_ok(), "a dry run removed it");
    let old = PruneSessions { older_than: Some(3600), ..PruneSessions::default() };
    ensure!(client.prune(&old, &key()).await?.items.is_empty(), "nothing is that old");

    let (code, _, err) = run(&cluster, &["prune", "--larger-than", "100kB"])?;
    ensure!(code == Some(2) && err.contains("confirmation_required"), "{code:?} {err}");
    let pruned = client.prune(&PruneSessions { dry_run: false, ..body }, &key()).await?;
    ensure!(pruned.items.len() == 1 && pruned.kept.is_empty(), "{pruned:?}");
    ensure!(pruned.freed_bytes > 0, "no room was given back: {pruned:?}");
    ensure!(refusal(client.session(&large.to_string()).await)?.code == Code::SessionNotFound, "it is there");
    for id in [small, live, origin] {
        ensure!(client.session(&id.to_string()).await.is_ok(), "{id} is gone");
    }
    let (code, _, err) = run(&cluster, &["prune", "--keep", "0", "-y"])?;
    ensure!(code == Some(0) && err.starts_with("removed 1 session"), "{code:?} {err}");
    prompt(&cluster, live, "more").await?;
    cluster.end().await
}

#[tokio::test]
async fn a_session_is_written_down_whenever_it_stops() -> Result<()> {
    let ledgers = tempfile::tempdir()?;
    let dir = ledgers.path().join("ledgers");
    let mut cluster = cluster().config(&format!("[ledger]\ndir = {:?}", dir.display().to_string())).start().await?;
    let id = said(&cluster, "hello").await?;
    stop(&cluster, id).await?;
    let path = ledger(&dir, id).await?;
    let export = async |cluster: &Cluster| {
        let path = path.clone();
        wait_until("the ledger is the export", PATIENCE, async || {
            Ok(fs::read_to_string(&path)? == run(cluster, &["export", &id.short()])?.1)
        })
        .await
    };
    export(&cluster).await?;
    ensure!(fs::metadata(&path)?.permissions().mode() & 0o777 == 0o600, "others can read it");
    let short = fs::metadata(&path)?.len();
    // The longer one takes its place; also one that was missed.
    prompt(&cluster, id, "more").await?;
    stop(&cluster, id).await?;
    export(&cluster).await?;
    ensure!(fs::metadata(&path)?.len() > short, "it is as it was");
    fs::remove_file(&path)?;
    fs::remove_file(dir.join(".written"))?;
    cluster.kill_server()?;
    cluster.start_server().await?;
    ledger(&dir, id).await?;
    export(&cluster).await?;
    cluster.end().await
}

async fn ledger(dir: &std::path::Path, id: SessionId) -> Result<PathBuf> {
    let find = || {
        let places = fs::read_dir(dir).into_iter().flatten().flatten();
        places.map(|place| place.path().join(id.to_string()).join("ledger.jsonl")).find(|path| path.exists())
    };
    wait_until("its ledger is there", PATIENCE, async || Ok(find().is_some())).await?;
    find().context("no ledger")
}

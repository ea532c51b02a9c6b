//! Copies of the data directory that are taken while everything runs: a server opens each, misses nothing that a client
//! has seen, says what is true there, and leaves alone what goes on for the other one.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use convene_api::client::{Client, Endpoint};
use convene_core::{failure::StopReason, ids::SessionId};
use convene_testkit::cluster::{Cluster, Log, PATIENCE, Recorder, Seen, Topic, wait_until};
use rustix::process::{Pid, Signal, kill_process};

mod common;
use common::cluster;

const SESSIONS: usize = 3;
const COPIES: u64 = 4;

/// How long a server may take to say what is true, once it answers.
const TRUE_WITHIN: Duration = Duration::from_secs(20);

/// Copies files and directories, and nothing else.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, to) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &to)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}

/// Copies the data directory as it is at one instant: nobody writes meanwhile.
fn copy_at_an_instant(cluster: &Cluster, sessions: &[SessionId], to: &Path) -> Result<()> {
    let mut writers: Vec<i32> = cluster.attempt_processes().iter().map(|process| process.pid).collect();
    writers.extend(cluster.server_pid());
    let send = |signal| {
        for pid in &writers {
            // Who has ended meanwhile writes nothing.
            let _ended = Pid::from_raw(*pid).map(|pid| kill_process(pid, signal));
        }
    };
    ensure!(writers.len() > sessions.len(), "the load is not under way");
    send(Signal::STOP);
    let copied = copy(&cluster.home().data(), to);
    send(Signal::CONT);
    copied
}

/// Opens a copy, and looks at it.
async fn look(cluster: &Cluster, copy: &Path, seen: &[(SessionId, Seen)]) -> Result<()> {
    let place = copy.to_str().context("a name")?;
    let mut server = cluster.spawn("copy", &["--data-dir", place, "serve", "--bind", "127.0.0.1:0"], &[])?;
    let line = server.wait_for_line("listening on ", PATIENCE).await?;
    let url: Endpoint = line.trim_start_matches("listening on ").trim().parse()?;
    let client = Client::new(url, Some(cluster.home().owner_token()?));
    for (id, seen) in seen {
        // Nothing of it runs here.
        wait_until("what is said of it is true", TRUE_WITHIN, async || {
            let state = client.session(&id.to_string()).await?.state;
            Ok(!["running", "idle", "starting", "stopping"].contains(&state.as_str()))
        })
        .await?;
        Log::read(&client, *id).await?.has_all(seen)?;
    }
    server.terminate()?;
    ensure!(server.wait(PATIENCE).await?.success(), "the server of the copy does not end in order");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_taken_at_any_moment_opens_and_misses_nothing_that_was_seen() -> Result<()> {
    let cluster = cluster().start().await?;
    let mut followed: Vec<(SessionId, Recorder)> = Vec::new();
    for _ in 0..SESSIONS {
        // No two neighbors are of one message, so that each is an event of its own however far behind they are read.
        let id = cluster.create("MIX 1500 4000 40").await?.session.id;
        followed.push((id, cluster.record(Topic::Session(id), 0)?));
    }
    let ids: Vec<SessionId> = followed.iter().map(|(id, _)| *id).collect();
    let mut copies = Vec::new();
    for number in 0..COPIES {
        let at = 30 + number * 70;
        followed[0].1.wait("the load is under way", |seen| seen.last() >= at).await?;
        let seen: Vec<(SessionId, Seen)> = followed.iter().map(|(id, r)| (*id, r.seen().clone())).collect();
        let copy = cluster.home().work().join(format!("copy{number}"));
        copy_at_an_instant(&cluster, &ids, &copy)?;
        copies.push((copy, seen));
    }
    // The first is opened beside the load, whose processes have the same names and numbers in both.
    let ((first, seen), others) = copies.split_first().context("no copies")?;
    look(&cluster, first, seen).await?;
    for (id, recorder) in &followed {
        recorder.wait_tag("turn_ended").await?;
        let seen = recorder.seen().clone();
        let log = cluster.log(*id).await?;
        log.has_all(&seen)?;
        let turn = log.first("turn_started").and_then(|event| event.data.turn).context("no turn")?;
        ensure!(log.ends(turn).iter().all(|(reason, _)| *reason == StopReason::EndTurn), "{:?}", log.ends(turn));
        ensure!(log.count("attempt_assigned") == 1, "it was disturbed");
    }
    for (copy, seen) in others {
        look(&cluster, copy, seen).await?;
    }
    cluster.end().await
}

//! A client that disconnects and returns with its cursor has exactly the log, however far it is behind.

use std::time::Instant;

use anyhow::{Result, ensure};
use convene_testkit::cluster::{Cluster, PATIENCE, Topic};

/// Tool calls of the turn; each one is three updates that nothing merges.
const CALLS: usize = 34_000;

#[tokio::test]
async fn a_client_that_comes_and_goes_has_exactly_the_log() -> Result<()> {
    let cluster = Cluster::of(env!("CARGO_BIN_EXE_convene")).start().await?;
    let created = cluster.create("").await?;
    let id = created.session.id;
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let fickle = cluster.record_with_breaks(Topic::Session(id), 0, seed)?;
    let list = cluster.record_with_breaks(Topic::List, 0, seed + 1)?;
    let steady = cluster.record(Topic::Session(id), created.cursor.seq)?;
    let started = Instant::now();
    cluster.prompt(id, &"TOOL\n".repeat(CALLS)).await?;
    steady.wait_within("the turn ended", 3 * PATIENCE, |seen| seen.count("turn_ended") > 0).await?;
    let log = cluster.log(id).await?;
    let end = log.events.len() as u64;
    println!("{end} events in {:?}", started.elapsed());
    ensure!(end > 100_000, "the log has {end} events only");

    steady.wait("the steady client has all", |seen| seen.last() == end).await?;
    log.is_all_of(&steady.seen(), created.cursor.seq)?;
    fickle.wait_within("the fickle client has all", 3 * PATIENCE, |seen| seen.last() == end).await?;
    log.is_all_of(&fickle.seen(), 0)?;
    println!("the fickle client connected {} times", fickle.seen().connections);
    ensure!(fickle.seen().connections > 100, "it broke {} times only", fickle.seen().connections);

    // Far behind and nearly there, alike.
    for behind in [end, 100_000, 1_000, 1] {
        let started = Instant::now();
        let late = cluster.record(Topic::Session(id), end - behind)?;
        late.wait("the late client has all", |seen| seen.last() == end && seen.caught_up > 0).await?;
        println!("{behind} behind: caught up in {:?}", started.elapsed());
        log.is_all_of(&late.seen(), end - behind)?;
    }
    // One that misses nothing is told so.
    let late = cluster.record(Topic::Session(id), end)?;
    late.wait("it is told that it is at the end", |seen| seen.caught_up > 0).await?;
    ensure!(late.seen().events.is_empty(), "it was told what it knew");

    let view = cluster.session(id).await?;
    list.wait("the list tells the last change", |seen| seen.frames.last().is_some_and(|f| f.pos >= view.pos)).await?;
    ensure!(list.seen().faults.is_empty(), "the list broke its promise: {:?}", list.seen().faults);
    drop((fickle, list, steady, late));
    cluster.end().await
}

#[tokio::test]
async fn a_cursor_of_nowhere_is_an_error_and_no_silence() -> Result<()> {
    let cluster = Cluster::of(env!("CARGO_BIN_EXE_convene")).start().await?;
    let created = cluster.create("hello").await?;
    let id = created.session.id;
    let view = cluster.wait_idle(id).await?;
    // From the future: this log never was so long, so it is another one.
    let lost = cluster.record(Topic::Session(id), view.seq + 1_000)?;
    lost.wait("it is told that its cursor is none", |seen| !seen.faults.is_empty()).await?;
    let faults = lost.seen().faults.join("\n");
    ensure!(faults.contains("cursor_too_old"), "it is told {faults}");
    drop(lost);
    cluster.end().await
}

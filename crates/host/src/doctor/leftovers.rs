//! What attempts that are over left behind: processes, and ends that nobody delivered.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use convene_api::doctor::{Finding, FindingCode};
use rustix::process::Signal;
use serde_json::json;

use crate::{
    keeper,
    marker::{self, Marker},
    process::{self, Identity, Process},
    rundir::RunDir,
};

/// Between two looks: who is buried at this moment is gone at the second one.
const AGAIN: Duration = Duration::from_millis(300);
/// An end that is older was not delivered because nobody is there to do it.
const UNDELIVERED_SECONDS: i64 = 60;
/// How long a killed process may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(1);

/// A process that carries the mark of an attempt that is over.
struct Orphan {
    process: Process,
    session: String,
    attempt: u32,
}

/// The directories of this data directory that hold run directories.
fn roots(data_dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data_dir).into_iter().flatten().filter_map(Result::ok);
    let is_root = |name: &str| name == "run" || name.starts_with("run-");
    entries.filter(|entry| entry.file_name().to_str().is_some_and(is_root)).map(|entry| entry.path()).collect()
}

fn run_dirs_of(data_dir: &Path) -> Vec<RunDir> {
    roots(data_dir).iter().filter_map(|root| RunDir::scan(root).ok()).flatten().collect()
}

/// Whether nobody looks after an attempt any more. One that is about to begin has no keeper yet.
fn is_over(run_dir: &RunDir) -> bool {
    if run_dir.is_alive().unwrap_or(true) {
        return false;
    }
    let ended = run_dir.exit_record().ok().flatten().is_some();
    let keeper = run_dir.attempt_record().ok().flatten().and_then(|record| record.keeper);
    ended || keeper.is_some_and(|keeper| !keeper.is_alive())
}

/// Processes of attempts that are over. Only attempts whose run directory is here: others' are not ours to judge.
fn find(data_dir: &Path) -> Vec<Orphan> {
    let over: Vec<RunDir> = run_dirs_of(data_dir).into_iter().filter(is_over).collect();
    if over.is_empty() {
        return Vec::new();
    }
    let by_mark: HashMap<Marker, &RunDir> =
        over.iter().map(|dir| (Marker::of(dir.session(), dir.attempt()), dir)).collect();
    let Ok(pids) = process::pids() else { return Vec::new() };
    let orphan = |pid: i32| {
        let run_dir = *marker::markers_of(pid).iter().find_map(|mark| by_mark.get(mark))?;
        let process = process::read(pid).filter(|process| !process.over)?;
        Some(Orphan { process, session: run_dir.session().to_owned(), attempt: run_dir.attempt() })
    };
    pids.filter_map(orphan).collect()
}

/// Those that are there at both of two looks.
fn lasting(data_dir: &Path) -> Vec<Orphan> {
    let first = find(data_dir);
    if first.is_empty() {
        return first;
    }
    let until = std::sync::mpsc::sync_channel::<()>(1);
    // Nobody tells anything: it is the time that passes.
    let _over = until.1.recv_timeout(AGAIN);
    let seen: Vec<Identity> = first.iter().map(|orphan| orphan.process.identity()).collect();
    find(data_dir).into_iter().filter(|orphan| seen.contains(&orphan.process.identity())).collect()
}

/// Processes that carry the mark of an attempt that is over.
pub fn orphans(data_dir: &Path) -> Vec<Finding> {
    let found = lasting(data_dir);
    if found.is_empty() {
        return Vec::new();
    }
    let pids: Vec<String> = found.iter().map(|orphan| orphan.process.pid.to_string()).collect();
    let pids = pids.join(" ");
    let summary = match found.len() {
        1 => format!("pid {pids} still runs, of an attempt that is over"),
        n => format!("{n} processes of attempts that are over still run: pids {pids}"),
    };
    let list: Vec<serde_json::Value> = found
        .iter()
        .map(|orphan| json!({ "pid": orphan.process.pid, "session": orphan.session, "attempt": orphan.attempt }))
        .collect();
    vec![Finding::new(FindingCode::Orphans, summary, "convene doctor --fix ends them").with("processes", list)]
}

/// Ends them, each by its identity.
pub fn end_orphans(data_dir: &Path) -> Result<String, String> {
    let found = lasting(data_dir);
    let mut ended = BTreeMap::new();
    for orphan in &found {
        let identity = orphan.process.identity();
        let pid = identity.pid;
        identity.signal(Signal::KILL).map_err(|error| format!("cannot end pid {pid}: {}", keeper::chain(&error)))?;
        let gone = identity.wait_for_end(GONE_WITHIN).map_err(|error| format!("cannot wait for pid {pid}: {error}"))?;
        ended.insert(pid, gone);
    }
    let list = |gone: bool| {
        let pids: Vec<String> = ended.iter().filter(|(_, g)| **g == gone).map(|(pid, _)| pid.to_string()).collect();
        pids.join(" ")
    };
    match (list(true), list(false)) {
        (gone, left) if left.is_empty() => Ok(format!("ended {} left behind: {gone}", ended.len())),
        (_, left) => Err(format!("these were killed and are still there: {left}")),
    }
}

/// Attempts that are over and whose end nobody has delivered for a while.
pub fn run_dirs(data_dir: &Path) -> Vec<Finding> {
    let now = keeper::now();
    let stale: Vec<RunDir> = run_dirs_of(data_dir)
        .into_iter()
        .filter(|dir| match dir.exit_record() {
            Ok(Some(record)) => now.as_second() - record.at.as_second() > UNDELIVERED_SECONDS,
            // It ended with nobody to say so; the next worker does.
            Ok(None) => is_over(dir),
            Err(_damaged) => true,
        })
        .collect();
    if stale.is_empty() {
        return Vec::new();
    }
    let summary = match stale.len() {
        1 => "the end of 1 attempt was not delivered to the server yet".to_owned(),
        n => format!("the ends of {n} attempts were not delivered to the server yet"),
    };
    let list: Vec<serde_json::Value> =
        stale.iter().map(|dir| json!({ "session": dir.session(), "attempt": dir.attempt() })).collect();
    let fix = "start the worker, which delivers them: convene serve";
    vec![Finding::new(FindingCode::RunDirsStale, summary, fix).with("attempts", list)]
}

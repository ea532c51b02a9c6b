//! What is put down in a run directory: who runs the attempt, how far it is, how it ended.

use std::path::PathBuf;

use convene_core::failure::StopStep;
use serde::{Deserialize, Serialize};

use super::Place;
use crate::process::{Exit, Identity};

/// Who runs an attempt. The worker writes it without processes, the keeper completes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// The session's id.
    pub session: String,
    /// The attempt's number.
    pub attempt: u32,
    /// The name of the worker that launched it.
    pub worker: String,
    /// The name of its agent.
    #[serde(default)]
    pub agent: String,
    /// Its program and arguments, without secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Where it works.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cwd: String,
    /// Whether it belongs to no session: it only tests an agent, and nothing of it is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_test: bool,
    /// In which directory it was begun, whatever its name; unknown for attempts of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Distinguishes two launches of the same attempt; the first to report wins.
    pub instance: String,
    /// The keeper; none until it has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeper: Option<Identity>,
    /// The runner; none until the keeper has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner: Option<Identity>,
    /// What holds its processes together; none until the keeper has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub containment: Option<Containment>,
    /// The attempt's cgroup, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<PathBuf>,
}

/// What holds the processes of an attempt together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Containment {
    /// A cgroup of its own above the subreapers: one write ends everything.
    Cgroup,
    /// Keeper and runner inherit every orphan of the tree.
    Subreaper,
    /// Neither: descendants that leave the tree are found by their environment, if at all.
    ProcessTree,
}

/// How an attempt ended, told by the last one who could know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// The session's id.
    pub session: String,
    /// The attempt's number.
    pub attempt: u32,
    /// Who tells.
    pub by: Recorder,
    /// Why it ended.
    pub reason: EndReason,
    /// Unknown when nobody was there to collect it; never invented.
    pub runner: Option<Exit>,
    /// As the runner collected it; unknown when it died before.
    pub agent: Option<AgentExit>,
    /// No process of the attempt is alive.
    pub verified: bool,
    /// How many were left alive, when not verified.
    pub survivors: u32,
    /// The last rung of the ladder that was needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StopStep>,
    /// What held its processes together.
    pub containment: Containment,
    /// When it was written.
    pub at: jiff::Timestamp,
}

/// Who wrote the exit record: whoever was left to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recorder {
    /// As it should be.
    Keeper,
    /// Its keeper was dead.
    Runner,
    /// Both were.
    Worker,
}

/// Why an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The runner ended by itself.
    RunnerExited,
    /// A signal ended the runner that the keeper did not send.
    RunnerKilled,
    /// The keeper was asked to stop, and the runner ended within its patience.
    Stopped,
    /// The keeper was asked to stop, and had to kill the runner.
    StopForced,
    /// The keeper died first; the runner buried its tree.
    KeeperLost,
    /// Keeper and runner were gone; the worker buried what was left.
    Abandoned,
    /// The machine was started anew meanwhile.
    Rebooted,
    /// The run directory was removed under it. Never written down: there is nowhere to.
    RunDirLost,
    /// It was begun in another directory, of which this one is a copy.
    Copied,
    /// Written by a later version.
    #[serde(other)]
    Other,
}

/// The agent's exit status as the runner collected it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentExit {
    /// The agent's pid.
    pub pid: i32,
    /// How it ended.
    pub exit: Exit,
    /// The last rung of the ladder that the runner needed for the agent and what it had started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StopStep>,
    /// When that was collected.
    pub at: jiff::Timestamp,
}

/// The turn whose prompt was (or was about to be) handed to the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOver {
    /// The turn's id.
    pub turn: String,
}

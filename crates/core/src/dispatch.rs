//! Placement: which pending session goes to which worker, and why the others wait.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ids::{SessionId, WorkerName},
    session::Waiting,
};

/// An agent as a worker found it on its machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DetectedAgent {
    /// Its name in the catalogue or the worker's config.
    pub name: String,
    /// Whether it can be started here.
    pub installed: bool,
    /// Its version, where it was cheap to find.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How it is started: `built in`, `config`, `npx`, `uvx`, or the program's path.
    #[serde(default)]
    pub starts_with: String,
    /// Where the worker knows it from.
    #[serde(default)]
    pub source: AgentSource,
    /// The program and its arguments, as they would be started now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Variables of the worker's environment that it gets beyond the usual ones, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Whether its first start downloads it.
    #[serde(default)]
    pub downloads: bool,
    /// What people call it, if the catalogue does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How it is installed, if the catalogue does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install: Option<String>,
    /// Why it cannot be started here, or what is not as it should be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<AgentFinding>,
}

/// Where a worker knows an agent from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentSource {
    /// The catalogue in the binary.
    #[default]
    Catalogue,
    /// The worker's config.
    Config,
    /// The registry file that the worker's config names.
    Registry,
    /// Written by a later version.
    #[serde(other)]
    Other,
}

/// Something about an agent on a machine that a person may want to mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentFinding {
    /// A code: `agent_missing`, `agent_old`, `node_old`.
    pub code: String,
    /// What was found, in one line.
    pub summary: String,
    /// One thing to do about it.
    pub fix: String,
}

/// A worker as the dispatcher sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkerStatus {
    /// Its name.
    pub name: WorkerName,
    /// Whether its uplink is up.
    pub connected: bool,
    /// Attempts it can hold.
    pub seats: u32,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Agents on its machine.
    pub agents: Vec<DetectedAgent>,
}

/// A session that wants a runner, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The session.
    pub session: SessionId,
    /// The agent it wants.
    pub agent: String,
    /// The worker it must have: by name, or because its directory is there.
    pub worker: Option<WorkerName>,
}

/// What becomes of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// It gets a seat.
    Seat(WorkerName),
    /// It waits.
    Wait(Waiting),
}

/// Plans one pass. `taken` counts the seats in use; of several workers that fit, the one with the most free seats is
/// taken, and the first by name of those.
pub fn plan(
    candidates: &[Candidate],
    workers: &[WorkerStatus],
    taken: &HashMap<WorkerName, u32>,
) -> Vec<(SessionId, Placement)> {
    let mut taken = taken.clone();
    candidates
        .iter()
        .map(|candidate| {
            let placement = place(candidate, workers, &taken);
            if let Placement::Seat(worker) = &placement {
                *taken.entry(worker.clone()).or_default() += 1;
            }
            (candidate.session, placement)
        })
        .collect()
}

fn place(candidate: &Candidate, workers: &[WorkerStatus], taken: &HashMap<WorkerName, u32>) -> Placement {
    let wait = |reason: &str, detail: String| Placement::Wait(Waiting { reason: reason.to_owned(), detail });
    let connected: Vec<&WorkerStatus> = workers.iter().filter(|w| w.connected).collect();
    let fitting: Vec<&WorkerStatus> =
        connected.iter().copied().filter(|w| candidate.worker.as_ref().is_none_or(|name| *name == w.name)).collect();
    if fitting.is_empty() {
        return match &candidate.worker {
            Some(name) => wait("worker_offline", format!("worker {name} is not connected")),
            None => wait("no_worker", "no worker is connected".to_owned()),
        };
    }
    let with_agent: Vec<&WorkerStatus> =
        fitting.into_iter().filter(|w| w.agents.iter().any(|a| a.installed && a.name == candidate.agent)).collect();
    if with_agent.is_empty() {
        return wait("agent_not_installed", format!("no connected worker has the agent {}", candidate.agent));
    }
    let free = |w: &WorkerStatus| w.seats.saturating_sub(taken.get(&w.name).copied().unwrap_or(0));
    let best = with_agent
        .iter()
        .filter(|w| free(w) > 0)
        .max_by(|a, b| free(a).cmp(&free(b)).then_with(|| b.name.cmp(&a.name)));
    match best {
        Some(worker) => Placement::Seat(worker.name.clone()),
        None => wait("no_seat", "every seat is taken: `convene stop ID` frees one".to_owned()),
    }
}

#[cfg(test)]
#[path = "dispatch_tests.rs"]
mod dispatch_tests;

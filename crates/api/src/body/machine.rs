//! Agents and workers as they are listed.

use std::collections::BTreeMap;

use convene_core::dispatch::DetectedAgent;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An agent over all workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentView {
    /// Its name.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Whether a connected worker can start it.
    pub installed: bool,
    /// Its version, where it is known.
    pub version: Option<String>,
    /// How it is installed.
    pub install: String,
    /// How one signs in.
    pub sign_in: String,
    /// What each worker found.
    pub workers: BTreeMap<String, DetectedAgent>,
}

/// A worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkerView {
    /// Its name.
    pub name: String,
    /// Whether its uplink is up.
    pub connected: bool,
    /// Its version.
    pub version: String,
    /// Attempts it can hold.
    pub seats: u32,
    /// Attempts it holds.
    pub seats_taken: u32,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Agents on its machine.
    pub agents: Vec<DetectedAgent>,
    /// When it was last heard.
    pub last_seen_at: Timestamp,
}

//! Bodies about the server itself.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::Code;

/// Answer of `GET /healthz`, `GET /readyz` and `GET /v1/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServerStatus {
    /// `ok`, `starting`, `stopping`, or the code of what is wrong with the disk, such as `storage_full`.
    pub status: String,
    /// The server's version.
    pub version: String,
    /// The log's epoch.
    pub epoch: u64,
    /// The server's clock.
    pub server_time: Timestamp,
    /// Seconds since it started.
    pub uptime_seconds: u64,
    /// Sessions by badge, archived ones left out.
    pub sessions: BTreeMap<String, u64>,
    /// Workers that are connected.
    pub workers: u32,
    /// Their seats.
    pub seats: u32,
    /// Seats in use.
    pub seats_taken: u32,
    /// Why nothing can be written, as long as that is so: prompts and new sessions are refused, agents wait, reading goes on.
    #[serde(default)]
    pub storage: Option<StorageTrouble>,
}

/// Nothing can be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StorageTrouble {
    /// The problem code: `storage_full`, `storage_readonly`, `storage_failed`.
    pub code: Code,
    /// What the system says.
    pub detail: String,
    /// One thing to do about it.
    pub hint: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

/// Body of `POST /v1/shutdown`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Shutdown {
    /// `epoch-` and the server's `epoch`, as `GET /v1/status` tells it: that server is ended and no other, and nobody
    /// ends it by chance.
    #[schema(pattern = "^epoch-[0-9]{1,16}$")]
    pub confirm: String,
    /// Whether all sessions are stopped first.
    #[serde(default)]
    pub stop_sessions: bool,
}

impl Shutdown {
    /// The end of the server with this epoch; sessions go on.
    pub fn of(epoch: u64) -> Self {
        Self { confirm: format!("epoch-{epoch}"), stop_sessions: false }
    }
}

/// Answer of `POST /v1/shutdown`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ShuttingDown {
    /// Sessions that go on without the server.
    pub sessions_going_on: u64,
    /// Sessions that were stopped.
    pub sessions_stopped: u64,
}

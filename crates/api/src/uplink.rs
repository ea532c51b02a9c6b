//! Uplink frames: what runners and workers say to the server over their WebSocket, and what it answers.
//!
//! JSON, one frame a text message, externally tagged so that events pass through as raw text. Additive: a peer
//! ignores fields it does not know; a frame it does not know is answered by nothing.
//!
//! A runner's conversation: `hello` → `welcome` (spec and directives) or `fenced`; then `batch` → `ack` up,
//! `directive` → `directive_done` down. A worker's: `hello` → `welcome`; then `start_attempt` → `taken` or `refused`,
//! `end_attempt`, and `tail` → `tail_ack`, `ended` → `ended_ack` for attempts whose runner is gone; beside them
//! `ask` → `answer` about the machine, and `leftovers` → `forget` for sessions that are gone.

mod question;

use std::{collections::BTreeMap, sync::Arc};

pub use question::{Answer, Question};

use convene_core::{
    directive::Directive,
    dispatch::DetectedAgent,
    event::StopMode,
    failure::AttemptExit,
    ids::{InstanceId, SessionId, ThreadId, WorkerName},
    spec::SessionSpec,
    workspace::{Workspace, WorktreeSpec},
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// The protocol versions that this build speaks, lowest and highest.
pub const PROTOCOL: ProtocolRange = ProtocolRange { min: 1, max: 1 };

/// The path of a runner's uplink.
pub const RUNNER_PATH: &str = "/v1/uplink/runner";

/// The path of a worker's uplink.
pub const WORKER_PATH: &str = "/v1/uplink/worker";

/// The most events in a batch.
pub const BATCH_EVENTS: usize = 512;

/// The size from which on a batch takes no further event, in bytes of its events.
pub const BATCH_BYTES: usize = 64 << 10;

/// The largest frame on an uplink, in bytes; one event of the largest agent line fits.
pub const FRAME_MAX: usize = 64 << 20;

/// A range of protocol versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolRange {
    /// Lowest.
    pub min: u32,
    /// Highest.
    pub max: u32,
}

impl ProtocolRange {
    /// The highest version that both sides speak.
    pub const fn common(self, other: Self) -> Option<u32> {
        let min = if self.min > other.min { self.min } else { other.min };
        let max = if self.max < other.max { self.max } else { other.max };
        if min <= max { Some(max) } else { None }
    }
}

/// What a runner says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunnerUp {
    /// First frame of each connection.
    Hello(RunnerHello),
    /// Events, gapless from `first_index`; at most one batch is unacknowledged.
    Batch(Batch),
    /// A directive was carried out, or came too late.
    DirectiveDone {
        /// Its number.
        seq: u64,
        /// What became of it.
        outcome: DirectiveOutcome,
    },
}

/// A runner's hello.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunnerHello {
    /// Its session.
    pub session: SessionId,
    /// Its attempt.
    pub attempt: u32,
    /// Its process.
    pub instance: InstanceId,
    /// What it speaks.
    pub protocol: ProtocolRange,
    /// Its version.
    pub version: String,
    /// The number of the last directive it has seen; 0 for none.
    pub last_directive: u64,
}

/// Events of an attempt.
#[derive(Debug, Serialize, Deserialize)]
pub struct Batch {
    /// The index of the first one.
    pub first_index: u64,
    /// How long its oldest event has waited in the runner, in microseconds; for those who watch the server.
    #[serde(default)]
    pub held_us: u64,
    /// Bytes in the runner's spool that are not acknowledged, this batch among them.
    #[serde(default)]
    pub spooled: u64,
    /// The events: objects as `EventData` writes them, without `attempt`.
    pub events: Vec<Box<RawValue>>,
}

/// What became of a directive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DirectiveOutcome {
    /// It was carried out.
    Applied,
    /// What it named was over already.
    Stale,
}

/// What the server says to a runner.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunnerDown {
    /// Answer to `hello`: this instance may append.
    Welcome(Box<RunnerWelcome>),
    /// Everything before `next_index` is committed.
    Ack {
        /// The index that the next event must have.
        next_index: u64,
    },
    /// Something to do.
    Directive(Directive),
    /// This attempt or instance may not append: end the agent and leave.
    Fenced {
        /// Why.
        reason: String,
    },
}

/// What a runner needs to begin or to go on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunnerWelcome {
    /// The version that both sides speak.
    pub protocol: u32,
    /// What is wanted.
    pub spec: Arc<SessionSpec>,
    /// The session's thread.
    pub thread: ThreadId,
    /// The agent's own id of the session, if an earlier attempt had one: resume or load it.
    pub agent_session_id: Option<String>,
    /// The agent's own id of the session that this one is a fork of, as long as it has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork_of: Option<String>,
    /// The conversation so far, for an agent that does not remember it; absent if nothing was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recap: Option<String>,
    /// Whether the agent must be told it, even if it opens its earlier session: that one never heard of it.
    #[serde(default)]
    pub recap_due: bool,
    /// The index that the next event must have.
    pub next_index: u64,
    /// All directives after `last_directive`, oldest first; those that this version does not know are left out.
    #[serde(deserialize_with = "known")]
    pub directives: Vec<Directive>,
}

/// The directives that this version knows. One that it does not know must not cost the whole welcome.
fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Directive>, D::Error> {
    let all = Vec::<serde_json::Value>::deserialize(deserializer)?;
    Ok(all.into_iter().filter_map(|directive| serde_json::from_value(directive).ok()).collect())
}

/// What a worker says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerUp {
    /// First frame of each connection.
    Hello(WorkerHello),
    /// The attempt's run directory exists; its runner will say hello or its end will be told.
    Taken {
        /// The session.
        session: SessionId,
        /// The attempt.
        attempt: u32,
    },
    /// The attempt will not be started here.
    Refused {
        /// The session.
        session: SessionId,
        /// The attempt.
        attempt: u32,
        /// A problem code.
        code: String,
        /// For people.
        detail: String,
    },
    /// What a dead runner had spooled and not delivered, in its name.
    Tail {
        /// The session.
        session: SessionId,
        /// The attempt.
        attempt: u32,
        /// The dead runner.
        instance: InstanceId,
        /// Its events.
        batch: Batch,
    },
    /// The attempt is over, its tail is delivered, its processes are dead as far as `exit` says.
    Ended {
        /// The session.
        session: SessionId,
        /// The attempt.
        attempt: u32,
        /// How it ended.
        exit: AttemptExit,
    },
    /// The agents on this machine are now these.
    Agents {
        /// All of them.
        agents: Vec<DetectedAgent>,
    },
    /// What the attempts hold of this machine's memory; said again and again as long as there are any.
    Memory {
        /// Each one.
        attempts: Vec<AttemptMemory>,
    },
    /// Of these sessions something is left on this machine beside attempts: tails, crash bundles. Said again and again.
    Leftovers {
        /// Some of them; the others come later.
        sessions: Vec<SessionId>,
    },
    /// What was asked, answered.
    Answer {
        /// The question's number.
        id: u64,
        /// What was found or done.
        answer: Answer,
    },
}

/// What an attempt holds of a machine's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptMemory {
    /// The session.
    pub session: SessionId,
    /// The attempt.
    pub attempt: u32,
    /// What is resident of all of its processes, in bytes.
    pub bytes: u64,
}

/// A worker's hello.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WorkerHello {
    /// Its name, unique on the server.
    pub name: WorkerName,
    /// Its process: another one of the same name takes its place.
    pub instance: InstanceId,
    /// What it speaks.
    pub protocol: ProtocolRange,
    /// Its version.
    pub version: String,
    /// Attempts it can hold.
    pub seats: u32,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Agents on its machine.
    pub agents: Vec<DetectedAgent>,
    /// Directories that sessions may work in.
    #[serde(default)]
    pub roots: Vec<String>,
    /// Attempts that have a run directory here, alive or with an end that was not acknowledged yet.
    pub held: Vec<HeldAttempt>,
}

/// An attempt that a worker has a run directory of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldAttempt {
    /// The session.
    pub session: SessionId,
    /// The attempt.
    pub attempt: u32,
}

/// What the server says to a worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerDown {
    /// Answer to `hello`.
    Welcome {
        /// The version that both sides speak.
        protocol: u32,
    },
    /// Start this attempt; sent again until it is taken, refused or over. Never launched twice.
    StartAttempt(StartAttempt),
    /// See to it that this attempt ends.
    EndAttempt {
        /// The session.
        session: SessionId,
        /// The attempt.
        attempt: u32,
        /// `graceful` gives the runner its time first; `now` does not.
        mode: StopMode,
    },
    /// The events before this index are committed, or will never be taken.
    TailAck {
        /// The session.
        session: SessionId,
        /// The attempt.
        attempt: u32,
        /// The index that the next event must have; `None`: the attempt is fenced, keep the tail as an attachment.
        next_index: Option<u64>,
    },
    /// The end is committed, or the server does not know the attempt: its run directory may go.
    EndedAck {
        /// The session.
        session: SessionId,
        /// The attempt.
        attempt: u32,
    },
    /// Answer this, soon; on this link or not at all.
    Ask {
        /// Its number on this link.
        id: u64,
        /// What is wanted.
        question: Question,
    },
    /// These sessions are gone, and what is left of them goes with them.
    Forget {
        /// Which.
        sessions: Vec<SessionId>,
    },
    /// This worker is not wanted: another process has its name, or it speaks another protocol.
    Rejected {
        /// A problem code.
        code: String,
        /// For people.
        reason: String,
    },
}

/// What a worker needs to launch a runner. The spec and the prompt are not its business.
#[derive(Clone, Serialize, Deserialize)]
pub struct StartAttempt {
    /// The session.
    pub session: SessionId,
    /// Its thread.
    pub thread: ThreadId,
    /// The attempt.
    pub attempt: u32,
    /// The agent's name, which the worker turns into a command.
    pub agent: String,
    /// The directory, which the worker checks.
    pub cwd: String,
    /// The worktree to make of the repository in `cwd`, if nothing is known of one yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree: Option<WorktreeSpec>,
    /// What an earlier attempt found or made; `cwd` is in it. Without it, the runner is to report what there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<Workspace>,
    /// What the runner shows the server; passed on by file descriptor, never by argv or environment.
    pub token: String,
}

impl std::fmt::Debug for StartAttempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StartAttempt")
            .field("session", &self.session)
            .field("attempt", &self.attempt)
            .field("agent", &self.agent)
            .field("cwd", &self.cwd)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "uplink_tests.rs"]
mod tests;

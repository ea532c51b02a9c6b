//! The first line of a session's ledger: which session it is, where it comes from, from when to when it went, and how long
//! its log is. The lines after it are the events. Of the state alone, so that the same log gives the same bytes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    event::Fork,
    failure::StopCause,
    ids::{SessionId, ThreadId},
    session::{Phase, SessionState},
    spec::Origin,
};

/// The tag of the line.
pub const TAG: &str = "ledger_begun";

/// The version of the form.
const VERSION: u32 = 1;

/// What the first line says. Fields come in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// [`TAG`].
    #[serde(rename = "type")]
    pub tag: String,
    /// The version of the form.
    pub version: u32,
    /// The session.
    pub session: SessionId,
    /// Its thread.
    pub thread: ThreadId,
    /// Where it comes from.
    pub lineage: Lineage,
    /// Who made it.
    pub owner: String,
    /// Whose it is.
    pub namespace: String,
    /// Its agent.
    pub agent: String,
    /// Its directory.
    pub cwd: String,
    /// Its title.
    pub title: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When its last event was, if it is at rest.
    pub ended_at: Option<Timestamp>,
    /// Why it stopped, if it is stopped.
    pub stop_cause: Option<StopCause>,
    /// How many events come after this line, unless some are missing: the place of the last one.
    pub events: u64,
}

/// Where a session comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// What made it.
    pub origin: Origin,
    /// The session that spawned it.
    pub parent: Option<SessionId>,
    /// The session that all of its ancestors come from; itself if it has none.
    pub root: SessionId,
    /// How many ancestors it has.
    pub depth: u32,
    /// The session whose conversation it goes on with.
    pub forked_from: Option<Fork>,
}

impl Meta {
    /// What is said of a session.
    pub fn of(state: &SessionState) -> Self {
        let (ended_at, stop_cause) = match &state.phase {
            Phase::Stopped { cause, .. } => (Some(state.updated_at), Some(*cause)),
            Phase::Hibernated => (Some(state.updated_at), None),
            Phase::Pending { .. }
            | Phase::Starting { .. }
            | Phase::Idle { .. }
            | Phase::Running { .. }
            | Phase::Stopping { .. } => (None, None),
        };
        Self {
            tag: TAG.to_owned(),
            version: VERSION,
            session: state.id,
            thread: state.thread,
            lineage: Lineage {
                origin: state.origin,
                parent: None,
                root: state.id,
                depth: 0,
                forked_from: state.fork.clone(),
            },
            owner: state.owner.clone(),
            namespace: state.namespace.clone(),
            agent: state.spec.agent.clone(),
            cwd: state.spec.cwd.clone(),
            title: state.title.clone(),
            started_at: state.created_at,
            ended_at,
            stop_cause,
            events: state.seq,
        }
    }

    /// The line, with its end.
    pub fn line(&self) -> String {
        // Our own types always serialize: string keys, finite numbers.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    /// Reads a first line; `None` if it is not one.
    pub fn read(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok().filter(|meta: &Self| meta.tag == TAG)
    }
}

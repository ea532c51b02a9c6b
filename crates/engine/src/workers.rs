//! The workers that are or were connected: in memory, because a worker says everything again when it redials.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

use convene_core::{
    Timestamp,
    dispatch::{DetectedAgent, WorkerStatus},
    event::StopMode,
    ids::{InstanceId, SessionId, ThreadId, WorkerName},
    session::{Attempt, Phase},
    workspace::{Workspace, WorktreeSpec},
};

use crate::shared::Shared;

/// How long a graceful stop may take before its worker is told to end the attempt, in seconds. The runner's own ladder
/// (cancel, end of input, SIGTERM, SIGKILL) takes up to about eight.
const STOP_PATIENCE: i64 = 12;

/// How long a runner may take to kill its tree and to say so before its worker is told to kill the runner, in milliseconds:
/// it may stand still. What it has said by then is in its spool, and its keeper kills what is left.
const NOW_PATIENCE_MS: i64 = 2000;

/// A worker as it registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerRecord {
    /// Its process.
    pub instance: InstanceId,
    /// Its version.
    pub version: String,
    /// What the dispatcher sees.
    pub status: WorkerStatus,
    /// Directories that sessions may work in.
    pub roots: Vec<String>,
    /// When it was last heard.
    pub last_seen_at: Timestamp,
    /// Since when it has not answered, if it is connected and does not.
    pub quiet_since: Option<Timestamp>,
}

/// All workers by name.
#[derive(Debug, Default)]
pub struct Workers {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    workers: BTreeMap<WorkerName, WorkerRecord>,
    /// Attempts that their worker has taken; they are not sent again to that process. Only attempts that are current
    /// and wait for their runner stay in here.
    taken: HashSet<(SessionId, u32)>,
    /// Attempts that a worker had when it connected and that are not wanted any more, until it has told their end.
    left_over: HashMap<WorkerName, HashSet<(SessionId, u32)>>,
    /// The highest number of such an attempt, by session: the log may know nothing of it, if it comes from a backup.
    numbers: HashMap<SessionId, u32>,
    /// What the attempts of each worker held of its machine's memory when it told last, in bytes.
    memory: HashMap<WorkerName, HashMap<(SessionId, u32), u64>>,
}

/// What became of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// The worker is known by its name now.
    Yes,
    /// Another process of that name is connected.
    NameTaken,
}

/// What a worker is to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkerOrder {
    /// Start an attempt.
    Start {
        /// The session.
        session: SessionId,
        /// Its thread.
        thread: ThreadId,
        /// The attempt.
        attempt: u32,
        /// The agent.
        agent: String,
        /// The directory.
        cwd: String,
        /// The worktree that is wished for.
        worktree: Option<WorktreeSpec>,
        /// What an earlier attempt found or made of it.
        workspace: Option<Workspace>,
    },
    /// See to it that an attempt ends.
    End {
        /// The session.
        session: SessionId,
        /// The attempt.
        attempt: u32,
        /// Whether its runner gets time.
        mode: StopMode,
    },
}

impl Workers {
    /// Registers a worker, or takes it as back. Another process in the place of one that is gone is a worker like any
    /// other; while the old one is connected, it keeps its name.
    pub fn register(&self, record: WorkerRecord) -> Registered {
        self.register_with(record, HashSet::new())
    }

    /// Registers a worker that has attempts which are not wanted any more: none of their numbers is given again, and their
    /// sessions get no seat there before their ends are told.
    pub fn register_with(&self, record: WorkerRecord, left_over: HashSet<(SessionId, u32)>) -> Registered {
        let mut known = self.lock();
        let name = record.status.name.clone();
        if known.workers.get(&name).is_some_and(|w| w.status.connected && w.instance != record.instance) {
            return Registered::NameTaken;
        }
        for (session, attempt) in &left_over {
            let highest = known.numbers.entry(*session).or_default();
            *highest = (*highest).max(*attempt);
        }
        known.left_over.insert(name.clone(), left_over);
        known.workers.insert(name, record);
        Registered::Yes
    }

    /// The number above which the next attempt of a session is.
    pub fn highest_number(&self, session: SessionId) -> u32 {
        self.lock().numbers.get(&session).copied().unwrap_or_default()
    }

    /// An earlier attempt of a session that a worker has not told the end of.
    pub fn left_over(&self, name: &WorkerName, session: SessionId) -> Option<u32> {
        self.lock().left_over.get(name)?.iter().find(|(of, _)| *of == session).map(|(_, attempt)| *attempt)
    }

    /// Whether an attempt is not this worker's, because another one that is connected has it: the log may come from a
    /// backup, and give the number to both.
    pub fn is_of_another(&self, name: &WorkerName, attempt: &Attempt) -> bool {
        let is_connected = |other: &WorkerRecord| other.status.connected;
        attempt.worker != *name && self.lock().workers.get(&attempt.worker).is_some_and(is_connected)
    }

    /// The worker's uplink is down.
    pub fn disconnect(&self, name: &WorkerName, instance: InstanceId, now: Timestamp) {
        if let Some(record) = self.lock().workers.get_mut(name).filter(|w| w.instance == instance) {
            record.status.connected = false;
            record.last_seen_at = now;
        }
    }

    /// The worker is connected and has not answered since then, or answers.
    pub fn quiet(&self, name: &WorkerName, since: Option<Timestamp>) {
        if let Some(record) = self.lock().workers.get_mut(name) {
            record.quiet_since = since;
        }
    }

    /// The worker was heard.
    pub fn seen(&self, name: &WorkerName, now: Timestamp) {
        if let Some(record) = self.lock().workers.get_mut(name) {
            record.last_seen_at = now;
        }
    }

    /// The agents on a worker's machine are now these.
    pub fn set_agents(&self, name: &WorkerName, agents: Vec<DetectedAgent>) {
        if let Some(record) = self.lock().workers.get_mut(name) {
            record.status.agents = agents;
        }
    }

    /// The worker has taken an attempt; it is not sent again.
    pub fn taken(&self, session: SessionId, attempt: u32) {
        self.lock().taken.insert((session, attempt));
    }

    /// The attempt is over, or its worker does not have it any more: if it is still wanted, it is sent again. What is
    /// over is forgotten without this as well.
    pub fn ended(&self, session: SessionId, attempt: u32) {
        let mut known = self.lock();
        known.taken.remove(&(session, attempt));
        for left_over in known.left_over.values_mut() {
            left_over.remove(&(session, attempt));
        }
    }

    /// A worker's attempts hold so much of its machine's memory, in bytes.
    pub fn set_memory(&self, name: &WorkerName, held: HashMap<(SessionId, u32), u64>) {
        self.lock().memory.insert(name.clone(), held);
    }

    /// What an attempt held of its machine's memory when its worker told last, in bytes.
    pub fn memory(&self, name: &WorkerName, session: SessionId, attempt: u32) -> Option<u64> {
        self.lock().memory.get(name)?.get(&(session, attempt)).copied()
    }

    /// A worker by its name.
    pub fn get(&self, name: &WorkerName) -> Option<WorkerRecord> {
        self.lock().workers.get(name).cloned()
    }

    /// All workers, by name.
    pub fn all(&self) -> Vec<WorkerRecord> {
        self.lock().workers.values().cloned().collect()
    }

    /// What a worker is to do, from what is published: level-triggered, so an order that was lost comes again.
    pub fn orders(&self, name: &WorkerName, shared: &Shared, now: Timestamp) -> Vec<WorkerOrder> {
        let mine = shared.sessions_where(|s| s.phase.attempt().is_some_and(|a| a.worker == *name));
        let mut known = self.lock();
        known.taken.retain(|(session, attempt)| waits_for_runner(shared, *session, *attempt));
        let mut orders = Vec::new();
        for published in mine {
            let state = &published.state;
            let Some(attempt) = state.phase.attempt() else { continue };
            match &state.phase {
                Phase::Starting { .. }
                    if attempt.instance.is_none() && !known.taken.contains(&(state.id, attempt.number)) =>
                {
                    orders.push(WorkerOrder::Start {
                        session: state.id,
                        thread: state.thread,
                        attempt: attempt.number,
                        agent: state.spec.agent.clone(),
                        cwd: state.spec.cwd.clone(),
                        worktree: state.spec.worktree.clone(),
                        workspace: state.workspace.clone(),
                    });
                }
                Phase::Stopping { since, now_since, .. } => {
                    let hurried =
                        now_since.is_some_and(|at| now.as_millisecond() - at.as_millisecond() >= NOW_PATIENCE_MS);
                    let late = hurried || now.as_second() - since.as_second() >= STOP_PATIENCE;
                    // Before its hello the runner cannot be told; its worker can.
                    if late || attempt.instance.is_none() {
                        let mode = if late { StopMode::Now } else { StopMode::Graceful };
                        orders.push(WorkerOrder::End { session: state.id, attempt: attempt.number, mode });
                    }
                }
                // It is about to go and does not. What may have work that would be lost is only hurried for a prompt.
                Phase::Idle { .. }
                    if attempt.leaving.is_some_and(|since| now.as_second() - since.as_second() >= STOP_PATIENCE)
                        && (attempt.hibernating.is_none() || !state.queue.is_empty()) =>
                {
                    orders.push(WorkerOrder::End { session: state.id, attempt: attempt.number, mode: StopMode::Now });
                }
                Phase::Starting { .. }
                | Phase::Pending { .. }
                | Phase::Idle { .. }
                | Phase::Running { .. }
                | Phase::Hibernated
                | Phase::Stopped { .. } => {}
            }
        }
        orders
    }

    /// How many seats of each worker are in use: derived from the published states, so it is never wrong for long.
    pub fn seats_taken(shared: &Shared) -> HashMap<WorkerName, u32> {
        let mut taken: HashMap<WorkerName, u32> = HashMap::new();
        shared.each_session(|state| {
            let Some(attempt) = state.phase.attempt() else { return };
            match taken.get_mut(&attempt.worker) {
                Some(seats) => *seats += 1,
                None => drop(taken.insert(attempt.worker.clone(), 1)),
            }
        });
        taken
    }

    /// How many seats of connected workers are free.
    pub(crate) fn free_seats(&self, shared: &Shared) -> u32 {
        if !self.lock().workers.values().any(|worker| worker.status.connected) {
            return 0;
        }
        let taken = Self::seats_taken(shared);
        let free = |worker: &WorkerRecord| {
            let taken = taken.get(&worker.status.name).copied().unwrap_or_default();
            if worker.status.connected { worker.status.seats.saturating_sub(taken) } else { 0 }
        };
        self.lock().workers.values().map(free).sum()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an attempt is its session's current one and no runner said hello yet.
fn waits_for_runner(shared: &Shared, session: SessionId, attempt: u32) -> bool {
    shared.session(session).is_some_and(|published| {
        published.state.phase.attempt().is_some_and(|a| a.number == attempt && a.instance.is_none())
    })
}

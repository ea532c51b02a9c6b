//! What is known of a session's life, judged from its state: what it does, how it does, whether it could be given work.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    event::UnhealthyReason,
    session::{Phase, SessionState},
    view::{self, UnhealthyView},
};

/// What a session is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// Its agent waits for a prompt.
    Idle,
    /// A turn runs.
    Prompting,
    /// It has no agent: it waits for a seat, or sleeps.
    Detached,
    /// It is stopped.
    Stopped,
}

/// How a session does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// As it should.
    Healthy,
    /// A turn runs and nothing happens in it, or its agent stands still.
    Degraded,
    /// Its runner or its worker cannot be reached: what is shown may be old.
    Stale,
    /// It is stopped.
    Dead,
    /// Its log cannot be read to its end.
    Unknown,
}

/// Why a session cannot be given work now; of several reasons the first one in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ineligible {
    /// Its runner or its worker cannot be reached.
    Stale,
    /// It is stopped.
    Dead,
    /// Its log cannot be read to its end.
    Unknown,
    /// A turn runs and nothing happens in it.
    Hung,
    /// A turn runs.
    PromptActive,
    /// It is on its way to its agent, or to its end.
    NotAttachable,
    /// Something else is not as it should be.
    Unhealthy,
}

/// The row of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthRow {
    /// What it is busy with.
    pub activity: Activity,
    /// How it does.
    pub health: Health,
    /// What is not as it should be, as long as it is not.
    pub unhealthy: Vec<UnhealthyView>,
    /// Whether a turn runs.
    pub active_prompt: bool,
    /// Whether its agent lives and can be reached.
    pub attachable: bool,
    /// Whether it could be given work now: its agent is idle, or can be woken.
    pub eligible_for_wake: bool,
    /// Why not, if not.
    pub ineligible: Option<Ineligible>,
    /// When the agent last did something in the running turn, or got an answer that it waited for.
    pub active_at: Option<Timestamp>,
    /// When it was said that nothing happens in the running turn, if nothing has happened since.
    pub warned_at: Option<Timestamp>,
    /// When its latest attempts crashed, since a person last wanted something of it.
    pub crashes: Vec<Timestamp>,
}

/// The row of a state; `damaged` if its log cannot be read to its end.
pub fn row(state: &SessionState, damaged: bool) -> HealthRow {
    let turn = state.phase.turn();
    let health = health(state, damaged);
    let ineligible = ineligible(state, health);
    HealthRow {
        activity: activity(state),
        health,
        unhealthy: view::unhealthy(state),
        active_prompt: turn.is_some(),
        attachable: is_attachable(state) && health != Health::Stale,
        eligible_for_wake: ineligible.is_none(),
        ineligible,
        active_at: turn.and_then(|turn| turn.active_at),
        warned_at: turn.and_then(|turn| turn.warned_at),
        crashes: state.crashes.iter().copied().collect(),
    }
}

fn activity(state: &SessionState) -> Activity {
    match &state.phase {
        Phase::Stopped { .. } => Activity::Stopped,
        Phase::Pending { .. } | Phase::Hibernated => Activity::Detached,
        Phase::Starting { .. } | Phase::Idle { .. } | Phase::Running { .. } | Phase::Stopping { .. } => {
            if state.phase.turn().is_some() { Activity::Prompting } else { Activity::Idle }
        }
    }
}

fn health(state: &SessionState, damaged: bool) -> Health {
    let has = |reason| state.unhealthy.contains_key(&reason);
    if damaged {
        Health::Unknown
    } else if matches!(state.phase, Phase::Stopped { .. }) {
        Health::Dead
    } else if has(UnhealthyReason::WorkerOffline) || has(UnhealthyReason::RunnerUnreachable) {
        Health::Stale
    } else if state.unhealthy.is_empty() {
        Health::Healthy
    } else {
        Health::Degraded
    }
}

fn ineligible(state: &SessionState, health: Health) -> Option<Ineligible> {
    match health {
        Health::Stale => return Some(Ineligible::Stale),
        Health::Dead => return Some(Ineligible::Dead),
        Health::Unknown => return Some(Ineligible::Unknown),
        Health::Healthy | Health::Degraded => {}
    }
    if view::hangs(state) {
        Some(Ineligible::Hung)
    } else if state.phase.turn().is_some() {
        Some(Ineligible::PromptActive)
    } else if !is_attachable(state) && !matches!(state.phase, Phase::Hibernated) {
        Some(Ineligible::NotAttachable)
    } else {
        (!state.unhealthy.is_empty()).then_some(Ineligible::Unhealthy)
    }
}

fn is_attachable(state: &SessionState) -> bool {
    match &state.phase {
        Phase::Idle { attempt } | Phase::Running { attempt, .. } => attempt.leaving.is_none(),
        Phase::Pending { .. }
        | Phase::Starting { .. }
        | Phase::Stopping { .. }
        | Phase::Hibernated
        | Phase::Stopped { .. } => false,
    }
}

//! What the API shows of a session and a thread: projections of the state, nothing of their own.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    content::{AgentCommand, AuthMethod, ConfigOption, ContentBlock, PermissionOption, ToolCall, Usage},
    event::{Fork, UnhealthyReason},
    failure::{Failure, FailureKind, StopCause, StopStep},
    ids::{ElicitationId, PermissionId, SessionId, ThreadId, TurnId, WorkerName},
    session::{Ailment, EndedTurn, Phase, SessionState, Waiting},
    spec::{Origin, PermissionMode, TurnSource},
    thread::ThreadState,
    workspace::Workspace,
};

/// A session as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// The last six characters of its id, which people type.
    pub short_id: String,
    /// Its thread.
    pub thread_id: ThreadId,
    /// The session that spawned it.
    pub parent_id: Option<SessionId>,
    /// The session whose conversation it goes on with, if it is a fork.
    pub forked_from: Option<Fork>,
    /// Who made it.
    pub owner: String,
    /// Whose it is.
    pub namespace: String,
    /// Where it came from.
    pub origin: Origin,
    /// `pending`, `starting`, `idle`, `running`, `hibernated`, `stopping`, `stopped`.
    pub state: String,
    /// The one word that is shown.
    pub badge: Badge,
    /// Why it is pending, if it is and the dispatcher has tried.
    pub waiting: Option<Waiting>,
    /// The last event's place in its log.
    pub seq: u64,
    /// The last event's place in the store.
    pub pos: u64,
    /// The agent's name.
    pub agent: String,
    /// The agent's version, once it told.
    pub agent_version: Option<String>,
    /// What the agent calls itself, once it told.
    pub agent_title: Option<String>,
    /// The agent's own id of the session.
    pub agent_session_id: Option<String>,
    /// When the agent was last found to remember nothing of the conversation; it gets a recap before its next prompt.
    pub context_lost_at: Option<Timestamp>,
    /// What the agent announced, verbatim.
    #[schema(value_type = Option<Object>)]
    pub capabilities: Option<Arc<Value>>,
    /// Ways to sign in that the agent announced.
    #[schema(value_type = Vec<AuthMethod>)]
    pub auth_methods: Arc<Vec<AuthMethod>>,
    /// The agent's settings: model, mode and others.
    #[schema(value_type = Vec<ConfigOption>)]
    pub config_options: Arc<Vec<ConfigOption>>,
    /// The agent's slash commands.
    #[schema(value_type = Vec<AgentCommand>)]
    pub commands: Arc<Vec<AgentCommand>>,
    /// Who answers permission requests, as it is enforced.
    pub effective_permissions: PermissionMode,
    /// How long a permission request waits for a person, in seconds; 0 is for ever.
    pub ask_timeout: u64,
    /// Where its attempt runs.
    pub worker: Option<WorkerName>,
    /// Its directory.
    pub cwd: String,
    /// Its title.
    pub title: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it is put away.
    pub archived: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its last event was.
    pub updated_at: Timestamp,
    /// The running turn.
    pub turn: Option<TurnView>,
    /// The last turn that ended.
    pub last_turn: Option<EndedTurn>,
    /// The last line that the agent said.
    pub last_line: Option<LastLine>,
    /// The git branch that its directory began on, where it is known.
    pub branch: Option<String>,
    /// Where it works, once its worker has looked: repository, commit, worktree.
    pub workspace: Option<Workspace>,
    /// When the last prompt came.
    pub last_prompt_at: Option<Timestamp>,
    /// Since when a person is needed.
    pub needs_you_since: Option<Timestamp>,
    /// Why it stopped.
    pub stop_cause: Option<StopCause>,
    /// Why it stopped, for people.
    pub stop_detail: Option<String>,
    /// Whether it was proved that no process is left.
    pub stop_verified: Option<bool>,
    /// The last rung of the ladder that it took to end its agent and all that it had started.
    pub stop_step: Option<StopStep>,
    /// What went wrong.
    pub failure: Option<Failure>,
    /// The agent's last answer.
    pub result: Option<String>,
    /// What is not as it should be, as long as it is not.
    pub unhealthy: Vec<UnhealthyView>,
    /// Tokens and cost so far.
    pub usage: Usage,
    /// The number of the current or last attempt.
    pub attempt: u32,
    /// What holds the agent's process tree.
    pub containment: Option<String>,
    /// Permission requests that wait.
    pub pending_permissions: Vec<PermissionView>,
    /// Questions that wait.
    pub pending_elicitations: Vec<ElicitationView>,
    /// Prompts that wait.
    pub queue_length: usize,
}

/// The one word that is shown of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Badge {
    /// Stopped by a failure.
    Failed,
    /// Stopped.
    Stopped,
    /// The agent wants the user to sign in.
    WaitingForAuth,
    /// A permission request or a question waits.
    NeedsYou,
    /// A turn runs, and nothing happens in it, or its agent stands still.
    Hung,
    /// Its runner or its worker cannot be reached.
    Unhealthy,
    /// It waits for a seat.
    Pending,
    /// Something is going on.
    Running,
    /// It waits for a prompt.
    Idle,
    /// It sleeps, without an agent, and wakes on a prompt.
    Hibernated,
}

impl std::fmt::Display for Badge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::WaitingForAuth => "waiting-for-auth",
            Self::NeedsYou => "needs-you",
            Self::Hung => "hung",
            Self::Unhealthy => "unhealthy",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Idle => "idle",
            Self::Hibernated => "hibernated",
        })
    }
}

/// The running turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TurnView {
    /// Its id.
    pub id: TurnId,
    /// Its number in the session, from 1.
    pub number: u32,
    /// Where it came from.
    pub source: TurnSource,
    /// When it was given to the runner.
    pub started_at: Timestamp,
    /// When the agent last did something in it, or got an answer that it waited for.
    pub active_at: Option<Timestamp>,
    /// When the prompt went to the agent.
    pub handed_over_at: Option<Timestamp>,
    /// Who wants it to end, once somebody does.
    pub cancelled_by: Option<String>,
}

/// The last line that the agent said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastLine {
    /// The line, cut.
    pub text: String,
    /// When.
    pub at: Timestamp,
}

/// Something that is not as it should be with a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnhealthyView {
    /// What.
    pub reason: UnhealthyReason,
    /// For people.
    pub detail: String,
    /// Since when.
    pub since: Timestamp,
}

/// A permission request that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PermissionView {
    /// Its id.
    pub request: PermissionId,
    /// Its turn.
    pub turn: Option<TurnId>,
    /// What the agent wants to do.
    pub tool_call: ToolCall,
    /// The answers it offers.
    pub options: Vec<PermissionOption>,
    /// Since when it waits.
    pub asked_at: Timestamp,
    /// When it is rejected if nobody answers; absent if it waits for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// A question that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ElicitationView {
    /// Its id.
    pub request: ElicitationId,
    /// Its text.
    pub message: String,
    /// The frame's parameters.
    #[schema(value_type = Object)]
    pub params: Value,
    /// Since when it waits.
    pub asked_at: Timestamp,
}

/// A prompt that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueueEntryView {
    /// Its id, which is its turn's.
    pub id: TurnId,
    /// Its place, from 1.
    pub position: usize,
    /// What is said.
    #[schema(value_type = Vec<ContentBlock>)]
    pub content: Arc<Vec<ContentBlock>>,
    /// Since when it waits.
    pub queued_at: Timestamp,
}

/// A thread as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ThreadView {
    /// Its id.
    pub id: ThreadId,
    /// Who made it.
    pub owner: String,
    /// Whose it is.
    pub namespace: String,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub topic: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it is put away.
    pub archived: bool,
    /// The state of its latest session; absent when it has none.
    pub state: Option<String>,
    /// The badge of its latest session.
    pub badge: Option<Badge>,
    /// Its sessions, latest last.
    pub sessions: Vec<SessionId>,
    /// The last change's place in the store.
    pub pos: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// The session object of a state.
pub fn session(state: &SessionState) -> SessionView {
    let attempt = state.phase.attempt();
    let (stop_cause, stop_detail, stop_verified, stop_step) = match &state.phase {
        Phase::Stopped { cause, detail, verified, step } => (Some(*cause), detail.clone(), Some(*verified), *step),
        Phase::Stopping { cause, detail, .. } => (Some(*cause), detail.clone(), None, None),
        Phase::Pending { .. }
        | Phase::Starting { .. }
        | Phase::Idle { .. }
        | Phase::Running { .. }
        | Phase::Hibernated => (None, None, None, None),
    };
    let waiting = match &state.phase {
        Phase::Pending { waiting } => waiting.clone(),
        Phase::Starting { .. }
        | Phase::Idle { .. }
        | Phase::Running { .. }
        | Phase::Stopping { .. }
        | Phase::Hibernated
        | Phase::Stopped { .. } => None,
    };
    SessionView {
        id: state.id,
        short_id: state.id.short(),
        thread_id: state.thread,
        parent_id: None,
        forked_from: state.fork.clone(),
        owner: state.owner.clone(),
        namespace: state.namespace.clone(),
        origin: state.origin,
        state: state.phase.name().to_owned(),
        badge: badge(state),
        waiting,
        seq: state.seq,
        pos: state.pos,
        agent: state.spec.agent.clone(),
        agent_version: state.agent.version.clone(),
        agent_title: state.agent.title.clone(),
        agent_session_id: state.agent.session_id.clone(),
        context_lost_at: state.agent.context_lost_at,
        capabilities: state.agent.capabilities.clone(),
        auth_methods: Arc::clone(&state.agent.auth_methods),
        config_options: Arc::clone(&state.agent.config),
        commands: Arc::clone(&state.agent.commands),
        effective_permissions: state.spec.permissions,
        ask_timeout: state.spec.ask_timeout,
        worker: attempt.map(|a| a.worker.clone()),
        cwd: state.spec.cwd.clone(),
        title: state.title.clone(),
        labels: state.labels.clone(),
        archived: state.archived,
        created_at: state.created_at,
        updated_at: state.updated_at,
        turn: state.phase.turn().map(|t| TurnView {
            id: t.id,
            number: t.number,
            source: t.source,
            started_at: t.started_at,
            active_at: t.active_at,
            handed_over_at: t.handed_over_at,
            cancelled_by: t.cancelled_by.clone(),
        }),
        last_turn: state.last_turn.clone(),
        last_line: state.last_line.as_ref().map(|(text, at)| LastLine { text: text.trim_end().to_owned(), at: *at }),
        branch: state.workspace.as_ref().and_then(|w| w.branch.clone()),
        workspace: state.workspace.clone(),
        last_prompt_at: state.last_prompt_at,
        needs_you_since: state.needs_you_since,
        stop_cause,
        stop_detail,
        stop_verified,
        stop_step,
        failure: state.failure.clone(),
        result: (!state.result.is_empty()).then(|| state.result.to_string()),
        unhealthy: unhealthy(state),
        usage: state.usage.clone(),
        attempt: state.attempts,
        containment: attempt.and_then(|a| a.containment.clone()),
        pending_permissions: permissions(state),
        pending_elicitations: state
            .elicitations
            .iter()
            .map(|(request, e)| ElicitationView {
                request: *request,
                message: e.message.clone(),
                params: e.params.clone(),
                asked_at: e.asked_at,
            })
            .collect(),
        queue_length: state.queue.len(),
    }
}

/// What is not as it should be.
pub fn unhealthy(state: &SessionState) -> Vec<UnhealthyView> {
    let view = |(reason, ailment): (&UnhealthyReason, &Ailment)| UnhealthyView {
        reason: *reason,
        detail: ailment.detail.clone(),
        since: ailment.since,
    };
    state.unhealthy.iter().map(view).collect()
}

/// The permission requests that wait, oldest first.
pub fn permissions(state: &SessionState) -> Vec<PermissionView> {
    let seconds = Some(state.spec.ask_timeout).filter(|seconds| *seconds > 0);
    let timeout = seconds.map(|s| jiff::SignedDuration::from_secs(i64::try_from(s).unwrap_or(i64::MAX)));
    state
        .permissions
        .iter()
        .map(|(request, p)| PermissionView {
            request: *request,
            turn: p.turn,
            tool_call: p.tool_call.clone(),
            options: p.options.clone(),
            asked_at: p.asked_at,
            expires_at: timeout.map(|t| p.asked_at.saturating_add(t).unwrap_or(Timestamp::MAX)),
        })
        .collect()
}

/// The prompts that wait.
pub fn queue(state: &SessionState) -> Vec<QueueEntryView> {
    state
        .queue
        .iter()
        .zip(1..)
        .map(|(e, position)| QueueEntryView {
            id: e.id,
            position,
            content: Arc::clone(&e.content),
            queued_at: e.queued_at,
        })
        .collect()
}

/// The one word: stopped by failure > stopped > sign-in > a question > hung > unhealthy > pending > at work > idle.
pub fn badge(state: &SessionState) -> Badge {
    let live = match &state.phase {
        Phase::Stopped { cause, .. } => {
            let sign_in = state.failure.as_ref().is_some_and(|f| f.kind == FailureKind::ProviderAuthFailure);
            return match cause {
                StopCause::Failed | StopCause::AgentExited | StopCause::Timeout if sign_in => Badge::WaitingForAuth,
                StopCause::Failed | StopCause::AgentExited | StopCause::Timeout => Badge::Failed,
                StopCause::Completed | StopCause::UserRequested | StopCause::Shutdown => Badge::Stopped,
            };
        }
        Phase::Pending { .. } => Badge::Pending,
        Phase::Starting { .. } | Phase::Running { .. } | Phase::Stopping { .. } => Badge::Running,
        Phase::Idle { .. } => Badge::Idle,
        Phase::Hibernated => Badge::Hibernated,
    };
    if state.agent.auth_required {
        Badge::WaitingForAuth
    } else if state.needs_you_since.is_some() {
        Badge::NeedsYou
    } else if hangs(state) {
        Badge::Hung
    } else if !state.unhealthy.is_empty() {
        Badge::Unhealthy
    } else {
        live
    }
}

/// Whether a turn runs in which nothing happens.
pub(crate) fn hangs(state: &SessionState) -> bool {
    [UnhealthyReason::Silent, UnhealthyReason::AgentStopped].iter().any(|reason| state.unhealthy.contains_key(reason))
}

/// The thread object of a thread and its sessions, which come in the order of their creation.
pub fn thread(state: &ThreadState, sessions: &[Arc<SessionState>]) -> ThreadView {
    let latest = sessions.last();
    ThreadView {
        id: state.id,
        owner: state.owner.clone(),
        namespace: state.namespace.clone(),
        title: state.title.clone(),
        topic: state.topic.clone(),
        labels: state.labels.clone(),
        archived: state.archived,
        state: latest.map(|s| s.phase.name().to_owned()),
        badge: latest.map(|s| badge(s)),
        sessions: sessions.iter().map(|s| s.id).collect(),
        pos: state.pos,
        created_at: state.created_at,
        updated_at: state.updated_at,
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod view_tests;

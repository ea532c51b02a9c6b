//! The folded state of a session. Small on purpose: the log has the transcript.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    content::{AgentCommand, AuthMethod, ConfigOption, ContentBlock, PermissionOption, ToolCall, Usage},
    directive::Directive,
    dispatch::Candidate,
    event::{Cut, Decision, Fork, UnhealthyReason},
    failure::{Failure, ProcessExit, StopCause, StopReason, StopStep},
    ids::{ElicitationId, InstanceId, MessageId, PermissionId, SessionId, ThreadId, TurnId, WorkerName},
    session::Ailment,
    spec::{Origin, SessionSpec, TurnSource},
    workspace::Workspace,
};

/// A session as its log folds. Snapshots of it are stored at turn ends; fields are additive (`serde(default)`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionState {
    /// Its id.
    pub id: SessionId,
    /// Its thread.
    pub thread: ThreadId,
    /// Who made it.
    pub owner: String,
    /// Whose it is.
    pub namespace: String,
    /// Where it came from.
    pub origin: Origin,
    /// What is wanted.
    pub spec: Arc<SessionSpec>,
    /// Its title.
    pub title: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it is put away.
    pub archived: bool,
    /// Whether it is gone.
    pub deleted: bool,
    /// The last event's place in the log.
    pub seq: u64,
    /// The last event's place in the store.
    pub pos: u64,
    /// The first event's time.
    pub created_at: Timestamp,
    /// The last event's time.
    pub updated_at: Timestamp,
    /// What it is doing.
    pub phase: Phase,
    /// The highest number that an attempt has or may have had; 0 before the first.
    pub attempts: u32,
    /// Attempts in a row whose agent did not become ready.
    #[serde(default)]
    pub starts: u32,
    /// Where the last attempt ran. The session's directory is there, so the next one must run there too.
    #[serde(default)]
    pub last_worker: Option<WorkerName>,
    /// The index that the current attempt's next event must have.
    pub next_index: u64,
    /// Prompts that wait, first first.
    pub queue: VecDeque<QueuedTurn>,
    /// Turns started so far.
    pub turns: u32,
    /// The last turn that ended.
    pub last_turn: Option<EndedTurn>,
    /// Tool calls of the running turn that are not final, by id, with their titles.
    pub open_tools: BTreeMap<String, String>,
    /// Permission requests that wait for an answer.
    pub permissions: BTreeMap<PermissionId, PendingPermission>,
    /// The latest permission requests that have their answer, so that a second one is told who was first.
    #[serde(default)]
    pub decided: BTreeMap<PermissionId, DecidedPermission>,
    /// Questions that wait for an answer.
    pub elicitations: BTreeMap<ElicitationId, OpenElicitation>,
    /// Where it works, once its worker has looked.
    #[serde(default)]
    pub workspace: Option<Workspace>,
    /// What the agent told about itself.
    pub agent: AgentFacts,
    /// The last line that the agent said, cut to its limit, and when.
    pub last_line: Option<(Arc<str>, Timestamp)>,
    /// Whether the agent may still be writing that line.
    #[serde(default)]
    pub line_open: bool,
    /// The message that `result` is the text of.
    pub result_message: Option<MessageId>,
    /// The agent's last answer, cut to its limit.
    pub result: Arc<String>,
    /// Tokens and cost so far.
    pub usage: Usage,
    /// When the last prompt came.
    pub last_prompt_at: Option<Timestamp>,
    /// Since when a person is needed.
    pub needs_you_since: Option<Timestamp>,
    /// What went wrong last; cleared when the next attempt is assigned.
    pub failure: Option<Failure>,
    /// What is not as it should be, for as long as its attempt lives.
    #[serde(default)]
    pub unhealthy: BTreeMap<UnhealthyReason, Ailment>,
    /// When its latest attempts crashed, since a person last wanted something of it.
    #[serde(default)]
    pub crashes: VecDeque<Timestamp>,
    /// What the runner has been told and may not have done yet.
    pub directives: VecDeque<Directive>,
    /// When somebody wanted a runner without a prompt, until the next turn.
    #[serde(default)]
    pub resumed_at: Option<Timestamp>,
    /// The session whose conversation it goes on with.
    #[serde(default)]
    pub fork: Option<Fork>,
    /// The conversation begins after this event; 0: with the first one.
    #[serde(default)]
    pub cleared_seq: u64,
    /// Turns before that.
    #[serde(default)]
    pub cleared_turns: u32,
    /// What was taken back, oldest first.
    #[serde(default)]
    pub rewound: Vec<Cut>,
    /// Whether its log was repaired: then events may be missing in it that nobody misses.
    #[serde(default)]
    pub repaired: bool,
}

impl SessionState {
    /// The worker that its next attempt must run on: the one that was wished for, or the one that has its directory.
    pub fn pinned_worker(&self) -> Option<WorkerName> {
        self.spec.worker.as_deref().map(WorkerName::new).or_else(|| self.last_worker.clone())
    }

    /// Whether it is pending: what the dispatcher plans for.
    pub fn candidate(&self) -> Option<Candidate> {
        matches!(self.phase, Phase::Pending { .. }).then(|| Candidate {
            session: self.id,
            agent: self.spec.agent.clone(),
            worker: self.pinned_worker(),
        })
    }
}

/// What a session is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// It wants a runner and has none.
    Pending {
        /// Why it waits, once the dispatcher has tried.
        waiting: Option<Waiting>,
    },
    /// An attempt is under way to its agent.
    Starting {
        /// The attempt.
        attempt: Attempt,
        /// The turn that it will begin with.
        turn: Option<ActiveTurn>,
    },
    /// The agent waits for a prompt.
    Idle {
        /// The attempt.
        attempt: Attempt,
    },
    /// A turn is running.
    Running {
        /// The attempt.
        attempt: Attempt,
        /// The turn.
        turn: ActiveTurn,
    },
    /// It is being stopped.
    Stopping {
        /// The attempt that must end first.
        attempt: Attempt,
        /// The turn that is still running.
        turn: Option<ActiveTurn>,
        /// Why; the first cause wins.
        cause: StopCause,
        /// For people.
        detail: Option<String>,
        /// Since when.
        since: Timestamp,
        /// Since when the agent gets no time any more.
        #[serde(default)]
        now_since: Option<Timestamp>,
    },
    /// It has no runner and waits for a prompt.
    Hibernated,
    /// It is stopped; a prompt takes it up again.
    Stopped {
        /// Why.
        cause: StopCause,
        /// For people.
        detail: Option<String>,
        /// Whether it was proved that no process is left.
        verified: bool,
        /// The last rung of the ladder that was needed.
        #[serde(default)]
        step: Option<StopStep>,
    },
}

impl Phase {
    /// The state's public name (architecture § 3).
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Starting { .. } => "starting",
            Self::Idle { .. } => "idle",
            Self::Running { .. } => "running",
            Self::Stopping { .. } => "stopping",
            Self::Hibernated => "hibernated",
            Self::Stopped { .. } => "stopped",
        }
    }

    /// The live attempt.
    pub const fn attempt(&self) -> Option<&Attempt> {
        match self {
            Self::Starting { attempt, .. }
            | Self::Idle { attempt }
            | Self::Running { attempt, .. }
            | Self::Stopping { attempt, .. } => Some(attempt),
            Self::Pending { .. } | Self::Hibernated | Self::Stopped { .. } => None,
        }
    }

    /// The turn that the runner has.
    pub const fn turn(&self) -> Option<&ActiveTurn> {
        match self {
            Self::Running { turn, .. } => Some(turn),
            Self::Starting { turn, .. } | Self::Stopping { turn, .. } => turn.as_ref(),
            Self::Pending { .. } | Self::Idle { .. } | Self::Hibernated | Self::Stopped { .. } => None,
        }
    }

    pub(super) const fn attempt_mut(&mut self) -> Option<&mut Attempt> {
        match self {
            Self::Starting { attempt, .. }
            | Self::Idle { attempt }
            | Self::Running { attempt, .. }
            | Self::Stopping { attempt, .. } => Some(attempt),
            Self::Pending { .. } | Self::Hibernated | Self::Stopped { .. } => None,
        }
    }

    pub(super) const fn turn_mut(&mut self) -> Option<&mut ActiveTurn> {
        match self {
            Self::Running { turn, .. } => Some(turn),
            Self::Starting { turn, .. } | Self::Stopping { turn, .. } => turn.as_mut(),
            Self::Pending { .. } | Self::Idle { .. } | Self::Hibernated | Self::Stopped { .. } => None,
        }
    }
}

/// One run of a session in one runner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its number, from 1; it fences late messages.
    pub number: u32,
    /// Where it runs.
    pub worker: WorkerName,
    /// The process that may append; none before its hello.
    pub instance: Option<InstanceId>,
    /// What holds its tree, as the runner told.
    pub containment: Option<String>,
    /// When it was assigned.
    pub assigned_at: Timestamp,
    /// Since when it is known that no further turn can run in it: its agent has ended, or its runner is about to leave.
    #[serde(default)]
    pub leaving: Option<Timestamp>,
    /// How the agent's process ended, if the runner saw it.
    #[serde(default)]
    pub agent_exit: Option<ProcessExit>,
    /// Since when it is to end until there is a prompt.
    #[serde(default)]
    pub hibernating: Option<Timestamp>,
    /// When its runner last said that it cannot hibernate now.
    #[serde(default)]
    pub kept_awake_at: Option<Timestamp>,
    /// How often it said so since the last turn.
    #[serde(default)]
    pub kept_awake: u32,
}

/// The turn that the runner has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActiveTurn {
    /// Its id.
    pub id: TurnId,
    /// Its number in the session, from 1.
    pub number: u32,
    /// What was said.
    pub content: Arc<Vec<ContentBlock>>,
    /// Where it came from.
    pub source: TurnSource,
    /// When it was given to the runner.
    pub started_at: Timestamp,
    /// When the prompt went to the agent; the turn's clock counts from here.
    pub handed_over_at: Option<Timestamp>,
    /// When the agent last did something in it, or got an answer that it waited for.
    #[serde(default)]
    pub active_at: Option<Timestamp>,
    /// When it was said that nothing happens, if nothing has happened since.
    #[serde(default)]
    pub warned_at: Option<Timestamp>,
    /// Who wants it to end, once somebody does.
    pub cancelled_by: Option<String>,
    /// Since when.
    #[serde(default)]
    pub cancelled_at: Option<Timestamp>,
    /// How often it was given to a runner.
    pub tries: u32,
    /// Tools that ended.
    pub tools: u32,
    /// Whether the last decision was a rejection and no tool call completed after it.
    pub rejected: bool,
}

/// A prompt that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueuedTurn {
    /// Its turn.
    pub id: TurnId,
    /// What was said.
    pub content: Arc<Vec<ContentBlock>>,
    /// Where it came from.
    pub source: TurnSource,
    /// Since when it waits.
    pub queued_at: Timestamp,
    /// How often it was given to a runner that died before it handed it over.
    pub tries: u32,
}

/// A turn that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EndedTurn {
    /// Its id.
    pub id: TurnId,
    /// Its number.
    pub number: u32,
    /// Why it ended.
    pub stop_reason: StopReason,
    /// What went wrong.
    pub failure: Option<Failure>,
    /// When.
    pub ended_at: Timestamp,
    /// How long it took, in milliseconds since it was given to the runner.
    pub duration_ms: u64,
    /// Tools that ended in it.
    pub tools: u32,
    /// Whether it ended on a rejection: the last decision was one and no tool call completed after it.
    pub rejected: bool,
}

/// A permission request that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PendingPermission {
    /// What the agent wants to do.
    pub tool_call: ToolCall,
    /// What it offers.
    pub options: Vec<PermissionOption>,
    /// Its turn, if it came in one.
    pub turn: Option<TurnId>,
    /// Since when it waits.
    pub asked_at: Timestamp,
}

/// A permission request that has its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecidedPermission {
    /// What was decided.
    pub decision: Decision,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A question that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenElicitation {
    /// Its text.
    pub message: String,
    /// The frame's parameters.
    pub params: Value,
    /// Since when it waits.
    pub asked_at: Timestamp,
}

/// Why a session waits for a seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Waiting {
    /// A short code: `no_worker`, `no_seat`, `agent_not_installed`, `worker_offline`, `earlier_attempt`.
    pub reason: String,
    /// For people.
    pub detail: String,
}

/// What the agent told about itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentFacts {
    /// Its own id of the session.
    pub session_id: Option<String>,
    /// Its name by its own account.
    pub name: Option<String>,
    /// Its title by its own account.
    pub title: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// What it announced.
    pub capabilities: Option<Arc<Value>>,
    /// Ways to sign in.
    pub auth_methods: Arc<Vec<AuthMethod>>,
    /// Whether it waits for the user to sign in.
    pub auth_required: bool,
    /// Its settings.
    pub config: Arc<Vec<ConfigOption>>,
    /// Its slash commands.
    pub commands: Arc<Vec<AgentCommand>>,
    /// Whether it must be told of the conversation before its next prompt, because it does not remember.
    #[serde(default)]
    pub recap_due: bool,
    /// When it was last found to remember nothing of what was said.
    #[serde(default)]
    pub context_lost_at: Option<Timestamp>,
}

//! The events of this version, by their tag.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::parts::{
    AwakeReason, ContextLoss, Decision, Fork, SessionChanges, SessionOpening, StopMode, TreeLimits, UnhealthyReason,
};
use crate::{
    content::{
        AgentCommand, AuthMethod, Channel, ConfigOption, ContentBlock, PermissionOption, PlanEntry, Role, ToolCall,
        Usage,
    },
    failure::{AttemptExit, Failure, ProcessExit, StopCause, StopReason, StopStep},
    ids::{ElicitationId, InstanceId, MessageId, PermissionId, ThreadId, TurnId, WorkerName},
    repair::{Action, Issue},
    spec::{Origin, SessionSpec, TurnSource},
    workspace::Workspace,
};

/// Facts about a session, by their tag. What each one changes is `session::apply`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum KnownEvent {
    /// The session exists.
    SessionCreated {
        /// What is wanted.
        #[schema(value_type = SessionSpec)]
        spec: Arc<SessionSpec>,
        /// The thread it belongs to.
        thread: ThreadId,
        /// Who made it.
        owner: String,
        /// Whose it is.
        namespace: String,
        /// Where it came from.
        origin: Origin,
        /// Its title; empty until somebody gives it one.
        #[serde(default)]
        title: String,
        /// Labels for people and programs.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        labels: BTreeMap<String, String>,
        /// The session whose conversation it goes on with, if it is a fork.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fork: Option<Fork>,
    },
    /// Somebody changed what is wanted, or the agent gave the session a title.
    SessionUpdated {
        /// What changed.
        changes: SessionChanges,
    },
    /// The session cannot be placed now.
    SessionWaiting {
        /// A short code: `no_worker`, `no_seat`, `agent_not_installed`, `worker_offline`, `earlier_attempt`.
        reason: String,
        /// For people.
        detail: String,
    },
    /// A worker has a seat for a new attempt; the envelope carries its number.
    AttemptAssigned {
        /// The worker.
        worker: WorkerName,
    },
    /// The worker would not take the attempt.
    AttemptRefused {
        /// A problem code.
        code: String,
        /// For people.
        detail: String,
    },
    /// The attempt's first runner said hello.
    AttemptStarted {
        /// The runner's process.
        instance: InstanceId,
        /// The runner's version.
        #[serde(default)]
        version: String,
    },
    /// The attempt is over.
    AttemptEnded {
        /// How it ended.
        exit: AttemptExit,
        /// Whether nobody wanted its end.
        #[serde(default, skip_serializing_if = "is_false")]
        crash: bool,
    },
    /// The directory is there, and its repository was looked at: once for a session, before its first agent.
    WorkspaceReady {
        /// What was found or made.
        workspace: Workspace,
    },
    /// The agent's process runs.
    AgentLaunched {
        /// Its process id on the worker's machine.
        pid: u32,
        /// The program and its arguments, redacted. The envelope has a `command` of its own.
        #[serde(rename = "argv")]
        command: Vec<String>,
        /// What holds its tree: `cgroup`, `subreaper`, …
        containment: String,
        /// What its tree may take, where that is limited.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limits: Option<TreeLimits>,
    },
    /// The agent answered `initialize`.
    AgentInitialized {
        /// Its name by its own account.
        name: String,
        /// Its title by its own account.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        /// Its version.
        #[serde(default)]
        version: String,
        /// The ACP version it speaks.
        protocol_version: u32,
        /// What it announced, verbatim.
        #[schema(value_type = Object)]
        capabilities: Arc<Value>,
        /// Ways to sign in.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        auth_methods: Vec<AuthMethod>,
    },
    /// The agent has a session of its own; prompts may be handed over.
    AgentSessionStarted {
        /// The agent's id for it.
        agent_session_id: String,
        /// How it was opened.
        how: SessionOpening,
    },
    /// The agent does not remember the conversation any more, or never had it.
    AgentContextLost {
        /// Why.
        why: ContextLoss,
        /// The agent's own words, or ours, for people; redacted.
        detail: String,
        /// The size of the recap that goes before the next prompt, in bytes; 0 if there is none.
        recap: u64,
    },
    /// The agent wants the user to sign in.
    AgentAuthRequired {
        /// The ways it offers.
        #[serde(default)]
        methods: Vec<AuthMethod>,
    },
    /// Somebody picked a way to sign in.
    AgentSignInRequested {
        /// The way, by its id.
        method: String,
        /// Who.
        by: String,
    },
    /// The sign-in worked: the agent takes prompts, or opens its session now.
    AgentSignedIn {
        /// The way, by its id.
        method: String,
    },
    /// The sign-in did not work; the agent still waits for one.
    AgentSignInFailed {
        /// The way, by its id.
        method: String,
        /// For people, redacted.
        detail: String,
    },
    /// The agent's process ended.
    AgentExited {
        /// How.
        exit: ProcessExit,
        /// The end of what it wrote to stderr, redacted.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        stderr: String,
        /// The rung of the ladder on which it ended; none if it ended by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StopStep>,
    },
    /// Something about the agent that a person may want to know: noise on stdout, a broken line, a late answer.
    AgentDiagnostic {
        /// A short code, such as `stdout_noise`, `line_too_long`, `invalid_utf8`, `unknown_method`.
        code: String,
        /// For people, redacted.
        detail: String,
    },
    /// The attempt cannot go on; its runner is about to leave.
    AttemptFailed {
        /// Why.
        failure: Failure,
    },
    /// The agent's settings are now these.
    ConfigUpdated {
        /// All of them.
        #[schema(value_type = Vec<ConfigOption>)]
        options: Arc<Vec<ConfigOption>>,
    },
    /// Somebody asked for a setting of the live agent.
    ConfigRequested {
        /// `model`, `mode`, or the id of a config option.
        option: String,
        /// The wanted value.
        #[schema(value_type = Value)]
        value: Value,
    },
    /// The agent would not take a setting.
    ConfigRejected {
        /// `model`, `mode`, or the id of a config option.
        option: String,
        /// Its answer.
        detail: String,
    },
    /// The agent's slash commands are now these.
    AgentCommandsUpdated {
        /// All of them.
        #[schema(value_type = Vec<AgentCommand>)]
        commands: Arc<Vec<AgentCommand>>,
    },
    /// A prompt waits for its turn.
    TurnQueued {
        /// What was said.
        #[schema(value_type = Vec<ContentBlock>)]
        content: Arc<Vec<ContentBlock>>,
        /// Where it came from.
        #[serde(default)]
        source: TurnSource,
        /// Whether it goes before all others.
        #[serde(default, skip_serializing_if = "is_false")]
        front: bool,
    },
    /// A queued prompt's text was changed.
    QueueEntryEdited {
        /// The new content.
        #[schema(value_type = Vec<ContentBlock>)]
        content: Arc<Vec<ContentBlock>>,
    },
    /// A queued prompt was put elsewhere in the queue.
    QueueEntryMoved {
        /// Its new place, from 1.
        position: usize,
    },
    /// A queued prompt was taken back.
    QueueEntryDropped {
        /// By whom, or why.
        by: String,
    },
    /// The turn was given to the runner.
    TurnStarted {
        /// Its number in the session, from 1.
        number: u32,
    },
    /// The runner is writing the prompt to the agent; from here on it has acted or may have acted.
    TurnHandedOver {},
    /// The runner died before the prompt was handed over, so the turn waits again, first in the queue.
    TurnRequeued {},
    /// Somebody wants the turn to end.
    TurnCancelRequested {
        /// Who: a person, a program, `timeout`, `stop`.
        by: String,
    },
    /// Nothing happens in the turn; told once until something does.
    TurnInactive {
        /// For so many seconds by now.
        silent: u64,
        /// After so many seconds more it is cancelled; absent if it never is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cancelled_in: Option<u64>,
    },
    /// The turn is over.
    TurnEnded {
        /// Why.
        stop_reason: StopReason,
        /// What went wrong, if something did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
        /// What it cost, if the agent tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
    },
    /// A piece of a message; pieces with the same `message` belong together.
    MessageAppended {
        /// The message.
        message: MessageId,
        /// Who speaks.
        role: Role,
        /// Aloud or to itself.
        channel: Channel,
        /// The piece.
        content: ContentBlock,
    },
    /// A tool call began or changed; a patch by its id.
    ToolCallUpdated {
        /// The patch.
        tool_call: ToolCall,
    },
    /// The agent's plan is now this.
    PlanUpdated {
        /// All of it.
        entries: Vec<PlanEntry>,
    },
    /// Tokens and cost so far.
    UsageUpdated {
        /// What the agent told.
        usage: Usage,
    },
    /// The agent asks before it acts.
    PermissionRequested {
        /// The request.
        request: PermissionId,
        /// What it wants to do.
        tool_call: ToolCall,
        /// The answers it offers, in its order.
        options: Vec<PermissionOption>,
    },
    /// A permission request has its answer; the first one wins.
    PermissionDecided {
        /// The request.
        request: PermissionId,
        /// The chosen option; absent when it was cancelled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        option_id: Option<String>,
        /// What was decided.
        decision: Decision,
        /// Who: a person, a program, `policy`, `timeout`, `cancel`, `crash`.
        by: String,
        /// Said to the agent or to people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// The agent asks the user something else.
    ElicitationRequested {
        /// The question.
        request: ElicitationId,
        /// Its text.
        message: String,
        /// The frame's parameters, verbatim: form schema or address.
        #[schema(value_type = Object)]
        params: Value,
    },
    /// An elicitation has its answer.
    ElicitationAnswered {
        /// The question.
        request: ElicitationId,
        /// `accept`, `decline`, `cancel`.
        action: String,
        /// The form's content.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Object)]
        content: Option<Value>,
        /// Who.
        by: String,
    },
    /// The session is being stopped.
    SessionStopping {
        /// Why; the first cause wins.
        cause: StopCause,
        /// Whether the agent gets time.
        mode: StopMode,
        /// For people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// Who.
        by: String,
    },
    /// The session is stopped; a prompt takes it up again.
    SessionStopped {
        /// Why.
        cause: StopCause,
        /// For people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
        /// What went wrong, if something did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
        /// Whether it was proved that no process is left.
        verified: bool,
        /// The last rung of the ladder that was needed; none if there was nothing to end, or it ended by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StopStep>,
    },
    /// Something is not as it should be; told once until it is.
    SessionUnhealthy {
        /// What.
        reason: UnhealthyReason,
        /// For people.
        detail: String,
    },
    /// It is as it should be again.
    SessionRecovered {
        /// What.
        reason: UnhealthyReason,
    },
    /// A session without a runner gets one, without a prompt.
    SessionResumed {
        /// Who.
        by: String,
    },
    /// The runner is to end the agent until there is a prompt.
    SessionHibernating {
        /// Who: a person, a program, `idle`, `seats`.
        by: String,
    },
    /// The runner did not: the session goes on as it was.
    SessionKeptAwake {
        /// Why.
        why: AwakeReason,
        /// For people: what is at work.
        detail: String,
    },
    /// The session has no runner and waits for a prompt.
    SessionHibernated {},
    /// The conversation begins anew: the agent remembers nothing of what was before, the log keeps it.
    SessionCleared {
        /// Who.
        by: String,
    },
    /// The conversation goes on from before one of the user's prompts: what came after that stays in the log, and is left
    /// out of what is shown as the conversation and of what the agent is told.
    SessionRewound {
        /// The last event that is kept; those after it, up to this one, are left out.
        to_seq: u64,
        /// The turn that began with the prompt.
        prompt: TurnId,
        /// Its number.
        number: u32,
        /// How many turns the conversation has left.
        kept: u32,
        /// Who.
        by: String,
    },
    /// The session is put away.
    SessionArchived {},
    /// The session is back from the archive.
    SessionUnarchived {},
    /// The session is gone; its log goes with this transaction.
    SessionDeleted {
        /// Who.
        by: String,
    },
    /// A log that was cut short is closed; what was appended for it came before this. What is missing in it is known, and
    /// is read past from here on.
    RepairCompleted {
        /// Who.
        by: String,
        /// What was wrong.
        issues: Vec<Issue>,
        /// What was appended.
        actions: Vec<Action>,
    },
    /// Something that fits nowhere else, or that a current attempt reported and the state could not take.
    LogNote {
        /// A short code.
        code: String,
        /// For people.
        detail: String,
        /// What was reported, verbatim.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Value)]
        raw: Option<Value>,
    },
}

/// `serde` wants a function.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl KnownEvent {
    /// Every tag of this version.
    pub const TAGS: &[&str] = &[
        "session_created",
        "session_updated",
        "session_waiting",
        "attempt_assigned",
        "attempt_refused",
        "attempt_started",
        "attempt_ended",
        "workspace_ready",
        "agent_launched",
        "agent_initialized",
        "agent_session_started",
        "agent_context_lost",
        "agent_auth_required",
        "agent_sign_in_requested",
        "agent_signed_in",
        "agent_sign_in_failed",
        "agent_exited",
        "agent_diagnostic",
        "attempt_failed",
        "config_updated",
        "config_requested",
        "config_rejected",
        "agent_commands_updated",
        "turn_queued",
        "queue_entry_edited",
        "queue_entry_moved",
        "queue_entry_dropped",
        "turn_started",
        "turn_handed_over",
        "turn_requeued",
        "turn_cancel_requested",
        "turn_inactive",
        "turn_ended",
        "message_appended",
        "tool_call_updated",
        "plan_updated",
        "usage_updated",
        "permission_requested",
        "permission_decided",
        "elicitation_requested",
        "elicitation_answered",
        "session_stopping",
        "session_stopped",
        "session_unhealthy",
        "session_recovered",
        "session_resumed",
        "session_hibernating",
        "session_kept_awake",
        "session_hibernated",
        "session_cleared",
        "session_rewound",
        "session_archived",
        "session_unarchived",
        "session_deleted",
        "repair_completed",
        "log_note",
    ];

    /// The tag, as in JSON.
    pub const fn tag(&self) -> &'static str {
        match self {
            Self::SessionCreated { .. } => "session_created",
            Self::SessionUpdated { .. } => "session_updated",
            Self::SessionWaiting { .. } => "session_waiting",
            Self::AttemptAssigned { .. } => "attempt_assigned",
            Self::AttemptRefused { .. } => "attempt_refused",
            Self::AttemptStarted { .. } => "attempt_started",
            Self::AttemptEnded { .. } => "attempt_ended",
            Self::WorkspaceReady { .. } => "workspace_ready",
            Self::AgentLaunched { .. } => "agent_launched",
            Self::AgentInitialized { .. } => "agent_initialized",
            Self::AgentSessionStarted { .. } => "agent_session_started",
            Self::AgentContextLost { .. } => "agent_context_lost",
            Self::AgentAuthRequired { .. } => "agent_auth_required",
            Self::AgentSignInRequested { .. } => "agent_sign_in_requested",
            Self::AgentSignedIn { .. } => "agent_signed_in",
            Self::AgentSignInFailed { .. } => "agent_sign_in_failed",
            Self::AgentExited { .. } => "agent_exited",
            Self::AgentDiagnostic { .. } => "agent_diagnostic",
            Self::AttemptFailed { .. } => "attempt_failed",
            Self::ConfigUpdated { .. } => "config_updated",
            Self::ConfigRequested { .. } => "config_requested",
            Self::ConfigRejected { .. } => "config_rejected",
            Self::AgentCommandsUpdated { .. } => "agent_commands_updated",
            Self::TurnQueued { .. } => "turn_queued",
            Self::QueueEntryEdited { .. } => "queue_entry_edited",
            Self::QueueEntryMoved { .. } => "queue_entry_moved",
            Self::QueueEntryDropped { .. } => "queue_entry_dropped",
            Self::TurnStarted { .. } => "turn_started",
            Self::TurnHandedOver {} => "turn_handed_over",
            Self::TurnRequeued {} => "turn_requeued",
            Self::TurnCancelRequested { .. } => "turn_cancel_requested",
            Self::TurnInactive { .. } => "turn_inactive",
            Self::TurnEnded { .. } => "turn_ended",
            Self::MessageAppended { .. } => "message_appended",
            Self::ToolCallUpdated { .. } => "tool_call_updated",
            Self::PlanUpdated { .. } => "plan_updated",
            Self::UsageUpdated { .. } => "usage_updated",
            Self::PermissionRequested { .. } => "permission_requested",
            Self::PermissionDecided { .. } => "permission_decided",
            Self::ElicitationRequested { .. } => "elicitation_requested",
            Self::ElicitationAnswered { .. } => "elicitation_answered",
            Self::SessionStopping { .. } => "session_stopping",
            Self::SessionStopped { .. } => "session_stopped",
            Self::SessionUnhealthy { .. } => "session_unhealthy",
            Self::SessionRecovered { .. } => "session_recovered",
            Self::SessionResumed { .. } => "session_resumed",
            Self::SessionHibernating { .. } => "session_hibernating",
            Self::SessionKeptAwake { .. } => "session_kept_awake",
            Self::SessionHibernated {} => "session_hibernated",
            Self::SessionCleared { .. } => "session_cleared",
            Self::SessionRewound { .. } => "session_rewound",
            Self::SessionArchived {} => "session_archived",
            Self::SessionUnarchived {} => "session_unarchived",
            Self::SessionDeleted { .. } => "session_deleted",
            Self::RepairCompleted { .. } => "repair_completed",
            Self::LogNote { .. } => "log_note",
        }
    }
}

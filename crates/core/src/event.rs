//! The one event vocabulary: stored = streamed = shown.
//!
//! Additive only: a tag is never renamed, a field never changes its meaning. A type that this version does not know
//! (from a newer runner) is kept verbatim as [`EventBody::Unknown`] and folds as a no-op.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer, de};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    content::{
        AgentCommand, AuthMethod, Channel, ConfigOption, ContentBlock, PermissionOption, PlanEntry, Role, ToolCall,
        Usage,
    },
    failure::{AttemptExit, Failure, ProcessExit, StopCause, StopReason},
    ids::{ElicitationId, InstanceId, MessageId, PermissionId, SessionId, ThreadId, TurnId, WorkerName},
    spec::{Origin, PermissionMode, SessionSpec, TurnSource},
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
    },
    /// Somebody changed what is wanted, or the agent gave the session a title.
    SessionUpdated {
        /// What changed.
        changes: SessionChanges,
    },
    /// The session cannot be placed now.
    SessionWaiting {
        /// A short code: `no_worker`, `no_seat`, `agent_not_installed`, `worker_offline`, `directory_missing`.
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
    },
    /// The agent's process runs.
    AgentLaunched {
        /// Its process id on the worker's machine.
        pid: u32,
        /// The program and its arguments, redacted.
        command: Vec<String>,
        /// What holds its tree: `cgroup`, `subreaper`, …
        containment: String,
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
    /// The agent wants the user to sign in.
    AgentAuthRequired {
        /// The ways it offers.
        #[serde(default)]
        methods: Vec<AuthMethod>,
    },
    /// The agent's process ended.
    AgentExited {
        /// How.
        exit: ProcessExit,
        /// The end of what it wrote to stderr, redacted.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        stderr: String,
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
        #[schema(value_type = Object)]
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
    },
    /// The session has no runner and waits for a prompt.
    SessionHibernated {},
    /// The session is put away.
    SessionArchived {},
    /// The session is back from the archive.
    SessionUnarchived {},
    /// The session is gone; its log goes with this transaction.
    SessionDeleted {
        /// Who.
        by: String,
    },
    /// Something that fits nowhere else, or that a current attempt reported and the state could not take.
    LogNote {
        /// A short code.
        code: String,
        /// For people.
        detail: String,
        /// What was reported, verbatim.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Object)]
        raw: Option<Value>,
    },
}

/// `serde` wants a function.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// What a `session_updated` changed; absent fields stay.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionChanges {
    /// The title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The labels, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Who answers permission requests from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<PermissionMode>,
    /// The model wanted from the next attempt on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The mode wanted from the next attempt on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Config options wanted from the next attempt on, merged over the old ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub config: BTreeMap<String, Value>,
    /// Wall clock for a turn, in seconds; 0 is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
}

impl SessionChanges {
    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How the agent's session was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionOpening {
    /// `session/new`.
    New,
    /// `session/resume`: the agent remembers, nothing was replayed.
    Resumed,
    /// `session/load`: the agent remembers; its replay was left out of the log.
    Loaded,
}

/// What was decided about a permission request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Allowed this time.
    AllowOnce,
    /// Allowed from now on.
    AllowAlways,
    /// Rejected this time.
    RejectOnce,
    /// Rejected from now on.
    RejectAlways,
    /// An option of another kind was chosen.
    Other,
    /// Nobody decided: the turn was cancelled, or its attempt died.
    Cancelled,
}

impl Decision {
    /// Whether somebody said no.
    pub const fn is_rejection(self) -> bool {
        matches!(self, Self::RejectOnce | Self::RejectAlways)
    }
}

/// Whether a stop gives the agent time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopMode {
    /// Cancel, end of input, patience, SIGTERM, SIGKILL.
    #[default]
    Graceful,
    /// SIGKILL at once.
    Now,
}

/// An event's content: known, or verbatim from a newer version.
#[derive(Debug, Clone, PartialEq)]
pub enum EventBody {
    /// One of ours.
    Known(KnownEvent),
    /// A type that this version does not know: the whole object with its `type`.
    Unknown(Arc<serde_json::Map<String, Value>>),
}

impl From<KnownEvent> for EventBody {
    fn from(event: KnownEvent) -> Self {
        Self::Known(event)
    }
}

impl Serialize for EventBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(known) => known.serialize(serializer),
            Self::Unknown(map) => map.serialize(serializer),
        }
    }
}

/// An event as it is stored: everything but its place (`session`, `seq`, `pos`, `at`), which the row carries.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventData {
    /// The turn it belongs to, if it belongs to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnId>,
    /// The attempt it comes from or is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The idempotency key of the command that caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Arc<str>>,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

/// The fields of [`EventData`] that are not the body's.
#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    turn: Option<TurnId>,
    #[serde(default)]
    attempt: Option<u32>,
    #[serde(default)]
    command: Option<Arc<str>>,
}

impl EventData {
    /// An event without turn, attempt and command.
    pub fn new(body: impl Into<EventBody>) -> Self {
        Self { turn: None, attempt: None, command: None, body: body.into() }
    }

    /// In a turn.
    #[must_use]
    pub const fn turn(mut self, turn: TurnId) -> Self {
        self.turn = Some(turn);
        self
    }

    /// In an attempt.
    #[must_use]
    pub const fn attempt(mut self, attempt: u32) -> Self {
        self.attempt = Some(attempt);
        self
    }

    /// Reads a stored or reported event: a JSON object with a `type`.
    ///
    /// # Errors
    /// If the text is no JSON object, has no `type`, or its `turn`, `attempt` or `command` are malformed. An unknown
    /// type, or a known one with fields that this version cannot read, is no error: it comes back as
    /// [`EventBody::Unknown`].
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        let envelope: Envelope = serde_json::from_str(text)?;
        let body = match serde_json::from_str::<KnownEvent>(text) {
            Ok(known) => EventBody::Known(known),
            Err(_) => {
                let mut map: serde_json::Map<String, Value> = serde_json::from_str(text)?;
                if !map.get("type").is_some_and(Value::is_string) {
                    return Err(de::Error::missing_field("type"));
                }
                for field in ["turn", "attempt", "command"] {
                    map.remove(field);
                }
                EventBody::Unknown(Arc::new(map))
            }
        };
        Ok(Self { turn: envelope.turn, attempt: envelope.attempt, command: envelope.command, body })
    }

    /// The tag.
    pub fn tag(&self) -> &str {
        match &self.body {
            EventBody::Known(known) => known.tag(),
            EventBody::Unknown(map) => map.get("type").and_then(Value::as_str).unwrap_or("unknown"),
        }
    }
}

/// An event in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The session's log.
    pub session: SessionId,
    /// Its position there: gapless, from 1.
    pub seq: u64,
    /// Its position in the store's commit order.
    pub pos: u64,
    /// When it was committed, to the millisecond.
    pub at: Timestamp,
    /// For an event that a runner reported: its index in the attempt, from 0. An attempt's indexes are gapless.
    pub index: Option<u64>,
    /// The event.
    pub data: EventData,
}

impl KnownEvent {
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
            Self::AgentLaunched { .. } => "agent_launched",
            Self::AgentInitialized { .. } => "agent_initialized",
            Self::AgentSessionStarted { .. } => "agent_session_started",
            Self::AgentAuthRequired { .. } => "agent_auth_required",
            Self::AgentExited { .. } => "agent_exited",
            Self::AgentDiagnostic { .. } => "agent_diagnostic",
            Self::AttemptFailed { .. } => "attempt_failed",
            Self::ConfigUpdated { .. } => "config_updated",
            Self::ConfigRequested { .. } => "config_requested",
            Self::ConfigRejected { .. } => "config_rejected",
            Self::AgentCommandsUpdated { .. } => "agent_commands_updated",
            Self::TurnQueued { .. } => "turn_queued",
            Self::QueueEntryEdited { .. } => "queue_entry_edited",
            Self::QueueEntryDropped { .. } => "queue_entry_dropped",
            Self::TurnStarted { .. } => "turn_started",
            Self::TurnHandedOver {} => "turn_handed_over",
            Self::TurnRequeued {} => "turn_requeued",
            Self::TurnCancelRequested { .. } => "turn_cancel_requested",
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
            Self::SessionHibernated {} => "session_hibernated",
            Self::SessionArchived {} => "session_archived",
            Self::SessionUnarchived {} => "session_unarchived",
            Self::SessionDeleted { .. } => "session_deleted",
            Self::LogNote { .. } => "log_note",
        }
    }
}

/// An event as clients see it: the stored object with its place spliced in front.
///
/// `data` is the stored text, a JSON object; nothing is parsed.
pub fn wire_json(session: SessionId, seq: u64, pos: u64, at: Timestamp, data: &str) -> String {
    let rest = data.trim_start().strip_prefix('{').unwrap_or("}");
    let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
    format!(r#"{{"session":"{session}","seq":{seq},"pos":{pos},"at":"{at}"{comma}{rest}"#)
}

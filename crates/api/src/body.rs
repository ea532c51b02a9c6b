//! Bodies of HTTP requests and answers.

use std::{collections::BTreeMap, sync::Arc};

use convene_core::{
    content::{ContentBlock, PermissionOption},
    dispatch::DetectedAgent,
    event::StopMode,
    failure::AttemptExit,
    ids::{SessionId, ThreadId, TokenId, TurnId},
    spec::{CrashPolicy, OnTurnEnd, PermissionMode},
    view::{PermissionView, QueueEntryView, SessionView, ThreadView},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A prompt: text, or content blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum PromptInput {
    /// Plain text or markdown.
    Text(String),
    /// Content blocks.
    Blocks(Vec<ContentBlock>),
}

impl PromptInput {
    /// The content blocks.
    pub fn into_blocks(self) -> Vec<ContentBlock> {
        match self {
            Self::Text(text) => vec![ContentBlock::text(text)],
            Self::Blocks(blocks) => blocks,
        }
    }
}

/// Body of `POST /v1/sessions`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSession {
    /// The first prompt; without one the session waits idle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<PromptInput>,
    /// The agent's name; the server's `run.agent` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The working directory, absolute; the caller's home if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Its title; the prompt's first line if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// An existing thread; a new one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<ThreadId>,
    /// Said to the agent before the first prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// The model, as the agent names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The agent's mode, as it names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Further config options of the agent, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub config: BTreeMap<String, Value>,
    /// Who answers permission requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<PermissionMode>,
    /// Environment of the agent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Directories beside `cwd`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_dirs: Vec<String>,
    /// MCP servers in ACP's own shape.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub mcp_servers: Vec<Value>,
    /// Not built yet: refused by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub repos: Option<Value>,
    /// Not built yet: refused by name unless `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub worktree: Option<Value>,
    /// Not built yet: refused by name unless `"none"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub sandbox: Option<Value>,
    /// The worker it must run on, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub worker: Option<Value>,
    /// Wall clock for a turn, in seconds; 0 or absent is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// What happens when a turn ends and nothing is queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_turn_end: Option<OnTurnEnd>,
    /// What happens after a crash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crash_policy: Option<CrashPolicy>,
    /// Not built yet: refused by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub limits: Option<Value>,
}

/// Where a reader that has this answer goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cursor {
    /// In the session's log.
    pub seq: u64,
    /// In the store's commit order.
    pub pos: u64,
    /// The log's epoch; a cursor of another epoch is `cursor_too_old`.
    pub epoch: u64,
}

/// Answer of `POST /v1/sessions`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreatedSession {
    /// The session as it is after the transaction.
    pub session: SessionView,
    /// Where its events go on.
    pub cursor: Cursor,
}

/// A page of a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last.
    pub next_cursor: Option<String>,
    /// The store's position that the page reflects: list streams go on from here.
    pub pos: u64,
    /// The log's epoch.
    pub epoch: u64,
}

/// Body of `POST /v1/sessions/{id}/prompts`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendPrompt {
    /// What is said.
    pub content: PromptInput,
    /// What happens when a turn is running.
    #[serde(default)]
    pub mode: PromptMode,
}

/// What happens to a prompt when a turn is running.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PromptMode {
    /// It waits.
    #[default]
    Queue,
    /// It is added to the running turn. Not built yet: refused by name.
    Steer,
    /// The running turn is cancelled and it goes first.
    Interrupt,
}

/// Answer of `POST /v1/sessions/{id}/prompts`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PromptAccepted {
    /// What happened.
    pub status: PromptStatus,
    /// Its turn, which is also the id of its queue entry.
    pub turn: TurnId,
    /// Its place in the queue, from 1; absent when it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<usize>,
    /// The session as it is after the transaction.
    pub session: SessionView,
    /// Where its events go on.
    pub cursor: Cursor,
}

/// What happened to a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PromptStatus {
    /// Its turn began, or begins as soon as the agent is up.
    Started,
    /// It waits behind a running turn.
    Queued,
}

/// Body of `PATCH /v1/sessions/{id}/queue/{entry}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditQueueEntry {
    /// The new content.
    pub content: PromptInput,
}

/// Body of `POST /v1/sessions/{id}/cancel`; may be absent.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelTurn {
    /// The turn that is meant; the running one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnId>,
}

/// Body of `POST /v1/sessions/{id}/stop`; may be absent.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StopSession {
    /// Whether the agent gets time.
    #[serde(default)]
    pub mode: StopMode,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Body of `PATCH /v1/sessions/{id}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchSession {
    /// The title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The labels, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// The model, as the agent names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The agent's mode, as it names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Config options by id, merged over the old ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub config: BTreeMap<String, Value>,
    /// Who answers permission requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<PermissionMode>,
    /// Wall clock for a turn, in seconds; 0 is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// Not built yet: refused by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub limits: Option<Value>,
}

/// Body of `POST /v1/sessions/{id}/permissions/{request}`: an option of the agent's, or a decision.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecidePermission {
    /// One of the offered options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option_id: Option<String>,
    /// `allow_once`, `allow_always`, `reject_once`, `reject_always`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionInput>,
    /// Said with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecisionInput {
    /// This time.
    AllowOnce,
    /// From now on.
    AllowAlways,
    /// Not this time.
    RejectOnce,
    /// Not from now on.
    RejectAlways,
}

/// Answer of a permission decision.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PermissionDecidedBody {
    /// The request as it was asked.
    pub request: PermissionView,
    /// The option that was chosen.
    pub option: Option<PermissionOption>,
    /// The session as it is after the transaction.
    pub session: SessionView,
    /// Where its events go on.
    pub cursor: Cursor,
}

/// Body of `POST /v1/sessions/{id}/elicitations/{request}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerElicitation {
    /// `accept`, `decline`, `cancel`.
    pub action: ElicitationAction,
    /// The form's content, for `accept`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub content: Option<Value>,
}

/// What a person does with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ElicitationAction {
    /// Answers it.
    Accept,
    /// Says no.
    Decline,
    /// Closes it.
    Cancel,
}

/// Body of `POST /v1/threads`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateThread {
    /// Its title; the prompt's first line if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Its first session, made in the same transaction; `thread_id` must be absent in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Box<CreateSession>>,
    /// Short for a `session` with this prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<PromptInput>,
    /// With `prompt`: the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// With `prompt`: the directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
}

/// Answer of `POST /v1/threads`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreatedThread {
    /// The thread.
    pub thread: ThreadView,
    /// Its first session, if it has one.
    pub session: Option<SessionView>,
    /// Where lists, and the session's events, go on.
    pub cursor: Cursor,
}

/// Body of `PATCH /v1/threads/{id}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchThread {
    /// The title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// The labels, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Whether it is put away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
}

/// Answer of `GET /v1/sessions/{id}/queue`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Queue {
    /// What waits, first first.
    pub items: Vec<QueueEntryView>,
}

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

/// Health of a session: what is known about its life, and since when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionHealth {
    /// The session.
    pub id: SessionId,
    /// Its state.
    pub state: String,
    /// Its badge.
    pub badge: convene_core::view::Badge,
    /// Whether its runner's uplink is up.
    pub runner_connected: bool,
    /// The current or last attempt.
    pub attempt: u32,
    /// Where it runs.
    pub worker: Option<String>,
    /// When its last event was.
    pub last_event_at: Timestamp,
    /// How its last attempt ended, if it ended.
    pub last_exit: Option<AttemptExit>,
}

/// Answer of `GET /healthz`, `GET /readyz` and `GET /v1/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServerStatus {
    /// `ok`, `starting`, `stopping`.
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
}

/// Body of `POST /v1/tokens`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// What it is for.
    #[serde(default)]
    pub name: String,
    /// Seconds until it ends; absent: it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// `owner` or `worker`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenView {
    /// Its public name.
    pub id: TokenId,
    /// What it is for.
    pub name: String,
    /// `owner` or `worker`.
    pub scope: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// Answer of `POST /v1/tokens`; the only time that the secret is shown.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreatedToken {
    /// The token.
    pub token: TokenView,
    /// Its secret.
    pub secret: String,
}

/// Body of `POST /v1/shutdown`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Shutdown {
    /// Whether all sessions are stopped first.
    #[serde(default)]
    pub stop_sessions: bool,
}

/// Answer of `POST /v1/shutdown`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ShuttingDown {
    /// Sessions that go on without the server.
    pub sessions_going_on: u64,
    /// Sessions that were stopped.
    pub sessions_stopped: u64,
}

/// Answer of `GET /v1/sessions/{id}/history`: events by turn, in first-seen order.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct History {
    /// The groups.
    #[schema(value_type = Vec<Object>)]
    pub turns: Vec<HistoryTurn>,
    /// Where the session's events go on.
    pub cursor: Cursor,
}

/// The events of one turn.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HistoryTurn {
    /// The turn; absent for events outside turns.
    pub turn: Option<TurnId>,
    /// Its events, as in the log.
    #[schema(value_type = Vec<Object>)]
    pub events: Vec<Arc<serde_json::value::RawValue>>,
}

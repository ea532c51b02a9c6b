//! What is wrong with a log, and what closes one that was cut short. Pure: lines in, findings out.
//!
//! A repair only appends. It closes what the last turn left open, and never touches what is there, so a log whose events
//! contradict each other or cannot be read is told about and left alone.
//!
//! | issue | severity | means |
//! |---|---|---|
//! | `event_sequence_gap` | warning | events are missing; the others are read past it |
//! | `event_sequence_duplicate`, `event_sequence_regression` | error | two events have one place, or came in another order; nothing is appended |
//! | `invalid_event_json`, `event_type_mismatch` | error | an event is not what was written; nothing is appended |
//! | `session_not_stopped` | error | its runner may still append; nothing is |
//! | `no_repairable_turn` | info | no turn ever began |
//! | `terminal_event_already_exists` | info | the last turn has its end |
//! | `stop_reason_requires_force` | error | it did not end by a crash, so somebody must say that it is meant |
//! | `dangling_tool_call_missing_id` | warning | a tool call cannot be closed, because nobody knows which it is |

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    content::{ToolCall, ToolStatus},
    event::{EventBody, EventData, KnownEvent},
    failure::{Failure, FailureKind, StopCause, StopReason},
    ids::TurnId,
    session::Phase,
};

/// Issues of one kind that are told one by one; the rest is counted.
const TOLD: usize = 50;

/// A line of a log, in the order of insertion.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Its place in the log.
    pub seq: u64,
    /// Its place in the store's commit order, where that is known.
    pub pos: Option<u64>,
    /// Its type by its row or its envelope, if that says one apart from its text.
    pub kind: Option<&'a str>,
    /// Its text; `None` if it cannot be read at all.
    pub text: Option<&'a str>,
}

/// What kind of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = RepairIssueCode)]
#[serde(rename_all = "snake_case")]
pub enum IssueCode {
    /// Events are missing.
    EventSequenceGap,
    /// Two events have one place.
    EventSequenceDuplicate,
    /// An event came after one with a later place.
    EventSequenceRegression,
    /// An event is no JSON object with a type.
    InvalidEventJson,
    /// An event is not of the type that it is said to be of, or has not its fields.
    EventTypeMismatch,
    /// No turn ever began.
    NoRepairableTurn,
    /// The last turn has its end.
    TerminalEventAlreadyExists,
    /// The session has, or is about to get, a runner.
    SessionNotStopped,
    /// The session did not end by a crash.
    StopReasonRequiresForce,
    /// A tool call has no id.
    DanglingToolCallMissingId,
}

impl IssueCode {
    /// How bad it is.
    pub const fn severity(self) -> Severity {
        match self {
            Self::EventSequenceDuplicate
            | Self::EventSequenceRegression
            | Self::InvalidEventJson
            | Self::EventTypeMismatch
            | Self::SessionNotStopped
            | Self::StopReasonRequiresForce => Severity::Error,
            Self::EventSequenceGap | Self::DanglingToolCallMissingId => Severity::Warning,
            Self::NoRepairableTurn | Self::TerminalEventAlreadyExists => Severity::Info,
        }
    }

    /// Whether a log that has it is left as it is, whatever else is found.
    pub const fn blocks(self) -> bool {
        matches!(
            self,
            Self::EventSequenceDuplicate
                | Self::EventSequenceRegression
                | Self::InvalidEventJson
                | Self::EventTypeMismatch
        )
    }
}

/// How bad an issue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = RepairSeverity)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something is lost, and the rest can be used.
    Warning,
    /// Nothing is appended.
    Error,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = RepairIssue)]
pub struct Issue {
    /// What kind of thing.
    pub code: IssueCode,
    /// How bad it is.
    pub severity: Severity,
    /// The event it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The turn it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnId>,
    /// For people.
    pub detail: String,
}

/// What a repair appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = RepairActionCode)]
#[serde(rename_all = "snake_case")]
pub enum ActionCode {
    /// The end of a tool call that has none: failed.
    AppendInterruptedToolResult,
    /// The end of a turn that has none: interrupted.
    AppendTerminalError,
}

/// Something that a repair appends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = RepairAction)]
pub struct Action {
    /// What.
    pub code: ActionCode,
    /// In which turn.
    pub turn: TurnId,
    /// The turn's number in the session.
    pub number: u32,
    /// The tool call that is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call: Option<String>,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// How the session is, as far as a repair has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether no runner can append: it is stopped, asleep, or its log is damaged and nothing is taken.
    pub at_rest: bool,
    /// Whether it ended by a crash or a failure.
    pub crashed: bool,
    /// The last event that the log should have, where that is known.
    pub seq: Option<u64>,
}

impl Standing {
    /// The standing of a session in a phase, whose last event is `seq`.
    pub const fn of(phase: &Phase, seq: u64) -> Self {
        let (at_rest, crashed) = match phase {
            Phase::Stopped { cause, .. } => (true, matches!(cause, StopCause::AgentExited | StopCause::Failed)),
            Phase::Hibernated => (true, false),
            Phase::Pending { .. }
            | Phase::Starting { .. }
            | Phase::Idle { .. }
            | Phase::Running { .. }
            | Phase::Stopping { .. } => (false, false),
        };
        Self { at_rest, crashed, seq: Some(seq) }
    }
}

/// What was found, and what is to be done about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// What is wrong; of each kind the first ones.
    pub issues: Vec<Issue>,
    /// Further issues that are not told one by one.
    pub more: u64,
    /// What a repair appends, in this order.
    pub actions: Vec<Action>,
    /// The attempt that what is closed came from.
    attempt: Option<u32>,
}

impl Findings {
    /// Whether there is an issue of a kind.
    pub fn has(&self, code: IssueCode) -> bool {
        self.issues.iter().any(|issue| issue.code == code)
    }

    /// Whether a repair would append something: an end that is missing, or the word that what is lost is known.
    pub fn is_needed(&self) -> bool {
        !self.actions.is_empty() || (!self.is_blocked() && self.has(IssueCode::EventSequenceGap))
    }

    /// Whether the log is to be left as it is: its events contradict each other or cannot be read.
    pub fn is_blocked(&self) -> bool {
        self.issues.iter().any(|issue| issue.code.blocks())
    }

    /// The events that the actions append.
    pub fn closings(&self) -> Vec<EventData> {
        self.actions.iter().map(|action| self.closing(action)).collect()
    }

    fn closing(&self, action: &Action) -> EventData {
        let body = match action.code {
            ActionCode::AppendInterruptedToolResult => KnownEvent::ToolCallUpdated {
                tool_call: ToolCall {
                    id: action.tool_call.clone().unwrap_or_default(),
                    status: Some(ToolStatus::Failed),
                    raw_output: Some(json!({ "error": "the log ended before this tool call did" })),
                    meta: Some(json!({ "repair": true })),
                    ..ToolCall::default()
                },
            },
            ActionCode::AppendTerminalError => {
                let summary = "the log ended before this turn did; a repair closed it";
                let failure = Failure::new(FailureKind::UnknownFailure, summary).code("prompt_outcome_unknown");
                KnownEvent::TurnEnded { stop_reason: StopReason::Interrupted, failure: Some(failure), usage: None }
            }
        };
        let mut data = EventData::new(body).turn(action.turn);
        data.attempt = self.attempt;
        data
    }
}

/// Takes in a log, line by line.
#[derive(Debug, Default)]
pub struct Analysis {
    issues: BTreeMap<IssueCode, Vec<Issue>>,
    more: u64,
    seen: BTreeSet<u64>,
    last: Option<(u64, Option<u64>)>,
    turn: Option<OpenTurn>,
    /// Whether a later repair knows of gaps before this event.
    repaired: u64,
}

/// The last turn that began.
#[derive(Debug)]
struct OpenTurn {
    id: TurnId,
    number: u32,
    seq: u64,
    ended: bool,
    attempt: Option<u32>,
    /// Tool calls that have no end, with their titles.
    tools: BTreeMap<String, Option<String>>,
    /// Tool calls without an id: where the first one is.
    nameless: Option<u64>,
}

impl Analysis {
    /// Takes the next line in.
    pub fn take(&mut self, line: Line<'_>) {
        self.place(&line);
        let Some(text) = line.text else {
            return self.tell(IssueCode::InvalidEventJson, Some(line.seq), None, "it cannot be read".to_owned());
        };
        let data = match EventData::from_json(text) {
            Ok(data) => data,
            Err(error) => return self.tell(IssueCode::InvalidEventJson, Some(line.seq), None, error.to_string()),
        };
        if let Some(kind) = line.kind.filter(|kind| *kind != data.tag()) {
            let detail = format!("its row says {kind}, and its text {}", data.tag());
            return self.tell(IssueCode::EventTypeMismatch, Some(line.seq), data.turn, detail);
        }
        match &data.body {
            EventBody::Known(known) => self.known(line.seq, &data, known),
            EventBody::Unknown(map) if is_nameless_call(map) => self.nameless(line.seq, data.turn),
            EventBody::Unknown(_) if KnownEvent::TAGS.contains(&data.tag()) => {
                let detail = format!("it has not the fields of a {}", data.tag());
                self.tell(IssueCode::EventTypeMismatch, Some(line.seq), data.turn, detail);
            }
            // Of a newer version.
            EventBody::Unknown(_) => {}
        }
    }

    /// What is wrong, and what would close it. `force`: also a session that did not end by a crash.
    pub fn finish(mut self, standing: Standing, force: bool) -> Findings {
        let last = self.last.map_or(0, |(seq, _)| seq);
        if let Some(seq) = standing.seq.filter(|seq| *seq > last) {
            self.gap(last, seq + 1);
        }
        // A repair that came later has told of these already.
        let repaired = self.repaired;
        if let Some(gaps) = self.issues.get_mut(&IssueCode::EventSequenceGap) {
            gaps.retain(|gap| gap.seq.is_some_and(|seq| seq > repaired));
        }
        let actions = self.plan(standing, force);
        let attempt = self.turn.as_ref().and_then(|turn| turn.attempt);
        let mut issues: Vec<Issue> = self.issues.into_values().flatten().collect();
        issues.sort_by_key(|issue| (issue.seq.is_none(), issue.seq));
        Findings { issues, more: self.more, actions, attempt }
    }

    fn plan(&mut self, standing: Standing, force: bool) -> Vec<Action> {
        if self.issues.keys().any(|code| code.blocks()) {
            return Vec::new();
        }
        if !standing.at_rest {
            self.tell(IssueCode::SessionNotStopped, None, None, "it has a runner, or is about to get one".to_owned());
            return Vec::new();
        }
        let Some(turn) = &self.turn else {
            self.tell(IssueCode::NoRepairableTurn, None, None, "no turn ever began".to_owned());
            return Vec::new();
        };
        let (id, number, ended, nameless) = (turn.id, turn.number, turn.ended, turn.nameless);
        let mut actions: Vec<Action> =
            turn.tools.iter().map(|(call, title)| closes(turn, call, title.clone())).collect();
        if let Some(seq) = nameless {
            let detail = "a tool call without an id cannot be closed".to_owned();
            self.tell(IssueCode::DanglingToolCallMissingId, Some(seq), Some(id), detail);
        }
        if ended {
            let detail = "the last turn has its end".to_owned();
            self.tell(IssueCode::TerminalEventAlreadyExists, None, Some(id), detail);
        } else {
            let code = ActionCode::AppendTerminalError;
            actions.push(Action { code, turn: id, number, tool_call: None, title: None });
        }
        if !actions.is_empty() && !standing.crashed && !force {
            let detail = "it did not end by a crash: closing its last turn wants force".to_owned();
            self.tell(IssueCode::StopReasonRequiresForce, None, Some(id), detail);
            return Vec::new();
        }
        actions
    }

    /// Compares a line's place with those before it.
    fn place(&mut self, line: &Line<'_>) {
        let seq = line.seq;
        let (before, pos_before) = self.last.unwrap_or((0, None));
        let earlier = line.pos.zip(pos_before).is_some_and(|(pos, before)| pos <= before);
        if !self.seen.insert(seq) {
            self.tell(IssueCode::EventSequenceDuplicate, Some(seq), None, format!("there are two events {seq}"));
        } else if seq < before || earlier {
            let detail = format!("event {seq} came in after event {before}, out of order");
            self.tell(IssueCode::EventSequenceRegression, Some(seq), None, detail);
        } else if seq - before > 1 {
            self.gap(before, seq);
        }
        self.last = Some((seq.max(before), line.pos.max(pos_before)));
    }

    /// The events between these two are missing.
    fn gap(&mut self, before: u64, after: u64) {
        let detail = match after - before - 1 {
            1 => format!("event {} is missing", before + 1),
            n => format!("events {} to {} are missing ({n})", before + 1, after - 1),
        };
        self.tell(IssueCode::EventSequenceGap, Some(after), None, detail);
    }

    fn known(&mut self, seq: u64, data: &EventData, known: &KnownEvent) {
        if let KnownEvent::RepairCompleted { .. } = known {
            self.repaired = self.repaired.max(seq);
        }
        let Some(id) = data.turn else { return };
        if let KnownEvent::TurnStarted { number } = known {
            let (number, attempt, tools) = (*number, data.attempt, BTreeMap::new());
            self.turn = Some(OpenTurn { id, number, seq, ended: false, attempt, tools, nameless: None });
        }
        let Some(turn) = self.turn.as_mut().filter(|turn| turn.id == id && turn.seq <= seq) else { return };
        turn.attempt = data.attempt.or(turn.attempt);
        match known {
            KnownEvent::TurnEnded { .. } => turn.ended = true,
            // It waits again, as if it had never begun.
            KnownEvent::TurnRequeued {} => self.turn = None,
            KnownEvent::ToolCallUpdated { tool_call } if tool_call.id.is_empty() => {
                turn.nameless.get_or_insert(seq);
            }
            KnownEvent::ToolCallUpdated { tool_call } if tool_call.status.is_some_and(ToolStatus::is_final) => {
                turn.tools.remove(&tool_call.id);
            }
            // What comes after a turn's end has no say about it.
            KnownEvent::ToolCallUpdated { tool_call } if !turn.ended => {
                let title = turn.tools.entry(tool_call.id.clone()).or_default();
                if tool_call.title.is_some() {
                    title.clone_from(&tool_call.title);
                }
            }
            _ => {}
        }
    }

    fn nameless(&mut self, seq: u64, turn: Option<TurnId>) {
        if let Some(open) = self.turn.as_mut().filter(|open| Some(open.id) == turn) {
            open.nameless.get_or_insert(seq);
        }
    }

    fn tell(&mut self, code: IssueCode, seq: Option<u64>, turn: Option<TurnId>, detail: String) {
        let told = self.issues.entry(code).or_default();
        if told.len() >= TOLD {
            self.more += 1;
            return;
        }
        told.push(Issue { code, severity: code.severity(), seq, turn, detail });
    }
}

fn closes(turn: &OpenTurn, call: &str, title: Option<String>) -> Action {
    let code = ActionCode::AppendInterruptedToolResult;
    Action { code, turn: turn.id, number: turn.number, tool_call: Some(call.to_owned()), title }
}

/// Whether it is a tool call that lacks nothing but its id.
fn is_nameless_call(map: &serde_json::Map<String, Value>) -> bool {
    let call = map.get("tool_call").and_then(Value::as_object);
    let is_call = map.get("type").and_then(Value::as_str) == Some("tool_call_updated");
    is_call && call.is_some_and(|call| !call.contains_key("id"))
}

#[cfg(test)]
#[path = "repair_tests.rs"]
mod tests;

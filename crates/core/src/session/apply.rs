//! The only mutation of a session's state: one event folded in. Total: what does not fit changes only `seq` and time.

use std::{collections::VecDeque, sync::Arc};

use super::state::{
    ActiveTurn, AgentFacts, Attempt, DecidedPermission, EndedTurn, OpenElicitation, PendingPermission, Phase, QueuedTurn,
    SessionState,
};
use crate::{
    content::{Channel, ContentBlock, Role, ToolCall, ToolStatus},
    directive::{Directive, Order},
    event::{Event, EventBody, KnownEvent, SessionChanges},
    failure::StopReason,
    ids::MessageId,
    limits,
};

impl SessionState {
    /// The state after a `session_created`; `None` if the event is another one.
    pub fn begin(event: &Event) -> Option<Self> {
        let EventBody::Known(KnownEvent::SessionCreated { spec, thread, owner, namespace, origin, title, labels }) =
            &event.data.body
        else {
            return None;
        };
        Some(Self {
            id: event.session,
            thread: *thread,
            owner: owner.clone(),
            namespace: namespace.clone(),
            origin: *origin,
            spec: Arc::clone(spec),
            title: title.clone(),
            labels: labels.clone(),
            archived: false,
            deleted: false,
            seq: event.seq,
            pos: event.pos,
            created_at: event.at,
            updated_at: event.at,
            phase: Phase::Pending { waiting: None },
            attempts: 0,
            next_index: 0,
            queue: VecDeque::new(),
            turns: 0,
            last_turn: None,
            open_tools: std::collections::BTreeMap::new(),
            permissions: std::collections::BTreeMap::new(),
            decided: std::collections::BTreeMap::new(),
            elicitations: std::collections::BTreeMap::new(),
            agent: AgentFacts::default(),
            last_line: None,
            result_message: None,
            result: Arc::default(),
            usage: crate::content::Usage::default(),
            last_prompt_at: None,
            needs_you_since: None,
            failure: None,
            directives: VecDeque::new(),
        })
    }

    /// Folds one event. Events come in the order of `seq`.
    pub fn apply(&mut self, event: &Event) {
        self.seq = event.seq;
        self.pos = event.pos;
        self.updated_at = event.at;
        if let Some(index) = event.index {
            self.next_index = index + 1;
        }
        let EventBody::Known(body) = &event.data.body else { return };
        self.apply_known(event, body);
        let needed = !self.permissions.is_empty() || !self.elicitations.is_empty() || self.agent.auth_required;
        self.needs_you_since = if needed { self.needs_you_since.or(Some(event.at)) } else { None };
    }

    fn apply_known(&mut self, event: &Event, body: &KnownEvent) {
        match body {
            KnownEvent::SessionCreated { .. }
            | KnownEvent::AttemptRefused { .. }
            | KnownEvent::AgentDiagnostic { .. }
            | KnownEvent::ConfigRejected { .. }
            | KnownEvent::PlanUpdated { .. }
            | KnownEvent::LogNote { .. } => {}
            KnownEvent::SessionUpdated { changes } => self.apply_changes(changes),
            KnownEvent::SessionWaiting { reason, detail } => {
                if let Phase::Pending { waiting } = &mut self.phase {
                    *waiting = Some(super::Waiting { reason: reason.clone(), detail: detail.clone() });
                }
            }
            KnownEvent::AttemptAssigned { worker } => {
                self.attempts = event.data.attempt.unwrap_or(self.attempts + 1);
                self.next_index = 0;
                self.directives.clear();
                self.decided.clear();
                let attempt = Attempt {
                    number: self.attempts,
                    worker: worker.clone(),
                    instance: None,
                    containment: None,
                    assigned_at: event.at,
                };
                self.phase = Phase::Starting { attempt, turn: None };
            }
            KnownEvent::AttemptStarted { instance, .. } => {
                self.failure = None;
                if let Some(attempt) = self.phase.attempt_mut() {
                    attempt.instance = Some(*instance);
                }
            }
            KnownEvent::AttemptEnded { .. } => self.apply_attempt_ended(),
            KnownEvent::AgentLaunched { containment, .. } => {
                if let Some(attempt) = self.phase.attempt_mut() {
                    attempt.containment = Some(containment.clone());
                }
            }
            KnownEvent::AgentInitialized { name, title, version, capabilities, auth_methods, .. } => {
                self.agent.name = Some(name.clone());
                self.agent.title.clone_from(title);
                self.agent.version = Some(version.clone());
                self.agent.capabilities = Some(Arc::clone(capabilities));
                self.agent.auth_methods = Arc::new(auth_methods.clone());
            }
            KnownEvent::AgentSessionStarted { agent_session_id, .. } => {
                self.agent.session_id = Some(agent_session_id.clone());
                self.agent.auth_required = false;
                if let Phase::Starting { attempt, turn } = &mut self.phase {
                    let attempt = attempt.clone();
                    self.phase = match turn.take() {
                        Some(turn) => Phase::Running { attempt, turn },
                        None => Phase::Idle { attempt },
                    };
                }
            }
            KnownEvent::AgentAuthRequired { .. } => self.agent.auth_required = true,
            KnownEvent::AgentExited { .. } => self.agent.auth_required = false,
            KnownEvent::AttemptFailed { failure } => self.failure = Some(failure.clone()),
            KnownEvent::ConfigUpdated { options } => {
                self.agent.config = Arc::clone(options);
                self.directives.retain(|d| !matches!(d.order, Order::Configure { .. }));
            }
            KnownEvent::ConfigRequested { option, value } => {
                self.direct(event.seq, Order::Configure { option: option.clone(), value: value.clone() });
            }
            KnownEvent::AgentCommandsUpdated { commands } => self.agent.commands = Arc::clone(commands),
            KnownEvent::TurnQueued { content, source, front } => {
                let Some(id) = event.data.turn else { return };
                let content = Arc::clone(content);
                let entry = QueuedTurn { id, content, source: *source, queued_at: event.at, tries: 0 };
                if *front {
                    self.queue.push_front(entry);
                } else {
                    self.queue.push_back(entry);
                }
                self.last_prompt_at = Some(event.at);
                if matches!(self.phase, Phase::Stopped { .. } | Phase::Hibernated) {
                    self.phase = Phase::Pending { waiting: None };
                }
            }
            KnownEvent::QueueEntryEdited { content } => {
                if let Some(entry) = self.queue.iter_mut().find(|e| Some(e.id) == event.data.turn) {
                    entry.content = Arc::clone(content);
                }
            }
            KnownEvent::QueueEntryDropped { .. } => self.queue.retain(|e| Some(e.id) != event.data.turn),
            KnownEvent::TurnStarted { number } => self.apply_turn_started(event, *number),
            KnownEvent::TurnHandedOver {} => {
                if let Some(turn) = self.phase.turn_mut().filter(|t| Some(t.id) == event.data.turn) {
                    turn.handed_over_at = Some(event.at);
                }
            }
            KnownEvent::TurnRequeued {} => self.apply_turn_requeued(event),
            KnownEvent::TurnCancelRequested { by } => {
                if let Some(turn) = self.phase.turn_mut().filter(|t| Some(t.id) == event.data.turn) {
                    turn.cancelled_by = Some(by.clone());
                    let turn = turn.id;
                    self.direct(event.seq, Order::Cancel { turn });
                }
            }
            KnownEvent::TurnEnded { stop_reason, failure, usage } => {
                if let Some(usage) = usage {
                    self.usage.merge(usage);
                }
                self.apply_turn_ended(event, *stop_reason, failure.as_ref());
            }
            KnownEvent::MessageAppended { message, role, channel, content } => {
                self.apply_message(event, *message, *role, *channel, content);
            }
            KnownEvent::ToolCallUpdated { tool_call } => self.apply_tool_call(tool_call),
            KnownEvent::UsageUpdated { usage } => self.usage.merge(usage),
            KnownEvent::PermissionRequested { request, tool_call, options } => {
                let pending = PendingPermission {
                    tool_call: tool_call.clone(),
                    options: options.clone(),
                    turn: event.data.turn,
                    asked_at: event.at,
                };
                self.permissions.insert(*request, pending);
            }
            KnownEvent::PermissionDecided { request, option_id, decision, by, .. } => {
                self.permissions.remove(request);
                let decided = DecidedPermission { decision: *decision, by: by.clone(), at: event.at };
                self.decided.insert(*request, decided);
                if let Some(turn) = self.phase.turn_mut() {
                    turn.rejected = decision.is_rejection();
                }
                self.direct(event.seq, Order::Decide { request: *request, option_id: option_id.clone() });
            }
            KnownEvent::ElicitationRequested { request, message, params } => {
                let open =
                    OpenElicitation { message: message.clone(), params: params.clone(), asked_at: event.at };
                self.elicitations.insert(*request, open);
            }
            KnownEvent::ElicitationAnswered { request, action, content, .. } => {
                self.elicitations.remove(request);
                let order = Order::Answer { request: *request, action: action.clone(), content: content.clone() };
                self.direct(event.seq, order);
            }
            KnownEvent::SessionStopping { cause, mode, message, .. } => {
                let Some(attempt) = self.phase.attempt().cloned() else { return };
                let turn = self.phase.turn().cloned();
                self.phase =
                    Phase::Stopping { attempt, turn, cause: *cause, detail: message.clone(), since: event.at };
                self.direct(event.seq, Order::Stop { mode: *mode });
            }
            KnownEvent::SessionStopped { cause, detail, failure, verified } => {
                self.phase = Phase::Stopped { cause: *cause, detail: detail.clone(), verified: *verified };
                self.failure.clone_from(failure);
                self.directives.clear();
            }
            KnownEvent::SessionHibernated {} => {
                self.phase = Phase::Hibernated;
                self.directives.clear();
            }
            KnownEvent::SessionArchived {} => self.archived = true,
            KnownEvent::SessionUnarchived {} => self.archived = false,
            KnownEvent::SessionDeleted { .. } => self.deleted = true,
        }
    }

    fn apply_changes(&mut self, changes: &SessionChanges) {
        if let Some(title) = &changes.title {
            self.title.clone_from(title);
        }
        if let Some(labels) = &changes.labels {
            self.labels.clone_from(labels);
        }
        let spec = Arc::make_mut(&mut self.spec);
        if let Some(permissions) = changes.permissions {
            spec.permissions = permissions;
        }
        if changes.model.is_some() {
            spec.model.clone_from(&changes.model);
        }
        if changes.mode.is_some() {
            spec.mode.clone_from(&changes.mode);
        }
        spec.config.extend(changes.config.clone());
        if let Some(timeout) = changes.timeout {
            spec.timeout = timeout;
        }
    }

    /// The runner is gone: whatever it had open was closed by events before this one.
    fn apply_attempt_ended(&mut self) {
        self.agent.auth_required = false;
        self.directives.clear();
        match &self.phase {
            // A stop ends with `session_stopped`, which comes in the same decision.
            Phase::Stopping { .. } => {}
            Phase::Starting { .. } | Phase::Idle { .. } | Phase::Running { .. } => {
                self.phase = Phase::Pending { waiting: None };
            }
            Phase::Pending { .. } | Phase::Hibernated | Phase::Stopped { .. } => {}
        }
    }

    fn apply_turn_started(&mut self, event: &Event, number: u32) {
        let Some(place) = self.queue.iter().position(|e| Some(e.id) == event.data.turn) else { return };
        let Some(entry) = self.queue.remove(place) else { return };
        self.turns = number;
        let turn = ActiveTurn {
            id: entry.id,
            number,
            content: Arc::clone(&entry.content),
            source: entry.source,
            started_at: event.at,
            handed_over_at: None,
            cancelled_by: None,
            tries: entry.tries + 1,
            tools: 0,
            rejected: false,
        };
        match &mut self.phase {
            Phase::Starting { turn: slot, .. } => *slot = Some(turn),
            Phase::Idle { attempt } => self.phase = Phase::Running { attempt: attempt.clone(), turn },
            Phase::Pending { .. }
            | Phase::Running { .. }
            | Phase::Stopping { .. }
            | Phase::Hibernated
            | Phase::Stopped { .. } => return,
        }
        let system_prompt = self.spec.system_prompt.clone();
        self.direct(event.seq, Order::Prompt { turn: entry.id, content: entry.content, system_prompt });
    }

    fn apply_turn_requeued(&mut self, event: &Event) {
        let Some(turn) = self.take_turn(event) else { return };
        self.turns = self.turns.saturating_sub(1);
        self.queue.push_front(QueuedTurn {
            id: turn.id,
            content: turn.content,
            source: turn.source,
            queued_at: event.at,
            tries: turn.tries,
        });
    }

    fn apply_turn_ended(&mut self, event: &Event, stop_reason: StopReason, failure: Option<&crate::failure::Failure>) {
        let Some(turn) = self.take_turn(event) else { return };
        self.open_tools.clear();
        self.directives.retain(|d| matches!(d.order, Order::Configure { .. } | Order::Stop { .. }));
        let duration = event.at.as_millisecond() - turn.started_at.as_millisecond();
        self.last_turn = Some(EndedTurn {
            id: turn.id,
            number: turn.number,
            stop_reason,
            failure: failure.cloned(),
            ended_at: event.at,
            duration_ms: u64::try_from(duration).unwrap_or(0),
            tools: turn.tools,
            rejected: turn.rejected,
        });
    }

    /// Takes the turn of this event out of the phase, which falls back to idle or starting.
    fn take_turn(&mut self, event: &Event) -> Option<ActiveTurn> {
        if self.phase.turn().map(|t| t.id) != event.data.turn {
            return None;
        }
        match &mut self.phase {
            Phase::Starting { turn, .. } | Phase::Stopping { turn, .. } => turn.take(),
            Phase::Running { attempt, turn } => {
                let turn = turn.clone();
                self.phase = Phase::Idle { attempt: attempt.clone() };
                Some(turn)
            }
            Phase::Pending { .. } | Phase::Idle { .. } | Phase::Hibernated | Phase::Stopped { .. } => None,
        }
    }

    fn apply_message(
        &mut self,
        event: &Event,
        message: MessageId,
        role: Role,
        channel: Channel,
        content: &ContentBlock,
    ) {
        let (Role::Agent, Channel::Answer, Some(text)) = (role, channel, content.as_text()) else { return };
        // Shared with the published state until the first piece of a batch, then ours alone.
        let result = Arc::make_mut(&mut self.result);
        if self.result_message != Some(message) {
            self.result_message = Some(message);
            result.clear();
        }
        if result.len() < limits::RESULT {
            result.push_str(text);
            result.truncate(floor_boundary(result, limits::RESULT));
        }
        if let Some(line) = self.result.lines().rev().chain(text.lines().rev()).find(|l| !l.trim().is_empty()) {
            let line = line.trim();
            self.last_line = Some((line[..floor_boundary(line, limits::LAST_LINE)].into(), event.at));
        }
    }

    fn apply_tool_call(&mut self, call: &ToolCall) {
        let status = call.status.unwrap_or(ToolStatus::InProgress);
        if call.status.is_some_and(ToolStatus::is_final) {
            let was_open = self.open_tools.remove(&call.id).is_some();
            if let Some(turn) = self.phase.turn_mut() {
                turn.tools += 1;
                // A rejected call ends as failed; a completed one shows that the agent found another way.
                if status == ToolStatus::Completed && (was_open || call.title.is_some()) {
                    turn.rejected = false;
                }
            }
            return;
        }
        let title = self.open_tools.entry(call.id.clone()).or_default();
        if let Some(new) = &call.title {
            title.clone_from(new);
        }
    }

    fn direct(&mut self, seq: u64, order: Order) {
        if self.directives.len() >= limits::DIRECTIVES {
            self.directives.pop_front();
        }
        self.directives.push_back(Directive { seq, order });
    }
}

/// The largest character boundary of `text` that is not above `max`.
fn floor_boundary(text: &str, max: usize) -> usize {
    if text.len() <= max {
        return text.len();
    }
    (0..=max).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

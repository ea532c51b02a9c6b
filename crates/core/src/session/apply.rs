//! The only mutation of a session's state: one event folded in. Total: what does not fit changes only `seq` and time.

use std::{collections::VecDeque, sync::Arc};

use super::state::{
    ActiveTurn, AgentFacts, Attempt, DecidedPermission, EndedTurn, OpenElicitation, PendingPermission, Phase,
    QueuedTurn, SessionState,
};
use crate::{
    directive::Order,
    event::{Decision, Event, EventBody, KnownEvent, SessionChanges, StopMode},
    failure::StopReason,
    limits,
    spec::TurnSource,
};

impl SessionState {
    /// The state after a `session_created`; `None` if the event is another one.
    pub fn begin(event: &Event) -> Option<Self> {
        let EventBody::Known(KnownEvent::SessionCreated {
            spec,
            thread,
            owner,
            namespace,
            origin,
            title,
            labels,
            fork,
        }) = &event.data.body
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
            starts: 0,
            last_worker: None,
            next_index: 0,
            queue: VecDeque::new(),
            turns: 0,
            last_turn: None,
            open_tools: std::collections::BTreeMap::new(),
            permissions: std::collections::BTreeMap::new(),
            decided: std::collections::BTreeMap::new(),
            elicitations: std::collections::BTreeMap::new(),
            workspace: None,
            agent: AgentFacts::default(),
            last_line: None,
            line_open: false,
            result_message: None,
            result: Arc::default(),
            usage: crate::content::Usage::default(),
            last_prompt_at: None,
            needs_you_since: None,
            failure: None,
            unhealthy: std::collections::BTreeMap::new(),
            crashes: VecDeque::new(),
            directives: VecDeque::new(),
            resumed_at: None,
            fork: fork.clone(),
            cleared_seq: 0,
            cleared_turns: 0,
            rewound: Vec::new(),
            repaired: false,
        })
    }

    /// Folds one event. Events come in the order of `seq`.
    pub fn apply(&mut self, event: &Event) {
        self.seq = event.seq;
        self.pos = event.pos;
        self.updated_at = event.at;
        if let Some(index) = event.index {
            self.next_index = index.saturating_add(1);
        }
        // Also of an attempt whose begin is lost: no number is given twice.
        self.attempts = self.attempts.max(event.data.attempt.unwrap_or_default());
        let EventBody::Known(body) = &event.data.body else { return };
        self.apply_known(event, body);
        self.note_activity(event, body);
        let needed = !self.permissions.is_empty() || !self.elicitations.is_empty() || self.agent.auth_required;
        self.needs_you_since = if needed { self.needs_you_since.or(Some(event.at)) } else { None };
    }

    fn apply_known(&mut self, event: &Event, body: &KnownEvent) {
        match body {
            KnownEvent::SessionCreated { .. }
            | KnownEvent::AttemptRefused { .. }
            | KnownEvent::AgentDiagnostic { .. }
            | KnownEvent::PlanUpdated { .. }
            | KnownEvent::LogNote { .. } => {}
            KnownEvent::SessionUpdated { changes } => self.apply_changes(event.seq, changes),
            KnownEvent::SessionWaiting { reason, detail } => {
                if let Phase::Pending { waiting } = &mut self.phase {
                    *waiting = Some(super::Waiting { reason: reason.clone(), detail: detail.clone() });
                }
            }
            KnownEvent::AttemptAssigned { worker } => {
                let number = event.data.attempt.unwrap_or_else(|| self.attempts.saturating_add(1));
                self.attempts = self.attempts.max(number);
                self.starts += 1;
                self.next_index = 0;
                self.directives.clear();
                // From here on a failure is one of this attempt.
                self.failure = None;
                let attempt = Attempt {
                    number,
                    worker: worker.clone(),
                    instance: None,
                    containment: None,
                    assigned_at: event.at,
                    leaving: None,
                    agent_exit: None,
                    hibernating: None,
                    kept_awake_at: None,
                    kept_awake: 0,
                };
                self.phase = Phase::Starting { attempt, turn: None };
            }
            KnownEvent::AttemptStarted { instance, .. } => {
                if let Some(attempt) = self.phase.attempt_mut() {
                    attempt.instance = Some(*instance);
                    self.last_worker = Some(attempt.worker.clone());
                }
            }
            KnownEvent::AttemptEnded { crash, .. } => self.apply_attempt_ended(event, *crash),
            KnownEvent::WorkspaceReady { workspace } => {
                // From here on the session is where its worktree is: its permissions, its files, its next attempts.
                if self.spec.worktree.is_some() {
                    Arc::make_mut(&mut self.spec).cwd.clone_from(&workspace.cwd);
                }
                self.workspace = Some(workspace.clone());
            }
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
                // One that is about to go has nothing to say about the next.
                if self.phase.attempt().is_none_or(|attempt| attempt.leaving.is_none()) {
                    self.agent.session_id = Some(agent_session_id.clone());
                }
                self.agent.auth_required = false;
                self.starts = 0;
                if let Phase::Starting { attempt, turn } = &mut self.phase {
                    let attempt = attempt.clone();
                    self.phase = match turn.take() {
                        Some(turn) => Phase::Running { attempt, turn },
                        None => Phase::Idle { attempt },
                    };
                }
            }
            KnownEvent::AgentContextLost { recap, .. } => {
                self.agent.recap_due = *recap > 0;
                self.agent.context_lost_at = Some(event.at);
            }
            KnownEvent::AgentAuthRequired { methods } => {
                self.agent.auth_required = true;
                if !methods.is_empty() {
                    self.agent.auth_methods = Arc::new(methods.clone());
                }
            }
            KnownEvent::AgentSignInRequested { method, .. } => {
                self.direct(event.seq, Order::Authenticate { method: method.clone() });
            }
            KnownEvent::AgentSignedIn { .. } => {
                self.agent.auth_required = false;
                self.drop_sign_in();
            }
            KnownEvent::AgentSignInFailed { .. } => self.drop_sign_in(),
            KnownEvent::AgentExited { exit, .. } => {
                self.agent.auth_required = false;
                if let Some(attempt) = self.phase.attempt_mut() {
                    attempt.agent_exit = Some(*exit);
                    attempt.leaving = attempt.leaving.or(Some(event.at));
                }
            }
            KnownEvent::AttemptFailed { failure } => {
                self.failure = Some(failure.clone());
                if let Some(attempt) = self.phase.attempt_mut() {
                    attempt.leaving = attempt.leaving.or(Some(event.at));
                }
            }
            KnownEvent::ConfigUpdated { options } => {
                self.agent.config = Arc::clone(options);
                self.drop_configured(options);
            }
            KnownEvent::ConfigRequested { option, value } => {
                self.direct(event.seq, Order::Configure { option: option.clone(), value: value.clone() });
            }
            KnownEvent::ConfigRejected { option, .. } => self.drop_configure(option),
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
                if *source == TurnSource::User {
                    self.crashes.clear();
                }
                if matches!(self.phase, Phase::Stopped { .. } | Phase::Hibernated) {
                    self.phase = Phase::Pending { waiting: None };
                }
            }
            KnownEvent::QueueEntryEdited { content } => {
                if let Some(entry) = self.queue.iter_mut().find(|e| Some(e.id) == event.data.turn) {
                    entry.content = Arc::clone(content);
                }
            }
            KnownEvent::QueueEntryMoved { position } => {
                let at = self.queue.iter().position(|e| Some(e.id) == event.data.turn);
                if let Some(entry) = at.and_then(|at| self.queue.remove(at)) {
                    let place = position.saturating_sub(1).min(self.queue.len());
                    self.queue.insert(place, entry);
                }
            }
            KnownEvent::QueueEntryDropped { .. } => self.queue.retain(|e| Some(e.id) != event.data.turn),
            KnownEvent::TurnStarted { number } => self.apply_turn_started(event, *number),
            KnownEvent::TurnHandedOver {} => {
                if let Some(turn) = self.phase.turn_mut().filter(|t| Some(t.id) == event.data.turn) {
                    turn.handed_over_at = turn.handed_over_at.or(Some(event.at));
                    self.agent.recap_due = false;
                    self.drop_prompt();
                }
            }
            KnownEvent::TurnRequeued {} => self.apply_turn_requeued(event),
            KnownEvent::TurnCancelRequested { by } => {
                if let Some(turn) = self.phase.turn_mut().filter(|t| Some(t.id) == event.data.turn) {
                    turn.cancelled_by = Some(by.clone());
                    turn.cancelled_at = Some(event.at);
                    let turn = turn.id;
                    self.direct(event.seq, Order::Cancel { turn });
                }
            }
            KnownEvent::TurnInactive { .. } => self.apply_inactive(event),
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
                while self.decided.len() > limits::DECIDED {
                    self.decided.pop_first();
                }
                // A question that was taken back says neither yes nor no.
                if *decision != Decision::Cancelled
                    && let Some(turn) = self.phase.turn_mut()
                {
                    turn.rejected = decision.is_rejection();
                }
                // What the runner said itself it need not be told.
                if event.index.is_none() {
                    self.direct(event.seq, Order::Decide { request: *request, option_id: option_id.clone() });
                }
            }
            KnownEvent::ElicitationRequested { request, message, params } => {
                let open = OpenElicitation { message: message.clone(), params: params.clone(), asked_at: event.at };
                self.elicitations.insert(*request, open);
            }
            KnownEvent::ElicitationAnswered { request, action, content, .. } => {
                self.elicitations.remove(request);
                if event.index.is_none() {
                    let order = Order::Answer { request: *request, action: action.clone(), content: content.clone() };
                    self.direct(event.seq, order);
                }
            }
            KnownEvent::SessionStopping { cause, mode, message, .. } => {
                let Some(attempt) = self.phase.attempt().cloned() else { return };
                // The first cause wins; asking again only makes the order stronger.
                if !matches!(self.phase, Phase::Stopping { .. }) {
                    let (turn, detail) = (self.phase.turn().cloned(), message.clone());
                    let (cause, since) = (*cause, event.at);
                    self.phase = Phase::Stopping { attempt, turn, cause, detail, since, now_since: None };
                }
                if let (Phase::Stopping { now_since, .. }, StopMode::Now) = (&mut self.phase, mode) {
                    now_since.get_or_insert(event.at);
                }
                self.direct(event.seq, Order::Stop { mode: *mode });
            }
            KnownEvent::SessionStopped { cause, detail, failure, verified, step } => {
                let (detail, verified, step) = (detail.clone(), *verified, *step);
                self.phase = Phase::Stopped { cause: *cause, detail, verified, step };
                self.failure.clone_from(failure);
                self.starts = 0;
                self.directives.clear();
            }
            KnownEvent::SessionUnhealthy { reason, detail } => self.apply_unhealthy(event, *reason, detail),
            KnownEvent::SessionRecovered { reason } => drop(self.unhealthy.remove(reason)),
            KnownEvent::SessionResumed { .. } => self.apply_resumed(event),
            KnownEvent::SessionHibernating { .. } => self.apply_hibernating(event),
            KnownEvent::SessionKeptAwake { .. } => self.apply_kept_awake(event),
            KnownEvent::SessionCleared { .. } => self.apply_cleared(event),
            KnownEvent::RepairCompleted { .. } => self.repaired = true,
            KnownEvent::SessionRewound { to_seq, kept, .. } => self.apply_rewound(event, *to_seq, *kept),
            KnownEvent::SessionHibernated {} => {
                self.phase = Phase::Hibernated;
                self.starts = 0;
                self.directives.clear();
            }
            KnownEvent::SessionArchived {} => self.archived = true,
            KnownEvent::SessionUnarchived {} => self.archived = false,
            KnownEvent::SessionDeleted { .. } => self.deleted = true,
        }
    }

    fn apply_changes(&mut self, seq: u64, changes: &SessionChanges) {
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
        spec.inactivity_warn = changes.inactivity_warn.unwrap_or(spec.inactivity_warn);
        spec.inactivity_timeout = changes.inactivity_timeout.unwrap_or(spec.inactivity_timeout);
        // A runner that has not said hello gets the spec with its welcome.
        let is_greeted = self.phase.attempt().is_some_and(|attempt| attempt.instance.is_some());
        if let Some(mode) = changes.permissions.filter(|_| is_greeted) {
            self.direct(seq, Order::Permissions { mode });
        }
    }

    /// The runner is gone: whatever it had open was closed by events before this one.
    fn apply_attempt_ended(&mut self, event: &Event, crash: bool) {
        self.agent.auth_required = false;
        self.unhealthy.clear();
        if crash {
            self.apply_crash(event.at);
        }
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
        let (attempt, ready) = match &self.phase {
            Phase::Starting { attempt, turn: None } => (attempt.clone(), false),
            Phase::Idle { attempt } => (attempt.clone(), true),
            Phase::Starting { turn: Some(_), .. }
            | Phase::Pending { .. }
            | Phase::Running { .. }
            | Phase::Stopping { .. }
            | Phase::Hibernated
            | Phase::Stopped { .. } => return,
        };
        let Some(entry) = self.queue.remove(place) else { return };
        self.turns = number;
        self.resumed_at = None;
        let attempt = Attempt { kept_awake: 0, ..attempt };
        let turn = ActiveTurn {
            id: entry.id,
            number,
            content: Arc::clone(&entry.content),
            source: entry.source,
            started_at: event.at,
            handed_over_at: None,
            active_at: None,
            warned_at: None,
            cancelled_by: None,
            cancelled_at: None,
            tries: entry.tries + 1,
            tools: 0,
            rejected: false,
        };
        self.phase =
            if ready { Phase::Running { attempt, turn } } else { Phase::Starting { attempt, turn: Some(turn) } };
        // Whoever prompts again has signed in, or finds out that it did not help. An agent that has no session yet waits on.
        if ready {
            self.agent.auth_required = false;
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
        self.drop_turn();
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
}

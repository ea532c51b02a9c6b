//! Decides what people and programs ask for. The engine's own commands are in `attempt` and `report`.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{
    attempt,
    decider::{Decider, Decision, PosSource},
    report,
    state::{PendingPermission, Phase, SessionState},
};
use crate::{
    command::{BusyMode, Choice, Command, Create, NewPrompt},
    content::{ContentBlock, PermissionKind, PermissionOption, plain_text},
    event::{Decision as Verdict, Event, EventData, KnownEvent, SessionChanges, StopMode},
    failure::StopCause,
    ids::{ElicitationId, PermissionId, SessionId, TurnId},
    limits,
    rejection::Rejection,
    spec::{OnTurnEnd, PermissionMode},
};

/// Makes a session, with its first prompt if it has one.
///
/// # Errors
/// If the prompt is empty.
pub fn create(id: SessionId, create: Create, now: Timestamp, pos: PosSource<'_>) -> Result<Decision, Rejection> {
    if let Some(prompt) = &create.prompt {
        check_content(&prompt.content)?;
    }
    let title = match (&create.prompt, create.title.is_empty()) {
        (Some(prompt), true) => title_of(&prompt.content),
        (Some(_) | None, _) => create.title,
    };
    let created = Event {
        session: id,
        seq: 1,
        pos: pos(),
        at: now,
        index: None,
        data: EventData::new(KnownEvent::SessionCreated {
            spec: Arc::new(create.spec),
            thread: create.thread,
            owner: create.owner,
            namespace: create.namespace,
            origin: create.origin,
            title,
            labels: create.labels,
        }),
    };
    let Some(state) = SessionState::begin(&created) else { return Err(Rejection::Nothing) };
    let mut decider = Decider::new(state, now, pos);
    if let Some(prompt) = create.prompt {
        queue(&mut decider, prompt, false);
    }
    let mut decision = decider.finish();
    decision.events.insert(0, created);
    Ok(decision)
}

/// Decides a command on a session. Nothing changes; what would change comes back.
///
/// # Errors
/// If the command is refused.
pub fn handle(
    state: &SessionState,
    command: Command,
    now: Timestamp,
    pos: PosSource<'_>,
) -> Result<Decision, Rejection> {
    let mut d = Decider::new(state.clone(), now, pos);
    match command {
        Command::Prompt { prompt, busy } => prompt_session(&mut d, prompt, busy)?,
        Command::EditQueued { turn, content } => {
            check_content(&content)?;
            check_queued(&d.state, turn)?;
            d.emit_in(turn, KnownEvent::QueueEntryEdited { content });
        }
        Command::DropQueued { turn, by } => {
            check_queued(&d.state, turn)?;
            d.emit_in(turn, KnownEvent::QueueEntryDropped { by });
        }
        Command::Cancel { turn, by } => cancel(&mut d, turn, by)?,
        Command::Stop { cause, mode, message, by } => stop(&mut d, cause, mode, message, by),
        Command::Change { changes } => change(&mut d, changes)?,
        Command::Decide { request, choice, message, by } => decide(&mut d, request, &choice, message, by)?,
        Command::Answer { request, action, content, by } => {
            check_elicitation(&d.state, request)?;
            d.emit(KnownEvent::ElicitationAnswered { request, action, content, by });
        }
        Command::Archive => match d.state.phase {
            _ if d.state.archived => return Err(Rejection::Nothing),
            Phase::Stopped { .. } | Phase::Hibernated => d.emit(KnownEvent::SessionArchived {}),
            Phase::Pending { .. }
            | Phase::Starting { .. }
            | Phase::Idle { .. }
            | Phase::Running { .. }
            | Phase::Stopping { .. } => return Err(wrong_state(&d.state, "archive")),
        },
        Command::Unarchive if d.state.archived => d.emit(KnownEvent::SessionUnarchived {}),
        Command::Unarchive => return Err(Rejection::Nothing),
        Command::Delete { by } => {
            if d.state.phase.attempt().is_some() {
                return Err(wrong_state(&d.state, "delete"));
            }
            d.emit(KnownEvent::SessionDeleted { by });
        }
        Command::Assign { worker } => attempt::assign(&mut d, worker)?,
        Command::Wait { reason, detail } => attempt::wait(&mut d, reason, detail)?,
        Command::Refuse { attempt, code, detail } => attempt::refuse(&mut d, attempt, code, detail)?,
        Command::Hello { attempt, instance, version } => attempt::hello(&mut d, attempt, instance, version)?,
        Command::Report { attempt, instance, first_index, events } => {
            report::report(&mut d, attempt, instance, first_index, events)?;
        }
        Command::EndAttempt { attempt, exit } => attempt::end(&mut d, attempt, exit)?,
        Command::ExpireTurn { turn } => match d.state.phase.turn() {
            Some(running) if running.id == turn && running.cancelled_by.is_none() => {
                request_cancel(&mut d, turn, "timeout".to_owned());
            }
            Some(_) | None => return Err(Rejection::NotThatTurn { turn }),
        },
        Command::ExpirePermission { request } => {
            let choice = Choice::Kind(Verdict::RejectOnce);
            decide(&mut d, request, &choice, None, "timeout".to_owned())?;
        }
    }
    settle(&mut d);
    Ok(d.finish())
}

/// What follows by itself once a command is decided: the next turn begins, policies answer, one-shots end.
fn settle(d: &mut Decider<'_>) {
    answer_by_policy(d);
    let free = match &d.state.phase {
        Phase::Idle { .. } => true,
        Phase::Starting { attempt, turn } => attempt.instance.is_some() && turn.is_none(),
        Phase::Pending { .. }
        | Phase::Running { .. }
        | Phase::Stopping { .. }
        | Phase::Hibernated
        | Phase::Stopped { .. } => false,
    };
    if !free {
        return;
    }
    if let Some(next) = d.state.queue.front().map(|e| e.id) {
        let number = d.state.turns + 1;
        d.emit_in(next, KnownEvent::TurnStarted { number });
    } else if matches!(d.state.phase, Phase::Idle { .. })
        && d.state.spec.on_turn_end == OnTurnEnd::Stop
        && d.state.last_turn.is_some()
    {
        stop(d, StopCause::Completed, StopMode::Graceful, None, "on_turn_end".to_owned());
    }
}

/// Answers the permission requests that the session's mode decides without a person.
fn answer_by_policy(d: &mut Decider<'_>) {
    let mode = d.state.spec.permissions;
    if mode == PermissionMode::Ask {
        return;
    }
    let open: Vec<PermissionId> = d.state.permissions.keys().copied().collect();
    for request in open {
        let Some(pending) = d.state.permissions.get(&request) else { continue };
        let Some(verdict) = crate::policy::decide(&d.state.spec, &pending.tool_call) else { continue };
        emit_decision(d, request, &Choice::Kind(verdict), None, "policy".to_owned());
    }
}

fn prompt_session(d: &mut Decider<'_>, prompt: NewPrompt, busy: BusyMode) -> Result<(), Rejection> {
    check_content(&prompt.content)?;
    if d.state.archived {
        return Err(Rejection::Archived);
    }
    let running = match &d.state.phase {
        Phase::Stopping { cause, .. } => return Err(Rejection::Stopping { cause: *cause }),
        Phase::Running { turn, .. } | Phase::Starting { turn: Some(turn), .. } => Some(turn.id),
        Phase::Pending { .. }
        | Phase::Starting { turn: None, .. }
        | Phase::Idle { .. }
        | Phase::Hibernated
        | Phase::Stopped { .. } => None,
    };
    if d.state.queue.len() >= limits::QUEUE {
        return Err(Rejection::QueueFull { length: d.state.queue.len() });
    }
    match (busy, running) {
        (BusyMode::Interrupt, Some(turn)) => {
            queue(d, prompt, true);
            request_cancel(d, turn, "interrupt".to_owned());
        }
        (BusyMode::Interrupt, None) | (BusyMode::Queue, _) => queue(d, prompt, false),
    }
    Ok(())
}

fn queue(d: &mut Decider<'_>, prompt: NewPrompt, front: bool) {
    d.emit_in(prompt.turn, KnownEvent::TurnQueued { content: prompt.content, source: prompt.source, front });
}

fn cancel(d: &mut Decider<'_>, wanted: Option<TurnId>, by: String) -> Result<(), Rejection> {
    let Some(running) = d.state.phase.turn() else { return Err(Rejection::NothingRunning) };
    let turn = running.id;
    if let Some(wanted) = wanted.filter(|w| *w != turn) {
        return Err(Rejection::NotThatTurn { turn: wanted });
    }
    // A second cancel of the same turn is a success that says nothing new.
    if running.cancelled_by.is_none() {
        request_cancel(d, turn, by);
    }
    Ok(())
}

/// Asks for the end of a turn; every open question is answered `cancelled`, because agents hang otherwise.
fn request_cancel(d: &mut Decider<'_>, turn: TurnId, by: String) {
    if d.state.phase.turn().is_some_and(|t| t.id == turn && t.cancelled_by.is_some()) {
        return;
    }
    d.emit_in(turn, KnownEvent::TurnCancelRequested { by });
    close_questions(d, "cancel");
}

/// Answers every open permission request and elicitation `cancelled`.
pub(super) fn close_questions(d: &mut Decider<'_>, by: &str) {
    let open: Vec<(PermissionId, Option<TurnId>)> =
        d.state.permissions.iter().map(|(request, pending)| (*request, pending.turn)).collect();
    for (request, turn) in open {
        let decision = Verdict::Cancelled;
        let body = KnownEvent::PermissionDecided { request, option_id: None, decision, by: by.to_owned(), message: None };
        emit_maybe_in(d, turn, body);
    }
    let open: Vec<ElicitationId> = d.state.elicitations.keys().copied().collect();
    for request in open {
        let (action, by) = ("cancel".to_owned(), by.to_owned());
        d.emit(KnownEvent::ElicitationAnswered { request, action, content: None, by });
    }
}

pub(super) fn emit_maybe_in(d: &mut Decider<'_>, turn: Option<TurnId>, body: KnownEvent) {
    match turn {
        Some(turn) => d.emit_in(turn, body),
        None => d.emit(body),
    }
}

/// Stops a session; idempotent, the first cause wins.
fn stop(d: &mut Decider<'_>, cause: StopCause, mode: StopMode, message: Option<String>, by: String) {
    match &d.state.phase {
        Phase::Stopped { .. } => {}
        Phase::Stopping { cause: first, .. } => {
            // Asking again with `now` is how somebody who has no patience left says so; the cause stays.
            if mode == StopMode::Now {
                let cause = *first;
                d.emit(KnownEvent::SessionStopping { cause, mode, message, by });
            }
        }
        Phase::Pending { .. } | Phase::Hibernated => {
            let entries: Vec<TurnId> = d.state.queue.iter().map(|e| e.id).collect();
            for turn in entries {
                d.emit_in(turn, KnownEvent::QueueEntryDropped { by: "stop".to_owned() });
            }
            d.emit(KnownEvent::SessionStopped { cause, detail: message, failure: None, verified: true });
        }
        Phase::Starting { .. } | Phase::Idle { .. } | Phase::Running { .. } => {
            let entries: Vec<TurnId> = d.state.queue.iter().map(|e| e.id).collect();
            for turn in entries {
                d.emit_in(turn, KnownEvent::QueueEntryDropped { by: "stop".to_owned() });
            }
            if let Some(turn) = d.state.phase.turn().map(|t| t.id) {
                request_cancel(d, turn, "stop".to_owned());
            }
            close_questions(d, "stop");
            d.emit(KnownEvent::SessionStopping { cause, mode, message, by });
        }
    }
}

fn change(d: &mut Decider<'_>, mut changes: SessionChanges) -> Result<(), Rejection> {
    if changes.is_empty() {
        return Err(Rejection::Nothing);
    }
    let live = matches!(d.state.phase, Phase::Idle { .. } | Phase::Running { .. });
    let mut wanted: BTreeMap<String, serde_json::Value> = changes.config.clone();
    wanted.extend(changes.model.clone().map(|m| ("model".to_owned(), m.into())));
    wanted.extend(changes.mode.clone().map(|m| ("mode".to_owned(), m.into())));
    if live {
        for (option, value) in &wanted {
            check_option(&d.state, option, value)?;
        }
    }
    if changes.title.as_ref() == Some(&d.state.title) {
        changes.title = None;
    }
    if !changes.is_empty() {
        d.emit(KnownEvent::SessionUpdated { changes });
    }
    if live {
        for (option, value) in wanted {
            d.emit(KnownEvent::ConfigRequested { option, value });
        }
    }
    Ok(())
}

/// Checks a setting against what the live agent announced.
fn check_option(state: &SessionState, option: &str, value: &serde_json::Value) -> Result<(), Rejection> {
    let found = state.agent.config.iter().find(|o| o.id == option || o.category.as_deref() == Some(option));
    let Some(found) = found else {
        let known = state.agent.config.iter().map(|o| o.id.clone()).collect();
        return Err(Rejection::ConfigOptionUnknown { option: option.to_owned(), known });
    };
    let known: Vec<String> = found.choices.iter().map(|c| c.value.clone()).collect();
    let fits = if known.is_empty() { value.is_boolean() } else { value.as_str().is_some_and(|v| known.iter().any(|k| k == v)) };
    if fits {
        return Ok(());
    }
    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Err(Rejection::ConfigValueUnknown { option: option.to_owned(), value, known })
}

fn decide(
    d: &mut Decider<'_>,
    request: PermissionId,
    choice: &Choice,
    message: Option<String>,
    by: String,
) -> Result<(), Rejection> {
    let Some(pending) = d.state.permissions.get(&request) else {
        return Err(match d.state.decided.get(&request) {
            Some(first) => Rejection::PermissionAlreadyDecided {
                request,
                by: first.by.clone(),
                decision: first.decision,
                at: first.at,
            },
            None => Rejection::PermissionNotFound { request },
        });
    };
    let offered = |pending: &PendingPermission| pending.options.iter().map(|o| o.id.clone()).collect();
    match choice {
        Choice::Option(id) if !pending.options.iter().any(|o| o.id == *id) => {
            return Err(Rejection::PermissionOptionInvalid { wanted: id.clone(), offered: offered(pending) });
        }
        Choice::Kind(kind) if pick(&pending.options, *kind).is_none() && by != "timeout" && by != "policy" => {
            let wanted = serde_json::to_value(kind).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
            return Err(Rejection::PermissionOptionInvalid { wanted, offered: offered(pending) });
        }
        Choice::Option(_) | Choice::Kind(_) => {}
    }
    emit_decision(d, request, choice, message, by);
    Ok(())
}

/// Records a decision; a kind that the agent does not offer becomes `cancelled`.
fn emit_decision(d: &mut Decider<'_>, request: PermissionId, choice: &Choice, message: Option<String>, by: String) {
    let Some(pending) = d.state.permissions.get(&request) else { return };
    let option = match choice {
        Choice::Option(id) => pending.options.iter().find(|o| o.id == *id),
        Choice::Kind(kind) => pick(&pending.options, *kind),
    };
    let turn = pending.turn;
    let (option_id, decision) = match option {
        Some(option) => (Some(option.id.clone()), verdict(option.kind)),
        None => (None, Verdict::Cancelled),
    };
    emit_maybe_in(d, turn, KnownEvent::PermissionDecided { request, option_id, decision, by, message });
}

/// The first option of a kind; `always` falls back to `once` and the other way round.
fn pick(options: &[PermissionOption], kind: Verdict) -> Option<&PermissionOption> {
    let (first, second) = match kind {
        Verdict::AllowOnce => (PermissionKind::AllowOnce, PermissionKind::AllowAlways),
        Verdict::AllowAlways => (PermissionKind::AllowAlways, PermissionKind::AllowOnce),
        Verdict::RejectOnce => (PermissionKind::RejectOnce, PermissionKind::RejectAlways),
        Verdict::RejectAlways => (PermissionKind::RejectAlways, PermissionKind::RejectOnce),
        Verdict::Other | Verdict::Cancelled => return None,
    };
    options.iter().find(|o| o.kind == first).or_else(|| options.iter().find(|o| o.kind == second))
}

const fn verdict(kind: PermissionKind) -> Verdict {
    match kind {
        PermissionKind::AllowOnce => Verdict::AllowOnce,
        PermissionKind::AllowAlways => Verdict::AllowAlways,
        PermissionKind::RejectOnce => Verdict::RejectOnce,
        PermissionKind::RejectAlways => Verdict::RejectAlways,
        PermissionKind::Other => Verdict::Other,
    }
}

fn check_queued(state: &SessionState, turn: TurnId) -> Result<(), Rejection> {
    if state.queue.iter().any(|e| e.id == turn) { Ok(()) } else { Err(Rejection::QueueEntryNotFound { turn }) }
}

fn check_elicitation(state: &SessionState, request: ElicitationId) -> Result<(), Rejection> {
    if state.elicitations.contains_key(&request) { Ok(()) } else { Err(Rejection::ElicitationNotFound { request }) }
}

fn check_content(content: &[ContentBlock]) -> Result<(), Rejection> {
    let empty = content.iter().all(|block| block.as_text().is_some_and(|text| text.trim().is_empty()));
    if empty { Err(Rejection::PromptEmpty) } else { Ok(()) }
}

const fn wrong_state(state: &SessionState, command: &'static str) -> Rejection {
    Rejection::WrongState { command, state: state.phase.name() }
}

/// A title from a prompt: its first line, at most 80 characters.
fn title_of(content: &[ContentBlock]) -> String {
    let text = plain_text(content);
    let line = text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
    line.chars().take(80).collect()
}

//! Decides what people and programs ask for. The engine's own commands are in `attempt` and `report`.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{
    attempt,
    decider::{Decider, Decision, PosSource},
    lifecycle, mend, questions, report,
    state::{Phase, SessionState},
    supervision,
};
use crate::{
    command::{BusyMode, Command, Create, NewPrompt},
    content::{ContentBlock, plain_text},
    event::{Event, EventData, KnownEvent, SessionChanges, StopMode},
    failure::{StopCause, StopReason},
    ids::{SessionId, TurnId},
    limits,
    rejection::Rejection,
    spec::OnTurnEnd,
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
            fork: create.fork,
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
    if state.deleted {
        let no = Rejection::WrongState { command: command.name(), state: "deleted" };
        return Err(command.attempt().map_or(no, |attempt| Rejection::Fenced { attempt }));
    }
    let mut d = Decider::new(state.clone(), now, pos);
    match command {
        Command::Prompt { prompt, busy } => prompt_session(&mut d, prompt, busy)?,
        Command::EditQueued { turn, content, position } => edit_queued(&mut d, turn, content, position)?,
        Command::DropQueued { turn, by } => {
            check_queued(&d.state, turn)?;
            d.emit_in(turn, KnownEvent::QueueEntryDropped { by });
        }
        Command::Cancel { turn, by } => cancel(&mut d, turn, by)?,
        Command::Stop { cause, mode, message, by } => stop(&mut d, cause, mode, message, by),
        Command::Change { changes } => change(&mut d, changes)?,
        Command::Decide { request, choice, message, by } => questions::decide(&mut d, request, &choice, message, by)?,
        Command::Answer { request, action, content, by } => {
            questions::answer(&mut d, request, action, content, by)?;
        }
        Command::SignIn { method, by } => sign_in(&mut d, method, by)?,
        Command::Resume { by } => lifecycle::resume(&mut d, by)?,
        Command::Hibernate { recap, by } => lifecycle::hibernate(&mut d, recap, by)?,
        Command::Clear { by } => lifecycle::clear(&mut d, by)?,
        Command::Rewind { to, by } => lifecycle::rewind(&mut d, to, by)?,
        Command::Repair { findings, doubt, expected, by } => mend::mend(&mut d, *findings, doubt, expected, by)?,
        Command::Archive => archive(&mut d)?,
        Command::Unarchive if d.state.archived => d.emit(KnownEvent::SessionUnarchived {}),
        Command::Unarchive => return Err(Rejection::Nothing),
        Command::Delete { damaged: _, by } => {
            if d.state.phase.attempt().is_some() {
                return Err(wrong_state(&d.state, "delete"));
            }
            d.emit(KnownEvent::SessionDeleted { by });
        }
        Command::Prune { expected, by } => lifecycle::prune(&mut d, expected, by)?,
        Command::Assign { worker, above } => attempt::assign(&mut d, worker, above)?,
        Command::Wait { reason, detail } => attempt::wait(&mut d, reason, detail)?,
        Command::Refuse { attempt, code, detail } => attempt::refuse(&mut d, attempt, code, detail)?,
        Command::Hello { attempt, instance, version } => attempt::hello(&mut d, attempt, instance, version)?,
        Command::Report { attempt, instance, first_index, events } => {
            report::report(&mut d, attempt, instance, first_index, events)?;
        }
        Command::EndAttempt { attempt, exit } => attempt::end(&mut d, attempt, exit)?,
        Command::ExpireTurn { turn, why } => supervision::expire(&mut d, turn, why)?,
        Command::WarnTurn { turn } => supervision::warn(&mut d, turn)?,
        Command::FallIll { reason, detail } => supervision::fall_ill(&mut d, reason, detail)?,
        Command::Recover { reason } => supervision::recover(&mut d, reason)?,
        Command::ExpirePermission { request } => questions::expire(&mut d, request)?,
    }
    settle(&mut d);
    Ok(d.finish())
}

/// What follows by itself once a command is decided: questions that need nobody are answered, the next turn begins,
/// one-shots end.
fn settle(d: &mut Decider<'_>) {
    questions::settle(d);
    supervision::settle(d);
    let free = match &d.state.phase {
        Phase::Idle { attempt } => attempt.leaving.is_none(),
        Phase::Starting { attempt, turn } => attempt.instance.is_some() && turn.is_none() && attempt.leaving.is_none(),
        Phase::Pending { .. }
        | Phase::Running { .. }
        | Phase::Stopping { .. }
        | Phase::Hibernated
        | Phase::Stopped { .. } => false,
    };
    if let Some(next) = d.state.queue.front().map(|e| e.id) {
        if free {
            let number = d.state.turns + 1;
            d.emit_in(next, KnownEvent::TurnStarted { number });
        }
    } else if matches!(d.state.phase, Phase::Idle { .. })
        && let Some(cause) = one_shot(&d.state)
    {
        stop(d, cause, StopMode::Graceful, None, "on_turn_end".to_owned());
    }
}

/// Why a one-shot session is over, if it is one and has had its turn.
pub(super) fn one_shot(state: &SessionState) -> Option<StopCause> {
    match state.spec.on_turn_end {
        OnTurnEnd::Keep => None,
        // Somebody wants it to wait for a prompt.
        OnTurnEnd::Stop if state.resumed_at.is_some() => None,
        OnTurnEnd::Stop => state.last_turn.as_ref().map(|turn| match turn.stop_reason {
            StopReason::EndTurn | StopReason::MaxTokens | StopReason::MaxTurnRequests | StopReason::Refusal => {
                StopCause::Completed
            }
            StopReason::Cancelled => StopCause::UserRequested,
            StopReason::Timeout => StopCause::Timeout,
            StopReason::Failed | StopReason::Interrupted => StopCause::Failed,
        }),
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
    if d.state.queue.len() >= limits::QUEUE_MAX {
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

fn edit_queued(
    d: &mut Decider<'_>,
    turn: TurnId,
    content: Option<Arc<Vec<ContentBlock>>>,
    position: Option<usize>,
) -> Result<(), Rejection> {
    if content.is_none() && position.is_none() {
        return Err(Rejection::Nothing);
    }
    if let Some(content) = &content {
        check_content(content)?;
    }
    let at = check_queued(&d.state, turn)?;
    let length = d.state.queue.len();
    if let Some(position) = position
        && !(1..=length).contains(&position)
    {
        return Err(Rejection::QueuePosition { position, length });
    }
    if let Some(content) = content {
        d.emit_in(turn, KnownEvent::QueueEntryEdited { content });
    }
    // Where it is already it need not go.
    if let Some(position) = position.filter(|position| *position != at + 1) {
        d.emit_in(turn, KnownEvent::QueueEntryMoved { position });
    }
    Ok(())
}

fn cancel(d: &mut Decider<'_>, wanted: Option<TurnId>, by: String) -> Result<(), Rejection> {
    let running = d.state.phase.turn().map(|t| t.id);
    match (wanted, running) {
        (None, None) => return Err(Rejection::NothingRunning),
        (None, Some(turn)) => request_cancel(d, turn, by),
        (Some(wanted), Some(turn)) if wanted == turn => request_cancel(d, turn, by),
        // Its turn has not come: somebody gave up while the session was still on its way to its agent.
        (Some(wanted), _) if d.state.queue.iter().any(|e| e.id == wanted) => {
            d.emit_in(wanted, KnownEvent::QueueEntryDropped { by });
        }
        (Some(_), None) => return Err(Rejection::NothingRunning),
        (Some(wanted), Some(_)) => return Err(Rejection::NotThatTurn { turn: wanted }),
    }
    Ok(())
}

/// Asks for the end of the running turn. A second time is a success that says nothing new. Open questions are answered
/// when the decision settles.
pub(super) fn request_cancel(d: &mut Decider<'_>, turn: TurnId, by: String) {
    if d.state.phase.turn().is_some_and(|t| t.cancelled_by.is_none()) {
        d.emit_in(turn, KnownEvent::TurnCancelRequested { by });
    }
}

/// Stops a session; idempotent, the first cause wins.
pub(super) fn stop(d: &mut Decider<'_>, cause: StopCause, mode: StopMode, message: Option<String>, by: String) {
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
            drop_queue(d, "stop");
            d.emit(KnownEvent::SessionStopped { cause, detail: message, failure: None, verified: true, step: None });
        }
        Phase::Starting { .. } | Phase::Idle { .. } | Phase::Running { .. } => {
            drop_queue(d, "stop");
            if let Some(turn) = d.state.phase.turn().map(|t| t.id) {
                request_cancel(d, turn, "stop".to_owned());
            }
            // Before the order to stop, so that the answers reach the agent first.
            questions::close(d, "stop");
            d.emit(KnownEvent::SessionStopping { cause, mode, message, by });
        }
    }
}

pub(super) fn drop_queue(d: &mut Decider<'_>, by: &str) {
    let entries: Vec<TurnId> = d.state.queue.iter().map(|e| e.id).collect();
    for turn in entries {
        d.emit_in(turn, KnownEvent::QueueEntryDropped { by: by.to_owned() });
    }
}

/// Passes a sign-in on to the agent that waits for one; what becomes of it, its runner tells.
fn sign_in(d: &mut Decider<'_>, method: String, by: String) -> Result<(), Rejection> {
    let live = d.state.phase.attempt().is_some_and(|attempt| attempt.leaving.is_none());
    if !live || !d.state.agent.auth_required || matches!(d.state.phase, Phase::Stopping { .. }) {
        return Err(Rejection::NoSignInWanted);
    }
    let methods = &d.state.agent.auth_methods;
    if !methods.iter().any(|known| known.id == method) {
        let offered = methods.iter().map(|known| known.id.clone()).collect();
        return Err(Rejection::SignInUnknown { method, offered });
    }
    d.emit(KnownEvent::AgentSignInRequested { method, by });
    Ok(())
}

fn archive(d: &mut Decider<'_>) -> Result<(), Rejection> {
    match &d.state.phase {
        Phase::Stopped { .. } | Phase::Hibernated if d.state.archived => Err(Rejection::Nothing),
        Phase::Stopped { .. } | Phase::Hibernated => {
            d.emit(KnownEvent::SessionArchived {});
            Ok(())
        }
        Phase::Pending { .. }
        | Phase::Starting { .. }
        | Phase::Idle { .. }
        | Phase::Running { .. }
        | Phase::Stopping { .. } => Err(wrong_state(&d.state, "archive")),
    }
}

fn change(d: &mut Decider<'_>, mut changes: SessionChanges) -> Result<(), Rejection> {
    if changes.is_empty() {
        return Err(Rejection::Nothing);
    }
    let mut wanted: BTreeMap<String, serde_json::Value> = changes.config.clone();
    wanted.extend(changes.model.clone().map(|m| ("model".to_owned(), m.into())));
    wanted.extend(changes.mode.clone().map(|m| ("mode".to_owned(), m.into())));
    let live = match &d.state.phase {
        Phase::Idle { .. } | Phase::Running { .. } => {
            for (option, value) in &wanted {
                check_option(&d.state, option, value)?;
            }
            true
        }
        // The runner has the spec of before, and the agent has not told yet what it takes.
        Phase::Starting { attempt, .. } => attempt.instance.is_some(),
        Phase::Pending { .. } | Phase::Stopping { .. } | Phase::Hibernated | Phase::Stopped { .. } => false,
    };
    changes.title = changes.title.filter(|title| *title != d.state.title);
    changes.labels = changes.labels.filter(|labels| *labels != d.state.labels);
    changes.permissions = changes.permissions.filter(|mode| *mode != d.state.spec.permissions);
    changes.timeout = changes.timeout.filter(|timeout| *timeout != d.state.spec.timeout);
    changes.inactivity_warn = changes.inactivity_warn.filter(|warn| *warn != d.state.spec.inactivity_warn);
    changes.inactivity_timeout =
        changes.inactivity_timeout.filter(|timeout| *timeout != d.state.spec.inactivity_timeout);
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
    let found = state.agent.config.iter().find(|o| o.is_named(option));
    let Some(found) = found else {
        let known = state.agent.config.iter().map(|o| o.id.clone()).collect();
        return Err(Rejection::ConfigOptionUnknown { option: option.to_owned(), known });
    };
    let known: Vec<String> = found.choices.iter().map(|c| c.value.clone()).collect();
    let fits = if known.is_empty() {
        value.is_boolean()
    } else {
        value.as_str().is_some_and(|v| known.iter().any(|k| k == v))
    };
    if fits {
        return Ok(());
    }
    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Err(Rejection::ConfigValueUnknown { option: option.to_owned(), value, known })
}

/// The place of a prompt that waits, from 0.
fn check_queued(state: &SessionState, turn: TurnId) -> Result<usize, Rejection> {
    state.queue.iter().position(|e| e.id == turn).ok_or(Rejection::QueueEntryNotFound { turn })
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

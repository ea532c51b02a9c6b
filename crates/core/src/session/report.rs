//! Takes in what a runner reports. Total: what does not fit the state becomes a `log_note` under the same index.

use super::{
    attempt::close_tools,
    decider::Decider,
    handle::close_questions,
    state::SessionState,
};
use crate::{
    event::{EventBody, EventData, KnownEvent, SessionChanges},
    failure::StopReason,
    ids::InstanceId,
    rejection::Rejection,
};

pub(super) fn report(
    d: &mut Decider<'_>,
    attempt: u32,
    instance: InstanceId,
    first_index: u64,
    events: Vec<EventData>,
) -> Result<(), Rejection> {
    let current = d.state.phase.attempt().filter(|a| a.number == attempt && a.instance == Some(instance));
    if current.is_none() {
        return Err(Rejection::Fenced { attempt });
    }
    if first_index > d.state.next_index {
        return Err(Rejection::IndexGap { expected: d.state.next_index, first: first_index });
    }
    for (index, mut data) in (first_index..).zip(events) {
        // Sent again after a lost acknowledgement: known already.
        if index < d.state.next_index {
            continue;
        }
        data.attempt = Some(attempt);
        take(d, data, index);
    }
    Ok(())
}

fn take(d: &mut Decider<'_>, data: EventData, index: u64) {
    let EventBody::Known(known) = &data.body else {
        d.emit_data(data, Some(index));
        return;
    };
    if let Some(problem) = misfit(&d.state, &data, known) {
        let raw = serde_json::to_value(&data).ok();
        let body = KnownEvent::LogNote { code: problem.to_owned(), detail: format!("a reported {} did not fit", data.tag()), raw };
        let mut note = EventData::new(body);
        note.turn = data.turn;
        note.attempt = data.attempt;
        d.emit_data(note, Some(index));
        return;
    }
    if matches!(known, KnownEvent::TurnEnded { .. }) {
        end_turn(d, data, index);
        return;
    }
    d.emit_data(data, Some(index));
}

/// Before a turn ends, what it left open is closed. The closing events come first and have no index; the reported one
/// keeps its own, so that a crash between them cannot tear them apart: they are one transaction.
fn end_turn(d: &mut Decider<'_>, mut data: EventData, index: u64) {
    let attempt = data.attempt.unwrap_or_default();
    close_tools(d, attempt);
    close_questions(d, "turn_end");
    let by_timeout = d.state.phase.turn().is_some_and(|t| t.cancelled_by.as_deref() == Some("timeout"));
    if let EventBody::Known(KnownEvent::TurnEnded { stop_reason, .. }) = &mut data.body
        && *stop_reason == StopReason::Cancelled
        && by_timeout
    {
        *stop_reason = StopReason::Timeout;
    }
    d.emit_data(data, Some(index));
}

/// Why a reported event does not fit the state, if it does not.
fn misfit(state: &SessionState, data: &EventData, known: &KnownEvent) -> Option<&'static str> {
    let turn = state.phase.turn().map(|t| t.id);
    match known {
        // About a turn: it must be the one the runner has.
        KnownEvent::TurnHandedOver {} | KnownEvent::TurnEnded { .. } => {
            (data.turn.is_none() || data.turn != turn).then_some("turn_not_running")
        }
        KnownEvent::PermissionRequested { request, .. } => (state.permissions.contains_key(request)
            || state.decided.contains_key(request))
        .then_some("request_known"),
        KnownEvent::ElicitationRequested { request, .. } => {
            state.elicitations.contains_key(request).then_some("request_known")
        }
        // The runner may answer for the agent's side: the agent took its question back.
        KnownEvent::PermissionDecided { request, .. } => {
            (!state.permissions.contains_key(request)).then_some("request_unknown")
        }
        KnownEvent::ElicitationAnswered { request, .. } => {
            (!state.elicitations.contains_key(request)).then_some("request_unknown")
        }
        // An agent may name its session, nothing more.
        KnownEvent::SessionUpdated { changes } => {
            let named = SessionChanges { title: changes.title.clone(), ..SessionChanges::default() };
            (*changes != named).then_some("not_the_runners_to_say")
        }
        // Facts about the agent and what it says fit at any time, in a turn or outside.
        KnownEvent::AgentLaunched { .. }
        | KnownEvent::AgentInitialized { .. }
        | KnownEvent::AgentSessionStarted { .. }
        | KnownEvent::AgentAuthRequired { .. }
        | KnownEvent::AgentExited { .. }
        | KnownEvent::AgentDiagnostic { .. }
        | KnownEvent::AttemptFailed { .. }
        | KnownEvent::ConfigUpdated { .. }
        | KnownEvent::ConfigRejected { .. }
        | KnownEvent::AgentCommandsUpdated { .. }
        | KnownEvent::MessageAppended { .. }
        | KnownEvent::ToolCallUpdated { .. }
        | KnownEvent::PlanUpdated { .. }
        | KnownEvent::UsageUpdated { .. }
        | KnownEvent::LogNote { .. } => None,
        // The engine alone says these.
        KnownEvent::SessionCreated { .. }
        | KnownEvent::SessionWaiting { .. }
        | KnownEvent::AttemptAssigned { .. }
        | KnownEvent::AttemptRefused { .. }
        | KnownEvent::AttemptStarted { .. }
        | KnownEvent::AttemptEnded { .. }
        | KnownEvent::ConfigRequested { .. }
        | KnownEvent::TurnQueued { .. }
        | KnownEvent::QueueEntryEdited { .. }
        | KnownEvent::QueueEntryDropped { .. }
        | KnownEvent::TurnStarted { .. }
        | KnownEvent::TurnRequeued {}
        | KnownEvent::TurnCancelRequested { .. }
        | KnownEvent::SessionStopping { .. }
        | KnownEvent::SessionStopped { .. }
        | KnownEvent::SessionHibernated {}
        | KnownEvent::SessionArchived {}
        | KnownEvent::SessionUnarchived {}
        | KnownEvent::SessionDeleted { .. } => Some("not_the_runners_to_say"),
    }
}

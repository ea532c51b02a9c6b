//! Takes in what a runner reports. Total: what does not fit the state becomes a `log_note` under the same index.

use super::{attempt::close_tools, decider::Decider, questions, state::SessionState, supervision::timed_out};
use crate::{
    command::Expiry,
    event::{Decision, EventBody, EventData, KnownEvent, SessionChanges, UnhealthyReason},
    failure::{Failure, FailureKind, StopReason},
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
        // Where it comes from is known here, whatever it says; and no command of a client causes a report.
        data.attempt = Some(attempt);
        data.command = None;
        take(d, data, index);
    }
    Ok(())
}

fn take(d: &mut Decider<'_>, data: EventData, index: u64) {
    let (problem, ends_turn) = match &data.body {
        EventBody::Known(known) => (misfit(&d.state, &data, known), matches!(known, KnownEvent::TurnEnded { .. })),
        // A type of ours with fields that are not: shown as it is, it would pass for what it is not.
        EventBody::Unknown(_) => (KnownEvent::TAGS.contains(&data.tag()).then_some("malformed"), false),
    };
    match problem {
        Some(problem) => note(d, &data, index, problem),
        None if ends_turn => end_turn(d, data, index),
        None => d.emit_data(data, Some(index)),
    }
    questions::enforce_limit(d);
}

/// Takes what does not fit: kept whole under its index, and folded as nothing.
fn note(d: &mut Decider<'_>, data: &EventData, index: u64, problem: &str) {
    let raw = serde_json::to_value(data).ok();
    let detail = format!("a reported {} did not fit", data.tag());
    let mut note = EventData::new(KnownEvent::LogNote { code: problem.to_owned(), detail, raw });
    note.turn = data.turn;
    note.attempt = data.attempt;
    let (turn, attempt) = (data.turn, data.attempt);
    let ends_turn = matches!(data.body, EventBody::Unknown(_)) && data.tag() == "turn_ended";
    d.emit_data(note, Some(index));
    // The runner has no turn any more, so the session must not believe that it has one.
    if ends_turn && turn.is_some() && turn == d.state.phase.turn().map(|t| t.id) {
        let failure = Failure::new(FailureKind::ProtocolFailure, "how the turn ended could not be read");
        let mut data = EventData::new(KnownEvent::TurnEnded {
            stop_reason: StopReason::Failed,
            failure: Some(failure),
            usage: None,
        });
        (data.turn, data.attempt) = (turn, attempt);
        close_turn(d, data, None);
    }
}

fn end_turn(d: &mut Decider<'_>, mut data: EventData, index: u64) {
    let cancelled_by = d.state.phase.turn().and_then(|t| t.cancelled_by.as_deref());
    let expiry = cancelled_by.and_then(Expiry::that_cancelled);
    if let EventBody::Known(KnownEvent::TurnEnded { stop_reason, failure, .. }) = &mut data.body
        && *stop_reason == StopReason::Cancelled
        && let Some(expiry) = expiry
    {
        *stop_reason = StopReason::Timeout;
        failure.get_or_insert_with(|| timed_out(&d.state, expiry));
    }
    close_turn(d, data, Some(index));
}

/// Before a turn ends, what it left open is closed. The closing events come first and have no index; the reported one
/// keeps its own, so that a crash between them cannot tear them apart: they are one transaction.
fn close_turn(d: &mut Decider<'_>, data: EventData, index: Option<u64>) {
    close_tools(d, data.attempt.unwrap_or_default());
    questions::close(d, "turn_end");
    d.emit_data(data, index);
}

/// Why a reported event does not fit the state, if it does not.
fn misfit(state: &SessionState, data: &EventData, known: &KnownEvent) -> Option<&'static str> {
    let turn = state.phase.turn().map(|t| t.id);
    match known {
        // About a turn: it must be the one the runner has.
        KnownEvent::TurnEnded { .. } => (data.turn.is_none() || data.turn != turn).then_some("turn_not_running"),
        KnownEvent::TurnHandedOver {} => match state.phase.turn() {
            Some(turn) if data.turn == Some(turn.id) => turn.handed_over_at.is_some().then_some("handed_over_before"),
            Some(_) | None => Some("turn_not_running"),
        },
        KnownEvent::PermissionRequested { request, .. } => {
            (state.permissions.contains_key(request) || state.decided.contains_key(request)).then_some("request_known")
        }
        KnownEvent::ElicitationRequested { request, .. } => {
            state.elicitations.contains_key(request).then_some("request_known")
        }
        // The runner may answer for the agent's side (it took its question back), and say no where it sees more than the
        // server does (a link that leads out of the session's directories). A yes is not its to say.
        KnownEvent::PermissionDecided { request, decision, .. } => {
            if !state.permissions.contains_key(request) {
                Some("request_unknown")
            } else if *decision == Decision::Cancelled || decision.is_rejection() {
                None
            } else {
                Some("not_the_runners_to_say")
            }
        }
        KnownEvent::ElicitationAnswered { request, action, .. } => {
            if !state.elicitations.contains_key(request) {
                Some("request_unknown")
            } else if action == "accept" {
                Some("not_the_runners_to_say")
            } else {
                None
            }
        }
        // An agent may name its session, nothing more.
        KnownEvent::SessionUpdated { changes } => {
            let named = SessionChanges { title: changes.title.clone(), ..SessionChanges::default() };
            (*changes != named).then_some("not_the_runners_to_say")
        }
        // Said once: the session's directory does not move.
        KnownEvent::WorkspaceReady { workspace } => {
            let moves = state.spec.worktree.is_none() && workspace.cwd != state.spec.cwd;
            (state.workspace.is_some() || moves).then_some("workspace_known")
        }
        // An answer, which needs its question.
        KnownEvent::SessionKeptAwake { .. } => {
            let asked = state.phase.attempt().is_some_and(|attempt| attempt.hibernating.is_some());
            (!asked).then_some("not_asked_to_hibernate")
        }
        // A runner sees its agent's process, and nothing else of what may be wrong.
        KnownEvent::SessionUnhealthy { reason, .. } => match reason {
            UnhealthyReason::AgentStopped => state.unhealthy.contains_key(reason).then_some("known"),
            UnhealthyReason::Silent
            | UnhealthyReason::RunnerUnreachable
            | UnhealthyReason::WorkerOffline
            | UnhealthyReason::Other => Some("not_the_runners_to_say"),
        },
        KnownEvent::SessionRecovered { reason } => {
            let told = *reason == UnhealthyReason::AgentStopped && state.unhealthy.contains_key(reason);
            (!told).then_some("not_the_runners_to_say")
        }
        // Facts about the agent and what it says fit at any time, in a turn or outside.
        KnownEvent::AgentLaunched { .. }
        | KnownEvent::AgentInitialized { .. }
        | KnownEvent::AgentSessionStarted { .. }
        | KnownEvent::AgentContextLost { .. }
        | KnownEvent::AgentAuthRequired { .. }
        | KnownEvent::AgentSignedIn { .. }
        | KnownEvent::AgentSignInFailed { .. }
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
        | KnownEvent::AgentSignInRequested { .. }
        | KnownEvent::TurnQueued { .. }
        | KnownEvent::QueueEntryEdited { .. }
        | KnownEvent::QueueEntryMoved { .. }
        | KnownEvent::QueueEntryDropped { .. }
        | KnownEvent::TurnStarted { .. }
        | KnownEvent::TurnRequeued {}
        | KnownEvent::TurnCancelRequested { .. }
        | KnownEvent::TurnInactive { .. }
        | KnownEvent::SessionStopping { .. }
        | KnownEvent::SessionStopped { .. }
        | KnownEvent::SessionResumed { .. }
        | KnownEvent::SessionHibernating { .. }
        | KnownEvent::SessionHibernated {}
        | KnownEvent::SessionCleared { .. }
        | KnownEvent::SessionRewound { .. }
        | KnownEvent::SessionArchived {}
        | KnownEvent::SessionUnarchived {}
        | KnownEvent::SessionDeleted { .. }
        | KnownEvent::RepairCompleted { .. } => Some("not_the_runners_to_say"),
    }
}

//! Decides about questions of the agent: permission requests and elicitations. The first answer wins.

use super::{
    decider::Decider,
    state::{PendingPermission, Phase, SessionState},
};
use crate::{
    command::Choice,
    content::{PermissionKind, PermissionOption},
    event::{Decision as Verdict, KnownEvent},
    ids::{ElicitationId, PermissionId, TurnId},
    limits, policy,
    rejection::Rejection,
};

/// A person's or a program's answer to a permission request.
pub(super) fn decide(
    d: &mut Decider<'_>,
    request: PermissionId,
    choice: &Choice,
    message: Option<String>,
    by: String,
) -> Result<(), Rejection> {
    let pending = pending(&d.state, request)?;
    if option(pending, choice).is_none() {
        let wanted = match choice {
            Choice::Option(id) => id.clone(),
            Choice::Kind(kind) => kind.name().to_owned(),
        };
        let offered = pending.options.iter().map(|o| o.id.clone()).collect();
        return Err(Rejection::PermissionOptionInvalid { wanted, offered });
    }
    emit_decision(d, request, choice, message, by);
    Ok(())
}

/// Nobody answered in time: rejected once, or cancelled if the agent offers no such answer.
pub(super) fn expire(d: &mut Decider<'_>, request: PermissionId) -> Result<(), Rejection> {
    pending(&d.state, request)?;
    let message = format!("nobody answered within {} (permissions.ask_timeout)", span(d.state.spec.ask_timeout));
    emit_decision(d, request, &Choice::Kind(Verdict::RejectOnce), Some(message), "timeout".to_owned());
    Ok(())
}

/// A span in the largest unit that tells it whole: `90 s`, `5 min`, `2 h`.
fn span(seconds: u64) -> String {
    match seconds {
        s if s >= 3_600 && s % 3_600 == 0 => format!("{} h", s / 3_600),
        s if s >= 60 && s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

/// An answer to an elicitation.
pub(super) fn answer(
    d: &mut Decider<'_>,
    request: ElicitationId,
    action: String,
    content: Option<serde_json::Value>,
    by: String,
) -> Result<(), Rejection> {
    if !d.state.elicitations.contains_key(&request) {
        return Err(Rejection::ElicitationNotFound { request });
    }
    // A null reads back as absent.
    let content = content.filter(|content| !content.is_null());
    d.emit(KnownEvent::ElicitationAnswered { request, action, content, by });
    Ok(())
}

/// Answers what must not wait for a person: everything once the turn or the session is being ended, because agents hang
/// on an open question and never yield; else the permission requests that the session's mode decides.
pub(super) fn settle(d: &mut Decider<'_>) {
    if matches!(d.state.phase, Phase::Stopping { .. }) {
        close(d, "stop");
    } else if d.state.phase.turn().is_some_and(|t| t.cancelled_by.is_some()) {
        close(d, "cancel");
    }
    let open: Vec<PermissionId> = d.state.permissions.keys().copied().collect();
    for request in open {
        let Some(pending) = d.state.permissions.get(&request) else { continue };
        let Some(verdict) = policy::decide(&d.state.spec, &pending.tool_call) else { continue };
        let choice = Choice::Kind(verdict);
        // An agent that offers no such answer: a yes is then a person's to find, a no is always possible.
        if verdict.is_rejection() || option(pending, &choice).is_some() {
            emit_decision(d, request, &choice, None, "policy".to_owned());
        }
    }
}

/// Answers at once what came when too many were open.
pub(super) fn enforce_limit(d: &mut Decider<'_>) {
    while d.state.permissions.len() > limits::OPEN_QUESTIONS
        && let Some(request) = d.state.permissions.keys().next_back().copied()
    {
        cancel_permission(d, request, "limit");
    }
    while d.state.elicitations.len() > limits::OPEN_QUESTIONS
        && let Some(request) = d.state.elicitations.keys().next_back().copied()
    {
        cancel_elicitation(d, request, "limit");
    }
}

/// Answers every open permission request and elicitation `cancelled`.
pub(super) fn close(d: &mut Decider<'_>, by: &str) {
    let open: Vec<PermissionId> = d.state.permissions.keys().copied().collect();
    for request in open {
        cancel_permission(d, request, by);
    }
    let open: Vec<ElicitationId> = d.state.elicitations.keys().copied().collect();
    for request in open {
        cancel_elicitation(d, request, by);
    }
}

fn cancel_permission(d: &mut Decider<'_>, request: PermissionId, by: &str) {
    let turn = d.state.permissions.get(&request).and_then(|pending| pending.turn);
    let (decision, by) = (Verdict::Cancelled, by.to_owned());
    emit_in(d, turn, KnownEvent::PermissionDecided { request, option_id: None, decision, by, message: None });
}

fn cancel_elicitation(d: &mut Decider<'_>, request: ElicitationId, by: &str) {
    let (action, by) = ("cancel".to_owned(), by.to_owned());
    d.emit(KnownEvent::ElicitationAnswered { request, action, content: None, by });
}

fn pending(state: &SessionState, request: PermissionId) -> Result<&PendingPermission, Rejection> {
    state.permissions.get(&request).ok_or_else(|| match state.decided.get(&request) {
        Some(first) => Rejection::PermissionAlreadyDecided {
            request,
            by: first.by.clone(),
            decision: first.decision,
            at: first.at,
        },
        None => Rejection::PermissionNotFound { request },
    })
}

/// Records a decision; a kind that the agent does not offer becomes `cancelled`.
fn emit_decision(d: &mut Decider<'_>, request: PermissionId, choice: &Choice, message: Option<String>, by: String) {
    let Some(pending) = d.state.permissions.get(&request) else { return };
    let turn = pending.turn;
    let (option_id, decision) = match option(pending, choice) {
        Some(option) => (Some(option.id.clone()), verdict(option.kind)),
        None => (None, Verdict::Cancelled),
    };
    emit_in(d, turn, KnownEvent::PermissionDecided { request, option_id, decision, by, message });
}

fn emit_in(d: &mut Decider<'_>, turn: Option<TurnId>, body: KnownEvent) {
    match turn {
        Some(turn) => d.emit_in(turn, body),
        None => d.emit(body),
    }
}

/// The offered option that a choice means: by id, or the first of its kind; `always` falls back to `once` and the other
/// way round.
fn option<'a>(pending: &'a PendingPermission, choice: &Choice) -> Option<&'a PermissionOption> {
    let first = |kind| pending.options.iter().find(|o| o.kind == kind);
    match choice {
        Choice::Option(id) => pending.options.iter().find(|o| o.id == *id),
        Choice::Kind(Verdict::AllowOnce) => {
            first(PermissionKind::AllowOnce).or_else(|| first(PermissionKind::AllowAlways))
        }
        Choice::Kind(Verdict::AllowAlways) => {
            first(PermissionKind::AllowAlways).or_else(|| first(PermissionKind::AllowOnce))
        }
        Choice::Kind(Verdict::RejectOnce) => {
            first(PermissionKind::RejectOnce).or_else(|| first(PermissionKind::RejectAlways))
        }
        Choice::Kind(Verdict::RejectAlways) => {
            first(PermissionKind::RejectAlways).or_else(|| first(PermissionKind::RejectOnce))
        }
        Choice::Kind(Verdict::Other | Verdict::Cancelled) => None,
    }
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

//! Decides the life of an attempt: assigned, refused, begun by a runner's hello, ended.

use super::{
    decider::Decider,
    handle::close_questions,
    state::{ActiveTurn, Phase},
};
use crate::{
    content::{ToolCall, ToolStatus},
    event::{EventData, KnownEvent},
    failure::{AttemptExit, Failure, FailureKind, StopCause, StopReason},
    ids::{InstanceId, WorkerName},
    limits,
    rejection::Rejection,
    spec::CrashPolicy,
};

pub(super) fn assign(d: &mut Decider<'_>, worker: WorkerName) -> Result<(), Rejection> {
    if !matches!(d.state.phase, Phase::Pending { .. }) {
        return Err(Rejection::WrongState { command: "assign", state: d.state.phase.name() });
    }
    let number = d.state.attempts + 1;
    d.emit_data(EventData::new(KnownEvent::AttemptAssigned { worker }).attempt(number), None);
    Ok(())
}

/// Records why a session waits, once for each reason.
pub(super) fn wait(d: &mut Decider<'_>, reason: String, detail: String) -> Result<(), Rejection> {
    let Phase::Pending { waiting } = &d.state.phase else {
        return Err(Rejection::WrongState { command: "defer", state: d.state.phase.name() });
    };
    if waiting.as_ref().is_some_and(|w| w.reason == reason && w.detail == detail) {
        return Err(Rejection::Nothing);
    }
    d.emit(KnownEvent::SessionWaiting { reason, detail });
    Ok(())
}

/// The worker says no before any runner said hello: the session cannot start there, and says why.
pub(super) fn refuse(d: &mut Decider<'_>, attempt: u32, code: String, detail: String) -> Result<(), Rejection> {
    match &d.state.phase {
        Phase::Starting { attempt: current, .. } | Phase::Stopping { attempt: current, .. }
            if current.number == attempt && current.instance.is_none() => {}
        Phase::Pending { .. }
        | Phase::Starting { .. }
        | Phase::Idle { .. }
        | Phase::Running { .. }
        | Phase::Stopping { .. }
        | Phase::Hibernated
        | Phase::Stopped { .. } => return Err(Rejection::Fenced { attempt }),
    }
    let body = KnownEvent::AttemptRefused { code: code.clone(), detail: detail.clone() };
    d.emit_data(EventData::new(body).attempt(attempt), None);
    let failure = Failure::new(FailureKind::StartupFailure, detail).code(&code);
    d.emit_data(EventData::new(KnownEvent::AttemptFailed { failure }).attempt(attempt), None);
    let exit = AttemptExit { by: "worker".to_owned(), verified: true, ..AttemptExit::default() };
    end(d, attempt, exit)
}

/// The first instance of the current attempt wins; the same one may say hello again.
pub(super) fn hello(
    d: &mut Decider<'_>,
    attempt: u32,
    instance: InstanceId,
    version: String,
) -> Result<(), Rejection> {
    let Some(current) = d.state.phase.attempt().filter(|a| a.number == attempt) else {
        return Err(Rejection::Fenced { attempt });
    };
    match current.instance {
        Some(first) if first == instance => Ok(()),
        Some(_) => Err(Rejection::Fenced { attempt }),
        None => {
            d.emit_data(EventData::new(KnownEvent::AttemptStarted { instance, version }).attempt(attempt), None);
            Ok(())
        }
    }
}

/// The attempt is over: closes what it had open, says what became of its turn, and decides how the session goes on.
pub(super) fn end(d: &mut Decider<'_>, attempt: u32, exit: AttemptExit) -> Result<(), Rejection> {
    if d.state.phase.attempt().is_none_or(|a| a.number != attempt) {
        return Err(Rejection::Fenced { attempt });
    }
    close_tools(d, attempt);
    close_questions(d, "crash");
    let turn = d.state.phase.turn().cloned();
    if let Some(turn) = &turn {
        end_turn(d, turn, attempt, &exit);
    }
    d.emit_data(EventData::new(KnownEvent::AttemptEnded { exit: exit.clone() }).attempt(attempt), None);
    go_on(d, turn.as_ref(), &exit);
    Ok(())
}

/// Open tool calls get a final status, so that nothing looks at work for ever.
pub(super) fn close_tools(d: &mut Decider<'_>, attempt: u32) {
    let turn = d.state.phase.turn().map(|t| t.id);
    let open: Vec<String> = d.state.open_tools.keys().cloned().collect();
    for id in open {
        let tool_call = ToolCall { id, status: Some(ToolStatus::Failed), ..ToolCall::default() };
        let mut data = EventData::new(KnownEvent::ToolCallUpdated { tool_call }).attempt(attempt);
        data.turn = turn;
        d.emit_data(data, None);
    }
}

fn end_turn(d: &mut Decider<'_>, turn: &ActiveTurn, attempt: u32, exit: &AttemptExit) {
    let handed_over = turn.handed_over_at.is_some() || exit.handed_over == Some(turn.id);
    let cancelled = turn.cancelled_by.is_some();
    let startup = d.state.failure.clone();
    let body = match (handed_over, startup) {
        // The runner said itself why it cannot start: the turn fails with that.
        (false, Some(failure)) => {
            KnownEvent::TurnEnded { stop_reason: StopReason::Failed, failure: Some(failure), usage: None }
        }
        (false, None) if cancelled => {
            KnownEvent::TurnEnded { stop_reason: StopReason::Cancelled, failure: None, usage: None }
        }
        // Provably not delivered: it waits again, until it has been tried too often.
        (false, None) if turn.tries < limits::TURN_TRIES => KnownEvent::TurnRequeued {},
        (false, None) => {
            let summary = format!("the runner died {} times before the prompt was handed over", turn.tries);
            let failure = Failure::new(FailureKind::TransportFailure, summary);
            KnownEvent::TurnEnded { stop_reason: StopReason::Failed, failure: Some(failure), usage: None }
        }
        (true, failure) => {
            let failure = failure.unwrap_or_else(|| lost(exit).code("prompt_outcome_unknown"));
            let stop_reason = match turn.cancelled_by.as_deref() {
                Some("timeout") => StopReason::Timeout,
                Some(_) => StopReason::Cancelled,
                None => StopReason::Interrupted,
            };
            KnownEvent::TurnEnded { stop_reason, failure: Some(failure), usage: None }
        }
    };
    d.emit_data(EventData::new(body).turn(turn.id).attempt(attempt), None);
}

/// How the session goes on without the attempt.
fn go_on(d: &mut Decider<'_>, turn: Option<&ActiveTurn>, exit: &AttemptExit) {
    if let Phase::Stopping { cause, detail, .. } = &d.state.phase {
        let (cause, detail) = (*cause, detail.clone());
        let failure = None;
        d.emit(KnownEvent::SessionStopped { cause, detail, failure, verified: exit.verified });
        return;
    }
    let requeued = turn.is_some_and(|t| d.state.queue.front().is_some_and(|e| e.id == t.id));
    let cancelled = turn.is_some_and(|t| t.cancelled_by.is_some()) || exit.by == "cancel";
    let resume = d.state.spec.crash_policy == CrashPolicy::Resume;
    if requeued || ((cancelled || resume) && d.state.failure.is_none() && !d.state.queue.is_empty()) {
        return; // pending, with a turn to run
    }
    if (cancelled || resume) && d.state.failure.is_none() {
        d.emit(KnownEvent::SessionHibernated {});
        return;
    }
    if d.state.spec.crash_policy == CrashPolicy::Fail {
        let entries: Vec<_> = d.state.queue.iter().map(|e| e.id).collect();
        for entry in entries {
            d.emit_in(entry, KnownEvent::QueueEntryDropped { by: "crash_policy".to_owned() });
        }
    }
    let cause = if exit.agent.is_some() && d.state.failure.as_ref().is_none_or(|f| f.kind == FailureKind::ProcessExit) {
        StopCause::AgentExited
    } else {
        StopCause::Failed
    };
    let failure = d.state.failure.clone().unwrap_or_else(|| lost(exit));
    let detail = (!exit.detail.is_empty()).then(|| exit.detail.clone());
    d.emit(KnownEvent::SessionStopped { cause, detail, failure: Some(failure), verified: exit.verified });
}

/// What is true of an attempt that ended without saying why.
fn lost(exit: &AttemptExit) -> Failure {
    match (&exit.agent, &exit.runner) {
        (Some(agent), _) => Failure::new(FailureKind::ProcessExit, format!("the agent ended with {agent}")),
        (None, Some(runner)) => {
            Failure::new(FailureKind::TransportFailure, format!("the runner ended with {runner}"))
        }
        (None, None) => Failure::new(FailureKind::TransportFailure, "the runner and its keeper are gone"),
    }
}

//! Decides the life of an attempt: assigned, refused, begun by a runner's hello, ended.

use super::{
    decider::Decider,
    handle::{drop_queue, one_shot},
    questions,
    state::{ActiveTurn, Attempt, Phase, SessionState},
    supervision::timed_out,
};
use crate::{
    command::Expiry,
    content::{ToolCall, ToolStatus},
    directive::Order,
    event::{EventData, KnownEvent},
    failure::{AttemptExit, Failure, FailureKind, StopCause, StopReason},
    ids::{InstanceId, WorkerName},
    limits,
    rejection::Rejection,
    spec::CrashPolicy,
};

pub(super) fn assign(d: &mut Decider<'_>, worker: WorkerName, above: u32) -> Result<(), Rejection> {
    if !matches!(d.state.phase, Phase::Pending { .. }) {
        return Err(Rejection::WrongState { command: "assign", state: d.state.phase.name() });
    }
    // A worker may know attempts that a restored backup does not.
    let number = d.state.attempts.max(above).saturating_add(1);
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
pub(super) fn hello(d: &mut Decider<'_>, attempt: u32, instance: InstanceId, version: String) -> Result<(), Rejection> {
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

/// An attempt that is over.
struct Over {
    attempt: Attempt,
    exit: AttemptExit,
    /// The turn that the runner had.
    turn: Option<ActiveTurn>,
    /// Whether its agent had become ready.
    ready: bool,
    /// Whether so many attempts in a row did not get that far that there will be no further one.
    exhausted: bool,
    /// Whether so many of them crashed lately that another one would, too.
    loops: bool,
}

/// Whether an attempt ended although nobody wanted its end, its agent least of all.
fn is_crash(state: &SessionState, attempt: &Attempt, exit: &AttemptExit) -> bool {
    let stopping = matches!(state.phase, Phase::Stopping { .. });
    let cancelled = state.phase.turn().is_some_and(|turn| turn.cancelled_by.is_some()) || exit.by == "cancel";
    let asleep = attempt.hibernating.is_some() && exit.verified && state.failure.is_none();
    // Outside of a stop only a conversation that begins anew tells a runner to end its agent.
    let told = state.directives.iter().any(|directive| matches!(directive.order, Order::Stop { .. }));
    let left = state.phase.turn().is_none() && attempt.agent_exit.is_some_and(|exit| exit.code == Some(0));
    !stopping && !cancelled && !asleep && !told && !left
}

/// The attempt is over: closes what it had open, says what became of its turn, and decides how the session goes on.
pub(super) fn end(d: &mut Decider<'_>, attempt: u32, exit: AttemptExit) -> Result<(), Rejection> {
    let Some(current) = d.state.phase.attempt().filter(|a| a.number == attempt).cloned() else {
        return Err(Rejection::Fenced { attempt });
    };
    let ready = d.state.starts == 0;
    let crash = is_crash(&d.state, &current, &exit);
    let loops = crash && d.state.crashes_again_and_again(d.now);
    let exhausted = loops || !ready && d.state.starts >= limits::START_TRIES;
    close_tools(d, attempt);
    questions::close(d, "crash");
    // No runner said hello, so no turn was given to one. There will be no other try: the turn that was to be the first
    // is begun here, so that it ends for all who wait for it.
    if current.instance.is_none()
        && matches!(d.state.phase, Phase::Starting { turn: None, .. })
        && (exhausted || d.state.failure.is_some())
        && let Some(first) = d.state.queue.front().map(|e| e.id)
    {
        let number = d.state.turns + 1;
        d.emit_in(first, KnownEvent::TurnStarted { number });
    }
    let turn = d.state.phase.turn().cloned();
    let over = Over { attempt: current, exit, turn, ready, exhausted, loops };
    if let Some(turn) = &over.turn {
        let body = fate(&d.state, turn, &over);
        d.emit_data(EventData::new(body).turn(turn.id).attempt(attempt), None);
    }
    let ended = KnownEvent::AttemptEnded { exit: over.exit.clone(), crash };
    d.emit_data(EventData::new(ended).attempt(attempt), None);
    go_on(d, &over);
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

/// What becomes of the turn that the runner had.
fn fate(state: &SessionState, turn: &ActiveTurn, over: &Over) -> KnownEvent {
    let ended = |stop_reason, failure| KnownEvent::TurnEnded { stop_reason, failure, usage: None };
    let handed_over = turn.handed_over_at.is_some() || over.exit.handed_over == Some(turn.id);
    let stopping = matches!(state.phase, Phase::Stopping { .. });
    if let Some(expiry) = turn.cancelled_by.as_deref().and_then(Expiry::that_cancelled) {
        return ended(StopReason::Timeout, Some(timed_out(state, expiry)));
    }
    match (handed_over, turn.cancelled_by.as_deref()) {
        // Its end was wanted, and here it is.
        (_, Some(_)) if stopping => ended(StopReason::Cancelled, None),
        // Its end was wanted, and the agent was killed for it: that is no failure unless the runner says so.
        (true, Some(_)) => ended(StopReason::Cancelled, state.failure.clone()),
        (true, None) => {
            let failure = state.failure.clone().unwrap_or_else(|| lost(over).code("prompt_outcome_unknown"));
            ended(StopReason::Interrupted, Some(failure))
        }
        (false, by) => match (&state.failure, by) {
            // It is to be tried again, which may help.
            (Some(failure), None)
                if turn.tries < limits::TURN_TRIES
                    && (over.starts_again(state, failure) || over.died_before_it_was_told(state, failure)) =>
            {
                KnownEvent::TurnRequeued {}
            }
            // The runner said itself why it cannot start: the turn fails with that.
            (Some(failure), _) => ended(StopReason::Failed, Some(failure.clone())),
            (None, Some(_)) => ended(StopReason::Cancelled, None),
            // Provably not delivered: it waits again, until it has been tried too often.
            (None, None) if turn.tries < limits::TURN_TRIES && !over.exhausted => KnownEvent::TurnRequeued {},
            (None, None) => ended(StopReason::Failed, Some(gave_up(turn.tries.max(state.starts)))),
        },
    }
}

/// How the session goes on without the attempt.
fn go_on(d: &mut Decider<'_>, over: &Over) {
    let told = d.state.failure.clone();
    let (verified, step) = (over.exit.verified, over.exit.step);
    if let Phase::Stopping { cause, detail, .. } = &d.state.phase {
        let (cause, detail) = (*cause, detail.clone());
        let of_turn = || d.state.last_turn.as_ref().and_then(|t| t.failure.clone());
        let failure = match cause {
            StopCause::Completed | StopCause::UserRequested | StopCause::Shutdown => None,
            StopCause::Timeout => Some(of_turn().unwrap_or_else(|| timed_out(&d.state, Expiry::Timeout))),
            StopCause::Failed | StopCause::AgentExited => Some(told.or_else(of_turn).unwrap_or_else(|| lost(over))),
        };
        d.emit(KnownEvent::SessionStopped { cause, detail, failure, verified, step });
        return;
    }
    // Pending already: with a turn that was not delivered, or with a start that nobody has explained.
    let requeued = over.turn.as_ref().is_some_and(|t| d.state.queue.front().is_some_and(|e| e.id == t.id));
    let again = told.as_ref().is_none_or(|failure| over.starts_again(&d.state, failure));
    let unexplained = !over.ready && !over.exhausted && over.turn.is_none() && again;
    // Whoever prompted after it was told that the agent had gone takes the session up again.
    let prompted_since =
        over.attempt.leaving.is_some_and(|since| d.state.queue.iter().any(|e| e.tries == 0 && e.queued_at > since));
    let resumed_since = d.state.is_resumed_since(over.attempt.leaving);
    if requeued || unexplained || prompted_since || resumed_since {
        return;
    }
    // Without the proof that nothing is left it has not gone to sleep, but been lost.
    if over.attempt.hibernating.is_some() && verified && told.is_none() {
        if d.state.queue.is_empty() {
            d.emit(KnownEvent::SessionHibernated {});
        }
        return;
    }
    let at_start = !over.ready && (told.is_some() || over.exhausted);
    let cancelled = over.turn.as_ref().is_some_and(|t| t.cancelled_by.is_some()) || over.exit.by == "cancel";
    let resumes = d.state.spec.crash_policy == CrashPolicy::Resume;
    let clean = over.left_in_order(told.as_ref());
    if !over.loops && !at_start && (cancelled || resumes || clean) {
        if !d.state.queue.is_empty() {
            return;
        }
        let failure = d.state.last_turn.as_ref().and_then(|t| t.failure.clone());
        match one_shot(&d.state) {
            Some(cause) => d.emit(KnownEvent::SessionStopped { cause, detail: None, failure, verified, step }),
            None if cancelled || resumes => d.emit(KnownEvent::SessionHibernated {}),
            None => {
                let (cause, detail) = (StopCause::Completed, Some("the agent ended by itself".to_owned()));
                d.emit(KnownEvent::SessionStopped { cause, detail, failure: None, verified, step });
            }
        }
        return;
    }
    if d.state.spec.crash_policy == CrashPolicy::Fail {
        drop_queue(d, "crash_policy");
    }
    let failure = match told {
        told if over.loops => crash_loop(&d.state, &told.unwrap_or_else(|| lost(over))),
        Some(told) => told,
        None if over.exhausted => gave_up(d.state.starts),
        None => lost(over),
    };
    let by_itself = over.ready && !over.loops && failure.kind == FailureKind::ProcessExit;
    let cause = if by_itself { StopCause::AgentExited } else { StopCause::Failed };
    let detail = (!over.exit.detail.is_empty()).then(|| over.exit.detail.clone());
    d.emit(KnownEvent::SessionStopped { cause, detail, failure: Some(failure), verified, step });
}

impl Over {
    /// Whether an agent that ended before it was ready gets another try: where a crash is not to stop the session, until it
    /// has crashed too often.
    fn starts_again(&self, state: &SessionState, failure: &Failure) -> bool {
        let resumes = state.spec.crash_policy == CrashPolicy::Resume;
        resumes && !self.ready && !self.exhausted && failure.code.as_deref() == Some("agent_exited_early")
    }

    /// Whether an agent that had been ready ended before it was given the prompt: then it is as if the prompt had come a
    /// moment later, when it was known that the agent had gone.
    fn died_before_it_was_told(&self, state: &SessionState, failure: &Failure) -> bool {
        let drops = state.spec.crash_policy == CrashPolicy::Fail;
        self.ready && !self.loops && !drops && failure.kind == FailureKind::ProcessExit
    }

    /// Whether the agent ended by itself, without an error and between turns.
    fn left_in_order(&self, told: Option<&Failure>) -> bool {
        self.ready
            && self.turn.is_none()
            && self.attempt.agent_exit.is_some_and(|exit| exit.code == Some(0))
            && told.is_none_or(|failure| failure.kind == FailureKind::ProcessExit)
    }
}

/// What is true of an attempt that ended without saying why. An agent's exit that its runner did not report is the
/// work of the keeper, which kills what a dead runner leaves.
fn lost(over: &Over) -> Failure {
    Failure { bundle: over.exit.bundle.clone(), ..loss(over) }
}

fn loss(over: &Over) -> Failure {
    let exit = &over.exit;
    let runner_died = exit.runner.is_some_and(|r| r.signal.is_some() || r.code != Some(0));
    let agent = over.attempt.agent_exit.or(exit.agent.filter(|_| !runner_died && exit.detail.is_empty()));
    if let Some(agent) = agent {
        return Failure::new(FailureKind::ProcessExit, format!("the agent ended with {agent}"));
    }
    let summary = match exit.runner {
        _ if !exit.detail.is_empty() => exit.detail.clone(),
        Some(runner) => format!("the runner ended with {runner}"),
        None => "the runner and its keeper are gone".to_owned(),
    };
    Failure::new(FailureKind::TransportFailure, summary)
}

fn gave_up(tries: u32) -> Failure {
    let summary = format!("the runner died {tries} times before the prompt was handed over");
    Failure::new(FailureKind::TransportFailure, summary).code("crash_loop")
}

/// What is true of an attempt that crashed as those before it did.
fn crash_loop(state: &SessionState, last: &Failure) -> Failure {
    let (times, minutes) = (state.crashes.len(), limits::CRASH_WINDOW / 60);
    let summary = format!("it crashed {times} times within {minutes} minutes, the last time so: {}", last.summary);
    let hint =
        format!("`convene logs {id}` shows what it said; `convene prompt {id}` tries again", id = state.id.short());
    Failure { bundle: last.bundle.clone(), ..Failure::new(last.kind, summary).code("crash_loop").hint(hint) }
}

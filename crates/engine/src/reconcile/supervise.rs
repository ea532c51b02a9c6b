//! Sees to turns in which nothing happens, and says what is not as it should be: an agent that is silent, a runner or a
//! worker that cannot be reached. Each is told once, and once that it is over.

use convene_core::{
    Timestamp,
    command::{Command, Expiry},
    event::UnhealthyReason,
    ids::{SessionId, WorkerName},
    limits,
    session::{ActiveTurn, Phase, SessionState},
};

use super::Windows;
use crate::{shared::Shared, workers::Workers};

/// How long a worker may be away, in seconds, before it is said so. One that only lost its link is back by then.
const WORKER_AWAY: u64 = 3;

/// How long a runner may be away, in seconds: longer than its longest pause between two tries.
const RUNNER_AWAY: u64 = 10;

/// One pass: the commands that are due.
pub fn pass(
    shared: &Shared,
    workers: &Workers,
    windows: impl Into<Windows>,
    now: Timestamp,
) -> Vec<(SessionId, Command)> {
    let watch = Watch { shared, workers, windows: windows.into(), now };
    let live = shared.sessions_where(|state| state.phase.attempt().is_some());
    live.iter().flat_map(|published| watch.look(&published.state)).collect()
}

struct Watch<'a> {
    shared: &'a Shared,
    workers: &'a Workers,
    windows: Windows,
    now: Timestamp,
}

impl Watch<'_> {
    fn look(&self, state: &SessionState) -> Vec<(SessionId, Command)> {
        let ailments = [self.worker(state), self.runner(state)].into_iter().flatten();
        let turn = state.phase.turn().into_iter().flat_map(|turn| self.turn(state, turn));
        ailments.chain(turn).map(|command| (state.id, command)).collect()
    }

    fn turn(&self, state: &SessionState, turn: &ActiveTurn) -> Vec<Command> {
        let over = |since, seconds| seconds > 0 && self.windows.are_over(since, seconds, self.now);
        let expire = |why| vec![Command::ExpireTurn { turn: turn.id, why }];
        if let (Some(why), Some(since)) = (turn.ignores_its_end(self.now), turn.cancelled_at) {
            let grace = limits::CANCEL_GRACE.unsigned_abs();
            return if over(since, grace) { expire(why) } else { Vec::new() };
        }
        let waits_for_nobody = turn.cancelled_by.is_none() && state.needs_you_since.is_none();
        let Some(since) = turn.silent_since().filter(|_| waits_for_nobody) else { return Vec::new() };
        if over(since, state.spec.inactivity_timeout) {
            return expire(Expiry::Inactivity);
        }
        let mut commands = Vec::new();
        if turn.warned_at.is_none() && over(since, state.spec.inactivity_warn) {
            commands.push(Command::WarnTurn { turn: turn.id });
        }
        if !state.unhealthy.contains_key(&UnhealthyReason::Silent) && over(since, state.silence()) {
            let detail = format!("nothing has come from {} for {} s", state.spec.agent, state.silence());
            commands.push(Command::FallIll { reason: UnhealthyReason::Silent, detail });
        }
        commands
    }

    fn worker(&self, state: &SessionState) -> Option<Command> {
        let worker = &state.phase.attempt()?.worker;
        let away = self.away_since(worker);
        let detail = || format!("worker {worker} cannot be reached");
        self.tell(state, UnhealthyReason::WorkerOffline, away, WORKER_AWAY, detail)
    }

    /// Since when a worker cannot be reached, if it cannot.
    fn away_since(&self, worker: &WorkerName) -> Option<Timestamp> {
        match self.workers.get(worker) {
            Some(record) if record.status.connected => record.quiet_since,
            Some(record) => Some(record.last_seen_at),
            None => Some(self.windows.up),
        }
    }

    fn runner(&self, state: &SessionState) -> Option<Command> {
        let attempt = state.phase.attempt()?;
        // One that has not come yet, or is about to go, is not missed.
        let stays = attempt.instance.is_some() && attempt.leaving.is_none();
        let missed = stays && !matches!(state.phase, Phase::Stopping { .. });
        let away = self.shared.runners.away_since(state.id, self.windows.up).filter(|_| missed);
        // An earlier attempt's was not this one's.
        let away = away.map(|since| since.max(attempt.assigned_at));
        let detail = || "its runner cannot be reached; what the agent does is told when it is back".to_owned();
        self.tell(state, UnhealthyReason::RunnerUnreachable, away, RUNNER_AWAY, detail)
    }

    /// What there is to say of somebody who is away, or is back.
    fn tell(
        &self,
        state: &SessionState,
        reason: UnhealthyReason,
        away: Option<Timestamp>,
        patience: u64,
        detail: impl FnOnce() -> String,
    ) -> Option<Command> {
        match (away, state.unhealthy.contains_key(&reason)) {
            (None, true) => Some(Command::Recover { reason }),
            (Some(since), false) => {
                let since = since.max(self.windows.whole).max(self.windows.up).as_millisecond();
                let passed = u64::try_from(self.now.as_millisecond() - since).unwrap_or(0);
                (passed >= patience * 1000).then(|| Command::FallIll { reason, detail: detail() })
            }
            (None, false) | (Some(_), true) => None,
        }
    }
}

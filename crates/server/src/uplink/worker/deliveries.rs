//! What a worker delivers of attempts that have ended: the rest of their spools, then their ends. What cannot be taken now
//! is not acknowledged, and taken up again when it can; nothing else on the link waits for that.

use std::collections::HashSet;

use convene_api::uplink::{Batch, WorkerDown};
use convene_core::{
    ids::{InstanceId, SessionId},
    rejection::Rejection,
    session::Phase,
};
use convene_engine::{Error, LAST_WORDS};

use super::Conversation;
use crate::uplink::{
    link::{Down, Over},
    runner::report,
};

impl Conversation<'_> {
    /// Up to which index the log of a session has its attempt, if it is being stopped: then the rest is written also where
    /// there is little room, as far as it is short.
    fn known_of_stopping(&self, session: SessionId, attempt: u32) -> Option<u64> {
        let state = self.app.engine.shared().session(session)?.state;
        let stopping = matches!(&state.phase, Phase::Stopping { attempt: current, .. } if current.number == attempt);
        stopping.then_some(state.next_index)
    }

    /// There is room again: what was left unread is sent from where the log ends.
    pub(super) async fn read_on(&mut self, down: &mut Down) -> Result<(), Over> {
        let unread = std::mem::take(&mut self.unread);
        self.tell_on(unread, down).await
    }

    /// Says where the logs of these end, so that what comes then is sent.
    async fn tell_on(&mut self, held: HashSet<(SessionId, u32)>, down: &mut Down) -> Result<(), Over> {
        for (session, attempt) in held {
            let next_index = match self.app.engine.session(session).await {
                Ok(published) if published.damaged.is_none() => {
                    self.app.is_current(session, attempt).then_some(published.state.next_index)
                }
                Err(Error::SessionNotFound(_)) => None,
                Err(error) if !error.is_damage() => return Err(Over),
                Ok(_) | Err(_) => {
                    self.damaged.insert((session, attempt));
                    continue;
                }
            };
            down.send(&WorkerDown::TailAck { session, attempt, next_index }).await?;
        }
        Ok(())
    }

    /// Takes the rest of a dead runner's spool; of one that is fenced it is not wanted.
    pub(super) async fn tail(
        &mut self,
        down: &mut Down,
        (session, attempt): (SessionId, u32),
        instance: InstanceId,
        batch: Batch,
    ) -> Result<(), Over> {
        if self.app.engine.shared().no_room().is_some() {
            let known = self.known_of_stopping(session, attempt);
            if let Some(next_index) = known.filter(|known| batch.first_index < *known) {
                let next_index = Some(next_index);
                return down.send(&WorkerDown::TailAck { session, attempt, next_index }).await;
            }
            let size: usize = batch.events.iter().map(|event| event.get().len()).sum();
            if known.is_none() || size > LAST_WORDS / 2 {
                // Everything else that the worker says would wait with it.
                self.unread.insert((session, attempt));
                return Ok(());
            }
        }
        let next_index = match self.app.engine.command(session, report(attempt, instance, batch)).await {
            Ok(outcome) => outcome.session.map(|state| state.next_index),
            Err(Error::Rejected(Rejection::IndexGap { expected, .. })) => Some(expected),
            Err(Error::Rejected(_) | Error::SessionNotFound(_)) => None,
            Err(error) => return self.settled((session, attempt), Err(error)).map(drop),
        };
        down.send(&WorkerDown::TailAck { session, attempt, next_index }).await
    }

    /// Has the worker say once more what it has of sessions whose logs were damaged, once they are repaired or gone.
    pub(super) async fn look_after_damaged(&mut self, down: &mut Down) -> Result<(), Over> {
        if self.damaged.is_empty() {
            return Ok(());
        }
        let shared = self.app.engine.shared();
        // One that is not in memory is found out about when the worker says it again.
        let still: HashSet<SessionId> = shared.damaged().into_iter().map(|(session, _)| session).collect();
        let (damaged, mended): (HashSet<_>, HashSet<_>) =
            self.damaged.drain().partition(|(session, _)| still.contains(session));
        self.damaged = damaged;
        self.tell_on(mended, down).await
    }

    /// Whether the matter is settled, as a refusal does as well as a success. A failure of the disk does not: the worker
    /// redials and says it again. Nor does a damaged log: what the worker has of that session waits until it is repaired,
    /// and its other sessions go on.
    pub(super) fn settled(
        &mut self,
        (session, attempt): (SessionId, u32),
        result: Result<(), Error>,
    ) -> Result<bool, Over> {
        match result {
            Ok(()) | Err(Error::Rejected(_) | Error::SessionNotFound(_)) => Ok(true),
            Err(error @ Error::Damaged { .. }) => {
                if self.damaged.insert((session, attempt)) {
                    tracing::warn!(session.id = %session, attempt, error = %error, "what its worker has of it waits");
                }
                Ok(false)
            }
            Err(error) => {
                tracing::warn!(session.id = %session, error = %error, "a worker is sent away for now");
                Err(Over)
            }
        }
    }
}

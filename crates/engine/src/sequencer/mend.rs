//! Decides what may be done with a session whose log cannot be read to its end, mend it or remove it, and what goes with
//! one that is removed.

use std::sync::Arc;

use convene_core::{
    command::Command,
    ids::{SessionId, ThreadId},
    session::{self, SessionState},
    thread::ThreadEvent,
};
use convene_store::{Reader as _, Store};

use super::Sequencer;
use crate::{
    draft::Draft,
    error::Error,
    repair::Past,
    shared::Published,
    work::{Outcome, Repair},
};

impl<S: Store> Sequencer<S> {
    /// A session as the next item sees it, also one whose log is damaged.
    pub(super) fn any_session(&self, draft: &Draft, id: SessionId) -> Result<Published, Error> {
        let published = match draft.sessions.get(&id) {
            Some(published) => published.clone(),
            None => self.shared.find_session(&self.reader, id)?,
        };
        if published.state.deleted { Err(Error::SessionNotFound(id)) } else { Ok(published) }
    }

    /// The session that a command is about. One whose log is damaged takes none but its removal, if that is meant.
    pub(super) fn meant(&self, draft: &Draft, id: SessionId, command: &Command) -> Result<Published, Error> {
        let published = self.any_session(draft, id)?;
        match (&published.damaged, command) {
            (None, _) | (Some(_), Command::Delete { damaged: true, .. }) => Ok(published),
            (Some(why), _) => Err(Error::Damaged { session: id, why: why.to_string() }),
        }
    }

    /// Closes what a log that was cut short left open. From here on what it lacks is known, and is read past.
    pub(super) fn repair(
        &mut self,
        draft: &mut Draft,
        repair: Repair,
        key: Option<Arc<str>>,
    ) -> Result<Outcome, Error> {
        let Repair { session: id, examined, by } = repair;
        let mut published = self.any_session(draft, id)?;
        let expected = examined.published.state.seq;
        let (state, doubt) = match (published.damaged.take(), examined.past) {
            (None, _) => (Arc::clone(&published.state), None),
            (Some(_), Some(past)) => {
                let Past { state, doubt } = *past;
                (Arc::new(state), Some(doubt))
            }
            // It broke after it was looked at.
            (Some(why), None) => return Err(Error::Damaged { session: id, why: why.to_string() }),
        };
        let command = Command::Repair { findings: Box::new(examined.findings), doubt, expected, by };
        self.decide_on(draft, published, &state, command, key)
    }

    /// A thread that was made for its first session goes with its last one, in the same transaction.
    pub(super) fn remove_own_thread(&mut self, draft: &mut Draft, id: ThreadId, by: String) -> Result<(), Error> {
        match self.thread(draft, id) {
            Ok(thread) if thread.state.own => {}
            Ok(_) | Err(Error::ThreadNotFound(_)) => return Ok(()),
            Err(error) => return Err(error),
        }
        let stored = self.reader.thread_sessions(id)?;
        let stays = |session: &SessionId| draft.sessions.get(session).is_none_or(|p| !p.state.deleted);
        let drafted = draft.sessions.values().any(|p| p.state.thread == id && !p.state.deleted);
        if drafted || stored.iter().any(stays) {
            return Ok(());
        }
        self.thread_event(draft, id, &ThreadEvent::ThreadDeleted { by }).map(drop)
    }

    /// Decides a command on a state.
    pub(super) fn decide_on(
        &mut self,
        draft: &mut Draft,
        published: Published,
        state: &SessionState,
        command: Command,
        key: Option<Arc<str>>,
    ) -> Result<Outcome, Error> {
        let mut pos = self.last_pos;
        let decision = session::handle(state, command, self.env.clock.now(), &mut || {
            pos += 1;
            pos
        })?;
        self.last_pos = pos;
        Ok(draft.take(published, decision, key))
    }
}

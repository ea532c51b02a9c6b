//! What happens while nothing can be written: who asks is refused, who reports waits, and what ends things is written as
//! long as the store's reserve lasts.
//!
//! A report that waits is not acknowledged, so its runner sends no other, its spool fills, and the agent's pipe is not
//! read any more: no agent can outrun a full disk, and nothing that one said is lost.

use convene_core::{
    command::Command,
    event::EventData,
    ids::{InstanceId, SessionId},
    session::Phase,
};

use crate::{engine::Item, shared::Shared, work::Work};

/// The largest report that may be written from the reserve, in bytes of its events: the last words of a session that is
/// being stopped.
pub const LAST_WORDS: usize = 64 * 1024;

/// What becomes of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is decided and committed: it ends something, or changes nothing.
    Write,
    /// It waits until there is room.
    Wait,
    /// It is refused.
    Refuse,
}

/// Reports that wait for room.
#[derive(Default)]
pub(crate) struct Held(Vec<Item>);

impl Held {
    pub(crate) fn push(&mut self, item: Item) {
        self.0.push(item);
    }

    /// Those that need not wait any longer, in their order. Who does not wait any more sends its report again.
    pub(crate) fn release(&mut self, ready: impl Fn(&Work) -> bool) -> Vec<Item> {
        let waiting = std::mem::take(&mut self.0).into_iter().filter(|item| !item.answer.is_closed());
        let (ready, still) = waiting.partition(|item| ready(&item.work));
        self.0 = still;
        ready
    }
}

/// What becomes of work while nothing can be written.
pub(crate) fn fate(work: &Work, shared: &Shared) -> Fate {
    match work {
        Work::Command { session, command } => command_fate(*session, command, shared),
        // They free room, or take something away from somebody, or tell what was done.
        Work::DeleteThread { .. } | Work::RevokeToken(_) | Work::Tidy(_) | Work::Record => Fate::Write,
        Work::CreateSession(_)
        | Work::CreateThread(_)
        | Work::Repair(_)
        | Work::ChangeThread { .. }
        | Work::AddToken(_)
        | Work::ChangeTokens(_) => Fate::Refuse,
    }
}

fn command_fate(session: SessionId, command: &Command, shared: &Shared) -> Fate {
    match command {
        Command::Cancel { .. }
        | Command::Stop { .. }
        | Command::Decide { .. }
        | Command::Answer { .. }
        | Command::DropQueued { .. }
        | Command::Delete { .. }
        | Command::Prune { .. }
        | Command::Refuse { .. }
        | Command::EndAttempt { .. }
        | Command::ExpireTurn { .. }
        | Command::ExpirePermission { .. } => Fate::Write,
        // A runner that is known needs nothing written, and hears what is wanted of it.
        Command::Hello { instance, .. } if is_known(session, *instance, shared) => Fate::Write,
        Command::Report { events, .. } if is_stopping(session, shared) && size(events) <= LAST_WORDS => Fate::Write,
        Command::Report { .. } => Fate::Wait,
        Command::Hello { .. }
        | Command::Prompt { .. }
        | Command::EditQueued { .. }
        | Command::Change { .. }
        | Command::SignIn { .. }
        | Command::Resume { .. }
        | Command::Hibernate { .. }
        | Command::Clear { .. }
        | Command::Rewind { .. }
        | Command::Repair { .. }
        | Command::Archive
        | Command::Unarchive
        | Command::WarnTurn { .. }
        | Command::FallIll { .. }
        | Command::Recover { .. }
        | Command::Assign { .. }
        | Command::Wait { .. } => Fate::Refuse,
    }
}

fn is_known(session: SessionId, instance: InstanceId, shared: &Shared) -> bool {
    let published = shared.session(session);
    published.is_some_and(|p| p.state.phase.attempt().is_some_and(|attempt| attempt.instance == Some(instance)))
}

fn is_stopping(session: SessionId, shared: &Shared) -> bool {
    shared.session(session).is_some_and(|published| matches!(published.state.phase, Phase::Stopping { .. }))
}

fn size(events: &[EventData]) -> usize {
    events.iter().map(|event| event.to_json().len()).sum()
}

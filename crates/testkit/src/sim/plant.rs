//! Bugs that are planted, to see that the simulator finds them.
//!
//! The product has no switch for any of them. Each is made at a seam, where the engine meets what the simulator brings
//! along, and from there it looks as if the engine had the bug: a message is changed before it arrives as if nobody
//! looked at that part of it; the store is used as a careless sequencer would use it; a loop is started as a careless
//! server would start it; the runner that the simulator models forgets something.

use convene_core::{command::Command, session::SessionState};
use convene_engine::{Shared, Work};
use convene_store::{Error, Group, LogKey, OpenInfo, Store};

/// A bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// Nobody looks at which attempt and which instance it is that speaks.
    NoFence,
    /// What is to be committed is published and answered before the store has it, and it may never have it.
    PublishBeforeCommit,
    /// What a runner sends again is appended again.
    NoDedupe,
    /// A server that has just come up takes the time that it was away for everybody's silence.
    ExpiryAtStart,
    /// A runner hands over a prompt without having written down that it does.
    NoMarker,
    /// The answer to a key is recorded in a transaction of its own.
    RepliesApart,
    /// A group is committed log by log, in several transactions.
    GroupInParts,
    /// A reader that comes back with a cursor begins one event too late.
    CursorOffByOne,
    /// The end of an attempt is acknowledged and forgotten, so that its seat is never free again.
    SeatLeak,
    /// A worker tells the end of an attempt before it has delivered what is left of its spool.
    EndBeforeTail,
    /// A runner that dials again takes what it was told before for new.
    OrdersTwice,
}

impl Plant {
    /// Every bug.
    pub const ALL: [Self; 11] = [
        Self::NoFence,
        Self::PublishBeforeCommit,
        Self::NoDedupe,
        Self::ExpiryAtStart,
        Self::NoMarker,
        Self::RepliesApart,
        Self::GroupInParts,
        Self::CursorOffByOne,
        Self::SeatLeak,
        Self::EndBeforeTail,
        Self::OrdersTwice,
    ];

    /// Changes a message as it arrives.
    pub(super) fn tamper(self, shared: &Shared, work: &mut Work) {
        let Work::Command { session, command } = work else { return };
        let Some(published) = shared.session(*session) else { return };
        match self {
            Self::NoFence => relabel(&published.state, command),
            Self::NoDedupe => renumber(&published.state, command),
            Self::SeatLeak => forget_end(&published.state, command),
            Self::PublishBeforeCommit
            | Self::ExpiryAtStart
            | Self::NoMarker
            | Self::RepliesApart
            | Self::GroupInParts
            | Self::CursorOffByOne
            | Self::EndBeforeTail
            | Self::OrdersTwice => {}
        }
    }
}

/// Whoever it was: it passes for the current one.
fn relabel(state: &SessionState, command: &mut Command) {
    let Some((current, first)) = state.phase.attempt().and_then(|a| Some((a.number, a.instance?))) else { return };
    match command {
        Command::Hello { attempt, instance, .. } | Command::Report { attempt, instance, .. } => {
            (*attempt, *instance) = (current, first);
        }
        _ => {}
    }
}

/// Whatever index it has: it passes for the next one.
fn renumber(state: &SessionState, command: &mut Command) {
    if let Command::Report { attempt, first_index, .. } = command
        && state.phase.attempt().is_some_and(|current| current.number == *attempt)
    {
        *first_index = (*first_index).max(state.next_index);
    }
}

/// In its place an empty report, which changes nothing.
fn forget_end(state: &SessionState, command: &mut Command) {
    let instance = state.phase.attempt().and_then(|current| current.instance);
    if let (Command::EndAttempt { attempt, .. }, Some(instance)) = (&*command, instance) {
        *command = Command::Report { attempt: *attempt, instance, first_index: 0, events: Vec::new() };
    }
}

/// A store as a careless sequencer would use it.
pub(super) struct PlantedStore<S> {
    inner: S,
    plant: Option<Plant>,
}

impl<S> PlantedStore<S> {
    pub(super) const fn new(inner: S, plant: Option<Plant>) -> Self {
        Self { inner, plant }
    }
}

impl<S: Store> Store for PlantedStore<S> {
    type Reader = S::Reader;

    fn reader(&self) -> S::Reader {
        self.inner.reader()
    }

    fn info(&self) -> OpenInfo {
        self.inner.info()
    }

    fn recover(&mut self) -> Result<(), Error> {
        self.inner.recover()
    }

    fn commit(&mut self, group: &Group) -> Result<(), Error> {
        match self.plant {
            Some(Plant::PublishBeforeCommit) => {
                // Nobody waits for it, so nobody hears of it.
                let _unheard = self.inner.commit(group);
                Ok(())
            }
            Some(Plant::RepliesApart) if !group.replies.is_empty() => {
                let replies = Group { replies: group.replies.clone(), ..Group::default() };
                self.inner.commit(&Group { replies: Vec::new(), ..group.clone() })?;
                self.inner.commit(&replies)
            }
            Some(Plant::GroupInParts) => parts(group).iter().try_for_each(|part| self.inner.commit(part)),
            _ => self.inner.commit(group),
        }
    }
}

/// A group for each log; threads and answers come with the last one.
fn parts(group: &Group) -> Vec<Group> {
    let mut logs: Vec<LogKey> = group.events.iter().map(|event| event.log).collect();
    logs.dedup();
    let Some(last) = logs.pop().filter(|last| !logs.contains(last)) else { return vec![group.clone()] };
    let mut parts = Vec::new();
    let mut rest = group.clone();
    for log in logs {
        let events: Vec<_> = rest.events.extract_if(.., |event| event.log == log).collect();
        if events.is_empty() {
            continue;
        }
        let sessions = rest.sessions.extract_if(.., |row| row.log == log).collect();
        let snapshots = rest.snapshots.extract_if(.., |row| row.log == log).collect();
        parts.push(Group { events, sessions, snapshots, ..Group::default() });
    }
    debug_assert!(rest.events.iter().all(|event| event.log == last), "what is left is the last log's");
    parts.push(rest);
    parts
}

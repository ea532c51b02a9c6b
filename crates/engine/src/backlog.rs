//! What waits for the sequencer, and which of it makes the next group.
//!
//! Reports of runners come in floods and keep their order; what people and reconcilers ask for overtakes them, so that
//! a prompt or a cancel waits for one group at most, however much is streamed.

use std::collections::VecDeque;

use convene_core::command::Command;

use crate::{engine::Item, work::Work};

/// The most items in a group: bounds how long the first of them waits for the last to be decided.
const ITEMS: usize = 512;

/// No further report joins a group that has so many events. Some ten milliseconds of work with the disk.
const EVENTS: usize = 1024;

#[derive(Default)]
pub(crate) struct Backlog {
    asked: VecDeque<Item>,
    reported: VecDeque<Item>,
}

impl Backlog {
    pub(crate) fn len(&self) -> usize {
        self.asked.len() + self.reported.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn push(&mut self, item: Item) {
        if is_reported(&item.work) {
            self.reported.push_back(item);
        } else {
            self.asked.push_back(item);
        }
    }

    /// Everything, in the order in which it would have its turn.
    pub(crate) fn drain(&mut self) -> Vec<Item> {
        self.asked.drain(..).chain(self.reported.drain(..)).collect()
    }

    /// The next group: what was asked for, then reports as far as they fit, and one in any case.
    pub(crate) fn next_group(&mut self) -> Vec<Item> {
        let asked = self.asked.len().min(ITEMS - 1);
        let mut group: Vec<Item> = self.asked.drain(..asked).collect();
        let mut events = 0;
        while group.len() < ITEMS
            && events < EVENTS
            && let Some(item) = self.reported.pop_front()
        {
            events += weight(&item.work);
            group.push(item);
        }
        group
    }
}

/// Whether it is a runner's or a worker's word, which must not overtake its earlier ones.
pub(crate) const fn is_reported(work: &Work) -> bool {
    let Work::Command { command, .. } = work else { return false };
    match command {
        Command::Hello { .. } | Command::Report { .. } | Command::EndAttempt { .. } | Command::Refuse { .. } => true,
        Command::Prompt { .. }
        | Command::EditQueued { .. }
        | Command::DropQueued { .. }
        | Command::Cancel { .. }
        | Command::Stop { .. }
        | Command::Change { .. }
        | Command::Decide { .. }
        | Command::Answer { .. }
        | Command::SignIn { .. }
        | Command::Resume { .. }
        | Command::Hibernate { .. }
        | Command::Clear { .. }
        | Command::Rewind { .. }
        | Command::Repair { .. }
        | Command::Archive
        | Command::Unarchive
        | Command::Delete { .. }
        | Command::Prune { .. }
        | Command::Assign { .. }
        | Command::Wait { .. }
        | Command::ExpireTurn { .. }
        | Command::WarnTurn { .. }
        | Command::FallIll { .. }
        | Command::Recover { .. }
        | Command::ExpirePermission { .. } => false,
    }
}

fn weight(work: &Work) -> usize {
    match work {
        Work::Command { command: Command::Report { events, .. }, .. } => events.len().max(1),
        Work::CreateSession(_)
        | Work::CreateThread(_)
        | Work::Command { .. }
        | Work::Repair(_)
        | Work::Tidy(_)
        | Work::Record
        | Work::ChangeThread { .. }
        | Work::DeleteThread { .. }
        | Work::AddToken(_)
        | Work::ChangeTokens(_)
        | Work::RevokeToken(_) => 1,
    }
}

#[cfg(test)]
#[path = "backlog_tests.rs"]
mod tests;

//! A decision in the making: each event is applied to a scratch state before the next one is thought of.

use jiff::Timestamp;

use super::state::SessionState;
use crate::{
    event::{Event, EventData, KnownEvent},
    ids::TurnId,
};

/// What a command came to: events to append, and the state that they fold to.
#[derive(Debug, Clone)]
pub struct Decision {
    /// The state after the events; equal to applying them to the state before.
    pub state: SessionState,
    /// The events, numbered; their `pos` is given by the caller's source.
    pub events: Vec<Event>,
}

/// Where positions in the store's commit order come from.
pub type PosSource<'a> = &'a mut dyn FnMut() -> u64;

pub(super) struct Decider<'a> {
    pub(super) state: SessionState,
    pub(super) now: Timestamp,
    events: Vec<Event>,
    pos: PosSource<'a>,
}

impl<'a> Decider<'a> {
    pub(super) fn new(state: SessionState, now: Timestamp, pos: PosSource<'a>) -> Self {
        Self { state, now, events: Vec::new(), pos }
    }

    /// Appends an event of the running attempt or of none, and applies it.
    pub(super) fn emit(&mut self, body: KnownEvent) {
        self.emit_data(EventData::new(body), None);
    }

    /// Appends an event of a turn.
    pub(super) fn emit_in(&mut self, turn: TurnId, body: KnownEvent) {
        self.emit_data(EventData::new(body).turn(turn), None);
    }

    /// Appends an event that a runner reported, with its index.
    pub(super) fn emit_data(&mut self, data: EventData, index: Option<u64>) {
        let event =
            Event { session: self.state.id, seq: self.state.seq + 1, pos: (self.pos)(), at: self.now, index, data };
        self.state.apply(&event);
        self.events.push(event);
    }

    pub(super) fn finish(self) -> Decision {
        Decision { state: self.state, events: self.events }
    }
}

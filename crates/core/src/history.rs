//! The log grouped by turn, in the order in which turns were first seen.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{event::Event, ids::TurnId};

/// The events of one turn, or those between turns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HistoryGroup {
    /// The turn; absent for events outside turns.
    pub turn: Option<TurnId>,
    /// The `seq`s of its events, ascending.
    pub seqs: Vec<u64>,
}

/// Groups events by turn.
pub fn by_turn<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<HistoryGroup> {
    let mut groups: Vec<HistoryGroup> = Vec::new();
    for event in events {
        match groups.iter_mut().find(|g| g.turn == event.data.turn) {
            Some(group) => group.seqs.push(event.seq),
            None => groups.push(HistoryGroup { turn: event.data.turn, seqs: vec![event.seq] }),
        }
    }
    groups
}

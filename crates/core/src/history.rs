//! The log grouped by turn, in the order in which turns were first seen.

use std::collections::HashMap;

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
    let mut places: HashMap<Option<TurnId>, usize> = HashMap::new();
    for event in events {
        let turn = event.data.turn;
        let place = *places.entry(turn).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.seqs.push(event.seq),
            None => groups.push(HistoryGroup { turn, seqs: vec![event.seq] }),
        }
    }
    groups
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod history_tests;

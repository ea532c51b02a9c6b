//! What must always be true of the logs, checked event by event as they are committed.

use std::collections::{BTreeMap, HashMap, HashSet};

use convene_core::{
    event::{Event, EventBody, EventData, KnownEvent},
    ids::{InstanceId, PermissionId, SessionId, TurnId},
    session::SessionState,
};
use convene_store::{EventFilter, EventRow, Reader};

use super::server::{Disk, Up};

/// All logs as they were read back from the store.
#[derive(Default)]
pub(super) struct Logs {
    pub(super) by_session: BTreeMap<SessionId, Log>,
    /// The highest position of the groups before.
    last_pos: u64,
    /// Turns that were queued, once each.
    pub(super) queued: HashSet<TurnId>,
    pub(super) events: usize,
    /// Who answered each permission request.
    pub(super) decided: HashMap<PermissionId, String>,
}

#[derive(Default)]
pub(super) struct Log {
    pub(super) rows: Vec<EventRow>,
    pub(super) state: Option<SessionState>,
    /// By attempt: its first instance, and the index that must come next.
    attempts: HashMap<u32, (Option<InstanceId>, u64)>,
    turns: HashMap<TurnId, TurnFacts>,
    pub(super) deleted: bool,
}

#[derive(Debug, Default)]
struct TurnFacts {
    started: u32,
    requeued: u32,
    handed_over: u32,
    over: u32,
}

/// What the runners did, as nobody but the simulator knows it.
#[derive(Default)]
pub(super) struct Truth {
    /// How often an agent got a turn's prompt.
    pub(super) receipts: HashMap<TurnId, u32>,
    /// What each instance spooled.
    pub(super) spooled: HashMap<(SessionId, u32, InstanceId), Vec<EventData>>,
    /// Instances whose worker knows that their end is in the log, and how much of what they spooled it had.
    pub(super) ended: HashMap<(SessionId, u32, InstanceId), usize>,
}

impl Logs {
    /// Reads what was committed since, and checks it. Returns the sessions that have something new.
    pub(super) fn sync<D: Disk>(&mut self, up: &Up<D>, truth: &Truth) -> Result<HashSet<SessionId>, String> {
        let mut touched = HashSet::new();
        let mut positions = Vec::new();
        let rows = up.rows()?;
        let there: HashSet<SessionId> = rows.iter().map(|row| row.id).collect();
        for (id, log) in &mut self.by_session {
            if !there.contains(id) && !log.deleted {
                log.deleted = true;
                touched.insert(*id);
            }
        }
        for row in rows {
            let log = self.by_session.entry(row.id).or_default();
            let known = u64::try_from(log.rows.len()).unwrap_or(u64::MAX);
            if row.seq == known {
                continue;
            }
            let filter = EventFilter { after: Some(known), limit: usize::MAX, ..EventFilter::default() };
            let events = up.reader.events(row.log, &filter).map_err(|error| format!("{}: {error:?}", row.id))?;
            for event in events {
                positions.push(event.pos);
                self.events += 1;
                let event = log.take(row.id, event, truth, &mut self.queued)?;
                decided(&mut self.decided, &event)?;
            }
            if log.state.as_ref().map(|s| s.seq) != Some(row.seq) {
                return Err(format!("{}: its row is at {}, its log at {:?}", row.id, row.seq, log.rows.last()));
            }
            touched.insert(row.id);
        }
        positions.sort_unstable();
        let before = positions.len();
        positions.dedup();
        if before != positions.len() {
            return Err("a position was given twice".to_owned());
        }
        if positions.first().is_some_and(|first| *first <= self.last_pos) {
            return Err(format!("position {:?} was filled in after {}", positions.first(), self.last_pos));
        }
        self.last_pos = positions.last().copied().unwrap_or(self.last_pos);
        Ok(touched)
    }

    /// What is published of these sessions is what their logs fold to.
    pub(super) fn equal_published<'a, D: Disk>(
        &self,
        up: &Up<D>,
        ids: impl IntoIterator<Item = &'a SessionId>,
    ) -> Result<(), String> {
        for id in ids {
            let Some(log) = self.by_session.get(id) else { continue };
            if let (Some(published), Some(state), false) = (up.shared.session(*id), &log.state, log.deleted)
                && *published.state != *state
            {
                return Err(format!("{id}: published {:#?}\nfolds to {state:#?}", published.state));
            }
        }
        Ok(())
    }

    /// At the end every turn is over, once, or waits in the queue of a session that is stopped.
    pub(super) fn all_turns_over(&self) -> Result<(), String> {
        for (id, log) in self.by_session.iter().filter(|(_, log)| !log.deleted) {
            let waits = |turn| log.state.iter().flat_map(|state| &state.queue).any(|entry| entry.id == turn);
            if let Some((turn, facts)) = log.turns.iter().find(|(turn, f)| f.over != u32::from(!waits(**turn))) {
                return Err(format!("{id}: turn {turn} is over {} times: {facts:?}", facts.over));
            }
        }
        Ok(())
    }
}

impl Log {
    fn take(
        &mut self,
        id: SessionId,
        row: EventRow,
        truth: &Truth,
        queued: &mut HashSet<TurnId>,
    ) -> Result<Event, String> {
        let checked = self.check(id, &row, truth, queued);
        let event = checked.map_err(|why| format!("{why}: {id} event {}: {}", row.seq, row.data))?;
        self.rows.push(row);
        Ok(event)
    }

    /// How much is in the log of what the first instance of an attempt said; nothing if it was another one.
    pub(super) fn taken(&self, attempt: u32, instance: InstanceId) -> Option<usize> {
        let (first, next) = self.attempts.get(&attempt)?;
        (*first == Some(instance)).then(|| usize::try_from(*next).unwrap_or(usize::MAX))
    }

    fn check(
        &mut self,
        id: SessionId,
        row: &EventRow,
        truth: &Truth,
        queued: &mut HashSet<TurnId>,
    ) -> Result<Event, String> {
        if row.seq != u64::try_from(self.rows.len()).unwrap_or(u64::MAX) + 1 {
            return Err("a gap before it".to_owned());
        }
        let data = EventData::from_json(&row.data).map_err(|error| error.to_string())?;
        let event = Event { session: id, seq: row.seq, pos: row.pos, at: row.at, index: row.index, data };
        if let Some(index) = row.index {
            self.check_index(&event, index, truth)?;
        }
        self.check_turn(&event, truth, queued)?;
        if let (EventBody::Known(KnownEvent::AttemptStarted { instance, .. }), Some(attempt)) =
            (&event.data.body, event.data.attempt)
        {
            let (first, _) = self.attempts.entry(attempt).or_default();
            if first.replace(*instance).is_some() {
                return Err("an attempt started twice".to_owned());
            }
        }
        match &mut self.state {
            Some(state) => state.apply(&event),
            None => self.state = SessionState::begin(&event),
        }
        Ok(event)
    }

    /// Only the first instance of the attempt appends, each index once, and what it said.
    fn check_index(&mut self, event: &Event, index: u64, truth: &Truth) -> Result<(), String> {
        let attempt = event.data.attempt.ok_or("an index without an attempt")?;
        let (instance, next) = self.attempts.entry(attempt).or_default();
        let instance = instance.ok_or("a report before the hello")?;
        if index != *next {
            return Err(format!("index {index} where {next} was to come"));
        }
        *next += 1;
        if self.state.as_ref().is_none_or(|state| state.phase.attempt().is_none_or(|a| a.number != attempt)) {
            return Err("a report of an attempt that is not current".to_owned());
        }
        let said = truth.spooled.get(&(event.session, attempt, instance));
        let said = usize::try_from(index).ok().and_then(|index| said?.get(index)).ok_or("nobody said this")?;
        match (&said.body, &event.data.body) {
            (_, EventBody::Known(KnownEvent::LogNote { .. })) => Ok(()),
            (said, stored) if said == stored => Ok(()),
            (EventBody::Known(KnownEvent::TurnEnded { .. }), EventBody::Known(KnownEvent::TurnEnded { .. })) => Ok(()),
            (said, _) => Err(format!("the runner had said {said:?}")),
        }
    }

    fn check_turn(&mut self, event: &Event, truth: &Truth, queued: &mut HashSet<TurnId>) -> Result<(), String> {
        let EventBody::Known(known) = &event.data.body else { return Ok(()) };
        let Some(turn) = event.data.turn else { return Ok(()) };
        let facts = self.turns.entry(turn).or_default();
        match known {
            KnownEvent::TurnQueued { .. } if !queued.insert(turn) => return Err("queued twice".to_owned()),
            KnownEvent::TurnStarted { .. } => facts.started += 1,
            KnownEvent::TurnRequeued {} => {
                facts.requeued += 1;
                if truth.receipts.contains_key(&turn) {
                    return Err("an agent had this prompt, and it waits again".to_owned());
                }
            }
            KnownEvent::TurnHandedOver {} => facts.handed_over += 1,
            KnownEvent::TurnEnded { .. } | KnownEvent::QueueEntryDropped { .. } => facts.over += 1,
            _ => {}
        }
        if facts.handed_over > 1 || facts.over > 1 || facts.started > facts.requeued + 1 {
            return Err(format!("an impossible turn {facts:?}"));
        }
        Ok(())
    }
}

/// A question is answered once, whoever asks again.
fn decided(decided: &mut HashMap<PermissionId, String>, event: &Event) -> Result<(), String> {
    let EventBody::Known(KnownEvent::PermissionDecided { request, by, .. }) = &event.data.body else { return Ok(()) };
    match decided.insert(*request, by.clone()) {
        Some(first) => Err(format!("{request} was decided by {first} and by {by}")),
        None => Ok(()),
    }
}

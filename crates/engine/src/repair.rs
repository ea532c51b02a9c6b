//! Looks at the whole log of a session: what is wrong with it, and what would close it.

use convene_core::{
    event::{Event, EventData},
    ids::SessionId,
    repair::{Analysis, Findings, Line, Standing},
    session::{Doubt, Mender, SessionState},
};
use convene_store::{EventFilter, EventRow, LogKey, Reader};

use crate::{engine::Engine, error::Error, shared::Published};

/// How many events are read at once.
const PAGE: usize = 1000;

/// After so many events that are there and cannot be read, no further one is tried: one of them is enough for a log to be
/// left as it is.
const UNREADABLE: u64 = 1000;

/// A log that was looked at.
#[derive(Debug)]
pub struct Examined {
    /// What was found.
    pub findings: Findings,
    /// The session as it was shown then.
    pub published: Published,
    /// Of a log that cannot be read to its end: what is past its holes.
    pub(crate) past: Option<Box<Past>>,
}

impl<R: Reader> Engine<R> {
    /// Looks at a session's whole log; nothing changes. `force`: a session that did not end by a crash is to be closed, too.
    ///
    /// # Errors
    /// If there is no such session, or the store cannot be read.
    pub async fn examine(&self, id: SessionId, force: bool) -> Result<Examined, Error> {
        let published = self.session(id).await?;
        self.read(move |reader| examine(reader, published, force)).await
    }
}

fn examine<R: Reader>(reader: &R, published: Published, force: bool) -> Result<Examined, Error> {
    let (log, last) = (published.log, published.state.seq);
    let mut analysis = Analysis::default();
    let mut past = published.damaged.is_some().then(|| Folding::of(&published));
    let (mut after, mut unreadable) = (0, 0);
    while after < last && unreadable < UNREADABLE {
        let filter = EventFilter { after: Some(after), before: Some(last + 1), limit: PAGE, ..EventFilter::default() };
        match reader.events(log, &filter) {
            Ok(rows) if rows.is_empty() => break,
            Ok(rows) => {
                for row in rows {
                    after = row.seq;
                    analysis.take(Line { seq: row.seq, pos: Some(row.pos), kind: None, text: Some(&row.data) });
                    if let Some(past) = &mut past {
                        past.take(&row);
                    }
                }
            }
            Err(convene_store::Error::Damaged { .. }) => match next(reader, log, after, last)? {
                Some(next) if next == after + 1 => {
                    after = next;
                    unreadable += 1;
                    analysis.take(Line { seq: next, pos: None, kind: None, text: None });
                }
                // What is lost is found where the next one comes.
                Some(next) => after = next - 1,
                None => break,
            },
            Err(error) => return Err(error.into()),
        }
    }
    let standing = match &published.damaged {
        // It takes nothing, so nobody can append.
        Some(_) => Standing { at_rest: true, crashed: true, seq: Some(last) },
        None => Standing::of(&published.state.phase, last),
    };
    let findings = analysis.finish(standing, force);
    let row = reader.session(published.state.id).ok().flatten();
    let rests = row.is_some_and(|row| matches!(row.state.as_str(), "stopped" | "hibernated"));
    Ok(Examined { findings, past: past.map(|past| Box::new(past.finish(&published, rests))), published })
}

/// The next event that is stored, up to `last`, whether it can be read or not.
fn next<R: Reader>(reader: &R, log: LogKey, after: u64, last: u64) -> Result<Option<u64>, Error> {
    leap(after, last, |before| is_empty(reader, log, after, before))
}

/// The first place after `after`, up to `last`, that is taken: `is_empty` says whether none is before a place.
fn leap(after: u64, last: u64, mut is_empty: impl FnMut(u64) -> Result<bool, Error>) -> Result<Option<u64>, Error> {
    // None is before `from`, and one at the latest before `to`.
    let (mut from, mut to) = (after + 1, last + 1);
    if is_empty(to)? {
        return Ok(None);
    }
    while to - from > 1 {
        let middle = from.midpoint(to);
        if is_empty(middle)? {
            from = middle;
        } else {
            to = middle;
        }
    }
    Ok(Some(from))
}

/// Whether no event is stored between two places.
fn is_empty<R: Reader>(reader: &R, log: LogKey, after: u64, before: u64) -> Result<bool, Error> {
    let filter = EventFilter { after: Some(after), before: Some(before), limit: 1, ..EventFilter::default() };
    match reader.events(log, &filter) {
        Ok(rows) => Ok(rows.is_empty()),
        Err(convene_store::Error::Damaged { why, .. }) => Ok(why == convene_store::MISSING),
        Err(error) => Err(error.into()),
    }
}

/// A session past the holes of its log.
#[derive(Debug)]
pub(crate) struct Past {
    /// What its log folds to.
    pub(crate) state: SessionState,
    /// What cannot be told of it.
    pub(crate) doubt: Doubt,
}

/// The state past the holes of a log, in the making.
struct Folding {
    state: SessionState,
    begun: bool,
    /// Events that were read.
    read: u64,
}

impl Folding {
    /// Begins with what is shown, in case that the session's first event is lost.
    fn of(published: &Published) -> Self {
        Self { state: SessionState::clone(&published.state), begun: false, read: 0 }
    }

    fn take(&mut self, row: &EventRow) {
        let session = self.state.id;
        let Ok(data) = EventData::from_json(&row.data) else { return };
        self.read += 1;
        let event = Event { session, seq: row.seq, pos: row.pos, at: row.at, index: row.index, data };
        match SessionState::begin(&event).filter(|_| !self.begun) {
            Some(state) => (self.state, self.begun) = (state, true),
            None => self.state.apply(&event),
        }
    }

    /// The log goes on after the last event that anybody may have seen. `rests`: whether its last event left it at rest.
    fn finish(self, published: &Published, rests: bool) -> Past {
        let shown = &published.state;
        let lost = shown.seq.saturating_sub(self.read);
        let state = SessionState { seq: shown.seq, pos: shown.pos, updated_at: shown.updated_at, ..self.state };
        Past { state, doubt: Doubt { by: Mender::Repair, lost, rests } }
    }
}

#[cfg(test)]
#[path = "repair_tests.rs"]
mod tests;

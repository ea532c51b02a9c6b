//! Looks at the whole log of a session: what is wrong with it, and what would close it.

use convene_core::{
    event::{Event, EventData},
    ids::SessionId,
    repair::{Analysis, Findings, Line, Standing},
    session::SessionState,
};
use convene_store::{EventFilter, EventRow, LogKey, Reader};

use crate::{engine::Engine, error::Error, shared::Published};

/// How many events are read at once.
const PAGE: usize = 1000;

/// After so many events that cannot be read, no further one is tried.
const UNREADABLE: u64 = 1000;

/// A log that was looked at.
#[derive(Debug)]
pub struct Examined {
    /// What was found.
    pub findings: Findings,
    /// The session as it was shown then.
    pub published: Published,
    /// Of a log that cannot be read to its end: the state past its holes.
    pub(crate) past: Option<Box<SessionState>>,
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
    let mut past = published.damaged.is_some().then(|| Past::of(&published));
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
            Err(convene_store::Error::Damaged { .. }) => {
                after += 1;
                unreadable += 1;
                // What is lost is found where the next one comes.
                if !is_missing(reader, log, after) {
                    analysis.take(Line { seq: after, pos: None, kind: None, text: None });
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    let standing = match &published.damaged {
        // It takes nothing, so nobody can append.
        Some(_) => Standing { at_rest: true, crashed: true, seq: Some(last) },
        None => Standing::of(&published.state.phase, last),
    };
    let findings = analysis.finish(standing, force);
    Ok(Examined { findings, past: past.map(|past| Box::new(past.finish(&published))), published })
}

/// Whether an event is not there at all.
fn is_missing<R: Reader>(reader: &R, log: LogKey, seq: u64) -> bool {
    let filter = EventFilter { after: Some(seq - 1), before: Some(seq + 1), limit: 1, ..EventFilter::default() };
    match reader.events(log, &filter) {
        Ok(rows) => rows.is_empty(),
        Err(convene_store::Error::Damaged { why, .. }) => why == convene_store::MISSING,
        Err(_) => false,
    }
}

/// The state past the holes of a log, in the making.
struct Past {
    state: SessionState,
    begun: bool,
}

impl Past {
    /// Begins with what is shown, in case that the session's first event is lost.
    fn of(published: &Published) -> Self {
        Self { state: SessionState::clone(&published.state), begun: false }
    }

    fn take(&mut self, row: &EventRow) {
        let session = self.state.id;
        let Ok(data) = EventData::from_json(&row.data) else { return };
        let event = Event { session, seq: row.seq, pos: row.pos, at: row.at, index: row.index, data };
        match SessionState::begin(&event).filter(|_| !self.begun) {
            Some(state) => (self.state, self.begun) = (state, true),
            None => self.state.apply(&event),
        }
    }

    /// The log goes on after the last event that anybody may have seen.
    fn finish(self, published: &Published) -> SessionState {
        let shown = &published.state;
        SessionState { seq: shown.seq, pos: shown.pos, updated_at: shown.updated_at, ..self.state }
    }
}

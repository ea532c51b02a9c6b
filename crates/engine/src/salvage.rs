//! Makes a whole database of a damaged one: the store finds what is as it was written, and here what follows from events
//! is folded anew, and what is lost is said in the logs that it was lost from.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use convene_core::{
    Timestamp,
    event::{Event, EventData, KnownEvent},
    ids::{SessionId, ThreadId},
    session::{self, Doubt, Mender, SessionState},
    thread::{ThreadEvent, ThreadState},
};
use convene_store::{
    EventFilter, EventRow, Group, LogKey, Reader as _, SessionFilter, SessionRow, SqliteReader, SqliteStore,
    Store as _,
    backup::Damage,
    salvage::{Found, Lost, Name, Salvage},
};

use crate::{
    draft::{event_row, session_row, snapshot_row, thread_row},
    env::Env,
    error::Error,
    load,
    shared::{Published, PublishedThread},
};

/// What became of a damaged database.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Salvaged {
    /// How many events there are.
    pub events: u64,
    /// Sessions that lost events, with how many; each says so in its log.
    pub lost: Vec<(SessionId, usize)>,
    /// Those of them that were stopped, because what they lost may have changed what they were doing.
    pub stopped: Vec<SessionId>,
    /// How many rows of sessions and threads were made anew from their events.
    pub rebuilt: usize,
    /// How many tokens there are; `None`: it is not known which were revoked, and they are gone.
    pub tokens: Option<u64>,
    /// Where the database is kept that was there before.
    pub kept: Vec<PathBuf>,
    /// An earlier salvage or restore had been interrupted, and was brought to its end: what it found it did not leave.
    pub resumed: bool,
}

/// What became of a database in whose place a backup was put.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Restored {
    /// How many tokens of the backup still work: what was revoked since stays so. `None`: what was there before could not
    /// be read, and all tokens are as of the backup.
    pub tokens: Option<u64>,
    /// Where the database is kept that was there before.
    pub kept: Vec<PathBuf>,
}

/// Makes a new database of what can be read of the one in `dir`, and puts it in its place.
///
/// # Errors
/// While a server runs, if the database is of a newer version, if nothing of it can be read, or if the disk refuses;
/// the database is where it was then.
pub fn salvage(dir: &Path, env: &Env, epoch_seed: u64) -> Result<Salvaged, Error> {
    let now = env.clock.now();
    let salvage = Salvage::begin(dir, now, epoch_seed)?;
    let found = salvage.found();
    let mut salvaged =
        Salvaged { events: found.events, tokens: found.tokens, resumed: !salvage.is_new(), ..Salvaged::default() };
    if salvage.is_new() {
        let store = SqliteStore::open(&salvage.dir(), now, epoch_seed)?;
        salvaged = Rebuild { reader: store.reader(), store, now, env, found, salvaged }.run()?;
    }
    salvaged.kept = salvage.finish(now)?;
    Ok(salvaged)
}

/// Puts a backup in the place of what is in `dir`, which is kept under another name.
///
/// What ran when the backup was made is stopped, because nobody knows what became of it since; prompts that waited then
/// are dropped, because they may have run since. The log gets another epoch, so that cursors and attempts of the time
/// after the backup are refused.
///
/// # Errors
/// While a server runs, if the backup is of a newer version or not whole, or if the disk refuses.
pub fn restore(dir: &Path, from: &Path, damage: Damage, env: &Env, epoch_seed: u64) -> Result<Restored, Error> {
    let now = env.clock.now();
    let restored = convene_store::backup::restore(dir, from, damage, now, epoch_seed)?;
    let store = SqliteStore::open(&restored.dir(), now, epoch_seed)?;
    let found = Found::default();
    let rebuild = Rebuild { reader: store.reader(), store, now, env, found: &found, salvaged: Salvaged::default() };
    rebuild.break_all_off()?;
    let tokens = restored.found().tokens;
    Ok(Restored { tokens, kept: restored.finish(now)? })
}

struct Rebuild<'a> {
    reader: SqliteReader,
    store: SqliteStore,
    now: Timestamp,
    env: &'a Env,
    found: &'a Found,
    salvaged: Salvaged,
}

impl Rebuild<'_> {
    fn run(mut self) -> Result<Salvaged, Error> {
        (self.salvaged.events, self.salvaged.tokens) = (self.found.events, self.found.tokens);
        let logs: BTreeSet<LogKey> =
            self.found.lost.iter().map(|lost| lost.log).chain(self.found.stale.iter().copied()).collect();
        for log in logs {
            let lost = self.found.lost.iter().find(|lost| lost.log == log);
            match self.name(log)? {
                Some(Name::Session(id)) => self.session(log, id, lost)?,
                Some(Name::Thread(id)) => self.thread(log, id)?,
                // Nothing tells what it was.
                None => tracing::warn!(log = log.0, "events of an unknown session are kept"),
            }
        }
        Ok(self.salvaged)
    }

    /// Ends whatever sessions were doing, those too that are stopped and have prompts that wait.
    fn break_all_off(mut self) -> Result<(), Error> {
        let all = self.reader.sessions(&SessionFilter { limit: usize::MAX, ..SessionFilter::default() })?;
        for row in all {
            let mut published = match load::session(&self.reader, row.id) {
                Ok(published) if published.damaged.is_none() => published,
                // It is not at work, and a repair closes what it left open.
                Ok(_) | Err(Error::Damaged { .. } | Error::SessionNotFound(_)) => continue,
                Err(error) => return Err(error),
            };
            let events = self.break_off(&mut published, Doubt { by: Mender::Restore, lost: 0, rests: true });
            if events.is_empty() {
                continue;
            }
            let snapshots = snapshot_row(&published).into_iter().collect();
            let sessions = vec![session_row(&published)];
            self.store.commit(&Group { events, sessions, snapshots, ..Group::default() })?;
        }
        Ok(())
    }

    /// Whose log it is. If nothing tells, its first event says what it was, and it gets another id.
    fn name(&self, log: LogKey) -> Result<Option<Name>, Error> {
        if let Some(name) = self.found.names.get(&log) {
            return Ok(Some(*name));
        }
        let first = self.events(log, 0, 1)?;
        let Some(first) = first.first().filter(|first| first.seq == 1) else { return Ok(None) };
        let uuid = self.env.ids.uuid();
        if serde_json::from_str::<ThreadEvent>(&first.data).is_ok() {
            return Ok(Some(Name::Thread(ThreadId::new(uuid))));
        }
        Ok(Some(Name::Session(SessionId::new(uuid))))
    }

    fn events(&self, log: LogKey, after: u64, limit: usize) -> Result<Vec<EventRow>, Error> {
        match self.reader.events(log, &EventFilter { after: Some(after), limit, ..EventFilter::default() }) {
            Err(convene_store::Error::Damaged { .. }) => Ok(Vec::new()),
            read => Ok(read?),
        }
    }

    fn session(&mut self, log: LogKey, id: SessionId, lost: Option<&Lost>) -> Result<(), Error> {
        let row = self.reader.session(id)?;
        let places = lost.map(|lost| lost.places.as_slice()).unwrap_or_default();
        if !places.is_empty() {
            let events = places.iter().map(|(seq, pos)| self.stand_in(log, id, *seq, *pos, row.as_ref())).collect();
            self.store.commit(&Group { events, ..Group::default() })?;
            self.salvaged.lost.push((id, places.len()));
        }
        let last_lost = places.iter().map(|(seq, _)| *seq).max().unwrap_or_default();
        let stale = self.found.stale.contains(&log);
        if !stale && self.is_folded(id, last_lost)? {
            return Ok(());
        }
        let Some(state) = self.fold(log, id)? else {
            tracing::warn!(session.id = %id, "its log does not begin with what made it");
            return Ok(());
        };
        let created_pos = row.as_ref().map_or(0, |row| row.created_pos);
        let mut published = Published {
            log,
            created_pos: if created_pos == 0 { self.first_pos(log)? } else { created_pos },
            command: None,
            damaged: None,
            snapshot_seq: 0,
            state: Arc::new(state),
        };
        let mut group = Group::default();
        // What was at work may have lost what it was doing, or where its runner is to go on.
        if last_lost > 0 {
            let rests = row.as_ref() == Some(&session_row(&published));
            let lost = u64::try_from(places.len()).unwrap_or(u64::MAX);
            group.events = self.break_off(&mut published, Doubt { by: Mender::Salvage, lost, rests });
            let stops = |event: &EventRow| event.data.contains(r#""type":"session_stopped""#);
            if group.events.last().is_some_and(stops) {
                self.salvaged.stopped.push(id);
            }
        }
        group.sessions.push(session_row(&published));
        group.snapshots.extend(snapshot_row(&published));
        self.salvaged.rebuilt += usize::from(stale);
        Ok(self.store.commit(&group)?)
    }

    /// Whether the newest snapshot has what was lost: then nothing of the state is.
    fn is_folded(&self, id: SessionId, last_lost: u64) -> Result<bool, Error> {
        let loaded = self.reader.load(id)?;
        Ok(loaded.and_then(|loaded| loaded.snapshot).is_some_and(|snapshot| snapshot.seq >= last_lost))
    }

    fn first_pos(&self, log: LogKey) -> Result<u64, Error> {
        Ok(self.events(log, 0, 1)?.first().map_or(0, |first| first.pos))
    }

    /// The state that the log folds to.
    fn fold(&self, log: LogKey, id: SessionId) -> Result<Option<SessionState>, Error> {
        let (mut state, mut after) = (None, 0);
        loop {
            let page = self.events(log, after, load::PAGE)?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            for row in &page {
                if let Err(why) = load::apply(&mut state, id, row) {
                    tracing::warn!(session.id = %id, why, "an event cannot be folded");
                }
            }
        }
        Ok(state)
    }

    /// What stands where an event is lost.
    fn stand_in(&self, log: LogKey, id: SessionId, seq: u64, pos: u64, row: Option<&SessionRow>) -> EventRow {
        let body = match row.filter(|_| seq == 1) {
            Some(row) => load::created(row),
            None => KnownEvent::LogNote {
                code: "event_lost".to_owned(),
                detail: "the database was damaged here, and what happened cannot be read any more".to_owned(),
                raw: None,
            },
        };
        event_row(log, &Event { session: id, seq, pos, at: self.now, index: None, data: EventData::new(body) })
    }

    /// Ends what a session was doing, because nobody can tell any more what that was.
    fn break_off(&self, published: &mut Published, doubt: Doubt) -> Vec<EventRow> {
        let mut pos = self.store.info().last_pos;
        let decision = session::break_off(&published.state, doubt, self.now, &mut || {
            pos += 1;
            pos
        });
        published.state = Arc::new(decision.state);
        decision.events.iter().map(|event| event_row(published.log, event)).collect()
    }

    fn thread(&mut self, log: LogKey, id: ThreadId) -> Result<(), Error> {
        if self.reader.thread(id)?.is_some() {
            // Its row is all of it; the log is for audits.
            return Ok(());
        }
        let mut state = None;
        for row in self.events(log, 0, usize::MAX)? {
            if let Ok(event) = serde_json::from_str::<ThreadEvent>(&row.data) {
                state = ThreadState::fold(state, id, &event, row.seq, row.pos, row.at);
            }
        }
        let Some(state) = state else { return Ok(()) };
        let thread = PublishedThread { log, created_pos: self.first_pos(log)?, state: Arc::new(state) };
        self.salvaged.rebuilt += 1;
        Ok(self.store.commit(&Group { threads: vec![thread_row(&thread)], ..Group::default() })?)
    }
}

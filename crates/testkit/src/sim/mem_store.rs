//! A store in memory: what a disk holds survives the store that was opened on it.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use convene_core::ids::{SessionId, ThreadId, TokenId};
use convene_store::{
    Changed, ChangedObject, Error, EventFilter, EventRow, Group, Loaded, LogKey, OpenInfo, Reader, ReplyRow,
    SessionFilter, SessionRow, SnapshotRow, Store, ThreadRow, TokenRow,
};

/// A disk. Cheap to clone; clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct MemDisk {
    tables: Arc<Mutex<Tables>>,
}

#[derive(Debug, Default)]
struct Tables {
    events: BTreeMap<LogKey, Vec<EventRow>>,
    sessions: BTreeMap<SessionId, SessionRow>,
    threads: BTreeMap<ThreadId, ThreadRow>,
    snapshots: HashMap<LogKey, SnapshotRow>,
    replies: HashMap<(String, String), ReplyRow>,
    tokens: BTreeMap<TokenId, TokenRow>,
    last_pos: u64,
    last_key: i64,
}

impl MemDisk {
    /// Opens the store on it.
    pub fn open(&self) -> MemStore {
        MemStore { disk: self.clone() }
    }

    /// Makes an event unreadable, and the snapshots of its log with it.
    pub fn damage(&self, session: SessionId, seq: u64) {
        let mut tables = self.tables();
        let Some(log) = tables.sessions.get(&session).map(|row| row.log) else { return };
        tables.snapshots.remove(&log);
        for event in tables.events.entry(log).or_default().iter_mut().filter(|event| event.seq == seq) {
            event.data = "{\"ty".into();
        }
    }

    /// Makes the snapshots of a session unreadable.
    pub fn damage_snapshot(&self, session: SessionId) {
        let mut tables = self.tables();
        let log = tables.sessions.get(&session).map(|row| row.log);
        if let Some(snapshot) = log.and_then(|log| tables.snapshots.get_mut(&log)) {
            snapshot.state = "{}".to_owned();
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writer.
#[derive(Debug)]
pub struct MemStore {
    disk: MemDisk,
}

impl Store for MemStore {
    type Reader = MemReader;

    fn reader(&self) -> MemReader {
        MemReader { disk: self.disk.clone() }
    }

    fn info(&self) -> OpenInfo {
        let tables = self.disk.tables();
        OpenInfo { epoch: 1, last_pos: tables.last_pos, last_key: LogKey(tables.last_key) }
    }

    fn commit(&mut self, group: &Group) -> Result<(), Error> {
        let mut tables = self.disk.tables();
        // What the database's unique indexes would refuse, before anything is written.
        let mut ends: HashMap<LogKey, u64> = HashMap::new();
        let mut last_pos = tables.last_pos;
        for event in &group.events {
            let end = ends
                .entry(event.log)
                .or_insert_with(|| tables.events.get(&event.log).and_then(|log| log.last()).map_or(0, |last| last.seq));
            if event.seq != *end + 1 || event.pos <= last_pos {
                let why = format!("event {} at {} after {end} at {last_pos}", event.seq, event.pos);
                return Err(Error::Failed { doing: "committing", source: io::Error::other(why).into() });
            }
            (*end, last_pos) = (event.seq, event.pos);
        }
        if group.replies.iter().any(|row| tables.replies.contains_key(&(row.owner.clone(), row.key.clone()))) {
            let source = io::Error::other("a key is used twice").into();
            return Err(Error::Failed { doing: "committing", source });
        }
        tables.last_pos = last_pos;
        for event in &group.events {
            tables.last_key = tables.last_key.max(event.log.0);
            tables.events.entry(event.log).or_default().push(event.clone());
        }
        tables.sessions.extend(group.sessions.iter().map(|row| (row.id, row.clone())));
        tables.threads.extend(group.threads.iter().map(|row| (row.id, row.clone())));
        tables.snapshots.extend(group.snapshots.iter().map(|row| (row.log, row.clone())));
        let replies = group.replies.iter().map(|row| ((row.owner.clone(), row.key.clone()), row.clone()));
        tables.replies.extend(replies);
        tables.tokens.extend(group.tokens.iter().map(|row| (row.id, row.clone())));
        for id in &group.revoked {
            tables.tokens.remove(id);
        }
        for log in &group.purged {
            tables.events.remove(log);
            tables.snapshots.remove(log);
        }
        Ok(())
    }
}

/// Reads what is committed.
#[derive(Debug, Clone)]
pub struct MemReader {
    disk: MemDisk,
}

impl MemReader {
    fn sessions_that(&self, fits: impl Fn(&SessionRow) -> bool) -> Vec<SessionRow> {
        let tables = self.disk.tables();
        let mut rows: Vec<_> = tables.sessions.values().filter(|row| !row.deleted && fits(row)).cloned().collect();
        rows.sort_by_key(|row| row.created_pos);
        rows
    }
}

impl Reader for MemReader {
    fn session(&self, id: SessionId) -> Result<Option<SessionRow>, Error> {
        Ok(self.disk.tables().sessions.get(&id).cloned())
    }

    fn load(&self, id: SessionId) -> Result<Option<Loaded>, Error> {
        let tables = self.disk.tables();
        let Some(row) = tables.sessions.get(&id).cloned() else { return Ok(None) };
        let snapshot = tables.snapshots.get(&row.log).cloned();
        let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.seq);
        let log = tables.events.get(&row.log);
        let tail = log.into_iter().flatten().filter(|event| event.seq > after).cloned().collect();
        Ok(Some(Loaded { row, snapshot, tail }))
    }

    fn events(&self, log: LogKey, filter: &EventFilter) -> Result<Vec<EventRow>, Error> {
        let tables = self.disk.tables();
        let (after, before) = (filter.after.unwrap_or(0), filter.before.unwrap_or(u64::MAX));
        let tag = filter.kind.as_ref().map(|kind| format!("\"type\":\"{kind}\""));
        let events = tables.events.get(&log).into_iter().flatten();
        let mut found: Vec<_> = events
            .filter(|event| event.seq > after && event.seq < before)
            .filter(|event| filter.turn.is_none_or(|turn| event.turn == Some(turn)))
            .filter(|event| tag.as_ref().is_none_or(|tag| event.data.contains(tag)))
            .cloned()
            .collect();
        if filter.newest {
            found.reverse();
        }
        let (mut bytes, most) = (0, filter.bytes.unwrap_or(usize::MAX));
        let fits = |event: &EventRow| {
            let fits = bytes < most;
            bytes += event.data.len();
            fits
        };
        found = found.into_iter().take(filter.limit).take_while(fits).collect();
        if filter.newest {
            found.reverse();
        }
        Ok(found)
    }

    fn sessions(&self, filter: &SessionFilter) -> Result<Vec<SessionRow>, Error> {
        let text = filter.text.as_deref().map(str::to_lowercase);
        let mut rows = self.sessions_that(|row| {
            filter.namespace.as_ref().is_none_or(|wanted| row.namespace == *wanted)
                && (filter.states.is_empty() || filter.states.contains(&row.state))
                && filter.badge.as_ref().is_none_or(|wanted| row.badge == *wanted)
                && filter.agent.as_ref().is_none_or(|wanted| row.agent == *wanted)
                && filter.thread.is_none_or(|wanted| row.thread == wanted)
                && filter.archived.is_none_or(|wanted| row.archived == wanted)
                && filter.before.is_none_or(|before| row.created_pos < before)
                && text.as_ref().is_none_or(|text| row.title.to_lowercase().contains(text))
        });
        rows.reverse();
        rows.truncate(filter.limit);
        Ok(rows)
    }

    fn live_sessions(&self) -> Result<Vec<SessionId>, Error> {
        Ok(self
            .sessions_that(|row| row.state != "stopped" && row.state != "hibernated")
            .into_iter()
            .map(|row| row.id)
            .collect())
    }

    fn count_by_badge(&self) -> Result<Vec<(String, u64)>, Error> {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for row in self.sessions_that(|row| !row.archived) {
            *counts.entry(row.badge).or_default() += 1;
        }
        Ok(counts.into_iter().collect())
    }

    fn changed(&self, after: u64, limit: usize) -> Result<Vec<Changed>, Error> {
        let tables = self.disk.tables();
        let sessions = tables.sessions.values().map(|row| Changed {
            object: ChangedObject::Session(row.id),
            pos: row.pos,
            created_pos: row.created_pos,
            deleted: row.deleted,
        });
        let threads = tables.threads.values().map(|row| Changed {
            object: ChangedObject::Thread(row.id),
            pos: row.pos,
            created_pos: row.created_pos,
            deleted: row.deleted,
        });
        let mut changed: Vec<_> = sessions.chain(threads).filter(|row| row.pos > after).collect();
        changed.sort_by_key(|row| row.pos);
        changed.truncate(limit);
        Ok(changed)
    }

    fn thread(&self, id: ThreadId) -> Result<Option<ThreadRow>, Error> {
        Ok(self.disk.tables().threads.get(&id).cloned())
    }

    fn threads(
        &self,
        namespace: &str,
        archived: bool,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<ThreadRow>, Error> {
        let tables = self.disk.tables();
        let mut rows: Vec<_> = tables
            .threads
            .values()
            .filter(|row| !row.deleted && row.namespace == namespace && row.archived == archived)
            .filter(|row| before.is_none_or(|before| row.created_pos < before))
            .cloned()
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.created_pos));
        rows.truncate(limit);
        Ok(rows)
    }

    fn thread_sessions(&self, id: ThreadId) -> Result<Vec<SessionId>, Error> {
        Ok(self.sessions_that(|row| row.thread == id).into_iter().map(|row| row.id).collect())
    }

    fn reply(&self, owner: &str, key: &str) -> Result<Option<ReplyRow>, Error> {
        Ok(self.disk.tables().replies.get(&(owner.to_owned(), key.to_owned())).cloned())
    }

    fn tokens(&self) -> Result<Vec<TokenRow>, Error> {
        Ok(self.disk.tables().tokens.values().cloned().collect())
    }

    fn token_by_hash(&self, hash: &str) -> Result<Option<TokenRow>, Error> {
        Ok(self.disk.tables().tokens.values().find(|row| row.hash == hash).cloned())
    }

    fn sessions_by_suffix(&self, suffix: &str, limit: usize) -> Result<Vec<SessionId>, Error> {
        let rows = self.sessions_that(|row| row.id.to_string().ends_with(suffix));
        Ok(rows.into_iter().map(|row| row.id).take(limit).collect())
    }

    fn token(&self, id: TokenId) -> Result<Option<TokenRow>, Error> {
        Ok(self.disk.tables().tokens.get(&id).cloned())
    }
}

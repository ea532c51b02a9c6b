//! A client in the simulator: it asks with keys, asks again until it is answered, and reads by cursor.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use convene_core::{
    command::{BusyMode, Choice, Command},
    event::{Decision, StopMode},
    ids::{PermissionId, SessionId, TurnId},
    session::Phase,
};
use convene_engine::{Done, Error, ListCursor, ListObject, LogCursor, Published};
use convene_store::{EventRow, Reader as _};
use tokio::sync::watch;

use super::{
    asks::{fork_of, prompt, rewind_of, spec, stop},
    logs::Logs,
    machine::Around,
    net::{Ask, Net, Request, Sender},
    plant::Plant,
    server::{Disk, Up},
};

/// How many sessions a story has at most.
const SESSIONS: usize = 10;

pub(super) struct Client {
    number: usize,
    asked: u64,
    /// What it has no answer to, by key.
    pub(super) pending: BTreeMap<Arc<str>, Ask>,
    pub(super) promised: Promises,
    logs: HashMap<SessionId, LogWatch>,
    list: ListWatch,
}

/// What the engine told a client.
#[derive(Default)]
pub(super) struct Promises {
    /// The session that was made under a key.
    created: HashMap<Arc<str>, String>,
    /// Turns that were taken, and by which session.
    accepted: HashMap<TurnId, String>,
    refused: HashSet<TurnId>,
    /// Questions whose answer was taken, and from whom.
    decided: HashMap<PermissionId, String>,
}

struct LogWatch {
    cursor: LogCursor,
    news: watch::Receiver<u64>,
    seen: Vec<EventRow>,
    gone: bool,
}

struct ListWatch {
    cursor: ListCursor,
    /// Everything after this is new to the connection.
    born: u64,
    news: Option<watch::Receiver<u64>>,
    /// The last `seq` that the list showed of each session.
    shown: HashMap<SessionId, u64>,
    announced: HashSet<SessionId>,
}

impl Client {
    pub(super) fn new(number: usize) -> Self {
        let list = ListWatch {
            cursor: ListCursor::new(0),
            born: 0,
            news: None,
            shown: HashMap::new(),
            announced: HashSet::new(),
        };
        let (pending, promised, logs) = (BTreeMap::new(), Promises::default(), HashMap::new());
        Self { number, asked: 0, pending, promised, logs, list }
    }

    /// The server is gone; cursors are all that is kept.
    pub(super) fn links_down(&mut self) {
        self.list.news = None;
        self.list.cursor = ListCursor::new(self.list.cursor.after());
    }

    /// Asks for something new.
    pub(super) fn ask<D: Disk>(&mut self, around: &mut Around<'_, D>) {
        let Some(up) = around.up else { return };
        let Ok(rows) = up.rows() else { return };
        let target = around.rng.pick(&rows).map(|row| row.id);
        let ask = match (around.rng.below(20), target) {
            (_, None) | (0..=3, _) if rows.len() < SESSIONS => {
                let thread = rows.first().filter(|_| around.rng.percent(20)).map(|row| row.thread);
                let prompt = around.rng.percent(80).then(|| prompt(around));
                Ask::Create { thread, spec: Box::new(spec(around)), prompt, fork: None }
            }
            (4..=9, Some(session)) => {
                let busy = if around.rng.percent(25) { BusyMode::Interrupt } else { BusyMode::Queue };
                Ask::Command { session, command: Command::Prompt { prompt: prompt(around), busy } }
            }
            (10 | 11, Some(session)) => {
                Ask::Command { session, command: Command::Cancel { turn: None, by: "sim".to_owned() } }
            }
            (12, Some(session)) => {
                let mode = if around.rng.percent(50) { StopMode::Now } else { StopMode::Graceful };
                Ask::Command { session, command: stop(mode) }
            }
            (13, Some(session)) => {
                let queued = up.shared.session(session).and_then(|p| p.state.queue.front().map(|e| e.id));
                let Some(turn) = queued else { return };
                Ask::Command { session, command: Command::DropQueued { turn, by: "sim".to_owned() } }
            }
            (14, Some(session)) => {
                let command = if around.rng.percent(50) { Command::Archive } else { Command::Unarchive };
                Ask::Command { session, command }
            }
            (15, Some(session)) if around.rng.percent(30) => {
                Ask::Command { session, command: Command::Delete { damaged: false, by: "sim".to_owned() } }
            }
            (17 | 18, Some(session)) => {
                let by = "sim".to_owned();
                let command = match around.rng.below(12) {
                    0..=3 => Command::Resume { by },
                    4..=7 => Command::Hibernate { recap: true, by },
                    8 | 9 => Command::Clear { by },
                    _ => {
                        let Some(published) = up.shared.session(session) else { return };
                        let number = usize::try_from(around.rng.next() % 64).unwrap_or(0);
                        let Some(to) = rewind_of(up, &published, |turns| number % turns.max(1)) else { return };
                        Command::Rewind { to, by }
                    }
                };
                Ask::Command { session, command }
            }
            (19, Some(session)) if rows.len() < SESSIONS => {
                let Some(published) = up.shared.session(session) else { return };
                let Some(fork) = fork_of(&published.state) else { return };
                let (thread, spec) = (Some(published.state.thread), Box::new((*published.state.spec).clone()));
                Ask::Create { thread, spec, prompt: Some(prompt(around)), fork: Some(fork) }
            }
            (16, Some(_)) if around.rng.percent(15) => match around.rng.pick(&rows) {
                Some(row) => Ask::DeleteThread { thread: row.thread },
                None => return,
            },
            _ => return self.decide(around),
        };
        self.send(ask, around);
    }

    /// Answers a permission request that is open somewhere.
    pub(super) fn decide<D: Disk>(&mut self, around: &mut Around<'_, D>) {
        let Some(up) = around.up else { return };
        let mut open: Vec<_> = up.shared.sessions_where(|s| !s.permissions.is_empty());
        open.sort_by_key(|p| p.state.id);
        let Some(published) = around.rng.pick(&open) else { return };
        self.decide_in(&published, around);
    }

    /// Answers the first permission request that is open, which another client may do too.
    pub(super) fn decide_first<D: Disk>(&mut self, around: &mut Around<'_, D>) {
        let Some(up) = around.up else { return };
        let open = up.shared.sessions_where(|s| !s.permissions.is_empty());
        if let Some(published) = open.iter().min_by_key(|published| published.state.id) {
            self.decide_in(published, around);
        }
    }

    fn decide_in<D: Disk>(&mut self, published: &Published, around: &mut Around<'_, D>) {
        let Some(request) = published.state.permissions.keys().next().copied() else { return };
        let decision = if around.rng.percent(70) { Decision::AllowOnce } else { Decision::RejectOnce };
        let (choice, by) = (Choice::Kind(decision), format!("client {}", self.number));
        let command = Command::Decide { request, choice, message: None, by };
        self.send(Ask::Command { session: published.state.id, command }, around);
    }

    pub(super) fn stop_all<D: Disk>(&mut self, around: &mut Around<'_, D>) {
        let Some(up) = around.up else { return };
        for row in up.rows().unwrap_or_default() {
            self.send(Ask::Command { session: row.id, command: stop(StopMode::Graceful) }, around);
        }
    }

    fn send<D: Disk>(&mut self, ask: Ask, around: &mut Around<'_, D>) {
        self.asked += 1;
        let key: Arc<str> = format!("c{}-{}", self.number, self.asked).into();
        self.pending.insert(Arc::clone(&key), ask.clone());
        around.net.requests.push(Request { sender: Sender::Client { client: self.number, key }, ask });
    }

    /// Asks again for what it has no answer to.
    pub(super) fn retry<D: Disk>(&mut self, around: &mut Around<'_, D>) {
        for (key, ask) in &self.pending {
            if around.calm || around.rng.percent(50) {
                let sender = Sender::Client { client: self.number, key: Arc::clone(key) };
                around.net.copy(Request { sender, ask: ask.clone() });
            }
        }
    }

    /// Takes an answer.
    pub(super) fn told(
        &mut self,
        key: &Arc<str>,
        request: &Ask,
        answer: &Result<Done, Error>,
        net: &Net,
    ) -> Result<(), String> {
        let turn = match request {
            Ask::Create { prompt, .. } => prompt.as_ref().map(|p| p.turn),
            Ask::Command { command: Command::Prompt { prompt, .. }, .. } => Some(prompt.turn),
            Ask::Command { .. } | Ask::DeleteThread { .. } => None,
        };
        let body = match answer {
            Ok(Done::Fresh(outcome)) => {
                let session = outcome.session.as_ref().map(|s| s.id.to_string());
                session.or_else(|| outcome.thread.as_ref().map(|t: &Arc<_>| t.id.to_string())).unwrap_or_default()
            }
            Ok(Done::Replayed(body)) => body.clone(),
            // Nobody knows; the same key will tell.
            Err(Error::Store(_) | Error::Stopped) => return Ok(()),
            Err(Error::IdempotencyConflict | Error::Damaged { .. }) => return Err(format!("{key}: {answer:?}")),
            Err(_) => {
                self.pending.remove(key);
                if turn.is_some_and(|turn| self.promised.accepted.contains_key(&turn)) {
                    return Err(format!("{key} was accepted, and then refused: {answer:?}"));
                }
                self.promised.refused.extend(turn.filter(|_| !net.copied.contains(key)));
                return Ok(());
            }
        };
        self.pending.remove(key);
        if turn.is_some_and(|turn| self.promised.refused.contains(&turn)) {
            return Err(format!("{key} was refused, and then accepted"));
        }
        self.promised.accepted.extend(turn.map(|turn| (turn, body.clone())));
        if let Ask::Command { command: Command::Decide { request, by, .. }, .. } = request {
            self.promised.decided.insert(*request, by.clone());
        }
        if matches!(request, Ask::Create { .. }) {
            let first = self.promised.created.entry(Arc::clone(key)).or_insert_with(|| body.clone());
            if *first != body {
                return Err(format!("{key} made {first} and {body}"));
            }
        }
        Ok(())
    }

    /// Every promise is kept, now and for ever, unless somebody deleted the session.
    pub(super) fn check_promises<D: Disk>(&self, up: &Up<D>, logs: &Logs) -> Result<(), String> {
        let deleted = |id: &str| {
            let row = id.parse().ok().and_then(|id| up.reader.session(id).ok().flatten());
            row.is_some_and(|row| row.deleted)
        };
        for (turn, session) in &self.promised.accepted {
            if !logs.queued.contains(turn) && !deleted(session) {
                return Err(format!("{turn} was accepted by {session} and is in no log"));
            }
        }
        if let Some(turn) = self.promised.refused.iter().find(|turn| logs.queued.contains(turn)) {
            return Err(format!("{turn} was refused and is in a log"));
        }
        for (request, by) in &self.promised.decided {
            let first = logs.decided.get(request);
            if first.is_some_and(|first| first != by) {
                return Err(format!("{by} was told that it answered {request}, which {first:?} did"));
            }
        }
        for (key, id) in &self.promised.created {
            if !logs.by_session.keys().any(|session| session.to_string() == *id) && !deleted(id) {
                return Err(format!("{key} made {id}, which does not exist"));
            }
        }
        Ok(())
    }

    /// Reads what is news, only if it is told that there is some.
    pub(super) fn read<D: Disk>(&mut self, up: &Up<D>, logs: &Logs) -> Result<(), String> {
        self.list.read(up)?;
        for (id, watch) in &mut self.logs {
            watch.read(*id, up, logs)?;
        }
        Ok(())
    }

    /// Begins to read a log, or drops its connection and comes back with its cursor.
    pub(super) fn follow<D: Disk>(&mut self, up: &Up<D>, id: SessionId) -> Result<(), String> {
        let old = self.logs.remove(&id);
        if old.as_ref().is_some_and(|old| old.gone) {
            return Ok(());
        }
        let mut after = old.as_ref().map_or(0, |old| old.cursor.after());
        if up.plant == Some(Plant::CursorOffByOne) && after > 0 {
            after += 1;
        }
        let seen = old.map_or_else(Vec::new, |old| old.seen);
        match LogCursor::new(&up.shared, &up.reader, id, after) {
            Ok((cursor, mut news)) => {
                // The first read needs no news.
                news.mark_changed();
                self.logs.insert(id, LogWatch { cursor, news, seen, gone: false });
                Ok(())
            }
            Err(Error::SessionNotFound(_)) => Ok(()),
            Err(error) => Err(format!("following {id}: {error:?}")),
        }
    }

    pub(super) fn reconnect<D: Disk>(&mut self, up: &Up<D>) -> Result<(), String> {
        let ids: Vec<_> = self.logs.keys().copied().collect();
        for id in ids {
            self.follow(up, id)?;
        }
        self.list.cursor = ListCursor::new(self.list.cursor.after());
        self.list.news = None;
        Ok(())
    }

    /// At the end it has seen everything that there is.
    pub(super) fn check_complete<D: Disk>(&self, up: &Up<D>, logs: &Logs) -> Result<(), String> {
        for (id, watch) in &self.logs {
            let Some(log) = logs.by_session.get(id).filter(|log| !log.deleted) else { continue };
            if watch.seen != log.rows {
                let why = format!("{id}: a client saw {} of {} events", watch.seen.len(), log.rows.len());
                return Err(format!("{why}; its cursor is at {}", watch.cursor.after()));
            }
        }
        let rows = up.rows()?;
        for row in &rows {
            if self.list.shown.get(&row.id) != Some(&row.seq) {
                let shown = self.list.shown.get(&row.id);
                return Err(format!("{}: the list of client {} shows {shown:?} of {}", row.id, self.number, row.seq));
            }
        }
        if self.list.shown.len() != rows.len() {
            return Err("a list shows what is gone".to_owned());
        }
        Ok(())
    }
}

impl LogWatch {
    fn read<D: Disk>(&mut self, id: SessionId, up: &Up<D>, logs: &Logs) -> Result<(), String> {
        if self.gone || !self.news.has_changed().unwrap_or(false) {
            return Ok(());
        }
        let told = *self.news.borrow_and_update();
        let events = self.cursor.read(&up.shared, &up.reader, told).map_err(|error| format!("{id}: {error:?}"))?;
        self.gone = up.shared.session(id).is_some_and(|p| p.state.deleted);
        for event in events {
            let place = self.seen.len();
            if event.seq != u64::try_from(place).unwrap_or(u64::MAX) + 1 {
                return Err(format!("{id}: a client that saw {place} events is sent {}", event.seq));
            }
            let known = logs.by_session.get(&id).filter(|log| !log.deleted);
            if known.is_some_and(|log| log.rows.get(place) != Some(&event)) {
                return Err(format!("{id}: a client saw what is not committed: {event:?}"));
            }
            self.seen.push(event);
        }
        if self.cursor.after() < told {
            self.news.mark_changed();
        }
        Ok(())
    }
}

impl ListWatch {
    fn read<D: Disk>(&mut self, up: &Up<D>) -> Result<(), String> {
        let news = match &mut self.news {
            Some(news) if !news.has_changed().unwrap_or(false) => return Ok(()),
            Some(news) => news,
            None => {
                self.born = self.cursor.after();
                self.news.insert(up.shared.feed.follow_all())
            }
        };
        news.mark_unchanged();
        let before = self.cursor.after();
        let changes = self.cursor.read(&up.shared, &up.reader).map_err(|error| format!("the list: {error:?}"))?;
        for change in changes {
            if change.pos <= before {
                return Err(format!("the list goes back to {} from {before}", change.pos));
            }
            match change.object {
                ListObject::Session(published) => {
                    let id = published.state.id;
                    let first = !self.announced.contains(&id);
                    if change.is_new {
                        self.announced.insert(id);
                    }
                    if first && published.created_pos > self.born && !change.is_new {
                        return Err(format!("{id} is not new to a list that never saw it"));
                    }
                    self.shown.insert(id, published.state.seq);
                }
                ListObject::SessionGone(id) => {
                    self.shown.remove(&id);
                }
                ListObject::Thread(..) | ListObject::ThreadGone(_) => {}
            }
        }
        if self.cursor.after() > before {
            // There may be more than a page.
            news.mark_changed();
        }
        Ok(())
    }
}

/// Whether nothing happens with a session by itself any more.
pub(super) const fn at_rest(phase: &Phase) -> bool {
    match phase {
        // Put to sleep, cleared, or gone by itself: something follows.
        Phase::Idle { attempt } => attempt.leaving.is_none(),
        Phase::Hibernated | Phase::Stopped { .. } => true,
        Phase::Pending { .. } | Phase::Starting { .. } | Phase::Running { .. } | Phase::Stopping { .. } => false,
    }
}

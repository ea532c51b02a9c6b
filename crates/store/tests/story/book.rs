//! What chapters are told with.

use std::{fmt::Display, str::FromStr};

use convene_core::Timestamp;
use convene_store::{
    Error, EventFilter, EventRow, Group, LogKey, OpenInfo, Reader as _, SessionFilter, SessionRow, Store, ThreadRow,
};

/// Where a store is, empty at first; it can be opened again after it was closed.
pub(crate) trait Place {
    type Store: Store;

    fn new() -> Self;

    fn open(&self, epoch_seed: u64) -> Self::Store;
}

/// A store that may be opened anew after each commit.
pub(crate) struct Book<P: Place> {
    place: P,
    store: Option<P::Store>,
    reopen: bool,
    opened: u64,
}

impl<P: Place> Book<P> {
    pub(crate) fn new(reopen: bool) -> Self {
        let place = P::new();
        let store = Some(place.open(1));
        Self { place, store, reopen, opened: 1 }
    }

    pub(crate) fn commit(&mut self, group: &Group) {
        self.store().commit(group).unwrap();
        self.turn_page();
    }

    pub(crate) fn events(&mut self, events: Vec<EventRow>) {
        self.commit(&Group { events, ..Group::default() });
    }

    pub(crate) fn refused(&mut self, group: &Group) -> Error {
        let error = self.store().commit(group).unwrap_err();
        self.turn_page();
        error
    }

    pub(crate) fn reader(&self) -> <P::Store as Store>::Reader {
        self.store.as_ref().unwrap().reader()
    }

    pub(crate) fn info(&self) -> OpenInfo {
        self.store.as_ref().unwrap().info()
    }

    /// All of a log.
    pub(crate) fn log(&self, log: LogKey) -> Vec<EventRow> {
        self.reader().events(log, &EventFilter { limit: usize::MAX, ..EventFilter::default() }).unwrap()
    }

    /// The numbers of the sessions that fit.
    pub(crate) fn list(&self, filter: SessionFilter) -> Vec<u64> {
        let limit = if filter.limit == 0 { usize::MAX } else { filter.limit };
        let rows = self.reader().sessions(&SessionFilter { limit, ..filter }).unwrap();
        rows.iter().map(|row| number(row.id)).collect()
    }

    fn store(&mut self) -> &mut P::Store {
        self.store.as_mut().unwrap()
    }

    fn turn_page(&mut self) {
        if self.reopen {
            self.store = None;
            self.opened += 1;
            self.store = Some(self.place.open(self.opened));
        }
    }
}

/// An id with this number.
pub(crate) fn id<T: FromStr<Err: std::fmt::Debug>>(prefix: &str, number: u64) -> T {
    format!("{prefix}{number:032x}").parse().unwrap()
}

/// The number of an id of [`id`].
pub(crate) fn number(id: impl Display) -> u64 {
    u64::from_str_radix(&id.to_string()[4..], 16).unwrap()
}

pub(crate) fn at(ms: u64) -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_000 + ms as i64).unwrap()
}

pub(crate) fn event(log: i64, seq: u64, pos: u64) -> EventRow {
    let data = format!(r#"{{"type":"agent_text","text":"{log}/{seq}"}}"#);
    EventRow { log: LogKey(log), seq, pos, at: at(pos), index: None, turn: None, data: data.into() }
}

/// A session whose numbers all are `number`, with one event.
pub(crate) fn session(number: u64) -> SessionRow {
    SessionRow {
        log: LogKey(number as i64),
        id: id("ses_", number),
        thread: id("thr_", 1),
        owner: "local".to_owned(),
        namespace: "default".to_owned(),
        agent: "builtin".to_owned(),
        cwd: format!("/src/{number}"),
        title: format!("Session {number}"),
        state: "idle".to_owned(),
        badge: "idle".to_owned(),
        archived: false,
        deleted: false,
        seq: 1,
        created_pos: number,
        pos: number,
        created_at: at(number),
        updated_at: at(number),
    }
}

pub(crate) fn sessions(rows: Vec<SessionRow>) -> Group {
    Group { sessions: rows, ..Group::default() }
}

pub(crate) fn thread(number: u64) -> ThreadRow {
    ThreadRow {
        log: LogKey(number as i64),
        id: id("thr_", number),
        namespace: "default".to_owned(),
        archived: false,
        deleted: false,
        created_pos: number,
        pos: number,
        state: format!(r#"{{"title":"Thread {number}"}}"#),
    }
}

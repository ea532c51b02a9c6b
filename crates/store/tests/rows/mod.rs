//! Rows as tests of the store commit them; what a test means to say it changes.

use convene_core::{Timestamp, ids::SessionId};
use convene_store::{EventRow, LogKey, SessionRow};

/// The time of everything.
pub fn now() -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_000).unwrap()
}

/// The session of a log.
pub fn id(log: i64) -> SessionId {
    format!("ses_{log:032x}").parse().unwrap()
}

/// An event of an agent.
pub fn event(log: i64, seq: u64, pos: u64, data: impl Into<std::sync::Arc<str>>) -> EventRow {
    EventRow { log: LogKey(log), seq, pos, at: now(), index: Some(seq), turn: None, data: data.into() }
}

/// The row of a log's session after its event `seq`.
pub fn session(log: i64, seq: u64, pos: u64) -> SessionRow {
    SessionRow {
        log: LogKey(log),
        id: id(log),
        thread: format!("thr_{log:032x}").parse().unwrap(),
        owner: "ana".to_owned(),
        namespace: "default".to_owned(),
        agent: "builtin".to_owned(),
        cwd: "/src".to_owned(),
        title: format!("session {log}"),
        state: "running".to_owned(),
        badge: "running".to_owned(),
        archived: false,
        deleted: false,
        seq,
        created_pos: log.unsigned_abs(),
        pos,
        created_at: now(),
        updated_at: now(),
    }
}

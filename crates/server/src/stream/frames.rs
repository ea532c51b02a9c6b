//! List frames: what changed, as the object that it is now.

use std::time::Duration;

use convene_api::frame::ListFrame;
use convene_core::{Timestamp, ids::SessionId, session::Phase, view};
use convene_engine::{Error, ListChange, ListObject, ListReader, storage::SqliteReader};
use serde::Serialize;
use serde_json::{json, value::RawValue};
use tokio::time::{Instant, sleep_until};

/// The shortest time between two reads of the list. A session that streams changes at every commit; each read tells
/// of it once.
const PACE: Duration = Duration::from_millis(50);

/// The list for one client.
pub struct List {
    reader: ListReader<SqliteReader>,
    next_read: Instant,
}

impl List {
    /// From where a reader is on.
    pub fn new(reader: ListReader<SqliteReader>) -> Self {
        Self { reader, next_read: Instant::now() }
    }

    /// The cursor.
    pub const fn after(&self) -> u64 {
        self.reader.after()
    }

    /// What is there now; empty: nothing.
    pub async fn read(&mut self, now: Timestamp) -> Result<Vec<Frame>, Error> {
        Ok(self.reader.read().await?.iter().map(|change| frame(change, now)).collect())
    }

    /// Waits for a change, and reads it.
    pub async fn next(&mut self, now: impl Fn() -> Timestamp) -> Result<Vec<Frame>, Error> {
        // The first change after a pause goes out at once.
        sleep_until(self.next_read).await;
        let changes = self.reader.next().await?;
        self.next_read = Instant::now() + PACE;
        let now = now();
        Ok(changes.iter().map(|change| frame(change, now)).collect())
    }
}

/// A frame as text, with its place.
pub struct Frame {
    /// The cursor after it.
    pub pos: u64,
    /// What is sent.
    pub text: String,
}

fn frame(change: &ListChange, now: Timestamp) -> Frame {
    let pos = change.pos;
    let (kind, at, command, data) = match &change.object {
        ListObject::Session(published) => {
            let state = &published.state;
            let kind = match &state.phase {
                _ if change.is_new => "session:started",
                Phase::Stopped { .. } => "session:ended",
                Phase::Pending { .. }
                | Phase::Starting { .. }
                | Phase::Idle { .. }
                | Phase::Running { .. }
                | Phase::Stopping { .. }
                | Phase::Hibernated => "session:updated",
            };
            // The key belongs to the change that is told, not to one before it.
            let command = published.command.as_ref().filter(|(at, _)| *at == state.pos).map(|(_, key)| key.to_string());
            (kind, state.updated_at, command, raw(&view::session(state)))
        }
        ListObject::SessionGone(id) => ("session:deleted", now, None, gone(id)),
        ListObject::Thread(thread, sessions) => {
            let kind = if change.is_new { "thread:created" } else { "thread:updated" };
            (kind, thread.updated_at, None, raw(&view::thread(thread, sessions)))
        }
        ListObject::ThreadGone(id) => ("thread:deleted", now, None, raw(&json!({"id": id}))),
    };
    let frame = ListFrame { kind: kind.to_owned(), pos, at, command, data };
    // Our own types always serialize: string keys, finite numbers.
    Frame { pos, text: serde_json::to_string(&frame).unwrap_or_default() }
}

fn gone(id: &SessionId) -> Box<RawValue> {
    raw(&json!({"id": id}))
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Whether an event, as it is stored, is of one of these types; all are if there are none.
pub fn of_kind(data: &str, kinds: &[String]) -> bool {
    #[derive(serde::Deserialize)]
    struct Tag<'a> {
        #[serde(borrow, rename = "type")]
        kind: std::borrow::Cow<'a, str>,
    }
    kinds.is_empty()
        || serde_json::from_str::<Tag<'_>>(data).is_ok_and(|tag| kinds.iter().any(|kind| *kind == tag.kind))
}

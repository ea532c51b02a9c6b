//! The list for one client: sessions, threads and workers that changed, each as it is now.

use std::{collections::HashMap, time::Duration};

use convene_api::{body::AgentView, frame::ListFrame, problem::Problem};
use convene_core::{
    dispatch::WorkerStatus,
    ids::{InstanceId, WorkerName},
    session::Phase,
    view,
};
use convene_engine::{Error, ListChange, ListObject, ListReader, Workers, storage::SqliteReader};
use serde::Serialize;
use serde_json::{json, value::RawValue};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::{
    app::App,
    refusal::cursor_too_old,
    routes::{agents, machines::worker},
};

/// The shortest time between two reads of the list. A session that streams changes at every commit; each read tells
/// of it once.
const PACE: Duration = Duration::from_millis(50);

/// The list for one client. Threads are told of when they change themselves: their state is that of their latest
/// session, whose frames name the thread.
pub struct List {
    app: App,
    reader: ListReader<SqliteReader>,
    next_read: Instant,
    /// Something about a worker may have changed.
    workers: watch::Receiver<()>,
    /// The workers as this client knows them.
    told: HashMap<WorkerName, (InstanceId, WorkerStatus)>,
    /// The agents as this client knows them.
    told_agents: HashMap<String, AgentView>,
}

/// A frame as text, with its place.
pub struct Frame {
    /// The cursor after it.
    pub pos: u64,
    /// What is sent.
    pub text: String,
}

impl List {
    /// The list after a cursor, or from now on. Workers have no log: to a client that comes back, each of them is told
    /// as it is.
    ///
    /// # Errors
    /// `cursor_too_old` if the cursor is of another log, or from a future that a restored backup does not have.
    pub fn open(app: &App, after: Option<u64>, epoch: Option<u64>) -> Result<Self, Problem> {
        let shared = app.engine.shared();
        let last = *shared.feed.follow_all().borrow();
        if epoch.is_some_and(|of| of != shared.epoch) {
            return Err(cursor_too_old("the cursor is of another log"));
        }
        if after.is_some_and(|after| after > last) {
            return Err(cursor_too_old(format!("the list ends at {last}")));
        }
        let mut list = Self {
            app: app.clone(),
            reader: app.engine.follow_list(after.unwrap_or(last)),
            next_read: Instant::now(),
            workers: app.workers_changed.subscribe(),
            told: HashMap::new(),
            told_agents: HashMap::new(),
        };
        match after {
            Some(_) => list.workers.mark_changed(),
            None => drop(list.changed_workers()),
        }
        Ok(list)
    }

    /// The cursor.
    pub const fn after(&self) -> u64 {
        self.reader.after()
    }

    /// What is there now; empty: nothing.
    pub async fn read(&mut self) -> Result<Vec<Frame>, Error> {
        let changes = self.reader.read().await?;
        if changes.is_empty() && self.workers.has_changed().unwrap_or(false) {
            return Ok(self.changed_workers());
        }
        Ok(self.frames(&changes))
    }

    /// Waits for a change, and reads it. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Vec<Frame>, Error> {
        loop {
            // The first change after a pause goes out at once.
            sleep_until(self.next_read).await;
            let frames = tokio::select! {
                // Workers first: rare, and what follows is often their doing.
                biased;
                changed = self.workers.changed() => {
                    changed.map_err(|_| Error::Stopped)?;
                    self.changed_workers()
                }
                changes = self.reader.next() => {
                    let changes = changes?;
                    self.next_read = Instant::now() + PACE;
                    self.frames(&changes)
                }
            };
            if !frames.is_empty() {
                return Ok(frames);
            }
        }
    }

    fn frames(&self, changes: &[ListChange]) -> Vec<Frame> {
        changes.iter().map(|change| self.frame(change)).collect()
    }

    fn frame(&self, change: &ListChange) -> Frame {
        let now = self.app.engine.now();
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
                let command = published.command.as_ref().filter(|(at, _)| *at == state.pos);
                (kind, state.updated_at, command.map(|(_, key)| key.to_string()), raw(&view::session(state)))
            }
            ListObject::SessionGone(id) => ("session:deleted", now, None, raw(&json!({"id": id}))),
            ListObject::Thread(thread, sessions) => {
                let kind = if change.is_new { "thread:created" } else { "thread:updated" };
                (kind, thread.updated_at, None, raw(&view::thread(thread, sessions)))
            }
            ListObject::ThreadGone(id) => ("thread:deleted", now, None, raw(&json!({"id": id}))),
        };
        text(&ListFrame { kind: kind.to_owned(), pos: change.pos, at, command, data })
    }

    /// The workers, and the agents on them, that are not as the client knows them. Their frames carry the list's place as of now.
    fn changed_workers(&mut self) -> Vec<Frame> {
        self.workers.mark_unchanged();
        let (pos, at) = (self.after(), self.app.engine.now());
        let taken = Workers::seats_taken(self.app.engine.shared());
        let mut frames = Vec::new();
        for record in self.app.engine.workers().all() {
            let connected = record.status.connected;
            let known = (record.instance, record.status.clone());
            let before = self.told.insert(record.status.name.clone(), known.clone());
            let kind = match before {
                Some(before) if before == known => continue,
                Some((_, before)) if before.connected && connected => "worker:updated",
                Some(_) | None if connected => "worker:connected",
                Some(_) | None => "worker:disconnected",
            };
            let data = raw(&worker(record, &taken));
            frames.push(text(&ListFrame { kind: kind.to_owned(), pos, at, command: None, data }));
        }
        for agent in agents::views(&self.app) {
            if self.told_agents.get(&agent.name) == Some(&agent) {
                continue;
            }
            let (kind, data) = ("agent:updated".to_owned(), raw(&agent));
            frames.push(text(&ListFrame { kind, pos, at, command: None, data }));
            self.told_agents.insert(agent.name.clone(), agent);
        }
        frames
    }
}

fn text(frame: &ListFrame) -> Frame {
    // Our own types always serialize: string keys, finite numbers.
    Frame { pos: frame.pos, text: serde_json::to_string(frame).unwrap_or_default() }
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

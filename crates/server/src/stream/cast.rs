//! Delivers what is committed to all who watch and have nothing else to wait for: framed once, written to each socket
//! in turn, without waking the task of any.
//!
//! A reader that has caught up takes a seat here. Its socket gets what comes until it does not take all of it, or
//! something else is wrong; then the reader gets its place in the log back and goes on by itself, from its cursor.
//! So nothing is queued for anybody here either.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::{BufMut as _, Bytes, BytesMut};
use convene_core::{event::Place, ids::SessionId};
use convene_engine::storage::{EventRow, LogKey, Read};
use tokio::{sync::oneshot, task::yield_now};
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    wire::{Sent, Wire},
};

/// So many events are framed together.
const EVENTS: usize = 512;

/// And so many bytes, or one event: what a socket does not take holds them in memory.
const BYTES: usize = 256 << 10;

/// After so many sockets whoever wants the hall gets it, and other tasks their turn: some ten microseconds.
const TURN: usize = 32;

/// Where those sit who have caught up.
#[derive(Debug, Default)]
pub struct Hall {
    audiences: Mutex<HashMap<LogKey, Audience>>,
    /// The number that was given last.
    number: AtomicU64,
}

/// Those who watch one session.
#[derive(Debug)]
struct Audience {
    session: SessionId,
    /// Up to where the log was delivered; everybody here is there or further.
    told: u64,
    /// By the number of their seats.
    viewers: BTreeMap<u64, Viewer>,
}

#[derive(Debug)]
struct Viewer {
    /// The last `seq` that its socket got.
    after: u64,
    wire: Wire,
    /// Gets the place in the log when the viewer has to go on by itself.
    back: oneshot::Sender<u64>,
}

/// A seat; it is free again when this is dropped.
pub struct Seat {
    app: App,
    log: LogKey,
    number: u64,
    back: oneshot::Receiver<u64>,
}

impl Seat {
    /// Takes the seat `number` of a reader that has read all up to `after`, unless there is more by now.
    pub fn take(app: &App, (session, log): (SessionId, LogKey), number: u64, after: u64, wire: Wire) -> Option<Self> {
        let (back, comes_back) = oneshot::channel();
        let seat = Self { app: app.clone(), log, number, back: comes_back };
        let mut hall = app.hall.lock();
        let audience = hall.entry(log).or_insert_with(|| Audience { session, told: after, viewers: BTreeMap::new() });
        audience.viewers.insert(number, Viewer { after, wire, back });
        // From here on news are announced, and nobody looks for them before the hall is let go.
        let newest = app.engine.shared().feed.announce(log, true);
        drop(hall);
        (newest <= after).then_some(seat)
    }

    /// Waits until the reader has to go on by itself: after this `seq`, once what its socket has begun is flushed.
    pub async fn given_back(mut self) -> Option<u64> {
        (&mut self.back).await.ok()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.app.hall.leave(&self.app, self.log, self.number);
    }
}

impl Hall {
    /// A number that no other seat has.
    pub fn number(&self) -> u64 {
        self.number.fetch_add(1, Ordering::Relaxed)
    }

    /// Frees a seat at once: nothing more is written to its socket from here.
    pub fn leave(&self, app: &App, log: LogKey, number: u64) {
        let mut hall = self.lock();
        if let Some(audience) = hall.get_mut(&log) {
            audience.viewers.remove(&number);
            close_if_empty(&mut hall, app, log);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LogKey, Audience>> {
        self.audiences.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn close_if_empty(hall: &mut HashMap<LogKey, Audience>, app: &App, log: LogKey) {
    if hall.get(&log).is_some_and(|audience| audience.viewers.is_empty()) {
        hall.remove(&log);
        app.engine.shared().feed.announce(log, false);
    }
}

/// Delivers until `closing`.
pub async fn run(app: App, closing: CancellationToken) {
    loop {
        let feed = &app.engine.shared().feed;
        let news = tokio::select! {
            () = closing.cancelled() => return,
            news = feed.announced() => news,
        };
        let mut sockets = 0;
        for log in news {
            deliver(&app, log, &mut sockets).await;
        }
    }
}

/// Delivers what a log has that its audience was not told.
async fn deliver(app: &App, log: LogKey, sockets: &mut usize) {
    loop {
        let Some((session, told)) = app.hall.lock().get(&log).map(|audience| (audience.session, audience.told)) else {
            return;
        };
        let rows = match app.engine.shared().feed.read(log, told, 0, EVENTS, BYTES) {
            Read::Tail(rows) if rows.is_empty() => return,
            Read::Tail(rows) => rows,
            Read::Store => return dismiss(app, log),
        };
        let batch = Batch::of(session, &rows);
        let frames = spread(app, log, &batch, sockets).await;
        app.metrics.delivered(frames, app.engine.shared().metrics.since_publish());
        // Its readers find out by themselves, and say so.
        if app.engine.shared().is_deleted(session) {
            return dismiss(app, log);
        }
    }
}

/// Writes a batch to the sockets of an audience; how many frames that were.
async fn spread(app: &App, log: LogKey, batch: &Batch, sockets: &mut usize) -> usize {
    let (mut next, mut frames) = (0, 0);
    loop {
        {
            let mut hall = app.hall.lock();
            let Some(audience) = hall.get_mut(&log) else { return frames };
            let mut back = Vec::new();
            let mut through = true;
            for (number, viewer) in audience.viewers.range_mut(next..) {
                if *sockets >= TURN {
                    (next, through) = (*number, false);
                    break;
                }
                *sockets += 1;
                let Some((count, bytes)) = batch.after(viewer.after) else { continue };
                match viewer.wire.send(&bytes) {
                    Sent::Whole => viewer.after = batch.last,
                    Sent::Part => {
                        viewer.after = batch.last;
                        back.push(*number);
                    }
                    Sent::Nothing => {
                        back.push(*number);
                        continue;
                    }
                }
                frames += count;
            }
            for number in back {
                if let Some(viewer) = audience.viewers.remove(&number) {
                    // Whoever has left does not want it.
                    let _gone = viewer.back.send(viewer.after);
                }
            }
            if through {
                audience.told = audience.told.max(batch.last);
                close_if_empty(&mut hall, app, log);
                return frames;
            }
        }
        *sockets = 0;
        yield_now().await;
    }
}

/// Lets an audience go on by itself.
fn dismiss(app: &App, log: LogKey) {
    let mut hall = app.hall.lock();
    let Some(audience) = hall.remove(&log) else { return };
    app.engine.shared().feed.announce(log, false);
    drop(hall);
    for viewer in audience.viewers.into_values() {
        // Whoever has left does not want it.
        let _gone = viewer.back.send(viewer.after);
    }
}

/// Adjacent events of a session as text frames of the WebSocket.
struct Batch {
    bytes: Bytes,
    /// Where each begins.
    starts: Vec<usize>,
    /// The `seq` of the first one.
    first: u64,
    /// The `seq` of the last one.
    last: u64,
}

impl Batch {
    /// As many of these as fit.
    fn of(session: SessionId, rows: &[EventRow]) -> Self {
        let first = rows.first().map_or(0, |row| row.seq);
        let mut this = Self { bytes: Bytes::new(), starts: Vec::with_capacity(rows.len()), first, last: first };
        let length: usize = rows.iter().map(|row| row.data.len() + 256).sum();
        let mut bytes = BytesMut::with_capacity(length.min(BYTES));
        let mut place = Place::in_topic(session);
        for row in rows {
            this.starts.push(bytes.len());
            this.last = row.seq;
            frame(&mut bytes, place.write(row.seq, row.pos, row.at, &row.data));
            if bytes.len() >= BYTES {
                break;
            }
        }
        this.bytes = bytes.freeze();
        this
    }

    /// What comes after a `seq`, and how many frames that are; nothing if nothing does.
    fn after(&self, seq: u64) -> Option<(usize, Bytes)> {
        let skip = usize::try_from((seq + 1).saturating_sub(self.first)).ok()?;
        let start = *self.starts.get(skip)?;
        Some((self.starts.len() - skip, self.bytes.slice(start..)))
    }
}

/// A text in one frame, as a server sends it: final, not masked.
fn frame(out: &mut BytesMut, text: &str) {
    out.put_u8(0x81);
    match (u8::try_from(text.len()), u16::try_from(text.len())) {
        (Ok(length @ ..126), _) => out.put_u8(length),
        (_, Ok(length)) => {
            out.put_u8(126);
            out.put_u16(length);
        }
        (_, Err(_)) => {
            out.put_u8(127);
            out.put_u64(text.len() as u64);
        }
    }
    out.put_slice(text.as_bytes());
}

#[cfg(test)]
#[path = "cast_tests.rs"]
mod tests;

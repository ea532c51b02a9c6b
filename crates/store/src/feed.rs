//! The feed: what was just committed, kept in memory so that live readers need not read it back.
//!
//! Readers go by cursor: they take what the tail holds after theirs, or read the store when the tail begins later,
//! and then wait for "there is more". Nothing is queued for a reader, so a slow one costs nothing and loses nothing.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use crate::{EventRow, LogKey};

/// How many bytes of events the tails of all logs hold together.
const TAIL_BYTES: usize = 32 << 20;

/// Shared between the sequencer, which publishes, and the readers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Feed {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    logs: Mutex<Logs>,
    /// The last position that was published.
    pos: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Logs {
    tails: HashMap<LogKey, Tail>,
    /// The order in which events came, for eviction: oldest first.
    order: VecDeque<LogKey>,
    bytes: usize,
}

#[derive(Debug)]
struct Tail {
    /// Contiguous by `seq`.
    events: VecDeque<EventRow>,
    /// The last `seq` that was published.
    seq: watch::Sender<u64>,
}

/// What the tail has after a cursor.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// These events, gapless after the cursor; empty: there is nothing newer.
    Tail(Vec<EventRow>),
    /// The tail begins later: the store has what is missing.
    Store,
}

impl Feed {
    /// A feed whose store is at `pos`.
    pub fn new(pos: u64) -> Self {
        Self { shared: Arc::new(Shared { logs: Mutex::default(), pos: watch::Sender::new(pos) }) }
    }

    /// Publishes committed events, in the order of `pos`.
    pub fn publish(&self, events: &[EventRow], pos: u64) {
        let mut logs = self.shared.logs.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            let tail = logs
                .tails
                .entry(event.log)
                .or_insert_with(|| Tail { events: VecDeque::new(), seq: watch::Sender::new(0) });
            tail.events.push_back(event.clone());
            logs.bytes += weight(event);
            logs.order.push_back(event.log);
        }
        while logs.bytes > TAIL_BYTES {
            let Some(log) = logs.order.pop_front() else { break };
            let Some(old) = logs.tails.get_mut(&log).and_then(|tail| tail.events.pop_front()) else { continue };
            logs.bytes -= weight(&old);
        }
        // Tails that were emptied and that nobody follows are of no use to anybody.
        logs.tails.retain(|_, tail| !tail.events.is_empty() || tail.seq.receiver_count() > 0);
        let mut last: HashMap<LogKey, u64> = HashMap::new();
        for event in events {
            last.insert(event.log, event.seq);
        }
        for (log, seq) in last {
            if let Some(tail) = logs.tails.get(&log) {
                tail.seq.send_replace(seq);
            }
        }
        drop(logs);
        self.shared.pos.send_replace(pos);
    }

    /// What the tail of a log has after `seq`, at most `limit` events.
    ///
    /// `committed` is the log's last `seq` as the caller knows it, for logs that nothing was published of yet.
    pub fn read(&self, log: LogKey, after: u64, committed: u64, limit: usize) -> Read {
        let logs = self.shared.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(tail) = logs.tails.get(&log) else {
            return if after >= committed { Read::Tail(Vec::new()) } else { Read::Store };
        };
        let newest = (*tail.seq.borrow()).max(committed);
        if after >= newest {
            return Read::Tail(Vec::new());
        }
        match tail.events.front() {
            Some(first) if first.seq <= after + 1 => {
                // Contiguous, so the place of a `seq` is a subtraction.
                let skip = usize::try_from(after + 1 - first.seq).unwrap_or(usize::MAX);
                Read::Tail(tail.events.iter().skip(skip).take(limit).cloned().collect())
            }
            Some(_) | None => Read::Store,
        }
    }

    /// Follows a log: the value is the last `seq` that was published, 0 before the first.
    pub fn follow(&self, log: LogKey) -> watch::Receiver<u64> {
        let mut logs = self.shared.logs.lock().unwrap_or_else(PoisonError::into_inner);
        logs.tails
            .entry(log)
            .or_insert_with(|| Tail { events: VecDeque::new(), seq: watch::Sender::new(0) })
            .seq
            .subscribe()
    }

    /// Follows the store: the value is the last position that was published.
    pub fn follow_all(&self) -> watch::Receiver<u64> {
        self.shared.pos.subscribe()
    }
}

/// What an event costs in memory, about.
fn weight(event: &EventRow) -> usize {
    event.data.len() + size_of::<EventRow>() + 32
}

//! The feed: what was just committed, kept in memory so that live readers need not read it back.
//!
//! Readers go by cursor: they take what the tail holds after theirs, or read the store when the tail begins later,
//! and then wait for "there is more". Nothing is queued for a reader, so a slow one costs nothing and loses nothing.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, watch};

use crate::{EventRow, LogKey};

/// How many bytes of events the tails of all logs hold together: some seconds of a flood. A reader that is further behind
/// is slow anyway and reads the store.
const TAIL_BYTES: usize = 8 << 20;

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
    /// Told that there are announcements.
    announced: Notify,
    /// How many bytes of events the tails hold together.
    budget: usize,
}

#[derive(Debug, Default)]
struct Logs {
    tails: HashMap<LogKey, Tail>,
    /// The order in which events came, for eviction: oldest first.
    order: VecDeque<(LogKey, u64)>,
    bytes: usize,
    /// With so many tails it is time to look for those that are of no use.
    sweep_at: usize,
    /// Logs with news that somebody wants announced; each once, so no more than there are tails.
    news: Vec<LogKey>,
}

#[derive(Debug)]
struct Tail {
    /// Contiguous by `seq`.
    events: VecDeque<EventRow>,
    /// The last `seq` that was published.
    seq: watch::Sender<u64>,
    /// Whether its news are announced.
    announce: bool,
    /// Whether they are, and nobody has heard yet.
    is_news: bool,
}

impl Tail {
    fn new() -> Self {
        Self { events: VecDeque::new(), seq: watch::Sender::new(0), announce: false, is_news: false }
    }

    /// Whether nobody misses it: it has no events and no followers.
    fn is_idle(&self) -> bool {
        self.events.is_empty() && self.seq.receiver_count() == 0 && !self.announce && !self.is_news
    }
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
        Self::with_budget(pos, TAIL_BYTES)
    }

    fn with_budget(pos: u64, budget: usize) -> Self {
        let (logs, announced) = (Mutex::default(), Notify::new());
        Self { shared: Arc::new(Shared { logs, pos: watch::Sender::new(pos), announced, budget }) }
    }

    /// Publishes committed events, in the order of `pos`.
    pub fn publish(&self, events: &[EventRow], pos: u64) {
        let mut logs = self.lock();
        for event in events {
            logs.push(event);
        }
        logs.evict(self.shared.budget);
        logs.sweep();
        for (place, event) in events.iter().enumerate() {
            // Of adjacent events of a log the last one tells.
            if events.get(place + 1).is_some_and(|next| next.log == event.log) {
                continue;
            }
            logs.tell(event.log, event.seq);
        }
        let news = !logs.news.is_empty();
        drop(logs);
        self.shared.pos.send_replace(pos);
        if news {
            self.shared.announced.notify_one();
        }
    }

    /// Lets a log's news be announced from here on, or not any more. Its last `seq` that was published, 0 before the
    /// first: what comes after that is announced.
    pub fn announce(&self, log: LogKey, wanted: bool) -> u64 {
        let mut logs = self.lock();
        if !wanted {
            if let Some(tail) = logs.tails.get_mut(&log) {
                tail.announce = false;
            }
            return 0;
        }
        logs.sweep();
        let tail = logs.tails.entry(log).or_insert_with(Tail::new);
        tail.announce = true;
        *tail.seq.borrow()
    }

    /// Waits until there is something to announce: the logs that have news since this was last asked. For one listener.
    pub async fn announced(&self) -> Vec<LogKey> {
        loop {
            let news = self.lock().take_news();
            if !news.is_empty() {
                return news;
            }
            self.shared.announced.notified().await;
        }
    }

    /// Forgets the events of a log that was purged. Who follows it goes on following.
    pub fn forget(&self, log: LogKey) {
        let mut logs = self.lock();
        logs.clear(log);
        if logs.tails.get(&log).is_some_and(Tail::is_idle) {
            logs.tails.remove(&log);
        }
    }

    /// What the tail of a log has after `seq`, at most `limit` events, and no further one once their data comes to so many
    /// bytes.
    ///
    /// `committed` is the log's last `seq` as the caller knows it, for logs that nothing was published of yet.
    pub fn read(&self, log: LogKey, after: u64, committed: u64, limit: usize, bytes: usize) -> Read {
        let logs = self.lock();
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
                let mut read = 0;
                let fits = |event: &&EventRow| {
                    let fits = read < bytes;
                    read += event.data.len();
                    fits
                };
                Read::Tail(tail.events.iter().skip(skip).take(limit).take_while(fits).cloned().collect())
            }
            Some(_) | None => Read::Store,
        }
    }

    /// Follows a log: the value is the last `seq` that was published, 0 before the first.
    pub fn follow(&self, log: LogKey) -> watch::Receiver<u64> {
        let mut logs = self.lock();
        // Logs that are only ever followed must not pile up either.
        logs.sweep();
        logs.tails.entry(log).or_insert_with(Tail::new).seq.subscribe()
    }

    /// Follows the store: the value is the last position that was published.
    pub fn follow_all(&self) -> watch::Receiver<u64> {
        self.shared.pos.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Logs> {
        self.shared.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Logs {
    fn push(&mut self, event: &EventRow) {
        let last = self.tails.entry(event.log).or_insert_with(Tail::new).events.back();
        if last.is_some_and(|last| last.seq + 1 != event.seq) {
            // A tail with a hole would be believed; without what is before the hole it is short and true.
            self.clear(event.log);
        }
        if let Some(tail) = self.tails.get_mut(&event.log) {
            tail.events.push_back(event.clone());
            self.bytes += weight(event);
            self.order.push_back((event.log, event.seq));
        }
    }

    /// Tells who follows a log how far it goes.
    fn tell(&mut self, log: LogKey, seq: u64) {
        if let Some(tail) = self.tails.get_mut(&log) {
            tail.seq.send_replace(seq);
            if tail.announce && !tail.is_news {
                tail.is_news = true;
                self.news.push(log);
            }
        }
    }

    fn take_news(&mut self) -> Vec<LogKey> {
        let news = std::mem::take(&mut self.news);
        for log in &news {
            if let Some(tail) = self.tails.get_mut(log) {
                tail.is_news = false;
            }
        }
        news
    }

    /// Lets the oldest events go, of whatever log, until the rest fits.
    fn evict(&mut self, budget: usize) {
        while self.bytes > budget {
            let Some((log, seq)) = self.order.pop_front() else { break };
            let Some(tail) = self.tails.get_mut(&log) else { continue };
            if let Some(old) = tail.events.pop_front() {
                debug_assert_eq!(old.seq, seq, "the order is that of the tails");
                self.bytes -= weight(&old);
            }
            if tail.is_idle() {
                self.tails.remove(&log);
            }
        }
    }

    fn clear(&mut self, log: LogKey) {
        if let Some(tail) = self.tails.get_mut(&log) {
            self.bytes -= tail.events.iter().map(weight).sum::<usize>();
            tail.events = VecDeque::new();
            // Rare, and the order is short beside what is purged.
            self.order.retain(|(of, _)| *of != log);
        }
    }

    /// Removes tails that were followed once and have nothing. Each time the number of tails has doubled, so that it
    /// costs little however many there are.
    fn sweep(&mut self) {
        if self.tails.len() >= self.sweep_at {
            self.tails.retain(|_, tail| !tail.is_idle());
            self.sweep_at = 2 * self.tails.len() + 64;
        }
    }
}

/// What an event costs in memory, about.
fn weight(event: &EventRow) -> usize {
    event.data.len() + size_of::<EventRow>() + 32
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;

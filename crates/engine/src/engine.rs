//! The handle by which everybody reaches the engine, and the thread that runs the sequencer.

use std::{
    future::Future,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use convene_core::{Timestamp, command::Command, ids::SessionId};
use convene_store::{Reader, Store};
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot,
};
use uuid::Uuid;

use crate::{
    backlog::{Backlog, is_reported},
    env::Env,
    error::Error,
    held::{Fate, Held, fate},
    metrics::Metrics,
    sequencer::Sequencer,
    shared::Shared,
    work::{Done, Idempotency, Outcome, Work},
    workers::Workers,
};

/// Items that may wait for the sequencer. More than one group of the largest size, so that the next group gathers while
/// one commits; a full queue makes submitters wait, which is the credit that reaches the agents' pipes in the end.
const QUEUE: usize = 2048;

/// What the engine's thread is told.
pub(crate) enum Told {
    /// Something to decide.
    Item(Item),
    /// It may be that there is room again.
    LookForRoom,
}

pub(crate) struct Item {
    pub(crate) work: Work,
    pub(crate) idempotency: Option<Idempotency>,
    pub(crate) answer: oneshot::Sender<Result<Done, Error>>,
    /// Since when it waits.
    pub(crate) since: Instant,
}

/// A way to reach the engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine<R: Reader> {
    items: mpsc::Sender<Told>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) reader: R,
    env: Env,
    workers: Arc<Workers>,
}

/// The engine's thread; join it after the last handle is gone, and everything submitted is committed.
#[derive(Debug)]
pub struct Running {
    thread: std::thread::JoinHandle<()>,
    /// Sessions whose logs cannot be read to their end, with the reason.
    pub quarantined: Vec<(SessionId, String)>,
}

impl Running {
    /// Waits for the sequencer to commit what it has and to leave.
    pub fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("the sequencer panicked");
        }
    }
}

impl<R: Reader> Engine<R> {
    /// Opens the store's sessions and starts the sequencer on a thread of its own.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn start<S: Store<Reader = R>>(store: S, env: Env) -> Result<(Self, Running), Error> {
        let (sequencer, quarantined) = Sequencer::open(store, env.clone())?;
        let (items, queue) = mpsc::channel(QUEUE);
        let (shared, reader) = (sequencer.shared(), sequencer.reader());
        let thread = std::thread::Builder::new()
            .name("sequencer".to_owned())
            .spawn(move || run(sequencer, queue))
            .map_err(|_| Error::Stopped)?;
        let engine = Self { items, shared, reader, env, workers: Arc::new(Workers::default()) };
        Ok((engine, Running { thread, quarantined }))
    }

    /// Submits work and waits for its commit.
    ///
    /// Unless the queue is full, the work is on its way when this returns, and dropping the future does not take it
    /// back: whoever asked may go away, the work is done. While the queue is full, dropping the future does.
    pub fn submit(
        &self,
        work: Work,
        idempotency: Option<Idempotency>,
    ) -> impl Future<Output = Result<Done, Error>> + Send + use<R> {
        let (answer, done) = oneshot::channel();
        let sent = self.items.try_send(Told::Item(Item { work, idempotency, answer, since: Instant::now() }));
        let items = self.items.clone();
        async move {
            match sent {
                Ok(()) => {}
                Err(TrySendError::Full(item)) => items.send(item).await.map_err(|_| Error::Stopped)?,
                Err(TrySendError::Closed(_)) => return Err(Error::Stopped),
            }
            // If the sequencer panics, its queue is dropped with all that waits in it.
            done.await.map_err(|_| Error::Stopped)?
        }
    }

    /// Has the sequencer look whether there is room again. One that has no time now is asked again.
    pub(crate) fn look_for_room(&self) {
        let _busy = self.items.try_send(Told::LookForRoom);
    }

    /// Waits until the sequencer is gone while this handle is not: it has panicked, nothing can be committed any more,
    /// and the server had better end and start again.
    pub async fn stopped(&self) {
        self.items.closed().await;
    }

    /// Submits a command without a key.
    pub async fn command(&self, session: SessionId, command: Command) -> Result<Outcome, Error> {
        let done = self.submit(Work::Command { session, command }, None).await?;
        Ok(done.fresh().unwrap_or_default())
    }

    /// What the sequencer publishes.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The workers that are or were connected.
    pub fn workers(&self) -> &Arc<Workers> {
        &self.workers
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.env.clock.now()
    }

    /// A new UUIDv7.
    pub fn uuid(&self) -> Uuid {
        self.env.ids.uuid()
    }
}

/// Decides and commits group after group, until the last handle is gone and everything submitted is answered.
fn run<S: Store>(sequencer: Sequencer<S>, mut queue: mpsc::Receiver<Told>) {
    let mut desk = Desk { shared: sequencer.shared(), sequencer, backlog: Backlog::default(), held: Held::default() };
    loop {
        if desk.backlog.is_empty() {
            let Some(first) = queue.blocking_recv() else { return };
            desk.take(first);
        }
        while desk.backlog.len() < QUEUE
            && let Ok(next) = queue.try_recv()
        {
            desk.take(next);
        }
        desk.commit_group(queue.len());
    }
}

/// What the engine's thread works on.
struct Desk<S: Store> {
    sequencer: Sequencer<S>,
    shared: Arc<Shared>,
    backlog: Backlog,
    /// Reports that wait for room.
    held: Held,
}

impl<S: Store> Desk<S> {
    fn take(&mut self, told: Told) {
        let item = match told {
            Told::Item(item) => item,
            Told::LookForRoom if self.sequencer.recover() => return self.release(|_| true),
            Told::LookForRoom => return,
        };
        self.sort(item);
    }

    /// Puts an item where it waits for its turn, or for room; or refuses it.
    fn sort(&mut self, item: Item) {
        let Some(no_room) = self.shared.no_room() else { return self.backlog.push(item) };
        match fate(&item.work, &self.shared) {
            Fate::Write => self.backlog.push(item),
            Fate::Wait => self.held.push(item),
            Fate::Refuse => {
                let refusal = self.sequencer.refuse(item.idempotency.as_ref(), &no_room);
                // Who went away need not know.
                let _gone = item.answer.send(refusal);
            }
        }
    }

    fn release(&mut self, ready: impl Fn(&Work) -> bool) {
        for item in self.held.release(ready) {
            self.backlog.push(item);
        }
    }

    fn commit_group(&mut self, waiting: usize) {
        let group = self.backlog.next_group();
        if group.is_empty() {
            return;
        }
        waited(&self.shared.metrics, &group, self.backlog.len() + waiting);
        let (works, answers): (Vec<_>, Vec<_>) =
            group.into_iter().map(|item| ((item.work, item.idempotency), item.answer)).unzip();
        for (answer, result) in answers.into_iter().zip(self.sequencer.run_group(works)) {
            // A caller that went away does not matter: the command is committed.
            let _gone = answer.send(result);
        }
        self.sequencer.tell();
        if self.shared.no_room().is_some() {
            // What waits for its turn may have come before it was known; and what was told to stop may say its last
            // words now.
            let waiting = self.backlog.drain();
            let shared = Arc::clone(&self.shared);
            self.release(|work| fate(work, &shared) == Fate::Write);
            for item in waiting {
                self.sort(item);
            }
        }
    }
}

/// Counts how long a group's items waited, one for each kind: they come in order, so the first has waited longest.
fn waited(metrics: &Metrics, group: &[Item], waiting: usize) {
    metrics.waiting.store(u64::try_from(waiting).unwrap_or(u64::MAX), Ordering::Relaxed);
    for (kind, reported) in [("asked", false), ("reported", true)] {
        if let Some(first) = group.iter().find(|item| is_reported(&item.work) == reported) {
            let waited = first.since.elapsed().as_secs_f64();
            metrics.wait_seconds.get_or_create(&[("kind", kind.to_owned())]).observe(waited);
        }
    }
}

//! The handle by which everybody reaches the engine, and the thread that runs the sequencer.

use std::{future::Future, sync::Arc};

use convene_core::{Timestamp, command::Command, ids::SessionId};
use convene_store::{Reader, Store};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::{
    env::Env,
    error::Error,
    sequencer::Sequencer,
    shared::Shared,
    work::{Done, Idempotency, Outcome, Work},
    workers::Workers,
};

/// Items that may wait for the sequencer. More than one group of the largest size, so that the next group gathers while
/// one commits; a full queue makes submitters wait, which is the credit that reaches the agents' pipes in the end.
const QUEUE: usize = 2048;

/// The most items in a group: bounds how long the first of them waits for the last to be decided.
const GROUP: usize = 512;

struct Item {
    work: Work,
    idempotency: Option<Idempotency>,
    answer: oneshot::Sender<Result<Done, Error>>,
}

/// A way to reach the engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine<R: Reader> {
    items: mpsc::Sender<Item>,
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
        let (mut sequencer, quarantined) = Sequencer::open(store, env.clone())?;
        let (items, mut queue) = mpsc::channel::<Item>(QUEUE);
        let (shared, reader) = (sequencer.shared(), sequencer.reader());
        let thread = std::thread::Builder::new()
            .name("sequencer".to_owned())
            .spawn(move || {
                let mut group = Vec::with_capacity(GROUP);
                while queue.blocking_recv_many(&mut group, GROUP) > 0 {
                    let mut works = Vec::with_capacity(group.len());
                    let mut answers = Vec::with_capacity(group.len());
                    for item in group.drain(..) {
                        works.push((item.work, item.idempotency));
                        answers.push(item.answer);
                    }
                    for (answer, result) in answers.into_iter().zip(sequencer.run_group(works)) {
                        // A caller that went away does not matter: the command is committed.
                        let _gone = answer.send(result);
                    }
                }
            })
            .map_err(|_| Error::Stopped)?;
        let engine = Self { items, shared, reader, env, workers: Arc::new(Workers::default()) };
        Ok((engine, Running { thread, quarantined }))
    }

    /// Submits work and waits for its commit. Dropping the future does not take the work back.
    pub fn submit(
        &self,
        work: Work,
        idempotency: Option<Idempotency>,
    ) -> impl Future<Output = Result<Done, Error>> + Send + use<R> {
        let items = self.items.clone();
        async move {
            let (answer, done) = oneshot::channel();
            items.send(Item { work, idempotency, answer }).await.map_err(|_| Error::Stopped)?;
            done.await.map_err(|_| Error::Stopped)?
        }
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

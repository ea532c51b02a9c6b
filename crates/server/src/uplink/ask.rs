//! Questions to workers: a request waits for the answer, a bounded time, and nothing else depends on it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use convene_api::{
    problem::{Code, Problem},
    uplink::{Answer, Question},
};
use convene_core::ids::WorkerName;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// Questions that wait for a worker's link. Each belongs to a request, of which there are few; past this many, the
/// next request is told that the worker is busy.
const WAITING: usize = 32;

/// A question and who waits for its answer.
#[derive(Debug)]
pub struct Asked {
    pub(super) question: Question,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// The way to each worker that is connected.
#[derive(Debug, Default)]
pub struct Asks {
    workers: Mutex<HashMap<WorkerName, (u64, mpsc::Sender<Asked>)>>,
}

impl Asks {
    /// A worker's link is up: what is asked from now on comes out of the receiver.
    pub(super) fn open(&self, worker: &WorkerName, link: u64) -> mpsc::Receiver<Asked> {
        let (sender, receiver) = mpsc::channel(WAITING);
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).insert(worker.clone(), (link, sender));
        receiver
    }

    /// A worker's link is down.
    pub(super) fn close(&self, worker: &WorkerName, link: u64) {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        if workers.get(worker).is_some_and(|(open, _)| *open == link) {
            workers.remove(worker);
        }
    }

    /// Asks a worker, and waits so long for its answer.
    ///
    /// # Errors
    /// If it is not connected, does not answer in time, or says no.
    pub async fn ask(&self, worker: &WorkerName, question: Question, patience: Duration) -> Result<Answer, Problem> {
        let away = |why: &str| {
            let fields = [("worker", worker.to_string().into()), ("ago", "just now".into())];
            Problem::filled(Code::WorkerUnreachable, fields).hint(format!("{why}; try again"))
        };
        let sender = self.workers.lock().unwrap_or_else(PoisonError::into_inner).get(worker).map(|(_, s)| s.clone());
        let Some(sender) = sender else { return Err(away("it is not connected")) };
        let (answer, answered) = oneshot::channel();
        if sender.try_send(Asked { question, answer }).is_err() {
            return Err(away("it has too many questions already"));
        }
        match timeout(patience, answered).await {
            Ok(Ok(Answer::Refused { code, detail, hint })) => {
                let problem = Problem::new(Code::parse(&code).unwrap_or(Code::WrongState), detail);
                Err(match hint {
                    Some(hint) => problem.hint(hint),
                    None => problem,
                })
            }
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(away("its link broke")),
            Err(_) => Err(away("it did not answer in time")),
        }
    }
}

//! What is on its way to the engine.

use std::{collections::HashSet, sync::Arc};

use convene_core::{
    command::{Command, NewPrompt},
    event::Fork,
    ids::{InstanceId, SessionId, ThreadId, WorkerName},
    spec::{Origin, SessionSpec},
};
use convene_engine::{Env, Idempotency, NewSession, ThreadPlace, Work};

use super::rng::Rng;

/// Who waits for the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sender {
    Client { client: usize, key: Arc<str> },
    Runner { session: SessionId, attempt: u32, instance: InstanceId },
    Worker { machine: WorkerName, session: SessionId, attempt: u32, ended: bool },
    Nobody,
}

/// What is asked for; the work is made of it when it arrives, as often as it does.
#[derive(Debug, Clone)]
pub(super) enum Ask {
    Create { thread: Option<ThreadId>, spec: Box<SessionSpec>, prompt: Option<NewPrompt>, fork: Option<Fork> },
    Command { session: SessionId, command: Command },
    DeleteThread { thread: ThreadId },
}

#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) sender: Sender,
    pub(super) ask: Ask,
}

#[derive(Debug, Default)]
pub(super) struct Net {
    pub(super) requests: Vec<Request>,
    /// What is under way for long.
    pub(super) late: Vec<Request>,
    /// Keys under which something was sent more than once. Refusals are not recorded, so one copy may be refused and
    /// another one taken.
    pub(super) copied: HashSet<Arc<str>>,
}

impl Net {
    /// A step's time passes for what is late.
    pub(super) fn pass(&mut self, rng: &mut Rng) {
        let (arrived, late) = std::mem::take(&mut self.late).into_iter().partition(|_| rng.percent(3));
        self.requests.extend::<Vec<_>>(arrived);
        self.late = late;
    }

    /// Nothing is late any more.
    pub(super) fn hurry(&mut self) {
        self.requests.append(&mut self.late);
    }

    /// Every connection breaks: what is under way goes nowhere.
    pub(super) fn clear(&mut self) {
        self.requests.clear();
        self.late.clear();
    }

    /// Sends something once more.
    pub(super) fn copy(&mut self, request: Request) {
        if let Sender::Client { key, .. } = &request.sender {
            self.copied.insert(Arc::clone(key));
        }
        self.requests.push(request);
    }

    pub(super) fn say(&mut self, sender: Sender, session: SessionId, command: Command) {
        self.requests.push(Request { sender, ask: Ask::Command { session, command } });
    }
}

impl Request {
    /// The session that it is about, if it is about one that exists.
    pub(super) const fn session(&self) -> Option<SessionId> {
        match self.ask {
            Ask::Command { session, .. } => Some(session),
            Ask::Create { .. } | Ask::DeleteThread { .. } => None,
        }
    }

    pub(super) const fn is_hello(&self) -> bool {
        matches!(self.ask, Ask::Command { command: Command::Hello { .. }, .. })
    }

    /// As a server's handler makes it: ids of what is new are its own, the key is the client's.
    pub(super) fn work(&self, env: &Env) -> (Work, Option<Idempotency>) {
        let work = match &self.ask {
            Ask::Command { session, command } => Work::Command { session: *session, command: command.clone() },
            Ask::DeleteThread { thread } => Work::DeleteThread { thread: *thread, by: "sim".to_owned() },
            Ask::Create { thread, spec, prompt, fork } => Work::CreateSession(Box::new(NewSession {
                id: SessionId::new(env.ids.uuid()),
                spec: (**spec).clone(),
                thread: match thread {
                    Some(thread) => ThreadPlace::Existing(*thread),
                    None => ThreadPlace::New(ThreadId::new(env.ids.uuid())),
                },
                owner: "sim".to_owned(),
                namespace: "default".to_owned(),
                origin: Origin::User,
                title: String::new(),
                labels: std::collections::BTreeMap::new(),
                prompt: prompt.clone(),
                fork: fork.clone(),
            })),
        };
        let idempotency = match &self.sender {
            Sender::Client { key, .. } => Some(Idempotency {
                owner: "sim".to_owned(),
                key: Arc::clone(key),
                request: String::new(),
                render: Box::new(|outcome| {
                    let session = outcome.session.as_ref().map(|s| s.id.to_string());
                    session.or_else(|| outcome.thread.as_ref().map(|t| t.id.to_string())).unwrap_or_default()
                }),
            }),
            Sender::Runner { .. } | Sender::Worker { .. } | Sender::Nobody => None,
        };
        (work, idempotency)
    }
}

//! What the sequencer is asked to do, and what it answers.

use std::{collections::BTreeMap, sync::Arc};

use convene_core::{
    Timestamp,
    command::{Command, NewPrompt},
    event::Fork,
    ids::{SessionId, ThreadId, TokenId},
    session::SessionState,
    spec::{Origin, SessionSpec},
    thread::{ThreadChanges, ThreadState},
};
use convene_store::{Chore, TokenRow};

use crate::repair::Examined;

/// One thing to decide.
#[derive(Debug)]
pub enum Work {
    /// Make a session, in a thread or with a new one.
    CreateSession(Box<NewSession>),
    /// Make a thread, with its first session if it has one.
    CreateThread(Box<NewThread>),
    /// Change a session.
    Command {
        /// Which.
        session: SessionId,
        /// How.
        command: Command,
    },
    /// Close what a log that was cut short left open.
    Repair(Box<Repair>),
    /// Do a chore of the store. Nothing is decided; the answer says in `pos` whether there is more of it (1) or not (0).
    Tidy(Chore),
    /// Keep the answer to a key of something that was done in several transactions, or outside of the store.
    Record,
    /// Change a thread.
    ChangeThread {
        /// Which.
        thread: ThreadId,
        /// How.
        changes: ThreadChanges,
    },
    /// Remove a thread and its sessions.
    DeleteThread {
        /// Which.
        thread: ThreadId,
        /// Who.
        by: String,
    },
    /// Remember a token.
    AddToken(TokenRow),
    /// Change tokens that are there; one that is gone stays gone.
    ChangeTokens(Vec<(TokenId, TokenChange)>),
    /// Forget a token.
    RevokeToken(TokenId),
}

/// A log to close.
#[derive(Debug)]
pub struct Repair {
    /// Whose.
    pub session: SessionId,
    /// What was found in it.
    pub examined: Examined,
    /// Who wants it closed.
    pub by: String,
}

/// How a token changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenChange {
    /// It gets a new secret.
    Rotate {
        /// The number of the new secret. Two who rotate at once get the same one.
        generation: u32,
        /// Hexadecimal SHA-256 of the new secret.
        hash: String,
        /// Until when the secret before it works, if it does.
        previous_until: Option<Timestamp>,
    },
    /// It was shown.
    Used(Timestamp),
}

/// A session to make.
#[derive(Debug)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// What is wanted.
    pub spec: SessionSpec,
    /// Its thread.
    pub thread: ThreadPlace,
    /// Who makes it.
    pub owner: String,
    /// Whose it is.
    pub namespace: String,
    /// Where it comes from.
    pub origin: Origin,
    /// Its title; empty takes the prompt's first line.
    pub title: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Its first prompt.
    pub prompt: Option<NewPrompt>,
    /// The session whose conversation it goes on with, if it is a fork.
    pub fork: Option<Fork>,
}

/// Which thread a new session belongs to.
#[derive(Debug, Clone, Copy)]
pub enum ThreadPlace {
    /// One that exists.
    Existing(ThreadId),
    /// A new one, made in the same transaction with the session's title.
    New(ThreadId),
}

/// A thread to make.
#[derive(Debug)]
pub struct NewThread {
    /// Its id.
    pub id: ThreadId,
    /// Who makes it.
    pub owner: String,
    /// Whose it is.
    pub namespace: String,
    /// Its title; empty takes the first session's.
    pub title: String,
    /// What it is about.
    pub topic: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Its first session; its `thread` is this one.
    pub session: Option<NewSession>,
}

/// A command's key: an exact retry gets the recorded answer.
pub struct Idempotency {
    /// Who sends it.
    pub owner: String,
    /// The key.
    pub key: Arc<str>,
    /// A hash of the command.
    pub request: String,
    /// Writes the answer that is recorded, from what was decided.
    pub render: Box<dyn FnOnce(&Outcome) -> String + Send>,
}

impl std::fmt::Debug for Idempotency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Idempotency").field("key", &self.key).finish_non_exhaustive()
    }
}

/// What a decided command left behind.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The session as it is after the transaction.
    pub session: Option<Arc<SessionState>>,
    /// The thread as it is after the transaction.
    pub thread: Option<Arc<ThreadState>>,
    /// The last position that the command's events took; 0 if it had none.
    pub pos: u64,
}

/// A committed command.
#[derive(Debug, Clone)]
pub enum Done {
    /// It was decided now.
    Fresh(Outcome),
    /// It was decided before; this is the recorded answer.
    Replayed(String),
}

impl Done {
    /// The outcome, if it was decided now.
    pub fn fresh(self) -> Option<Outcome> {
        match self {
            Self::Fresh(outcome) => Some(outcome),
            Self::Replayed(_) => None,
        }
    }
}

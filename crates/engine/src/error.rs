//! Why the engine did not do what it was asked.

use convene_core::{
    ids::{SessionId, ThreadId},
    rejection::Rejection,
};

/// A command's failure. Nothing has changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The domain says no.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// There is no such session.
    #[error("no session {0}")]
    SessionNotFound(SessionId),
    /// There is no such thread.
    #[error("no thread {0}")]
    ThreadNotFound(ThreadId),
    /// The thread has no session to prompt.
    #[error("thread {0} has no session")]
    ThreadEmpty(ThreadId),
    /// The key was used with another command.
    #[error("this key was used with another command")]
    IdempotencyConflict,
    /// The session's log cannot be read to its end.
    #[error("the log of {session} is damaged: {why}")]
    Damaged {
        /// The session.
        session: SessionId,
        /// How.
        why: String,
    },
    /// The store refused; the same command may be sent again.
    #[error("the store refused")]
    Store(#[source] std::sync::Arc<convene_store::Error>),
    /// The engine is not running any more.
    #[error("the engine has stopped")]
    Stopped,
}

impl Error {
    /// Whether something that is stored is not as it was written, so that another try reads the same.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::Store(error) => matches!(**error, convene_store::Error::Damaged { .. }),
            Self::Rejected(_)
            | Self::SessionNotFound(_)
            | Self::ThreadNotFound(_)
            | Self::ThreadEmpty(_)
            | Self::IdempotencyConflict
            | Self::Stopped => false,
        }
    }
}

impl From<convene_store::Error> for Error {
    fn from(error: convene_store::Error) -> Self {
        Self::Store(std::sync::Arc::new(error))
    }
}

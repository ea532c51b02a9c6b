//! The list of everything, live: sessions, threads, workers and agents that changed, each as it is now.
//!
//! The cursor is the `pos` of the last frame. After a gap each changed object comes once, as it is.

use convene_core::view::SessionView;
use serde::Deserialize;
use tokio::time::Instant;

use super::{Client, ClientError, redial::Redial};
use crate::{
    frame::{ClientFrame, ListFrame},
    problem::Problem,
};

/// The topic's name.
const TOPIC: &str = "list";

/// What the list tells.
#[derive(Debug)]
pub enum ListItem {
    /// Something changed.
    Change(Box<ListFrame>),
    /// Everything there was is delivered; what follows is live.
    CaughtUp,
    /// The server cannot be reached; the stream goes on trying.
    Away {
        /// Since when.
        since: Instant,
    },
}

/// Changes of the list after a cursor, then live.
pub struct ListStream {
    redial: Redial,
    /// None until the server has said where "from now on" begins.
    after: Option<u64>,
    /// The log's epoch that the cursor is of, once the server told.
    epoch: Option<u64>,
}

/// What the server may send on the socket beside frames of the list.
#[derive(Deserialize)]
struct ServerFrame {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    problem: Option<Problem>,
    #[serde(default)]
    epoch: Option<u64>,
    #[serde(default)]
    after: Option<u64>,
}

impl ListStream {
    pub(super) fn new(client: Client, after: Option<u64>) -> Self {
        Self { redial: Redial::new(client), after, epoch: None }
    }

    /// The place in the store of the last change that was handed out.
    pub const fn cursor(&self) -> Option<u64> {
        self.after
    }

    /// The next thing to tell. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When going on makes no sense: the token is refused, the cursor is of another log.
    pub async fn next(&mut self) -> Result<ListItem, ClientError> {
        loop {
            let (after, epoch) = (self.after, self.epoch);
            let subscribe = || ClientFrame::Subscribe { topic: TOPIC.to_owned(), after, epoch };
            let told = match self.redial.next(subscribe).await {
                Ok(text) => self.take(text.as_str()),
                Err(error) => Err(error),
            };
            match told {
                Ok(Some(item)) => return Ok(item),
                Ok(None) => {}
                Err(error) => return Ok(ListItem::Away { since: self.redial.broken(error)? }),
            }
        }
    }

    fn take(&mut self, text: &str) -> Result<Option<ListItem>, ClientError> {
        let frame: ServerFrame = serde_json::from_str(text).map_err(ClientError::answer)?;
        if let Some(problem) = frame.problem {
            return Err(ClientError::Problem(problem));
        }
        match frame.kind.as_deref() {
            Some("hello") => {
                // The first epoch counts: the server refuses the cursor if the log is another one later.
                self.epoch = self.epoch.or(frame.epoch);
                Ok(None)
            }
            Some("caught_up") => {
                self.after = frame.after.or(self.after);
                self.redial.recovered();
                Ok(Some(ListItem::CaughtUp))
            }
            Some(kind) if kind.contains(':') => {
                let change: ListFrame = serde_json::from_str(text).map_err(ClientError::answer)?;
                self.after = self.after.max(Some(change.pos));
                self.redial.recovered();
                Ok(Some(ListItem::Change(Box::new(change))))
            }
            // `pong`, and what a newer server may say.
            Some(_) | None => Ok(None),
        }
    }
}

impl ListFrame {
    /// The session that a frame about one carries; none if it is about something else, or the session is gone.
    pub fn session(&self) -> Option<SessionView> {
        let is_session = self.kind.starts_with("session:") && self.kind != "session:deleted";
        is_session.then(|| serde_json::from_str(self.data.get()).ok()).flatten()
    }
}

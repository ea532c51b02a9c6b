//! Tokens as texts. All but the owner's are derived from the secret, so none is stored: what a token names is looked
//! up, and its code proves that the server made it.

use convene_core::{
    Timestamp,
    ids::{SessionId, TokenId},
};
use uuid::Uuid;

use super::files::Keys;

/// What API tokens begin with.
const TOKEN_PREFIX: &str = "cvt";

/// A token whose code is right; whether what it names is still there is another question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presented {
    /// The owner's, from the file.
    Owner,
    /// A browser that came in by a login link.
    Browser {
        /// When it ends.
        expires_at: Timestamp,
        /// What tells it from others.
        nonce: u64,
    },
    /// An attempt's.
    Attempt {
        /// The session.
        session: SessionId,
        /// The attempt.
        attempt: u32,
        /// The epoch of the log that it is an attempt of; a restored backup has another. None: an earlier version
        /// made the token.
        epoch: Option<u64>,
    },
    /// The embedded worker's.
    Worker,
    /// One from the list of API tokens.
    Api {
        /// Which.
        id: TokenId,
        /// Which of its secrets, counted from 0.
        generation: u32,
    },
}

impl Keys {
    /// The token of an attempt of a log of this epoch.
    pub fn attempt_token(&self, session: SessionId, attempt: u32, epoch: u64) -> String {
        self.token("cva", &format!("{}_{attempt}_{epoch:x}", session.uuid().simple()))
    }

    /// The token of the embedded worker.
    pub fn worker_token(&self) -> String {
        self.token("cvw", "embedded")
    }

    /// What a browser's cookie holds.
    pub fn browser_token(&self, expires_at: Timestamp, nonce: u64) -> String {
        self.token("cvb", &format!("{}_{nonce:016x}", expires_at.as_second()))
    }

    /// A secret of an API token: its first one, or the one after so many rotations.
    pub fn api_token(&self, id: TokenId, generation: u32) -> String {
        let id = id.uuid().simple();
        match generation {
            0 => self.token(TOKEN_PREFIX, &id.to_string()),
            later => self.token(TOKEN_PREFIX, &format!("{id}_{later}")),
        }
    }

    /// Reads a token; `None` if its code is wrong, whatever else it is.
    pub fn read(&self, token: &str) -> Option<Presented> {
        if self.is_owner(token) {
            return Some(Presented::Owner);
        }
        let (text, code) = token.rsplit_once('_')?;
        if !self.verify(text, code) {
            return None;
        }
        let (kind, rest) = text.split_once('_')?;
        match kind {
            "cva" => {
                let (session, attempt) = rest.split_once('_')?;
                let session = SessionId::new(Uuid::try_parse(session).ok()?);
                let (attempt, epoch) = match attempt.split_once('_') {
                    Some((attempt, epoch)) => (attempt, Some(u64::from_str_radix(epoch, 16).ok()?)),
                    None => (attempt, None),
                };
                Some(Presented::Attempt { session, attempt: attempt.parse().ok()?, epoch })
            }
            "cvw" => Some(Presented::Worker),
            "cvb" => {
                let (expires_at, nonce) = rest.split_once('_')?;
                let expires_at = Timestamp::from_second(expires_at.parse().ok()?).ok()?;
                Some(Presented::Browser { expires_at, nonce: u64::from_str_radix(nonce, 16).ok()? })
            }
            TOKEN_PREFIX => {
                let (id, generation) = rest.split_once('_').unwrap_or((rest, "0"));
                Some(Presented::Api {
                    id: TokenId::new(Uuid::try_parse(id).ok()?),
                    generation: generation.parse().ok()?,
                })
            }
            _ => None,
        }
    }

    fn token(&self, kind: &str, rest: &str) -> String {
        let text = format!("{kind}_{rest}");
        let code = self.sign(&text);
        format!("{text}_{code}")
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;

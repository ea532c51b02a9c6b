//! Login links: one-time tokens that a browser exchanges for its cookie.

use std::{
    collections::HashMap,
    io,
    sync::{Mutex, PoisonError},
};

use convene_core::Timestamp;
use jiff::SignedDuration;

use super::files::random_hex;

/// For how long a link opens the page.
const LINK_LIFE: SignedDuration = SignedDuration::from_mins(10);

/// For how long a used link is remembered, so that its second use is told as such.
const MEMORY: SignedDuration = SignedDuration::from_hours(24);

/// Links that were given out. In memory: after a restart a new one is made.
#[derive(Debug, Default)]
pub struct LoginLinks {
    links: Mutex<HashMap<String, Link>>,
}

#[derive(Debug)]
struct Link {
    expires_at: Timestamp,
    used: bool,
}

/// What a link is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// It was good, and is used now.
    Taken,
    /// Somebody used it before.
    Used,
    /// Nobody made it, or it is too old.
    Unknown,
}

impl LoginLinks {
    /// Makes a link.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn make(&self, now: Timestamp) -> io::Result<(String, Timestamp)> {
        let token = random_hex(16)?;
        let expires_at = now.saturating_add(LINK_LIFE).unwrap_or(now);
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|_, link| link.expires_at.saturating_add(MEMORY).is_ok_and(|end| end > now));
        links.insert(token.clone(), Link { expires_at, used: false });
        Ok((token, expires_at))
    }

    /// Uses a link; only the first use gets in. A token has 128 random bits, so a map may look it up.
    pub fn take(&self, token: &str, now: Timestamp) -> LinkState {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        match links.get_mut(token) {
            Some(link) if link.used => LinkState::Used,
            Some(link) if link.expires_at > now => {
                link.used = true;
                LinkState::Taken
            }
            Some(_) | None => LinkState::Unknown,
        }
    }
}

#[cfg(test)]
#[path = "login_tests.rs"]
mod tests;

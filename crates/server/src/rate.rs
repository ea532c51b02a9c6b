//! How often a caller may ask: a bucket for each of them that fills up again at an even pace.
//!
//! Two limits: requests of a token, and failed tries to get in from an address. A request with a good token is never
//! held up by the failures of somebody else at the same address, which on one machine everybody shares.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use convene_api::problem::{Code, Problem};
use tokio::time::Instant;

use crate::{auth::Presented, listen::Peer};

/// Buckets that are remembered at most. Full ones go first, since a new one is full, too; then all: whoever shows that
/// many addresses or tokens is not held up by a map that grows for ever.
const BUCKETS: usize = 10_000;

/// How much more a client on this machine's unix socket may ask: it costs nobody's network, and it is the owner's.
const LOCAL: u32 = 10;

/// How often callers may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Requests of one token in a minute; as many may come at once.
    pub requests: u32,
    /// Failed tries to get in from one address in a minute.
    pub failed_auth: u32,
}

impl Default for Rates {
    fn default() -> Self {
        // A page with a hundred open streams, a script with 32 hands, a benchmark: none comes near the first. The second
        // is far above what mistakes make, and 256 random bits are not guessed at any rate.
        Self { requests: 60_000, failed_auth: 300 }
    }
}

/// Both limits with their buckets.
#[derive(Debug)]
pub struct Limiter {
    rates: Rates,
    requests: Buckets<Presented>,
    failures: Buckets<Option<IpAddr>>,
}

/// What a request took from its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// How many there may be in a minute.
    pub limit: u32,
    /// How many there may still be at once.
    pub remaining: u32,
    /// Until the bucket is full again.
    pub reset: Duration,
    /// If there was none left: until there is one.
    pub wait: Option<Duration>,
}

impl Limiter {
    /// With empty buckets for nobody yet.
    pub fn new(rates: Rates) -> Self {
        Self { rates, requests: Buckets::default(), failures: Buckets::default() }
    }

    /// A request of somebody who showed a good token.
    pub fn request(&self, shown: Presented, peer: Peer, now: Instant) -> Taken {
        let limit = match peer {
            Peer::Local { .. } => self.rates.requests.saturating_mul(LOCAL),
            Peer::Tcp { .. } => self.rates.requests,
        };
        self.requests.take(shown, limit, now)
    }

    /// A try to get in that failed; the unix socket counts as one address.
    pub fn failure(&self, from: Option<IpAddr>, now: Instant) -> Taken {
        self.failures.take(from, self.rates.failed_auth, now)
    }
}

impl Taken {
    /// The refusal of what was too much.
    ///
    /// # Errors
    /// `rate_limited` if there was nothing left.
    pub fn check(&self) -> Result<(), Problem> {
        let Some(wait) = self.wait else { return Ok(()) };
        Err(Problem::filled(Code::RateLimited, [("n", self.limit.into()), ("s", seconds(wait).into())]))
    }

    /// Tells the caller how it stands.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let mut set = |name: &'static str, value: u64| {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        };
        set("ratelimit-limit", self.limit.into());
        set("ratelimit-remaining", self.remaining.into());
        set("ratelimit-reset", seconds(self.reset));
        if let Some(wait) = self.wait {
            set("retry-after", seconds(wait));
        }
    }
}

/// Whole seconds, rounded up: whoever waits that long does not come too early.
fn seconds(time: Duration) -> u64 {
    time.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}

#[derive(Debug)]
struct Buckets<K>(Mutex<HashMap<K, Bucket>>);

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// How many requests are in it.
    level: f64,
    at: Instant,
    limit: u32,
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq> Buckets<K> {
    fn take(&self, key: K, limit: u32, now: Instant) -> Taken {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS && !buckets.contains_key(&key) {
            buckets.retain(|_, bucket| bucket.filled(now) < f64::from(bucket.limit));
            if buckets.len() >= BUCKETS {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket { level: f64::from(limit), at: now, limit });
        bucket.level = bucket.filled(now);
        bucket.at = now;
        let pace = f64::from(limit) / 60.0;
        let after = |missing: f64| Duration::try_from_secs_f64(missing / pace).unwrap_or(Duration::MAX);
        let wait = if bucket.level >= 1.0 {
            bucket.level -= 1.0;
            None
        } else {
            Some(after(1.0 - bucket.level))
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the limit")]
        let remaining = bucket.level as u32;
        Taken { limit, remaining, reset: after(f64::from(limit) - bucket.level), wait }
    }
}

impl Bucket {
    fn filled(&self, now: Instant) -> f64 {
        let limit = f64::from(self.limit);
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        (self.level + since * limit / 60.0).min(limit)
    }
}

#[cfg(test)]
#[path = "rate_tests.rs"]
mod tests;

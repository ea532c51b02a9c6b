//! Ids that are never given twice, and the clock: the edge where time and chance come in.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A new id behind `prefix`, such as `msg_`. Agents drop turns when they find an old id again.
pub fn fresh(prefix: &str) -> String {
    format!("{prefix}{}", uuid::Uuid::now_v7().simple())
}

/// A new id as Amazon writes it.
pub fn uuid() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Seconds since 1970.
pub fn seconds() -> u64 {
    since_1970().as_secs()
}

/// Milliseconds since 1970.
pub fn millis() -> u64 {
    u64::try_from(since_1970().as_millis()).unwrap_or(u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "the edge of a role: replies carry the time at which they were made")]
fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

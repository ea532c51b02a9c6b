//! Since when the server has been awake without a break. Nobody's time runs out while it was not there to hear them: the
//! windows of everybody begin anew when it comes up, and when its machine wakes or its clock is set.

use std::time::Duration;

use convene_core::Timestamp;

use super::LEASE;

/// Who has not run for so much longer than meant has slept with the machine, or the clock was set.
const ASLEEP: Duration = Duration::from_secs(15);

/// Who has not run for so much longer than meant has stood still for a moment (SIGSTOP, a machine that gasps), during
/// which nobody could be heard.
const STILL: Duration = Duration::from_secs(2);

/// What a loop remembers of its own passes.
#[derive(Debug, Clone, Copy)]
pub struct Awake {
    since: Timestamp,
    last: Timestamp,
    whole: Timestamp,
}

/// From when on the time of others counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Since when everybody has been able to come back: who was there before has a lease and its margin from here on.
    pub up: Timestamp,
    /// Since when nobody has been missed for a moment: what began before has all of its time from here on.
    pub whole: Timestamp,
}

impl From<Timestamp> for Windows {
    /// Of a server that came up then and has never stood still.
    fn from(up: Timestamp) -> Self {
        Self { up, whole: Timestamp::MIN }
    }
}

impl Windows {
    /// Whether a window of so many seconds is over that began at `since`.
    pub fn are_over(&self, since: Timestamp, seconds: u64, now: Timestamp) -> bool {
        let settled = since >= self.up || now.as_second() - self.up.as_second() >= LEASE;
        let passed = u64::try_from(now.as_millisecond() - since.max(self.whole).as_millisecond());
        settled && passed.is_ok_and(|passed| passed >= seconds.saturating_mul(1000))
    }
}

impl Awake {
    /// It is up from now on.
    pub const fn new(now: Timestamp) -> Self {
        Self { since: now, last: now, whole: Timestamp::MIN }
    }

    /// Since when it has been awake, for a loop that asks once in a `period`.
    pub fn since(&mut self, now: Timestamp, period: Duration) -> Timestamp {
        let passed = now.duration_since(self.last).unsigned_abs();
        if passed > period.saturating_add(STILL) {
            self.whole = now;
        }
        if passed > period.saturating_add(ASLEEP) {
            self.since = now;
        }
        self.last = now;
        self.since
    }

    /// From when on the time of others counts, for a loop that asks once in a `period`.
    pub fn windows(&mut self, now: Timestamp, period: Duration) -> Windows {
        let up = self.since(now, period);
        Windows { up, whole: self.whole }
    }
}

#[cfg(test)]
#[path = "awake_tests.rs"]
mod tests;

//! Since when the server has been awake without a break. Nobody's time runs out while it was not there to hear them: the
//! windows of everybody begin anew when it comes up, and when its machine wakes or its clock is set.

use std::time::Duration;

use convene_core::Timestamp;

/// Who has not run for so much longer than meant has slept with the machine, or the clock was set.
const ASLEEP: Duration = Duration::from_secs(15);

/// What a loop remembers of its own passes.
#[derive(Debug, Clone, Copy)]
pub struct Awake {
    since: Timestamp,
    last: Timestamp,
}

impl Awake {
    /// It is up from now on.
    pub const fn new(now: Timestamp) -> Self {
        Self { since: now, last: now }
    }

    /// Since when it has been awake, for a loop that asks once in a `period`.
    pub fn since(&mut self, now: Timestamp, period: Duration) -> Timestamp {
        let passed = now.duration_since(self.last).unsigned_abs();
        if passed > period.saturating_add(ASLEEP) {
            self.since = now;
        }
        self.last = now;
        self.since
    }
}

#[cfg(test)]
#[path = "awake_tests.rs"]
mod tests;

//! How long the machine did not let this process run, so that it is not counted as somebody else's slowness.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

/// How often the meter's thread wants to run.
const TICK: Duration = Duration::from_millis(10);

/// A pause of the meter's thread that is no stall yet.
const USUAL: Duration = Duration::from_millis(20);

/// A thread that wants little and often, and what it did not get. It ends with its meter.
pub struct Stalls {
    seen: Arc<Mutex<Seen>>,
    _alive: mpsc::Sender<()>,
}

/// What was seen so far.
struct Seen {
    last: Instant,
    lost: Duration,
}

impl Seen {
    /// What was lost until now, also in a stall that is only just over.
    fn until(&self, now: Instant) -> Duration {
        self.lost + now.saturating_duration_since(self.last).saturating_sub(USUAL)
    }
}

impl Stalls {
    /// Begins to measure.
    pub fn measure() -> Self {
        let seen = Arc::new(Mutex::new(Seen { last: Instant::now(), lost: Duration::ZERO }));
        let (alive, ended) = mpsc::channel::<()>();
        let of_thread = Arc::clone(&seen);
        thread::spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(TICK) {
                let mut seen = of_thread.lock().unwrap_or_else(PoisonError::into_inner);
                let now = Instant::now();
                *seen = Seen { last: now, lost: seen.until(now) };
            }
        });
        Self { seen, _alive: alive }
    }

    /// All that was lost since it began.
    pub fn total(&self) -> Duration {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.until(Instant::now())
    }
}

#[cfg(test)]
#[path = "stalls_tests.rs"]
mod tests;

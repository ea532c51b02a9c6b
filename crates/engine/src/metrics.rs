//! What the engine counts and times, for `/metrics`. Times are in seconds.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use prometheus_client::metrics::{
    counter::Counter,
    family::{Family, MetricConstructor},
    histogram::{Histogram, exponential_buckets},
};

/// One label by its name and value.
pub type Label = [(&'static str, String); 1];

/// Times by a label.
pub type Times = Family<Label, Histogram, TimeBuckets>;

/// From 50 µs to 54 minutes, each bucket four times the one before.
#[derive(Debug, Clone, Default)]
pub struct TimeBuckets;

impl MetricConstructor<Histogram> for TimeBuckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(50e-6, 4.0, 14))
    }
}

/// What the engine counts and times; cheap to clone, and every clone counts for all.
#[derive(Debug)]
pub struct Metrics {
    /// Transactions.
    pub commits: AtomicU64,
    /// Transactions that the store refused.
    pub failed_commits: AtomicU64,
    /// Items in those transactions.
    pub items: AtomicU64,
    /// Events.
    pub events: AtomicU64,
    /// Items that were refused.
    pub rejected: AtomicU64,
    /// Reports of attempts that are not current.
    pub fenced: AtomicU64,
    /// Nanoseconds spent in the store.
    pub commit_nanos: AtomicU64,
    /// When the newest transaction was published, in nanoseconds since `born`.
    published: AtomicU64,
    born: Instant,
    /// Items that wait for the sequencer now.
    pub waiting: AtomicU64,
    /// How long a transaction took.
    pub commit_seconds: Histogram,
    /// Items of a transaction.
    pub group_items: Histogram,
    /// Events of a transaction.
    pub group_events: Histogram,
    /// How long an item waited for the sequencer, by `kind`: `asked` by a client or a reconciler, `reported` by a runner
    /// or a worker.
    pub wait_seconds: Times,
    /// The hops of a turn, by `hop`: `seat` from the prompt or the making to a seat, `launch` from there to the runner's
    /// hello, `hand_over` from the turn's start to the prompt at the agent, `turn` from there to its end.
    pub hop_seconds: Times,
    /// Turns that ended, by `stop_reason`.
    pub turns: Family<Label, Counter>,
    /// Attempts that a worker refused, by `code`.
    pub refused_attempts: Family<Label, Counter>,
    /// Attempts that failed, by `code`.
    pub failed_attempts: Family<Label, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        // 1, 4, 16, … 1,024: a group has at most some 512 items.
        let sizes = || Histogram::new(exponential_buckets(1.0, 4.0, 6));
        Self {
            commits: AtomicU64::default(),
            failed_commits: AtomicU64::default(),
            items: AtomicU64::default(),
            events: AtomicU64::default(),
            rejected: AtomicU64::default(),
            fenced: AtomicU64::default(),
            commit_nanos: AtomicU64::default(),
            published: AtomicU64::default(),
            born: Instant::now(),
            waiting: AtomicU64::default(),
            commit_seconds: TimeBuckets.new_metric(),
            group_items: sizes(),
            group_events: sizes(),
            wait_seconds: Times::new_with_constructor(TimeBuckets),
            hop_seconds: Times::new_with_constructor(TimeBuckets),
            turns: Family::default(),
            refused_attempts: Family::default(),
            failed_attempts: Family::default(),
        }
    }
}

impl Metrics {
    pub(crate) fn published(&self) {
        let nanos = u64::try_from(self.born.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.published.store(nanos, Ordering::Relaxed);
    }

    /// How long ago the newest transaction was published.
    pub fn since_publish(&self) -> Duration {
        let then = Duration::from_nanos(self.published.load(Ordering::Relaxed));
        self.born.elapsed().saturating_sub(then)
    }

    pub(crate) fn add(counter: &AtomicU64, n: usize) {
        counter.fetch_add(u64::try_from(n).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    #[expect(clippy::cast_precision_loss, reason = "a group has some hundred items")]
    pub(crate) fn committed(&self, items: usize, events: usize, took: Duration) {
        self.commit_nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.commit_seconds.observe(took.as_secs_f64());
        self.group_items.observe(items as f64);
        self.group_events.observe(events as f64);
    }

    pub(crate) fn count(family: &Family<Label, Counter>, name: &'static str, value: &str) {
        family.get_or_create(&[(name, value.to_owned())]).inc();
    }

    pub(crate) fn hop(&self, hop: &str, milliseconds: i64) {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a turn are far below 2^52")]
        let seconds = milliseconds.max(0) as f64 / 1e3;
        self.hop_seconds.get_or_create(&[("hop", hop.to_owned())]).observe(seconds);
    }
}

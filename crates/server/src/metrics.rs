//! Counters for `/metrics`, read from where they are counted.

use std::{fmt, sync::atomic::Ordering};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _, text::encode},
    metrics::{
        counter::ConstCounter,
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::Registry,
};

use crate::app::App;

/// All metrics as text.
pub fn text(app: &App) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("convene");
    registry.register_collector(Box::new(Counted(app.clone())));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

/// What the engine and the uplinks count.
struct Counted(App);

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counted").finish_non_exhaustive()
    }
}

impl Collector for Counted {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let app = &self.0;
        let metrics = &app.engine.shared().metrics;
        let counters = [
            ("commits", "Transactions of the engine", &metrics.commits),
            ("failed_commits", "Transactions that the store refused", &metrics.failed_commits),
            ("items", "Commands and reports in those transactions", &metrics.items),
            ("events", "Events that were committed", &metrics.events),
            ("rejected", "Commands and reports that were refused", &metrics.rejected),
            ("fenced", "Reports of attempts that are not current", &metrics.fenced),
        ];
        for (name, help, counter) in counters {
            let counter = ConstCounter::new(counter.load(Ordering::Relaxed));
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        #[expect(clippy::cast_precision_loss, reason = "a sum of times; its last digits say nothing")]
        let seconds = ConstCounter::new(metrics.commit_nanos.load(Ordering::Relaxed) as f64 / 1e9);
        let (name, help) = ("commit_seconds", "Time spent in the store");
        seconds.encode(encoder.encode_descriptor(name, help, None, seconds.metric_type())?)?;
        let status = app.status();
        let gauges = [
            ("workers", "Workers that are connected", i64::from(status.workers)),
            ("seats", "Seats of those workers", i64::from(status.seats)),
            ("seats_taken", "Seats in use", i64::from(status.seats_taken)),
            ("runners", "Runners that are connected", i64::try_from(app.links_up.runners()).unwrap_or(i64::MAX)),
            ("sockets", "WebSockets that are open", i64::try_from(app.sockets.len()).unwrap_or(i64::MAX)),
            (
                "uptime_seconds",
                "Seconds since the server came up",
                i64::try_from(status.uptime_seconds).unwrap_or(i64::MAX),
            ),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let by_state = Family::<[(&str, &str); 1], Gauge>::default();
        for published in app.engine.shared().sessions_where(|s| !s.deleted && !s.archived) {
            by_state.get_or_create(&[("state", published.state.phase.name())]).inc();
        }
        let (name, help) = ("sessions", "Sessions in memory, by state");
        by_state.encode(encoder.encode_descriptor(name, help, None, by_state.metric_type())?)
    }
}

//! What is counted and timed for `/metrics`: here what the doors see, in the engine what it decides. Times are in seconds.

use std::{
    fmt,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};
use convene_core::ids::SessionId;
use convene_engine::metrics::TimeBuckets;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _, text::encode},
    metrics::{
        counter::{ConstCounter, Counter},
        family::{Family, MetricConstructor as _},
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
    },
    registry::{Registry, Unit},
};
use tracing::{Instrument as _, field};

use crate::{app::App, auth::Caller};

/// What the doors count and time.
#[derive(Debug)]
pub struct Metrics {
    requests: Family<RequestLabels, Histogram, TimeBuckets>,
    /// How long the oldest event of a batch waited in its runner.
    held: Histogram,
    /// From a batch's coming to its commit.
    ingest: Histogram,
    /// From the commit to the client's socket.
    delivery: Histogram,
    /// Frames that were written to clients.
    frames: Counter,
}

/// The labels of a request.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

impl Default for Metrics {
    fn default() -> Self {
        let times = || TimeBuckets.new_metric();
        Self {
            requests: Family::new_with_constructor(TimeBuckets),
            held: times(),
            ingest: times(),
            delivery: times(),
            frames: Counter::default(),
        }
    }
}

impl Metrics {
    /// A batch came whose oldest event waited so long in its runner.
    pub fn batch_came(&self, held: Duration) {
        self.held.observe(held.as_secs_f64());
    }

    /// A batch was committed so long after it came.
    pub fn batch_committed(&self, took: Duration) {
        self.ingest.observe(took.as_secs_f64());
    }

    /// Frames with committed events were written to a client, so long after the newest commit.
    pub fn delivered(&self, frames: usize, since_commit: Duration) {
        self.frames.inc_by(u64::try_from(frames).unwrap_or(u64::MAX));
        self.delivery.observe(since_commit.as_secs_f64());
    }
}

/// Times a request, and lets every line that is logged in it say what it was asked for.
pub async fn measure(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = match *request.method() {
        // Whatever else somebody makes up must not become a label.
        Method::GET | Method::HEAD | Method::POST | Method::PATCH | Method::PUT | Method::DELETE | Method::OPTIONS => {
            request.method().to_string()
        }
        _ => "other".to_owned(),
    };
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!(
        "request",
        method,
        route,
        session.id = field::Empty,
        caller = request.extensions().get::<Caller>().map(|caller| field::display(caller.owner.clone())),
    );
    let after = request.uri().path().strip_prefix("/v1/sessions/").and_then(|rest| rest.split('/').next());
    if let Some(session) = after.and_then(|id| id.parse::<SessionId>().ok()) {
        span.record("session.id", field::display(session));
    }
    async move {
        let response = next.run(request).await;
        let (status, took) = (response.status().as_u16(), started.elapsed());
        tracing::debug!(status, seconds = took.as_secs_f64(), "answered");
        let labels = RequestLabels { method, route, status };
        app.metrics.requests.get_or_create(&labels).observe(took.as_secs_f64());
        response
    }
    .instrument(span)
    .await
}

/// All metrics as text.
pub fn text(app: &App) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("convene");
    timed(&mut registry, app);
    registry.register_collector(Box::new(Counted(app.clone())));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

/// What is counted as it happens. The handles are shared, so registering them copies nothing.
fn timed(registry: &mut Registry, app: &App) {
    let engine = &app.engine.shared().metrics;
    let here = &app.metrics;
    let mut time = |name: &str, help: &str, histogram: &Histogram| {
        registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
    };
    time("commit", "Time of a transaction in the store", &engine.commit_seconds);
    time("event_held", "Time that a batch's oldest event waited in its runner", &here.held);
    time("ingest", "Time from a batch's coming to its commit", &here.ingest);
    time("delivery", "Time from the newest commit to a client's socket", &here.delivery);
    let seconds = Unit::Seconds;
    let (name, help) = ("sequencer_wait", "Time that work waited for the sequencer");
    registry.register_with_unit(name, help, seconds.clone(), engine.wait_seconds.clone());
    let (name, help) = ("hop", "Time of each hop of a turn: seat, launch, hand_over, turn");
    registry.register_with_unit(name, help, seconds.clone(), engine.hop_seconds.clone());
    let (name, help) = ("http_request", "Time until a request had its answer, or its stream had begun");
    registry.register_with_unit(name, help, seconds, here.requests.clone());
    registry.register("group_items", "Commands and reports of a transaction", engine.group_items.clone());
    registry.register("group_events", "Events of a transaction", engine.group_events.clone());
    registry.register("frames", "Frames with events that were written to WebSocket clients", here.frames.clone());
    registry.register("turns", "Turns that ended, by stop reason", engine.turns.clone());
    let (name, help) = ("refused_attempts", "Attempts that a worker refused, by problem code");
    registry.register(name, help, engine.refused_attempts.clone());
    let (name, help) = ("failed_attempts", "Attempts that failed, by problem code");
    registry.register(name, help, engine.failed_attempts.clone());
}

/// What is read from where it is kept.
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
        let sessions = app.engine.shared().sessions_where(|s| !s.deleted && !s.archived);
        let queued: usize = sessions.iter().map(|p| p.state.queue.len()).sum();
        let asked: usize = sessions.iter().map(|p| p.state.permissions.len() + p.state.elicitations.len()).sum();
        let status = app.status();
        let whole = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let long = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let gauges = [
            ("workers", "Workers that are connected", i64::from(status.workers)),
            ("seats", "Seats of those workers", i64::from(status.seats)),
            ("seats_taken", "Seats in use", i64::from(status.seats_taken)),
            ("runners", "Runners that are connected", whole(app.links_up.runners())),
            (
                "spool_bytes",
                "Bytes in the spools of connected runners, not committed yet",
                long(app.links_up.spooled()),
            ),
            ("sockets", "WebSockets that are open", whole(app.sockets.len())),
            ("sequencer_queue", "Work that waited for the sequencer", long(metrics.waiting.load(Ordering::Relaxed))),
            ("queued_prompts", "Prompts that wait for their turn", whole(queued)),
            ("open_questions", "Permission requests and questions that wait for a person", whole(asked)),
            ("uptime_seconds", "Seconds since the server came up", long(status.uptime_seconds)),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let by_state = Family::<[(&str, &str); 1], Gauge>::default();
        for published in sessions {
            by_state.get_or_create(&[("state", published.state.phase.name())]).inc();
        }
        let (name, help) = ("sessions", "Sessions in memory, by state");
        by_state.encode(encoder.encode_descriptor(name, help, None, by_state.metric_type())?)
    }
}

//! Keeps a runner's link to its server: dials, says hello, redials for as long as it takes.
//!
//! The uplink knows frames, not what they mean: the runner decides what is sent on a link and what is sent again on the
//! next one. Everything of a lost link is gone with it, in both directions.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use convene_api::uplink::{RUNNER_PATH, RunnerDown, RunnerHello, RunnerUp, RunnerWelcome};
use convene_core::directive::Directive;
use tokio::{sync::mpsc, time::Instant};

use crate::{
    dial::{self, Backoff},
    launch_spec::ServerAddr,
};

/// How long the answer to hello may take.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a server may refuse the token before the attempt counts as fenced. A server that restores its state, or
/// one behind a proxy that does, may refuse for a moment what it takes later.
const REFUSED: Duration = Duration::from_secs(60);
/// Frames on their way to a link: a batch at a time, and answers to directives, of which the server keeps 64 open.
const OUTGOING: usize = 80;

/// What came from the server, or became of the link to it.
#[derive(Debug)]
pub enum UplinkEvent {
    /// A link is up and this instance may append; what the server wants is in the welcome.
    Up {
        /// The answer to hello.
        welcome: Box<RunnerWelcome>,
        /// The way to send on this link.
        link: Link,
    },
    /// Everything before this index is committed.
    Ack(u64),
    /// Something to do.
    Directive(Directive),
    /// This instance may not append, and never will.
    Fenced(String),
    /// The link is lost; the next event is `Up` or `Fenced`.
    Down,
}

/// Sends frames on one link; on a lost one they are dropped.
#[derive(Debug, Clone)]
pub struct Link(mpsc::Sender<String>);

impl Link {
    /// Sends a frame. `false` if the link is lost, or takes nothing for the moment.
    pub fn send(&self, frame: &RunnerUp) -> bool {
        serde_json::to_string(frame).is_ok_and(|text| self.send_text(text))
    }

    /// Sends events as they are.
    pub fn send_batch(&self, first_index: u64, held: Duration, spooled: u64, events: &[String]) -> bool {
        let (held, events) = (held.as_micros(), events.join(","));
        let head = format!(r#""first_index":{first_index},"held_us":{held},"spooled":{spooled}"#);
        self.send_text(format!(r#"{{"batch":{{{head},"events":[{events}]}}}}"#))
    }

    fn send_text(&self, text: String) -> bool {
        self.0.try_send(text).is_ok()
    }
}

/// What an uplink needs to know.
// No `Debug`: the token may reach no log.
pub struct Uplink {
    /// Where the server is.
    pub server: ServerAddr,
    /// What the server wants to see.
    pub token: String,
    /// What is said first on each link; `last_directive` is taken from the field below.
    pub hello: RunnerHello,
    /// The number of the last directive that the runner has seen.
    pub last_directive: Arc<AtomicU64>,
}

/// How a link ended.
enum End {
    /// It may be tried again.
    Lost,
    /// The server refuses the token.
    Refused,
    /// The server refuses the runner.
    Fenced(String),
    /// The runner is gone.
    NobodyListens,
}

impl From<dial::Error> for End {
    fn from(error: dial::Error) -> Self {
        tracing::debug!(error = &error as &dyn std::error::Error, "no uplink");
        match error {
            dial::Error::Refused { status: 401 | 403 } => Self::Refused,
            dial::Error::Refused { .. } | dial::Error::Address { .. } | dial::Error::Unreachable(_) => Self::Lost,
        }
    }
}

impl Uplink {
    /// Serves the uplink until the server fences the runner or the runner drops the receiver.
    pub async fn serve(self, events: mpsc::Sender<UplinkEvent>) {
        let mut backoff = Backoff::default();
        let mut refused_since: Option<Instant> = None;
        loop {
            let mut up_since = None;
            let end = match self.link(&events, &mut up_since).await {
                Ok(never) => match never {},
                Err(end) => end,
            };
            if let Some(since) = up_since {
                backoff.lost_after(since.elapsed());
                if events.send(UplinkEvent::Down).await.is_err() {
                    return;
                }
            }
            let fenced = match end {
                End::NobodyListens => return,
                End::Fenced(reason) => Some(reason),
                End::Refused if refused_since.get_or_insert_with(Instant::now).elapsed() >= REFUSED => {
                    Some("the server refuses the attempt's token".to_owned())
                }
                End::Refused => None,
                End::Lost => {
                    refused_since = None;
                    None
                }
            };
            if let Some(reason) = fenced {
                let _ = events.send(UplinkEvent::Fenced(reason)).await;
                return;
            }
            backoff.wait().await;
        }
    }

    /// One link, from dialing to its end.
    async fn link(
        &self,
        events: &mpsc::Sender<UplinkEvent>,
        up_since: &mut Option<Instant>,
    ) -> Result<std::convert::Infallible, End> {
        let mut link = dial::dial(&self.server, RUNNER_PATH, &self.token).await?;
        let hello = RunnerHello { last_directive: self.last_directive.load(Ordering::Relaxed), ..self.hello.clone() };
        link.send(&RunnerUp::Hello(hello)).await?;
        let answer = tokio::time::timeout(ANSWER, link.receive()).await.ok().flatten();
        let welcome = match answer {
            Some(RunnerDown::Welcome(welcome)) => welcome,
            Some(RunnerDown::Fenced { reason }) => return Err(End::Fenced(reason)),
            Some(RunnerDown::Ack { .. } | RunnerDown::Directive(_)) | None => return Err(End::Lost),
        };
        let (sender, mut outgoing) = mpsc::channel(OUTGOING);
        let up = UplinkEvent::Up { welcome, link: Link(sender) };
        events.send(up).await.map_err(|_| End::NobodyListens)?;
        *up_since = Some(Instant::now());
        loop {
            let event = tokio::select! {
                frame = link.receive() => match frame {
                    Some(RunnerDown::Ack { next_index }) => UplinkEvent::Ack(next_index),
                    Some(RunnerDown::Directive(directive)) => UplinkEvent::Directive(directive),
                    Some(RunnerDown::Fenced { reason }) => return Err(End::Fenced(reason)),
                    Some(RunnerDown::Welcome(_)) => continue,
                    None => return Err(End::Lost),
                },
                text = outgoing.recv() => {
                    // The runner drops its end of a link only when it leaves, or is fenced.
                    let Some(text) = text else { return Err(End::NobodyListens) };
                    link.send_text(text).await?;
                    continue;
                }
            };
            events.send(event).await.map_err(|_| End::NobodyListens)?;
        }
    }
}

//! The server's part in a test, as far as a runner can tell: it welcomes, acknowledges, and asks for one turn at most.

use std::{path::Path, sync::Arc};

use convene_api::uplink::{FRAME_MAX, PROTOCOL, RunnerDown, RunnerUp, RunnerWelcome};
use convene_core::{
    content::ContentBlock,
    directive::{Directive, Order},
    event::{EventBody, EventData, StopMode},
    ids::{SessionId, ThreadId, TurnId},
    spec::SessionSpec,
};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    net::{UnixListener, UnixStream},
    time::{Instant, sleep_until},
};
use tokio_tungstenite::{
    WebSocketStream, accept_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

use super::report::{Report, Verdict};

/// How a dialog ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// The runner is gone.
    Gone,
    /// Everything that was wanted is known.
    Enough,
    /// Nothing more came in time.
    Silence,
}

impl Heard {
    pub(super) const fn is_still_there(self) -> bool {
        !matches!(self, Self::Gone)
    }

    /// How the attempt is asked to end.
    pub(super) const fn how(self) -> StopMode {
        match self {
            Self::Gone | Self::Enough => StopMode::Graceful,
            Self::Silence => StopMode::Now,
        }
    }
}

/// What the runner is told.
pub(super) struct Dialog {
    thread: ThreadId,
    session: SessionId,
    spec: Arc<SessionSpec>,
    directives: Vec<Directive>,
}

/// What is asked: nothing that any model could need a tool for.
const PROMPT: &str = "Answer with one word: ready";

impl Dialog {
    /// With a turn the agent is prompted, as soon as it can take one.
    pub(super) fn new(session: SessionId, thread: ThreadId, agent: &str, cwd: &Path, turn: Option<TurnId>) -> Self {
        let spec = SessionSpec::new(agent, cwd.to_string_lossy());
        let prompt = |turn| {
            let content = Arc::new(vec![ContentBlock::text(PROMPT)]);
            Directive { seq: 1, order: Order::Prompt { turn, content, system_prompt: None } }
        };
        Self { thread, session, spec: Arc::new(spec), directives: turn.into_iter().map(prompt).collect() }
    }

    /// Listens until the report is complete, the attempt has ended, or it is too late.
    pub(super) async fn hear(
        &self,
        listener: &UnixListener,
        report: &mut Report,
        ended: impl Future<Output = ()>,
        until: Instant,
    ) -> Heard {
        self.listen(listener, report, ended, until, true).await
    }

    /// Listens until the attempt has ended, or it is too late.
    pub(super) async fn hear_the_rest(
        &self,
        listener: &UnixListener,
        report: &mut Report,
        ended: impl Future<Output = ()>,
        until: Instant,
    ) -> Heard {
        self.listen(listener, report, ended, until, false).await
    }

    async fn listen(
        &self,
        listener: &UnixListener,
        report: &mut Report,
        ended: impl Future<Output = ()>,
        until: Instant,
        leave_when_done: bool,
    ) -> Heard {
        let talk = async {
            loop {
                // A runner that lost its link dials again.
                let Ok((stream, _)) = listener.accept().await else { return std::future::pending().await };
                if self.talk(stream, report, leave_when_done).await.is_some() {
                    return;
                }
            }
        };
        tokio::select! {
            biased;
            () = talk => Heard::Enough,
            () = ended => Heard::Gone,
            () = sleep_until(until) => Heard::Silence,
        }
    }

    fn after(&self, last: u64) -> Vec<Directive> {
        self.directives.iter().filter(|directive| directive.seq > last).cloned().collect()
    }

    /// One link; `Some` when the report is complete.
    async fn talk(&self, stream: UnixStream, report: &mut Report, leave_when_done: bool) -> Option<()> {
        let config = WebSocketConfig::default().max_message_size(Some(FRAME_MAX)).max_frame_size(Some(FRAME_MAX));
        let mut socket = accept_async_with_config(stream, Some(config)).await.ok()?;
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else { continue };
            match serde_json::from_str(&text) {
                Ok(RunnerUp::Hello(hello)) if hello.session == self.session => {
                    let welcome = RunnerWelcome {
                        protocol: PROTOCOL.max,
                        spec: Arc::clone(&self.spec),
                        thread: self.thread,
                        agent_session_id: None,
                        fork_of: None,
                        recap: None,
                        recap_due: false,
                        next_index: report.next_index(),
                        directives: self.after(hello.last_directive),
                    };
                    send(&mut socket, &RunnerDown::Welcome(Box::new(welcome))).await?;
                }
                Ok(RunnerUp::Hello(_)) => return None,
                Ok(RunnerUp::Batch(batch)) => {
                    for (index, event) in (batch.first_index..).zip(&batch.events) {
                        let EventData { body, .. } = EventData::from_report(event.get());
                        match body {
                            EventBody::Known(event) => report.take(index, event),
                            EventBody::Unknown(_) => report.pass(index),
                        }
                    }
                    send(&mut socket, &RunnerDown::Ack { next_index: report.next_index() }).await?;
                    if leave_when_done && report.verdict() != Verdict::Open {
                        return Some(());
                    }
                }
                Ok(RunnerUp::DirectiveDone { .. }) | Err(_) => {}
            }
        }
        None
    }
}

async fn send(socket: &mut WebSocketStream<UnixStream>, frame: &RunnerDown) -> Option<()> {
    let text = serde_json::to_string(frame).ok()?;
    socket.send(Message::text(text)).await.ok()
}

//! A runner's uplink: batches up, acknowledgements and directives down.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{
        State, WebSocketUpgrade,
        ws::{WebSocket, rejection::WebSocketUpgradeRejection},
    },
    response::Response,
};
use convene_api::{
    problem::Code,
    uplink::{Batch, PROTOCOL, RunnerDown, RunnerHello, RunnerUp, RunnerWelcome},
};
use convene_core::{
    command::Command, event::EventData, rejection::Rejection, session::SessionState, spec::SessionSpec,
};
use convene_engine::{Error, Outcome};
use tokio::time::timeout;
use tracing::Instrument as _;

use super::{
    link::{Down, HELLO_PATIENCE, Link, Over, Up, limits},
    recap::recap,
};
use crate::{
    announced::Seen,
    app::App,
    auth::{self, Caller, Lease, Level, Scope},
    refusal::{Refusal, invalid},
};

/// A runner that does not answer for so long is not reached: it was asked in between.
const QUIET: Duration = Duration::from_secs(20);

/// Opens the uplink.
pub async fn open(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let upgrade = upgrade.map_err(|error| invalid("upgrade", format!("this is a WebSocket: {error}")))?;
    let open = app.sockets.token();
    Ok(limits(upgrade).on_upgrade(move |socket| async move {
        let _over = run(app, caller, socket).await;
        drop(open);
    }))
}

/// A batch on its way through the engine.
type Committing = Pin<Box<dyn Future<Output = Result<Outcome, Error>> + Send>>;

async fn run(app: App, caller: Caller, socket: WebSocket) -> Result<(), Over> {
    let Link { mut up, mut down } = Link::new(socket);
    let hello = match timeout(HELLO_PATIENCE, up.next()).await {
        Ok(text) => match serde_json::from_str(&text?) {
            Ok(RunnerUp::Hello(hello)) => hello,
            Ok(RunnerUp::Batch(_) | RunnerUp::DirectiveDone { .. }) | Err(_) => {
                return fence(&mut down, "no hello").await;
            }
        },
        Err(_) => return Err(Over),
    };
    let fits = match caller.scope {
        Scope::Person(level) => level == Level::Admin,
        Scope::Attempt { session, attempt } => session == hello.session && attempt == hello.attempt,
        Scope::Worker => false,
    };
    if !fits {
        return fence(&mut down, "this token is not of that attempt").await;
    }
    let Some(protocol) = PROTOCOL.common(hello.protocol) else {
        return fence(&mut down, "this runner speaks another protocol").await;
    };
    let session = hello.session;
    let spec = match open_spec(&app, &hello).await {
        Ok(spec) => spec,
        Err(error) => return refused(&mut down, error).await,
    };
    let (attempt, instance, version) = (hello.attempt, hello.instance, hello.version.clone());
    if let Err(error) = app.engine.command(session, Command::Hello { attempt, instance, version }).await {
        return refused(&mut down, error).await;
    }
    let link = app.links_up.runner_up(app.engine.shared(), session);
    let span = tracing::info_span!("runner", session.id = %session, attempt);
    // A token of an attempt needs none: when its attempt ends, its runner is told so.
    let lease = match caller.scope {
        Scope::Attempt { .. } => Box::pin(std::future::pending()),
        Scope::Person(_) | Scope::Worker => auth::lease(&app, caller.shown),
    };
    let result = Conversation { app: &app, hello, link, sent: 0, quiet: false, lease, spec, seen: Seen::default() }
        .talk(protocol, &mut up, &mut down)
        .instrument(span)
        .await;
    app.links_up.runner_down(app.engine.shared(), session, link, app.engine.now());
    result
}

struct Conversation<'a> {
    app: &'a App,
    hello: RunnerHello,
    link: u64,
    /// The number of the last directive that was sent.
    sent: u64,
    /// Whether it does not answer.
    quiet: bool,
    /// Ends with the token.
    lease: Lease,
    /// What is wanted, with its locked values opened: for the welcome and nothing else.
    spec: Arc<SessionSpec>,
    /// What the agent announced, as far as that was looked at.
    seen: Seen,
}

/// The spec with its locked values opened. If they cannot be, an attempt that has not begun is refused, which says so to
/// everybody; one that has begun has them already.
async fn open_spec(app: &App, hello: &RunnerHello) -> Result<Arc<SessionSpec>, Error> {
    let published = app.engine.session(hello.session).await?;
    let mut spec = Arc::clone(&published.state.spec);
    let Err(error) = app.keys.seal.open(hello.session, Arc::make_mut(&mut spec)) else { return Ok(spec) };
    tracing::error!(session.id = %hello.session, error = %error, "a session's locked value does not open");
    let current = published.state.phase.attempt().filter(|a| a.number == hello.attempt);
    if current.is_some_and(|attempt| attempt.instance.is_none()) {
        let detail = format!("{error}: it was locked away with another key than the one in auth/seal");
        let code = Code::SecretMissing.as_str().to_owned();
        app.engine.command(hello.session, Command::Refuse { attempt: hello.attempt, code, detail }).await?;
    }
    Ok(spec)
}

impl Conversation<'_> {
    async fn talk(mut self, protocol: u32, up: &mut Up, down: &mut Down) -> Result<(), Over> {
        let session = self.hello.session;
        let published = match self.app.engine.session(session).await {
            Ok(published) => published,
            Err(error) => return refused(down, error).await,
        };
        let mut news = self.app.engine.shared().feed.follow(published.log);
        self.sent = self.hello.last_directive;
        let directives: Vec<_> = published.state.directives.iter().filter(|d| d.seq > self.sent).cloned().collect();
        self.sent = directives.iter().map(|d| d.seq).fold(self.sent, u64::max);
        down.send(&RunnerDown::Welcome(Box::new(RunnerWelcome {
            protocol,
            spec: Arc::clone(&self.spec),
            thread: published.state.thread,
            agent_session_id: published.state.agent.session_id.clone(),
            fork_of: fork_of(&published.state),
            recap: recap(self.app, &published.state).await,
            recap_due: published.state.agent.recap_due,
            next_index: published.state.next_index,
            directives,
        })))
        .await?;
        // What was committed since the state was read is known to `news` only from here on.
        self.direct(down).await?;
        let closing = self.app.closing.clone();
        let mut committing: Option<Committing> = None;
        loop {
            tokio::select! {
                () = closing.cancelled() => {
                    down.close("unavailable: the server is stopping").await;
                    return Ok(());
                }
                () = &mut self.lease => return fence(down, "the token has ended").await,
                // One batch at a time: until it is committed nothing further is read, which reaches the agent's pipe.
                said = up.next(), if committing.is_none() => {
                    committing = self.take(&said?);
                    self.heard();
                }
                result = async { match &mut committing { Some(batch) => batch.await, None => std::future::pending().await } } => {
                    committing = None;
                    self.acknowledge(down, result).await?;
                }
                changed = news.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    self.direct(down).await?;
                }
                () = down.beat() => {
                    if committing.is_none() {
                        if up.is_dead() {
                            return Err(Over);
                        }
                        self.missed(up.silence());
                    }
                    down.ping(up).await?;
                }
            }
        }
    }

    /// The runner answers.
    fn heard(&mut self) {
        if std::mem::take(&mut self.quiet) {
            self.app.links_up.runner_answers(self.app.engine.shared(), self.hello.session, self.link, None);
        }
    }

    /// The runner has not answered for a while.
    fn missed(&mut self, silence: Duration) {
        if silence < QUIET {
            return self.heard();
        }
        self.quiet = true;
        let since = self.app.engine.now() - silence;
        self.app.links_up.runner_answers(self.app.engine.shared(), self.hello.session, self.link, Some(since));
    }

    fn take(&self, text: &str) -> Option<Committing> {
        match serde_json::from_str(text) {
            Ok(RunnerUp::Batch(batch)) => {
                self.app.links_up.runner_holds(self.hello.session, self.link, batch.spooled);
                let held_us = batch.held_us;
                let (app, session, report) = (self.app.clone(), self.hello.session, self.report(batch));
                app.metrics.batch_came(Duration::from_micros(held_us));
                Some(Box::pin(async move {
                    let came = std::time::Instant::now();
                    let outcome = app.engine.command(session, report).await;
                    app.metrics.batch_committed(came.elapsed());
                    outcome
                }))
            }
            Ok(RunnerUp::DirectiveDone { seq, outcome }) => {
                tracing::debug!(directive = seq, ?outcome, "a directive is done");
                None
            }
            Ok(RunnerUp::Hello(_)) => None,
            Err(error) => {
                // A frame of a newer runner is answered by nothing.
                tracing::debug!(error = %error, "an unknown frame");
                None
            }
        }
    }

    fn report(&self, batch: Batch) -> Command {
        report(self.hello.attempt, self.hello.instance, batch)
    }

    async fn acknowledge(&mut self, down: &mut Down, result: Result<Outcome, Error>) -> Result<(), Over> {
        let next_index = match result {
            Ok(outcome) => match outcome.session.as_deref() {
                Some(state) => {
                    self.note_agent(state).await;
                    state.next_index
                }
                None => return Err(Over),
            },
            // Something was left out: it is said what is missing, and the runner sends from there.
            Err(Error::Rejected(Rejection::IndexGap { expected, .. })) => expected,
            Err(error) => return refused(down, error).await.and(Err(Over)),
        };
        down.send(&RunnerDown::Ack { next_index }).await
    }

    /// Keeps what the agent announced about itself, if it is news.
    async fn note_agent(&mut self, state: &SessionState) {
        let announced = &self.app.announced;
        let Some(said) = announced.news(state, &mut self.seen, self.app.engine.now()) else { return };
        if announced.keep(&state.spec.agent, said).await {
            self.app.workers_changed.send_replace(());
        }
    }

    /// Sends what the runner has not been told, or that it is not wanted any more.
    async fn direct(&mut self, down: &mut Down) -> Result<(), Over> {
        // A session that is not in memory is at rest.
        let published = self.app.engine.shared().session(self.hello.session);
        let Some(published) = published.filter(|published| self.is_current(&published.state)) else {
            return fence(down, "the attempt is over").await.and(Err(Over));
        };
        let new: Vec<_> = published.state.directives.iter().filter(|d| d.seq > self.sent).cloned().collect();
        for directive in new {
            self.sent = directive.seq;
            down.send(&RunnerDown::Directive(directive)).await?;
        }
        Ok(())
    }

    fn is_current(&self, state: &SessionState) -> bool {
        !state.deleted
            && state
                .phase
                .attempt()
                .is_some_and(|a| a.number == self.hello.attempt && a.instance == Some(self.hello.instance))
    }
}

/// The agent's session to fork, as long as there is none of its own, and nothing that one would know nothing of.
fn fork_of(state: &SessionState) -> Option<String> {
    let fork = state.fork.as_ref().filter(|_| state.agent.session_id.is_none() && !state.agent.recap_due)?;
    fork.agent_session_id.clone()
}

/// The command of a batch. An event that cannot be read keeps its place as a note, so that the ones after it keep
/// theirs.
pub fn report(attempt: u32, instance: convene_core::ids::InstanceId, batch: Batch) -> Command {
    let events = batch.events.iter().map(|event| EventData::from_report(event.get())).collect();
    Command::Report { attempt, instance, first_index: batch.first_index, events }
}

/// The engine said no: for good if the attempt is not wanted, for now if the disk is at fault.
async fn refused(down: &mut Down, error: Error) -> Result<(), Over> {
    match error {
        Error::Rejected(_) | Error::SessionNotFound(_) => fence(down, "the attempt is not current").await,
        Error::ThreadNotFound(_)
        | Error::ThreadEmpty(_)
        | Error::IdempotencyConflict
        | Error::Damaged { .. }
        | Error::Store(_)
        | Error::Stopped => {
            tracing::warn!(error = %error, "a runner is sent away for now");
            down.close("unavailable: the batch could not be committed").await;
            Ok(())
        }
    }
}

async fn fence(down: &mut Down, reason: &str) -> Result<(), Over> {
    down.send(&RunnerDown::Fenced { reason: reason.to_owned() }).await?;
    down.close(reason).await;
    Ok(())
}

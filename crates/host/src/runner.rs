//! The process of one attempt: owns the agent's connection, the spool and the uplink.
//!
//! One thread, one loop: `Runner::next_event` waits, `Runner::handle` thinks, and nothing awaits while state changes.
//! Whatever the runner says goes through the `Outbox`, whatever it is told comes as a directive, and both outlive a lost
//! link. The server being away changes nothing for the agent; the keeper dying ends everything at once.

use std::{
    io,
    path::Path,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use convene_api::uplink::{PROTOCOL, RunnerHello};
use convene_core::{content::ConfigOption, ids::InstanceId, spec::SessionSpec};
use thiserror::Error;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    task::{AbortHandle, JoinSet},
    time::Instant,
};
use tracing::Instrument as _;

use crate::{
    acp::{
        connection::{Backlog, Incoming, Peer},
        frame::Read,
    },
    bundle::Bundle,
    keeper::{self, KeeperOptions, RunnerSide, keeper_main},
    launch_spec::RunnerConfig,
    redact::Redactor,
    spool::{self, Spool},
    terminal::{TerminalEvent, Terminals},
    uplink::{Uplink, UplinkEvent},
};

pub(crate) mod agent;
mod bundles;
mod context;
mod directives;
mod ending;
mod environment;
mod files;
mod handshake;
mod hearing;
mod outbox;
mod printed;
mod reading;
mod requests;
mod sign_in;
mod sleep;
mod stderr;
mod tools;
mod trouble;
mod turns;
mod watch;
mod weight;

use agent::Agent;
use context::Context;
use ending::Leaving;
use handshake::Stage;
use hearing::Hearing;
use outbox::Outbox;
use printed::Printed;
use reading::{Noise, Voice};
use requests::Questions;
use sign_in::SignIn;
use turns::{Prompt, Turn};
use watch::Watch;
use weight::Scale;

/// Why a runner could not run at all; it says so on stderr, which is the run directory's log.
#[derive(Debug, Error)]
pub enum Error {
    /// The keeper could not be set up.
    #[error(transparent)]
    Keeper(#[from] keeper::Error),
    /// The configuration cannot be read.
    #[error("the configuration is malformed")]
    Config(#[source] serde_json::Error),
    /// The spool cannot be used.
    #[error(transparent)]
    Spool(#[from] spool::Error),
    /// The system refused.
    #[error("cannot {action}")]
    System {
        /// What was tried.
        action: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Runs an attempt: `convene runner --run-dir <dir>`, with a [`RunnerConfig`] on standard input.
///
/// Must be called before any thread exists. The calling process becomes the keeper and never returns from here; in the
/// child, which is the runner, this returns the exit code.
///
/// # Errors
/// If the attempt could not even begin.
pub fn runner_main(run_dir: &Path) -> Result<u8, Error> {
    let side = keeper_main(run_dir, &KeeperOptions::default())?;
    let config: RunnerConfig = serde_json::from_slice(&side.take_config()?).map_err(Error::Config)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::System { action: "start the runtime", source })?;
    // On this thread for good: the parent-death signals of runner and agent are bound to it.
    // Every line that this process logs says whose it is.
    let attempt = side.attempt();
    let span = tracing::info_span!(
        "attempt",
        session.id = attempt.session,
        attempt = attempt.attempt,
        worker.id = attempt.worker,
        agent = config.agent.name,
    );
    let work = async {
        let mut runner = Runner::new(side, config)?;
        runner.run().await
    };
    runtime.block_on(work.instrument(span))
}

/// Uplink frames that wait for the loop. The server sends an acknowledgement a batch, and directives that people cause;
/// past this, the socket waits.
const UPLINK_EVENTS: usize = 64;
/// Questions and answers of the agent that wait for the loop; past this, the crate waits.
const INCOMING: usize = 64;
/// Chunks of terminal output that wait for the loop, each of 8 KiB at most; past this, the terminal's pipe waits.
const TERMINAL_CHUNKS: usize = 64;
/// How often a system without parent-death signals is asked whether the keeper lives.
const KEEPER_CHECK: Duration = Duration::from_secs(1);

struct Runner {
    side: RunnerSide,
    config: RunnerConfig,
    outbox: Outbox,
    last_directive: Arc<AtomicU64>,
    /// What is wanted, from the first welcome on.
    spec: Option<Arc<SessionSpec>>,
    /// The agent's id of the session from an earlier attempt, as long as it has not been tried.
    earlier_session: Option<String>,
    /// What the agent is told of the conversation if it does not remember.
    context: Context,
    /// When this process began.
    started_at: convene_core::Timestamp,
    /// The crash bundle of the failure that was put down last.
    bundle: Option<Bundle>,
    /// When the attempt's first prompt was handed over, on the clock of the process table.
    first_prompt: Option<u64>,
    stage: Stage,
    /// Until when the stage must be over.
    stage_until: Option<Instant>,
    hearing: Hearing,
    /// When it is said that the agent has not said hello.
    slow_at: Option<Instant>,
    agent: Option<Agent>,
    peer: Option<Peer>,
    /// The agent's connection; aborted, it closes the agent's stdin.
    connection: Option<AbortHandle>,
    /// What the agent has not taken yet.
    backlog: Arc<Backlog>,
    /// Lines for the crate.
    calls: Option<mpsc::Sender<String>>,
    announced: handshake::Announced,
    /// The agent's id of the session.
    session: Option<String>,
    options: Vec<ConfigOption>,
    prompts: std::collections::VecDeque<Prompt>,
    turn: Option<Turn>,
    /// Whether the system prompt still has to be said.
    system_prompt_due: bool,
    sign_in: SignIn,
    questions: Questions,
    terminals: Terminals,
    voice: Voice,
    printed: Printed,
    noise: Noise,
    watch: Watch,
    leaving: Option<Leaving>,
    scale: Scale,
    tasks: JoinSet<()>,
    uplink: mpsc::Receiver<UplinkEvent>,
    incoming: mpsc::Receiver<Incoming>,
    incoming_sender: mpsc::Sender<Incoming>,
    terminal_events: mpsc::Receiver<TerminalEvent>,
    signals: Signals,
    keeper_check: tokio::time::Interval,
    /// The turn that is logged about.
    logged: (Option<convene_core::ids::TurnId>, tracing::Span),
}

struct Signals {
    terminate: Signal,
    child: Signal,
    parent_death: Signal,
}

/// What the loop is woken by.
enum Event {
    Uplink(Option<UplinkEvent>),
    Incoming(Incoming),
    Line(Read),
    Terminal(TerminalEvent),
    Stderr,
    ChildEnded,
    Terminate,
    KeeperGone,
    KeeperCheck,
    Tick,
}

impl Runner {
    fn new(side: RunnerSide, config: RunnerConfig) -> Result<Self, Error> {
        let on = |kind| signal(kind).map_err(|source| Error::System { action: "watch for signals", source });
        let signals = Signals {
            terminate: on(SignalKind::terminate())?,
            child: on(SignalKind::child())?,
            parent_death: on(SignalKind::from_raw(keeper::PARENT_DEATH.as_raw()))?,
        };
        let mut redactor = Redactor::default();
        redactor.register(&config.token);
        redactor.register_configuration(config.agent.env.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let spool = Spool::open(&side.run_dir().spool_path())?;
        let outbox = Outbox::new(spool, config.spool_max, redactor);

        let mut tasks = JoinSet::new();
        let (sender, uplink) = mpsc::channel(UPLINK_EVENTS);
        let last_directive = Arc::new(AtomicU64::new(0));
        let instance = side.attempt().instance.parse().unwrap_or_else(|_| InstanceId::new(new_uuid()));
        let hello = RunnerHello {
            session: config.session,
            attempt: config.attempt,
            instance,
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            last_directive: 0,
        };
        let up = Uplink {
            server: config.server.clone(),
            token: config.token.clone(),
            hello,
            last_directive: Arc::clone(&last_directive),
        };
        tasks.spawn(up.serve(sender));
        let (incoming_sender, incoming) = mpsc::channel(INCOMING);
        let (terminal_sender, terminal_events) = mpsc::channel(TERMINAL_CHUNKS);
        Ok(Self {
            side,
            config,
            outbox,
            last_directive,
            spec: None,
            earlier_session: None,
            context: Context::default(),
            started_at: keeper::now(),
            bundle: None,
            first_prompt: None,
            stage: Stage::Waiting,
            stage_until: None,
            hearing: Hearing::default(),
            slow_at: None,
            agent: None,
            peer: None,
            connection: None,
            backlog: Arc::default(),
            calls: None,
            announced: handshake::Announced::default(),
            session: None,
            options: Vec::new(),
            prompts: std::collections::VecDeque::new(),
            turn: None,
            system_prompt_due: false,
            sign_in: SignIn::default(),
            questions: Questions::default(),
            terminals: Terminals::new(terminal_sender),
            voice: Voice::default(),
            printed: Printed::default(),
            noise: Noise::default(),
            watch: Watch::default(),
            leaving: None,
            scale: Scale::default(),
            tasks,
            uplink,
            incoming,
            incoming_sender,
            terminal_events,
            signals,
            keeper_check: tokio::time::interval(KEEPER_CHECK),
            logged: (None, tracing::Span::none()),
        })
    }

    /// Runs until the attempt is over; returns the exit code.
    async fn run(&mut self) -> Result<u8, Error> {
        loop {
            let event = self.next_event().await;
            let now = Instant::now();
            // The timer comes last: then there was nothing else.
            let heard_all = matches!(event, Event::Tick) && self.is_agent_read();
            let done = self.turn_span().in_scope(|| {
                self.handle(event, now)?;
                self.on_time(heard_all, now);
                self.outbox.flush(now);
                Ok::<_, Error>(self.may_leave(now).then(|| self.leave()))
            })?;
            if let Some(code) = done {
                return Ok(code);
            }
        }
    }

    /// What is logged belongs to the turn that runs.
    fn turn_span(&mut self) -> tracing::Span {
        let turn = self.turn_id();
        if self.logged.0 != turn {
            let span = turn.map_or_else(tracing::Span::none, |turn| tracing::info_span!("turn", turn.id = %turn));
            self.logged = (turn, span);
        }
        self.logged.1.clone()
    }

    async fn next_event(&mut self) -> Event {
        let deadline = self.deadline();
        let reads = self.is_agent_read();
        let Self { agent, backlog, calls, uplink, incoming, terminal_events, signals, keeper_check, .. } = self;
        let from_agent = async {
            let Some(agent) = agent else { return std::future::pending().await };
            let (stderr, lines) = (agent.stderr.as_ref(), &mut agent.lines);
            let line = async {
                if !reads {
                    std::future::pending::<()>().await;
                }
                backlog.is_short().await;
                // The line may be one for the crate: there must be room for it first.
                if let Some(calls) = calls {
                    let _ = calls.reserve().await;
                }
                lines.next().await
            };
            tokio::select! {
                biased;
                () = agent::readable(stderr) => Event::Stderr,
                line = line => Event::Line(line),
            }
        };
        // What was said before comes first: answers and questions before the lines that came after them.
        tokio::select! {
            biased;
            _ = signals.parent_death.recv() => Event::KeeperGone,
            _ = signals.child.recv() => Event::ChildEnded,
            _ = signals.terminate.recv() => Event::Terminate,
            event = uplink.recv(), if !uplink.is_closed() || !uplink.is_empty() => Event::Uplink(event),
            Some(event) = incoming.recv() => Event::Incoming(event),
            Some(event) = terminal_events.recv() => Event::Terminal(event),
            event = from_agent => event,
            () = tokio::time::sleep_until(deadline) => Event::Tick,
            // Linux tells by itself, and an idle runner should not wake.
            _ = keeper_check.tick(), if cfg!(not(target_os = "linux")) => Event::KeeperCheck,
        }
    }

    fn handle(&mut self, event: Event, now: Instant) -> Result<(), Error> {
        match event {
            Event::Uplink(Some(event)) => self.on_uplink(event, now)?,
            Event::Uplink(None) | Event::Tick => {}
            Event::Incoming(incoming) => self.on_incoming(incoming, now),
            Event::Line(read) => self.on_read(read, now),
            Event::Terminal(event) => self.terminals.on_event(event),
            Event::Stderr => {
                if let Some(agent) = &mut self.agent {
                    agent.read_stderr(&self.outbox.redactor);
                }
            }
            Event::ChildEnded => self.reap(now),
            Event::Terminate => self.on_terminate(now),
            Event::KeeperGone => self.side.reap_and_go(self.agent_pid()),
            Event::KeeperCheck => {
                if self.side.is_keeper_gone() {
                    self.side.reap_and_go(self.agent_pid());
                }
            }
        }
        Ok(())
    }

    /// Whether the agent may say more.
    fn is_agent_read(&self) -> bool {
        !self.outbox.is_full() || self.agent.as_ref().is_some_and(Agent::has_left_words)
    }

    fn agent_pid(&self) -> Option<i32> {
        self.agent.as_ref().filter(|agent| agent.exit.is_none()).map(|agent| agent.pid)
    }

    fn turn_id(&self) -> Option<convene_core::ids::TurnId> {
        self.turn.as_ref().map(|turn| turn.id)
    }

    fn emit(&mut self, event: convene_core::event::KnownEvent) {
        let turn = self.turn_id();
        self.outbox.emit(turn, event);
    }
}

/// A fresh id. The runner is the edge: clock and randomness begin here.
pub(crate) fn new_uuid() -> uuid::Uuid {
    uuid::Uuid::now_v7()
}

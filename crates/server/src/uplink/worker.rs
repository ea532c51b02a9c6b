//! A worker's uplink: orders down; what it took, refused, found dead and delivered up.

mod deliveries;

use std::{
    collections::{HashMap, HashSet},
    pin::pin,
    task::Poll,
    time::Duration,
};

use axum::{
    Extension,
    extract::{
        ConnectInfo, State, WebSocketUpgrade,
        ws::{WebSocket, rejection::WebSocketUpgradeRejection},
    },
    response::Response,
};
use convene_api::{
    body::{AuditActor, AuditPeer},
    problem::Code,
    uplink::{Answer, HeldAttempt, PROTOCOL, StartAttempt, WorkerDown, WorkerHello, WorkerUp},
};
use convene_core::{
    command::Command,
    dispatch::WorkerStatus,
    event::StopMode,
    failure::AttemptExit,
    ids::{SessionId, WorkerName},
    session::Phase,
};
use convene_engine::{Error, NoRoom, Registered, WorkerOrder, WorkerRecord, storage::Reader as _};
use futures_util::poll;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use tracing::Instrument as _;

use super::{
    ask::Asked,
    link::{Down, HELLO_PATIENCE, Link, Over, Up, limits},
};
use crate::{
    app::App,
    audit::{self, Line},
    auth::{self, CalledFrom, Caller, Scope},
    listen::Peer,
    refusal::{Refusal, invalid},
};

/// How often orders are looked at without a nudge: some are due by the clock.
const LOOK: Duration = Duration::from_millis(500);

/// How long an order that was sent is not sent again.
const PERIOD: Duration = Duration::from_secs(2);

/// Sessions that a worker may ask about at once.
const LEFTOVERS: usize = 1000;

/// How often a worker is asked whether it is there. There is one for each machine, and all of its sessions are in doubt
/// while it does not answer.
const BEAT: Duration = Duration::from_secs(2);

/// A worker that does not answer for so long is not reached.
const QUIET: Duration = Duration::from_secs(3);

/// Opens the uplink.
pub async fn open(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Extension(CalledFrom(from)): Extension<CalledFrom>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    if matches!(caller.scope, Scope::Attempt { .. }) {
        return Err(caller.denied("a token of a worker").into());
    }
    let upgrade = upgrade.map_err(|error| invalid("upgrade", format!("this is a WebSocket: {error}")))?;
    let open = app.sockets.token();
    Ok(limits(upgrade).on_upgrade(move |socket| async move {
        let guest = Guest { peer: audit::peer(peer, from), actor: audit::actor(Some(&caller)) };
        let _over = run(app, caller, &guest, socket).await;
        drop(open);
    }))
}

/// Who it is that connects, for the audit log.
struct Guest {
    peer: AuditPeer,
    actor: AuditActor,
}

impl Guest {
    /// Turns a worker away that a token let in, and puts it down; one that comes again and again once in a while.
    async fn reject(&self, app: &App, down: &mut Down, code: Code, reason: &str) -> Result<(), Over> {
        let line = Line {
            at: app.engine.now(),
            actor: self.actor.clone(),
            peer: self.peer.clone(),
            asked: ("uplink.worker.connect".to_owned(), None),
            status: code.http_status().unwrap_or(400),
            code: Some(code.as_str()),
            command: None,
        };
        app.audit.put_sometimes(line);
        reject(down, code, reason).await
    }
}

async fn run(app: App, caller: Caller, guest: &Guest, socket: WebSocket) -> Result<(), Over> {
    let Link { mut up, mut down } = Link::with_beat(socket, BEAT);
    let hello = match timeout(HELLO_PATIENCE, up.next()).await {
        Ok(text) => match serde_json::from_str(&text?) {
            Ok(WorkerUp::Hello(hello)) => hello,
            Ok(
                WorkerUp::Taken { .. }
                | WorkerUp::Refused { .. }
                | WorkerUp::Tail { .. }
                | WorkerUp::Ended { .. }
                | WorkerUp::Agents { .. }
                | WorkerUp::Memory { .. }
                | WorkerUp::Leftovers { .. }
                | WorkerUp::Answer { .. },
            )
            | Err(_) => {
                return guest.reject(&app, &mut down, Code::InvalidRequest, "the first frame is a hello").await;
            }
        },
        Err(_) => return Err(Over),
    };
    let Some(protocol) = PROTOCOL.common(hello.protocol) else {
        return guest.reject(&app, &mut down, Code::ProtocolUnsupported, "this worker speaks another protocol").await;
    };
    let left_over = left_over(&app, &hello);
    if app.engine.workers().register_with(record(&app, &hello), left_over) == Registered::NameTaken {
        let reason = format!("another worker is connected as {}", hello.name);
        return guest.reject(&app, &mut down, Code::WrongState, &reason).await;
    }
    let name = hello.name.clone();
    let instance = hello.instance;
    let link = app.links_up.worker_up(&name);
    let asked = app.asks.open(&name, link);
    // From here on it can be asked.
    app.workers_changed.send_replace(());
    tracing::info!(worker.id = %name, seats = hello.seats, held = hello.held.len(), "a worker is connected");
    let mut conversation = Conversation {
        app: &app,
        caller,
        name: name.clone(),
        link,
        sent: HashMap::new(),
        asked,
        open: HashMap::new(),
        last_question: 0,
        unread: HashSet::new(),
        damaged: HashSet::new(),
    };
    let span = tracing::info_span!("worker", worker.id = %name);
    let result = conversation.talk(protocol, &hello.held, &mut up, &mut down).instrument(span).await;
    app.asks.close(&name, link);
    // A worker that redialed before this was noticed is connected all the same.
    if app.links_up.is_newest(&name, link) {
        app.engine.workers().disconnect(&name, instance, app.engine.now());
        app.workers_changed.send_replace(());
        tracing::info!(worker.id = %name, "a worker is gone");
    }
    result
}

/// Attempts that it has and that are not wanted of it.
fn left_over(app: &App, hello: &WorkerHello) -> HashSet<(SessionId, u32)> {
    let held = hello.held.iter().map(|held| (held.session, held.attempt));
    held.filter(|(session, attempt)| !is_wanted(app, &hello.name, *session, *attempt)).collect()
}

/// Whether an attempt is its session's current one, and no other worker has it.
fn is_wanted(app: &App, name: &WorkerName, session: SessionId, attempt: u32) -> bool {
    app.is_current(session, attempt) && !is_of_another(app, name, session, attempt)
}

/// Whether another worker has the session's current attempt, and it has this number.
fn is_of_another(app: &App, name: &WorkerName, session: SessionId, attempt: u32) -> bool {
    let published = app.engine.shared().session(session);
    let current = published.as_ref().and_then(|published| published.state.phase.attempt());
    current.is_some_and(|a| a.number == attempt && app.engine.workers().is_of_another(name, a))
}

fn record(app: &App, hello: &WorkerHello) -> WorkerRecord {
    WorkerRecord {
        instance: hello.instance,
        version: hello.version.clone(),
        status: WorkerStatus {
            name: hello.name.clone(),
            connected: true,
            seats: hello.seats,
            labels: hello.labels.clone(),
            agents: hello.agents.clone(),
        },
        roots: hello.roots.clone(),
        last_seen_at: app.engine.now(),
        quiet_since: None,
    }
}

struct Conversation<'a> {
    app: &'a App,
    caller: Caller,
    name: WorkerName,
    link: u64,
    /// When an order was sent last; mode tells a patient end from an impatient one.
    sent: HashMap<(SessionId, u32, Order), Instant>,
    /// What is to be asked.
    asked: mpsc::Receiver<Asked>,
    /// Questions without an answer, by number. They go with the link; their requests are told.
    open: HashMap<u64, oneshot::Sender<Answer>>,
    last_question: u64,
    /// Attempts whose spools were not read on because nothing could be written.
    unread: HashSet<(SessionId, u32)>,
    /// Attempts of sessions whose logs are damaged: what their worker has of them is not taken until they are repaired.
    damaged: HashSet<(SessionId, u32)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Order {
    Start,
    End { now: bool },
}

impl Conversation<'_> {
    async fn talk(&mut self, protocol: u32, held: &[HeldAttempt], up: &mut Up, down: &mut Down) -> Result<(), Over> {
        let app = self.app.clone();
        down.send(&WorkerDown::Welcome { protocol }).await?;
        self.compare(held, down).await?;
        let mut placed = app.engine.shared().placed.subscribe();
        // There is a seat that was not there before.
        app.engine.shared().dispatch.notify_one();
        let mut room = app.engine.shared().follow_room();
        let mut lease = auth::lease(&app, self.caller.shown);
        let mut period = interval(LOOK);
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = app.closing.cancelled() => {
                    down.close("unavailable: the server is stopping").await;
                    return Ok(());
                }
                () = &mut lease => return reject(down, Code::TokenInvalid, "the token has ended").await,
                said = up.next() => self.take(&said?, down).await?,
                changed = placed.changed() => {
                    changed.map_err(|_stopped| Over)?;
                    self.order(down).await?;
                }
                () = has_room(&mut room), if !self.unread.is_empty() => self.read_on(down).await?,
                Some(asked) = self.asked.recv() => self.ask(asked, down).await?,
                _ = period.tick() => {
                    if !app.links_up.is_newest(&self.name, self.link) {
                        return Err(Over);
                    }
                    self.order(down).await?;
                    self.look_after_damaged(down).await?;
                }
                () = down.beat() => {
                    // What has come is read before anybody is thought to be silent: a commit that took long is not the
                    // worker's fault.
                    if let Poll::Ready(said) = poll!(pin!(up.next())) {
                        self.take(&said?, down).await?;
                    }
                    if up.is_dead() {
                        return Err(Over);
                    }
                    let quiet = Some(up.silence()).filter(|silence| *silence >= QUIET);
                    app.engine.workers().quiet(&self.name, quiet.map(|silence| app.engine.now() - silence));
                    down.ping(up).await?;
                }
            }
        }
    }

    /// Compares what the worker has with what it should have.
    async fn compare(&self, held: &[HeldAttempt], down: &mut Down) -> Result<(), Over> {
        let shared = self.app.engine.shared();
        let held: HashSet<(SessionId, u32)> = held.iter().map(|h| (h.session, h.attempt)).collect();
        for (session, attempt) in &held {
            if is_wanted(self.app, &self.name, *session, *attempt) {
                self.app.engine.workers().taken(*session, *attempt);
            } else {
                let (session, attempt) = (*session, *attempt);
                down.send(&WorkerDown::EndAttempt { session, attempt, mode: StopMode::Now }).await?;
            }
        }
        let mine = shared.sessions_where(|s| s.phase.attempt().is_some_and(|a| a.worker == self.name));
        for published in mine {
            let state = &published.state;
            let Some(attempt) = state.phase.attempt().filter(|a| !held.contains(&(state.id, a.number))) else {
                continue;
            };
            // It may have been taken by a worker that did not live to make its run directory: ordered again.
            self.app.engine.workers().ended(state.id, attempt.number);
            let stopping = matches!(state.phase, Phase::Stopping { .. });
            if attempt.instance.is_none() && !stopping {
                continue;
            }
            // Its worker knows nothing of it. If it ever ran, nobody can say what is left of it.
            let exit = AttemptExit {
                by: "server".to_owned(),
                verified: attempt.instance.is_none(),
                detail: format!("worker {} came back without it", self.name),
                ..AttemptExit::default()
            };
            let command = Command::EndAttempt { attempt: attempt.number, exit };
            match self.app.engine.command(state.id, command).await {
                Ok(_) | Err(Error::Rejected(_) | Error::SessionNotFound(_) | Error::Damaged { .. }) => {}
                Err(error) => {
                    tracing::warn!(session.id = %state.id, error = %error, "cannot end a lost attempt");
                    return Err(Over);
                }
            }
        }
        Ok(())
    }

    /// Sends what is to be done. Level-triggered: an order that was lost comes again.
    async fn order(&mut self, down: &mut Down) -> Result<(), Over> {
        let now = Instant::now();
        self.sent.retain(|_, at| now.duration_since(*at) < PERIOD * 5);
        let orders = self.app.engine.workers().orders(&self.name, self.app.engine.shared(), self.app.engine.now());
        for order in orders {
            let (key, frame) = match order {
                WorkerOrder::Start { session, thread, attempt, agent, cwd, worktree, workspace } => {
                    let token = self.app.keys.attempt_token(session, attempt, self.app.engine.shared().epoch);
                    let start = StartAttempt { session, thread, attempt, agent, cwd, worktree, workspace, token };
                    ((session, attempt, Order::Start), WorkerDown::StartAttempt(start))
                }
                WorkerOrder::End { session, attempt, mode } => {
                    let key = (session, attempt, Order::End { now: mode == StopMode::Now });
                    (key, WorkerDown::EndAttempt { session, attempt, mode })
                }
            };
            // Almost the period, so that a tick that comes a little early does not leave it out.
            if self.sent.get(&key).is_some_and(|at| now.duration_since(*at) < PERIOD * 9 / 10) {
                continue;
            }
            self.sent.insert(key, now);
            down.send(&frame).await?;
        }
        Ok(())
    }

    async fn ask(&mut self, asked: Asked, down: &mut Down) -> Result<(), Over> {
        // Requests that gave up are not waited for.
        self.open.retain(|_, answer| !answer.is_closed());
        self.last_question += 1;
        let id = self.last_question;
        self.open.insert(id, asked.answer);
        down.send(&WorkerDown::Ask { id, question: asked.question }).await
    }

    async fn take(&mut self, text: &str, down: &mut Down) -> Result<(), Over> {
        let engine = &self.app.engine;
        engine.workers().seen(&self.name, engine.now());
        match serde_json::from_str(text) {
            Ok(WorkerUp::Taken { session, attempt }) => {
                engine.workers().taken(session, attempt);
                Ok(())
            }
            // What has this number in the log is not what ended here.
            Ok(WorkerUp::Refused { session, attempt, .. } | WorkerUp::Ended { session, attempt, .. })
                if is_of_another(self.app, &self.name, session, attempt) =>
            {
                engine.workers().ended(session, attempt);
                down.send(&WorkerDown::EndedAck { session, attempt }).await
            }
            Ok(WorkerUp::Refused { session, attempt, code, detail }) => {
                engine.workers().ended(session, attempt);
                let refused = engine.command(session, Command::Refuse { attempt, code, detail }).await;
                // One whose log is damaged has no attempt that could be refused.
                self.settled((session, attempt), refused.map(drop)).map(drop)
            }
            Ok(WorkerUp::Tail { session, attempt, instance, batch }) => {
                self.tail(down, (session, attempt), instance, batch).await
            }
            Ok(WorkerUp::Ended { session, attempt, exit }) => {
                let ended = engine.command(session, Command::EndAttempt { attempt, exit }).await;
                if !self.settled((session, attempt), ended.map(drop))? {
                    return Ok(());
                }
                self.app.engine.workers().ended(session, attempt);
                down.send(&WorkerDown::EndedAck { session, attempt }).await
            }
            Ok(WorkerUp::Agents { agents }) => {
                engine.workers().set_agents(&self.name, agents);
                self.app.workers_changed.send_replace(());
                engine.shared().dispatch.notify_one();
                Ok(())
            }
            Ok(WorkerUp::Memory { attempts }) => {
                let held = attempts.into_iter().map(|held| ((held.session, held.attempt), held.bytes)).collect();
                engine.workers().set_memory(&self.name, held);
                Ok(())
            }
            Ok(WorkerUp::Leftovers { sessions }) => self.forget(sessions, down).await,
            Ok(WorkerUp::Answer { id, answer }) => {
                if let Some(waiting) = self.open.remove(&id) {
                    // The request may have given up just now.
                    let _ = waiting.send(answer);
                }
                Ok(())
            }
            Ok(WorkerUp::Hello(_)) => Ok(()),
            Err(error) => {
                // A frame of a newer worker is answered by nothing.
                tracing::debug!(error = %error, "an unknown frame");
                Ok(())
            }
        }
    }

    /// Says which of these sessions are gone. One that nobody knows is not: it may be in a backup.
    async fn forget(&self, sessions: Vec<SessionId>, down: &mut Down) -> Result<(), Over> {
        let gone = self.app.engine.query(move |reader| {
            let mut gone = Vec::new();
            for session in sessions.into_iter().take(LEFTOVERS) {
                if reader.session(session)?.is_some_and(|row| row.deleted) {
                    gone.push(session);
                }
            }
            Ok(gone)
        });
        match gone.await {
            Ok(sessions) if sessions.is_empty() => Ok(()),
            Ok(sessions) => down.send(&WorkerDown::Forget { sessions }).await,
            // It is asked again.
            Err(error) => {
                tracing::debug!(error = %error, "cannot look up what is left of sessions");
                Ok(())
            }
        }
    }
}

/// Waits until something can be written.
async fn has_room(room: &mut watch::Receiver<Option<NoRoom>>) {
    // The engine is gone if this fails, and then the link ends.
    let _ = room.wait_for(Option::is_none).await;
}

async fn reject(down: &mut Down, code: Code, reason: &str) -> Result<(), Over> {
    tracing::warn!(reason, "a worker is not wanted");
    let (code, reason) = (code.as_str().to_owned(), reason.to_owned());
    down.send(&WorkerDown::Rejected { code, reason }).await?;
    down.close("rejected").await;
    Ok(())
}

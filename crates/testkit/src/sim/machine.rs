//! A machine in the simulator: its worker, and per attempt a run directory, a runner and an agent.
//!
//! What is on the disk of a machine (run directories, the marker, the spool up to what a power cut takes) outlives its
//! processes; the worker delivers what a dead runner left behind, and only then says that the attempt is over.

use std::collections::{BTreeMap, HashSet, VecDeque};

use convene_core::{
    command::Command,
    content::{Channel, ContentBlock, PermissionKind, PermissionOption, Role, ToolCall, ToolStatus},
    directive::Order,
    dispatch::{DetectedAgent, WorkerStatus},
    event::{EventData, KnownEvent, SessionOpening, StopMode},
    failure::{AttemptExit, Failure, FailureKind, ProcessExit, StopReason},
    ids::{InstanceId, MessageId, PermissionId, SessionId, TurnId, WorkerName},
    rejection::Rejection,
};
use convene_engine::{Done, Env, Error, Registered, WorkerOrder, WorkerRecord};

use super::{
    logs::Truth,
    net::{Net, Sender},
    rng::Rng,
    server::{Disk, Up},
};

/// What an actor sees of the world while it takes a step.
pub(super) struct Around<'a, D: Disk> {
    pub(super) rng: &'a mut Rng,
    pub(super) truth: &'a mut Truth,
    pub(super) net: &'a mut Net,
    pub(super) up: Option<&'a Up<D>>,
    pub(super) env: &'a Env,
    /// Nothing goes wrong any more.
    pub(super) calm: bool,
}

impl<D: Disk> Around<'_, D> {
    /// Something bad happens, so many times in a hundred.
    fn bad_luck(&mut self, percent: usize) -> bool {
        !self.calm && self.rng.percent(percent)
    }
}

pub(super) struct Machine {
    pub(super) name: WorkerName,
    instance: InstanceId,
    /// The worker runs.
    up: bool,
    /// Its uplink is up.
    connected: bool,
    /// Orders that are on their way to it.
    inbox: Vec<WorkerOrder>,
    pub(super) dirs: BTreeMap<(SessionId, u32), RunDir>,
    seats: u32,
}

pub(super) struct RunDir {
    pub(super) instance: InstanceId,
    /// The spool has no more than this: the power was cut.
    cut: Option<usize>,
    marker: Option<TurnId>,
    pub(super) exit: Option<AttemptExit>,
    pub(super) runner: Option<Runner>,
    /// The worker's word about it is on its way.
    in_flight: bool,
    tail_done: bool,
    /// The runner has begun to talk, so it is on the disk.
    touched: bool,
}

pub(super) struct Runner {
    link: Link,
    acked: usize,
    in_flight: bool,
    last_directive: u64,
    agent: Agent,
    /// The prompt that the agent could not take yet.
    next: VecDeque<TurnId>,
    seen: HashSet<TurnId>,
    cancelled: HashSet<TurnId>,
    stopping: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    Down,
    Saying,
    Up,
}

enum Agent {
    Off,
    Ready,
    Turn { turn: TurnId, left: usize, asked: Option<PermissionId> },
    Gone,
}

impl Machine {
    pub(super) fn new(name: &str, seats: u32, env: &Env) -> Self {
        let instance = InstanceId::new(env.ids.uuid());
        let (name, inbox, dirs) = (WorkerName::new(name), Vec::new(), BTreeMap::new());
        Self { name, instance, up: true, connected: false, inbox, dirs, seats }
    }

    /// The server is gone, and every link to it.
    pub(super) fn links_down(&mut self) {
        self.connected = false;
        self.inbox.clear();
        for dir in self.dirs.values_mut() {
            dir.in_flight = false;
            if let Some(runner) = &mut dir.runner {
                runner.link = Link::Down;
                runner.in_flight = false;
            }
        }
    }

    pub(super) fn heal(&mut self) {
        self.up = true;
        self.seats = 1000;
        self.connected = false;
    }

    /// Something happens to it that nobody planned.
    pub(super) fn suffer<D: Disk>(&mut self, around: &mut Around<'_, D>) {
        match around.rng.below(10) {
            // The worker's process dies; its runners go on.
            0 => self.worker_dies(around),
            // The worker's link breaks.
            1 => self.disconnect(around),
            // The power is cut.
            2 => {
                self.worker_dies(around);
                for (key, dir) in &mut self.dirs {
                    dir.power_cut(*key, around);
                }
                // A directory that was just made may not be there after it.
                self.dirs.retain(|_, dir| dir.touched || around.calm);
            }
            // A runner's link breaks.
            3..=5 => {
                let place = around.rng.below(self.dirs.len());
                if let Some(runner) = self.dirs.values_mut().nth(place).and_then(|dir| dir.runner.as_mut()) {
                    runner.link = Link::Down;
                    runner.in_flight = false;
                }
            }
            // A second runner of an attempt that has one: it may come first, and then it is the one.
            6 => {
                let place = around.rng.below(self.dirs.len());
                if let Some((key, _)) = self.dirs.iter().nth(place) {
                    second_runner(*key, around);
                }
            }
            // A runner is killed.
            _ => {
                let place = around.rng.below(self.dirs.len());
                if let Some(dir) = self.dirs.values_mut().nth(place) {
                    dir.kill("keeper");
                }
            }
        }
    }

    fn worker_dies<D: Disk>(&mut self, around: &Around<'_, D>) {
        self.disconnect(around);
        self.up = false;
    }

    fn disconnect<D: Disk>(&mut self, around: &Around<'_, D>) {
        if let (true, Some(up)) = (self.connected, around.up) {
            up.workers.disconnect(&self.name, self.instance, around.env.clock.now());
        }
        self.connected = false;
        self.inbox.clear();
        for dir in self.dirs.values_mut() {
            dir.in_flight = false;
        }
    }

    /// The worker and its runners do something, each or not.
    pub(super) fn step<D: Disk>(&mut self, around: &mut Around<'_, D>) -> Result<(), String> {
        if around.calm || around.rng.percent(60) {
            self.step_worker(around);
        }
        for (key, dir) in &mut self.dirs {
            if around.calm || around.rng.percent(50) {
                dir.step(*key, around)?;
            }
        }
        Ok(())
    }

    fn step_worker<D: Disk>(&mut self, around: &mut Around<'_, D>) {
        if !self.up {
            if around.calm || around.rng.percent(30) {
                self.up = true;
                self.instance = InstanceId::new(around.env.ids.uuid());
            }
            return;
        }
        let Some(up) = around.up else { return };
        let now = around.env.clock.now();
        if !self.connected {
            if up.workers.register(self.record(now)) != Registered::Yes {
                return;
            }
            self.connected = true;
            self.compare(up, around.net);
        }
        if around.rng.percent(50) {
            self.inbox.extend(up.workers.orders(&self.name, &up.shared, now));
        }
        for order in std::mem::take(&mut self.inbox) {
            if around.bad_luck(10) {
                continue;
            }
            if around.bad_luck(20) {
                self.inbox.push(order);
                continue;
            }
            self.obey(order, around);
        }
        for (key, dir) in &mut self.dirs {
            dir.deliver(*key, &self.name, around);
        }
        // What is told and acknowledged may go.
        self.dirs.retain(|_, dir| !(dir.tail_done && dir.exit.is_none() && dir.runner.is_none()));
    }

    /// What the server does with a worker's hello: what it should have and has not is ordered again, or over.
    fn compare<D: Disk>(&self, up: &Up<D>, net: &mut Net) {
        for published in up.shared.sessions_where(|s| s.phase.attempt().is_some_and(|a| a.worker == self.name)) {
            let session = published.state.id;
            let Some(attempt) = published.state.phase.attempt() else { continue };
            if self.dirs.contains_key(&(session, attempt.number)) {
                up.workers.taken(session, attempt.number);
                continue;
            }
            up.workers.ended(session, attempt.number);
            if attempt.instance.is_some() {
                let exit = AttemptExit { by: "server".to_owned(), ..AttemptExit::default() };
                net.say(Sender::Nobody, session, Command::EndAttempt { attempt: attempt.number, exit });
            }
        }
    }

    fn record(&self, now: convene_core::Timestamp) -> WorkerRecord {
        let agent = DetectedAgent {
            name: "builtin".to_owned(),
            installed: true,
            version: None,
            starts_with: "built in".to_owned(),
        };
        WorkerRecord {
            instance: self.instance,
            version: "0".to_owned(),
            status: WorkerStatus {
                name: self.name.clone(),
                connected: true,
                seats: self.seats,
                labels: BTreeMap::new(),
                agents: vec![agent],
            },
            roots: Vec::new(),
            last_seen_at: now,
        }
    }

    fn obey<D: Disk>(&mut self, order: WorkerOrder, around: &mut Around<'_, D>) {
        match order {
            WorkerOrder::Start { session, attempt, .. } => {
                let key = (session, attempt);
                if !self.dirs.contains_key(&key) && around.bad_luck(4) {
                    let (code, detail) = ("agent_not_installed".to_owned(), "it is gone".to_owned());
                    around.net.say(Sender::Nobody, session, Command::Refuse { attempt, code, detail });
                    return;
                }
                self.dirs.entry(key).or_insert_with(|| RunDir::new(InstanceId::new(around.env.ids.uuid())));
                if let (Some(up), false) = (around.up, around.bad_luck(20)) {
                    up.workers.taken(session, attempt);
                }
            }
            WorkerOrder::End { session, attempt, mode } => match self.dirs.get_mut(&(session, attempt)) {
                Some(dir) if mode == StopMode::Now || dir.runner.as_ref().is_some_and(|r| r.link != Link::Up) => {
                    dir.kill("worker");
                }
                Some(_) => {}
                None => {
                    let exit = AttemptExit { by: "worker".to_owned(), verified: true, ..AttemptExit::default() };
                    around.net.say(Sender::Nobody, session, Command::EndAttempt { attempt, exit });
                }
            },
        }
    }

    /// An answer to what the worker said about a run directory.
    pub(super) fn told(&mut self, key: (SessionId, u32), ended: bool, answer: &Result<Done, Error>, spooled: usize) {
        let Some(dir) = self.dirs.get_mut(&key) else { return };
        dir.in_flight = false;
        let fenced = match answer {
            Err(Error::Rejected(Rejection::Fenced { .. }) | Error::SessionNotFound(_)) => true,
            Ok(_) => false,
            Err(_) => return,
        };
        if ended {
            (dir.exit, dir.tail_done) = (None, true);
        } else if fenced {
            dir.tail_done = true;
        } else if let Ok(Done::Fresh(outcome)) = answer {
            let taken = outcome.session.as_ref().map_or(0, |s| usize::try_from(s.next_index).unwrap_or(0));
            dir.tail_done = taken >= spooled.min(dir.cut.unwrap_or(usize::MAX));
        }
    }
}

/// Says hello and reports, as if nobody else did, and is never heard again.
fn second_runner<D: Disk>((session, attempt): (SessionId, u32), around: &mut Around<'_, D>) {
    let instance = InstanceId::new(around.env.ids.uuid());
    let (code, detail) = ("second".to_owned(), instance.to_string());
    let said = EventData::new(KnownEvent::AgentDiagnostic { code, detail });
    let next = around.up.and_then(|up| up.shared.session(session)).map_or(0, |p| p.state.next_index);
    around.truth.spooled.insert((session, attempt, instance), vec![said.clone()]);
    let hello = Command::Hello { attempt, instance, version: "0".to_owned() };
    around.net.say(Sender::Nobody, session, hello);
    for first_index in [0, next] {
        let report = Command::Report { attempt, instance, first_index, events: vec![said.clone()] };
        around.net.say(Sender::Nobody, session, report);
    }
}

impl RunDir {
    fn new(instance: InstanceId) -> Self {
        let runner = Runner {
            link: Link::Down,
            acked: 0,
            in_flight: false,
            last_directive: 0,
            agent: Agent::Off,
            next: VecDeque::new(),
            seen: HashSet::new(),
            cancelled: HashSet::new(),
            stopping: false,
        };
        Self {
            instance,
            cut: None,
            marker: None,
            exit: None,
            runner: Some(runner),
            in_flight: false,
            tail_done: false,
            touched: false,
        }
    }

    /// Runner, agent and all that they started are dead, and there is proof.
    fn kill(&mut self, by: &str) {
        if self.runner.take().is_some() {
            self.exit = Some(AttemptExit {
                by: by.to_owned(),
                runner: Some(ProcessExit { code: None, signal: Some(9) }),
                agent: None,
                verified: true,
                survivors: 0,
                handed_over: self.marker,
                detail: String::new(),
            });
        }
    }

    fn power_cut<D: Disk>(&mut self, key: (SessionId, u32), around: &mut Around<'_, D>) {
        let spooled = around.truth.spooled.get(&(key.0, key.1, self.instance)).map_or(0, Vec::len);
        if let Some(runner) = &self.runner {
            // What was acknowledged is in the log, so it does not matter here.
            self.cut = Some(runner.acked + around.rng.below(spooled.saturating_sub(runner.acked) + 1));
        }
        self.kill("worker");
    }

    /// The worker tells of a dead runner: first what it left, then that it is over.
    fn deliver<D: Disk>(&mut self, key: (SessionId, u32), machine: &WorkerName, around: &mut Around<'_, D>) {
        let (session, attempt) = key;
        // The answer may be lost.
        self.in_flight &= !around.rng.percent(10);
        if self.runner.is_some() || self.in_flight || (self.exit.is_none() && self.tail_done) {
            return;
        }
        let Some(exit) = self.exit.clone() else { return };
        let mut tail = Vec::new();
        if !self.tail_done {
            let spool = around.truth.spooled.get(&(session, attempt, self.instance));
            tail.extend(spool.into_iter().flatten().take(self.cut.unwrap_or(usize::MAX)).cloned());
        }
        let ended = tail.is_empty();
        let command = if ended {
            Command::EndAttempt { attempt, exit }
        } else {
            Command::Report { attempt, instance: self.instance, first_index: 0, events: tail }
        };
        self.in_flight = true;
        let sender = Sender::Worker { machine: machine.clone(), session, attempt, ended };
        around.net.say(sender, session, command);
    }

    fn spool<D: Disk>(&self, key: (SessionId, u32), around: &mut Around<'_, D>, data: EventData) {
        around.truth.spooled.entry((key.0, key.1, self.instance)).or_default().push(data);
    }

    /// The runner and its agent do one thing.
    fn step<D: Disk>(&mut self, key: (SessionId, u32), around: &mut Around<'_, D>) -> Result<(), String> {
        let Some(mut runner) = self.runner.take() else { return Ok(()) };
        self.touched = true;
        self.talk(key, &mut runner, around);
        self.act(key, &mut runner, around)?;
        let spooled = around.truth.spooled.get(&(key.0, key.1, self.instance)).map_or(0, Vec::len);
        let done = matches!(runner.agent, Agent::Gone) && runner.acked >= spooled;
        self.runner = Some(runner);
        if done {
            self.kill("runner");
            if let Some(exit) = &mut self.exit {
                exit.runner = Some(ProcessExit { code: Some(0), signal: None });
                exit.agent = Some(ProcessExit { code: Some(0), signal: None });
            }
        }
        Ok(())
    }

    /// The runner's side of the uplink.
    fn talk<D: Disk>(&self, key: (SessionId, u32), runner: &mut Runner, around: &mut Around<'_, D>) {
        let ((session, attempt), instance) = (key, self.instance);
        let Some(up) = around.up else { return };
        match runner.link {
            Link::Down => {
                runner.link = Link::Saying;
                let hello = Command::Hello { attempt, instance, version: "0".to_owned() };
                around.net.say(Sender::Runner { session, attempt, instance }, session, hello);
            }
            // The hello or its answer may be lost.
            Link::Saying if around.rng.percent(10) => runner.link = Link::Down,
            Link::Saying => {}
            Link::Up => {
                let spooled = around.truth.spooled.get(&(session, attempt, instance)).map_or(0, Vec::len);
                let news = spooled.saturating_sub(runner.acked);
                if !runner.in_flight && news > 0 {
                    runner.in_flight = true;
                    let count = 1 + around.rng.below(news);
                    // Now and then from further back: what the server knows is dropped there.
                    let back = if around.bad_luck(10) { runner.acked.min(2) } else { 0 };
                    let first = runner.acked - back;
                    let spool = around.truth.spooled.get(&(session, attempt, instance));
                    let events: Vec<_> = spool.into_iter().flatten().skip(first).take(count + back).cloned().collect();
                    let first_index = u64::try_from(first).unwrap_or(u64::MAX);
                    let report = Command::Report { attempt, instance, first_index, events };
                    around.net.say(Sender::Runner { session, attempt, instance }, session, report);
                } else if runner.in_flight && around.rng.percent(5) {
                    // No answer for long: it dials again.
                    (runner.link, runner.in_flight) = (Link::Down, false);
                }
                self.take_directives(key, runner, up);
            }
        }
    }

    fn take_directives<D: Disk>(&self, key: (SessionId, u32), runner: &mut Runner, up: &Up<D>) {
        let Some(published) = up.shared.session(key.0) else { return };
        let current = published.state.phase.attempt();
        if current.is_none_or(|a| a.number != key.1 || a.instance != Some(self.instance)) {
            return;
        }
        for directive in &published.state.directives {
            if directive.seq <= runner.last_directive {
                continue;
            }
            runner.last_directive = directive.seq;
            match &directive.order {
                Order::Prompt { turn, .. } => {
                    if runner.seen.insert(*turn) {
                        runner.next.push_back(*turn);
                    }
                }
                Order::Cancel { turn } => {
                    runner.cancelled.insert(*turn);
                }
                Order::Decide { request, .. } => {
                    if let Agent::Turn { asked, .. } = &mut runner.agent
                        && *asked == Some(*request)
                    {
                        *asked = None;
                    }
                }
                Order::Stop { .. } => runner.stopping = true,
                Order::Answer { .. } | Order::Configure { .. } | Order::Permissions { .. } => {}
            }
        }
    }

    /// The agent's side.
    fn act<D: Disk>(
        &mut self,
        key: (SessionId, u32),
        runner: &mut Runner,
        around: &mut Around<'_, D>,
    ) -> Result<(), String> {
        match &mut runner.agent {
            // Before its hello is answered a runner launches nothing.
            Agent::Off if runner.link == Link::Up && around.bad_luck(3) => {
                let failure = Failure::new(FailureKind::StartupFailure, "it does not start");
                self.spool(key, around, EventData::new(KnownEvent::AttemptFailed { failure }));
                runner.agent = Agent::Gone;
            }
            Agent::Off if runner.link == Link::Up => {
                let how = SessionOpening::New;
                let opened = KnownEvent::AgentSessionStarted { agent_session_id: "a".to_owned(), how };
                self.spool(key, around, EventData::new(opened));
                runner.agent = Agent::Ready;
            }
            Agent::Off if runner.stopping => runner.agent = Agent::Gone,
            Agent::Off | Agent::Gone => {}
            Agent::Ready => {
                let Some(turn) = runner.next.pop_front() else {
                    if runner.stopping {
                        runner.agent = Agent::Gone;
                    }
                    return Ok(());
                };
                if runner.stopping || runner.cancelled.contains(&turn) {
                    // Not handed over: it ends without the agent.
                    self.end_turn(key, turn, StopReason::Cancelled, around);
                    return Ok(());
                }
                self.marker = Some(turn);
                self.spool(key, around, EventData::new(KnownEvent::TurnHandedOver {}).turn(turn));
                let receipts = around.truth.receipts.entry(turn).or_default();
                *receipts += 1;
                if *receipts > 1 {
                    return Err(format!("the prompt of {turn} was handed over {receipts} times"));
                }
                let left = around.rng.below(12);
                runner.agent = Agent::Turn { turn, left, asked: None };
            }
            Agent::Turn { .. } if around.bad_luck(2) => {
                // The agent dies; the runner says what it saw.
                let exit = ProcessExit { code: Some(1), signal: None };
                self.spool(key, around, EventData::new(KnownEvent::AgentExited { exit, stderr: String::new() }));
                runner.agent = Agent::Gone;
            }
            Agent::Turn { turn, .. } if runner.stopping || runner.cancelled.contains(turn) => {
                let turn = *turn;
                self.end_turn(key, turn, StopReason::Cancelled, around);
                runner.agent = Agent::Ready;
            }
            Agent::Turn { asked: Some(_), .. } => {}
            Agent::Turn { turn, left: 0, .. } => {
                let turn = *turn;
                self.end_turn(key, turn, StopReason::EndTurn, around);
                runner.agent = Agent::Ready;
            }
            Agent::Turn { turn, left, asked } => {
                *left -= 1;
                let turn = *turn;
                let number = around.truth.spooled.get(&(key.0, key.1, self.instance)).map_or(0, Vec::len);
                let body = match around.rng.below(10) {
                    0 => {
                        let request = PermissionId::new(around.env.ids.uuid());
                        *asked = Some(request);
                        let option = |id: &str, kind| PermissionOption { id: id.to_owned(), name: id.to_owned(), kind };
                        let options =
                            vec![option("yes", PermissionKind::AllowOnce), option("no", PermissionKind::RejectOnce)];
                        let tool_call = ToolCall { id: format!("t{number}"), ..ToolCall::default() };
                        KnownEvent::PermissionRequested { request, tool_call, options }
                    }
                    1 | 2 => {
                        let status =
                            if around.rng.percent(50) { ToolStatus::InProgress } else { ToolStatus::Completed };
                        let id = format!("t{}", around.rng.below(3));
                        let tool_call = ToolCall { id, status: Some(status), ..ToolCall::default() };
                        KnownEvent::ToolCallUpdated { tool_call }
                    }
                    _ => KnownEvent::MessageAppended {
                        message: MessageId::new(turn.uuid()),
                        role: Role::Agent,
                        channel: Channel::Answer,
                        content: ContentBlock::text(format!("{}/{number} ", self.instance.short())),
                    },
                };
                self.spool(key, around, EventData::new(body).turn(turn));
            }
        }
        Ok(())
    }

    fn end_turn<D: Disk>(
        &self,
        key: (SessionId, u32),
        turn: TurnId,
        stop_reason: StopReason,
        around: &mut Around<'_, D>,
    ) {
        let ended = KnownEvent::TurnEnded { stop_reason, failure: None, usage: None };
        self.spool(key, around, EventData::new(ended).turn(turn));
    }

    /// An answer to what the runner said.
    pub(super) fn runner_told(&mut self, hello: bool, answer: &Result<Done, Error>) -> Result<(), String> {
        let Some(runner) = &mut self.runner else { return Ok(()) };
        match answer {
            Ok(Done::Fresh(outcome)) => {
                let next = outcome.session.as_ref().map_or(0, |s| usize::try_from(s.next_index).unwrap_or(0));
                runner.acked = runner.acked.max(next);
                if hello && runner.link == Link::Saying {
                    runner.link = Link::Up;
                } else if !hello {
                    runner.in_flight = false;
                }
            }
            Err(Error::Rejected(Rejection::IndexGap { expected, first })) => {
                return Err(format!("a gap where there is none: {first} came, {expected} is missing"));
            }
            // Fenced, or gone: it ends its agent and leaves.
            Err(Error::Rejected(_) | Error::SessionNotFound(_)) => self.kill("runner"),
            Ok(Done::Replayed(_)) | Err(_) => (runner.link, runner.in_flight) = (Link::Down, false),
        }
        Ok(())
    }
}

impl Machine {
    /// Why it is not at rest, if it is not.
    pub(super) fn unrest(&self) -> Option<String> {
        let busy = |dir: &RunDir| dir.runner.as_ref().is_none_or(|r| !matches!(r.agent, Agent::Ready));
        let (key, _) = self.dirs.iter().find(|(_, dir)| busy(dir))?;
        Some(format!("{} has work with {key:?}", self.name))
    }
}

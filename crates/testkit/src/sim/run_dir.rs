//! A run directory in the simulator, with the runner and the agent of its attempt.

use std::collections::{HashSet, VecDeque};

use convene_core::{
    command::Command,
    content::{Channel, ContentBlock, PermissionKind, PermissionOption, Role, ToolCall, ToolStatus},
    directive::Order,
    event::{AwakeReason, EventData, KnownEvent, SessionOpening},
    failure::{AttemptExit, Failure, FailureKind, ProcessExit, StopReason},
    ids::{InstanceId, MessageId, PermissionId, SessionId, TurnId, WorkerName},
    rejection::Rejection,
};
use convene_engine::{Done, Error};

use super::{
    machine::Around,
    net::Sender,
    plant::Plant,
    server::{Disk, Up},
};

pub(super) struct RunDir {
    pub(super) instance: InstanceId,
    /// The spool has no more than this: the power was cut.
    cut: Option<usize>,
    marker: Option<TurnId>,
    exit: Option<AttemptExit>,
    runner: Option<Runner>,
    /// The worker's word about it is on its way.
    in_flight: bool,
    tail_done: bool,
    /// The runner has begun to talk, so it is on the disk.
    touched: bool,
    /// The runner does not come to its next step.
    dies: bool,
}

struct Runner {
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
    /// It is to end its agent until there is a prompt.
    sleepy: bool,
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
    Turn { turn: TurnId, left: usize, asked: Option<PermissionId>, hangs: bool },
    Gone,
}

impl RunDir {
    pub(super) fn new(instance: InstanceId) -> Self {
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
            sleepy: false,
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
            dies: false,
        }
    }

    /// What the worker said about it may not have arrived.
    pub(super) fn worker_link_down(&mut self) {
        self.in_flight = false;
    }

    pub(super) fn runner_link_down(&mut self) {
        if let Some(runner) = &mut self.runner {
            (runner.link, runner.in_flight) = (Link::Down, false);
        }
    }

    /// Whether its runner hears the server.
    pub(super) fn is_linked(&self) -> bool {
        self.runner.as_ref().is_some_and(|runner| runner.link == Link::Up)
    }

    /// Whether its end was told and acknowledged.
    pub(super) const fn is_told(&self) -> bool {
        self.tail_done && self.exit.is_none() && self.runner.is_none()
    }

    /// Whether there is more to do than to wait for a prompt.
    pub(super) fn is_busy(&self) -> bool {
        self.runner.as_ref().is_none_or(|runner| !matches!(runner.agent, Agent::Ready))
    }

    /// Whether a power cut leaves it there.
    pub(super) const fn is_on_disk(&self) -> bool {
        self.touched
    }

    /// How much of so many spooled events is still there.
    pub(super) fn kept(&self, spooled: usize) -> usize {
        spooled.min(self.cut.unwrap_or(usize::MAX))
    }

    /// An answer to what the worker said about it.
    pub(super) fn worker_told(&mut self, ended: bool, answer: &Result<Done, Error>, spooled: usize) {
        self.in_flight = false;
        let fenced = match answer {
            Err(Error::Rejected(Rejection::Fenced { .. }) | Error::SessionNotFound(_)) => true,
            Ok(_) => false,
            Err(_) => return,
        };
        if ended {
            (self.exit, self.tail_done) = (None, true);
        } else if fenced {
            self.tail_done = true;
        } else if let Ok(Done::Fresh(outcome)) = answer {
            let taken = outcome.session.as_ref().map_or(0, |s| usize::try_from(s.next_index).unwrap_or(0));
            self.tail_done = taken >= self.kept(spooled);
        }
    }

    /// Runner, agent and all that they started are dead, and there is proof.
    pub(super) fn kill(&mut self, by: &str) {
        if self.runner.take().is_some() {
            self.exit = Some(AttemptExit {
                by: by.to_owned(),
                runner: Some(ProcessExit { code: None, signal: Some(9) }),
                agent: None,
                verified: true,
                survivors: 0,
                step: None,
                handed_over: self.marker,
                detail: String::new(),
                bundle: None,
            });
        }
    }

    pub(super) fn power_cut<D: Disk>(&mut self, key: (SessionId, u32), around: &mut Around<'_, D>) {
        let spooled = around.truth.spooled.get(&(key.0, key.1, self.instance)).map_or(0, Vec::len);
        if let Some(runner) = &self.runner {
            // What was acknowledged is in the log, so it does not matter here.
            self.cut = Some(runner.acked + around.rng.below(spooled.saturating_sub(runner.acked) + 1));
        }
        self.kill("worker");
    }

    /// The worker tells of a dead runner: first what it left, then that it is over.
    pub(super) fn deliver<D: Disk>(&mut self, key: (SessionId, u32), machine: &WorkerName, around: &mut Around<'_, D>) {
        let (session, attempt) = key;
        // The answer may be lost.
        self.in_flight &= !around.rng.percent(10);
        if self.runner.is_some() || self.in_flight || (self.exit.is_none() && self.tail_done) {
            return;
        }
        let Some(exit) = self.exit.clone() else { return };
        let mut tail = Vec::new();
        if !self.tail_done && around.plant != Some(Plant::EndBeforeTail) {
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
    pub(super) fn step<D: Disk>(&mut self, key: (SessionId, u32), around: &mut Around<'_, D>) -> Result<(), String> {
        let Some(mut runner) = self.runner.take() else { return Ok(()) };
        self.touched = true;
        self.talk(key, &mut runner, around);
        self.act(key, &mut runner, around)?;
        let spooled = around.truth.spooled.get(&(key.0, key.1, self.instance)).map_or(0, Vec::len);
        let done = matches!(runner.agent, Agent::Gone) && runner.acked >= spooled;
        self.runner = Some(runner);
        if std::mem::take(&mut self.dies) {
            self.kill("keeper");
        } else if done {
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
                if around.plant == Some(Plant::OrdersTwice) {
                    (runner.last_directive, runner.seen) = (0, HashSet::new());
                }
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
                Order::Hibernate {} => runner.sleepy = true,
                Order::Stop { .. } => runner.stopping = true,
                Order::Answer { .. }
                | Order::Configure { .. }
                | Order::Permissions { .. }
                | Order::Authenticate { .. } => {}
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
                    } else if std::mem::take(&mut runner.sleepy) {
                        if around.rng.percent(30) {
                            let (why, detail) = (AwakeReason::LiveWork, "a server".to_owned());
                            self.spool(key, around, EventData::new(KnownEvent::SessionKeptAwake { why, detail }));
                        } else {
                            runner.agent = Agent::Gone;
                        }
                    }
                    return Ok(());
                };
                if runner.stopping || runner.cancelled.contains(&turn) {
                    // Not handed over: it ends without the agent.
                    self.end_turn(key, turn, StopReason::Cancelled, around);
                    return Ok(());
                }
                if around.plant != Some(Plant::NoMarker) {
                    self.marker = Some(turn);
                }
                if around.bad_luck(2) {
                    // It dies with the marker on the disk and the prompt in its hands.
                    self.dies = true;
                    return Ok(());
                }
                self.spool(key, around, EventData::new(KnownEvent::TurnHandedOver {}).turn(turn));
                let receipts = around.truth.receipts.entry(turn).or_default();
                *receipts += 1;
                if *receipts > 1 {
                    return Err(format!("the prompt of {turn} was handed over {receipts} times"));
                }
                let left = around.rng.below(12);
                let hangs = around.bad_luck(8);
                runner.agent = Agent::Turn { turn, left, asked: None, hangs };
            }
            Agent::Turn { .. } if around.bad_luck(2) => {
                // The agent dies; the runner says what it saw.
                let exit = ProcessExit { code: Some(1), signal: None };
                self.spool(
                    key,
                    around,
                    EventData::new(KnownEvent::AgentExited { exit, stderr: String::new(), step: None }),
                );
                runner.agent = Agent::Gone;
            }
            // It neither works nor listens; its runner kills it once it has to.
            Agent::Turn { hangs: true, .. } if !around.calm => {
                if runner.stopping {
                    runner.agent = Agent::Gone;
                }
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
            Agent::Turn { turn, left, asked, .. } => {
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

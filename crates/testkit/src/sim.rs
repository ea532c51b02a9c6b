//! A deterministic simulator of the engine: one seed drives the clock, the order of messages, clients, workers,
//! runners and agents, failures of the store and crashes of everything.
//!
//! A story has two parts. First things go wrong, and after every step what must never be broken is checked against the
//! log in the store (architecture § 8: 1-4, 7, 8, 12). Then nothing goes wrong any more, and everything must come to
//! rest: every turn over, every session idle or stopped, every seat and run directory given back, every client with all
//! that it missed.

mod client;
mod logs;
mod machine;
mod mem_store;
mod net;
mod rng;
mod run_dir;
mod server;

use std::collections::HashSet;

use convene_core::{
    ids::SessionId,
    session::{Phase, SessionState},
};
use convene_engine::{Done, Error, Workers, reconcile};

pub use mem_store::{MemDisk, MemReader, MemStore};
pub use server::Disk;

use self::{
    client::{Client, at_rest},
    logs::{Logs, Truth},
    machine::{Around, Machine},
    net::{Net, Request, Sender},
    rng::Rng,
    server::Server,
};
use crate::fault_store::Fault;

/// Steps in which things go wrong.
const STEPS: usize = 400;

/// Steps within which all must be at rest once nothing goes wrong any more.
const REST_WITHIN: usize = 3000;

/// What happened, so that a test can tell that its stories are not all dull.
#[derive(Debug, Clone, Copy, Default)]
pub struct Story {
    /// Sessions that were made.
    pub sessions: usize,
    /// Events in their logs.
    pub events: usize,
    /// Prompts that agents got.
    pub prompts: usize,
    /// Crashes of the engine.
    pub crashes: usize,
    /// Commits that failed.
    pub failed_commits: u64,
    /// Commands and reports that were refused.
    pub refused: usize,
    /// Answers that were recorded before.
    pub replayed: usize,
}

/// Tells the story of a seed, on a fresh disk.
///
/// # Errors
/// What was broken, and at which step.
pub fn run<D: Disk>(seed: u64, disk: D) -> Result<Story, String> {
    let mut world = World::new(seed, disk)?;
    for step in 0..STEPS {
        let told = world.step().and_then(|()| if step % 10 == 0 { world.check() } else { Ok(()) });
        told.map_err(|why| format!("step {step}: {why}"))?;
    }
    world.heal()?;
    world.rest("after healing", at_rest)?;
    let stopper = 0;
    world.with_client(stopper, |client, around| client.stop_all(around));
    world.rest("after stopping all", |phase| matches!(phase, Phase::Stopped { .. }))?;
    world.nothing_left()?;
    world.restart_equals()?;
    let (events, sessions) = (world.logs.events, world.logs.by_session.len());
    let prompts = world.truth.receipts.len();
    let failed_commits = world.server.faults.failed();
    Ok(Story { sessions, events, prompts, failed_commits, ..world.story })
}

struct World<D: Disk> {
    rng: Rng,
    server: Server<D>,
    net: Net,
    truth: Truth,
    logs: Logs,
    clients: Vec<Client>,
    machines: Vec<Machine>,
    calm: bool,
    story: Story,
}

impl<D: Disk> World<D> {
    fn new(seed: u64, disk: D) -> Result<Self, String> {
        let mut server = Server::new(disk);
        server.start()?;
        let clients = (0..3).map(Client::new).collect();
        let machines = ["one", "two"].iter().map(|name| Machine::new(name, 3, &server.env)).collect();
        let (net, truth, logs) = (Net::default(), Truth::default(), Logs::default());
        let (calm, story) = (false, Story::default());
        Ok(Self { rng: Rng::new(seed), server, net, truth, logs, clients, machines, calm, story })
    }

    fn step(&mut self) -> Result<(), String> {
        if self.server.up().is_none() && self.rng.percent(40) {
            self.server.start()?;
            if let Some(up) = self.server.up() {
                for client in &mut self.clients {
                    client.reconnect(up)?;
                }
            }
        }
        let millis = self.rng.next() % 2000;
        self.server.clock.advance_ms(if self.rng.percent(2) { 120_000 } else { millis });
        if self.rng.percent(30) {
            let number = self.rng.below(self.clients.len());
            self.with_client(number, |client, around| client.ask(around));
        }
        if self.rng.percent(20) {
            let number = self.rng.below(self.clients.len());
            self.with_client(number, |client, around| client.retry(around));
        }
        self.machines_step()?;
        if self.rng.percent(6) {
            let number = self.rng.below(self.machines.len());
            self.with_machine(number, |machine, around| {
                machine.suffer(around);
                Ok(())
            })?;
        }
        self.reconcile();
        match self.rng.below(40) {
            0 => self.server.faults.fail_next(Fault::Refused),
            1 => self.server.faults.fail_next(Fault::Full),
            2 => self.server.faults.fail_next(Fault::AnswerLost),
            _ => {}
        }
        self.deliver()?;
        if self.rng.percent(2) {
            self.crash();
        }
        self.read()
    }

    /// A group of what is on its way, in any order; some of it is lost, some comes again.
    fn deliver(&mut self) -> Result<(), String> {
        if self.server.up().is_none() {
            // What is sent to a server that is down goes nowhere; who sent it finds out.
            for request in std::mem::take(&mut self.net.requests) {
                self.answer(&request, &Err(Error::Stopped))?;
            }
            return Ok(());
        }
        let mut group = Vec::new();
        for _ in 0..=self.rng.below(if self.calm { 64 } else { 8 }) {
            if self.net.requests.is_empty() {
                break;
            }
            let place = self.rng.below(self.net.requests.len());
            let request = self.net.requests.swap_remove(place);
            if !self.calm && self.rng.percent(10) {
                self.net.copy(request.clone());
            }
            if self.calm || self.rng.percent(95) {
                group.push(request);
            }
        }
        let crash = !self.calm && self.rng.percent(2);
        if crash && self.rng.percent(50) {
            self.server.faults.fail_next(Fault::AnswerLost);
        }
        let works = group.iter().map(|request| request.work(&self.server.env)).collect();
        let answers = self.server.run_group(works);
        self.check_group(&group, &answers)?;
        if crash {
            self.crash();
            return Ok(());
        }
        for (request, answer) in group.iter().zip(answers) {
            self.story.refused += usize::from(matches!(answer, Err(Error::Rejected(_))));
            self.story.replayed += usize::from(matches!(answer, Ok(Done::Replayed(_))));
            if self.calm || self.rng.percent(93) {
                self.answer(request, &answer)?;
            }
        }
        Ok(())
    }

    /// Who was refused changed nothing; who was answered is in the log.
    fn check_group(&mut self, group: &[Request], answers: &[Result<Done, Error>]) -> Result<(), String> {
        let Some(up) = self.server.up() else { return Ok(()) };
        let before: HashSet<SessionId> = self.logs.by_session.keys().copied().collect();
        let touched = self.logs.sync(up, &self.truth)?;
        let may: HashSet<SessionId> =
            group.iter().zip(answers).filter(|(_, a)| a.is_ok()).filter_map(|(r, _)| r.session()).collect();
        let deletes = group.iter().any(|r| matches!(r.ask, net::Ask::DeleteThread { .. }));
        let changed = touched.iter().find(|id| before.contains(id) && !may.contains(id) && !deletes);
        if let Some(id) = changed {
            return Err(format!("{id} changed, and nobody was told so: {group:?} {answers:?}"));
        }
        if touched.iter().any(|id| !before.contains(id)) && answers.iter().all(Result::is_err) {
            return Err("a session was made, and nobody was told so".to_owned());
        }
        self.logs.equal_published(up, &touched)
    }

    fn answer(&mut self, request: &Request, answer: &Result<Done, Error>) -> Result<(), String> {
        match &request.sender {
            Sender::Client { client, key } => self.clients[*client].told(key, &request.ask, answer, &self.net),
            Sender::Runner { session, attempt, instance } => {
                let dirs = self.machines.iter_mut().filter_map(|m| m.dirs.get_mut(&(*session, *attempt)));
                for dir in dirs.filter(|dir| dir.instance == *instance) {
                    dir.runner_told(request.is_hello(), answer)?;
                }
                Ok(())
            }
            Sender::Worker { machine, session, attempt, ended } => {
                let key = (*session, *attempt);
                for machine in self.machines.iter_mut().filter(|m| m.name == *machine) {
                    let instance = machine.dirs.get(&key).map(|dir| dir.instance);
                    let spool = instance.and_then(|i| self.truth.spooled.get(&(*session, *attempt, i)));
                    machine.told(key, *ended, answer, spool.map_or(0, Vec::len));
                }
                Ok(())
            }
            Sender::Nobody => Ok(()),
        }
    }

    fn reconcile(&mut self) {
        let (Some(up), now) = (self.server.up(), self.server.now()) else { return };
        let mut commands = Vec::new();
        if self.calm || self.rng.percent(40) {
            commands.extend(reconcile::dispatch_pass(&up.shared, &up.workers));
            commands.extend(reconcile::seats_pass(&up.shared, &up.workers, now));
        }
        if !self.calm && self.rng.percent(10) {
            let mut watched = reconcile::LastWatched::default();
            let after = std::time::Duration::from_secs(60);
            commands.extend(reconcile::idle_pass(&up.shared, &mut watched, after, up.started, now));
        }
        if self.calm || self.rng.percent(20) {
            commands.extend(reconcile::timers_pass(&up.shared, up.started, now));
            commands.extend(reconcile::unreachable_pass(&up.shared, &up.workers, up.started, now));
        }
        for (session, command) in commands {
            self.net.say(Sender::Nobody, session, command);
        }
    }

    fn crash(&mut self) {
        if self.server.up().is_none() {
            return;
        }
        self.story.crashes += 1;
        self.server.crash();
        self.net.requests.clear();
        for machine in &mut self.machines {
            machine.links_down();
        }
        for client in &mut self.clients {
            client.links_down();
        }
    }

    fn machines_step(&mut self) -> Result<(), String> {
        for number in 0..self.machines.len() {
            self.with_machine(number, Machine::step)?;
        }
        Ok(())
    }

    /// Clients read what they are told is there; now and then one drops its connections and comes back.
    fn read(&mut self) -> Result<(), String> {
        let Some(up) = self.server.up() else { return Ok(()) };
        let ids: Vec<SessionId> = self.logs.by_session.keys().copied().collect();
        for client in &mut self.clients {
            if !self.calm && self.rng.percent(60) {
                continue;
            }
            if let Some(id) = self.rng.pick(&ids)
                && self.rng.percent(20)
            {
                client.follow(up, id)?;
            }
            if !self.calm && self.rng.percent(5) {
                client.reconnect(up)?;
            }
            client.read(up, &self.logs)?;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        // A group whose answers died with the server is not read back from the store before the next one is up.
        let Some(up) = self.server.up() else { return Ok(()) };
        self.clients.iter().try_for_each(|client| client.check_promises(up, &self.logs))
    }

    fn heal(&mut self) -> Result<(), String> {
        self.calm = true;
        self.server.faults.heal();
        if self.server.up().is_none() {
            self.server.start()?;
            if let Some(up) = self.server.up() {
                for client in &mut self.clients {
                    client.reconnect(up)?;
                }
            }
        }
        let now = self.server.now();
        for machine in &mut self.machines {
            if let Some(up) = self.server.up() {
                for worker in up.workers.all().into_iter().filter(|w| w.status.name == machine.name) {
                    up.workers.disconnect(&machine.name, worker.instance, now);
                }
            }
            machine.heal();
        }
        Ok(())
    }

    /// Goes on until all is at rest.
    fn rest(&mut self, when: &str, wanted: impl Fn(&Phase) -> bool) -> Result<(), String> {
        let mut unrest = String::new();
        for step in 0..REST_WITHIN {
            self.server.clock.advance_ms(1500);
            for number in 0..self.clients.len() {
                if step % 10 == 0 {
                    self.with_client(number, |client, around| client.retry(around));
                }
                self.with_client(number, |client, around| client.decide(around));
            }
            self.machines_step()?;
            self.reconcile();
            self.deliver()
                .and_then(|()| self.read())
                .and_then(|()| self.check())
                .map_err(|why| format!("{when}: {why}"))?;
            match self.unrest(&wanted) {
                Some(why) => unrest = why,
                None => {
                    self.read()?;
                    let Some(up) = self.server.up() else { return Err("the server is down".to_owned()) };
                    self.logs.all_turns_over()?;
                    self.check()?;
                    self.logs.equal_published(up, self.logs.by_session.keys())?;
                    return self.clients.iter().try_for_each(|client| client.check_complete(up, &self.logs));
                }
            }
        }
        Err(format!("{when}, no rest: {unrest}"))
    }

    fn unrest(&self, wanted: &impl Fn(&Phase) -> bool) -> Option<String> {
        let Some(up) = self.server.up() else { return Some("the server is down".to_owned()) };
        if let Some(request) = self.net.requests.first() {
            return Some(format!("on its way: {request:?}"));
        }
        let pending = self.clients.iter().find_map(|c| c.pending.iter().next());
        if let Some((key, ask)) = pending {
            return Some(format!("not answered: {key} {ask:?}"));
        }
        // A session that stopped by a crash keeps what waits until somebody prompts it again.
        let waits = |s: &SessionState| !s.queue.is_empty() && !matches!(s.phase, Phase::Stopped { .. });
        let busy = up.shared.sessions_where(|s| !s.deleted && (!wanted(&s.phase) || waits(s)));
        if let Some(busy) = busy.first() {
            return Some(format!("{:#?}", busy.state));
        }
        self.machines.iter().find_map(Machine::unrest)
    }

    /// No seat and no run directory leaks.
    fn nothing_left(&self) -> Result<(), String> {
        let Some(up) = self.server.up() else { return Err("the server is down".to_owned()) };
        let taken = Workers::seats_taken(&up.shared);
        if !taken.is_empty() {
            return Err(format!("seats are taken: {taken:?}"));
        }
        match self.machines.iter().find(|machine| !machine.dirs.is_empty()) {
            Some(machine) => Err(format!("{} has run directories: {:?}", machine.name, machine.dirs.keys())),
            None => Ok(()),
        }
    }

    /// What a new engine reads from the store is what the old one had.
    fn restart_equals(&mut self) -> Result<(), String> {
        self.crash();
        self.server.start()?;
        let Some(up) = self.server.up() else { return Err("the server is down".to_owned()) };
        for (id, log) in self.logs.by_session.iter().filter(|(_, log)| !log.deleted) {
            let loaded = LogsAfterRestart::load(up, *id)?;
            if log.state.as_ref() != Some(&loaded) {
                return Err(format!("{id}: its state is {:#?}\nand after a restart {loaded:#?}", log.state));
            }
        }
        Ok(())
    }

    fn with_client(&mut self, number: usize, then: impl FnOnce(&mut Client, &mut Around<'_, D>)) {
        let Self { rng, server, net, truth, clients, calm, .. } = self;
        let mut around = Around { rng, truth, net, up: server.up(), env: &server.env, calm: *calm };
        then(&mut clients[number], &mut around);
    }

    fn with_machine(
        &mut self,
        number: usize,
        then: impl FnOnce(&mut Machine, &mut Around<'_, D>) -> Result<(), String>,
    ) -> Result<(), String> {
        let Self { rng, server, net, truth, machines, calm, .. } = self;
        let mut around = Around { rng, truth, net, up: server.up(), env: &server.env, calm: *calm };
        then(&mut machines[number], &mut around)
    }
}

/// Reads states through the cursor's own door, which loads what is not in memory.
struct LogsAfterRestart;

impl LogsAfterRestart {
    fn load<D: Disk>(up: &server::Up<D>, id: SessionId) -> Result<SessionState, String> {
        convene_engine::LogCursor::new(&up.shared, &up.reader, id, 0).map_err(|error| format!("{id}: {error:?}"))?;
        up.shared.session(id).map(|p| (*p.state).clone()).ok_or_else(|| format!("{id} is not in memory"))
    }
}

//! The world of a story: who is in it, and what happens in a step of it.

use std::time::Duration;

use convene_core::{Timestamp, ids::SessionId};
use convene_engine::reconcile;

use super::{
    Story,
    client::Client,
    logs::{Logs, Truth},
    machine::{Around, Machine},
    net::{Net, Sender},
    patience,
    plant::Plant,
    rng::Rng,
    server::{Disk, Server},
};
use crate::fault_store::Fault;

/// How long a session is idle before it sleeps.
const IDLE: Duration = Duration::from_secs(60);

const HOUR_MS: i64 = 3_600_000;

pub(super) struct World<D: Disk> {
    pub(super) rng: Rng,
    pub(super) server: Server<D>,
    pub(super) net: Net,
    pub(super) truth: Truth,
    pub(super) logs: Logs,
    pub(super) clients: Vec<Client>,
    pub(super) machines: Vec<Machine>,
    /// Nothing goes wrong any more.
    pub(super) calm: bool,
    pub(super) story: Story,
    /// Since when the server has heard everybody who spoke.
    awake: Timestamp,
    plant: Option<Plant>,
}

impl<D: Disk> World<D> {
    pub(super) fn new(seed: u64, disk: D, plant: Option<Plant>) -> Result<Self, String> {
        let mut server = Server::new(disk, plant);
        server.start()?;
        let clients = (0..3).map(Client::new).collect();
        let machines = ["one", "two"].iter().map(|name| Machine::new(name, 3, &server.env)).collect();
        let (net, truth, logs) = (Net::default(), Truth::default(), Logs::default());
        let (calm, story, awake) = (false, Story::default(), server.now());
        Ok(Self { rng: Rng::new(seed), server, net, truth, logs, clients, machines, calm, story, awake, plant })
    }

    /// What happened.
    pub(super) fn story(&self) -> Story {
        Story {
            sessions: self.logs.by_session.len(),
            events: self.logs.events,
            prompts: self.truth.receipts.len(),
            failed_commits: self.server.faults.failed(),
            decided: self.logs.decided.len(),
            ..self.story
        }
    }

    /// One step in which things go wrong.
    pub(super) fn step(&mut self) -> Result<(), String> {
        self.story.steps += 1;
        if self.server.up().is_none() && self.rng.percent(40) {
            self.start()?;
        }
        let millis = self.rng.next() % 2000;
        self.server.clock.advance_ms(i64::try_from(millis).unwrap_or(0));
        self.ask();
        self.machines_step()?;
        if self.rng.percent(6) {
            let number = self.rng.below(self.machines.len());
            self.with_machine(number, |machine, around| {
                machine.suffer(around);
                Ok(())
            })?;
        }
        if self.rng.below(150) == 0 {
            self.sleep();
        }
        self.reconcile()?;
        self.disturb_store();
        self.deliver()?;
        if self.rng.percent(2) {
            self.crash();
        }
        self.read()
    }

    /// Clients want something, or want it still; now and then two of them answer the same question.
    fn ask(&mut self) {
        if self.rng.percent(30) {
            let number = self.rng.below(self.clients.len());
            self.with_client(number, |client, around| client.ask(around));
        }
        if self.rng.percent(20) {
            let number = self.rng.below(self.clients.len());
            self.with_client(number, |client, around| client.retry(around));
        }
        if self.rng.percent(5) {
            self.with_client(0, |client, around| client.decide_first(around));
            self.with_client(1, |client, around| client.decide_first(around));
        }
    }

    /// Time passes in which nobody here runs, or the clock is set.
    fn sleep(&mut self) {
        self.story.sleeps += 1;
        let hours = i64::try_from(self.rng.below(24)).unwrap_or(0) * HOUR_MS;
        let by = match self.rng.below(4) {
            0 => -hours,
            1 => hours,
            _ => 120_000,
        };
        self.server.clock.advance_ms(by);
        if by.abs() > 60_000 {
            self.awake = self.server.now();
        }
    }

    fn disturb_store(&mut self) {
        let faults = &self.server.faults;
        // The next commit, or the one after it.
        let number = faults.asked() + 1 + u64::from(self.rng.percent(30));
        match self.rng.below(40) {
            0 => faults.fail_nth(number, Fault::Refused),
            1 => faults.fail_nth(number, Fault::Full),
            2 => faults.fail_nth(number, Fault::AnswerLost),
            3 if self.rng.percent(20) => faults.fail_all(Fault::Full),
            4..=8 => faults.recover(),
            _ => {}
        }
    }

    pub(super) fn reconcile(&mut self) -> Result<(), String> {
        let now = self.server.now();
        self.server.look_at_clock();
        let Some(up) = self.server.up() else { return Ok(()) };
        let mut commands = Vec::new();
        if self.calm || self.rng.percent(40) {
            commands.extend(reconcile::dispatch_pass(&up.shared, &up.workers));
            commands.extend(reconcile::seats_pass(&up.shared, &up.workers, now));
        }
        if !self.calm && self.rng.percent(10) {
            let mut watched = reconcile::LastWatched::default();
            commands.extend(reconcile::idle_pass(&up.shared, &mut watched, IDLE, up.windows().up, now));
        }
        if self.calm || self.rng.percent(20) {
            let windows = up.windows();
            let mut due = reconcile::timers_pass(&up.shared, windows, now);
            due.extend(reconcile::supervise_pass(&up.shared, &up.workers, windows, now));
            due.extend(reconcile::unreachable_pass(&up.shared, &up.workers, windows.up, now));
            self.story.expired += patience::check(&up.shared, &due, self.awake, now)?;
            commands.extend(due);
        }
        for (session, command) in commands {
            self.net.say(Sender::Nobody, session, command);
        }
        Ok(())
    }

    /// The server comes up, and the clients find it.
    pub(super) fn start(&mut self) -> Result<(), String> {
        self.server.start()?;
        self.awake = self.server.now();
        let Some(up) = self.server.up() else { return Ok(()) };
        self.clients.iter_mut().try_for_each(|client| client.reconnect(up))
    }

    pub(super) fn crash(&mut self) {
        if self.server.up().is_none() {
            return;
        }
        self.story.crashes += 1;
        self.server.crash();
        self.net.clear();
        for machine in &mut self.machines {
            machine.links_down();
        }
        for client in &mut self.clients {
            client.links_down();
        }
    }

    pub(super) fn machines_step(&mut self) -> Result<(), String> {
        (0..self.machines.len()).try_for_each(|number| self.with_machine(number, Machine::step))
    }

    /// Clients read what they are told is there; now and then one drops its connections and comes back.
    pub(super) fn read(&mut self) -> Result<(), String> {
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

    /// Whether every promise is kept so far.
    pub(super) fn check(&self) -> Result<(), String> {
        // A group whose answers died with the server is not read back from the store before the next one is up.
        let Some(up) = self.server.up() else { return Ok(()) };
        self.clients.iter().try_for_each(|client| client.check_promises(up, &self.logs))
    }

    pub(super) fn with_client(&mut self, number: usize, then: impl FnOnce(&mut Client, &mut Around<'_, D>)) {
        let Self { rng, server, net, truth, clients, calm, plant, .. } = self;
        let (calm, plant) = (*calm, *plant);
        let mut around = Around { rng, truth, net, up: server.up(), env: &server.env, calm, plant };
        then(&mut clients[number], &mut around);
    }

    fn with_machine(
        &mut self,
        number: usize,
        then: impl FnOnce(&mut Machine, &mut Around<'_, D>) -> Result<(), String>,
    ) -> Result<(), String> {
        let Self { rng, server, net, truth, machines, calm, plant, .. } = self;
        let (calm, plant) = (*calm, *plant);
        let mut around = Around { rng, truth, net, up: server.up(), env: &server.env, calm, plant };
        then(&mut machines[number], &mut around)
    }
}

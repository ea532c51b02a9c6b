//! A machine in the simulator: its worker, and the run directories of its attempts.
//!
//! What is on the disk of a machine (run directories, the marker, the spool up to what a power cut takes) outlives its
//! processes; the worker delivers what a dead runner left behind, and only then says that the attempt is over.

use std::collections::BTreeMap;

use convene_core::{
    command::Command,
    dispatch::{DetectedAgent, WorkerStatus},
    event::{EventData, KnownEvent, StopMode},
    failure::AttemptExit,
    ids::{InstanceId, SessionId, WorkerName},
};
use convene_engine::{Env, Registered, WorkerOrder, WorkerRecord};

use super::{
    logs::Truth,
    net::{Net, Sender},
    plant::Plant,
    rng::Rng,
    run_dir::RunDir,
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
    /// The bug that is in this story.
    pub(super) plant: Option<Plant>,
}

impl<D: Disk> Around<'_, D> {
    /// Something bad happens, so many times in a hundred.
    pub(super) fn bad_luck(&mut self, percent: usize) -> bool {
        !self.calm && self.rng.percent(percent)
    }
}

pub(super) struct Machine {
    pub(super) name: WorkerName,
    instance: InstanceId,
    /// The worker runs.
    up: bool,
    /// So many steps it sleeps: nobody there runs, and nothing there dies.
    asleep: usize,
    /// Its uplink is up.
    connected: bool,
    /// Orders that are on their way to it.
    inbox: Vec<WorkerOrder>,
    pub(super) dirs: BTreeMap<(SessionId, u32), RunDir>,
    seats: u32,
}

impl Machine {
    pub(super) fn new(name: &str, seats: u32, env: &Env) -> Self {
        let instance = InstanceId::new(env.ids.uuid());
        let (name, inbox, dirs) = (WorkerName::new(name), Vec::new(), BTreeMap::new());
        Self { name, instance, up: true, asleep: 0, connected: false, inbox, dirs, seats }
    }

    /// The server is gone, and every link to it.
    pub(super) fn links_down(&mut self) {
        self.connected = false;
        self.inbox.clear();
        for dir in self.dirs.values_mut() {
            dir.worker_link_down();
            dir.runner_link_down();
        }
    }

    pub(super) fn heal(&mut self) {
        (self.up, self.asleep) = (true, 0);
        self.seats = 1000;
        self.connected = false;
    }

    /// Something happens to it that nobody planned.
    pub(super) fn suffer<D: Disk>(&mut self, around: &mut Around<'_, D>) {
        if self.asleep > 0 {
            return;
        }
        match around.rng.below(11) {
            // The worker's process dies; its runners go on.
            0 => self.worker_dies(around),
            // The machine goes to sleep; the server may find out.
            10 => {
                self.asleep = around.rng.below(100);
                if around.rng.percent(50) {
                    self.disconnect(around);
                    self.links_down();
                }
            }
            // The worker's link breaks.
            1 => self.disconnect(around),
            // The power is cut.
            2 => {
                self.worker_dies(around);
                for (key, dir) in &mut self.dirs {
                    dir.power_cut(*key, around);
                }
                // A directory that was just made may not be there after it.
                self.dirs.retain(|_, dir| dir.is_on_disk() || around.calm);
            }
            // A runner's link breaks.
            3..=5 => {
                let place = around.rng.below(self.dirs.len());
                if let Some(dir) = self.dirs.values_mut().nth(place) {
                    dir.runner_link_down();
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
            dir.worker_link_down();
        }
    }

    /// The worker and its runners do something, each or not.
    pub(super) fn step<D: Disk>(&mut self, around: &mut Around<'_, D>) -> Result<(), String> {
        if self.asleep > 0 {
            self.asleep -= 1;
            return Ok(());
        }
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
        self.dirs.retain(|_, dir| !dir.is_told());
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
            starts_with: "built in".to_owned(),
            ..DetectedAgent::default()
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
            quiet_since: None,
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
                Some(dir) if mode == StopMode::Now || !dir.is_linked() => {
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

    /// Why it is not at rest, if it is not.
    pub(super) fn unrest(&self) -> Option<String> {
        let (key, _) = self.dirs.iter().find(|(_, dir)| dir.is_busy())?;
        Some(format!("{} has work with {key:?}", self.name))
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

//! What arrives at the engine, and what it answers.

use std::collections::HashSet;

use convene_core::ids::SessionId;
use convene_engine::{Done, Error};

use super::{
    net::{Ask, Request, Sender},
    server::Disk,
    world::World,
};
use crate::fault_store::Fault;

impl<D: Disk> World<D> {
    /// A group of what is on its way, in any order; some of it is lost, some comes again.
    pub(super) fn deliver(&mut self) -> Result<(), String> {
        if self.server.up().is_none() {
            // What is sent to a server that is down goes nowhere; who sent it finds out.
            for request in std::mem::take(&mut self.net.requests) {
                self.answer(&request, &Err(Error::Stopped))?;
            }
            return Ok(());
        }
        self.net.pass(&mut self.rng);
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
            match self.rng.below(100) {
                _ if self.calm => group.push(request),
                0..=4 => {}
                5..=7 => self.net.late.push(request),
                _ => group.push(request),
            }
        }
        let crash = !self.calm && self.rng.percent(2);
        if crash && self.rng.percent(50) {
            self.server.faults.fail_next(Fault::AnswerLost);
        }
        let works = group.iter().map(|request| request.work(&self.server.env)).collect();
        let answers = self.server.run_group(works);
        if let Some(why) = self.server.faults.unplanned() {
            return Err(format!("the store refuses what was decided: {why}"));
        }
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
        let deletes = group.iter().any(|r| matches!(r.ask, Ask::DeleteThread { .. }));
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
                    let Some(dir) = machine.dirs.get_mut(&key) else { continue };
                    let place = (*session, *attempt, dir.instance);
                    let spooled = self.truth.spooled.get(&place).map_or(0, Vec::len);
                    if *ended && answer.is_ok() {
                        self.truth.ended.insert(place, dir.kept(spooled));
                    }
                    dir.worker_told(*ended, answer, spooled);
                }
                Ok(())
            }
            Sender::Nobody => Ok(()),
        }
    }
}

//! How a story ends: nothing goes wrong any more, and everything comes to rest.

use convene_core::{
    ids::SessionId,
    repair::{Analysis, Line, Severity, Standing},
    session::{Phase, SessionState},
};
use convene_engine::{LogCursor, Workers};

use super::{
    machine::Machine,
    server::{Disk, Up},
    world::World,
};

/// Steps within which all must be at rest once nothing goes wrong any more.
const REST_WITHIN: usize = 3000;

impl<D: Disk> World<D> {
    /// From now on nothing fails, nobody dies, and nothing is lost or late.
    pub(super) fn heal(&mut self) -> Result<(), String> {
        self.calm = true;
        self.server.faults.heal();
        self.net.hurry();
        if self.server.up().is_none() {
            self.start()?;
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
    pub(super) fn rest(&mut self, when: &str, wanted: impl Fn(&Phase) -> bool) -> Result<(), String> {
        let mut unrest = String::new();
        for step in 0..REST_WITHIN {
            self.story.steps += 1;
            self.server.clock.advance_ms(1500);
            for number in 0..self.clients.len() {
                if step % 10 == 0 {
                    self.with_client(number, |client, around| client.retry(around));
                }
                self.with_client(number, |client, around| client.decide(around));
            }
            self.machines_step()?;
            self.reconcile()
                .and_then(|()| self.deliver())
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
    pub(super) fn nothing_left(&self) -> Result<(), String> {
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

    /// What a runner had written down when it ended is in the log, once its worker was told that it knows the end.
    pub(super) fn nothing_lost(&self) -> Result<(), String> {
        for ((session, attempt, instance), kept) in &self.truth.ended {
            let Some(log) = self.logs.by_session.get(session).filter(|log| !log.deleted) else { continue };
            let Some(taken) = log.taken(*attempt, *instance) else { continue };
            if taken < *kept {
                return Err(format!(
                    "{session}: of attempt {attempt}, {taken} of {kept} spooled events are in the log"
                ));
            }
        }
        Ok(())
    }

    /// Whoever looks for damage in the logs finds none.
    pub(super) fn nothing_to_repair(&self) -> Result<(), String> {
        for (id, log) in self.logs.by_session.iter().filter(|(_, log)| !log.deleted) {
            let mut analysis = Analysis::default();
            for row in &log.rows {
                analysis.take(Line { seq: row.seq, pos: Some(row.pos), kind: None, text: Some(&row.data) });
            }
            let Some(state) = &log.state else { continue };
            let findings = analysis.finish(Standing::of(&state.phase, state.seq), false);
            if let Some(issue) = findings.issues.iter().find(|issue| issue.severity != Severity::Info) {
                return Err(format!("{id}: there is something to repair: {issue:?}"));
            }
        }
        Ok(())
    }

    /// What a new engine reads from the store is what the old one had.
    pub(super) fn restart_equals(&mut self) -> Result<(), String> {
        self.crash();
        self.server.start()?;
        let Some(up) = self.server.up() else { return Err("the server is down".to_owned()) };
        for (id, log) in self.logs.by_session.iter().filter(|(_, log)| !log.deleted) {
            let loaded = load(up, *id)?;
            if log.state.as_ref() != Some(&loaded) {
                return Err(format!("{id}: its state is {:#?}\nand after a restart {loaded:#?}", log.state));
            }
        }
        Ok(())
    }
}

/// A state as the cursor's own door loads it when it is not in memory.
fn load<D: Disk>(up: &Up<D>, id: SessionId) -> Result<SessionState, String> {
    LogCursor::new(&up.shared, &up.reader, id, 0).map_err(|error| format!("{id}: {error:?}"))?;
    up.shared.session(id).map(|p| (*p.state).clone()).ok_or_else(|| format!("{id} is not in memory"))
}

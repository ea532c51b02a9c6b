//! Carries out a strike: finds the processes, kills or freezes them, and starts again what a supervisor would.

use std::time::Duration;

use anyhow::Result;
use convene_core::ids::SessionId;
use tokio::time::{Instant, sleep};

use super::{
    play::Play,
    schedule::{AGENTS, Act, How, Strike, words},
    truth::{self, Family},
};
use crate::cluster::{self, Role};

/// How long a new session's processes are waited for.
const BIRTH: Duration = Duration::from_secs(5);
/// The pause between two looks for them.
const LOOK: Duration = Duration::from_millis(2);

/// A process that is to be hit.
type Target = (Role, i32);

impl Play {
    /// Hits, and has everything running again that does not come back by itself.
    pub(super) async fn strike(&mut self, strike: &Strike) -> Result<()> {
        let targets = match strike.how {
            How::Newborn(after) => self.newborn(strike, after).await?,
            How::Again(_) => self.targets_with_a_service(strike),
            How::Kill | How::Freeze(_) | How::FreezeAndKill(_) => self.targets(strike),
        };
        self.tell(format!("STRIKE {:?} {targets:?}", strike.how));
        match strike.how {
            How::Kill | How::Newborn(_) => self.kill(&targets)?,
            How::Freeze(time) => {
                self.freeze(&targets, time).await;
                for (_, pid) in targets.iter().filter(|(_, pid)| self.cluster.owns(*pid)) {
                    // Another death may have taken it along.
                    let _ = cluster::thaw(*pid);
                }
            }
            How::FreezeAndKill(time) => {
                self.freeze(&targets, time).await;
                self.kill(&targets)?;
            }
            How::Again(after) => {
                self.kill(&targets)?;
                self.kill_at_start(&targets, after).await?;
            }
        }
        self.supervise().await
    }

    /// The processes that a strike hits: of another session than the one that was meant, if that has none. The server if
    /// nothing else is there to be hit.
    fn targets(&self, strike: &Strike) -> Vec<Target> {
        let all = truth::processes(&self.cluster.home().name());
        let places = self.clients.ledger(|ledger| ledger.places());
        let mut targets: Vec<Target> = Vec::new();
        for (role, place) in &strike.victims {
            let from_there = (0..places.len()).map(|n| places[(place + n) % places.len()]);
            let families = || from_there.clone().flatten().filter_map(|session| truth::family(&all, session));
            let pid = match role {
                Role::Server => self.cluster.server_pid(),
                Role::Worker => self.cluster.worker_pid(),
                Role::Keeper | Role::Runner | Role::Agent => families().find_map(|family| member(family, *role)),
            };
            targets.extend(pid.map(|pid| (*role, pid)).filter(|target| !targets.contains(target)));
        }
        if targets.is_empty() {
            targets.extend(self.cluster.server_pid().map(|pid| (Role::Server, pid)));
        }
        targets
    }

    fn targets_with_a_service(&self, strike: &Strike) -> Vec<Target> {
        let mut targets = self.targets(strike);
        if !targets.iter().any(|(role, _)| matches!(role, Role::Server | Role::Worker)) {
            targets.extend(self.cluster.server_pid().map(|pid| (Role::Server, pid)));
        }
        targets
    }

    /// Makes a session and gives the processes that the strike hits in it as soon as there are some.
    async fn newborn(&mut self, strike: &Strike, after: Duration) -> Result<Vec<Target>> {
        let (_, place) = strike.victims[0];
        let words = words(&mut self.dice);
        let before = self.clients.session(place);
        self.clients.begin(Act::Create { place, agent: self.dice.roll(AGENTS.len()), words });
        let deadline = Instant::now() + BIRTH;
        let mut family = None;
        while family.is_none() && Instant::now() < deadline {
            sleep(LOOK).await;
            let new: Option<SessionId> = self.clients.session(place).filter(|id| Some(*id) != before);
            family = new.and_then(|id| truth::family(&truth::processes(&self.cluster.home().name()), id));
        }
        sleep(after).await;
        let Some(new) = self.clients.session(place) else { return Ok(self.targets(strike)) };
        // More of it may have come meanwhile.
        let family = truth::family(&truth::processes(&self.cluster.home().name()), new).or(family);
        let hit = |role: &Role| family.and_then(|family| member(family, *role)).map(|pid| (*role, pid));
        let targets: Vec<Target> = strike.victims.iter().filter_map(|(role, _)| hit(role)).collect();
        let keeper = family.map(|family| (Role::Keeper, family.keeper));
        Ok(match (targets.is_empty(), keeper) {
            (false, _) => targets,
            (true, Some(keeper)) => vec![keeper],
            (true, None) => self.targets(strike),
        })
    }

    fn kill(&mut self, targets: &[Target]) -> Result<()> {
        for (role, pid) in targets {
            // The death of the one before may have taken it along.
            if !matches!(role, Role::Server | Role::Worker) && self.cluster.owns(*pid) {
                let _ = cluster::kill(*pid);
            }
        }
        if targets.iter().any(|(role, _)| *role == Role::Server) {
            self.cluster.kill_server()?;
        }
        if targets.iter().any(|(role, _)| *role == Role::Worker) {
            self.cluster.kill_worker()?;
        }
        Ok(())
    }

    async fn freeze(&self, targets: &[Target], time: Duration) {
        for (_, pid) in targets.iter().filter(|(_, pid)| self.cluster.owns(*pid)) {
            let _ = cluster::freeze(*pid);
        }
        sleep(time).await;
    }

    /// Starts server and worker again if they were hit, and kills them in the middle of their start.
    async fn kill_at_start(&mut self, targets: &[Target], after: Duration) -> Result<()> {
        if self.cluster.server_pid().is_none() {
            self.cluster.launch_server()?;
        }
        if self.cluster.worker_pid().is_none() {
            self.cluster.start_worker().await?;
        }
        sleep(after).await;
        let services: Vec<Target> =
            targets.iter().copied().filter(|(role, _)| matches!(role, Role::Server | Role::Worker)).collect();
        self.kill(&services)
    }

    /// Starts what a supervisor would start.
    async fn supervise(&mut self) -> Result<()> {
        if self.cluster.server_pid().is_none() {
            self.cluster.start_server().await?;
        }
        if self.cluster.worker_pid().is_none() {
            self.cluster.start_worker().await?;
        }
        Ok(())
    }
}

fn member(family: Family, role: Role) -> Option<i32> {
    match role {
        Role::Keeper => Some(family.keeper),
        Role::Runner => family.runner,
        Role::Agent => family.agent,
        Role::Server | Role::Worker => None,
    }
}

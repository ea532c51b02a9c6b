//! Carries a plan out: the acts and strikes of its schedule, then the healing, then the checks.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use convene_api::client::{Client, SessionsQuery};
use convene_core::{ids::SessionId, view::SessionView};
use tokio::time::{Instant, sleep, timeout};

use super::{
    Plan, Report, check,
    load::{Clients, retry},
    report::Findings,
    schedule::{self, AGENTS, Act, Dice, words},
    stalls::Stalls,
    truth::{self, Shown, Watch},
};
use crate::cluster::{Cluster, Recorder, Topic};

/// How soon after a crash every session must show a true state, on a machine that lets it.
const TRUE_WITHIN: Duration = Duration::from_secs(5);
/// So many last prompts a session gets until none waits any more; one that still waits then is found by the checks.
const PROMPTS: usize = 10;
/// The pause between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// How long sessions may take to come to rest when nobody is killed any more.
const REST: Duration = Duration::from_secs(120);

/// A run.
pub struct Play {
    pub(super) cluster: Cluster,
    pub(super) clients: Clients,
    /// Who watches: a session's followers, each by another door.
    pub(super) followers: Vec<(SessionId, Vec<Recorder>)>,
    /// Who watches the list, and from which place on.
    pub(super) lists: Vec<Recorder>,
    pub(super) findings: Findings,
    /// What happened, for a run that found something.
    pub(super) story: Vec<String>,
    pub(super) dice: Dice,
    began: Instant,
    stalls: Stalls,
    slowest: Duration,
}

pub(super) async fn run(plan: Plan, cluster: Cluster) -> Result<Report> {
    let work = cluster.home().work().to_string_lossy().into_owned();
    let mut play = Play {
        clients: Clients::new(cluster.client()?, work, plan.sessions),
        lists: vec![cluster.record(Topic::List, 0)?, cluster.record_with_breaks(Topic::List, 0, plan.seed)?],
        cluster,
        followers: Vec::new(),
        findings: Findings::default(),
        story: Vec::new(),
        // Not those of the schedule, which are rolled before.
        dice: Dice::of(!plan.seed),
        began: Instant::now(),
        stalls: Stalls::measure(),
        slowest: Duration::ZERO,
    };
    let outcome = play.all(plan).await;
    let mut report = Report::of(plan, play.began.elapsed(), play.slowest);
    report.count(&play.clients, &play.followers, &play.story);
    if let Err(error) = outcome {
        play.findings.other.push(format!("the run did not come to its end: {error:#}"));
    }
    report.findings = std::mem::take(&mut play.findings);
    if !report.is_clean() {
        report.kept = Some(play.cluster.keep());
        std::fs::write(play.cluster.home().root().join("story"), play.story.join("\n"))?;
        std::fs::write(play.cluster.home().root().join("findings"), report.to_string())?;
    }
    Ok(report)
}

impl Play {
    async fn all(&mut self, plan: Plan) -> Result<()> {
        for place in 0..plan.sessions {
            let words = words(&mut self.dice);
            self.clients.begin(Act::Create { place, agent: place % AGENTS.len(), words });
        }
        self.clients.finish().await?;
        for round in schedule::rounds(plan.seed, plan.kills, plan.sessions) {
            self.follow_new()?;
            for act in round.acts {
                self.tell(format!("{act:?}"));
                self.clients.begin(act);
            }
            // The moment of the strike is the schedule's, so that nothing is waited for.
            sleep(round.strike.after).await;
            self.strike(&round.strike).await?;
            self.see_truth().await?;
        }
        self.heal().await?;
        check::run(self).await?;
        self.end().await
    }

    pub(super) fn tell(&mut self, what: String) {
        self.story.push(format!("{:>8.3} {what}", self.began.elapsed().as_secs_f64()));
    }

    /// Follows sessions that are new, by every door.
    fn follow_new(&mut self) -> Result<()> {
        for session in self.clients.take_fresh() {
            let topic = Topic::Session(session);
            let seed = self.dice.roll(usize::MAX) as u64;
            let followers = vec![
                self.cluster.record(topic, 0)?,
                self.cluster.record_with_breaks(topic, 0, seed)?,
                self.cluster.record_by_sse(session, 0)?,
            ];
            self.followers.push((session, followers));
        }
        Ok(())
    }

    /// Every session as it is now.
    async fn views(client: &Client) -> Result<Vec<SessionView>> {
        Ok(retry(async || client.session_pages(&SessionsQuery::default()).items().await).await?)
    }

    /// Looks until each session has shown a state that the processes confirm, and notes those that have not in time.
    async fn see_truth(&mut self) -> Result<()> {
        let (since, lost) = (Instant::now(), self.stalls.total());
        let (client, home) = (self.cluster.client()?, self.cluster.home().name());
        let mut watch = Watch::new(TRUE_WITHIN);
        loop {
            let before: Vec<Shown> = Self::views(&client).await?.iter().map(Shown::from).collect();
            let found = truth::processes(&home);
            let after: Vec<Shown> = Self::views(&client).await?.iter().map(Shown::from).collect();
            // A machine that did not let this process run did not let the others run either.
            let passed = since.elapsed().saturating_sub(self.stalls.total().saturating_sub(lost));
            let open = watch.look(&before, &found, &after, passed);
            for untrue in watch.take_untrue() {
                self.tell(format!("UNTRUE {untrue}"));
                self.findings.untrue.push(untrue);
            }
            if !open {
                self.slowest = self.slowest.max(passed);
                return Ok(());
            }
            sleep(LOOK).await;
        }
    }

    /// Nobody is hit any more: every command gets its answer, every session rests, and takes another prompt.
    async fn heal(&mut self) -> Result<()> {
        self.tell("heal".to_owned());
        self.clients.finish().await?;
        self.follow_new()?;
        self.rest("nobody is killed any more").await?;
        let deleted = self.clients.ledger(|ledger| ledger.deleted.clone());
        self.followers.retain(|(id, _)| !deleted.contains(id));
        let mut waiting: Vec<SessionId> = self.followers.iter().map(|(id, _)| *id).collect();
        // A prompt of before that still waits may end its agent once more: its session goes on with the next one then.
        for _ in 0..PROMPTS {
            for session in &waiting {
                let words = schedule::Words { stream: 3, pause_us: 0, beside: schedule::Beside::Nothing };
                self.clients.begin_in(*session, words);
            }
            self.clients.finish().await?;
            self.rest("each has its last prompt").await?;
            let views = Self::views(&self.cluster.client()?).await?;
            waiting = views.iter().filter(|view| view.queue_length > 0).map(|view| view.id).collect();
            if waiting.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Waits until every session rests; questions are answered meanwhile.
    async fn rest(&mut self, when: &str) -> Result<()> {
        let client = self.cluster.client()?;
        let rests = |view: &&SessionView| matches!(view.state.as_str(), "idle" | "stopped" | "hibernated");
        let deadline = Instant::now() + REST;
        loop {
            let views = Self::views(&client).await?;
            let restless: Vec<&SessionView> = views.iter().filter(|view| !rests(view)).collect();
            if restless.is_empty() {
                return Ok(());
            }
            let told = || restless.iter().map(|v| format!("{} is {}", v.id, v.state)).collect::<Vec<_>>();
            ensure!(Instant::now() < deadline, "not at rest {REST:?} after {when}: {:?}", told());
            for view in restless.iter().filter(|view| !view.pending_permissions.is_empty()) {
                self.clients.answer_in(view.id);
            }
            self.clients.finish().await?;
            sleep(LOOK).await;
        }
    }

    async fn end(&mut self) -> Result<()> {
        for (session, _) in &self.followers {
            self.clients.stop_in(*session);
        }
        self.clients.finish().await?;
        self.rest("all were stopped").await?;
        self.see_truth().await?;
        let ended = timeout(REST, self.cluster.finish()).await.context("server and worker do not end")?;
        self.findings.left.extend(ended?.iter().map(|process| format!("{} {}", process.pid, process.command)));
        Ok(())
    }
}

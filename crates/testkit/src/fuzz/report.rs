//! What a run found, as a table for people and as JSON.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
    path::PathBuf,
    time::Duration,
};

use convene_core::ids::SessionId;
use serde_json::{Value, json};

use super::{Plan, load::Clients};
use crate::cluster::Recorder;

/// How many findings of a kind are told.
const TOLD: usize = 10;

/// What is wrong, by kind. All empty in a run that is as it should be.
#[derive(Debug, Default)]
pub struct Findings {
    /// What a client saw or was promised, and is not in the log.
    pub lost: Vec<String>,
    /// Places that are missing in a log or in what a client got.
    pub gaps: Vec<String>,
    /// Things that are there twice.
    pub duplicates: Vec<String>,
    /// Prompts that an agent got more than once.
    pub twice: Vec<String>,
    /// Sessions whose state the processes did not confirm in time.
    pub untrue: Vec<String>,
    /// Processes that were there when everything had ended.
    pub left: Vec<String>,
    /// Everything else that is not as it should be.
    pub other: Vec<String>,
}

impl Findings {
    fn rows(&self) -> [(&'static str, &'static str, &[String]); 7] {
        [
            ("lost", "lost acknowledged events", &self.lost),
            ("gaps", "gaps", &self.gaps),
            ("duplicates", "duplicates", &self.duplicates),
            ("handed_over_twice", "prompts handed over twice", &self.twice),
            ("untrue", "sessions without a true state after 5 s", &self.untrue),
            ("left", "processes left", &self.left),
            ("other", "other faults", &self.other),
        ]
    }
}

/// What a run did and found.
#[derive(Debug)]
pub struct Report {
    plan: Plan,
    took: Duration,
    /// The longest time until all sessions showed a true state after a strike.
    slowest: Duration,
    counts: BTreeMap<&'static str, usize>,
    hits: BTreeMap<&'static str, usize>,
    /// What is wrong.
    pub findings: Findings,
    /// Where the home of a run that found something is.
    pub kept: Option<PathBuf>,
}

impl Report {
    pub(super) fn of(plan: Plan, took: Duration, slowest: Duration) -> Self {
        let (counts, hits, findings, kept) = Default::default();
        Self { plan, took, slowest, counts, hits, findings, kept }
    }

    pub(super) fn count(&mut self, clients: &Clients, followers: &[(SessionId, Vec<Recorder>)], story: &[String]) {
        let recorders = || followers.iter().flat_map(|(_, recorders)| recorders);
        self.counts.insert("sessions", followers.len());
        self.counts.insert("clients", recorders().count());
        self.counts.insert("events seen", recorders().map(|recorder| recorder.seen().events.len()).sum());
        self.counts.insert("commands answered", clients.ledger(|ledger| ledger.answered.len()));
        for role in ["Server", "Worker", "Keeper", "Runner", "Agent"] {
            let strikes = story.iter().filter(|line| line.contains("STRIKE"));
            self.hits.insert(role, strikes.map(|line| line.matches(role).count()).sum());
        }
    }

    /// Whether everything is as it should be.
    pub fn is_clean(&self) -> bool {
        self.findings.rows().iter().all(|(_, _, found)| found.is_empty())
    }

    /// The figures for programs.
    pub fn json(&self) -> Value {
        let found = self.findings.rows().map(|(name, _, found)| (name, json!(found.len())));
        let figures: BTreeMap<&str, Value> = found.into_iter().collect();
        json!({
            "seed": self.plan.seed, "kills": self.plan.kills, "places": self.plan.sessions,
            "seconds": self.took.as_secs_f64(), "slowest_truth_seconds": self.slowest.as_secs_f64(),
            "counts": self.counts, "hits": self.hits, "figures": figures, "clean": self.is_clean(), "kept": self.kept,
        })
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Plan { seed, kills, sessions } = self.plan;
        writeln!(f, "seed {seed}: {kills} strikes at {sessions} sessions at once, {:.0?}", self.took)?;
        let list = |map: &BTreeMap<&str, usize>| map.iter().map(|(name, n)| format!("{name} {n}")).collect::<Vec<_>>();
        writeln!(f, "hit: {}", list(&self.hits).join(", ").to_lowercase())?;
        writeln!(f, "{}", list(&self.counts).join(", "))?;
        for (_, name, found) in self.findings.rows() {
            writeln!(f, "{name:<42} {:>4}", found.len())?;
            for what in found.iter().take(TOLD) {
                writeln!(f, "    {what}")?;
            }
        }
        writeln!(f, "{:<42} {:>4.1} s", "slowest true state", self.slowest.as_secs_f64())?;
        match &self.kept {
            Some(home) => writeln!(f, "kept: {}", home.display()),
            None => Ok(()),
        }
    }
}

//! The database: whether this version reads it, whether it is whole, and which logs are large.

use std::{path::Path, time::Duration};

use convene_api::{
    doctor::{Finding, FindingCode},
    problem::Code,
};
use convene_engine::{
    Env,
    salvage::salvage,
    storage::{self, inspect},
};

use crate::error::ServeError;

/// The check itself may take so long; the rest of a check's time is for opening.
const WITHIN: Duration = Duration::from_millis(1500);

/// Looks at it.
pub fn look(dir: &Path) -> Vec<Finding> {
    let path = dir.join("convene.db").display().to_string();
    let damaged = |why: String| {
        let summary = format!("the database is damaged: {why}");
        let fix = "convene shutdown, then convene doctor --fix: a new one of all that can be read; this one is kept";
        Finding::new(FindingCode::DatabaseDamaged, summary, fix).with("path", path.clone()).with("why", why)
    };
    let found = match inspect(dir, WITHIN) {
        Ok(found) => found,
        Err(storage::Error::Newer { found, known }) => {
            let summary = format!("the database is of schema {found}, this version knows up to {known}");
            let newer = Finding::new(FindingCode::DatabaseNewer, summary, "upgrade convene");
            return vec![newer.with("found", found).with("known", known)];
        }
        Err(storage::Error::Damaged { why, .. }) => return vec![damaged(why)],
        Err(error) => {
            let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            return vec![damaged(cause)];
        }
    };
    let faults = (!found.faults.is_empty()).then(|| damaged(found.faults.join("; ")));
    let large = found.large.into_iter().map(|(session, events)| {
        let id = session.short();
        let summary = format!("the log of {id} has {events} events");
        let fix = format!("convene export {id} -O {id}.jsonl, then go on in a new session");
        Finding::new(FindingCode::LogLarge, summary, fix).with("session", session.to_string()).with("events", events)
    });
    let quarantined = found.damaged.into_iter().map(|(session, events)| {
        let id = session.short();
        let summary = format!("{events} events of {id} are damaged or missing");
        let fix = format!("convene logs {id} shows what can be read; convene shutdown, then convene doctor --fix");
        let found = Finding::new(FindingCode::SessionQuarantined, summary, fix);
        found.with("session", session.to_string()).with("events", events)
    });
    faults.into_iter().chain(quarantined).chain(large).collect()
}

/// Makes a new database of what can be read of this one, which is kept; says what came of it.
pub fn renew(dir: &Path) -> Result<String, String> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).map_err(|error| format!("no randomness for a new epoch: {error}"))?;
    let salvaged = match salvage(dir, &Env::system(), crate::serve::epoch(seed)) {
        Ok(salvaged) => salvaged,
        Err(error) => {
            let problem = ServeError::Engine(error).problem();
            let hint =
                if problem.code == Code::ServerAlreadyRunning { ": stop it first, convene shutdown" } else { "" };
            return Err(format!("no new database was made: {}{hint}", problem.detail));
        }
    };
    let did = if salvaged.resumed { "finished what was interrupted" } else { "made a new database" };
    let mut said = format!("{did}: {} events", salvaged.events);
    for (session, lost) in &salvaged.lost {
        said += &format!("; {} lost {lost}", session.short());
    }
    for session in &salvaged.stopped {
        said += &format!("; {} was stopped", session.short());
    }
    if salvaged.tokens.is_none() {
        said += "; API tokens are gone, as it is not known which were revoked: make new ones with convene token create";
    }
    if let Some(kept) = salvaged.kept.first() {
        said += &format!("; the one before is {}", kept.display());
    }
    Ok(said)
}

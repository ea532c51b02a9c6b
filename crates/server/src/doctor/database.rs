//! The database: whether this version reads it, whether it is whole, and which logs are large.

use std::{path::Path, time::Duration};

use convene_api::doctor::{Finding, FindingCode};
use convene_engine::storage::{self, inspect};

/// The check itself may take so long; the rest of a check's time is for opening.
const WITHIN: Duration = Duration::from_millis(1500);

/// Looks at it.
pub fn look(dir: &Path) -> Vec<Finding> {
    let path = dir.join("convene.db").display().to_string();
    let damaged = |why: String| {
        let summary = format!("the database is damaged: {why}");
        let fix = "stop the server, keep a copy of the data directory, and put back a backup";
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
    faults.into_iter().chain(large).collect()
}

//! Runs checks side by side, each within its time.

use std::{
    fmt,
    sync::mpsc::{RecvTimeoutError, sync_channel},
    thread,
    time::{Duration, Instant},
};

use super::{DoctorReport, Finding, FindingCode};

/// How long a check may take; one that takes longer is left behind and said so.
pub const LIMIT: Duration = Duration::from_secs(2);

/// What a check does.
type Look = Box<dyn FnOnce() -> Vec<Finding> + Send>;

/// One question to the machine. It blocks, and changes nothing.
pub struct Check {
    name: &'static str,
    look: Look,
}

impl Check {
    /// A check by its name; no finding says that all is well.
    pub fn new(name: &'static str, look: impl FnOnce() -> Vec<Finding> + Send + 'static) -> Self {
        Self { name, look: Box::new(look) }
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Runs all checks at once. Each has a thread of its own, because a dead network drive holds up whoever asks it; such a
/// thread is left behind and ends with the process.
pub fn run(checks: Vec<Check>, limit: Duration) -> DoctorReport {
    let started = Instant::now();
    // Each check answers once, so nobody ever waits for room.
    let (tell, told) = sync_channel(checks.len().max(1));
    let mut waiting: Vec<&'static str> = Vec::new();
    let mut report = DoctorReport::default();
    for check in checks {
        let (name, look, tell) = (check.name, check.look, tell.clone());
        let spawned = thread::Builder::new().name(format!("check-{name}")).spawn(move || {
            let found = look();
            // Nobody waits for it any more when it comes too late.
            let _late = tell.send((name, found));
        });
        match spawned {
            Ok(_detached) => waiting.push(name),
            Err(error) => report.items.push(unfinished(name, &format!("it cannot be started: {error}"))),
        }
    }
    drop(tell);
    while !waiting.is_empty() {
        match told.recv_timeout(limit.saturating_sub(started.elapsed())) {
            Ok((name, found)) => {
                waiting.retain(|waiting| *waiting != name);
                if found.is_empty() {
                    report.ok.push(name.to_owned());
                }
                report.items.extend(found);
            }
            Err(RecvTimeoutError::Timeout) => {
                let why = format!("no answer in {} s", limit.as_secs_f32());
                report.items.extend(waiting.drain(..).map(|name| unfinished(name, &why)));
            }
            // Those that are left ended without an answer.
            Err(RecvTimeoutError::Disconnected) => {
                report.items.extend(waiting.drain(..).map(|name| unfinished(name, "it ended by a bug")));
            }
        }
    }
    report.ok.sort();
    report.sort();
    report.took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    report
}

fn unfinished(name: &str, why: &str) -> Finding {
    Finding::new(FindingCode::CheckUnfinished, format!("the check {name} did not end: {why}"), "")
        .with("check", name)
        .with("why", why)
}

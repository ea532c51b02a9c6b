//! Ends the processes that a turn has started, where its agent waits for them and does not hear a cancel.
//!
//! An agent ends its tools itself, and most do. One that takes a cancel only between two tools waits for a tool that may
//! never end; killing the agent for it would also kill what it left running on purpose. So what this turn has started gets
//! SIGTERM and then SIGKILL before the agent itself does, and what was there before the turn, a dev server for one, lives on.

use std::time::Duration;

use convene_core::event::KnownEvent;
use rustix::process::Signal;
use tokio::time::Instant;

use super::Runner;
use crate::process::{Process, descendants, name};

/// From a cancel to SIGTERM for the processes of its turn, if the agent has not yielded.
const TERMINATE_TOOLS: Duration = Duration::from_secs(3);
/// From SIGTERM to SIGKILL for those that are still there.
const KILL_TOOLS: Duration = Duration::from_secs(2);
/// Processes that are named; the rest is counted.
const NAMED: usize = 5;

/// What is due for the processes of a turn that was cancelled.
#[derive(Debug, Clone, Copy)]
pub(super) struct ToolsDue {
    pub(super) at: Instant,
    signal: Signal,
}

impl ToolsDue {
    pub(super) fn after_cancel(now: Instant) -> Self {
        Self { at: now + TERMINATE_TOOLS, signal: Signal::TERM }
    }

    /// What comes after it.
    fn next(self, now: Instant) -> Option<Self> {
        (self.signal == Signal::TERM).then(|| Self { at: now + KILL_TOOLS, signal: Signal::KILL })
    }
}

impl Runner {
    /// Ends what the cancelled turn has started. What comes next, if anything had to be ended.
    pub(super) fn end_tools(&mut self, due: ToolsDue, now: Instant) -> Option<ToolsDue> {
        let ended = self.signal_tools(due.signal);
        if ended.is_empty() {
            return None;
        }
        let signal = if due.signal == Signal::TERM { "SIGTERM" } else { "SIGKILL" };
        let words: Vec<String> =
            ended.iter().take(NAMED).map(|(pid, name)| format!("{name} (process {pid})")).collect();
        let more = ended.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let agent = self.config.agent.display_name();
        let detail = format!("{agent} did not yield to a cancel; sent {signal} to {}{more}", words.join(", "));
        self.emit(KnownEvent::AgentDiagnostic { code: "tools_ended".to_owned(), detail });
        due.next(now)
    }

    /// Sends a signal to what the turn has started, and says to whom it went.
    fn signal_tools(&self, signal: Signal) -> Vec<(i32, String)> {
        // Without the time nobody can tell what is the turn's own.
        let Some(began) = self.turn.as_ref().and_then(|turn| turn.began) else { return Vec::new() };
        let processes = match descendants(std::process::id().cast_signed()) {
            Ok(processes) => processes,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot look for the turn's processes");
                return Vec::new();
            }
        };
        let agent = self.agent_pid();
        // The clock of the table is coarse: what began in the same tick as the turn may be older than it.
        let is_its_own = |process: &&Process| !process.over && Some(process.pid) != agent && process.start_time > began;
        let own = processes.iter().filter(is_its_own);
        let told = own.filter_map(|process| {
            let named = name(process.pid);
            process.identity().signal(signal).is_ok_and(|sent| sent).then_some((process.pid, named))
        });
        told.collect()
    }
}

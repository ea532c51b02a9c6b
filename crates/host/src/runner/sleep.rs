//! Going to sleep: ends the agent until there is a prompt, unless it has work that would be lost.

use convene_api::uplink::DirectiveOutcome;
use convene_core::event::{AwakeReason, KnownEvent, StopMode};
use tokio::time::Instant;

use super::{Runner, handshake::Stage};
use crate::process::{descendants, name};

/// Processes at work that are named; the rest is counted.
const NAMED: usize = 5;

impl Runner {
    /// Ends the agent if nothing is lost by it; else says why not.
    pub(super) fn hibernate(&mut self, now: Instant) -> DirectiveOutcome {
        if self.leaving.is_some() {
            return DirectiveOutcome::Stale;
        }
        let busy = !matches!(self.stage, Stage::Ready) || self.turn.is_some() || !self.prompts.is_empty();
        let kept = if busy {
            Some((AwakeReason::Busy, format!("{} is not idle", self.config.agent.display_name())))
        } else {
            self.live_work().map(|detail| (AwakeReason::LiveWork, detail))
        };
        match kept {
            Some((why, detail)) => {
                self.emit(KnownEvent::SessionKeptAwake { why, detail });
                DirectiveOutcome::Stale
            }
            None => {
                self.stop(StopMode::Graceful, now);
                DirectiveOutcome::Applied
            }
        }
    }

    /// Processes that the agent started since its first prompt and that still run, in words. What it started before, it
    /// started for itself: those come back with it.
    fn live_work(&self) -> Option<String> {
        let since = self.first_prompt?;
        let processes = match descendants(std::process::id().cast_signed()) {
            Ok(processes) => processes,
            // Who cannot look must not end what may be there.
            Err(error) => return Some(format!("the process table cannot be read: {error}")),
        };
        let agent = self.agent_pid();
        let at_work: Vec<_> =
            processes.iter().filter(|p| !p.over && Some(p.pid) != agent && p.start_time >= since).collect();
        let names: Vec<String> =
            at_work.iter().take(NAMED).map(|p| format!("{} (process {})", name(p.pid), p.pid)).collect();
        let more = at_work.len().saturating_sub(NAMED);
        match (names.is_empty(), more) {
            (true, _) => None,
            (false, 0) => Some(names.join(", ")),
            (false, more) => Some(format!("{} and {more} more", names.join(", "))),
        }
    }
}

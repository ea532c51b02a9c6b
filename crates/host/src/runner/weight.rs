//! Sees to it that an agent and all that it has started stay within the limits of a tree.
//!
//! Where the attempt has a cgroup whose limits can be set, the kernel does. Elsewhere the runner looks, as long as the
//! agent lives: the more often, the more is to be expected. A resource limit of the processes themselves would not do: the
//! kernel counts `RLIMIT_NPROC` for the user and not for the tree, so that one agent's bomb would stop all the others.

use std::time::Duration;

use convene_core::{
    event::{LimitedBy, TreeLimits},
    failure::{Failure, FailureKind},
};
use tokio::time::Instant;

use super::{Runner, handshake::Stage};
use crate::{
    keeper::cgroup,
    launch_spec::TreeMax,
    process::{Weight, weight_below},
};

/// Between two looks at a tree that grows.
const QUICKLY: Duration = Duration::from_millis(200);
/// Between two looks in a turn, and before the agent takes prompts.
const EVERY: Duration = Duration::from_secs(1);
/// Between two looks at what an agent left running when its turn was over.
const BETWEEN: Duration = Duration::from_secs(3);
/// Between two looks at an idle agent that is alone.
const SELDOM: Duration = Duration::from_secs(30);
/// So many processes more than at the last look are growth.
const MORE: u32 = 8;
/// And so much memory more, as a part of the limit.
const PART: u64 = 8;

/// When the tree is looked at next, if it is to be.
#[derive(Debug, Default)]
pub(super) struct Scale {
    by_runner: bool,
    pub(super) at: Option<Instant>,
    /// What was seen last.
    last: Weight,
}

impl Scale {
    /// How long the next look has time, after one that saw this.
    fn pause(&mut self, seen: Weight, max: TreeMax, is_at_work: bool) -> Duration {
        let last = std::mem::replace(&mut self.last, seen);
        let grows = seen.processes >= last.processes.saturating_add(MORE)
            || (max.memory > 0 && seen.memory > last.memory.saturating_add(max.memory / PART));
        match (grows, is_at_work, seen.processes) {
            (true, _, _) => QUICKLY,
            (false, true, _) => EVERY,
            (false, false, 0 | 1) => SELDOM,
            (false, false, _) => BETWEEN,
        }
    }
}

impl Runner {
    /// Sets the limits for the agent that is about to be launched, and says how they are held.
    pub(super) fn limit_tree(&mut self) -> Option<TreeLimits> {
        let max = self.config.tree_max;
        if max == TreeMax::default() || cfg!(not(target_os = "linux")) {
            return None;
        }
        let by_kernel = self.side.attempt().cgroup.as_deref().is_some_and(|path| cgroup::limit(path, max));
        self.scale.by_runner = !by_kernel;
        let by = if by_kernel { LimitedBy::Kernel } else { LimitedBy::Watch };
        let processes = (max.processes > 0).then_some(max.processes);
        let memory = (max.memory > 0).then_some(max.memory);
        Some(TreeLimits { processes, memory, by })
    }

    /// Looks again from now on: something begins.
    pub(super) fn weigh_soon(&mut self, now: Instant) {
        if self.scale.by_runner {
            let soon = now + EVERY;
            self.scale.at = Some(self.scale.at.map_or(soon, |at| at.min(soon)));
        }
    }

    /// Looks, if it is time, and ends the attempt if its tree is too large.
    pub(super) fn weigh_tree(&mut self, now: Instant) {
        if self.scale.at.take_if(|at| now >= *at).is_none() || self.agent_pid().is_none() {
            return;
        }
        let max = self.config.tree_max;
        let most = if max.processes == 0 { u32::MAX } else { max.processes };
        let weight = match weight_below(std::process::id().cast_signed(), most) {
            Ok(weight) => weight,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot look at the tree");
                return self.weigh_soon(now);
            }
        };
        let over = if weight.processes > most {
            Some((format!("more than {most} processes"), "limits.tree_processes"))
        } else if max.memory > 0 && weight.memory > max.memory {
            Some((format!("{} MB of memory", weight.memory / 1_000_000), "limits.tree_memory"))
        } else {
            None
        };
        match over {
            Some((what, key)) if self.leaving.is_none() => {
                let name = self.config.agent.display_name();
                let failure =
                    Failure::new(FailureKind::UnknownFailure, format!("{name} and what it started took {what}"))
                        .code("agent_over_limit")
                        .hint(format!("raise {key} in config.toml"));
                self.fail_at_once(failure, now);
            }
            Some(_) => {}
            None => {
                let is_at_work = self.turn.is_some() || !matches!(self.stage, Stage::Ready);
                self.scale.at = Some(now + self.scale.pause(weight, max, is_at_work));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(processes: u32, memory: u64) -> Weight {
        Weight { processes, memory }
    }

    #[test]
    fn the_more_is_to_be_expected_the_sooner_it_is_looked() {
        let max = TreeMax { processes: 60, memory: 800 };
        let mut scale = Scale { last: weight(1, 0), ..Scale::default() };
        for (seen, is_at_work, expected) in [
            (weight(1, 0), true, EVERY),
            (weight(1, 0), false, SELDOM),
            (weight(2, 0), false, BETWEEN),
            (weight(9, 0), false, BETWEEN),
            (weight(17, 0), false, QUICKLY),
            (weight(17, 101), false, QUICKLY),
            (weight(17, 201), true, EVERY),
            (weight(17, 201), false, BETWEEN),
        ] {
            assert_eq!(scale.pause(seen, max, is_at_work), expected, "{seen:?}, at work: {is_at_work}");
        }
        // No limit of memory: its growth is of no interest.
        let max = TreeMax { memory: 0, ..max };
        assert_eq!(scale.pause(weight(17, u64::MAX), max, true), EVERY);
    }
}

//! Sees to it that an agent and all that it has started stay within the limits of a tree.
//!
//! Where the attempt has a cgroup whose limits can be set, the kernel does. Elsewhere the runner looks: once a second in a
//! turn, and also between turns while many processes are there. A resource limit of the processes themselves would not do:
//! the kernel counts `RLIMIT_NPROC` for the user and not for the tree, so that one agent's bomb would stop all the others.

use std::time::Duration;

use convene_core::{
    event::{LimitedBy, TreeLimits},
    failure::{Failure, FailureKind},
};
use tokio::time::Instant;

use super::Runner;
use crate::{keeper::cgroup, launch_spec::TreeMax, process::weight_below};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// With so many processes a tree is looked at also between turns.
const LARGE: u32 = 16;

/// When the tree is looked at next, if it is to be.
#[derive(Debug, Default)]
pub(super) struct Scale {
    by_runner: bool,
    pub(super) at: Option<Instant>,
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
            self.scale.at.get_or_insert(now + EVERY);
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
            None if self.turn.is_some() || weight.processes > LARGE => self.weigh_soon(now),
            None => {}
        }
    }
}

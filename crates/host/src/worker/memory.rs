//! How much memory attempts hold: what is resident of their keepers and everything below.

use std::collections::HashMap;

use convene_api::uplink::AttemptMemory;

use super::attempt::Key;
use crate::{
    process::{self, resident},
    rundir::RunDir,
};

/// The memory of attempts, as far as it can be told. Pages that processes share count for each of them. Blocks.
pub(super) fn of_attempts(attempts: &[(Key, RunDir)]) -> Vec<AttemptMemory> {
    let Ok(table) = process::list() else { return Vec::new() };
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for process in table {
        children.entry(process.parent).or_default().push(process.pid);
    }
    let told = attempts.iter().filter_map(|(key, run_dir)| {
        let keeper = run_dir.attempt_record().ok()??.keeper.filter(process::Identity::is_alive)?;
        let bytes = of_tree(keeper.pid, &children);
        Some(AttemptMemory { session: key.session, attempt: key.attempt, bytes })
    });
    told.collect()
}

fn of_tree(root: i32, children: &HashMap<i32, Vec<i32>>) -> u64 {
    let (mut left, mut bytes, mut seen) = (vec![root], 0, 0);
    while let Some(pid) = left.pop() {
        seen += 1;
        bytes += resident(pid);
        // A table that was read while it changed may go in circles.
        if seen <= children.len() * 2 {
            left.extend(children.get(&pid).into_iter().flatten());
        }
    }
    bytes
}

//! An agent for each session: spawned, three JSON-RPC round trips, gone. So many at once.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use anyhow::{Result, anyhow};

use super::{agents::Agent, asked, tell};

pub fn run(fake: &Path, sessions: usize, at_once: usize) -> Result<()> {
    tell("ready");
    while asked().is_some() {
        let next = AtomicUsize::new(0);
        let times = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..at_once).map(|_| scope.spawn(|| some(fake, &next, sessions))).collect();
            let joined = threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a thread panicked"))?);
            joined.collect::<Result<Vec<_>>>()
        })?;
        let times: Vec<String> = times.concat().iter().map(ToString::to_string).collect();
        tell(&format!("done {}", times.join(" ")));
    }
    Ok(())
}

/// One after the other, as long as there are any; how long each took to its prompt's answer, in microseconds.
fn some(fake: &Path, next: &AtomicUsize, sessions: usize) -> Result<Vec<u128>> {
    let mut times = Vec::new();
    while next.fetch_add(1, Ordering::Relaxed) < sessions {
        let start = Instant::now();
        let mut agent = Agent::launch(fake)?;
        agent.greet()?;
        agent.prompt("hello")?;
        agent.answer(2)?;
        times.push(start.elapsed().as_micros());
        agent.leave()?;
    }
    Ok(times)
}

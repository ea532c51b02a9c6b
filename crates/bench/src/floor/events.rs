//! Pipe → envelope → log and `fdatasync` → raw TCP, for any number of agents, by one thread.

use std::{fs::File, io::Write as _, net::TcpListener, path::Path};

use anyhow::Result;

use super::{
    agents::{Agent, Envelope, ready},
    asked, tell,
};

/// So many events are made durable together, if they are there.
const GROUP: usize = 512;

pub fn run(fake: &Path, count: usize, log: &Path) -> Result<()> {
    let mut agents = (0..count).map(|_| Agent::launch(fake)).collect::<Result<Vec<_>>>()?;
    for agent in &mut agents {
        agent.greet()?;
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut log = File::create(log)?;
    tell(&format!("port {}", listener.local_addr()?.port()));
    let (mut viewer, _) = listener.accept()?;
    viewer.set_nodelay(true)?;
    while let Some(prompt) = asked() {
        for agent in &mut agents {
            agent.prompt(&prompt)?;
        }
        let (mut running, mut total) = (count, 0_u64);
        let mut out = Vec::new();
        while running > 0 {
            let mut events = 0;
            let mut places = ready(&agents, true)?;
            while !places.is_empty() {
                for place in places {
                    agents[place].read(|line| {
                        let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(line) else { return };
                        if envelope.id.is_some() && envelope.method.is_none() {
                            running -= 1;
                        }
                        if let Some(update) = envelope.params.and_then(|params| params.update) {
                            out.extend_from_slice(update.get().as_bytes());
                            out.push(b'\n');
                            events += 1;
                        }
                    })?;
                }
                places = if events < GROUP { ready(&agents, false)? } else { Vec::new() };
            }
            if events > 0 {
                log.write_all(&out)?;
                log.sync_data()?;
                viewer.write_all(&out)?;
                out.clear();
                total += events as u64;
            }
        }
        tell(&format!("done {total}"));
    }
    agents.into_iter().try_for_each(Agent::leave)
}

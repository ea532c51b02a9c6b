//! One coalesced write to each socket: of what an agent says, or of text from memory (agent `-`).

use std::{
    io::Write as _,
    net::{TcpListener, TcpStream},
    path::Path,
};

use anyhow::{Context as _, Result};

use super::{
    agents::{Agent, Envelope, ready},
    asked, tell,
};

pub fn run(fake: &Path) -> Result<()> {
    let mut agents = Vec::new();
    if fake != Path::new("-") {
        agents.push(Agent::launch(fake)?);
        agents[0].greet()?;
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    tell(&format!("port {}", listener.local_addr()?.port()));
    let count: usize = asked().context("no number of viewers")?.parse()?;
    let mut viewers = Vec::with_capacity(count);
    for _ in 0..count {
        let (viewer, _) = listener.accept()?;
        viewer.set_nodelay(true)?;
        viewers.push(viewer);
    }
    tell("ready");
    while let Some(line) = asked() {
        let total =
            if agents.is_empty() { from_memory(&line, &mut viewers)? } else { said(&line, &mut agents, &mut viewers)? };
        tell(&format!("done {total}"));
    }
    agents.into_iter().try_for_each(Agent::leave)
}

/// Gives the agent a prompt and passes on what it says: a read, then a write for each socket.
fn said(prompt: &str, agents: &mut [Agent], viewers: &mut [TcpStream]) -> Result<u64> {
    agents[0].prompt(prompt)?;
    let (mut running, mut total, mut out) = (true, 0, Vec::new());
    while running {
        ready(agents, true)?;
        agents[0].read(|line| {
            let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(line) else { return };
            running &= envelope.id.is_none() || envelope.method.is_some();
            if let Some(update) = envelope.params.and_then(|params| params.update) {
                out.extend_from_slice(update.get().as_bytes());
                out.push(b'\n');
                total += 1;
            }
        })?;
        write(&out, viewers)?;
        out.clear();
    }
    Ok(total)
}

/// `ROUNDS BATCH BYTES`: so many times a batch of so many texts of so many bytes.
fn from_memory(line: &str, viewers: &mut [TcpStream]) -> Result<u64> {
    let numbers = line.split(' ').map(str::parse).collect::<Result<Vec<usize>, _>>()?;
    let &[rounds, batch, bytes] = numbers.as_slice() else { anyhow::bail!("{line:?} is no order") };
    let text = "x".repeat(bytes);
    let out = format!("{{\"sessionUpdate\":\"agent_message_chunk\",\"text\":\"{text}\"}}\n").repeat(batch);
    for _ in 0..rounds {
        write(out.as_bytes(), viewers)?;
    }
    Ok((rounds * batch) as u64)
}

fn write(out: &[u8], viewers: &mut [TcpStream]) -> Result<()> {
    Ok(viewers.iter_mut().try_for_each(|viewer| viewer.write_all(out))?)
}

//! The floors: programs that do the least work that gives the same promise, to be measured beside the product.
//!
//! | program | promise |
//! |---|---|
//! | `create LOG` | answers `POST` over HTTP after what was posted is durable |
//! | `events FAKE-AGENT AGENTS LOG` | what agents say is durable before the viewer sees it, over raw TCP |
//! | `raw LOG EVENTS BYTES` | events from memory are durable, 512 at a time |
//! | `fanout FAKE-AGENT` | what an agent says, or text from memory, is written to every viewer, in as few writes as there were reads |
//! | `catchup FILE` | what is in the file is written to whoever asks for it |
//! | `dispatch FAKE-AGENT SESSIONS AT-ONCE` | an agent for each session: spawned, three round trips, gone |
//!
//! Each tells on stdout what the bench has to know, one line at a time, and ends with its stdin.

mod agents;
mod catchup;
mod create;
mod dispatch;
mod events;
mod fanout;
mod raw;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["create", log] => create::run(log.as_ref()),
        ["events", fake, agents, log] => events::run(fake.as_ref(), agents.parse()?, log.as_ref()),
        ["raw", log, events, bytes] => raw::run(log.as_ref(), events.parse()?, bytes.parse()?),
        ["catchup", file] => catchup::run(file.as_ref()),
        ["fanout", fake] => fanout::run(fake.as_ref()),
        ["dispatch", fake, sessions, at_once] => dispatch::run(fake.as_ref(), sessions.parse()?, at_once.parse()?),
        _ => bail!("the bench starts this program; see `cargo xtask bench`"),
    }
}

/// Tells the bench something.
fn tell(line: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    // A bench that is gone closes stdin too, which ends this program.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// The next line of the bench; nothing once it is done.
fn asked() -> Option<String> {
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line.trim_end().to_owned()),
    }
}

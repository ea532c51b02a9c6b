//! A raw log: events from memory, groups of 512, one append and one `fdatasync` each.

use std::{fs::File, io::Write as _, path::Path};

use anyhow::Result;

use super::{asked, tell};

const GROUP: usize = 512;

pub fn run(log: &Path, events: usize, bytes: usize) -> Result<()> {
    let mut log = File::create(log)?;
    let event = vec![b'x'; bytes];
    tell("ready");
    while asked().is_some() {
        let mut out = Vec::new();
        let mut left = events;
        while left > 0 {
            let group = left.min(GROUP);
            out.clear();
            for index in 0..group {
                // A length, a number, the event.
                out.extend_from_slice(&(event.len() as u64).to_le_bytes());
                out.extend_from_slice(&((left - index) as u64).to_le_bytes());
                out.extend_from_slice(&event);
            }
            log.write_all(&out)?;
            log.sync_data()?;
            left -= group;
        }
        tell(&format!("done {events}"));
    }
    Ok(())
}

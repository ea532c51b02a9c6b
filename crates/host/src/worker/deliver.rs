//! Delivers what a dead runner left: the tail of its spool first, then its end.

use std::{fs, io, os::unix::fs::DirBuilderExt as _};

use convene_api::uplink::{BATCH_BYTES, BATCH_EVENTS, Batch, WorkerUp};
use convene_core::{failure::AttemptExit, ids::InstanceId};
use serde_json::value::RawValue;

use super::attempt::Key;
use crate::{rundir::RunDir, spool::Records};

/// What an ended attempt left, on its way to the server.
pub(super) struct Remains {
    run_dir: RunDir,
    exit: AttemptExit,
    /// The part of the spool that was not sent on this link.
    tail: Option<Tail>,
}

struct Tail {
    /// In whose name it is told.
    instance: InstanceId,
    records: Records,
}

impl Remains {
    pub(super) const fn new(run_dir: RunDir, exit: AttemptExit) -> Self {
        Self { run_dir, exit, tail: None }
    }

    /// The first frame on a link: the tail begins from its start, and the server drops what it knows.
    pub(super) fn first(&mut self, key: Key) -> WorkerUp {
        self.tail = self.open_tail();
        self.next(key, 0)
    }

    /// The frame after an acknowledgement: what comes at `next_index`, or the end. `None`: the server will not have the
    /// tail, so it stays on this machine.
    pub(super) fn after(&mut self, key: Key, next_index: Option<u64>) -> WorkerUp {
        match next_index {
            Some(next_index) => self.next(key, next_index),
            None => {
                self.keep_tail();
                self.end(key)
            }
        }
    }

    /// Gives the directory back, once everything in it is delivered.
    pub(super) fn into_run_dir(self) -> RunDir {
        self.run_dir
    }

    fn next(&mut self, key: Key, from: u64) -> WorkerUp {
        let batch = self.tail.as_mut().and_then(|tail| Some((tail.instance, read_batch(&mut tail.records, from)?)));
        match batch {
            Some((instance, batch)) => WorkerUp::Tail { session: key.session, attempt: key.attempt, instance, batch },
            None => self.end(key),
        }
    }

    fn end(&mut self, key: Key) -> WorkerUp {
        self.tail = None;
        WorkerUp::Ended { session: key.session, attempt: key.attempt, exit: self.exit.clone() }
    }

    fn open_tail(&self) -> Option<Tail> {
        // Somebody removed it: neither is there a tail, nor is it made anew for one.
        if self.run_dir.is_gone() {
            return None;
        }
        let instance = self.run_dir.attempt_record().ok().flatten().and_then(|record| record.instance.parse().ok());
        match (instance, Records::open(&self.run_dir.spool_path())) {
            (Some(instance), Ok(records)) => Some(Tail { instance, records }),
            (instance, opened) => {
                let error = opened.err();
                let error = error.as_ref().map(|error| error as &(dyn std::error::Error + 'static));
                let (session, attempt) = (self.run_dir.session(), self.run_dir.attempt());
                tracing::warn!(session, attempt, error, knows_runner = instance.is_some(), "a tail cannot be told");
                self.keep_tail();
                None
            }
        }
    }

    /// Moves the spool out of the run directory, which is about to be removed, to `tails/` beside the run directories.
    /// Nothing but a person reads or deletes it there.
    fn keep_tail(&self) {
        let (session, attempt) = (self.run_dir.session(), self.run_dir.attempt());
        let Some(run_root) = self.run_dir.path().ancestors().nth(2) else { return };
        let kept = run_root.with_file_name("tails");
        let moved = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&kept)
            .and_then(|()| fs::rename(self.run_dir.spool_path(), kept.join(format!("{session}-{attempt}.spool"))));
        match moved {
            Ok(()) => tracing::warn!(session, attempt, path = %kept.display(), "kept a tail that nobody wants"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::error!(session, attempt, error = %error, "cannot keep a tail"),
        }
    }
}

/// Reads the next records from an index on as a batch; `None` at the end of the spool. Records come gapless.
fn read_batch(records: &mut Records, from: u64) -> Option<Batch> {
    let mut first_index = None;
    let mut events: Vec<Box<RawValue>> = Vec::new();
    let mut bytes = 0;
    while events.len() < BATCH_EVENTS && bytes < BATCH_BYTES {
        // A torn end is the end; a record that cannot be read ends what can be delivered.
        let Some(Ok(record)) = records.next() else { break };
        if record.index < from {
            continue;
        }
        bytes += record.text.len();
        let Ok(raw) = RawValue::from_string(record.text) else { break };
        first_index.get_or_insert(record.index);
        events.push(raw);
    }
    first_index.map(|first_index| Batch { first_index, held_us: 0, spooled: 0, events })
}

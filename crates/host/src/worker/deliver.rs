//! Delivers what a dead runner left: the tail of its spool first, then its end.

use convene_api::uplink::{BATCH_BYTES, BATCH_EVENTS, Batch, WorkerUp};
use serde_json::value::RawValue;

use super::attempt::{Attempt, Key, keep_tail};
use crate::spool::Records;

/// The next frame of an ended attempt; `None` while it is alive.
///
/// `ack` is the server's answer to the last batch: `Some(None)` when the attempt is fenced, so that its tail is kept as
/// a file and not sent on; `None` begins from the start, and the server drops what it knows.
pub(super) fn next(key: Key, attempt: &mut Attempt, ack: Option<Option<u64>>) -> Option<WorkerUp> {
    let exit = attempt.ended.as_ref()?.exit.clone();
    let ended = WorkerUp::Ended { session: key.session, attempt: key.attempt, exit };
    match ack {
        None => {
            attempt.tail = match Records::open(&attempt.run_dir.spool_path()) {
                Ok(records) => Some(records),
                Err(error) => {
                    tracing::warn!(session = %key.session, attempt = key.attempt, error = %error, "no tail can be read");
                    None
                }
            };
        }
        Some(None) => {
            let root = attempt.run_dir.path().ancestors().nth(2).unwrap_or_else(|| attempt.run_dir.path());
            if let Err(error) = keep_tail(root, key, &attempt.run_dir) {
                tracing::warn!(session = %key.session, attempt = key.attempt, error = %error, "cannot keep a fenced tail");
            }
            return Some(ended);
        }
        Some(Some(_)) => {}
    }
    let instance = attempt.run_dir.attempt_record().ok().flatten().and_then(|record| record.instance.parse().ok());
    let (Some(instance), Some(batch)) = (instance, read_batch(attempt)) else { return Some(ended) };
    Some(WorkerUp::Tail { session: key.session, attempt: key.attempt, instance, batch })
}

/// The next records as a batch; `None` at the end of the spool. Records come gapless.
fn read_batch(attempt: &mut Attempt) -> Option<Batch> {
    let tail = attempt.tail.as_mut()?;
    let mut first_index = None;
    let mut events: Vec<Box<RawValue>> = Vec::new();
    let mut bytes = 0;
    while events.len() < BATCH_EVENTS && bytes < BATCH_BYTES {
        // A torn end is the end; a record that cannot be read ends what can be delivered.
        let Some(Ok(record)) = tail.next() else { break };
        bytes += record.text.len();
        let Ok(raw) = RawValue::from_string(record.text) else { break };
        first_index.get_or_insert(record.index);
        events.push(raw);
    }
    first_index.map(|first_index| Batch { first_index, events })
}

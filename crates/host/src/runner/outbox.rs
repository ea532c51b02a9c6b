//! Everything that leaves the runner: redacted, merged, kept on disk, sent, sent again until it is committed.
//!
//! An event is sent at once when nothing is unacknowledged. Otherwise it waits and is merged with its neighbors until
//! the acknowledgement comes, or until it is old or large enough to be put on disk, where a death of the runner does not
//! reach it. One batch is in flight at a time; it is always read back from the disk, so that memory stays bounded. An agent
//! that says more than the server commits is read no further than a little ahead of it; while the server is away, as far as
//! the disk is to be used for it.

use std::time::Duration;

use convene_api::uplink::{BATCH_BYTES, BATCH_EVENTS, DirectiveOutcome, RunnerUp};
use convene_core::{
    event::{EventData, KnownEvent},
    ids::TurnId,
};
use tokio::time::Instant;

use crate::{
    batch::Pending,
    redact::Redactor,
    spool::{self, Spool},
    uplink::Link,
};

/// How long an event may wait in memory.
const AGE: Duration = Duration::from_millis(10);
/// How much may wait in memory.
const SIZE: usize = 64 << 10;
/// With this much in memory (the disk refuses) the agent is not read any more.
const BLOCKED: usize = 1 << 20;
/// With so many unacknowledged bytes on disk the agent is not read any more while there is a link: what it says faster than
/// the server commits would be seen later and later, and its end, or a cancel, after all of it.
const AHEAD: u64 = 4 << 20;
/// How long to wait before the disk is tried again.
const DISK_PAUSE: Duration = Duration::from_secs(1);

/// The events of one attempt on their way out.
#[derive(Debug)]
pub(super) struct Outbox {
    pub(super) redactor: Redactor,
    pending: Pending,
    /// When the oldest pending event came.
    since: Option<Instant>,
    spool: Spool,
    spool_max: u64,
    link: Option<Link>,
    /// How many events the batch has that is not acknowledged.
    in_flight: Option<usize>,
    /// Since when there is something that was not sent.
    unsent: Option<Instant>,
    /// Answers to directives that were given while there was no link.
    done: Vec<(u64, DirectiveOutcome)>,
    disk_refused: Option<Instant>,
}

impl Outbox {
    pub(super) fn new(spool: Spool, spool_max: u64, redactor: Redactor) -> Self {
        Self {
            redactor,
            pending: Pending::default(),
            since: None,
            spool,
            spool_max,
            link: None,
            in_flight: None,
            unsent: None,
            done: Vec::new(),
            disk_refused: None,
        }
    }

    /// Takes an event in.
    pub(super) fn emit(&mut self, turn: Option<TurnId>, event: KnownEvent) {
        let data = EventData::new(event);
        let data = match turn {
            Some(turn) => data.turn(turn),
            None => data,
        };
        let pending = &mut self.pending;
        self.redactor.pass(data, &mut |event| pending.push(event));
    }

    /// Lets go of what is held back for redaction: nothing more will come.
    pub(super) fn release(&mut self) {
        let pending = &mut self.pending;
        self.redactor.release(&mut |event| pending.push(event));
    }

    /// A link is up, and the server has everything before this index. `false` if that cannot be: it has what was never
    /// said here, or has lost what it had acknowledged (a restored backup).
    pub(super) fn up(&mut self, link: Link, next_index: u64) -> Result<bool, spool::Error> {
        for (seq, outcome) in std::mem::take(&mut self.done) {
            link.send(&RunnerUp::DirectiveDone { seq, outcome });
        }
        self.link = Some(link);
        self.in_flight = None;
        if next_index > self.spool.next_index() || next_index < self.spool.acked() {
            return Ok(false);
        }
        self.spool.ack(next_index)?;
        Ok(true)
    }

    pub(super) fn down(&mut self) {
        self.link = None;
        self.in_flight = None;
    }

    pub(super) const fn is_up(&self) -> bool {
        self.link.is_some()
    }

    pub(super) fn ack(&mut self, next_index: u64) -> Result<(), spool::Error> {
        self.spool.ack(next_index.max(self.spool.acked()))?;
        // One batch, one answer: what of it was not taken is sent again.
        self.in_flight = None;
        Ok(())
    }

    /// Says what became of a directive, now or on the next link.
    pub(super) fn directive_done(&mut self, seq: u64, outcome: DirectiveOutcome) {
        let frame = RunnerUp::DirectiveDone { seq, outcome };
        if !self.link.as_ref().is_some_and(|link| link.send(&frame)) {
            self.done.push((seq, outcome));
        }
    }

    /// Whether the agent must wait.
    pub(super) fn is_full(&self) -> bool {
        let ahead = if self.is_up() { self.spool_max.min(AHEAD) } else { self.spool_max };
        self.pending.bytes() > BLOCKED || self.spool.unacked_bytes() > ahead
    }

    /// Whether everything is committed.
    pub(super) fn is_settled(&self) -> bool {
        self.pending.is_empty() && self.spool.acked() == self.spool.next_index()
    }

    /// When [`Outbox::flush`] wants to be called, whatever else happens.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.disk_refused {
            Some(at) => Some(at + DISK_PAUSE),
            None => self.since.map(|since| since + AGE),
        }
    }

    /// Puts on disk and sends what is due.
    pub(super) fn flush(&mut self, now: Instant) {
        if self.pending.is_empty() {
            self.since = None;
            self.disk_refused = None;
        } else {
            self.unsent.get_or_insert(now);
            let since = *self.since.get_or_insert(now);
            let may_send = self.link.is_some() && self.in_flight.is_none();
            if may_send || now >= since + AGE || self.pending.bytes() >= SIZE {
                self.keep(now);
            }
        }
        self.send(now);
    }

    /// Puts everything on disk, whatever its age.
    pub(super) fn keep(&mut self, now: Instant) {
        if self.disk_refused.is_some_and(|at| now < at + DISK_PAUSE) {
            return;
        }
        self.disk_refused = None;
        while !self.pending.is_empty() {
            let events = self.pending.drain(BATCH_EVENTS, BATCH_BYTES);
            let texts: Vec<String> = events.iter().map(EventData::to_json).collect();
            let clean: Vec<_> = texts.iter().map(|text| self.redactor.scrub_json(text)).collect();
            if let Err(error) = self.spool.append(clean.iter().map(AsRef::as_ref)) {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot spool; the agent waits");
                self.pending.put_back(events);
                self.disk_refused = Some(now);
                return;
            }
        }
        self.since = None;
    }

    fn send(&mut self, now: Instant) {
        let Some(link) = &self.link else { return };
        if self.in_flight.is_some() || self.spool.acked() == self.spool.next_index() {
            return;
        }
        let first = self.spool.acked();
        match self.spool.read(BATCH_EVENTS, BATCH_BYTES) {
            Ok(events) => {
                let held = self.unsent.map_or(Duration::ZERO, |since| now.duration_since(since));
                // A link that takes nothing is about to go down.
                if link.send_batch(first, held, self.spool.unacked_bytes(), &events) {
                    self.in_flight = Some(events.len());
                    let all = first + events.len() as u64 == self.spool.next_index() && self.pending.is_empty();
                    self.unsent = if all { None } else { Some(now) };
                }
            }
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "cannot read the spool"),
        }
    }
}

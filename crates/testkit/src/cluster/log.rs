//! A session's log as the server has it, and what must be true of it.

use anyhow::{Result, ensure};
use convene_api::client::{Client, EventsQuery, SessionEvent};
use convene_core::{
    content::{Channel, ContentBlock, Role},
    event::{EventBody, KnownEvent},
    failure::{Failure, StopReason},
    ids::{SessionId, TurnId},
};

use super::Seen;

/// Events a page.
const PAGE: u32 = 1000;

/// The whole log of a session.
pub struct Log {
    /// Its events.
    pub events: Vec<SessionEvent>,
}

impl Log {
    /// Reads it page by page, and finds it without a gap.
    ///
    /// # Errors
    /// If it cannot be read, or has a gap or a double.
    pub async fn read(client: &Client, session: SessionId) -> Result<Self> {
        let mut events: Vec<SessionEvent> = Vec::new();
        loop {
            let after = events.last().map_or(0, |event| event.seq);
            let query = EventsQuery { after: Some(after), limit: Some(PAGE), ..EventsQuery::default() };
            let page = client.events(session, &query).await?;
            if page.items.is_empty() {
                return Ok(Self { events });
            }
            for item in page.items {
                let event = SessionEvent::from_json(item.get())?;
                let expected = events.last().map_or(1, |event| event.seq + 1);
                ensure!(event.seq == expected, "event {} comes where {expected} should be", event.seq);
                ensure!(event.session == session, "an event of {} is in the log of {session}", event.session);
                events.push(event);
            }
        }
    }

    /// The tags of all events.
    pub fn tags(&self) -> Vec<&str> {
        self.events.iter().map(|event| event.data.tag()).collect()
    }

    /// How many events of a tag there are.
    pub fn count(&self, tag: &str) -> usize {
        self.events.iter().filter(|event| event.data.tag() == tag).count()
    }

    /// The first event of a tag.
    pub fn first(&self, tag: &str) -> Option<&SessionEvent> {
        self.events.iter().find(|event| event.data.tag() == tag)
    }

    /// All that the agent said aloud in a turn.
    pub fn text(&self, turn: TurnId) -> String {
        self.events.iter().filter(|event| event.data.turn == Some(turn)).filter_map(answer_text).collect()
    }

    /// How a turn ended, each time it did; more than once would be a fault.
    pub fn ends(&self, turn: TurnId) -> Vec<(StopReason, Option<Failure>)> {
        let ends = self.events.iter().filter(|event| event.data.turn == Some(turn));
        ends.filter_map(|event| match &event.data.body {
            EventBody::Known(KnownEvent::TurnEnded { stop_reason, failure, .. }) => {
                Some((*stop_reason, failure.clone()))
            }
            EventBody::Known(_) | EventBody::Unknown(_) => None,
        })
        .collect()
    }

    /// Everything that a client saw is in the log, as it saw it.
    ///
    /// # Errors
    /// Names the first event that is not.
    pub fn has_all(&self, seen: &Seen) -> Result<()> {
        ensure!(seen.faults.is_empty(), "the stream was not whole: {:?}", seen.faults);
        for event in &seen.events {
            let index = usize::try_from(event.seq)?.saturating_sub(1);
            let Some(stored) = self.events.get(index) else {
                anyhow::bail!("event {} was seen and is not in the log: {}", event.seq, event.json);
            };
            ensure!(same(&stored.json, &event.json), "seen was {}, the log has {}", event.json, stored.json);
        }
        Ok(())
    }

    /// A client saw the whole log after a cursor and nothing else.
    ///
    /// # Errors
    /// Says how the two differ.
    pub fn is_all_of(&self, seen: &Seen, after: u64) -> Result<()> {
        self.has_all(seen)?;
        let seqs = || seen.events.iter().map(|event| event.seq);
        let end = self.events.last().map_or(0, |event| event.seq);
        ensure!(
            seqs().eq(after + 1..=end),
            "seen were {:?} to {:?} of {after} to {end}",
            seqs().next(),
            seqs().next_back()
        );
        Ok(())
    }
}

/// What the agent said aloud in an event.
pub(crate) fn answer_text(event: &SessionEvent) -> Option<&str> {
    match &event.data.body {
        EventBody::Known(KnownEvent::MessageAppended {
            role: Role::Agent,
            channel: Channel::Answer,
            content: ContentBlock::Text { text },
            ..
        }) => Some(text),
        EventBody::Known(_) | EventBody::Unknown(_) => None,
    }
}

/// The same object; the order of its fields is nobody's promise.
pub(crate) fn same(a: &str, b: &str) -> bool {
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    a == b || parse(a).is_some_and(|a| Some(a) == parse(b))
}

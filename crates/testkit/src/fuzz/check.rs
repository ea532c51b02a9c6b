//! Compares at the end what clients saw and were promised with the log, and with what agents got.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use anyhow::Result;
use convene_api::client::{Client, EventsQuery, SessionEvent};
use convene_core::{
    event::{EventBody, KnownEvent},
    failure::StopReason,
    ids::{SessionId, TurnId},
};
use serde_json::Value;

use super::{
    load::{Answer, Answered, Prompt, retry},
    play::Play,
    report::Findings,
};
use crate::cluster::{Recorder, Seen, answer_text, same};

/// Events a page.
const PAGE: u32 = 1000;
/// How long a client may take to have the last event.
const CATCH_UP: Duration = Duration::from_secs(20);

/// Compares everything.
pub(super) async fn run(play: &mut Play) -> Result<()> {
    let client = play.cluster.client()?;
    let mut found = std::mem::take(&mut play.findings);
    let answered: Vec<Answered> = play.clients.ledger(|ledger| ledger.answered.clone());
    found.other.extend(play.clients.ledger(|ledger| std::mem::take(&mut ledger.broken)));
    let receipts = receipts(&play.cluster.receipts()?, &mut found);
    for (session, followers) in &play.followers {
        let log = read(&client, *session, &mut found).await?;
        for follower in followers {
            seen_is_in_log(&log, follower, &mut found).await;
        }
        let own = answered.iter().filter(|a| a.session == *session);
        let recapped = log.events.iter().any(|event| event.data.tag() == "agent_context_lost");
        for answered in own {
            promise_is_kept(&log, answered, recapped, &receipts, &mut found);
        }
        handed_over_once(&log, &mut found);
    }
    for list in &play.lists {
        list_tells_the_last(&client, list, &mut found).await?;
    }
    play.findings = found;
    Ok(())
}

/// A session's log, as it was read.
struct Log {
    session: SessionId,
    events: Vec<SessionEvent>,
}

impl Log {
    fn of_turn(&self, turn: TurnId) -> impl Iterator<Item = &SessionEvent> {
        self.events.iter().filter(move |event| event.data.turn == Some(turn))
    }
}

/// Reads a log, whatever it is like.
async fn read(client: &Client, session: SessionId, found: &mut Findings) -> Result<Log> {
    let mut events: Vec<SessionEvent> = Vec::new();
    let mut pos = 0;
    loop {
        let after = events.last().map_or(0, |event| event.seq);
        let query = EventsQuery { after: Some(after), limit: Some(PAGE), ..EventsQuery::default() };
        let page = retry(async || client.events(session, &query).await).await?;
        if page.items.is_empty() {
            return Ok(Log { session, events });
        }
        for item in page.items {
            let event = SessionEvent::from_json(item.get())?;
            let before = events.last().map_or(0, |event| event.seq);
            order(session, "the log", before, event.seq, found);
            let place = serde_json::from_str::<Value>(&event.json)?["pos"].as_u64().unwrap_or_default();
            if place <= pos {
                found.duplicates.push(format!("{session}: event {} has pos {place} after {pos}", event.seq));
            }
            pos = place;
            events.push(event);
        }
    }
}

fn order(session: SessionId, where_: &str, before: u64, seq: u64, found: &mut Findings) {
    let what = || format!("{session}: in {where_}, event {seq} comes after {before}");
    match seq.cmp(&(before + 1)) {
        std::cmp::Ordering::Less => found.duplicates.push(what()),
        std::cmp::Ordering::Equal => {}
        std::cmp::Ordering::Greater => found.gaps.push(what()),
    }
}

/// What a client saw is in the log as it saw it, in its order, and to its end.
async fn seen_is_in_log(log: &Log, follower: &Recorder, found: &mut Findings) {
    let end = log.events.last().map_or(0, |event| event.seq);
    if follower.wait_within("it has all", CATCH_UP, |seen| seen.last() >= end).await.is_err() {
        found.gaps.push(format!("{}: a client has {} of {end} events", log.session, follower.seen().last()));
    }
    let seen = follower.seen();
    let Seen { events, faults, .. } = &*seen;
    found
        .other
        .extend(faults.iter().filter(|f| !f.contains(" came after ")).map(|fault| format!("{}: {fault}", log.session)));
    let mut before = 0;
    for event in events {
        order(log.session, "what a client saw", before, event.seq, found);
        before = event.seq;
        let stored = log.events.get(usize::try_from(event.seq).unwrap_or_default().saturating_sub(1));
        match stored {
            Some(stored) if same(&stored.json, &event.json) => {}
            Some(stored) => found.lost.push(format!("{}: seen {}, stored {}", log.session, event.json, stored.json)),
            None => found.lost.push(format!("{}: seen and not stored: {}", log.session, event.json)),
        }
    }
}

/// What an answer said is so in the log.
fn promise_is_kept(
    log: &Log,
    answered: &Answered,
    recapped: bool,
    receipts: &BTreeMap<usize, usize>,
    found: &mut Findings,
) {
    let Answered { key, what, answer, .. } = answered;
    let session = log.session;
    let caused: Vec<&SessionEvent> =
        log.events.iter().filter(|event| event.data.command.as_deref() == Some(key)).collect();
    let (seq, prompt) = match answer {
        Answer::Done { seq, prompt } => (*seq, prompt),
        Answer::Refused(code) if caused.is_empty() => {
            let _ = code;
            return;
        }
        Answer::Refused(code) => {
            let tags: Vec<&str> = caused.iter().map(|event| event.data.tag()).collect();
            return found.other.push(format!("{session}: {what} was refused by {code} and caused {tags:?}"));
        }
    };
    if (log.events.len() as u64) < seq {
        found.lost.push(format!("{session}: {what} was answered with event {seq} of {}", log.events.len()));
    }
    let Some((prompt, promised)) = prompt else { return };
    let queued: Vec<&&SessionEvent> = caused.iter().filter(|event| event.data.tag() == "turn_queued").collect();
    let number = prompt.number;
    match queued[..] {
        [event] => match event.data.turn {
            Some(turn) if promised.is_none_or(|promised| promised == turn) => {
                turn_is_whole(log, turn, prompt, recapped, receipts, found);
            }
            turn => found.lost.push(format!("{session}: prompt {number} has turn {turn:?}, promised {promised:?}")),
        },
        [] => found.lost.push(format!("{session}: prompt {number} was accepted and is not in the log")),
        _ => found.duplicates.push(format!("{session}: prompt {number} is {} times in the log", queued.len())),
    }
}

/// A turn that was promised has one end, and what its agent said has neither holes nor doubles.
fn turn_is_whole(
    log: &Log,
    turn: TurnId,
    prompt: &Prompt,
    recapped: bool,
    receipts: &BTreeMap<usize, usize>,
    found: &mut Findings,
) {
    let (session, number) = (log.session, prompt.number);
    let ends: Vec<StopReason> = log
        .of_turn(turn)
        .filter_map(|event| match &event.data.body {
            EventBody::Known(KnownEvent::TurnEnded { stop_reason, .. }) => Some(*stop_reason),
            EventBody::Known(_) | EventBody::Unknown(_) => None,
        })
        .collect();
    let dropped = log.of_turn(turn).filter(|event| event.data.tag() == "queue_entry_dropped").count();
    if ends.len() + dropped != 1 {
        found.other.push(format!("{session}: prompt {number} ended {ends:?} and was dropped {dropped} times"));
    }
    let completed = ends == [StopReason::EndTurn];
    if completed && !receipts.contains_key(&number) {
        found.other.push(format!("{session}: prompt {number} is done, and no agent got it"));
    }
    let text: String = log.of_turn(turn).filter_map(answer_text).collect();
    let expected: String = (1..=prompt.words.stream).map(|n| format!("w{n} ")).collect();
    let whole = match (recapped || prompt.recapped, completed) {
        // An agent that gets a recap says that, too.
        (true, true) => text.contains(&expected),
        (true, false) => true,
        (false, true) => text.starts_with(&expected),
        (false, false) => text.starts_with(&expected) || expected.starts_with(&text),
    };
    if !whole {
        let shown: String = text.chars().take(400).collect();
        let to = prompt.words.stream;
        found.lost.push(format!("{session}: the answer to prompt {number}, w1 to w{to}, ended {ends:?}, is {shown:?}"));
    }
}

/// What agents got, each prompt by its number: how often.
fn receipts(texts: &[String], found: &mut Findings) -> BTreeMap<usize, usize> {
    let mut times: BTreeMap<usize, usize> = BTreeMap::new();
    for text in texts {
        // Before the last one there may be a recap of earlier ones.
        let number = text.rsplit_once('#').and_then(|(_, number)| number.trim().parse().ok());
        match number {
            Some(number) => *times.entry(number).or_default() += 1,
            None => found.other.push(format!("an agent got {text:?}")),
        }
    }
    let twice = times.iter().filter(|(_, times)| **times > 1);
    found.twice.extend(twice.map(|(number, times)| format!("prompt {number} came to agents {times} times")));
    times
}

fn handed_over_once(log: &Log, found: &mut Findings) {
    let mut turns = BTreeSet::new();
    for event in log.events.iter().filter(|event| event.data.tag() == "turn_handed_over") {
        if !turns.insert(event.data.turn) {
            found.twice.push(format!("{}: turn {:?} was handed over twice", log.session, event.data.turn));
        }
    }
}

/// Who follows the list was told how each session is now.
async fn list_tells_the_last(client: &Client, list: &Recorder, found: &mut Findings) -> Result<()> {
    let views = retry(async || client.session_pages(&Default::default()).items().await).await?;
    let last = |seen: &Seen| -> HashMap<String, (u64, String)> {
        let of_session = |frame: &&convene_api::frame::ListFrame| frame.kind.starts_with("session:");
        let objects = seen.frames.iter().filter(of_session).filter_map(|frame| {
            let data: Value = serde_json::from_str(frame.data.get()).ok()?;
            Some((data["id"].as_str()?.to_owned(), (frame.pos, data["state"].as_str()?.to_owned())))
        });
        objects.collect()
    };
    let stale = |seen: &Seen| -> Vec<String> {
        let last = last(seen);
        let told = |view: &&convene_core::view::SessionView| {
            last.get(&view.id.to_string()).is_none_or(|(_, state)| *state != view.state)
        };
        views
            .iter()
            .filter(told)
            .map(|v| format!("{} is {}, a list says {:?}", v.id, v.state, last.get(&v.id.to_string())))
            .collect()
    };
    if list.wait_within("the list is as it is", CATCH_UP, |seen| stale(seen).is_empty()).await.is_err() {
        found.gaps.extend(stale(&list.seen()));
    }
    found.other.extend(list.seen().faults.iter().map(|fault| format!("list: {fault}")));
    Ok(())
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;

//! What the server saw and what it answered, by conversation.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    fault::Fault,
    ids,
    plan::{Call, Stop},
    talk::{Provider, Talk},
    voice::End,
};

/// So many requests are kept; the oldest go first. A test looks at tens, a person at the last few.
const KEPT: usize = 1000;

/// How a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is still being said.
    Open,
    /// Everything was said.
    Complete,
    /// It failed, as planned.
    Failed,
    /// The connection was broken, as planned.
    Disconnected,
    /// The client went away before the end.
    ClientLeft,
    /// The request was refused.
    Refused,
}

/// A request as it came in.
#[derive(Debug, Clone, Serialize)]
pub struct Raw {
    /// Its path with the query, without keys.
    pub path: String,
    /// Its headers, without keys.
    pub headers: Value,
    /// Its body; text if it is no JSON.
    pub body: Value,
}

/// What was answered.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Answer {
    text: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    thoughts: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    calls: Vec<Call>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<Fault>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<Stop>,
}

/// One request and its answer.
#[derive(Debug, Clone, Serialize)]
pub struct Exchange {
    number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<u64>,
    at_ms: u64,
    provider: Provider,
    /// What picked the answer: a word of the built-in behavior, or a rule.
    #[serde(skip_serializing_if = "String::is_empty")]
    does: String,
    outcome: Outcome,
    answer: Answer,
    /// The request as it was understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Talk>,
    raw: Raw,
}

#[derive(Debug, Default)]
struct Kept {
    exchanges: VecDeque<Exchange>,
    last: u64,
    conversations: u64,
}

/// The record. The lock is held to write or copy an exchange, never while waiting.
#[derive(Debug, Clone, Default)]
pub struct Journal(Arc<Mutex<Kept>>);

impl Journal {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down a request that was understood. The entry follows its answer.
    pub fn begin(&self, talk: &Talk, does: &str, raw: Raw) -> Entry {
        let mut kept = self.lock();
        let conversation = kept.belongs(talk);
        let number = kept.add(talk.provider, raw, |exchange| {
            exchange.conversation = Some(conversation);
            does.clone_into(&mut exchange.does);
            exchange.request = Some(talk.clone());
        });
        Entry { journal: self.clone(), number, answer: Answer::default(), outcome: Outcome::Open }
    }

    /// Writes down a request that was refused.
    pub fn refused(&self, provider: Provider, raw: Raw, fault: &Fault) {
        self.lock().add(provider, raw, |exchange| {
            exchange.outcome = Outcome::Refused;
            exchange.answer.fault = Some(fault.clone());
        });
    }

    /// Everything, by conversation.
    pub fn all(&self) -> Value {
        let kept = self.lock();
        let numbers: Vec<u64> = {
            let mut numbers: Vec<u64> = kept.exchanges.iter().filter_map(|e| e.conversation).collect();
            numbers.sort_unstable();
            numbers.dedup();
            numbers
        };
        let conversations: Vec<Value> = numbers.into_iter().map(|number| kept.conversation(number)).collect();
        let refused: Vec<&Exchange> = kept.exchanges.iter().filter(|e| e.conversation.is_none()).collect();
        json!({ "conversations": conversations, "refused": refused })
    }

    /// One conversation.
    pub fn conversation(&self, number: u64) -> Option<Value> {
        let kept = self.lock();
        let known = kept.exchanges.iter().any(|e| e.conversation == Some(number));
        known.then(|| kept.conversation(number))
    }

    /// For people: what was said, in lines.
    pub fn page(&self) -> String {
        let kept = self.lock();
        let mut page = String::from("A scripted model server. /_mock/conversations shows all of this as JSON.\n");
        for exchange in &kept.exchanges {
            let heard = exchange.request.as_ref().map(|talk| talk.said());
            let heard = heard.map_or_else(String::new, |said| match said.results.last() {
                Some(result) => format!("tool: {result}"),
                None => format!("user: {}", said.last()),
            });
            let answer = &exchange.answer;
            let said = answer
                .fault
                .as_ref()
                .map_or_else(|| answer.text.clone(), |fault| format!("{} {}", fault.status, fault.message));
            let calls: String =
                answer.calls.iter().map(|call| format!("\n  call: {} {}", call.name, call.input)).collect();
            let number = exchange.conversation.map_or_else(|| "refused".to_owned(), |n| format!("conversation {n}"));
            page.push_str(&format!("\n#{} {number}\n  {heard}\n  model: {said}{calls}\n", exchange.number));
        }
        page
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.lock() = Kept::default();
    }
}

impl Kept {
    fn add(&mut self, provider: Provider, raw: Raw, fill: impl FnOnce(&mut Exchange)) -> u64 {
        self.last += 1;
        let mut exchange = Exchange {
            number: self.last,
            conversation: None,
            at_ms: ids::millis(),
            provider,
            does: String::new(),
            outcome: Outcome::Open,
            answer: Answer::default(),
            request: None,
            raw,
        };
        fill(&mut exchange);
        self.exchanges.push_back(exchange);
        if self.exchanges.len() > KEPT {
            self.exchanges.pop_front();
        }
        self.last
    }

    /// A request belongs to the conversation that it goes on with: the same provider, the same first user texts, more
    /// messages. After a failure the same request again is the same conversation.
    fn belongs(&mut self, talk: &Talk) -> u64 {
        let said = talk.said().texts;
        let before = self.exchanges.iter().rev().find(|exchange| {
            let Some(before) = &exchange.request else { return false };
            let texts = before.said().texts;
            let again = matches!(exchange.outcome, Outcome::Failed | Outcome::Disconnected | Outcome::ClientLeft);
            let longer =
                talk.messages.len() > before.messages.len() || (again && talk.messages.len() == before.messages.len());
            exchange.provider == talk.provider && longer && !texts.is_empty() && said.starts_with(&texts)
        });
        match before.and_then(|exchange| exchange.conversation) {
            Some(number) => number,
            None => {
                self.conversations += 1;
                self.conversations
            }
        }
    }

    fn conversation(&self, number: u64) -> Value {
        let exchanges: Vec<&Exchange> = self.exchanges.iter().filter(|e| e.conversation == Some(number)).collect();
        let said = exchanges.last().and_then(|e| e.request.as_ref()).map(|talk| talk.said().texts).unwrap_or_default();
        json!({ "number": number, "provider": exchanges.first().map(|e| e.provider), "user": said, "exchanges": exchanges })
    }
}

/// The answer to one request as it grows. What is dropped before its end was left by the client.
#[derive(Debug)]
pub struct Entry {
    journal: Journal,
    number: u64,
    answer: Answer,
    outcome: Outcome,
}

impl Entry {
    /// A piece of text.
    pub fn text(&mut self, piece: &str) {
        self.answer.text.push_str(piece);
    }

    /// A piece of a thought.
    pub fn thought(&mut self, piece: &str) {
        self.answer.thoughts.push_str(piece);
    }

    /// A call of a tool.
    pub fn call(&mut self, call: &Call) {
        self.answer.calls.push(call.clone());
    }

    /// A failure.
    pub fn fault(&mut self, fault: &Fault) {
        self.answer.fault = Some(fault.clone());
    }

    /// Why it stops.
    pub fn stop(&mut self, end: &End) {
        self.answer.stop = Some(end.stop);
    }

    /// The end. It is written at once, so that whoever has read the answer finds it in the record.
    pub fn end(&mut self, outcome: Outcome) {
        self.outcome = outcome;
        self.write();
    }

    fn write(&mut self) {
        let mut kept = self.journal.lock();
        if let Some(exchange) = kept.exchanges.iter_mut().find(|e| e.number == self.number) {
            exchange.answer = std::mem::take(&mut self.answer);
            exchange.outcome = self.outcome;
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.outcome == Outcome::Open {
            self.outcome = Outcome::ClientLeft;
            self.write();
        }
    }
}

//! The conversation so far, for an agent that does not remember it: what was asked, what was answered, which tools ran.
//!
//! Bounded: long prompts and answers lose their middle, and if that is not enough the oldest turns are left out. What is
//! in the log was redacted before it came there.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt::Write as _,
    sync::Arc,
};

use crate::{
    content::{Channel, ContentBlock, Role, ToolCall, plain_text},
    event::{Event, EventBody, KnownEvent},
    failure::StopReason,
    ids::{MessageId, TurnId},
    limits,
};

/// How much of a prompt or an answer is kept, in bytes.
const PIECE: usize = 4 * 1024;

/// How much of an answer is held while it may still grow; its beginning goes first.
const HELD: usize = 4 * PIECE;

/// Tool calls of a turn that are told; the rest is counted.
const TOOLS: usize = 20;

const HEAD: &str = "This conversation began in an earlier session that you do not remember. Here is what was said, oldest \
    first and shortened. Files are as they were left. Go on from there and do not repeat work that is done.";

const TAIL: &str = "What the user says now:";

/// A recap in the making: takes in the events of a log, in order.
#[derive(Debug, Default)]
pub struct Recap {
    turns: VecDeque<Turn>,
    /// Prompts that were not handed over yet.
    waiting: HashMap<TurnId, Arc<Vec<ContentBlock>>>,
    /// Turns that did not fit.
    left_out: usize,
    /// About how many bytes the turns have.
    size: usize,
}

#[derive(Debug, Default)]
struct Turn {
    id: Option<TurnId>,
    /// The event by which its prompt was handed over.
    begun: u64,
    prompt: String,
    answer: String,
    message: Option<MessageId>,
    tools: BTreeMap<String, String>,
    more_tools: usize,
    end: Option<StopReason>,
}

impl Recap {
    /// Takes an event in.
    pub fn take(&mut self, event: &Event) {
        let EventBody::Known(known) = &event.data.body else { return };
        // Events of a conversation are few kinds among many; all others say nothing here.
        if let KnownEvent::TurnQueued { content, .. } | KnownEvent::QueueEntryEdited { content } = known
            && let Some(turn) = event.data.turn
        {
            self.waiting.insert(turn, Arc::clone(content));
        } else if let KnownEvent::QueueEntryDropped { .. } = known
            && let Some(turn) = event.data.turn
        {
            self.waiting.remove(&turn);
        } else if let KnownEvent::TurnHandedOver {} = known {
            self.begin(event.data.turn, event.seq);
        } else if let KnownEvent::MessageAppended { message, role: Role::Agent, channel: Channel::Answer, content } =
            known
        {
            self.said(*message, content);
        } else if let KnownEvent::ToolCallUpdated { tool_call } = known {
            self.tool(tool_call);
        } else if let KnownEvent::TurnEnded { stop_reason, .. } = known {
            if let Some(turn) = self.turns.back_mut().filter(|turn| turn.id == event.data.turn) {
                turn.end = Some(*stop_reason);
            }
            self.shrink();
        } else if let KnownEvent::SessionCleared { .. } = known {
            *self = Self::default();
        } else if let KnownEvent::SessionRewound { to_seq, .. } = known {
            self.turns.retain(|turn| turn.begun <= *to_seq);
            self.shrink();
        }
    }

    fn begin(&mut self, id: Option<TurnId>, begun: u64) {
        let prompt = id.and_then(|id| self.waiting.remove(&id)).unwrap_or_default();
        let prompt = shortened(&plain_text(&prompt));
        self.turns.push_back(Turn { id, begun, prompt, ..Turn::default() });
        self.shrink();
    }

    fn said(&mut self, message: MessageId, content: &ContentBlock) {
        let (Some(turn), Some(text)) = (self.turns.back_mut(), content.as_text()) else { return };
        if turn.message.is_some_and(|before| before != message) && !turn.answer.ends_with('\n') {
            turn.answer.push('\n');
        }
        turn.message = Some(message);
        turn.answer.push_str(text);
        if turn.answer.len() > HELD {
            let from = next_boundary(&turn.answer, turn.answer.len() - HELD / 2);
            turn.answer.drain(..from);
            turn.answer.insert_str(0, "[...] ");
        }
    }

    fn tool(&mut self, call: &ToolCall) {
        let Some(turn) = self.turns.back_mut() else { return };
        let title = call.title.as_deref().or(call.name.as_deref()).map(one_line);
        if let Some(known) = turn.tools.get_mut(&call.id) {
            *known = title.unwrap_or_else(|| std::mem::take(known));
        } else if turn.tools.len() < TOOLS {
            turn.tools.insert(call.id.clone(), title.unwrap_or_default());
        } else {
            turn.more_tools += 1;
        }
    }

    /// Lets the oldest turns go that can never fit.
    fn shrink(&mut self) {
        self.size = self.turns.iter().map(|turn| turn.prompt.len() + turn.answer.len().min(PIECE)).sum();
        while self.size > limits::RECAP && self.turns.len() > 1 {
            let Some(turn) = self.turns.pop_front() else { return };
            self.size -= turn.prompt.len() + turn.answer.len().min(PIECE);
            self.left_out += 1;
        }
    }

    /// The recap, at most [`limits::RECAP`] bytes; `None` if no prompt ever reached an agent.
    pub fn text(self) -> Option<String> {
        let mut left_out = self.left_out;
        let mut room = limits::RECAP - HEAD.len() - TAIL.len() - 200;
        let mut told = VecDeque::new();
        for turn in self.turns.iter().rev() {
            let text = turn.text();
            if text.len() > room {
                break;
            }
            room -= text.len();
            told.push_front(text);
        }
        left_out += self.turns.len() - told.len();
        if told.is_empty() {
            return None;
        }
        let mut text = format!("{HEAD}\n\n<conversation>\n");
        if left_out > 0 {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "[{left_out} earlier turns are left out]\n");
        }
        for turn in told {
            text.push_str(&turn);
        }
        text.push_str("</conversation>\n\n");
        text.push_str(TAIL);
        Some(text)
    }
}

impl Turn {
    fn text(&self) -> String {
        let mut text = String::new();
        let prompt = if self.prompt.is_empty() { "[not kept]" } else { &self.prompt };
        let _ = writeln!(text, "User: {prompt}\n");
        let titles: Vec<&str> = self.tools.values().map(String::as_str).filter(|title| !title.is_empty()).collect();
        if !titles.is_empty() {
            let more = if self.more_tools > 0 { format!("; and {} more", self.more_tools) } else { String::new() };
            let _ = writeln!(text, "[tools: {}{more}]\n", shortened(&titles.join("; ")));
        }
        if !self.answer.trim().is_empty() {
            let _ = writeln!(text, "You: {}\n", shortened(self.answer.trim()));
        }
        match self.end {
            Some(StopReason::EndTurn) => {}
            None => text.push_str("[this turn did not end]\n\n"),
            Some(reason) => {
                let word = serde_json::to_value(reason).ok();
                let word = word.as_ref().and_then(|word| word.as_str()).unwrap_or("ended").replace('_', " ");
                let _ = writeln!(text, "[this turn ended: {word}]\n");
            }
        }
        text
    }
}

/// A text without its middle, if it is long.
fn shortened(text: &str) -> String {
    if text.len() <= PIECE {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(PIECE / 2);
    let tail = next_boundary(text, text.len() - PIECE / 2);
    format!("{}\n[...]\n{}", &text[..head], &text[tail..])
}

fn next_boundary(text: &str, at: usize) -> usize {
    (at..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len())
}

fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(120).collect()
}

#[cfg(test)]
#[path = "recap_tests.rs"]
mod tests;

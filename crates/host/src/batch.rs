//! Merges events that wait: adjacent pieces of a text become one, a flood of updates of a tool call becomes the last.
//!
//! Nothing waits longer than it must: what is here is drained as soon as the batch before it is acknowledged, or when it
//! is old or large enough to be kept on disk. An event has no index before it is drained.

use std::collections::{HashMap, VecDeque};

use convene_core::{
    content::{ContentBlock, ToolCall, ToolContent},
    event::{EventBody, EventData, KnownEvent},
    ids::TurnId,
};
use serde_json::Value;

/// Pieces of a text are merged up to this size, in bytes.
pub const PIECE: usize = 16 << 10;

/// What an event costs beside its text, about.
const OVERHEAD: usize = 160;

/// Events that have no index yet.
#[derive(Debug, Default)]
pub struct Pending {
    events: VecDeque<EventData>,
    /// Where the newest update of each tool call that may still be merged lies, counted from the first event ever.
    tools: HashMap<String, u64>,
    /// How many events were drained so far.
    drained: u64,
    bytes: usize,
}

impl Pending {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// How much waits, in bytes, about.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds an event behind the others, or merges it into one of them.
    pub fn push(&mut self, event: EventData) {
        let size = size_of(&event);
        if self.merge_text(&event) || self.merge_tool(&event) {
            self.bytes += size.saturating_sub(OVERHEAD);
            return;
        }
        let position = self.drained + self.events.len() as u64;
        match &event.body {
            EventBody::Known(KnownEvent::ToolCallUpdated { tool_call }) => {
                if tool_call.status.is_some_and(convene_core::content::ToolStatus::is_final) {
                    self.tools.remove(&tool_call.id);
                } else {
                    self.tools.insert(tool_call.id.clone(), position);
                }
            }
            // What a person is asked about must not change behind the question.
            EventBody::Known(KnownEvent::PermissionRequested { .. } | KnownEvent::TurnEnded { .. }) => {
                self.tools.clear();
            }
            EventBody::Known(_) | EventBody::Unknown(_) => {}
        }
        self.bytes += size;
        self.events.push_back(event);
    }

    /// Takes the oldest events, at most so many, and none after their size has reached `max_bytes`.
    pub fn drain(&mut self, max_events: usize, max_bytes: usize) -> Vec<EventData> {
        let (mut taken, mut size) = (Vec::new(), 0);
        while taken.len() < max_events && size < max_bytes {
            let Some(event) = self.events.pop_front() else { break };
            size += size_of(&event);
            taken.push(event);
        }
        self.drained += taken.len() as u64;
        self.bytes = if self.events.is_empty() { 0 } else { self.bytes.saturating_sub(size) };
        let drained = self.drained;
        self.tools.retain(|_, position| *position >= drained);
        taken
    }

    /// Puts events back that could not be kept on disk.
    pub fn put_back(&mut self, events: Vec<EventData>) {
        self.drained -= events.len() as u64;
        for event in events.into_iter().rev() {
            self.bytes += size_of(&event);
            self.events.push_front(event);
        }
    }

    fn merge_text(&mut self, event: &EventData) -> bool {
        let Some(last) = self.events.back_mut() else { return false };
        let (Some(new), turn) = (text_of(event), event.turn) else { return false };
        if !is_same_voice(last, event, turn) {
            return false;
        }
        let Some(old) = text_of_mut(last) else { return false };
        if old.len() + new.len() > PIECE {
            return false;
        }
        old.push_str(new);
        true
    }

    fn merge_tool(&mut self, event: &EventData) -> bool {
        let EventBody::Known(KnownEvent::ToolCallUpdated { tool_call: new }) = &event.body else { return false };
        if new.status.is_some_and(convene_core::content::ToolStatus::is_final) {
            return false;
        }
        let Some(position) = self.tools.get(&new.id) else { return false };
        let Some(old) = position.checked_sub(self.drained).and_then(|i| self.events.get_mut(usize::try_from(i).ok()?))
        else {
            return false;
        };
        if old.turn != event.turn {
            return false;
        }
        let EventBody::Known(KnownEvent::ToolCallUpdated { tool_call: old }) = &mut old.body else { return false };
        // A step is told as one. Agents put increments into `_meta`; those must all be kept.
        let is_step = new.status.is_some() && new.status != old.status;
        if old.id != new.id || is_step || (old.meta.is_some() && new.meta.is_some()) {
            return false;
        }
        old.merge(new);
        true
    }
}

fn is_same_voice(a: &EventData, b: &EventData, turn: Option<TurnId>) -> bool {
    let (
        EventBody::Known(KnownEvent::MessageAppended { message: m1, role: r1, channel: c1, .. }),
        EventBody::Known(KnownEvent::MessageAppended { message: m2, role: r2, channel: c2, .. }),
    ) = (&a.body, &b.body)
    else {
        return false;
    };
    a.turn == turn && m1 == m2 && r1 == r2 && c1 == c2
}

fn text_of(event: &EventData) -> Option<&str> {
    match &event.body {
        EventBody::Known(KnownEvent::MessageAppended { content, .. }) => content.as_text(),
        EventBody::Known(_) | EventBody::Unknown(_) => None,
    }
}

fn text_of_mut(event: &mut EventData) -> Option<&mut String> {
    match &mut event.body {
        EventBody::Known(KnownEvent::MessageAppended { content: ContentBlock::Text { text }, .. }) => Some(text),
        EventBody::Known(_) | EventBody::Unknown(_) => None,
    }
}

/// About as long as its JSON, without making it where events come in floods.
fn size_of(event: &EventData) -> usize {
    let size = match &event.body {
        EventBody::Known(KnownEvent::MessageAppended { content: ContentBlock::Text { text }, .. }) => text.len(),
        EventBody::Known(KnownEvent::ToolCallUpdated { tool_call }) => size_of_tool(tool_call),
        EventBody::Known(_) | EventBody::Unknown(_) => event.to_json().len(),
    };
    OVERHEAD + size
}

fn size_of_tool(tool: &ToolCall) -> usize {
    let of_block = |block: &ContentBlock| match block {
        ContentBlock::Text { text } => text.len(),
        ContentBlock::ResourceLink { uri, name, .. } => uri.len() + name.len(),
        ContentBlock::Image { data, .. } | ContentBlock::Audio { data, .. } => data.len(),
        ContentBlock::Resource { resource } => size_of_value(resource),
    };
    let of_content = |content: &ToolContent| match content {
        ToolContent::Content { content } => of_block(content),
        ToolContent::Diff { path, old_text, new_text } => {
            path.len() + old_text.as_deref().map_or(0, str::len) + new_text.len()
        }
        ToolContent::Terminal { terminal_id } => terminal_id.len(),
    };
    let texts = [&tool.title, &tool.name, &tool.kind].into_iter().flatten().map(String::len);
    let content = tool.content.iter().flatten().map(|content| 32 + of_content(content));
    let locations = tool.locations.iter().flatten().map(|location| 32 + location.path.len());
    let raw = [&tool.raw_input, &tool.raw_output, &tool.meta].into_iter().flatten().map(size_of_value);
    texts.chain(content).chain(locations).chain(raw).sum()
}

fn size_of_value(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => 2 + text.len(),
        Value::Array(items) => items.iter().map(|item| 1 + size_of_value(item)).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| 4 + name.len() + size_of_value(value)).sum(),
    }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;

//! What turns a reply into the bytes of one provider, streamed or whole.

use serde_json::Value;

use crate::{
    fault::Fault,
    plan::{Call, Stop, Usage},
};

/// How a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Why.
    pub stop: Stop,
    /// What it cost.
    pub cost: Cost,
}

/// Tokens, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Of the request.
    pub input: u64,
    /// Of the request, out of a cache.
    pub cached: u64,
    /// Of the reply, with the thoughts.
    pub output: u64,
    /// Of the reply's thoughts.
    pub thoughts: u64,
}

impl Cost {
    /// What was said beforehand, and the rest counted: four bytes are a token.
    pub fn of(usage: &Usage, request: usize, words: usize, thoughts: usize) -> Self {
        let tokens = |bytes: usize| u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX);
        let thoughts = usage.thought_tokens.unwrap_or_else(|| tokens(thoughts));
        Self {
            input: usage.input_tokens.unwrap_or_else(|| tokens(request).max(1)),
            cached: usage.cached_tokens.unwrap_or_default(),
            output: usage.output_tokens.unwrap_or_else(|| tokens(words).max(1).saturating_add(thoughts)),
            thoughts,
        }
    }
}

/// One reply in the words of one provider. Each call adds its bytes of the stream to `out`, and keeps what the reply is
/// when it is whole.
pub trait Voice: Send {
    /// Before anything is said; `input` is the request's tokens.
    fn begin(&mut self, cost: &Cost, out: &mut Vec<u8>);
    /// A piece of text.
    fn text(&mut self, piece: &str, out: &mut Vec<u8>);
    /// A piece of a thought.
    fn thought(&mut self, piece: &str, out: &mut Vec<u8>);
    /// A call of a tool.
    fn call(&mut self, call: &Call, out: &mut Vec<u8>);
    /// The reply breaks off in the middle of its stream.
    fn fault(&mut self, fault: &Fault, out: &mut Vec<u8>);
    /// Everything is said.
    fn end(&mut self, end: &End, out: &mut Vec<u8>);
    /// The whole reply, after [`Voice::end`].
    fn whole(&self) -> Value;
    /// The media type of the stream.
    fn media_type(&self) -> &'static str {
        "text/event-stream; charset=utf-8"
    }
}

/// Adds a server-sent event.
pub fn event(out: &mut Vec<u8>, name: Option<&str>, data: &Value) {
    if let Some(name) = name {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(data.to_string().as_bytes());
    out.extend_from_slice(b"\n\n");
}

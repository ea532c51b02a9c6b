//! A reply as GenerateContentResponses: events, a list, or one.

use serde_json::{Value, json};

use super::fault_body;
use crate::{
    fault::Fault,
    ids,
    plan::{Call, Stop},
    seal,
    voice::{Cost, End, Voice, event},
};

/// How the pieces of a stream are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events, with `alt=sse`.
    Events,
    /// A JSON array, one element after the other.
    List,
}

/// The reply under way.
#[derive(Debug)]
pub struct GeminiVoice {
    frame: Value,
    framing: Framing,
    cost: Cost,
    parts: Vec<Value>,
    /// Whether the list has an element.
    begun: bool,
    whole: Value,
}

impl GeminiVoice {
    /// A reply of this model.
    pub fn new(model: &str, framing: Framing) -> Self {
        let frame = json!({ "modelVersion": model, "responseId": ids::fresh("") });
        Self { frame, framing, cost: Cost::default(), parts: Vec::new(), begun: false, whole: Value::Null }
    }

    fn send(&mut self, data: &Value, out: &mut Vec<u8>) {
        match self.framing {
            Framing::Events => event(out, None, data),
            Framing::List => {
                out.extend_from_slice(if self.begun { b",\n" } else { b"[" });
                out.extend_from_slice(data.to_string().as_bytes());
            }
        }
        self.begun = true;
    }

    fn candidate(&mut self, parts: &[Value], finish: Option<&str>, out: &mut Vec<u8>) {
        let data = self.shape(parts, finish);
        self.send(&data, out);
    }

    fn shape(&self, parts: &[Value], finish: Option<&str>) -> Value {
        let cost = &self.cost;
        let mut data = self.frame.clone();
        let mut candidate = json!({ "content": { "parts": parts, "role": "model" }, "index": 0 });
        if let Some(finish) = finish {
            candidate["finishReason"] = json!(finish);
        }
        data["candidates"] = json!([candidate]);
        let mut usage = json!({
            "promptTokenCount": cost.input, "totalTokenCount": cost.input + cost.output,
            "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": cost.input }],
        });
        for (name, count) in [
            ("candidatesTokenCount", cost.output.saturating_sub(cost.thoughts)),
            ("thoughtsTokenCount", cost.thoughts),
            ("cachedContentTokenCount", cost.cached),
        ] {
            if count > 0 {
                usage[name] = json!(count);
            }
        }
        data["usageMetadata"] = usage;
        data
    }

    /// Adds a piece to what is whole: texts of one kind grow together.
    fn keep(&mut self, part: &Value) {
        let text = part["text"].as_str();
        if let (Some(text), Some(last)) = (text, self.parts.last_mut())
            && let Some(before) = last["text"].as_str().filter(|_| last["thought"] == part["thought"])
        {
            let grown = format!("{before}{text}");
            last["text"] = json!(grown);
            return;
        }
        self.parts.push(part.clone());
    }
}

impl Voice for GeminiVoice {
    fn begin(&mut self, cost: &Cost, _out: &mut Vec<u8>) {
        self.cost = Cost { output: 0, thoughts: 0, ..*cost };
    }

    fn text(&mut self, piece: &str, out: &mut Vec<u8>) {
        let part = json!({ "text": piece });
        self.keep(&part);
        self.candidate(&[part], None, out);
    }

    fn thought(&mut self, piece: &str, out: &mut Vec<u8>) {
        let part = json!({ "text": piece, "thought": true });
        self.keep(&part);
        self.candidate(&[part], None, out);
    }

    fn call(&mut self, call: &Call, out: &mut Vec<u8>) {
        let mut part = json!({ "functionCall": { "name": call.name, "args": call.input } });
        if let Some(thought) = self.parts.iter().rev().find(|part| part["thought"] == true) {
            part["thoughtSignature"] = json!(seal::sign(thought["text"].as_str().unwrap_or_default()));
        }
        self.keep(&part);
        self.candidate(&[part], None, out);
    }

    fn fault(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        self.send(&fault_body(fault), out);
        if self.framing == Framing::List {
            out.push(b']');
        }
    }

    fn end(&mut self, end: &End, out: &mut Vec<u8>) {
        self.cost = end.cost;
        let finish = match end.stop {
            Stop::EndTurn | Stop::ToolUse | Stop::Sequence => "STOP",
            Stop::MaxTokens => "MAX_TOKENS",
            Stop::Refusal => "SAFETY",
        };
        self.candidate(&[json!({ "text": "" })], Some(finish), out);
        if self.framing == Framing::List {
            out.extend_from_slice(b"]\n");
        }
        let parts = std::mem::take(&mut self.parts);
        self.whole = self.shape(&parts, Some(finish));
    }

    fn whole(&self) -> Value {
        self.whole.clone()
    }

    fn media_type(&self) -> &'static str {
        match self.framing {
            Framing::Events => "text/event-stream",
            Framing::List => "application/json; charset=UTF-8",
        }
    }
}

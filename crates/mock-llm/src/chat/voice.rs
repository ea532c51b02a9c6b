//! A reply as a chat completion, streamed in chunks or whole.

use serde_json::{Value, json};

use crate::{
    fault::Fault,
    ids, openai,
    plan::{Call, Stop},
    talk::ToolKind,
    voice::{Cost, End, Voice, event},
};

/// The reply under way.
#[derive(Debug)]
pub struct ChatVoice {
    frame: Value,
    text: String,
    thoughts: String,
    calls: Vec<Value>,
    /// Whether the stream's last chunk tells the usage.
    usage: bool,
    whole: Value,
}

impl ChatVoice {
    /// A reply of this model.
    pub fn new(model: &str, usage: bool) -> Self {
        let frame = json!({
            "id": ids::fresh("chatcmpl-"), "object": "chat.completion.chunk", "created": ids::seconds(),
            "model": model, "service_tier": "default", "system_fingerprint": "fp_mock",
        });
        let (text, thoughts, calls) = Default::default();
        Self { frame, text, thoughts, calls, usage, whole: Value::Null }
    }

    fn chunk(&self, delta: &Value, finish: Option<&str>, out: &mut Vec<u8>) {
        let mut chunk = self.frame.clone();
        chunk["choices"] = json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }]);
        if self.usage {
            chunk["usage"] = Value::Null;
        }
        event(out, None, &chunk);
    }
}

fn shape(call: &Call) -> Value {
    let id = format!("call_{}", call.id);
    if call.kind == ToolKind::Custom {
        return json!({ "id": id, "type": "custom", "custom": { "name": call.name, "input": plain(&call.input) } });
    }
    json!({ "id": id, "type": "function", "function": { "name": call.name, "arguments": call.input.to_string() } })
}

fn plain(input: &Value) -> String {
    input.as_str().map_or_else(|| input.to_string(), str::to_owned)
}

impl Voice for ChatVoice {
    fn begin(&mut self, _cost: &Cost, out: &mut Vec<u8>) {
        self.chunk(&json!({ "role": "assistant", "content": "", "refusal": null }), None, out);
    }

    fn text(&mut self, piece: &str, out: &mut Vec<u8>) {
        self.text.push_str(piece);
        self.chunk(&json!({ "content": piece }), None, out);
    }

    fn thought(&mut self, piece: &str, out: &mut Vec<u8>) {
        self.thoughts.push_str(piece);
        // Not OpenAI's own, but what the compatible servers that show thoughts send.
        self.chunk(&json!({ "reasoning_content": piece }), None, out);
    }

    fn call(&mut self, call: &Call, out: &mut Vec<u8>) {
        let (index, shape) = (self.calls.len(), shape(call));
        let (kind, field) = if call.kind == ToolKind::Custom { ("custom", "input") } else { ("function", "arguments") };
        let text = shape[kind][field].as_str().unwrap_or_default();
        let mut first = shape.clone();
        first["index"] = json!(index);
        first[kind][field] = json!("");
        self.chunk(&json!({ "tool_calls": [first] }), None, out);
        let half = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
        for piece in [&text[..half], &text[half..]] {
            self.chunk(&json!({ "tool_calls": [{ "index": index, kind: { field: piece } }] }), None, out);
        }
        self.calls.push(shape);
    }

    fn fault(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        event(out, None, &openai::fault_body(fault));
    }

    fn end(&mut self, end: &End, out: &mut Vec<u8>) {
        let reason = match end.stop {
            Stop::EndTurn | Stop::Sequence => "stop",
            Stop::ToolUse => "tool_calls",
            Stop::MaxTokens => "length",
            Stop::Refusal => "content_filter",
        };
        self.chunk(&json!({}), Some(reason), out);
        let cost = &end.cost;
        let usage = json!({
            "prompt_tokens": cost.input, "completion_tokens": cost.output, "total_tokens": cost.input + cost.output,
            "prompt_tokens_details": { "cached_tokens": cost.cached, "audio_tokens": 0 },
            "completion_tokens_details": {
                "reasoning_tokens": cost.thoughts, "audio_tokens": 0,
                "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
            },
        });
        if self.usage {
            let mut chunk = self.frame.clone();
            chunk["choices"] = json!([]);
            chunk["usage"] = usage.clone();
            event(out, None, &chunk);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");

        let content = if self.text.is_empty() && !self.calls.is_empty() { Value::Null } else { json!(self.text) };
        let mut message = json!({ "role": "assistant", "content": content, "refusal": null, "annotations": [] });
        if !self.thoughts.is_empty() {
            message["reasoning_content"] = json!(self.thoughts);
        }
        if !self.calls.is_empty() {
            message["tool_calls"] = json!(self.calls);
        }
        self.whole = self.frame.clone();
        self.whole["object"] = json!("chat.completion");
        self.whole["choices"] = json!([{ "index": 0, "message": message, "logprobs": null, "finish_reason": reason }]);
        self.whole["usage"] = usage;
    }

    fn whole(&self) -> Value {
        self.whole.clone()
    }
}

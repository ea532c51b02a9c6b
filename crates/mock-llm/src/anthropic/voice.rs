//! A reply as a Message, streamed or whole.

use serde_json::{Value, json};

use super::fault_body;
use crate::{
    fault::Fault,
    ids,
    plan::{Call, Stop},
    seal,
    voice::{Cost, End, Voice, event},
};

/// The reply under way.
#[derive(Debug)]
pub struct AnthropicVoice {
    message: Value,
    blocks: Vec<Value>,
    open: bool,
    /// The id of the request, which failures repeat.
    request: String,
}

impl AnthropicVoice {
    /// A reply of this model.
    pub fn new(model: &str, request: String) -> Self {
        let message = json!({
            "id": ids::fresh("msg_"), "type": "message", "role": "assistant", "model": model, "content": [],
            "stop_reason": null, "stop_sequence": null, "usage": {},
        });
        Self { message, blocks: Vec::new(), open: false, request }
    }

    fn delta(&self, delta: &Value, out: &mut Vec<u8>) {
        let index = self.blocks.len().saturating_sub(1);
        say(out, &json!({ "type": "content_block_delta", "index": index, "delta": delta }));
    }

    fn start(&mut self, block: Value, out: &mut Vec<u8>) {
        self.stop(out);
        let index = self.blocks.len();
        say(out, &json!({ "type": "content_block_start", "index": index, "content_block": block }));
        if index == 0 {
            say(out, &json!({ "type": "ping" }));
        }
        self.blocks.push(block);
        self.open = true;
    }

    fn stop(&mut self, out: &mut Vec<u8>) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        if let Some(block) = self.blocks.last_mut().filter(|block| block["type"] == "thinking") {
            let signature = seal::sign(block["thinking"].as_str().unwrap_or_default());
            block["signature"] = json!(signature);
            self.delta(&json!({ "type": "signature_delta", "signature": signature }), out);
        }
        say(out, &json!({ "type": "content_block_stop", "index": self.blocks.len().saturating_sub(1) }));
    }

    fn piece(&mut self, kind: &str, field: &str, piece: &str, out: &mut Vec<u8>) {
        if !self.open || self.blocks.last().is_none_or(|block| block["type"] != kind) {
            let mut block = json!({ "type": kind, field: "" });
            if kind == "thinking" {
                block["signature"] = json!("");
            }
            self.start(block, out);
        }
        if let Some(block) = self.blocks.last_mut() {
            let whole = format!("{}{piece}", block[field].as_str().unwrap_or_default());
            block[field] = json!(whole);
        }
        self.delta(&json!({ "type": format!("{kind}_delta"), field: piece }), out);
    }
}

fn say(out: &mut Vec<u8>, data: &Value) {
    event(out, data["type"].as_str(), data);
}

fn usage(cost: &Cost, output: u64) -> Value {
    json!({
        "input_tokens": cost.input, "cache_creation_input_tokens": 0, "cache_read_input_tokens": cost.cached,
        "cache_creation": { "ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0 },
        "output_tokens": output, "service_tier": "standard",
    })
}

impl Voice for AnthropicVoice {
    fn begin(&mut self, cost: &Cost, out: &mut Vec<u8>) {
        self.message["usage"] = usage(cost, 1);
        say(out, &json!({ "type": "message_start", "message": self.message }));
    }

    fn text(&mut self, piece: &str, out: &mut Vec<u8>) {
        self.piece("text", "text", piece, out);
    }

    fn thought(&mut self, piece: &str, out: &mut Vec<u8>) {
        self.piece("thinking", "thinking", piece, out);
    }

    fn call(&mut self, call: &Call, out: &mut Vec<u8>) {
        let id = format!("toolu_{}", call.id);
        self.start(json!({ "type": "tool_use", "id": id, "name": call.name, "input": {} }), out);
        // The real stream begins with an empty piece and cuts anywhere.
        let text = call.input.to_string();
        let half = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
        for piece in ["", &text[..half], &text[half..]] {
            self.delta(&json!({ "type": "input_json_delta", "partial_json": piece }), out);
        }
        if let Some(block) = self.blocks.last_mut() {
            block["input"] = call.input.clone();
        }
        self.stop(out);
    }

    fn fault(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        event(out, Some("error"), &fault_body(fault, &self.request));
    }

    fn end(&mut self, end: &End, out: &mut Vec<u8>) {
        self.stop(out);
        let reason = match end.stop {
            Stop::EndTurn => "end_turn",
            Stop::ToolUse => "tool_use",
            Stop::MaxTokens => "max_tokens",
            Stop::Sequence => "stop_sequence",
            Stop::Refusal => "refusal",
        };
        self.message["content"] = json!(self.blocks);
        self.message["stop_reason"] = json!(reason);
        self.message["usage"] = usage(&end.cost, end.cost.output);
        let usage = json!({
            "input_tokens": end.cost.input, "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": end.cost.cached, "output_tokens": end.cost.output,
        });
        let delta = json!({ "stop_reason": reason, "stop_sequence": null });
        say(out, &json!({ "type": "message_delta", "delta": delta, "usage": usage }));
        say(out, &json!({ "type": "message_stop" }));
    }

    fn whole(&self) -> Value {
        self.message.clone()
    }
}

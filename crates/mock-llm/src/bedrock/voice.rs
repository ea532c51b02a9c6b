//! A reply as Converse gives it, in event frames or whole.

use serde_json::{Value, json};

use super::{frame::frame, kind};
use crate::{
    fault::Fault,
    plan::{Call, Stop},
    seal,
    voice::{Cost, End, Voice},
};

/// The reply under way.
#[derive(Debug, Default)]
pub struct BedrockVoice {
    blocks: Vec<Value>,
    /// The kind of the block that is open.
    open: Option<&'static str>,
    whole: Value,
}

fn send(name: &str, data: &Value, out: &mut Vec<u8>) {
    let headers = [(":event-type", name), (":content-type", "application/json"), (":message-type", "event")];
    frame(out, &headers, data.to_string().as_bytes());
}

impl BedrockVoice {
    fn index(&self) -> usize {
        self.blocks.len().saturating_sub(1)
    }

    fn delta(&self, delta: &Value, out: &mut Vec<u8>) {
        send("contentBlockDelta", &json!({ "contentBlockIndex": self.index(), "delta": delta }), out);
    }

    fn begin_block(&mut self, kind: &'static str, block: Value, out: &mut Vec<u8>) {
        if self.open == Some(kind) && kind != "toolUse" {
            return;
        }
        self.stop(out);
        self.open = Some(kind);
        self.blocks.push(block);
    }

    fn stop(&mut self, out: &mut Vec<u8>) {
        let Some(kind) = self.open.take() else { return };
        if kind == "reasoning"
            && let Some(block) = self.blocks.last_mut()
        {
            let thought = &mut block["reasoningContent"]["reasoningText"];
            let signature = seal::sign(thought["text"].as_str().unwrap_or_default());
            thought["signature"] = json!(signature);
            self.delta(&json!({ "reasoningContent": { "signature": signature } }), out);
        }
        send("contentBlockStop", &json!({ "contentBlockIndex": self.index() }), out);
    }
}

/// Adds a piece to a text inside a block.
fn grow(text: &mut Value, piece: &str) {
    *text = json!(format!("{}{piece}", text.as_str().unwrap_or_default()));
}

impl Voice for BedrockVoice {
    fn begin(&mut self, _cost: &Cost, out: &mut Vec<u8>) {
        send("messageStart", &json!({ "role": "assistant" }), out);
    }

    fn text(&mut self, piece: &str, out: &mut Vec<u8>) {
        self.begin_block("text", json!({ "text": "" }), out);
        if let Some(block) = self.blocks.last_mut() {
            grow(&mut block["text"], piece);
        }
        self.delta(&json!({ "text": piece }), out);
    }

    fn thought(&mut self, piece: &str, out: &mut Vec<u8>) {
        self.begin_block("reasoning", json!({ "reasoningContent": { "reasoningText": { "text": "" } } }), out);
        if let Some(block) = self.blocks.last_mut() {
            grow(&mut block["reasoningContent"]["reasoningText"]["text"], piece);
        }
        self.delta(&json!({ "reasoningContent": { "text": piece } }), out);
    }

    fn call(&mut self, call: &Call, out: &mut Vec<u8>) {
        let id = format!("tooluse_{}", call.id);
        let block = json!({ "toolUse": { "toolUseId": id, "name": call.name, "input": call.input } });
        self.begin_block("toolUse", block, out);
        let start = json!({ "toolUse": { "toolUseId": id, "name": call.name } });
        send("contentBlockStart", &json!({ "contentBlockIndex": self.index(), "start": start }), out);
        let text = call.input.to_string();
        let half = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
        for piece in [&text[..half], &text[half..]] {
            self.delta(&json!({ "toolUse": { "input": piece } }), out);
        }
        self.stop(out);
    }

    fn fault(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        let kind = kind(fault);
        // In frames the names begin with a small letter.
        let mut letters = kind.chars();
        let first = letters.next().map(|c| c.to_ascii_lowercase());
        let name: String = first.into_iter().chain(letters).collect();
        let headers =
            [(":exception-type", name.as_str()), (":content-type", "application/json"), (":message-type", "exception")];
        frame(out, &headers, json!({ "message": fault.message }).to_string().as_bytes());
    }

    fn end(&mut self, end: &End, out: &mut Vec<u8>) {
        self.stop(out);
        let reason = match end.stop {
            Stop::EndTurn => "end_turn",
            Stop::ToolUse => "tool_use",
            Stop::MaxTokens => "max_tokens",
            Stop::Sequence => "stop_sequence",
            Stop::Refusal => "content_filtered",
        };
        let cost = &end.cost;
        let usage = json!({
            "inputTokens": cost.input, "outputTokens": cost.output, "totalTokens": cost.input + cost.output,
            "cacheReadInputTokens": cost.cached, "cacheWriteInputTokens": 0,
        });
        let metrics = json!({ "latencyMs": 1 });
        send("messageStop", &json!({ "stopReason": reason }), out);
        send("metadata", &json!({ "metrics": metrics, "usage": usage }), out);
        let message = json!({ "role": "assistant", "content": self.blocks });
        self.whole =
            json!({ "output": { "message": message }, "stopReason": reason, "usage": usage, "metrics": metrics });
    }

    fn whole(&self) -> Value {
        self.whole.clone()
    }

    fn media_type(&self) -> &'static str {
        "application/vnd.amazon.eventstream"
    }
}

//! A reply as a Response, streamed in typed events or whole.

use serde_json::{Value, json};

use super::Memory;
use crate::{
    fault::Fault,
    ids, openai,
    plan::{Call, Stop},
    seal,
    talk::ToolKind,
    voice::{Cost, End, Voice, event},
};

/// The reply under way.
#[derive(Debug)]
pub struct ResponsesVoice {
    response: Value,
    output: Vec<Value>,
    /// The text of the item that is open.
    open: Option<Open>,
    number: u64,
    /// The request wants thoughts in a form that it can send back.
    encrypted: bool,
    items: Vec<Value>,
    memory: Option<Memory>,
}

#[derive(Debug)]
struct Open {
    thought: bool,
    id: String,
    text: String,
}

impl ResponsesVoice {
    /// A reply to this request; `items` is the conversation so far.
    pub fn new(body: &Value, items: Vec<Value>, memory: Memory) -> Self {
        let or = |name: &str, default: Value| match &body[name] {
            Value::Null => default,
            given => given.clone(),
        };
        let response = json!({
            "id": ids::fresh("resp_"), "object": "response", "created_at": ids::seconds(), "status": "in_progress",
            "background": false, "error": null, "incomplete_details": null, "instructions": body["instructions"],
            "max_output_tokens": body["max_output_tokens"], "max_tool_calls": body["max_tool_calls"],
            "model": body["model"], "output": [], "parallel_tool_calls": or("parallel_tool_calls", json!(true)),
            "previous_response_id": body["previous_response_id"], "prompt_cache_key": body["prompt_cache_key"],
            "reasoning": or("reasoning", json!({ "effort": null, "summary": null })),
            "safety_identifier": body["safety_identifier"], "service_tier": "default",
            "store": or("store", json!(true)), "temperature": or("temperature", json!(1.0)),
            "text": or("text", json!({ "format": { "type": "text" } })),
            "tool_choice": or("tool_choice", json!("auto")), "tools": or("tools", json!([])),
            "top_logprobs": 0, "top_p": or("top_p", json!(1.0)), "truncation": or("truncation", json!("disabled")),
            "usage": null, "user": body["user"], "metadata": or("metadata", json!({})),
        });
        let encrypted =
            body["include"].as_array().is_some_and(|list| list.contains(&json!("reasoning.encrypted_content")));
        let memory = (body["store"] != false).then_some(memory);
        Self { response, output: Vec::new(), open: None, number: 0, encrypted, items, memory }
    }

    fn say(&mut self, kind: &str, mut data: Value, out: &mut Vec<u8>) {
        data["type"] = json!(kind);
        data["sequence_number"] = json!(self.number);
        self.number += 1;
        event(out, Some(kind), &data);
    }

    fn open(&mut self, thought: bool, out: &mut Vec<u8>) {
        if self.open.as_ref().is_some_and(|open| open.thought == thought) {
            return;
        }
        self.close(out);
        let id = ids::fresh(if thought { "rs_" } else { "msg_" });
        let index = self.output.len();
        let item = if thought {
            json!({ "id": id, "type": "reasoning", "summary": [] })
        } else {
            message(&id, "in_progress", None)
        };
        self.say("response.output_item.added", json!({ "output_index": index, "item": item }), out);
        if thought {
            let data = json!({ "item_id": id, "output_index": index, "summary_index": 0, "part": { "type": "summary_text", "text": "" } });
            self.say("response.reasoning_summary_part.added", data, out);
        } else {
            let data = json!({ "item_id": id, "output_index": index, "content_index": 0, "part": text_part("") });
            self.say("response.content_part.added", data, out);
        }
        self.open = Some(Open { thought, id, text: String::new() });
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        let Some(Open { thought, id, text }) = self.open.take() else { return };
        let index = self.output.len();
        let item = if thought {
            let at = json!({ "item_id": id, "output_index": index, "summary_index": 0 });
            let part = json!({ "type": "summary_text", "text": text });
            self.say("response.reasoning_summary_text.done", with(&at, "text", json!(text)), out);
            self.say("response.reasoning_summary_part.done", with(&at, "part", part.clone()), out);
            let mut item = json!({ "id": id, "type": "reasoning", "summary": [part] });
            if self.encrypted {
                item["encrypted_content"] = json!(seal::sign(&text));
            }
            item
        } else {
            let at = json!({ "item_id": id, "output_index": index, "content_index": 0 });
            let done = with(&with(&at, "text", json!(text)), "logprobs", json!([]));
            self.say("response.output_text.done", done, out);
            self.say("response.content_part.done", with(&at, "part", text_part(&text)), out);
            message(&id, "completed", Some(&text))
        };
        self.finish(item, out);
    }

    fn finish(&mut self, item: Value, out: &mut Vec<u8>) {
        let index = self.output.len();
        self.say("response.output_item.done", json!({ "output_index": index, "item": item }), out);
        self.output.push(item);
    }

    fn piece(&mut self, thought: bool, piece: &str, out: &mut Vec<u8>) {
        self.open(thought, out);
        let Some(open) = &mut self.open else { return };
        open.text.push_str(piece);
        let at = json!({ "item_id": open.id, "output_index": self.output.len(), "delta": piece });
        if thought {
            self.say("response.reasoning_summary_text.delta", with(&at, "summary_index", json!(0)), out);
        } else {
            let data = with(&with(&at, "content_index", json!(0)), "logprobs", json!([]));
            self.say("response.output_text.delta", data, out);
        }
    }
}

fn with(object: &Value, name: &str, value: Value) -> Value {
    let mut object = object.clone();
    object[name] = value;
    object
}

fn text_part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

fn message(id: &str, status: &str, text: Option<&str>) -> Value {
    let content: Vec<Value> = text.into_iter().map(text_part).collect();
    json!({ "id": id, "type": "message", "status": status, "role": "assistant", "content": content })
}

fn usage(cost: &Cost) -> Value {
    json!({
        "input_tokens": cost.input, "input_tokens_details": { "cached_tokens": cost.cached },
        "output_tokens": cost.output, "output_tokens_details": { "reasoning_tokens": cost.thoughts },
        "total_tokens": cost.input + cost.output,
    })
}

/// A call as an item, and the name of the field that is streamed, with what its events are called.
fn shape(call: &Call) -> (Value, Option<(&'static str, &'static str)>) {
    let call_id = format!("call_{}", call.id);
    let item = |kind: &str, prefix: &str| json!({ "id": ids::fresh(prefix), "type": kind, "status": "completed", "call_id": call_id });
    match call.kind {
        ToolKind::LocalShell => (with(&item("local_shell_call", "lsh_"), "action", call.input.clone()), None),
        ToolKind::Shell => (with(&item("shell_call", "sh_"), "action", call.input.clone()), None),
        ToolKind::Custom => {
            let input = call.input.as_str().map_or_else(|| call.input.to_string(), str::to_owned);
            let item = with(&item("custom_tool_call", "ctc_"), "name", json!(call.name));
            (with(&item, "input", json!(input)), Some(("input", "response.custom_tool_call_input")))
        }
        ToolKind::Function | ToolKind::Bash | ToolKind::Hosted => {
            let item = with(&item("function_call", "fc_"), "name", json!(call.name));
            let item = with(&item, "arguments", json!(call.input.to_string()));
            (item, Some(("arguments", "response.function_call_arguments")))
        }
    }
}

impl Voice for ResponsesVoice {
    fn begin(&mut self, _cost: &Cost, out: &mut Vec<u8>) {
        for kind in ["response.created", "response.in_progress"] {
            let data = json!({ "response": self.response });
            self.say(kind, data, out);
        }
    }

    fn text(&mut self, piece: &str, out: &mut Vec<u8>) {
        self.piece(false, piece, out);
    }

    fn thought(&mut self, piece: &str, out: &mut Vec<u8>) {
        self.piece(true, piece, out);
    }

    fn call(&mut self, call: &Call, out: &mut Vec<u8>) {
        self.close(out);
        let (item, field) = shape(call);
        let index = self.output.len();
        let mut begun = with(&item, "status", json!("in_progress"));
        if let Some((field, _)) = field {
            begun[field] = json!("");
        }
        self.say("response.output_item.added", json!({ "output_index": index, "item": begun }), out);
        if let Some((field, events)) = field {
            let at = json!({ "item_id": item["id"], "output_index": index });
            let text = item[field].as_str().unwrap_or_default();
            let half = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
            for piece in [&text[..half], &text[half..]] {
                self.say(&format!("{events}.delta"), with(&at, "delta", json!(piece)), out);
            }
            let done = with(&at, field, json!(text));
            let done = if field == "arguments" { with(&done, "name", json!(call.name)) } else { done };
            self.say(&format!("{events}.done"), done, out);
        }
        self.finish(item, out);
    }

    fn fault(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        let code = openai::code(fault).unwrap_or("server_error");
        let data = json!({ "code": code, "message": fault.message, "param": fault.param });
        self.say("error", data, out);
        let mut response = self.response.clone();
        response["status"] = json!("failed");
        response["error"] = json!({ "code": code, "message": fault.message });
        response["output"] = json!(self.output);
        self.say("response.failed", json!({ "response": response }), out);
    }

    fn end(&mut self, end: &End, out: &mut Vec<u8>) {
        self.close(out);
        let reason = match end.stop {
            Stop::EndTurn | Stop::ToolUse | Stop::Sequence => None,
            Stop::MaxTokens => Some("max_output_tokens"),
            Stop::Refusal => Some("content_filter"),
        };
        let status = if reason.is_some() { "incomplete" } else { "completed" };
        self.response["status"] = json!(status);
        if let Some(reason) = reason {
            self.response["incomplete_details"] = json!({ "reason": reason });
        }
        self.response["output"] = json!(self.output);
        self.response["usage"] = usage(&end.cost);
        let data = json!({ "response": self.response });
        self.say(&format!("response.{status}"), data, out);
        if let (Some(memory), Some(id)) = (&self.memory, self.response["id"].as_str()) {
            let mut items = std::mem::take(&mut self.items);
            items.extend(self.output.iter().cloned());
            memory.keep(id, items, self.response.clone());
        }
    }

    fn whole(&self) -> Value {
        self.response.clone()
    }
}

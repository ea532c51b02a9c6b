//! Reads a request and refuses what the real API refuses, in its words.

use serde_json::{Value, json};

use super::{Memory, input, order};
use crate::{
    fault::Fault,
    openai::{check_name, missing, model_of, number, stream, wrong_type, wrong_value},
    talk::{Forced, Provider, Talk, Tool, ToolKind},
};

/// Types of tools that the provider runs itself.
const HOSTED: [&str; 11] = [
    "file_search",
    "web_search",
    "web_search_2025_08_26",
    "web_search_preview",
    "web_search_preview_2025_03_11",
    "computer_use_preview",
    "computer",
    "mcp",
    "code_interpreter",
    "image_generation",
    "tool_search",
];
const TYPES: [&str; 16] = [
    "function",
    "custom",
    "local_shell",
    "shell",
    "apply_patch",
    "namespace",
    "file_search",
    "web_search",
    "web_search_preview",
    "computer_use_preview",
    "computer",
    "mcp",
    "code_interpreter",
    "image_generation",
    "tool_search",
    "web_search_2025_08_26",
];

/// Reads `POST /v1/responses`, and gives the whole conversation's items beside it: those before it and its own.
pub fn read(body: &Value, memory: &Memory) -> Result<(Talk, Vec<Value>), Fault> {
    let model = model_of(body, || missing("model"))?;
    number(body, "temperature", 0.0, 2.0)?;
    number(body, "top_p", 0.0, 1.0)?;
    let stream = stream(body)?;
    let mut items = Vec::new();
    if let Some(id) = body["previous_response_id"].as_str() {
        let Some(before) = memory.conversation(id) else {
            return Err(Fault::bad(format!("Previous response with id '{id}' not found."))
                .param("previous_response_id")
                .code("previous_response_not_found"));
        };
        items.extend(before.iter().cloned());
    }
    let before = items.len();
    match &body["input"] {
        Value::Null if before > 0 => {}
        Value::Null => {
            return Err(Fault::bad(
                "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation_id' must be provided.",
            )
            .code("missing_required_parameter"));
        }
        Value::String(text) => items.push(json!({ "role": "user", "content": text })),
        Value::Array(list) => {
            for (at, item) in list.iter().enumerate() {
                items.push(referred(at, item, memory)?);
            }
        }
        other => {
            return Err(wrong_type("input", "one of a string or array of objects", other));
        }
    }
    let read = input::read(&items, before)?;
    order::check(&items)?;
    let mut tools = tools(&body["tools"])?;
    for added in &read.tools {
        tools.extend(self::tools(added)?);
    }
    let system: Vec<&str> =
        body["instructions"].as_str().into_iter().chain(read.system.iter().map(String::as_str)).collect();
    let talk = Talk {
        provider: Provider::Responses,
        model,
        stream,
        system: system.join("\n"),
        messages: read.messages,
        forced: forced(&body["tool_choice"], &tools)?,
        tools,
        schema: schema(&body["text"]["format"])?,
    };
    Ok((talk, items))
}

/// What an item refers to, or the item itself.
fn referred(at: usize, item: &Value, memory: &Memory) -> Result<Value, Fault> {
    if item["type"] != "item_reference" {
        return Ok(item.clone());
    }
    let id = item["id"].as_str().ok_or_else(|| missing(&format!("input[{at}].id")))?;
    memory.item(id).ok_or_else(|| Fault::new(404, format!("Item with id '{id}' not found.")).param("input"))
}

fn tools(value: &Value) -> Result<Vec<Tool>, Fault> {
    let list = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        other => return Err(wrong_type("tools", "an array of objects", other)),
    };
    let mut tools = Vec::new();
    for (at, tool) in list.iter().enumerate() {
        let path = format!("tools[{at}]");
        let kind = tool["type"].as_str().ok_or_else(|| missing(&format!("{path}.type")))?;
        let how = match kind {
            "function" => ToolKind::Function,
            "custom" => ToolKind::Custom,
            "local_shell" => ToolKind::LocalShell,
            "shell" => ToolKind::Shell,
            // A set of functions under one name.
            "namespace" => {
                tools.extend(self::tools(&tool["tools"])?);
                continue;
            }
            _ if kind == "apply_patch" || HOSTED.contains(&kind) => ToolKind::Hosted,
            other => return Err(wrong_value(&format!("{path}.type"), other, &TYPES)),
        };
        let name = match how {
            ToolKind::Function | ToolKind::Custom => {
                let name = tool["name"].as_str().ok_or_else(|| missing(&format!("{path}.name")))?;
                check_name(&format!("{path}.name"), name)?;
                name
            }
            ToolKind::LocalShell | ToolKind::Shell | ToolKind::Bash | ToolKind::Hosted => kind,
        };
        let schema = tool["parameters"].clone();
        if !schema.is_null() && !schema.is_object() {
            return Err(wrong_type(&format!("{path}.parameters"), "an object", &schema));
        }
        tools.push(Tool { name: name.to_owned(), kind: how, schema });
    }
    Ok(tools)
}

fn forced(choice: &Value, tools: &[Tool]) -> Result<Option<Forced>, Fault> {
    match choice {
        Value::Null => Ok(None),
        Value::String(word) => match word.as_str() {
            "none" | "auto" => Ok(None),
            "required" if tools.is_empty() => {
                Err(Fault::bad("Tool choice 'required' must be specified with 'tools' parameter.").param("tool_choice"))
            }
            "required" => Ok(Some(Forced::Any)),
            other => Err(wrong_value("tool_choice", other, &["none", "auto", "required"])),
        },
        other => {
            let kind = other["type"].as_str().ok_or_else(|| missing("tool_choice.type"))?;
            if kind == "allowed_tools" {
                return Ok((other["mode"] == "required").then_some(Forced::Any));
            }
            let name = match kind {
                "function" | "custom" => other["name"].as_str().ok_or_else(|| missing("tool_choice.name"))?,
                hosted => hosted,
            };
            if !tools.iter().any(|tool| tool.name == name) {
                return Err(
                    Fault::bad(format!("Tool choice '{name}' not found in 'tools' parameter.")).param("tool_choice")
                );
            }
            Ok(Some(Forced::Named(name.to_owned())))
        }
    }
}

fn schema(format: &Value) -> Result<Option<Value>, Fault> {
    match format["type"].as_str() {
        None if format.is_null() => Ok(None),
        None => Err(missing("text.format.type")),
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(json!({ "type": "object" }))),
        Some("json_schema") => {
            if !format["name"].is_string() {
                return Err(missing("text.format.name"));
            }
            if !format["schema"].is_object() {
                return Err(missing("text.format.schema"));
            }
            Ok(Some(format["schema"].clone()))
        }
        Some(other) => Err(wrong_value("text.format.type", other, &["json_object", "json_schema", "text"])),
    }
}

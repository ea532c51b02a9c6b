//! Reads a request and refuses what the real API refuses, in its words.

use serde_json::Value;

use super::order;
use crate::{
    fault::Fault,
    seal,
    talk::{Forced, Message, Part, Provider, Role, Talk, Tool, ToolKind},
};

/// Blocks that mean nothing here.
const OTHERS: [&str; 7] = ["image", "document", "video", "audio", "cachePoint", "guardContent", "citationsContent"];

/// Reads `POST /model/{id}/converse` and `/converse-stream`.
pub fn read(body: &Value, model: &str, stream: bool) -> Result<Talk, Fault> {
    let list = match &body["messages"] {
        Value::Array(list) if !list.is_empty() => list,
        Value::Null | Value::Array(_) => {
            return Err(Fault::bad(
                "A conversation must start with a user message. Try again with a conversation that starts with a user message.",
            ));
        }
        _ => return Err(Fault::bad("Unexpected field type").kind("SerializationException")),
    };
    let messages = list.iter().enumerate().map(|(at, m)| message(at, m)).collect::<Result<Vec<_>, _>>()?;
    order::check(&messages)?;
    let tools = tools(&body["toolConfig"]["tools"])?;
    let uses = |part: &Part| matches!(part, Part::Call { .. } | Part::Result { .. });
    if tools.is_empty() && messages.iter().any(|message| message.parts.iter().any(uses)) {
        return Err(Fault::bad(
            "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
        ));
    }
    if let Some(limit) = body["inferenceConfig"]["maxTokens"].as_i64().filter(|limit| *limit < 1) {
        return Err(constraint(
            &limit.to_string(),
            "inferenceConfig.maxTokens",
            "Member must have value greater than or equal to 1",
        ));
    }
    if let Some(heat) = body["inferenceConfig"]["temperature"].as_f64().filter(|heat| !(0.0..=1.0).contains(heat)) {
        let bound = if heat > 1.0 { "less than or equal to 1" } else { "greater than or equal to 0" };
        let bound = format!("Member must have value {bound}");
        return Err(constraint(&heat.to_string(), "inferenceConfig.temperature", &bound));
    }
    Ok(Talk {
        provider: Provider::Bedrock,
        model: model.to_owned(),
        stream,
        system: system(&body["system"])?,
        messages,
        forced: forced(&body["toolConfig"]["toolChoice"], &tools)?,
        tools,
        schema: None,
    })
}

fn constraint(value: &str, place: &str, rule: &str) -> Fault {
    let quoted = if value == "null" { "null".to_owned() } else { format!("'{value}'") };
    Fault::bad(format!("1 validation error detected: Value {quoted} at '{place}' failed to satisfy constraint: {rule}"))
}

fn required(place: &str) -> Fault {
    constraint("null", place, "Member must not be null")
}

fn message(at: usize, message: &Value) -> Result<Message, Fault> {
    // The service counts members of a list from one.
    let place = format!("messages.{}.member", at + 1);
    let role = match message["role"].as_str() {
        None => return Err(required(&format!("{place}.role"))),
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some(other) => {
            let rule = "Member must satisfy enum value set: [user, assistant]";
            return Err(constraint(other, &format!("{place}.role"), rule));
        }
    };
    let Some(blocks) = message["content"].as_array() else {
        return Err(required(&format!("{place}.content")));
    };
    if blocks.is_empty() {
        return Err(Fault::bad(format!(
            "The content field in the Message object at messages.{at} is empty. Add a ContentBlock object to the content \
             field and try again."
        )));
    }
    let read = |(n, block)| part(&format!("messages.{at}.content.{n}"), role, block);
    let parts = blocks.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(Message { role, parts })
}

fn part(path: &str, role: Role, block: &Value) -> Result<Part, Fault> {
    let mut set = block.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let (Some((kind, value)), None) = (set.next(), set.next()) else {
        return Err(unset(path));
    };
    let text =
        |name: &str| value[name].as_str().map(str::to_owned).ok_or_else(|| required(&format!("{path}.{kind}.{name}")));
    match kind.as_str() {
        "text" => match value.as_str() {
            Some(text) if text.trim().is_empty() => Err(Fault::bad(format!(
                "The text field in the ContentBlock object at {path} is blank. Add text to the text field, and try again."
            ))),
            Some(text) => Ok(Part::Text { text: text.to_owned() }),
            None => Err(Fault::bad("Unexpected field type").kind("SerializationException")),
        },
        "toolUse" if role == Role::User => {
            Err(Fault::bad("User messages cannot contain toolUse blocks. Remove the toolUse blocks and try again."))
        }
        "toolUse" => {
            let (id, name) = (text("toolUseId")?, text("name")?);
            if !value["input"].is_object() {
                return Err(Fault::bad(format!(
                    "The format of the value at {path}.toolUse.input is invalid. Provide a json object for the field and try again."
                )));
            }
            Ok(Part::Call { id, name, input: value["input"].clone() })
        }
        "toolResult" if role == Role::Assistant => Err(Fault::bad(
            "Assistant messages cannot contain toolResult blocks. Remove the toolResult blocks and try again.",
        )),
        "toolResult" => Ok(Part::Result { id: text("toolUseId")?, text: result_text(path, &value["content"])? }),
        "reasoningContent" => {
            let thought = &value["reasoningText"];
            let text = thought["text"].as_str().unwrap_or_default();
            let fits = thought["signature"].as_str().is_none_or(|signature| seal::is_of(signature, text));
            if !fits {
                return Err(Fault::bad(format!(
                    "The model returned the following errors: {path}: Invalid `signature` in `thinking` block"
                )));
            }
            Ok(Part::Thought { text: text.to_owned() })
        }
        other if OTHERS.contains(&other) => Ok(Part::Other { kind: other.to_owned() }),
        _ => Err(unset(path)),
    }
}

fn unset(path: &str) -> Fault {
    Fault::bad(format!(
        "The ContentBlock object at {path} must set one of the following keys: text, image, toolUse, toolResult, document, \
         video, cachePoint, reasoningContent."
    ))
}

fn result_text(path: &str, content: &Value) -> Result<String, Fault> {
    let Some(blocks) = content.as_array() else {
        return Err(required(&format!("{path}.toolResult.content")));
    };
    let texts = blocks.iter().filter_map(|block| match &block["text"] {
        Value::String(text) => Some(text.clone()),
        _ if block["json"].is_null() => None,
        _ => Some(block["json"].to_string()),
    });
    Ok(texts.collect::<Vec<_>>().join("\n"))
}

fn system(value: &Value) -> Result<String, Fault> {
    let mut texts = Vec::new();
    for (at, block) in value.as_array().into_iter().flatten().enumerate() {
        match block["text"].as_str() {
            Some(text) if text.trim().is_empty() => {
                return Err(Fault::bad(format!(
                    "The text field in the SystemContentBlock object at system.{at} is blank. Add text to the text field, \
                     and try again."
                )));
            }
            Some(text) => texts.push(text),
            None => {}
        }
    }
    Ok(texts.join("\n"))
}

fn tools(value: &Value) -> Result<Vec<Tool>, Fault> {
    let mut tools: Vec<Tool> = Vec::new();
    for (at, tool) in value.as_array().into_iter().flatten().enumerate() {
        let spec = &tool["toolSpec"];
        if spec.is_null() {
            // A mark for the cache, or a tool of the system's own.
            continue;
        }
        let place = format!("toolConfig.tools.{}.member.toolSpec", at + 1);
        let name = spec["name"].as_str().ok_or_else(|| required(&format!("{place}.name")))?;
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
            let rule = "Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+";
            return Err(constraint(name, &format!("{place}.name"), rule));
        }
        if tools.iter().any(|other| other.name == name) {
            return Err(Fault::bad(format!(
                "The toolConfig field contains tools with duplicate names: {name}. Tool names must be unique."
            )));
        }
        let schema = spec["inputSchema"]["json"].clone();
        if spec["inputSchema"].is_null() {
            return Err(required(&format!("{place}.inputSchema")));
        }
        if schema["type"] != "object" {
            return Err(Fault::bad(format!(
                "The value at toolConfig.tools.{at}.toolSpec.inputSchema.json.type must be one of the following: object."
            )));
        }
        tools.push(Tool { name: name.to_owned(), kind: ToolKind::Function, schema });
    }
    Ok(tools)
}

fn forced(choice: &Value, tools: &[Tool]) -> Result<Option<Forced>, Fault> {
    if choice["any"].is_object() {
        return Ok(Some(Forced::Any));
    }
    let Some(name) = choice["tool"]["name"].as_str() else { return Ok(None) };
    if tools.iter().any(|tool| tool.name == name) {
        return Ok(Some(Forced::Named(name.to_owned())));
    }
    Err(Fault::bad(format!("The toolChoice field names a tool that is not in toolConfig.tools: {name}.")))
}

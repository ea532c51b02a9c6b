//! Reads a request and refuses what the real API refuses, in its words.

use std::collections::HashSet;

use serde_json::Value;

use crate::{
    fault::Fault,
    openai::{check_name, missing, model_of, number, stream, wrong_type, wrong_value},
    talk::{Forced, Message, Part, Provider, Role, Talk, Tool, ToolKind},
};

const ROLES: [&str; 6] = ["system", "assistant", "user", "function", "tool", "developer"];
const USER_PARTS: [&str; 4] = ["text", "image_url", "input_audio", "file"];

/// Whether the stream ends with its usage.
pub fn counts_usage(body: &Value) -> bool {
    body["stream_options"]["include_usage"] == true
}

/// Reads `POST /v1/chat/completions`.
pub fn read(body: &Value) -> Result<Talk, Fault> {
    let model = model_of(body, || Fault::bad("you must provide a model parameter"))?;
    let list = match &body["messages"] {
        Value::Null => return Err(missing("messages")),
        Value::Array(list) => list,
        other => return Err(wrong_type("messages", "an array of objects", other)),
    };
    if list.is_empty() {
        return Err(Fault::bad(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        )
        .param("messages")
        .code("empty_array"));
    }
    number(body, "temperature", 0.0, 2.0)?;
    number(body, "top_p", 0.0, 1.0)?;
    let stream = stream(body)?;
    if !stream && !body["stream_options"].is_null() {
        return Err(Fault::bad("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
            .param("stream_options"));
    }
    let mut talk = Talk {
        provider: Provider::Chat,
        model,
        stream,
        system: String::new(),
        messages: Vec::new(),
        tools: tools(&body["tools"])?,
        forced: None,
        schema: schema(&body["response_format"])?,
    };
    let mut system = Vec::new();
    for (at, value) in list.iter().enumerate() {
        match message(at, value)? {
            Heard::System(text) => system.push(text),
            Heard::Message(message) => talk.messages.push(message),
        }
    }
    order(list)?;
    talk.system = system.join("\n");
    talk.forced = forced(&body["tool_choice"], &talk.tools)?;
    Ok(talk)
}

enum Heard {
    System(String),
    Message(Message),
}

fn message(at: usize, value: &Value) -> Result<Heard, Fault> {
    let path = format!("messages[{at}]");
    let role = match &value["role"] {
        Value::Null => return Err(missing(&format!("{path}.role"))),
        Value::String(role) => role.as_str(),
        other => return Err(wrong_type(&format!("{path}.role"), "a string", other)),
    };
    let content = &value["content"];
    let heard = |role, parts| Ok(Heard::Message(Message { role, parts }));
    match role {
        "system" | "developer" => {
            let texts = parts(&path, content, &["text"])?;
            Ok(Heard::System(join(texts)))
        }
        "user" => heard(Role::User, parts(&path, content, &USER_PARTS)?),
        "assistant" => {
            let mut said = Vec::new();
            let thought = value["reasoning_content"].as_str().or_else(|| value["reasoning"].as_str());
            said.extend(thought.filter(|t| !t.is_empty()).map(|text| Part::Thought { text: text.to_owned() }));
            if !content.is_null() {
                said.extend(parts(&path, content, &["text", "refusal"])?);
            }
            let calls = calls(&path, &value["tool_calls"])?;
            if content.is_null() && calls.is_empty() && value["function_call"].is_null() && value["refusal"].is_null() {
                return Err(Fault::bad("Invalid value for 'content': expected a string, got null.")
                    .param(format!("messages.[{at}].content")));
            }
            said.extend(calls);
            heard(Role::Assistant, said)
        }
        "tool" => {
            let Some(id) = value["tool_call_id"].as_str() else {
                return Err(missing(&format!("{path}.tool_call_id")));
            };
            let text = join(parts(&path, content, &["text"])?);
            heard(Role::User, vec![Part::Result { id: id.to_owned(), text }])
        }
        "function" => {
            let Some(name) = value["name"].as_str() else {
                return Err(missing(&format!("{path}.name")));
            };
            let text = content.as_str().unwrap_or_default().to_owned();
            heard(Role::User, vec![Part::Result { id: name.to_owned(), text }])
        }
        other => Err(wrong_value(&format!("{path}.role"), other, &ROLES)),
    }
}

fn join(parts: Vec<Part>) -> String {
    let texts = parts.into_iter().filter_map(|part| match part {
        Part::Text { text } => Some(text),
        Part::Thought { .. } | Part::Call { .. } | Part::Result { .. } | Part::Other { .. } => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn parts(path: &str, content: &Value, supported: &[&str]) -> Result<Vec<Part>, Fault> {
    let list = match content {
        Value::String(text) => return Ok(vec![Part::Text { text: text.clone() }]),
        Value::Array(list) => list,
        Value::Null => {
            let at = path.replace('[', ".[");
            return Err(
                Fault::bad("Invalid value for 'content': expected a string, got null.").param(format!("{at}.content"))
            );
        }
        other => {
            return Err(wrong_type(&format!("{path}.content"), "one of a string or array of objects", other));
        }
    };
    if list.is_empty() {
        let text = format!(
            "Invalid '{path}.content': empty array. Expected an array with minimum length 1, but got an empty array instead."
        );
        return Err(Fault::bad(text).param(format!("{path}.content")).code("empty_array"));
    }
    let mut parts = Vec::new();
    for (n, part) in list.iter().enumerate() {
        let path = format!("{path}.content[{n}]");
        let kind = match &part["type"] {
            Value::String(kind) => kind.as_str(),
            _ => return Err(missing(&format!("{path}.type"))),
        };
        if !supported.contains(&kind) {
            return Err(wrong_value(&format!("{path}.type"), kind, supported));
        }
        match (kind, part[kind].as_str()) {
            ("text" | "refusal", Some(text)) => parts.push(Part::Text { text: text.to_owned() }),
            ("text" | "refusal", None) => return Err(missing(&format!("{path}.{kind}"))),
            _ if part[kind].is_null() => return Err(missing(&format!("{path}.{kind}"))),
            _ => parts.push(Part::Other { kind: kind.to_owned() }),
        }
    }
    Ok(parts)
}

fn calls(path: &str, value: &Value) -> Result<Vec<Part>, Fault> {
    let list = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        other => return Err(wrong_type(&format!("{path}.tool_calls"), "an array of objects", other)),
    };
    if list.is_empty() {
        let text = format!(
            "Invalid '{path}.tool_calls': empty array. Expected an array with minimum length 1, but got an empty array instead."
        );
        return Err(Fault::bad(text).param(format!("{path}.tool_calls")).code("empty_array"));
    }
    let mut calls = Vec::new();
    for (n, call) in list.iter().enumerate() {
        let path = format!("{path}.tool_calls[{n}]");
        let kind = call["type"].as_str().ok_or_else(|| missing(&format!("{path}.type")))?;
        let id = call["id"].as_str().ok_or_else(|| missing(&format!("{path}.id")))?;
        let field = match kind {
            "function" => "arguments",
            "custom" => "input",
            other => return Err(wrong_value(&format!("{path}.type"), other, &["function", "custom"])),
        };
        let text = |field: &str| call[kind][field].as_str().ok_or_else(|| missing(&format!("{path}.{kind}.{field}")));
        let (name, given) = (text("name")?, text(field)?);
        // Arguments need not be JSON: models write them.
        let input = serde_json::from_str(given).unwrap_or_else(|_| Value::String(given.to_owned()));
        calls.push(Part::Call { id: id.to_owned(), name: name.to_owned(), input });
    }
    Ok(calls)
}

/// Each call is answered at once, and nothing is answered that was not asked.
fn order(messages: &[Value]) -> Result<(), Fault> {
    // The calls that wait, and the message that made them.
    let mut open: Vec<&str> = Vec::new();
    let mut known: HashSet<&str> = HashSet::new();
    let mut used: HashSet<&str> = HashSet::new();
    for (at, message) in messages.iter().enumerate() {
        let here = format!("messages.[{at}].role");
        if message["role"] == "tool" {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            if known.is_empty() {
                return Err(Fault::bad(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with \
                     'tool_calls'.",
                )
                .param(here));
            }
            if !known.contains(id) {
                return Err(Fault::bad(format!(
                    "Invalid parameter: 'tool_call_id' of '{id}' not found in 'tool_calls' of previous message."
                ))
                .param(format!("messages.[{at}].tool_call_id")));
            }
            if let Some(place) = open.iter().position(|waiting| *waiting == id) {
                open.remove(place);
            } else {
                return Err(
                    Fault::bad(format!("Duplicate value for 'tool_call_id' of '{id}' in message[{at}]")).param(here)
                );
            }
            continue;
        }
        unanswered(&open, here)?;
        (open, known) = (Vec::new(), HashSet::new());
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            let id = call["id"].as_str().unwrap_or_default();
            if !used.insert(id) {
                return Err(Fault::bad(format!("Duplicate value for 'tool_call_id' of '{id}' in message[{at}]"))
                    .param(format!("messages.[{at}].tool_calls")));
            }
            open.push(id);
            known.insert(id);
        }
    }
    unanswered(&open, format!("messages.[{}].role", messages.len()))
}

fn unanswered(open: &[&str], param: String) -> Result<(), Fault> {
    if open.is_empty() {
        return Ok(());
    }
    Err(Fault::bad(format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. \
         The following tool_call_ids did not have response messages: {}",
        open.join(", ")
    ))
    .param(param))
}

fn tools(value: &Value) -> Result<Vec<Tool>, Fault> {
    let list = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        other => return Err(wrong_type("tools", "an array of objects", other)),
    };
    let mut tools = Vec::new();
    for (at, tool) in list.iter().enumerate() {
        let kind = tool["type"].as_str().ok_or_else(|| missing(&format!("tools[{at}].type")))?;
        let how = match kind {
            "function" => ToolKind::Function,
            "custom" => ToolKind::Custom,
            other => return Err(wrong_value(&format!("tools[{at}].type"), other, &["function", "custom"])),
        };
        let path = format!("tools[{at}].{kind}");
        let Some(name) = tool[kind]["name"].as_str() else {
            return Err(missing(&if tool[kind].is_null() { path } else { format!("{path}.name") }));
        };
        check_name(&format!("{path}.name"), name)?;
        let schema = tool[kind]["parameters"].clone();
        if !schema.is_null() && !schema.is_object() {
            return Err(wrong_type(&format!("{path}.parameters"), "an object", &schema));
        }
        tools.push(Tool { name: name.to_owned(), kind: how, schema });
    }
    if tools.is_empty() {
        let text =
            "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.";
        return Err(Fault::bad(text).param("tools").code("empty_array"));
    }
    Ok(tools)
}

fn forced(choice: &Value, tools: &[Tool]) -> Result<Option<Forced>, Fault> {
    if choice.is_null() {
        return Ok(None);
    }
    if tools.is_empty() {
        return Err(Fault::bad(
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
        )
        .param("tool_choice"));
    }
    match choice {
        Value::String(word) => match word.as_str() {
            "none" | "auto" => Ok(None),
            "required" => Ok(Some(Forced::Any)),
            other => Err(wrong_value("tool_choice", other, &["none", "auto", "required"])),
        },
        other => {
            let kind = other["type"].as_str().ok_or_else(|| missing("tool_choice.type"))?;
            if kind == "allowed_tools" {
                let required = other["allowed_tools"]["mode"] == "required";
                return Ok(required.then_some(Forced::Any));
            }
            let name = other[kind]["name"].as_str().ok_or_else(|| missing(&format!("tool_choice.{kind}.name")))?;
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
        None => Err(missing("response_format.type")),
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(serde_json::json!({ "type": "object" }))),
        Some("json_schema") => {
            let wanted = &format["json_schema"];
            if !wanted["name"].is_string() {
                return Err(missing("response_format.json_schema.name"));
            }
            Ok(Some(wanted["schema"].clone()))
        }
        Some(other) => Err(wrong_value("response_format.type", other, &["json_object", "json_schema", "text"])),
    }
}

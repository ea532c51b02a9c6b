//! Reads the items of a conversation, each for itself.

use serde_json::Value;

use crate::{
    fault::Fault,
    openai::{missing, wrong_type, wrong_value},
    talk::{Message, Part, Role},
};

/// Items that mean nothing here.
const OTHERS: [&str; 15] = [
    "file_search_call",
    "computer_call",
    "computer_call_output",
    "web_search_call",
    "image_generation_call",
    "code_interpreter_call",
    "apply_patch_call",
    "apply_patch_call_output",
    "mcp_list_tools",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "compaction",
    "tool_search_call",
    "tool_search_output",
];
const KNOWN: [&str; 11] = [
    "message",
    "additional_tools",
    "reasoning",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "local_shell_call",
    "local_shell_call_output",
    "shell_call",
    "shell_call_output",
];
/// Prefixes of the ids of items.
const PREFIXES: [(&str, &str); 5] = [
    ("message", "msg"),
    ("reasoning", "rs"),
    ("function_call", "fc"),
    ("custom_tool_call", "ctc"),
    ("additional_tools", "at"),
];

/// What the items come to.
#[derive(Debug, Default)]
pub struct Read {
    /// Texts of the system and the developer.
    pub system: Vec<String>,
    /// The rest.
    pub messages: Vec<Message>,
    /// Tools that were added on the way, a list each time.
    pub tools: Vec<Value>,
}

/// Reads items; the first `before` are the server's own memory, and refusals count from behind them.
pub fn read(items: &[Value], before: usize) -> Result<Read, Fault> {
    let mut read = Read::default();
    for (at, item) in items.iter().enumerate() {
        let path = format!("input[{}]", at.saturating_sub(before));
        one(&path, item, &mut read)?;
    }
    Ok(read)
}

fn one(path: &str, item: &Value, read: &mut Read) -> Result<(), Fault> {
    let kind = match &item["type"] {
        Value::String(kind) => kind.as_str(),
        Value::Null if !item["role"].is_null() => "message",
        Value::Null => return Err(missing(&format!("{path}.type"))),
        other => return Err(wrong_type(&format!("{path}.type"), "a string", other)),
    };
    check_id(path, kind, item)?;
    let text = |field: &str| item[field].as_str().ok_or_else(|| missing(&format!("{path}.{field}")));
    match kind {
        "message" => return message(path, item, read),
        "additional_tools" => {
            if !item["tools"].is_array() {
                return Err(missing(&format!("{path}.tools")));
            }
            read.tools.push(item["tools"].clone());
        }
        "reasoning" => {
            let Some(summary) = item["summary"].as_array() else {
                return Err(missing(&format!("{path}.summary")));
            };
            let texts: Vec<&str> = summary.iter().filter_map(|part| part["text"].as_str()).collect();
            push(read, Role::Assistant, vec![Part::Thought { text: texts.join("\n") }]);
        }
        "function_call" => {
            let (id, name, given) = (text("call_id")?, text("name")?, text("arguments")?);
            let input = serde_json::from_str(given).unwrap_or_else(|_| Value::String(given.to_owned()));
            push(read, Role::Assistant, vec![Part::Call { id: id.to_owned(), name: name.to_owned(), input }]);
        }
        "custom_tool_call" => {
            let (id, name, given) = (text("call_id")?, text("name")?, text("input")?);
            let input = Value::String(given.to_owned());
            push(read, Role::Assistant, vec![Part::Call { id: id.to_owned(), name: name.to_owned(), input }]);
        }
        "local_shell_call" | "shell_call" => {
            let id = text("call_id")?.to_owned();
            if !item["action"].is_object() {
                return Err(missing(&format!("{path}.action")));
            }
            let name = kind.trim_end_matches("_call").to_owned();
            push(read, Role::Assistant, vec![Part::Call { id, name, input: item["action"].clone() }]);
        }
        "function_call_output" | "custom_tool_call_output" | "local_shell_call_output" | "shell_call_output" => {
            // The oldest of these tools answers to the item's id.
            let id = if kind == "local_shell_call_output" && item["call_id"].is_null() {
                text("id")?
            } else {
                text("call_id")?
            };
            let text = output(&format!("{path}.output"), &item["output"])?;
            push(read, Role::User, vec![Part::Result { id: id.to_owned(), text }]);
        }
        other if OTHERS.contains(&other) => {
            push(read, Role::Assistant, vec![Part::Other { kind: other.to_owned() }]);
        }
        other => {
            let all: Vec<&str> = KNOWN.into_iter().chain(OTHERS).collect();
            return Err(wrong_value(&format!("{path}.type"), other, &all));
        }
    }
    Ok(())
}

/// Items after one another of one side are one message, as the other providers see it.
fn push(read: &mut Read, role: Role, parts: Vec<Part>) {
    read.messages.push(Message { role, parts });
}

fn check_id(path: &str, kind: &str, item: &Value) -> Result<(), Fault> {
    let Some(id) = item["id"].as_str() else { return Ok(()) };
    let Some((_, prefix)) = PREFIXES.iter().find(|(of, _)| *of == kind) else { return Ok(()) };
    if id.starts_with(prefix) {
        return Ok(());
    }
    Err(Fault::bad(format!("Invalid '{path}.id': '{id}'. Expected an ID that begins with '{prefix}'."))
        .param(format!("{path}.id"))
        .code("invalid_value"))
}

fn message(path: &str, item: &Value, read: &mut Read) -> Result<(), Fault> {
    let role = match &item["role"] {
        Value::String(role) => role.as_str(),
        _ => return Err(missing(&format!("{path}.role"))),
    };
    let supported: &[&str] = match role {
        "assistant" => &["output_text", "refusal"],
        "user" | "system" | "developer" => &["input_text", "input_image", "input_file", "input_audio"],
        other => {
            return Err(wrong_value(&format!("{path}.role"), other, &["assistant", "system", "developer", "user"]));
        }
    };
    let mut parts = Vec::new();
    match &item["content"] {
        Value::Null => return Err(missing(&format!("{path}.content"))),
        Value::String(text) => parts.push(Part::Text { text: text.clone() }),
        Value::Array(list) => {
            for (n, part) in list.iter().enumerate() {
                parts.push(content(&format!("{path}.content[{n}]"), part, supported)?);
            }
        }
        other => {
            return Err(wrong_type(&format!("{path}.content"), "one of an array of objects or string", other));
        }
    }
    match role {
        "assistant" => push(read, Role::Assistant, parts),
        "user" => push(read, Role::User, parts),
        _ => read.system.extend(parts.into_iter().filter_map(|part| match part {
            Part::Text { text } => Some(text),
            Part::Thought { .. } | Part::Call { .. } | Part::Result { .. } | Part::Other { .. } => None,
        })),
    }
    Ok(())
}

fn content(path: &str, part: &Value, supported: &[&str]) -> Result<Part, Fault> {
    let kind = part["type"].as_str().ok_or_else(|| missing(&format!("{path}.type")))?;
    if !supported.contains(&kind) {
        // The real one names the content, not its type.
        return Err(wrong_value(path, kind, supported));
    }
    let text = |field: &str| {
        let text = part[field].as_str().ok_or_else(|| missing(&format!("{path}.{field}")))?;
        Ok(Part::Text { text: text.to_owned() })
    };
    match kind {
        "input_text" | "output_text" => text("text"),
        "refusal" => text("refusal"),
        other => Ok(Part::Other { kind: other.to_owned() }),
    }
}

fn output(path: &str, value: &Value) -> Result<String, Fault> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Array(list) => {
            let mut texts = Vec::new();
            for (n, part) in list.iter().enumerate() {
                // The output of `shell` has streams in place of texts.
                if part["stdout"].is_string() || part["stderr"].is_string() {
                    let stream = |name: &str| part[name].as_str().unwrap_or_default();
                    texts.push(format!("{}{}", stream("stdout"), stream("stderr")));
                    continue;
                }
                let supported = ["input_text", "input_image", "input_file"];
                match content(&format!("{path}[{n}]"), part, &supported)? {
                    Part::Text { text } => texts.push(text),
                    Part::Thought { .. } | Part::Call { .. } | Part::Result { .. } | Part::Other { .. } => {}
                }
            }
            Ok(texts.join("\n"))
        }
        Value::Null => Err(missing(path)),
        other => Err(wrong_type(path, "one of a string or array of objects", other)),
    }
}

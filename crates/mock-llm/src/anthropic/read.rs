//! Reads a request and refuses what the real API refuses, in its words.

use serde_json::Value;

use super::order;
use crate::{
    fault::Fault,
    seal,
    talk::{Forced, Message, Part, Provider, Role, Talk, Tool, ToolKind},
};

/// Blocks that either side may send and that mean nothing here.
const OTHERS: [&str; 12] = [
    "document",
    "image",
    "search_result",
    "container_upload",
    "redacted_thinking",
    "server_tool_use",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_reference",
];
/// Everything that is known, as the refusal lists it.
const TAGS: &str = "'bash_code_execution_tool_result', 'code_execution_tool_result', 'container_upload', 'document', \
    'image', 'redacted_thinking', 'search_result', 'server_tool_use', \
    'text_editor_code_execution_tool_result', 'text', 'thinking', 'tool_result', 'tool_use', \
    'web_fetch_tool_result', 'web_search_tool_result'";

/// What a request asks for beside the API as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Betas {
    /// The system may speak amid the conversation.
    pub system_messages: bool,
}

impl Betas {
    /// Those of the header `anthropic-beta`.
    pub fn of(header: &str) -> Self {
        let mut names = header.split(',').map(str::trim);
        let system = |name: &str| name.starts_with("per-turn-control-") || name.starts_with("mid-conversation-");
        Self { system_messages: names.any(system) }
    }
}

/// Reads `POST /v1/messages`.
pub fn read(body: &Value, betas: Betas) -> Result<Talk, Fault> {
    let limit = required(body, "max_tokens")?;
    let Some(limit) = limit.as_i64() else {
        return Err(Fault::bad("max_tokens: Input should be a valid integer"));
    };
    if limit < 1 {
        return Err(Fault::bad("max_tokens: must be greater than or equal to 1"));
    }
    numbers(body, limit)?;
    let mut talk = conversation(body, betas)?;
    talk.stream = match &body["stream"] {
        Value::Null => false,
        Value::Bool(stream) => *stream,
        _ => return Err(Fault::bad("stream: Input should be a valid boolean")),
    };
    Ok(talk)
}

/// Reads `POST /v1/messages/count_tokens`, which takes the same without a limit.
pub fn count(body: &Value, betas: Betas) -> Result<Talk, Fault> {
    conversation(body, betas)
}

fn required<'a>(body: &'a Value, name: &str) -> Result<&'a Value, Fault> {
    body.get(name).filter(|v| !v.is_null()).ok_or_else(|| Fault::bad(format!("{name}: Field required")))
}

fn numbers(body: &Value, limit: i64) -> Result<(), Fault> {
    if let Some(temperature) = body.get("temperature").filter(|v| !v.is_null()) {
        match temperature.as_f64() {
            Some(t) if t < 0.0 => return Err(Fault::bad("temperature: range: 0..1")),
            Some(t) if t > 1.0 => return Err(Fault::bad("temperature: range: 0..1")),
            Some(_) => {}
            None => return Err(Fault::bad("temperature: Input should be a valid number")),
        }
    }
    let thinking = &body["thinking"];
    match thinking["type"].as_str() {
        Some("enabled") => match thinking["budget_tokens"].as_i64() {
            None => Err(Fault::bad("thinking.enabled.budget_tokens: Field required")),
            Some(budget) if budget < 1024 => {
                Err(Fault::bad("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"))
            }
            Some(budget) if budget >= limit => Err(Fault::bad(
                "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at \
                 https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size",
            )),
            Some(_) => Ok(()),
        },
        Some("disabled" | "adaptive") | None => Ok(()),
        Some(other) => Err(Fault::bad(format!(
            "thinking: Input tag '{other}' found using 'type' does not match any of the expected tags: 'adaptive', \
             'disabled', 'enabled'"
        ))),
    }
}

fn conversation(body: &Value, betas: Betas) -> Result<Talk, Fault> {
    let Some(model) = required(body, "model")?.as_str() else {
        return Err(Fault::bad("model: Input should be a valid string"));
    };
    let Some(list) = required(body, "messages")?.as_array() else {
        return Err(Fault::bad("messages: Input should be a valid list"));
    };
    if list.is_empty() {
        return Err(Fault::bad("messages: at least one message is required"));
    }
    let (mut texts, mut messages) = (vec![system(&body["system"])?], Vec::new());
    for (at, value) in list.iter().enumerate() {
        if betas.system_messages && value["role"] == "system" {
            texts.push(system(&value["content"])?);
        } else {
            messages.push(message(at, value, list.len())?);
        }
    }
    order::check(list)?;
    let tools = tools(&body["tools"])?;
    Ok(Talk {
        provider: Provider::Anthropic,
        model: model.to_owned(),
        stream: false,
        system: texts.join("\n").trim().to_owned(),
        messages,
        forced: forced(&body["tool_choice"], &tools)?,
        tools,
        schema: schema(body),
    })
}

fn schema(body: &Value) -> Option<Value> {
    let formats = [&body["output_format"], &body["output_config"]["format"]];
    formats.into_iter().find(|format| format["type"] == "json_schema").map(|format| format["schema"].clone())
}

fn system(value: &Value) -> Result<String, Fault> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        Value::Array(blocks) => {
            let mut texts = Vec::new();
            for (at, block) in blocks.iter().enumerate() {
                let Some(text) = block["text"].as_str().filter(|_| block["type"] == "text") else {
                    return Err(Fault::bad(format!("system.{at}.text: Field required")));
                };
                if text.is_empty() {
                    return Err(Fault::bad("system: text content blocks must be non-empty"));
                }
                texts.push(text);
            }
            Ok(texts.join("\n"))
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            Err(Fault::bad("system: Input should be a valid string or list"))
        }
    }
}

fn message(at: usize, message: &Value, count: usize) -> Result<Message, Fault> {
    let role = match message["role"].as_str() {
        None => return Err(Fault::bad(format!("messages.{at}.role: Field required"))),
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("system") => {
            return Err(Fault::bad(
                "messages: Unexpected role \"system\". The Messages API accepts a top-level `system` parameter, not \
                 \"system\" as an input message role.",
            ));
        }
        Some(other) => {
            return Err(Fault::bad(format!(
                "messages: Unexpected role \"{other}\". Allowed roles are \"user\" or \"assistant\"."
            )));
        }
    };
    let parts = match &message["content"] {
        Value::Null => return Err(Fault::bad(format!("messages.{at}.content: Field required"))),
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![plain(text)?],
        Value::Array(blocks) => {
            let read = |(n, block)| block_part(&format!("messages.{at}.content.{n}"), at, role, block);
            blocks.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            return Err(Fault::bad(format!("messages.{at}.content: Input should be a valid list")));
        }
    };
    let last = at + 1 == count;
    if parts.is_empty() && !(last && role == Role::Assistant) {
        return Err(Fault::bad(match role {
            Role::User => format!("messages.{at}: user messages must have non-empty content"),
            Role::Assistant => format!(
                "messages.{at}: all messages must have non-empty content except for the optional final assistant message"
            ),
        }));
    }
    if let (true, Role::Assistant, Some(Part::Text { text })) = (last, role, parts.last())
        && text.ends_with(char::is_whitespace)
    {
        return Err(Fault::bad("messages: final assistant content cannot end with trailing whitespace"));
    }
    Ok(Message { role, parts })
}

fn plain(text: &str) -> Result<Part, Fault> {
    if text.is_empty() {
        return Err(Fault::bad("messages: text content blocks must be non-empty"));
    }
    if text.trim().is_empty() {
        return Err(Fault::bad("messages: text content blocks must contain non-whitespace text"));
    }
    Ok(Part::Text { text: text.to_owned() })
}

fn block_part(path: &str, at: usize, role: Role, block: &Value) -> Result<Part, Fault> {
    let Some(kind) = block["type"].as_str() else {
        return Err(Fault::bad(format!("{path}.type: Field required")));
    };
    let field =
        |name: &str| block[name].as_str().ok_or_else(|| Fault::bad(format!("{path}.{kind}.{name}: Field required")));
    match kind {
        "text" => plain(field("text")?),
        "thinking" => {
            let (text, signature) = (field("thinking")?, field("signature")?);
            if role == Role::User {
                return Err(Fault::bad(format!(
                    "messages.{at}: `thinking` blocks can only be in `assistant` messages"
                )));
            }
            if !seal::is_of(signature, text) {
                return Err(Fault::bad(format!("{path}: Invalid `signature` in `thinking` block")));
            }
            Ok(Part::Thought { text: text.to_owned() })
        }
        "tool_use" => {
            let (id, name) = (field("id")?, field("name")?);
            if role == Role::User {
                return Err(Fault::bad(format!(
                    "messages.{at}: `tool_use` blocks can only be in `assistant` messages"
                )));
            }
            if !is_id(id) {
                return Err(Fault::bad(format!("{path}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")));
            }
            match &block["input"] {
                Value::Null => Err(Fault::bad(format!("{path}.tool_use.input: Field required"))),
                input @ Value::Object(_) => {
                    Ok(Part::Call { id: id.to_owned(), name: name.to_owned(), input: input.clone() })
                }
                _ => Err(Fault::bad(format!("{path}.tool_use.input: Input should be a valid dictionary"))),
            }
        }
        "tool_result" => {
            let id = field("tool_use_id")?;
            if role == Role::Assistant {
                return Err(Fault::bad(format!("messages.{at}: `tool_result` blocks can only be in `user` messages")));
            }
            Ok(Part::Result { id: id.to_owned(), text: result_text(path, &block["content"])? })
        }
        other if OTHERS.contains(&other) => Ok(Part::Other { kind: other.to_owned() }),
        other => Err(Fault::bad(format!(
            "{path}: Input tag '{other}' found using 'type' does not match any of the expected tags: {TAGS}"
        ))),
    }
}

fn result_text(path: &str, content: &Value) -> Result<String, Fault> {
    match content {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        Value::Array(blocks) => {
            let mut texts = Vec::new();
            for (n, block) in blocks.iter().enumerate() {
                match block["type"].as_str() {
                    Some("text") => match block["text"].as_str() {
                        None => {
                            return Err(Fault::bad(format!(
                                "{path}.tool_result.content.{n}.text.text: Field required"
                            )));
                        }
                        Some("") => return Err(Fault::bad("messages: text content blocks must be non-empty")),
                        Some(text) => texts.push(text),
                    },
                    Some("image" | "document" | "search_result" | "tool_reference") => {}
                    other => {
                        return Err(Fault::bad(format!(
                            "{path}.tool_result.content.{n}: Input tag '{}' found using 'type' does not match any of the \
                             expected tags: 'document', 'image', 'search_result', 'text', 'tool_reference'",
                            other.unwrap_or_default()
                        )));
                    }
                }
            }
            Ok(texts.join("\n"))
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            Err(Fault::bad(format!("{path}.tool_result.content: Input should be a valid string or list")))
        }
    }
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn tools(value: &Value) -> Result<Vec<Tool>, Fault> {
    let list = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        _ => return Err(Fault::bad("tools: Input should be a valid list")),
    };
    let mut tools: Vec<Tool> = Vec::new();
    for (at, tool) in list.iter().enumerate() {
        let kind = tool["type"].as_str().unwrap_or("custom");
        let name = tool["name"].as_str();
        // A set of tools on another server has a name of another kind.
        let Some(name) = name.or_else(|| (kind == "mcp_toolset").then_some("mcp_toolset")) else {
            return Err(Fault::bad(format!("tools.{at}.{kind}.name: Field required")));
        };
        if name.len() > 128 || !is_id(name) {
            return Err(Fault::bad(format!(
                "tools.{at}.{kind}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            )));
        }
        if tools.iter().any(|other| other.name == name) {
            return Err(Fault::bad("tools: Tool names must be unique."));
        }
        let schema = tool["input_schema"].clone();
        let how = match kind {
            "custom" => match schema["type"].as_str() {
                _ if schema.is_null() => {
                    return Err(Fault::bad(format!("tools.{at}.custom.input_schema: Field required")));
                }
                Some("object") => ToolKind::Function,
                None => return Err(Fault::bad(format!("tools.{at}.custom.input_schema.type: Field required"))),
                Some(_) => {
                    return Err(Fault::bad(format!("tools.{at}.custom.input_schema.type: Input should be 'object'")));
                }
            },
            _ if kind.starts_with("bash_") => ToolKind::Bash,
            _ => ToolKind::Hosted,
        };
        tools.push(Tool { name: name.to_owned(), kind: how, schema });
    }
    Ok(tools)
}

fn forced(choice: &Value, tools: &[Tool]) -> Result<Option<Forced>, Fault> {
    match choice["type"].as_str() {
        None if choice.is_null() => return Ok(None),
        None => return Err(Fault::bad("tool_choice.type: Field required")),
        Some("auto" | "none") => return Ok(None),
        Some("any" | "tool") => {}
        Some(other) => {
            return Err(Fault::bad(format!(
                "tool_choice: Input tag '{other}' found using 'type' does not match any of the expected tags: 'any', \
                 'auto', 'none', 'tool'"
            )));
        }
    }
    if tools.is_empty() {
        return Err(Fault::bad("tool_choice: tool_choice may only be specified while providing tools"));
    }
    if choice["type"] == "any" {
        return Ok(Some(Forced::Any));
    }
    let Some(name) = choice["name"].as_str() else {
        return Err(Fault::bad("tool_choice.tool.name: Field required"));
    };
    if !tools.iter().any(|tool| tool.name == name) {
        return Err(Fault::bad(format!("Tool '{name}' not found in provided tools")));
    }
    Ok(Some(Forced::Named(name.to_owned())))
}

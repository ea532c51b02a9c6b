//! Translates content blocks, tool calls and permission options between ACP's spelling and ours.
//!
//! Tolerant as the protocol's own types are: a field of the wrong shape counts as absent, an item of a list that makes no
//! sense is left out.

use std::collections::BTreeMap;

use convene_core::content::{
    AuthKind, AuthMethod, ContentBlock, PermissionKind, PermissionOption, PlanEntry, ToolCall, ToolContent,
    ToolLocation, ToolStatus, Usage,
};
use serde_json::{Map, Value, json};

use crate::quirks::{KEY_ENDS, KEYS_OF_PROVIDERS};

/// A block, as the protocol spells it.
pub fn block_to_acp(block: &ContentBlock) -> Value {
    match block {
        ContentBlock::Text { text } => json!({"type": "text", "text": text}),
        ContentBlock::ResourceLink { uri, name, mime_type } => {
            let mut link = json!({"type": "resource_link", "uri": uri, "name": name});
            if let Some(mime_type) = mime_type {
                link["mimeType"] = mime_type.as_str().into();
            }
            link
        }
        ContentBlock::Image { data, mime_type } => json!({"type": "image", "data": data, "mimeType": mime_type}),
        ContentBlock::Audio { data, mime_type } => json!({"type": "audio", "data": data, "mimeType": mime_type}),
        ContentBlock::Resource { resource } => json!({"type": "resource", "resource": resource}),
    }
}

/// A block, as we spell it. What is of no known type is kept whole as a resource.
pub fn block(value: Value) -> ContentBlock {
    let known = match value.get("type").and_then(Value::as_str) {
        Some("text") => text(&value, "text").map(|text| ContentBlock::Text { text }),
        Some("resource_link") => text(&value, "uri").map(|uri| {
            let name = text(&value, "name").unwrap_or_else(|| uri.clone());
            ContentBlock::ResourceLink { uri, name, mime_type: text(&value, "mimeType") }
        }),
        Some("image") => text(&value, "data")
            .map(|data| ContentBlock::Image { data, mime_type: text(&value, "mimeType").unwrap_or_default() }),
        Some("audio") => text(&value, "data")
            .map(|data| ContentBlock::Audio { data, mime_type: text(&value, "mimeType").unwrap_or_default() }),
        Some("resource") => value.get("resource").cloned().map(|resource| ContentBlock::Resource { resource }),
        Some(_) | None => None,
    };
    known.unwrap_or(ContentBlock::Resource { resource: value })
}

/// A tool call or an update of one; `None` without an id.
pub fn tool_call(mut value: Value) -> Option<ToolCall> {
    let fields = value.as_object_mut()?;
    let id = fields.get("toolCallId")?.as_str()?.to_owned();
    let status = match fields.get("status").and_then(Value::as_str) {
        Some("pending") => Some(ToolStatus::Pending),
        Some("in_progress") => Some(ToolStatus::InProgress),
        Some("completed") => Some(ToolStatus::Completed),
        Some("failed") => Some(ToolStatus::Failed),
        Some(_) | None => None,
    };
    Some(ToolCall {
        id,
        title: take_text(fields, "title"),
        name: take_text(fields, "name"),
        kind: take_text(fields, "kind"),
        status,
        content: take_list(fields, "content", tool_content),
        locations: take_list(fields, "locations", |value| {
            let path = text(&value, "path")?;
            let line = value.get("line").and_then(Value::as_u64).and_then(|line| line.try_into().ok());
            Some(ToolLocation { path, line })
        }),
        raw_input: take(fields, "rawInput"),
        raw_output: take(fields, "rawOutput"),
        meta: take(fields, "_meta"),
    })
}

fn tool_content(mut value: Value) -> Option<ToolContent> {
    match value.get("type").and_then(Value::as_str)? {
        "content" => Some(ToolContent::Content { content: block(value.get_mut("content")?.take()) }),
        "diff" => Some(ToolContent::Diff {
            path: text(&value, "path")?,
            old_text: text(&value, "oldText"),
            new_text: text(&value, "newText")?,
        }),
        "terminal" => Some(ToolContent::Terminal { terminal_id: text(&value, "terminalId")? }),
        _ => Some(ToolContent::Content { content: block(value) }),
    }
}

/// The answers that a permission request offers.
pub fn permission_options(value: Option<Value>) -> Vec<PermissionOption> {
    let option = |value: Value| {
        let id = text(&value, "optionId")?;
        let kind = match value.get("kind").and_then(Value::as_str) {
            Some("allow_once") => PermissionKind::AllowOnce,
            Some("allow_always") => PermissionKind::AllowAlways,
            Some("reject_once") => PermissionKind::RejectOnce,
            Some("reject_always") => PermissionKind::RejectAlways,
            Some(_) | None => PermissionKind::Other,
        };
        let name = text(&value, "name").unwrap_or_else(|| id.clone());
        Some(PermissionOption { id, name, kind })
    };
    items(value).into_iter().filter_map(option).collect()
}

/// A plan's steps.
pub fn plan(value: Option<Value>) -> Vec<PlanEntry> {
    let entry = |value: Value| {
        let content = text(&value, "content")?;
        Some(PlanEntry { content, priority: text(&value, "priority"), status: text(&value, "status") })
    };
    items(value).into_iter().filter_map(entry).collect()
}

/// Ways to sign in to an agent that is started by a command.
pub fn auth_methods(value: Option<&Value>, agent: &[String]) -> Vec<AuthMethod> {
    let method = |value: Value| {
        let id = text(&value, "id")?;
        let name = text(&value, "name").unwrap_or_else(|| id.clone());
        let description = text(&value, "description");
        let meta = value.get("_meta");
        let (command, env) = terminal(&value, meta, agent).unwrap_or_default();
        let variables = variables(&value, meta, description.as_deref());
        let kind = match value.get("type").and_then(Value::as_str) {
            Some("terminal") => AuthKind::Terminal,
            Some("env_var") => AuthKind::EnvVar,
            Some(_) | None if !command.is_empty() => AuthKind::Terminal,
            Some(_) | None if !variables.is_empty() => AuthKind::EnvVar,
            Some(_) | None => AuthKind::Agent,
        };
        Some(AuthMethod { id, name, description, kind, variables, command, env })
    };
    items(value.cloned()).into_iter().filter_map(method).collect()
}

/// What is run in a terminal to sign in: the agent's own program with further arguments, or what older agents name.
fn terminal(value: &Value, meta: Option<&Value>, agent: &[String]) -> Option<(Vec<String>, BTreeMap<String, String>)> {
    let older = meta.and_then(|meta| meta.get("terminal-auth")).filter(|older| older.is_object());
    let is_terminal = value.get("type").and_then(Value::as_str) == Some("terminal");
    let fields = if is_terminal { value } else { older? };
    let arguments = items(fields.get("args").cloned()).into_iter().filter_map(|arg| arg.as_str().map(str::to_owned));
    let mut command = if is_terminal { agent.to_vec() } else { vec![text(fields, "command")?] };
    command.extend(arguments);
    let env = fields.get("env").and_then(Value::as_object).into_iter().flatten();
    let env = env.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
    Some((command, env))
}

/// The variables that a way to sign in wants: as it lists them, as its provider is known to want, as its description says.
fn variables(value: &Value, meta: Option<&Value>, description: Option<&str>) -> Vec<String> {
    let listed = items(value.get("vars").cloned()).into_iter().filter_map(|v| text(&v, "name"));
    let mut found: Vec<String> = listed.chain(text(value, "varName")).collect();
    if found.is_empty() {
        let provider = meta.and_then(|meta| meta.get("api-key")).and_then(|key| text(key, "provider"));
        let known = KEYS_OF_PROVIDERS.iter().find(|(name, _)| Some(*name) == provider.as_deref());
        found.extend(known.into_iter().flat_map(|(_, names)| names.iter()).map(ToString::to_string));
    }
    if found.is_empty() {
        let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let words = description.unwrap_or_default().split(|c| !is_part(c));
        let keys = words.filter(|word| KEY_ENDS.iter().any(|end| word.len() > end.len() && word.ends_with(end)));
        found.extend(keys.map(str::to_owned));
    }
    found
}

/// The tokens of an answer to a prompt.
pub fn usage(value: Option<&Value>) -> Option<Usage> {
    let value = value?.as_object()?;
    let number = |name: &str| value.get(name).and_then(Value::as_u64);
    let usage = Usage {
        input_tokens: number("inputTokens"),
        output_tokens: number("outputTokens"),
        total_tokens: number("totalTokens"),
        thought_tokens: number("thoughtTokens"),
        cache_read_tokens: number("cachedReadTokens"),
        cache_write_tokens: number("cachedWriteTokens"),
        ..Usage::default()
    };
    (usage != Usage::default()).then_some(usage)
}

/// The text of a field.
pub fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

/// The items of a list; none of anything else.
pub fn items(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(items)) => items,
        Some(_) | None => Vec::new(),
    }
}

fn take(fields: &mut Map<String, Value>, name: &str) -> Option<Value> {
    fields.remove(name).filter(|value| !value.is_null())
}

fn take_text(fields: &mut Map<String, Value>, name: &str) -> Option<String> {
    match fields.remove(name) {
        Some(Value::String(text)) => Some(text),
        Some(_) | None => None,
    }
}

fn take_list<T>(fields: &mut Map<String, Value>, name: &str, item: impl Fn(Value) -> Option<T>) -> Option<Vec<T>> {
    match fields.remove(name) {
        Some(Value::Array(values)) => Some(values.into_iter().filter_map(item).collect()),
        Some(_) | None => None,
    }
}

//! What requests may hold, as far as the types do not say it: limits, forms, and what goes with what.

use convene_core::event::KnownEvent;
use serde_json::{Map, Value, json};

use super::schemas::{not_null, reference};
use crate::{
    extract::NUMBER_MAX,
    routes::{
        sessions::{
            list::STATES,
            spec::{TIMEOUT_MAX, TITLE_MAX},
        },
        tokens,
    },
};

/// Fields that are refused by name until they are built. They are no part of the description: whoever generates a client
/// from it gets what works.
const NOT_BUILT: [&str; 3] = ["limits", "repos", "sandbox"];

/// Tells the limits of bodies and parameters.
pub fn limit(document: &mut Value) {
    for name in ["CreateSession", "PatchSession"] {
        if let Some(Value::Object(fields)) = document.pointer_mut(&format!("/components/schemas/{name}/properties")) {
            fields.retain(|field, _| !NOT_BUILT.contains(&field.as_str()));
        }
    }
    prompts(document);
    for name in ["CreateSession", "CreateThread", "PatchSession", "PatchThread"] {
        more(document, name, "title", &json!({"maxLength": TITLE_MAX}));
        more(document, name, "timeout", &json!({"maximum": TIMEOUT_MAX}));
    }
    let path = json!({"pattern": "^/[^\\u0000]*$"});
    more(document, "CreateSession", "cwd", &path);
    more(document, "CreateThread", "cwd", &path);
    more(document, "CreateSession", "add_dirs/items", &path);
    let variables = json!({
        "propertyNames": {"pattern": "^[^=\\u0000]+$", "not": {"pattern": "^CONVENE_"}},
        "additionalProperties": {"type": "string", "pattern": "^[^\\u0000]*$"},
    });
    more(document, "CreateSession", "env", &variables);
    mcp_servers(document, &variables);
    more(document, "CreateToken", "name", &json!({"maxLength": tokens::NAME_MAX}));
    more(document, "CreateToken", "expires_in", &json!({"minimum": 1, "maximum": tokens::LONGEST}));
    let scopes = json!(["read", "approve", "write", "admin", "worker", "owner", null]);
    more(document, "CreateToken", "scope", &json!({"enum": scopes}));
    more(document, "RotateToken", "grace", &json!({"maximum": tokens::GRACE_MAX}));
    if let Some(spec) = document.pointer_mut("/components/schemas/WorktreeSpec") {
        spec["additionalProperties"] = false.into();
    }
    changes(document);
    thread(document);
    decision(document);
    parameters(document);
    numbers(document);
}

/// Adds to the schema of a property, if there is one.
fn more(document: &mut Value, schema: &str, property: &str, what: &Value) {
    let at = document.pointer_mut(&format!("/components/schemas/{schema}/properties/{property}"));
    if let (Some(Value::Object(found)), Some(what)) = (at, what.as_object()) {
        found.extend(what.clone());
    }
}

/// A prompt is not empty.
fn prompts(document: &mut Value) {
    let said = json!({"type": "object", "required": ["type", "text"], "properties": {
        "type": {"const": "text"}, "text": {"pattern": "\\S"}}});
    let shown = json!({"type": "object", "required": ["type"], "properties": {
        "type": {"enum": ["resource_link", "image", "audio", "resource"]}}});
    let Some(Value::Array(forms)) = document.pointer_mut("/components/schemas/PromptInput/oneOf") else { return };
    for form in forms {
        if form["type"] == "string" {
            form["pattern"] = "\\S".into();
        } else {
            form["contains"] = json!({"anyOf": [said, shown]});
        }
    }
}

/// MCP servers as they are taken: ACP's own shape, or its pairs as an object.
fn mcp_servers(document: &mut Value, variables: &Value) {
    let text = json!({"type": "string", "minLength": 1, "pattern": "^[^\\u0000]+$"});
    let pair = |name: &Value, value: &Value| json!({"type": "object", "required": ["name", "value"], "properties": {"name": name, "value": value}});
    let mut object = json!({"type": "object"});
    if let (Some(object), Some(variables)) = (object.as_object_mut(), variables.as_object()) {
        object.extend(variables.clone());
    }
    let name = json!({"type": "string", "pattern": "^[^=\\u0000]+$", "not": {"pattern": "^CONVENE_"}});
    let env = json!({"oneOf": [object, {"type": "array", "items": pair(&name, &variables["additionalProperties"])},
        {"type": "null"}]});
    let (name, value) = (
        json!({"type": "string", "pattern": "^[^\\r\\n\\u0000]+$"}),
        json!({"type": "string", "pattern": "^[^\\r\\n\\u0000]*$"}),
    );
    let headers = json!({"oneOf": [
        {"type": "object", "propertyNames": name, "additionalProperties": value},
        {"type": "array", "items": pair(&name, &value)}, {"type": "null"}]});
    let schemas = &mut document["components"]["schemas"];
    schemas["McpStdioServer"] = json!({
        "type": "object", "description": "An MCP server that the agent starts.", "required": ["name", "command"],
        "properties": {
            "type": {"type": "string", "const": "stdio"}, "name": text, "command": text,
            "args": {"type": "array", "items": {"type": "string"}}, "env": env, "_meta": {}},
        "additionalProperties": false,
    });
    schemas["McpHttpServer"] = json!({
        "type": "object", "description": "An MCP server that the agent calls.", "required": ["type", "name", "url"],
        "properties": {
            "type": {"type": "string", "enum": ["http", "sse"]}, "name": text,
            "url": {"type": "string", "pattern": "^https?://[^\\u0000]*$"}, "headers": headers, "_meta": {}},
        "additionalProperties": false,
    });
    schemas["McpServer"] = json!({
        "description": "An MCP server offered to the agent.",
        "oneOf": [reference("McpStdioServer"), reference("McpHttpServer")],
    });
    more(document, "CreateSession", "mcp_servers", &json!({"items": reference("McpServer"), "maxItems": 64}));
}

/// A change changes something, and `null` is no value there: what is not to change is left out.
fn changes(document: &mut Value) {
    for name in ["PatchSession", "PatchThread", "EditQueueEntry"] {
        let Some(schema) = document.pointer_mut(&format!("/components/schemas/{name}")) else { continue };
        schema["minProperties"] = 1.into();
        if let Some(Value::Object(fields)) = schema.get_mut("properties") {
            fields.values_mut().for_each(not_null);
        }
    }
    more(document, "PatchSession", "config", &json!({"minProperties": 1}));
}

/// A thread is made with a session in full, or with the short fields, not with both.
fn thread(document: &mut Value) {
    let Some(whole) = document.pointer("/components/schemas/CreateThread").cloned() else { return };
    let Some(mut first) = document.pointer("/components/schemas/CreateSession").cloned() else { return };
    first["description"] = "The first session of a new thread.".into();
    let (mut short, mut full) = (whole.clone(), whole.clone());
    if let Some(Value::Object(fields)) = first.get_mut("properties") {
        fields.insert("thread_id".to_owned(), json!({"type": "null", "description": "The new thread is its thread."}));
    }
    short["description"] = "A thread, with the first session in a few words.".into();
    short["properties"]["session"] = json!({"type": "null"});
    full["description"] = "A thread with its first session in full.".into();
    full["properties"]["session"] = reference("FirstSession");
    full["required"] = json!(["session"]);
    for field in ["prompt", "agent", "cwd"] {
        full["properties"][field] = json!({"type": "null"});
    }
    let schemas = &mut document["components"]["schemas"];
    schemas["FirstSession"] = first;
    schemas["CreateThreadWithPrompt"] = short;
    schemas["CreateThreadWithSession"] = full;
    schemas["CreateThread"] = json!({
        "description": whole["description"],
        "oneOf": [reference("CreateThreadWithPrompt"), reference("CreateThreadWithSession")],
    });
}

/// A permission is decided by an option of the agent's, or by a decision.
fn decision(document: &mut Value) {
    let Some(whole) = document.pointer("/components/schemas/DecidePermission").cloned() else { return };
    let mut forms = Vec::new();
    for (name, kept, left) in
        [("DecideByOption", "option_id", "decision"), ("DecideByDecision", "decision", "option_id")]
    {
        let mut form = whole.clone();
        not_null(&mut form["properties"][kept]);
        form["properties"][left] = json!({"type": "null"});
        form["required"] = json!([kept]);
        form["description"] = format!("An answer by its `{kept}`.").into();
        document["components"]["schemas"][name] = form;
        forms.push(reference(name));
    }
    document["components"]["schemas"]["DecidePermission"] =
        json!({"description": whole["description"], "oneOf": forms});
}

/// Forms of parameters, wherever they are.
fn parameters(document: &mut Value) {
    let cursor = json!({"type": "string", "pattern": "^[0-9]{1,16}\\.[a-z]+\\..+$"});
    let session = json!({"type": "string", "pattern": "^(ses_)?[0-9a-fA-F]{1,32}$", "description": "An id, the \
        beginning of its digits, or the last six of them."});
    let states = listed(&STATES);
    let types = listed(KnownEvent::TAGS);
    let Some(Value::Object(paths)) = document.get_mut("paths") else { return };
    for (path, item) in paths.iter_mut() {
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap_or_default().to_owned();
                let place = parameter["in"].as_str().unwrap_or_default().to_owned();
                let schema = match (place.as_str(), name.as_str()) {
                    ("path", "id") if path.starts_with("/v1/sessions") => session.clone(),
                    ("path", "id") if path.starts_with("/v1/threads") => reference("ThreadId"),
                    ("path", "id") if path.starts_with("/v1/tokens") => reference("TokenId"),
                    ("path", "entry") => reference("TurnId"),
                    ("path", "request") if path.contains("elicitations") => reference("ElicitationId"),
                    ("path", "request") => reference("PermissionId"),
                    ("path", "name" | "worker") => parameter["schema"].clone(),
                    ("query", "cursor") => cursor.clone(),
                    ("query", "state") => states.clone(),
                    ("query", "type") => types.clone(),
                    ("query", "archived") if path == "/v1/threads" => {
                        json!({"type": "string", "enum": ["false", "true"]})
                    }
                    ("query", "limit") if parameter["schema"]["maximum"].is_null() => {
                        let (most, usual) = if path == "/v1/audit" { (1000, 100) } else { (500, 50) };
                        json!({"type": "integer", "minimum": 1, "maximum": most, "default": usual})
                    }
                    ("query", "archived") => json!({"type": "string", "enum": ["false", "true", "any"]}),
                    ("query", "view") => json!({"type": "string", "enum": ["full", "row"]}),
                    _ => continue,
                };
                parameter["schema"] = schema;
                if place == "path" && parameter["description"].as_str().is_none_or(str::is_empty) {
                    let what = match name.as_str() {
                        "entry" => "The id of its turn.",
                        "request" => "The id of the request.",
                        "name" | "worker" => "Its name.",
                        _ => "Its id.",
                    };
                    parameter["description"] = what.into();
                }
            }
        }
    }
}

/// One or several of these, separated by commas.
fn listed(values: &[&str]) -> Value {
    let any = values.join("|");
    json!({"type": "string", "pattern": format!("^({any})(,({any}))*$")})
}

/// Whole numbers in parameters end where JavaScript's do.
fn numbers(document: &mut Value) {
    let Some(Value::Object(paths)) = document.get_mut("paths") else { return };
    for operation in paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(schema) = parameter.get_mut("schema") else { continue };
            not_null(schema);
            if schema["type"] == "integer" && schema.get("maximum").is_none() {
                schema["maximum"] = NUMBER_MAX.into();
            }
        }
    }
}

//! Makes a value that fits a JSON schema: for tools that must be called and answers that must have a shape.

use serde_json::{Value, json};

/// The text wherever a schema wants one.
pub const FILLER: &str = "because the script says so";
/// References are followed so deep, so that a schema that contains itself ends.
const DEPTH: usize = 16;

/// A value that fits the schema, as far as types, enums, and required properties go.
pub fn example(schema: &Value) -> Value {
    at(schema, schema, DEPTH)
}

fn at(schema: &Value, root: &Value, depth: usize) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    if let Some(target) = schema["$ref"].as_str().and_then(|path| root.pointer(path.trim_start_matches('#'))) {
        return at(target, root, depth - 1);
    }
    if let Some(constant) = schema.get("const") {
        return constant.clone();
    }
    if let Some(first) = schema["enum"].as_array().and_then(|list| list.first()) {
        return first.clone();
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = schema[key].as_array().and_then(|list| list.first()) {
            return at(first, root, depth - 1);
        }
    }
    match type_of(schema).as_str() {
        "object" => Value::Object(
            schema["properties"]
                .as_object()
                .map(|properties| properties.iter().map(|(k, s)| (k.clone(), at(s, root, depth - 1))).collect())
                .unwrap_or_default(),
        ),
        "array" => {
            let wanted = schema["minItems"].as_u64().unwrap_or(0).min(100);
            (0..wanted).map(|_| at(&schema["items"], root, depth - 1)).collect()
        }
        "boolean" => json!(false),
        "integer" => json!(schema["minimum"].as_i64().unwrap_or(1)),
        "number" => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        "null" => Value::Null,
        _ => json!(FILLER),
    }
}

/// The type of a schema in lower case; Gemini writes it in upper case, others may list several.
pub fn type_of(schema: &Value) -> String {
    let named = match &schema["type"] {
        Value::String(name) => Some(name.as_str()),
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        _ => None,
    };
    match named {
        Some(name) => name.to_ascii_lowercase(),
        None if schema["properties"].is_object() => "object".to_owned(),
        None => String::new(),
    }
}

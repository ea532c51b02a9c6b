//! Makes a value that fits a JSON schema: for tools that must be called and answers that must have a shape.
//!
//! A text is filled by the name of its property, because agents use what they get: a session is called by its `title`,
//! and a directory by its `path` is looked for.

use serde_json::{Value, json};

/// The text where neither the schema nor the property's name says more.
pub const FILLER: &str = "as asked";
/// References are followed so deep, so that a schema that contains itself ends.
const DEPTH: usize = 16;
/// Words of a title.
const TITLE: usize = 6;

/// A value that fits the schema, as far as types, enums, and required properties go. `about` is what the user said.
pub fn example(schema: &Value, about: &str) -> Value {
    Filling { root: schema, about }.at(schema, "", DEPTH)
}

/// A value for one property of a schema.
pub fn property(schema: &Value, name: &str, about: &str) -> Value {
    Filling { root: schema, about }.at(schema, name, DEPTH)
}

/// A title from what the user said: its first words, in one line.
pub fn title(about: &str) -> String {
    let words: Vec<&str> = about.split_whitespace().take(TITLE).collect();
    if words.is_empty() { "a conversation".to_owned() } else { words.join(" ") }
}

struct Filling<'a> {
    root: &'a Value,
    about: &'a str,
}

impl Filling<'_> {
    fn at(&self, schema: &Value, name: &str, depth: usize) -> Value {
        if depth == 0 {
            return Value::Null;
        }
        if let Some(target) = schema["$ref"].as_str().and_then(|path| self.root.pointer(path.trim_start_matches('#'))) {
            return self.at(target, name, depth - 1);
        }
        if let Some(constant) = schema.get("const") {
            return constant.clone();
        }
        let offered = |key: &str| schema[key].as_array().and_then(|list| list.first());
        if let Some(first) = offered("enum").or_else(|| offered("examples")) {
            return first.clone();
        }
        if let Some(value) = schema.get("default").filter(|value| !value.is_null()) {
            return value.clone();
        }
        for key in ["anyOf", "oneOf", "allOf"] {
            let list = schema[key].as_array().map(Vec::as_slice).unwrap_or_default();
            // What may be nothing is better something.
            if let Some(first) = list.iter().find(|one| type_of(one) != "null").or_else(|| list.first()) {
                return self.at(first, name, depth - 1);
            }
        }
        match type_of(schema).as_str() {
            "object" => Value::Object(
                schema["properties"]
                    .as_object()
                    .map(|properties| properties.iter().map(|(k, s)| (k.clone(), self.at(s, k, depth - 1))).collect())
                    .unwrap_or_default(),
            ),
            "array" => {
                let wanted = schema["minItems"].as_u64().unwrap_or(0).min(100);
                (0..wanted).map(|_| self.at(&schema["items"], name, depth - 1)).collect()
            }
            "boolean" => json!(false),
            "integer" => json!(schema["minimum"].as_i64().unwrap_or(1)),
            "number" => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
            "null" => Value::Null,
            _ => json!(self.text(schema, name)),
        }
    }

    /// A text of the wanted format, else one that suits the property's name.
    fn text(&self, schema: &Value, name: &str) -> String {
        let text = match schema["format"].as_str() {
            Some("date-time") => "2026-01-01T00:00:00Z".to_owned(),
            Some("date") => "2026-01-01".to_owned(),
            Some("time") => "00:00:00Z".to_owned(),
            Some("uri" | "url") => "http://127.0.0.1/".to_owned(),
            Some("email") => "ada@example.org".to_owned(),
            Some("uuid") => "00000000-0000-4000-8000-000000000000".to_owned(),
            Some(_) | None => self.by_name(&name.to_ascii_lowercase()),
        };
        let length = |key: &str| schema[key].as_u64().and_then(|n| usize::try_from(n).ok());
        let least = length("minLength").unwrap_or(0).min(10_000);
        let mut text: String = text.chars().take(length("maxLength").unwrap_or(usize::MAX)).collect();
        text.extend(std::iter::repeat_n('.', least.saturating_sub(text.chars().count())));
        text
    }

    fn by_name(&self, name: &str) -> String {
        let is = |words: &[&str]| words.iter().any(|word| name == *word || name.ends_with(&format!("_{word}")));
        if is(&["title", "name", "subject", "topic", "heading", "label"]) {
            title(self.about)
        } else if is(&["path", "dir", "directory", "cwd", "workdir", "folder"]) {
            ".".to_owned()
        } else if is(&["url", "uri", "link"]) {
            "http://127.0.0.1/".to_owned()
        } else if is(&["language", "lang", "locale"]) {
            "en".to_owned()
        } else if is(&["prompt", "query", "task", "question", "request", "summary"]) && !self.about.trim().is_empty() {
            self.about.split_whitespace().collect::<Vec<_>>().join(" ")
        } else {
            FILLER.to_owned()
        }
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

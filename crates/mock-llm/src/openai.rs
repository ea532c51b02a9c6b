//! What OpenAI's two APIs have in common: keys, errors, models, JSON schemas.

use http::HeaderMap;
use serde_json::{Value, json};

use crate::fault::Fault;

/// Refuses a request without a key, before its body is looked at.
pub fn admit(headers: &HeaderMap) -> Result<String, Fault> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text("authorization").and_then(|value| value.strip_prefix("Bearer "));
    // Azure's clients send `api-key`.
    match bearer.or_else(|| text("api-key")).map(str::trim).filter(|key| !key.is_empty()) {
        Some(key) => Ok(key.to_owned()),
        None => Err(Fault::new(
            401,
            "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer \
             auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're \
             accessing the API from your browser and are prompted for a username and password. You can obtain an API \
             key from https://platform.openai.com/account/api-keys.",
        )),
    }
}

/// The key is not the right one.
pub fn wrong_key(key: &str) -> Fault {
    let shown: String = key.chars().take(3).collect();
    Fault::new(
        401,
        format!(
            "Incorrect API key provided: {shown}***. You can find your API key at \
             https://platform.openai.com/account/api-keys."
        ),
    )
    .code("invalid_api_key")
}

/// The model is not one of the script's.
pub fn no_model(name: &str) -> Fault {
    Fault::new(404, format!("The model `{name}` does not exist or you do not have access to it."))
        .code("model_not_found")
}

/// The body of a refusal.
pub fn fault_body(fault: &Fault) -> Value {
    json!({ "error": error(fault) })
}

/// The error object itself.
pub fn error(fault: &Fault) -> Value {
    json!({ "message": fault.message, "type": kind(fault), "param": fault.param, "code": code(fault) })
}

fn kind(fault: &Fault) -> &str {
    match (&fault.kind, fault.status) {
        (Some(kind), _) => kind,
        (None, 429) => "requests",
        (None, 500..) => "server_error",
        (None, _) => "invalid_request_error",
    }
}

/// The code of a fault, the usual one of its status if it has none.
pub fn code(fault: &Fault) -> Option<&str> {
    fault.code.as_deref().or(match fault.status {
        429 => Some("rate_limit_exceeded"),
        500.. => Some("server_error"),
        _ => None,
    })
}

/// The list of models.
pub fn models(names: &[String]) -> Value {
    let data: Vec<Value> = names.iter().map(|name| model(name)).collect();
    json!({ "object": "list", "data": data })
}

/// One model.
pub fn model(name: &str) -> Value {
    json!({ "id": name, "object": "model", "created": 1_735_689_600, "owned_by": "mock" })
}

/// A parameter is not there.
pub fn missing(param: &str) -> Fault {
    Fault::bad(format!("Missing required parameter: '{param}'.")).param(param).code("missing_required_parameter")
}

/// A parameter is of another type.
pub fn wrong_type(param: &str, wanted: &str, value: &Value) -> Fault {
    let got = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(n) if n.is_f64() => "a decimal",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    Fault::bad(format!("Invalid type for '{param}': expected {wanted}, but got {got} instead."))
        .param(param)
        .code("invalid_type")
}

/// A parameter is none of a list.
pub fn wrong_value(param: &str, value: &str, supported: &[&str]) -> Fault {
    Fault::bad(format!("Invalid value: '{value}'. Supported values are: {}.", list(supported)))
        .param(param)
        .code("invalid_value")
}

/// `'a', 'b', and 'c'`.
fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [one, other] => format!("{one} and {other}"),
        [first @ .., last] => format!("{}, and {last}", first.join(", ")),
    }
}

/// Whether a stream is wanted.
pub fn stream(body: &Value) -> Result<bool, Fault> {
    match &body["stream"] {
        Value::Null => Ok(false),
        Value::Bool(stream) => Ok(*stream),
        other => Err(wrong_type("stream", "a boolean", other)),
    }
}

/// The model that is asked for.
pub fn model_of(body: &Value, absent: impl FnOnce() -> Fault) -> Result<String, Fault> {
    match &body["model"] {
        Value::Null => Err(absent()),
        Value::String(name) if name.is_empty() => Err(absent()),
        Value::String(name) => Ok(name.clone()),
        other => Err(wrong_type("model", "a string", other)),
    }
}

/// A number in a range.
pub fn number(body: &Value, name: &str, min: f64, max: f64) -> Result<(), Fault> {
    let value = &body[name];
    if value.is_null() {
        return Ok(());
    }
    let Some(number) = value.as_f64() else {
        return Err(wrong_type(name, "a decimal", value));
    };
    let wrong = |text: String, code: &str| Err(Fault::bad(text).param(name).code(code));
    if number > max {
        let text = format!(
            "Invalid '{name}': decimal above maximum value. Expected a value <= {max}, but got {value} instead."
        );
        return wrong(text, "decimal_above_max_value");
    }
    if number < min {
        let text = format!(
            "Invalid '{name}': decimal below minimum value. Expected a value >= {min}, but got {value} instead."
        );
        return wrong(text, "decimal_below_min_value");
    }
    Ok(())
}

/// Whether a function may be called so.
pub fn check_name(param: &str, name: &str) -> Result<(), Fault> {
    if name.is_empty() {
        let text = format!(
            "Invalid '{param}': empty string. Expected a string with minimum length 1, but got an empty string instead."
        );
        return Err(Fault::bad(text).param(param).code("empty_string"));
    }
    if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        return Ok(());
    }
    let text = format!(
        "Invalid '{param}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
    );
    Err(Fault::bad(text).param(param).code("invalid_value"))
}

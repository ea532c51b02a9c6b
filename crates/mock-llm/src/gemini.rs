//! Gemini generateContent.

mod read;
mod voice;

pub use read::{count, read};
pub use voice::{Framing, GeminiVoice};

use http::HeaderMap;
use serde_json::{Value, json};

use crate::fault::Fault;

/// Refuses a request without a key, before its body is looked at. `query` may hold the key as well.
pub fn admit(headers: &HeaderMap, query: &str) -> Result<String, Fault> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let in_query = query.split('&').find_map(|pair| pair.strip_prefix("key="));
    match text("x-goog-api-key").or(in_query).or(bearer).filter(|key| !key.is_empty()) {
        Some(key) => Ok(key.to_owned()),
        None => Err(Fault::new(
            403,
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or \
             other form of API consumer identity to call this API.",
        )),
    }
}

/// The key is not the right one.
pub fn wrong_key() -> Fault {
    Fault::bad("API key not valid. Please pass a valid API key.")
}

/// The model is not one of the script's.
pub fn no_model(name: &str, method: &str) -> Fault {
    Fault::new(
        404,
        format!(
            "models/{name} is not found for API version v1beta, or is not supported for {method}. Call ListModels to see \
             the list of available models and their supported methods."
        ),
    )
}

/// The body of a refusal.
pub fn fault_body(fault: &Fault) -> Value {
    json!({ "error": { "code": fault.status, "message": fault.message, "status": kind(fault) } })
}

fn kind(fault: &Fault) -> &str {
    if let Some(kind) = &fault.kind {
        return kind;
    }
    match fault.status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        500 => "INTERNAL",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        501.. => "UNKNOWN",
        _ => "INVALID_ARGUMENT",
    }
}

/// The list of models.
pub fn models(names: &[String]) -> Value {
    json!({ "models": names.iter().map(|name| model(name)).collect::<Vec<_>>() })
}

/// One model.
pub fn model(name: &str) -> Value {
    json!({
        "name": format!("models/{name}"), "version": "001", "displayName": name, "description": "A scripted model",
        "inputTokenLimit": 1_048_576, "outputTokenLimit": 65536,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    })
}

#[cfg(test)]
#[path = "gemini_tests.rs"]
mod tests;

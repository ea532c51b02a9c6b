//! Anthropic Messages.

mod order;
mod read;
mod voice;

pub use read::{Betas, count, read};
pub use voice::AnthropicVoice;

use http::HeaderMap;
use serde_json::{Value, json};

use crate::{fault::Fault, ids};

/// Refuses a request without a key or without a version, before its body is looked at.
pub fn admit(headers: &HeaderMap) -> Result<String, Fault> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).filter(|v| !v.is_empty());
    let bearer = text("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let Some(key) = text("x-api-key").or(bearer) else {
        return Err(Fault::new(401, "x-api-key header is required"));
    };
    if text("anthropic-version").is_none() {
        return Err(Fault::bad("anthropic-version: header is required"));
    }
    Ok(key.to_owned())
}

/// The key is not the right one.
pub fn wrong_key() -> Fault {
    Fault::new(401, "invalid x-api-key")
}

/// The body of a refusal.
pub fn fault_body(fault: &Fault, request: &str) -> Value {
    json!({ "type": "error", "error": { "type": kind(fault), "message": fault.message }, "request_id": request })
}

fn kind(fault: &Fault) -> &str {
    if let Some(kind) = &fault.kind {
        return kind;
    }
    match fault.status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

/// The list of models.
pub fn models(names: &[String]) -> Value {
    let data: Vec<Value> = names.iter().map(|name| model(name)).collect();
    json!({ "data": data, "has_more": false, "first_id": names.first(), "last_id": names.last() })
}

/// One model.
pub fn model(name: &str) -> Value {
    json!({ "type": "model", "id": name, "display_name": name, "created_at": "2025-01-01T00:00:00Z" })
}

/// The model is not one of the script's.
pub fn no_model(name: &str) -> Fault {
    Fault::new(404, format!("model: {name}"))
}

/// A request's id.
pub fn request_id() -> String {
    ids::fresh("req_")
}

#[cfg(test)]
#[path = "anthropic_tests.rs"]
mod tests;

//! Amazon Bedrock Converse and ConverseStream.

mod frame;
mod order;
mod read;
mod voice;

pub use read::read;
pub use voice::BedrockVoice;

use http::HeaderMap;
use serde_json::{Value, json};

use crate::fault::Fault;

/// Refuses a request without a signature or a key, before its body is looked at. Signatures are not checked.
pub fn admit(headers: &HeaderMap) -> Result<String, Fault> {
    let given = headers.get("authorization").and_then(|value| value.to_str().ok()).map(str::trim).unwrap_or_default();
    if given.is_empty() {
        return Err(Fault::new(403, "Missing Authentication Token").kind("MissingAuthenticationTokenException"));
    }
    if let Some(key) = given.strip_prefix("Bearer ") {
        return Ok(key.to_owned());
    }
    let signed = given.strip_prefix("AWS4-HMAC-SHA256").filter(|rest| rest.contains("Signature="));
    let Some(credential) = signed.and_then(|rest| rest.split_once("Credential=")) else {
        return Err(Fault::new(
            403,
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter.",
        )
        .kind("IncompleteSignatureException"));
    };
    Ok(credential.1.split('/').next().unwrap_or_default().to_owned())
}

/// The key is not the right one.
pub fn wrong_key() -> Fault {
    Fault::new(403, "The security token included in the request is invalid.").kind("UnrecognizedClientException")
}

/// The model is not one of the script's.
pub fn no_model() -> Fault {
    Fault::bad("The provided model identifier is invalid.")
}

/// The body of a refusal.
pub fn fault_body(fault: &Fault) -> Value {
    json!({ "message": fault.message })
}

/// The type of a refusal, which goes into a header.
pub fn kind(fault: &Fault) -> &str {
    if let Some(kind) = &fault.kind {
        return kind;
    }
    match fault.status {
        403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 => "ModelTimeoutException",
        424 => "ModelErrorException",
        429 => "ThrottlingException",
        503 => "ServiceUnavailableException",
        500.. => "InternalServerException",
        _ => "ValidationException",
    }
}

#[cfg(test)]
#[path = "bedrock_tests.rs"]
mod tests;

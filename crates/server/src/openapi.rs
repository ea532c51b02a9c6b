//! The description of the routes, made from the same code that serves them.

mod examples;
mod inputs;
mod operations;
mod schemas;
mod streams;

use std::sync::OnceLock;

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use convene_api::{
    frame::{AnyEvent, ClientFrame, ListFrame, ServerFrame, TopicEvent},
    problem::{Code, Problem},
};
use convene_core::event::KnownEvent;
use serde_json::Value;
use utoipa::{
    Modify, OpenApi as _,
    openapi::{
        OpenApi,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

/// What a reader should know before the routes.
const ABOUT: &str = "Runs, supervises and shows coding-agent sessions.

A session is a durable, ordered log of events; commands are posted, and what they cause is read from the log by cursor. \
The answer to a command carries the session as it is afterwards, and the cursor from which the log goes on.

Every mutation takes an `Idempotency-Key`. Every refusal is a problem object (RFC 9457) with a `code` of one closed list. \
Unknown query parameters and unknown fields of bodies are refused by name. What is not built yet is refused with \
`not_supported_yet` and is not described: transcript of a session, chat, blobs; \
`repos`, `sandbox` and `limits` of a new session.

Additions are no new version: be prepared for new fields in answers, new types of events and frames, and new codes.";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Convene", description = ABOUT, license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")),
    components(schemas(AnyEvent, ListFrame, TopicEvent, KnownEvent, ClientFrame, ServerFrame, Problem, Code)),
    servers((url = "/", description = "The server that this description came from.")),
    security(("bearer" = []), ("cookie" = [])),
    modifiers(&Access),
    tags(
        (name = "sessions", description = "Supervised agent conversations, each with a durable log."),
        (name = "threads", description = "A person's pieces of work, owners of sessions."),
        (name = "streams", description = "Everything as it happens, by cursor."),
        (name = "machines", description = "Agents and workers."),
        (name = "tokens", description = "Who may come in."),
        (name = "access", description = "The way in for browsers."),
        (name = "server", description = "The server itself."),
    ),
)]
struct Base;

/// The two ways to show a token.
struct Access;

impl Modify for Access {
    fn modify(&self, openapi: &mut OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        components.add_security_scheme("bearer", bearer);
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("convene_PORT")));
        components.add_security_scheme("cookie", cookie);
    }
}

/// The description without the routes.
pub fn base() -> OpenApi {
    Base::openapi()
}

/// The whole description.
fn document() -> Value {
    // Our own description always serializes: string keys, finite numbers.
    let mut document = serde_json::to_value(crate::routes::described().split_for_parts().1).unwrap_or_default();
    schemas::arrange(&mut document);
    streams::describe(&mut document);
    inputs::limit(&mut document);
    operations::complete(&mut document);
    examples::show(&mut document);
    document
}

/// The whole description as JSON, the same bytes at each call.
pub fn openapi() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

/// `GET /openapi.json`
pub async fn get_openapi() -> Response {
    // Made when somebody asks for it, once: making it takes more memory than a server that idles.
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = match TEXT.get() {
        Some(text) => text,
        None => match tokio::task::spawn_blocking(|| TEXT.get_or_init(openapi)).await {
            Ok(text) => text,
            Err(_) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        },
    };
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], text.as_str()).into_response()
}

#[cfg(test)]
#[path = "openapi_tests.rs"]
mod tests;

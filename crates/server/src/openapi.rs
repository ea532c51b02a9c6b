//! The description of the routes, made from the same code that serves them.

mod examples;
mod inputs;
mod operations;
mod schemas;
mod streams;

use axum::{
    extract::State,
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

use crate::app::App;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Convene", description = "Runs, supervises and shows coding-agent sessions.", license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")),
    components(schemas(AnyEvent, ListFrame, TopicEvent, KnownEvent, ClientFrame, ServerFrame, Problem, Code)),
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
pub async fn get_openapi(State(app): State<App>) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], app.openapi.clone()).into_response()
}

#[cfg(test)]
#[path = "openapi_tests.rs"]
mod tests;

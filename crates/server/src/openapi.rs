//! The description of the routes, made from the same code that serves them.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use convene_api::{
    frame::{AnyEvent, ClientFrame, ListFrame, ServerFrame, TopicEvent},
    problem::{self, Code, Problem},
};
use convene_core::{event::KnownEvent, thread::ThreadEvent};
use utoipa::{
    Modify, OpenApi as _,
    openapi::{
        Content, OpenApi, Ref, RefOr, Required, ResponseBuilder,
        path::{Operation, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::{app::App, extract::KEY_MAX};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Convene", description = "Runs, supervises and shows coding-agent sessions.", license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")),
    components(schemas(AnyEvent, ListFrame, TopicEvent, KnownEvent, ThreadEvent, ClientFrame, ServerFrame, Problem, Code)),
    security(("bearer" = []), ("cookie" = [])),
    modifiers(&Access, &Common),
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

/// What all routes have in common: any of them may refuse, and mutations take a key.
struct Common;

/// The name of both components.
const PROBLEM: &str = "Problem";
const KEY: &str = "IdempotencyKey";

impl Modify for Common {
    fn modify(&self, openapi: &mut OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let body = Content::new(Some(Ref::from_schema_name(PROBLEM)));
        let refused = ResponseBuilder::new().description("Refused, or failed.").content(problem::CONTENT_TYPE, body);
        components.responses.insert(PROBLEM.to_owned(), refused.build().into());
        let key = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(
                "An exact retry with the same key gets the recorded answer with `Idempotency-Replayed: true`; the same \
                 key with another body is refused.",
            ))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String).max_length(Some(KEY_MAX))));
        components.parameters.insert(KEY.to_owned(), key.build().into());
    }
}

/// The description without the routes.
pub fn base() -> OpenApi {
    Base::openapi()
}

/// The whole description.
fn document() -> OpenApi {
    let mut document = crate::routes::described().split_for_parts().1;
    for item in document.paths.paths.values_mut() {
        if let Some(read) = &mut item.get {
            complete(read);
        }
        for change in [&mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten() {
            complete(change);
            change
                .parameters
                .get_or_insert_default()
                .push(RefOr::Ref(Ref::new(format!("#/components/parameters/{KEY}"))));
        }
    }
    document
}

/// Says what holds for every operation, so that no handler repeats it.
fn complete(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            let status = status.parse().unwrap_or(StatusCode::OK);
            response.description = status.canonical_reason().unwrap_or_default().to_owned();
        }
    }
    operation.responses.responses.insert("default".to_owned(), Ref::from_response_name(PROBLEM).into());
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

//! The description of the routes, made from the same code that serves them.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use convene_api::{
    frame::{CaughtUp, ClientFrame, Hello},
    problem::{Code, Problem},
};
use convene_core::{
    Timestamp,
    event::KnownEvent,
    ids::{SessionId, TurnId},
    thread::ThreadEvent,
    view::{SessionView, ThreadView},
};
use utoipa::{
    Modify, OpenApi as _, ToSchema,
    openapi::{
        OpenApi,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::app::App;

/// An event as it is stored, streamed and shown: its place, and one of the events by its `type`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes; events themselves pass through as text")]
pub struct AnyEvent {
    /// The session's log.
    session: SessionId,
    /// Its place there, gapless from 1.
    seq: u64,
    /// Its place in the commit order of the whole store.
    pos: u64,
    /// When it was committed.
    at: Timestamp,
    /// The turn it belongs to.
    turn: Option<TurnId>,
    /// The attempt it comes from or is about.
    attempt: Option<u32>,
    /// The idempotency key of the command that caused it.
    command: Option<String>,
    /// What happened. A type that is not on the list comes from a newer runner.
    #[schema(inline = false)]
    #[serde(flatten)]
    body: KnownEvent,
}

/// A frame of the list: `session:started`, `session:updated`, `session:ended`, `session:deleted`, `thread:created`,
/// `thread:updated`, `thread:deleted`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes; frames are written from what changed")]
pub struct AnyListFrame {
    /// What happened.
    r#type: String,
    /// The change's place in the store: the cursor of the list.
    pos: u64,
    /// When.
    at: Timestamp,
    /// The idempotency key of the command that caused it.
    command: Option<String>,
    /// The object as it is now; of a deleted one its `id` alone.
    data: ListObject,
}

/// What the list has.
#[derive(ToSchema)]
#[schema(as = ListObject)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes")]
pub enum ListObject {
    /// A session.
    Session(Box<SessionView>),
    /// A thread.
    Thread(Box<ThreadView>),
}

/// What the server says on the socket.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes")]
pub enum ServerFrame {
    /// First.
    Hello(Hello),
    /// An event of a session.
    Event {
        /// The session.
        topic: SessionId,
        /// The event.
        event: AnyEvent,
    },
    /// A change of the list.
    List(AnyListFrame),
    /// The past of a topic is delivered.
    CaughtUp(CaughtUp),
    /// A frame of the client's was refused.
    Problem {
        /// The topic, if it was about one.
        topic: Option<String>,
        /// Why.
        problem: Problem,
    },
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Convene", description = "Runs, supervises and shows coding-agent sessions.", license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")),
    components(schemas(AnyEvent, AnyListFrame, KnownEvent, ThreadEvent, ClientFrame, ServerFrame, Problem, Code)),
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
pub fn document() -> OpenApi {
    crate::routes::described().split_for_parts().1
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

/// The methods of the route that a path fits, for the refusal of another one.
pub fn methods_of(path: &str) -> Vec<String> {
    let fits = |template: &str| {
        let (mut a, mut b) = (template.split('/'), path.split('/'));
        loop {
            match (a.next(), b.next()) {
                (None, None) => return true,
                (Some(a), Some(b)) if a == b || a.starts_with('{') => {}
                (Some(_) | None, Some(_) | None) => return false,
            }
        }
    };
    let document = document();
    let found = document.paths.paths.iter().find(|(template, _)| fits(template));
    let Some((_, item)) = found else { return Vec::new() };
    let methods = [
        ("GET", item.get.is_some()),
        ("POST", item.post.is_some()),
        ("PATCH", item.patch.is_some()),
        ("DELETE", item.delete.is_some()),
    ];
    methods.into_iter().filter(|(_, has)| *has).map(|(name, _)| name.to_owned()).collect()
}

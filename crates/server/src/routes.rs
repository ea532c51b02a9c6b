//! The routes: one file for each verb of each resource.

pub mod agents;
pub mod audit;
pub mod config;
pub mod directories;
pub mod doctor;
pub mod login;
pub mod machines;
pub mod not_built;
pub mod page;
pub mod paging;
pub mod prune;
pub mod server;
pub mod sessions;
pub mod threads;
pub mod tokens;

use std::any::Any;

use axum::{
    Router,
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header},
    middleware,
    response::{IntoResponse as _, Response},
};
use convene_api::problem::{CONTENT_TYPE, Code, Problem};
use tower_http::{
    CompressionLevel,
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{Predicate as _, SizeAbove},
    },
    set_header::SetResponseHeaderLayer,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    auth,
    extract::BODY_MAX,
    incident, metrics, openapi,
    refusal::{Refusal, internal},
    stream, uplink,
};

/// Smaller answers fit into one packet as they are.
const COMPRESSED: u64 = 1024;

/// All routes that are in the description.
pub fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(sessions::create::create_session, sessions::list::list_sessions))
        .routes(routes!(sessions::worktree::delete_session_worktree))
        .routes(routes!(sessions::get::get_session, sessions::patch::patch_session, sessions::delete::delete_session))
        .routes(routes!(sessions::prompts::send_prompt))
        .routes(routes!(sessions::queue::get_queue))
        .routes(routes!(sessions::queue::edit_queue_entry, sessions::queue::drop_queue_entry))
        .routes(routes!(sessions::cancel::cancel_turn))
        .routes(routes!(sessions::stop::stop_session))
        .routes(routes!(sessions::resume::resume_session))
        .routes(routes!(sessions::hibernate::hibernate_session))
        .routes(routes!(sessions::clear::clear_session))
        .routes(routes!(sessions::rewind::rewind_session))
        .routes(routes!(sessions::repair::repair_session))
        .routes(routes!(sessions::fork::fork_session))
        .routes(routes!(sessions::archive::archive_session))
        .routes(routes!(sessions::archive::unarchive_session))
        .routes(routes!(sessions::permissions::list_permissions))
        .routes(routes!(sessions::permissions::decide_permission))
        .routes(routes!(sessions::elicitations::answer_elicitation))
        .routes(routes!(sessions::authenticate::authenticate))
        .routes(routes!(sessions::events::session_events))
        .routes(routes!(sessions::history::session_history))
        .routes(routes!(sessions::recap::session_recap))
        .routes(routes!(sessions::export::export_session))
        .routes(routes!(sessions::health::session_health))
        .routes(routes!(sessions::changes::session_changes))
        .routes(routes!(threads::create::create_thread, threads::list::list_threads))
        .routes(routes!(threads::one::get_thread, threads::one::patch_thread, threads::one::delete_thread))
        .routes(routes!(threads::prompts::prompt_thread))
        .routes(routes!(stream::sse::list_events))
        .routes(routes!(stream::ws::open_socket))
        .routes(routes!(agents::list_agents))
        .routes(routes!(agents::get_agent))
        .routes(routes!(agents::test_agent))
        .routes(routes!(machines::list_workers))
        .routes(routes!(directories::list_directories))
        .routes(routes!(tokens::create_token, tokens::list_tokens))
        .routes(routes!(tokens::revoke_token))
        .routes(routes!(tokens::rotate_token))
        .routes(routes!(audit::read_audit))
        .routes(routes!(login::log_in))
        .routes(routes!(login::log_out))
        .routes(routes!(login::make_login_link))
        .routes(routes!(server::server_status))
        .routes(routes!(doctor::run_doctor))
        .routes(routes!(config::get_config))
        .routes(routes!(prune::prune_sessions))
        .routes(routes!(server::shut_down))
        .routes(routes!(server::healthz))
        .routes(routes!(server::readyz))
        .routes(routes!(server::metrics))
}

/// The whole service.
pub fn service(app: App) -> Router {
    let (described, _) = described().split_for_parts();
    let prompt_max = app.config.prompt_max;
    let queue_max = app.engine.shared().queue_max();
    let limit = |name: &'static str, value: usize| {
        SetResponseHeaderLayer::if_not_present(HeaderName::from_static(name), HeaderValue::from(value))
    };
    let routes = described
        .merge(not_built::router())
        .merge(page::router())
        .route("/openapi.json", axum::routing::get(openapi::get_openapi))
        .route(convene_api::uplink::RUNNER_PATH, axum::routing::get(uplink::runner::open))
        .route(convene_api::uplink::WORKER_PATH, axum::routing::get(uplink::worker::open))
        .fallback(page::other)
        .layer(middleware::from_fn_with_state(app.clone(), metrics::measure))
        .with_state(app.clone());
    // Quickly: most clients are on this machine, and a list of sessions says the same again and again.
    let compression = CompressionLayer::new().quality(CompressionLevel::Fastest);
    let compression = compression.compress_when(SizeAbove::new(COMPRESSED).and(is_json));
    // Around the router, which lists the methods of a route only once it is through with it.
    Router::new()
        .fallback_service(routes)
        .layer(middleware::map_response(no_method))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(compression)
        .layer(middleware::from_fn_with_state(app, auth::guard))
        .layer(limit("x-limit-body", BODY_MAX))
        .layer(limit("x-limit-prompt", prompt_max))
        .layer(limit("x-limit-queue", queue_max))
        .layer(SetResponseHeaderLayer::if_not_present(
            HeaderName::from_static("x-content-type-options"),
            HeaderValue::from_static("nosniff"),
        ))
        .layer(SetResponseHeaderLayer::if_not_present(
            HeaderName::from_static("cache-control"),
            HeaderValue::from_static("no-store"),
        ))
}

/// What is compressed as it goes out. Streams are not, since each of their events is to come at once; the dashboard's
/// files are compressed when it is built.
fn is_json(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    ["application/json", CONTENT_TYPE].iter().any(|json| kind.starts_with(json))
}

/// A route without that method, with the words for it; the router has listed the methods that it has.
async fn no_method(method: Method, uri: Uri, response: Response) -> Response {
    let allowed = response.headers().get(header::ALLOW).filter(|_| response.status() == StatusCode::METHOD_NOT_ALLOWED);
    let Some(allowed) = allowed.cloned() else { return response };
    let methods: Vec<&str> = allowed.to_str().unwrap_or_default().split(',').collect();
    let fields = [("route", uri.path().into()), ("methods", methods.into())];
    let problem = Problem::filled(Code::MethodNotAllowed, fields).with("method", method.as_str());
    ([(header::ALLOW, allowed)], Refusal::from(problem)).into_response()
}

/// A bug: told with a number, under which there is a file and a line in the log.
fn panicked(_panic: Box<dyn Any + Send + 'static>) -> Response {
    let problem = internal(&incident::caught());
    let mut response = Refusal::from(problem).into_response();
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

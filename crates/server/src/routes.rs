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
    handler::Handler,
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header},
    middleware,
    response::{IntoResponse as _, Response},
    routing::MethodRouter,
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
use utoipa::Path as _;
use utoipa_axum::{PathItemExt as _, router::OpenApiRouter, routes};

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

/// Hands the handlers of all routes that are in the description to a macro, those of one path together.
macro_rules! table {
    ($to:ident) => {
        $to! {
            { sessions::create::create_session, sessions::list::list_sessions }
            { sessions::worktree::delete_session_worktree }
            { sessions::get::get_session, sessions::patch::patch_session, sessions::delete::delete_session }
            { sessions::prompts::send_prompt }
            { sessions::queue::get_queue }
            { sessions::queue::edit_queue_entry, sessions::queue::drop_queue_entry }
            { sessions::cancel::cancel_turn }
            { sessions::stop::stop_session }
            { sessions::resume::resume_session }
            { sessions::hibernate::hibernate_session }
            { sessions::clear::clear_session }
            { sessions::rewind::rewind_session }
            { sessions::repair::repair_session }
            { sessions::fork::fork_session }
            { sessions::archive::archive_session }
            { sessions::archive::unarchive_session }
            { sessions::permissions::list_permissions }
            { sessions::permissions::decide_permission }
            { sessions::elicitations::answer_elicitation }
            { sessions::authenticate::authenticate }
            { sessions::events::session_events }
            { sessions::history::session_history }
            { sessions::recap::session_recap }
            { sessions::export::export_session }
            { sessions::health::session_health }
            { sessions::changes::session_changes }
            { threads::create::create_thread, threads::list::list_threads }
            { threads::one::get_thread, threads::one::patch_thread, threads::one::delete_thread }
            { threads::prompts::prompt_thread }
            { stream::sse::list_events }
            { stream::ws::open_socket }
            { agents::list_agents }
            { agents::get_agent }
            { agents::test_agent }
            { machines::list_workers }
            { directories::list_directories }
            { tokens::create_token, tokens::list_tokens }
            { tokens::revoke_token }
            { tokens::rotate_token }
            { audit::read_audit }
            { login::log_in }
            { login::log_out }
            { login::make_login_link }
            { server::server_status }
            { doctor::run_doctor }
            { config::get_config }
            { prune::prune_sessions }
            { server::shut_down }
            { server::healthz }
            { server::readyz }
            { server::metrics }
        }
    };
}

/// A router of all that is to be known of them.
macro_rules! describe {
    ($({ $($handlers:tt)+ })+) => {
        OpenApiRouter::with_openapi(openapi::base())$(.routes(routes!($($handlers)+)))+
    };
}

/// A router of their paths and methods alone. To put the schemas of answers together takes longer than all else that a
/// server does to start, and is for who asks for the description.
macro_rules! serve {
    ($({ $($($part:ident)::+),+ })+) => {
        Router::new()$($(.route(&<path_of!([] $($part)+)>::path(), on::<path_of!([] $($part)+), _>($($part)::+)))+)+
    };
}

/// The type that `utoipa::path` makes beside a handler.
macro_rules! path_of {
    ([$($module:ident)*] $handler:ident) => { pastey::paste! { $($module::)*[<__path_ $handler>] } };
    ([$($module:ident)*] $next:ident $($rest:ident)+) => { path_of!([$($module)* $next] $($rest)+) };
}

/// A handler on the methods that the description says.
fn on<P: utoipa::Path, T: 'static>(handler: impl Handler<T, App>) -> MethodRouter<App> {
    let methods = P::methods();
    methods.iter().fold(MethodRouter::new(), |router, method| router.on(method.to_method_filter(), handler.clone()))
}

/// All routes that are in the description, with it.
pub fn described() -> OpenApiRouter<App> {
    table!(describe)
}

/// The same routes without it.
fn served() -> Router<App> {
    table!(serve)
}

/// The whole service.
pub fn service(app: App) -> Router {
    let prompt_max = app.config.prompt_max;
    let queue_max = app.engine.shared().queue_max();
    let limit = |name: &'static str, value: usize| {
        SetResponseHeaderLayer::if_not_present(HeaderName::from_static(name), HeaderValue::from(value))
    };
    let routes = served()
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

//! The dashboard: its shell at every address that is a place in it, and its files.

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Method, Uri},
    response::{IntoResponse as _, Response},
    routing::get,
};
use convene_api::problem::{Code, Problem};

use crate::{app::App, auth::random_hex, page::Wanted, refusal::Refusal};

/// The shell at its first address.
pub fn router() -> Router<App> {
    Router::new().route("/", get(shell))
}

/// What no other route has: a file or a place of the dashboard, or nothing.
pub async fn other(State(app): State<App>, method: Method, uri: Uri, headers: HeaderMap) -> Result<Response, Refusal> {
    match app.page.wanted(&method, uri.path(), &headers) {
        Some(Wanted::Shell) => shell(State(app)).await,
        Some(Wanted::File(file)) => Ok(file.answer(&headers)),
        None => {
            let problem = Problem::new(Code::NotFound, format!("no such route: {}", uri.path()));
            Err(problem.hint("the routes are in /openapi.json").into())
        }
    }
}

async fn shell(State(app): State<App>) -> Result<Response, Refusal> {
    let nonce = random_hex(16).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    Ok(app.page.shell(&nonce).into_response())
}

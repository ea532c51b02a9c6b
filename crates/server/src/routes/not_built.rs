//! Names on the list that are not built yet: refused by name, so that nobody takes a typing error for it.

use axum::{
    Router,
    extract::Request,
    routing::{get, post},
};

use crate::{
    app::App,
    refusal::{Refusal, not_built},
};

/// What can be done instead.
const INSTEAD: [(&str, &str); 4] = [
    ("transcript", "read its history"),
    ("chat", "create a session and follow its events"),
    ("stream", "follow the session's events"),
    ("blobs", "read the session's events"),
];

/// Routes for all of them.
pub fn router() -> Router<App> {
    Router::new()
        .route("/v1/sessions/{id}/transcript", get(refuse))
        .route("/v1/chat", post(refuse))
        .route("/v1/chat/{id}/stream", get(refuse))
        .route("/v1/blobs/{hash}", get(refuse))
}

async fn refuse(request: Request) -> Refusal {
    let path = request.uri().path();
    let found = INSTEAD.iter().find(|(name, _)| path.split('/').any(|segment| segment == *name));
    let (name, instead) = found.copied().unwrap_or((path, ""));
    not_built(name, instead).into()
}

//! `GET /v1/sessions/{id}`

use axum::{Json, extract::State};
use convene_core::view::{self, SessionView};

use crate::{app::App, extract::SessionName, refusal::Refusal};

/// A session as it is.
#[utoipa::path(
    get, path = "/v1/sessions/{id}", tag = "sessions", params(("id" = String, Path, description = "Its id, the beginning of it, or its last six characters.")),
    responses((status = 200, body = SessionView)),
)]
pub async fn get_session(State(app): State<App>, SessionName(id): SessionName) -> Result<Json<SessionView>, Refusal> {
    let published = app.engine.session(id).await?;
    Ok(Json(view::session(&published.state)))
}

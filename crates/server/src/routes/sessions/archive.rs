//! `POST /v1/sessions/{id}/archive` and `/unarchive`

use axum::{Extension, extract::State, response::Response};
use convene_core::{command::Command, view::SessionView};

use super::delete::Empty;
use crate::{
    app::App,
    auth::Caller,
    extract::{Change, SessionName},
    refusal::Refusal,
    reply,
};

/// Puts away a session that has no runner.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/archive", tag = "sessions", params(("id" = String, Path)),
    responses((status = 200, body = SessionView)),
)]
pub async fn archive_session(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    SessionName(id): SessionName,
    Change { asked, .. }: Change<Empty>,
) -> Result<Response, Refusal> {
    reply::command(&app, &caller, asked, id, Command::Archive).await
}

/// Brings a session back from the archive.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/unarchive", tag = "sessions", params(("id" = String, Path)),
    responses((status = 200, body = SessionView)),
)]
pub async fn unarchive_session(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    SessionName(id): SessionName,
    Change { asked, .. }: Change<Empty>,
) -> Result<Response, Refusal> {
    reply::command(&app, &caller, asked, id, Command::Unarchive).await
}

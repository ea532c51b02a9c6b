//! `POST /v1/sessions/{id}/clear`

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

/// Begins the conversation of a session anew. Its log stays and goes on; its agent remembers nothing of what was before.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/clear", tag = "sessions", params(("id" = String, Path)),
    responses((status = 200, body = SessionView)),
)]
pub async fn clear_session(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    SessionName(id): SessionName,
    Change { asked, .. }: Change<Empty>,
) -> Result<Response, Refusal> {
    let command = Command::Clear { by: caller.owner.clone() };
    reply::command(&app, &caller, asked, id, command).await
}

//! `POST /v1/sessions/{id}/authenticate`

use axum::{Extension, extract::State, response::Response};
use convene_api::body::Authenticate;
use convene_core::{command::Command, view::SessionView};

use crate::{
    app::App,
    auth::Caller,
    extract::{Change, SessionName},
    refusal::Refusal,
    reply,
};

/// Signs in to an agent that waits for it, in one of the ways that it offers; what becomes of it comes as an event.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/authenticate", tag = "sessions", params(("id" = String, Path)), request_body = Authenticate,
    responses((status = 200, body = SessionView)),
)]
pub async fn authenticate(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    SessionName(id): SessionName,
    Change { body, asked }: Change<Authenticate>,
) -> Result<Response, Refusal> {
    let command = Command::SignIn { method: body.method_id, by: caller.owner.clone() };
    reply::command(&app, &caller, asked, id, command).await
}

//! `POST /v1/sessions/{id}/stop`

use axum::{Extension, extract::State, response::Response};
use convene_api::body::StopSession;
use convene_core::{command::Command, failure::StopCause, view::SessionView};

use crate::{
    app::App,
    auth::Caller,
    extract::{Change, SessionName},
    refusal::Refusal,
    reply,
};

/// Ends the session's agent and all its processes; a prompt takes the session up again.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/stop", tag = "sessions", params(("id" = String, Path)), request_body = StopSession,
    responses((status = 200, body = SessionView)),
)]
pub async fn stop_session(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    SessionName(id): SessionName,
    Change { body, asked }: Change<StopSession>,
) -> Result<Response, Refusal> {
    let (mode, message) = (body.mode, body.message);
    let command = Command::Stop { cause: StopCause::UserRequested, mode, message, by: caller.owner.clone() };
    reply::command(&app, &caller, asked, id, command).await
}

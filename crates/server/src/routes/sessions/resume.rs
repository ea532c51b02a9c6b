//! `POST /v1/sessions/{id}/resume`

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

/// Starts the agent of a session that has none, without a prompt; of one that has its agent, nothing changes.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/resume", tag = "sessions", params(("id" = String, Path)),
    responses((status = 200, body = SessionView)),
)]
pub async fn resume_session(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    SessionName(id): SessionName,
    Change { asked, .. }: Change<Empty>,
) -> Result<Response, Refusal> {
    let command = Command::Resume { by: caller.owner.clone() };
    reply::command(&app, &caller, asked, id, command).await
}

//! `POST /v1/sessions/{id}/cancel`

use axum::{Extension, extract::State, response::Response};
use convene_api::body::CancelTurn;
use convene_core::{command::Command, view::SessionView};

use crate::{
    app::App,
    auth::Caller,
    extract::{Change, SessionName},
    refusal::Refusal,
    reply,
};

/// Ends the running turn; the agent's answer to that comes as events.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/cancel", tag = "sessions", params(("id" = String, Path)), request_body = CancelTurn,
    responses((status = 200, body = SessionView)),
)]
pub async fn cancel_turn(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    SessionName(id): SessionName,
    Change { body, asked }: Change<CancelTurn>,
) -> Result<Response, Refusal> {
    let command = Command::Cancel { turn: body.turn, by: caller.owner.clone() };
    reply::command(&app, &caller, asked, id, command).await
}

//! `DELETE /v1/sessions/{id}`

use axum::{Extension, extract::State, http::StatusCode, response::Response};
use convene_core::command::Command;
use convene_engine::Work;
use serde_json::json;

use crate::{
    app::App,
    auth::Caller,
    extract::{Change, SessionName},
    refusal::Refusal,
    reply,
};

/// A body without fields.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// Removes a session that has no runner, and its log.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}", tag = "sessions", params(("id" = String, Path)),
    responses((status = 200, description = "It is gone.")),
)]
pub async fn delete_session(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    SessionName(id): SessionName,
    Change { asked, .. }: Change<Empty>,
) -> Result<Response, Refusal> {
    let work = Work::Command { session: id, command: Command::Delete { by: caller.owner.clone() } };
    reply::change(&app, &caller, asked, work, StatusCode::OK, move |_| json!({"id": id, "deleted": true})).await
}

//! `POST /v1/threads/{id}/prompts`

use axum::{
    Extension,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use convene_api::body::{PromptAccepted, SendPrompt};

use super::one::latest_session;
use crate::{
    app::App, auth::Caller, extract::Change, refusal::Refusal, reply::recorded, routes::sessions::prompts::send,
};

/// Prompts the latest session of a thread.
#[utoipa::path(
    post, path = "/v1/threads/{id}/prompts", tag = "threads", params(("id" = String, Path)), request_body = SendPrompt,
    responses((status = 202, body = PromptAccepted)),
)]
pub async fn prompt_thread(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Change { body, asked }: Change<SendPrompt>,
) -> Result<Response, Refusal> {
    if let Some(answer) = recorded(&app, &caller, &asked, StatusCode::ACCEPTED).await? {
        return Ok(answer);
    }
    let session = latest_session(&app, &id).await?;
    send(&app, &caller, asked, session, body).await
}

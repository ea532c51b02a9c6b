//! `POST /v1/sessions`

use axum::{Extension, extract::State, http::StatusCode, response::Response};
use convene_api::body::{CreateSession, CreatedSession};
use convene_engine::Work;

use super::spec::new_session;
use crate::{
    app::App,
    auth::Caller,
    extract::Change,
    refusal::Refusal,
    reply::{change, recorded, session_of},
};

/// Makes a session, with its first prompt if it has one.
#[utoipa::path(
    post, path = "/v1/sessions", tag = "sessions", request_body = CreateSession,
    responses((status = 201, body = CreatedSession)),
)]
pub async fn create_session(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Change { body, asked }: Change<CreateSession>,
) -> Result<Response, Refusal> {
    let new = match new_session(&app, &caller, body, None).await {
        Ok(new) => new,
        // What was there when it was made may be gone by now.
        Err(refusal) => return recorded(&app, &caller, &asked, StatusCode::CREATED).await?.ok_or(refusal),
    };
    let with = app.clone();
    change(&app, &caller, asked, Work::CreateSession(Box::new(new)), StatusCode::CREATED, move |outcome| {
        let session = session_of(outcome)?;
        let cursor = with.cursor(session.seq, outcome.pos);
        Some(CreatedSession { session, cursor })
    })
    .await
}

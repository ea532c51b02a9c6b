//! `POST /v1/sessions/{id}/hibernate`

use axum::{Extension, extract::State, response::Response};
use convene_api::body::HibernateSession;
use convene_core::{command::Command, view::SessionView};

use crate::{
    app::App,
    auth::Caller,
    extract::{Change, SessionName},
    refusal::Refusal,
    reply,
};

/// Ends the agent of an idle session until there is a prompt. Whether it could, comes as an event: `session_hibernated`,
/// or `session_kept_awake` if processes that the agent started are still at work.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/hibernate", tag = "sessions", params(("id" = String, Path)), request_body = HibernateSession,
    responses((status = 200, body = SessionView)),
)]
pub async fn hibernate_session(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    SessionName(id): SessionName,
    Change { body, asked }: Change<HibernateSession>,
) -> Result<Response, Refusal> {
    let command = Command::Hibernate { recap: body.recap, by: caller.owner.clone() };
    reply::command(&app, &caller, asked, id, command).await
}

//! `PATCH /v1/sessions/{id}`

use axum::{Extension, extract::State, response::Response};
use convene_api::body::PatchSession;
use convene_core::{command::Command, event::SessionChanges, view::SessionView};

use super::spec::{limits, timeout, title};
use crate::{
    app::App,
    auth::Caller,
    extract::{Change, SessionName},
    refusal::{Refusal, invalid},
    reply,
};

/// Changes what is wanted of a session; the effect on a live agent comes back as an event.
#[utoipa::path(
    patch, path = "/v1/sessions/{id}", tag = "sessions", params(("id" = String, Path)), request_body = PatchSession,
    responses((status = 200, body = SessionView)),
)]
pub async fn patch_session(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    SessionName(id): SessionName,
    Change { body, asked }: Change<PatchSession>,
) -> Result<Response, Refusal> {
    let limits = limits(body.limits)?;
    let changes = SessionChanges {
        title: body.title.map(|t| title(Some(t))).transpose()?,
        labels: body.labels,
        permissions: body.permissions,
        model: body.model,
        mode: body.mode,
        config: body.config,
        timeout: timeout(body.timeout)?,
        inactivity_warn: limits.inactivity_warn,
        inactivity_timeout: limits.inactivity_timeout,
    };
    if changes.is_empty() {
        return Err(invalid("body", "it changes nothing").into());
    }
    reply::command(&app, &caller, asked, id, Command::Change { changes }).await
}

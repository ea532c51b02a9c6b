//! `DELETE /v1/sessions/{id}`

use axum::{Extension, extract::State, http::StatusCode, response::Response};
use convene_api::body::{DeleteSession, Deleted};
use convene_core::command::Command;
use convene_engine::{Outcome, Work};

use crate::{
    app::App,
    auth::Caller,
    extract::{Change, SessionName},
    refusal::Refusal,
    removals::with_worktree,
    reply,
};

/// A body without fields.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// Removes a session that has no runner, its log, and the worktree that was made for it.
///
/// A worktree with files that are not committed is not removed unless the body says `discard`; then nothing else is
/// removed either. It goes after the session; if its worker is gone by then, once it is back. Its branch goes only if all its commits are on other branches too.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}", tag = "sessions", params(("id" = String, Path)), request_body = DeleteSession,
    responses((status = 200, body = Deleted)),
)]
pub async fn delete_session(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    SessionName(id): SessionName,
    Change { asked, body }: Change<DeleteSession>,
) -> Result<Response, Refusal> {
    if let Some(recorded) = reply::recorded(&app, &caller, &asked, StatusCode::OK).await? {
        return Ok(recorded);
    }
    let work =
        Work::Command { session: id, command: Command::Delete { damaged: body.force, by: caller.owner.clone() } };
    let gone = move |outcome: &Outcome| Deleted { id: id.to_string(), deleted: true, pos: outcome.pos };
    let commit = reply::change(&app, &caller, asked, work, StatusCode::OK, gone);
    match app.engine.session(id).await {
        Ok(published) => with_worktree(&app, &published.state, body.worktree, commit).await,
        // The engine says why not, in its own words.
        Err(_) => commit.await,
    }
}

//! `/v1/threads/{id}`

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use convene_api::body::{Deleted, PatchThread};
use convene_core::{
    thread::ThreadChanges,
    view::{self, ThreadView},
};
use convene_engine::{Error, Outcome, Work};

use super::thread_id;
use crate::{
    app::App,
    auth::Caller,
    extract::Change,
    refusal::{Refusal, invalid},
    reply::{change, recorded},
    routes::sessions::{delete::Empty, spec::title},
};

/// A thread as it is.
#[utoipa::path(
    get, path = "/v1/threads/{id}", tag = "threads", params(("id" = String, Path)),
    responses((status = 200, body = ThreadView)),
)]
pub async fn get_thread(State(app): State<App>, Path(id): Path<String>) -> Result<Json<ThreadView>, Refusal> {
    let (thread, sessions) = app.engine.thread(thread_id(&id)?).await?;
    Ok(Json(view::thread(&thread, &sessions)))
}

/// Changes a thread.
#[utoipa::path(
    patch, path = "/v1/threads/{id}", tag = "threads", params(("id" = String, Path)), request_body = PatchThread,
    responses((status = 200, body = ThreadView)),
)]
pub async fn patch_thread(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Change { body, asked }: Change<PatchThread>,
) -> Result<Response, Refusal> {
    let thread = thread_id(&id)?;
    let title = body.title.map(|t| title(Some(t))).transpose()?;
    let changes = ThreadChanges { title, topic: body.topic, labels: body.labels, archived: body.archived };
    if changes == ThreadChanges::default() {
        return Err(invalid("body", "it changes nothing").into());
    }
    if let Some(answer) = recorded(&app, &caller, &asked, StatusCode::OK).await? {
        return Ok(answer);
    }
    let (_, sessions) = app.engine.thread(thread).await?;
    change(&app, &caller, asked, Work::ChangeThread { thread, changes }, StatusCode::OK, move |outcome| {
        outcome.thread.as_deref().map(|thread| view::thread(thread, &sessions))
    })
    .await
}

/// Removes a thread and its sessions; none of them may have a runner.
#[utoipa::path(
    delete, path = "/v1/threads/{id}", tag = "threads", params(("id" = String, Path)),
    responses((status = 200, body = Deleted)),
)]
pub async fn delete_thread(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Change { asked, .. }: Change<Empty>,
) -> Result<Response, Refusal> {
    let thread = thread_id(&id)?;
    let work = Work::DeleteThread { thread, by: caller.owner.clone() };
    let gone = move |outcome: &Outcome| Deleted { id: thread.to_string(), deleted: true, pos: outcome.pos };
    change(&app, &caller, asked, work, StatusCode::OK, gone).await
}

/// The latest session of a thread.
///
/// # Errors
/// If there is no such thread, or it has no session.
pub async fn latest_session(app: &App, id: &str) -> Result<convene_core::ids::SessionId, Refusal> {
    let id = thread_id(id)?;
    let (_, sessions) = app.engine.thread(id).await?;
    Ok(sessions.last().map(|session| session.id).ok_or(Error::ThreadEmpty(id))?)
}

//! `/v1/sessions/{id}/queue`

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use convene_api::{
    body::{EditQueueEntry, Page, QueueChanged},
    problem::{Code, Problem},
};
use convene_core::{
    command::Command,
    ids::TurnId,
    view::{self, QueueEntryView},
};
use convene_engine::Work;

use super::{delete::Empty, spec::content};
use crate::{
    app::App,
    auth::Caller,
    extract::{Change, Params, SessionName},
    refusal::{Refusal, invalid},
    reply::{change, session_of},
    routes::paging::{Order, Paging, page},
};

/// The prompts that wait.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/queue", tag = "sessions", params(("id" = String, Path), Paging),
    responses((status = 200, body = Page<QueueEntryView>)),
)]
pub async fn get_queue(
    State(app): State<App>,
    SessionName(id): SessionName,
    Params(paging): Params<Paging>,
) -> Result<Json<Page<QueueEntryView>>, Refusal> {
    let published = app.engine.session(id).await?;
    let items = view::queue(&published.state).into_iter().map(|entry| (entry.id.to_string(), entry)).collect();
    Ok(Json(page(&app, "queue", Order::Given, &paging, items)?))
}

/// Changes the text of a prompt that waits, or its place.
#[utoipa::path(
    patch, path = "/v1/sessions/{id}/queue/{entry}", tag = "sessions", params(("id" = String, Path), ("entry" = String, Path)), request_body = EditQueueEntry,
    responses((status = 200, body = QueueChanged)),
)]
pub async fn edit_queue_entry(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    SessionName(session): SessionName,
    Path((_, entry)): Path<(String, String)>,
    Change { body, asked }: Change<EditQueueEntry>,
) -> Result<Response, Refusal> {
    if body.content.is_none() && body.position.is_none() {
        return Err(invalid("body", "it changes nothing; give content or position").into());
    }
    let new = body.content.map(|input| content(&app, input)).transpose()?;
    let command = Command::EditQueued { turn: turn(&entry)?, content: new, position: body.position };
    answer(&app, &caller, asked, Work::Command { session, command }).await
}

/// Takes back a prompt that waits.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}/queue/{entry}", tag = "sessions", params(("id" = String, Path), ("entry" = String, Path)),
    responses((status = 200, body = QueueChanged)),
)]
pub async fn drop_queue_entry(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    SessionName(session): SessionName,
    Path((_, entry)): Path<(String, String)>,
    Change { asked, .. }: Change<Empty>,
) -> Result<Response, Refusal> {
    let command = Command::DropQueued { turn: turn(&entry)?, by: caller.owner.clone() };
    answer(&app, &caller, asked, Work::Command { session, command }).await
}

async fn answer(app: &App, caller: &Caller, asked: crate::extract::Asked, work: Work) -> Result<Response, Refusal> {
    let with = app.clone();
    change(app, caller, asked, work, StatusCode::OK, move |outcome| {
        let items = view::queue(outcome.session.as_deref()?);
        let session = session_of(outcome)?;
        let cursor = with.cursor(session.seq, outcome.pos);
        Some(QueueChanged { items, session, cursor })
    })
    .await
}

fn turn(entry: &str) -> Result<TurnId, Problem> {
    entry.parse().map_err(|_| Problem::filled(Code::QueueEntryNotFound, [("n", entry.into())]))
}

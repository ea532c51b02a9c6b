//! `GET /v1/sessions/{id}/health`

use axum::{Json, extract::State};
use convene_api::body::SessionHealth;
use convene_core::{
    event::{EventBody, EventData, KnownEvent},
    failure::AttemptExit,
    health, view,
};
use convene_engine::storage::{EventFilter, EventRow};

use crate::{app::App, extract::SessionName, refusal::Refusal};

/// What is known about a session's life: what it does, how it does, and whether it could be given work.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/health", tag = "sessions", params(("id" = String, Path)),
    responses((status = 200, body = SessionHealth)),
)]
pub async fn session_health(
    State(app): State<App>,
    SessionName(id): SessionName,
) -> Result<Json<SessionHealth>, Refusal> {
    let published = app.engine.session(id).await?;
    let (state, damaged) = (published.state, published.damaged.is_some());
    let kind = Some("attempt_ended".to_owned());
    let filter = EventFilter { kind, limit: 1, newest: true, ..EventFilter::default() };
    let ends = app.engine.events(id, filter).await?;
    Ok(Json(SessionHealth {
        id,
        state: state.phase.name().to_owned(),
        badge: view::badge(&state),
        row: health::row(&state, damaged),
        runner_connected: app.links_up.has_runner(id),
        attempt: state.attempts,
        memory: state.phase.attempt().and_then(|a| app.engine.workers().memory(&a.worker, id, a.number)),
        worker: state.phase.attempt().map(|a| a.worker.to_string()),
        last_event_at: state.updated_at,
        last_exit: ends.last().and_then(exit),
    }))
}

fn exit(row: &EventRow) -> Option<AttemptExit> {
    match EventData::from_json(&row.data).ok()?.body {
        EventBody::Known(KnownEvent::AttemptEnded { exit, .. }) => Some(exit),
        EventBody::Known(_) | EventBody::Unknown(_) => None,
    }
}

//! `POST /v1/prune`

use axum::{
    Extension, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use convene_api::body::{PruneSessions, Pruned};

use crate::{
    app::App,
    auth::Caller,
    extract::Change,
    refusal::{Refusal, invalid},
    reply,
    retention::{self, Retention},
};

/// Removes sessions that are stopped, or put away while they sleep, by age and size. Sessions at work, waiting, or damaged
/// stay, and so does one whose conversation another session goes on with. Room that is free then goes back to the disk.
#[utoipa::path(
    post, path = "/v1/prune", tag = "server", request_body = PruneSessions, responses((status = 200, body = Pruned)),
)]
pub async fn prune_sessions(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Change { body, asked }: Change<PruneSessions>,
) -> Result<Response, Refusal> {
    if body.older_than.is_none() && body.larger_than.is_none() && body.keep.is_none() {
        return Err(invalid("older_than", "say which: older_than, larger_than or keep").into());
    }
    // Whoever asks again while it is under way gets its answer.
    let _turn = app.pruning.lock().await;
    if let Some(recorded) = reply::recorded(&app, &caller, &asked, StatusCode::OK).await? {
        return Ok(recorded);
    }
    let pruned = retention::prune(&app, Retention::from(&body), &caller.owner, body.dry_run).await?;
    if body.dry_run {
        // It did nothing, so doing it again is no harm.
        return Ok(Json(pruned).into_response());
    }
    Ok(reply::record(&app, &caller, asked, pruned).await)
}

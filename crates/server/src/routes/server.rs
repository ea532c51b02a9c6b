//! The server itself: status, signs of life, metrics, shutdown.

use std::time::Duration;

use axum::{
    Extension, Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use convene_api::{
    body::{ServerStatus, Shutdown, ShuttingDown},
    problem::{Code, Problem},
};
use convene_core::{command::Command, event::StopMode, failure::StopCause, ids::SessionId};
use convene_engine::storage::Reader as _;
use tokio::time::timeout;

use crate::{app::App, auth::Caller, extract::Change, metrics, refusal::Refusal};

/// For how long a shutdown waits for the sessions that it stops; the ladder of a stop takes up to twelve seconds.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// How the server is, and what runs.
#[utoipa::path(
    get, path = "/v1/status", tag = "server",
    responses((status = 200, body = ServerStatus)),
)]
pub async fn server_status(State(app): State<App>) -> Result<Json<ServerStatus>, Refusal> {
    let counts = app.engine.query(|reader| reader.count_by_badge()).await?;
    Ok(Json(ServerStatus { sessions: counts.into_iter().collect(), ..app.status() }))
}

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz", tag = "server", security(()), responses((status = 200, body = ServerStatus)))]
pub async fn healthz(State(app): State<App>) -> Json<ServerStatus> {
    Json(app.status())
}

/// Whether it takes requests: it has read its store, can write it, and is not on its way out.
#[utoipa::path(
    get, path = "/readyz", tag = "server", security(()),
    responses((status = 200, body = ServerStatus)),
)]
pub async fn readyz(State(app): State<App>) -> Result<Json<ServerStatus>, Refusal> {
    if app.closing.is_cancelled() {
        return Err(Problem::filled(Code::Unavailable, [("state", "stopping".into())]).into());
    }
    if let Some(no_room) = app.engine.shared().no_room() {
        return Err(crate::error::store(&no_room.error).into());
    }
    Ok(Json(app.status()))
}

/// Counters for a collector.
#[utoipa::path(
    get, path = "/metrics", tag = "server",
    responses((status = 200, body = String, content_type = "application/openmetrics-text")),
)]
pub async fn metrics(State(app): State<App>) -> Result<Response, Refusal> {
    let text = metrics::text(&app).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// Ends the server that is named by its epoch.
///
/// Sessions go on unless they are to be stopped first; `convene serve` comes back to them.
#[utoipa::path(
    post, path = "/v1/shutdown", tag = "server", request_body = Shutdown,
    responses((status = 200, body = ShuttingDown)),
)]
pub async fn shut_down(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Change { body, .. }: Change<Shutdown>,
) -> Result<Json<ShuttingDown>, Refusal> {
    let epoch = app.engine.shared().epoch;
    if body.confirm != Shutdown::of(epoch).confirm {
        let problem = Problem::new(Code::WrongState, format!("{} is not this server", body.confirm));
        return Err(problem.hint("say `epoch-` and the epoch of GET /v1/status").into());
    }
    let live = live(&app);
    let mut answer = ShuttingDown { sessions_going_on: live.len() as u64, sessions_stopped: 0 };
    if body.stop_sessions {
        let mut news = app.engine.shared().feed.follow_all();
        for session in live {
            let (mode, by) = (StopMode::Graceful, caller.owner.clone());
            let stop = Command::Stop { cause: StopCause::Shutdown, mode, message: None, by };
            match app.engine.command(session, stop).await {
                Ok(_) => answer.sessions_stopped += 1,
                Err(error) => tracing::warn!(session.id = %session, error = %error, "cannot stop a session"),
            }
        }
        let all_stopped = async {
            while !self::live(&app).is_empty() {
                if news.changed().await.is_err() {
                    return;
                }
            }
        };
        // What is not stopped by then goes on, and is said so.
        let _late = timeout(STOP_PATIENCE, all_stopped).await;
        answer.sessions_going_on = self::live(&app).len() as u64;
        answer.sessions_stopped = answer.sessions_stopped.saturating_sub(answer.sessions_going_on);
    }
    // The answer still goes out: connections are drained.
    app.config.shutdown.cancel();
    Ok(Json(answer))
}

/// Sessions with a runner, or that want one.
fn live(app: &App) -> Vec<SessionId> {
    let live =
        app.engine.shared().sessions_where(|s| !s.deleted && !matches!(s.phase.name(), "stopped" | "hibernated"));
    live.into_iter().map(|p| p.state.id).collect()
}

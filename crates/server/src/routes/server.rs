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
use futures_util::future::join_all;
use tokio::time::timeout;

use crate::{app::App, auth::Caller, extract::Change, metrics, refusal::Refusal};

/// How long the sessions that a shutdown stops may take to end in order. Their agents have had SIGTERM by then.
const IN_ORDER: Duration = Duration::from_millis(6500);

/// How long those may take that get no time any more. What comes after, connections and commits, has budgets of its own.
const AT_ONCE: Duration = Duration::from_millis(3500);

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
        stop_all(&app, &caller, StopMode::Graceful, IN_ORDER).await;
        stop_all(&app, &caller, StopMode::Now, AT_ONCE).await;
        // What is not stopped by now is let go of, and is said so: its runner ends it, and the next server is told.
        answer.sessions_going_on = self::live(&app).len() as u64;
        answer.sessions_stopped = (live.len() as u64).saturating_sub(answer.sessions_going_on);
    }
    // The answer still goes out: connections are drained.
    app.config.shutdown.cancel();
    Ok(Json(answer))
}

/// Stops what is live, all at once, and waits until nothing is, but no longer than `patience`.
async fn stop_all(app: &App, caller: &Caller, mode: StopMode, patience: Duration) {
    let mut news = app.engine.shared().feed.follow_all();
    let all_stopped = async {
        let stops = live(app).into_iter().map(async |session| {
            let by = caller.owner.clone();
            let stop = Command::Stop { cause: StopCause::Shutdown, mode, message: None, by };
            if let Err(error) = app.engine.command(session, stop).await {
                tracing::warn!(session.id = %session, error = %error, "cannot stop a session");
            }
        });
        join_all(stops).await;
        while !live(app).is_empty() {
            if news.changed().await.is_err() {
                return;
            }
        }
    };
    // Who is late is told of by what is still live.
    let _late = timeout(patience, all_stopped).await;
}

/// Sessions with a runner, or that want one.
fn live(app: &App) -> Vec<SessionId> {
    let live =
        app.engine.shared().sessions_where(|s| !s.deleted && !matches!(s.phase.name(), "stopped" | "hibernated"));
    live.into_iter().map(|p| p.state.id).collect()
}

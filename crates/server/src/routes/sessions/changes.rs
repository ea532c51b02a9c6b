//! `GET /v1/sessions/{id}/changes`

use std::time::Duration;

use axum::{Json, extract::State};
use convene_api::{
    body::FileChanges,
    problem::{Code, Problem},
    uplink::{Answer, Question},
};
use convene_core::{ids::WorkerName, session::SessionState};

use crate::{app::App, extract::SessionName, refusal::Refusal};

/// How long its worker may look.
const PATIENCE: Duration = Duration::from_secs(60);

/// What changed in the session's directory since the session began, by its git repository: committed or not, and files
/// that git does not know.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/changes", tag = "sessions", params(("id" = String, Path)),
    responses((status = 200, body = FileChanges)),
)]
pub async fn session_changes(
    State(app): State<App>,
    SessionName(id): SessionName,
) -> Result<Json<FileChanges>, Refusal> {
    let published = app.engine.session(id).await?;
    let worker = home(&app, &published.state)?;
    let question = Question::Changes {
        cwd: published.state.spec.cwd.clone(),
        base: published.state.workspace.as_ref().and_then(|workspace| workspace.base.clone()),
    };
    match app.asks.ask(&worker, question, PATIENCE).await {
        Ok(Answer::Changes(changes)) => Ok(Json(changes)),
        Ok(other) => Err(crate::uplink::odd_answer(&worker, &other).into()),
        Err(problem) if problem.code == Code::WorktreeNotGit => {
            Err(problem.hint("changes are what git sees: `git init` in its directory").into())
        }
        Err(problem) => Err(problem.into()),
    }
}

/// The worker that has the session's directory.
pub fn home(app: &App, state: &SessionState) -> Result<WorkerName, Problem> {
    let attempt = state.phase.attempt().map(|attempt| attempt.worker.clone());
    let known = attempt.or_else(|| state.pinned_worker());
    if let Some(worker) = known {
        return Ok(worker);
    }
    // It has never run anywhere: its directory is where it would run.
    let mut connected = app.engine.workers().all().into_iter().filter(|worker| worker.status.connected);
    let first = connected.next().map(|worker| worker.status.name);
    first.ok_or_else(|| Problem::filled(Code::NoWorker, []))
}

//! `DELETE /v1/sessions/{id}/worktree`

use axum::{Extension, extract::State, http::StatusCode, response::Response};
use convene_api::{
    body::{RemoveWorktree, WorktreeRemoved},
    problem::{Code, Problem},
    uplink::{Answer, Question},
};
use convene_core::session::{Phase, SessionState};

use super::changes::home;
use crate::{
    app::App,
    auth::Caller,
    extract::{Change, SessionName},
    refusal::Refusal,
    removals::PATIENCE,
    reply,
};

/// Removes the worktree that was made for a session, and keeps the session and its log. A prompt makes it again, with
/// what was committed on its branch.
///
/// A worktree with files that are not committed is not removed unless the body says `discard`. Its branch goes only if
/// all its commits are on other branches too.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}/worktree", tag = "sessions", params(("id" = String, Path)),
    request_body = RemoveWorktree, responses((status = 200, body = WorktreeRemoved)),
)]
pub async fn delete_session_worktree(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    SessionName(id): SessionName,
    Change { body, asked }: Change<RemoveWorktree>,
) -> Result<Response, Refusal> {
    if let Some(recorded) = reply::recorded(&app, &caller, &asked, StatusCode::OK).await? {
        return Ok(recorded);
    }
    let published = app.engine.session(id).await?;
    let removed = remove(&app, &published.state, body.discard).await?;
    Ok(reply::record(&app, &caller, asked, removed).await)
}

/// Removes the worktree of a session that has no runner.
///
/// # Errors
/// If it has a runner or no worktree, or if work would be lost.
pub async fn remove(app: &App, state: &SessionState, discard: bool) -> Result<WorktreeRemoved, Problem> {
    let made = state.workspace.as_ref().filter(|workspace| workspace.worktree_of.is_some());
    let Some(workspace) = made else {
        let fields = [
            ("cmd", "remove the worktree of".into()),
            ("state", "without one of its own".into()),
            ("next", format!("convene show {}", state.id.short()).into()),
        ];
        return Err(Problem::filled(Code::WrongState, fields));
    };
    match &state.phase {
        Phase::Pending { .. } | Phase::Hibernated | Phase::Stopped { .. } => {}
        Phase::Starting { .. } | Phase::Idle { .. } | Phase::Running { .. } | Phase::Stopping { .. } => {
            let fields = [
                ("cmd", "remove the worktree of".into()),
                ("state", state.phase.name().into()),
                ("next", format!("convene stop {}", state.id.short()).into()),
            ];
            return Err(Problem::filled(Code::WrongState, fields));
        }
    }
    let worker = home(app, state)?;
    let path = workspace.root.clone().unwrap_or_default();
    let branch = workspace.branch.clone();
    let question = Question::RemoveWorktree {
        session: Some(state.id),
        path: path.clone(),
        branch: branch.clone().unwrap_or_default(),
        force: discard,
    };
    match app.asks.ask(&worker, question, PATIENCE).await? {
        Answer::Removed { branch_kept } => Ok(WorktreeRemoved { id: state.id, path, branch, branch_kept }),
        other => Err(crate::uplink::odd_answer(&worker, &other)),
    }
}

//! `DELETE /v1/sessions/{id}`

use std::time::Duration;

use axum::{Extension, extract::State, http::StatusCode, response::Response};
use convene_api::{
    body::{DeleteSession, Deleted, WorktreeFate},
    problem::Code,
    uplink::{Answer, Question},
};
use convene_core::{
    command::Command,
    session::{Phase, SessionState},
};
use convene_engine::{Outcome, Work};

use super::changes::home;
use crate::{
    app::App,
    auth::Caller,
    extract::{Change, SessionName},
    refusal::Refusal,
    reply,
};

/// How long a worker may take to delete a worktree.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// A body without fields.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// Removes a session that has no runner, its log, and the worktree that was made for it.
///
/// A worktree with files that are not committed is not removed unless the body says `discard`; then nothing else is
/// removed either. Its branch goes only if all its commits are on other branches too.
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
    // Of a session that is gone already the engine knows the recorded answer.
    if let Ok(published) = app.engine.session(id).await {
        remove_worktree(&app, &published.state, body.worktree).await?;
    }
    let work =
        Work::Command { session: id, command: Command::Delete { damaged: body.force, by: caller.owner.clone() } };
    let gone = move |outcome: &Outcome| Deleted { id: id.to_string(), deleted: true, pos: outcome.pos };
    reply::change(&app, &caller, asked, work, StatusCode::OK, gone).await
}

/// Removes the worktree that was made for a session, as far as that is wanted.
///
/// # Errors
/// If it has work that is nowhere else, or its worker cannot be asked.
pub async fn remove_worktree(app: &App, state: &SessionState, fate: WorktreeFate) -> Result<(), Refusal> {
    let made = state.workspace.as_ref().filter(|workspace| workspace.worktree_of.is_some());
    let (Some(workspace), false) = (made, fate == WorktreeFate::Keep) else { return Ok(()) };
    match &state.phase {
        Phase::Pending { .. } | Phase::Hibernated | Phase::Stopped { .. } => {}
        // It is refused by the engine, in its own words.
        Phase::Starting { .. } | Phase::Idle { .. } | Phase::Running { .. } | Phase::Stopping { .. } => return Ok(()),
    }
    let worker = home(app, state)?;
    let question = Question::RemoveWorktree {
        path: workspace.root.clone().unwrap_or_default(),
        branch: workspace.branch.clone().unwrap_or_default(),
        force: fate == WorktreeFate::Discard,
    };
    match app.asks.ask(&worker, question, PATIENCE).await {
        Ok(Answer::Removed { .. }) => Ok(()),
        Ok(other) => Err(crate::uplink::odd_answer(&worker, &other).into()),
        Err(problem) if problem.code == Code::WorktreeDirty => {
            let id = state.id.short();
            Err(problem.hint(format!("commit, or: convene rm {id} --force, or --keep-worktree")).into())
        }
        Err(problem) if problem.code == Code::WorkerUnreachable => {
            Err(problem.hint("start it, or leave the worktree there: --keep-worktree").into())
        }
        Err(problem) => Err(problem.into()),
    }
}

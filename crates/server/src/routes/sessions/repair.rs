//! `POST /v1/sessions/{id}/repair`

use axum::{Extension, extract::State, http::StatusCode, response::Response};
use convene_api::{
    body::{RepairReport, RepairSession, RepairedSession},
    problem::Problem,
};
use convene_core::{ids::SessionId, view};
use convene_engine::{Examined, Outcome, Repair, Work};

use crate::{
    app::App,
    auth::Caller,
    extract::{Change, SessionName},
    refusal::Refusal,
    reply,
};

/// How often a log is looked at anew that went on meanwhile.
const TRIES: usize = 3;

/// Says what is wrong with the log of a session that is at rest, and closes what its last turn left open: tool calls end
/// as failed, the turn as interrupted. It only appends. A damaged log that can be read past its holes is usable again then.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/repair", tag = "sessions", params(("id" = String, Path)), request_body = RepairSession,
    responses((status = 200, body = RepairedSession)),
)]
pub async fn repair_session(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    SessionName(id): SessionName,
    Change { body, asked }: Change<RepairSession>,
) -> Result<Response, Refusal> {
    if body.dry_run {
        let examined = app.engine.examine(id, body.force).await?;
        let repair = report(id, &examined, true);
        let answer = RepairedSession { session: view::session(&examined.published.state), repair };
        return Ok(reply::json(StatusCode::OK, serde_json::to_string(&answer).unwrap_or_default()));
    }
    if let Some(recorded) = reply::recorded(&app, &caller, &asked, StatusCode::OK).await? {
        return Ok(recorded);
    }
    let mut tries = 1;
    loop {
        let examined = app.engine.examine(id, body.force).await?;
        let told = report(id, &examined, false);
        let is_moved = examined.published.state.seq;
        let work = Work::Repair(Box::new(Repair { session: id, examined, by: caller.owner.clone() }));
        let with = told.clone();
        let answer = move |outcome: &Outcome| {
            let session = view::session(outcome.session.as_deref()?);
            Some(RepairedSession { session, repair: RepairReport { persisted: true, ..with.clone() } })
        };
        match reply::change(&app, &caller, asked.clone(), work, StatusCode::OK, answer).await {
            Err(_) if tries < TRIES && app.engine.session(id).await?.state.seq != is_moved => tries += 1,
            Err(refusal) => return Err(Refusal::from(with_issues(refusal.problem, &told))),
            Ok(response) => return Ok(response),
        }
    }
}

fn report(session_id: SessionId, examined: &Examined, dry_run: bool) -> RepairReport {
    let findings = &examined.findings;
    RepairReport {
        session_id,
        dry_run,
        issues: findings.issues.clone(),
        more_issues: findings.more,
        actions: findings.actions.clone(),
        persisted: false,
    }
}

/// A refusal says what was found.
fn with_issues(problem: Problem, report: &RepairReport) -> Problem {
    problem.with("issues", serde_json::to_value(&report.issues).unwrap_or_default())
}

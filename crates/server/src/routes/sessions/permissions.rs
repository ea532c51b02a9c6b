//! `/v1/sessions/{id}/permissions`

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use convene_api::{
    body::{DecidePermission, DecisionInput, Page, PermissionDecidedBody},
    problem::{Code, Problem},
};
use convene_core::{
    command::{Choice, Command},
    content::{PermissionKind, PermissionOption},
    event::Decision,
    ids::PermissionId,
    session::SessionState,
    view::{self, PermissionView},
};
use convene_engine::Work;

use crate::{
    app::App,
    auth::Caller,
    extract::{Change, Params, SessionName},
    refusal::{Refusal, invalid},
    reply::{change, recorded, session_of},
    routes::paging::{Order, Paging, page},
};

/// The permission requests that wait.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/permissions", tag = "sessions", params(("id" = String, Path), Paging),
    responses((status = 200, body = Page<PermissionView>)),
)]
pub async fn list_permissions(
    State(app): State<App>,
    SessionName(id): SessionName,
    Params(paging): Params<Paging>,
) -> Result<Json<Page<PermissionView>>, Refusal> {
    let published = app.engine.session(id).await?;
    let items = view::permissions(&published.state).into_iter().map(|p| (p.request.to_string(), p)).collect();
    Ok(Json(page(&app, "permissions", Order::Given, &paging, items)?))
}

/// Answers a permission request; the first answer wins, a later one is told who was first.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/permissions/{request}", tag = "sessions", params(("id" = String, Path), ("request" = String, Path)), request_body = DecidePermission,
    responses((status = 200, body = PermissionDecidedBody)),
)]
pub async fn decide_permission(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    SessionName(session): SessionName,
    Path((_, request)): Path<(String, String)>,
    Change { body, asked }: Change<DecidePermission>,
) -> Result<Response, Refusal> {
    if let Some(answer) = recorded(&app, &caller, &asked, StatusCode::OK).await? {
        return Ok(answer);
    }
    let published = app.engine.session(session).await?;
    let not_found = || {
        Problem::filled(Code::PermissionNotFound, [("req", request.clone().into()), ("id", session.to_string().into())])
    };
    let request: PermissionId = request.parse().map_err(|_| not_found())?;
    let named = body.option_id.clone();
    let choice = choice(body.option_id, body.decision)?;
    let pending = view::permissions(&published.state).into_iter().find(|p| p.request == request);
    let command = Command::Decide { request, choice, message: body.message, by: caller.owner.clone() };
    let with = app.clone();
    change(&app, &caller, asked, Work::Command { session, command }, StatusCode::OK, move |outcome| {
        // Without a pending request the engine refuses, or has a recorded answer.
        let asked = pending.clone()?;
        let option = match &named {
            Some(id) => asked.options.iter().find(|option| option.id == *id).cloned(),
            None => chosen(outcome.session.as_deref()?, &asked),
        };
        let session = session_of(outcome)?;
        let cursor = with.cursor(session.seq, outcome.pos);
        Some(PermissionDecidedBody { request: asked, option, session, cursor })
    })
    .await
}

fn choice(option: Option<String>, decision: Option<DecisionInput>) -> Result<Choice, Problem> {
    match (option, decision) {
        (Some(option), None) => Ok(Choice::Option(option)),
        (None, Some(decision)) => Ok(Choice::Kind(match decision {
            DecisionInput::AllowOnce => Decision::AllowOnce,
            DecisionInput::AllowAlways => Decision::AllowAlways,
            DecisionInput::RejectOnce => Decision::RejectOnce,
            DecisionInput::RejectAlways => Decision::RejectAlways,
        })),
        (None, None) => Err(invalid("option_id", "it is missing; name an option, or a decision")),
        (Some(_), Some(_)) => Err(invalid("decision", "name an option or a decision, not both")),
    }
}

/// The option that was taken: the first one of the kind that was decided.
fn chosen(state: &SessionState, asked: &PermissionView) -> Option<PermissionOption> {
    let kind = match state.decided.get(&asked.request)?.decision {
        Decision::AllowOnce => PermissionKind::AllowOnce,
        Decision::AllowAlways => PermissionKind::AllowAlways,
        Decision::RejectOnce => PermissionKind::RejectOnce,
        Decision::RejectAlways => PermissionKind::RejectAlways,
        Decision::Other => PermissionKind::Other,
        Decision::Cancelled => return None,
    };
    asked.options.iter().find(|option| option.kind == kind).cloned()
}

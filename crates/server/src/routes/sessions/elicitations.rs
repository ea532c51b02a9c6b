//! `POST /v1/sessions/{id}/elicitations/{request}`

use axum::{
    Extension,
    extract::{Path, State},
    response::Response,
};
use convene_api::{
    body::{AnswerElicitation, ElicitationAction},
    problem::{Code, Problem},
};
use convene_core::{command::Command, view::SessionView};

use crate::{
    app::App,
    auth::Caller,
    extract::{Change, SessionName},
    refusal::Refusal,
    reply,
};

/// Answers a question of the agent.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/elicitations/{request}", tag = "sessions", params(("id" = String, Path), ("request" = String, Path)), request_body = AnswerElicitation,
    responses((status = 200, body = SessionView)),
)]
pub async fn answer_elicitation(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    SessionName(id): SessionName,
    Path((_, request)): Path<(String, String)>,
    Change { body, asked }: Change<AnswerElicitation>,
) -> Result<Response, Refusal> {
    let fields = [("req", request.clone().into()), ("id", id.to_string().into())];
    let request = request.parse().map_err(|_| Problem::filled(Code::PermissionNotFound, fields))?;
    let action = match body.action {
        ElicitationAction::Accept => "accept",
        ElicitationAction::Decline => "decline",
        ElicitationAction::Cancel => "cancel",
    };
    let (action, content) = (action.to_owned(), body.content);
    let command = Command::Answer { request, action, content, by: caller.owner.clone() };
    reply::command(&app, &caller, asked, id, command).await
}

//! `POST /v1/sessions/{id}/prompts`

use axum::{Extension, extract::State, http::StatusCode, response::Response};
use convene_api::{
    body::{PromptAccepted, PromptMode, PromptStatus, SendPrompt},
    problem::{Code, Problem},
};
use convene_core::{
    command::{BusyMode, Command},
    ids::SessionId,
};
use convene_engine::Work;

use super::spec::prompt;
use crate::{
    app::App,
    auth::Caller,
    extract::{Asked, Change, SessionName},
    refusal::Refusal,
    reply::{change, session_of},
};

/// Says something to the agent; answers what became of it.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/prompts", tag = "sessions", params(("id" = String, Path)), request_body = SendPrompt,
    responses((status = 202, body = PromptAccepted)),
)]
pub async fn send_prompt(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    SessionName(id): SessionName,
    Change { body, asked }: Change<SendPrompt>,
) -> Result<Response, Refusal> {
    send(&app, &caller, asked, id, body).await
}

/// Prompts a session.
pub async fn send(
    app: &App,
    caller: &Caller,
    asked: Asked,
    session: SessionId,
    body: SendPrompt,
) -> Result<Response, Refusal> {
    let busy = match body.mode {
        PromptMode::Queue => BusyMode::Queue,
        PromptMode::Interrupt => BusyMode::Interrupt,
        PromptMode::Steer => {
            let agent = app.engine.session(session).await?.state.spec.agent.clone();
            return Err(Problem::filled(Code::SteerUnsupported, [("agent", agent.into())]).into());
        }
    };
    let prompt = prompt(app, body.content)?;
    let turn = prompt.turn;
    let with = app.clone();
    let work = Work::Command { session, command: Command::Prompt { prompt, busy } };
    change(app, caller, asked, work, StatusCode::ACCEPTED, move |outcome| {
        let state = outcome.session.as_deref()?;
        let place = state.queue.iter().position(|entry| entry.id == turn);
        // In the queue of a session that has no turn it is the next one, and starts as soon as the agent is up.
        let (status, position) = match place {
            Some(place) if place > 0 || state.phase.turn().is_some() => (PromptStatus::Queued, Some(place + 1)),
            Some(_) | None => (PromptStatus::Started, None),
        };
        let session = session_of(outcome)?;
        let cursor = with.cursor(session.seq, outcome.pos);
        Some(PromptAccepted { status, turn, position, session, cursor })
    })
    .await
}

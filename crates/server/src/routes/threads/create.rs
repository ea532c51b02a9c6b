//! `POST /v1/threads`

use axum::{Extension, extract::State, http::StatusCode, response::Response};
use convene_api::body::{CreateSession, CreateThread, CreatedThread};
use convene_core::{ids::ThreadId, view};
use convene_engine::{NewThread, ThreadPlace, Work};

use crate::{
    app::App,
    auth::Caller,
    extract::Change,
    refusal::{Refusal, invalid},
    reply::{change, recorded, session_of},
    routes::sessions::spec::{new_session, title},
};

/// Makes a thread, with its first session in the same transaction if it has a prompt.
#[utoipa::path(
    post, path = "/v1/threads", tag = "threads", request_body = CreateThread,
    responses((status = 201, body = CreatedThread)),
)]
pub async fn create_thread(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Change { body, asked }: Change<CreateThread>,
) -> Result<Response, Refusal> {
    let id = ThreadId::new(app.engine.uuid());
    let CreateThread { title: wanted, topic, labels, session, prompt, agent, cwd } = body;
    let first = match (session, prompt) {
        (Some(_), Some(_)) => return Err(invalid("prompt", "the session has a prompt of its own").into()),
        (Some(_), None) if agent.is_some() || cwd.is_some() => {
            return Err(invalid("agent", "the session says agent and cwd itself").into());
        }
        (Some(session), None) => Some(*session),
        (None, None) if agent.is_none() && cwd.is_none() => None,
        (None, prompt) => Some(CreateSession { prompt, agent, cwd, ..CreateSession::default() }),
    };
    let session = match first {
        Some(first) => match new_session(&app, &caller, first, Some(ThreadPlace::New(id))).await {
            Ok(new) => Some(new),
            // What was there when it was made may be gone by now.
            Err(refusal) => return recorded(&app, &caller, &asked, StatusCode::CREATED).await?.ok_or(refusal),
        },
        None => None,
    };
    let thread = NewThread {
        id,
        owner: caller.owner.clone(),
        namespace: caller.namespace.to_owned(),
        title: title(wanted)?,
        topic: topic.unwrap_or_default(),
        labels,
        session,
    };
    let with = app.clone();
    change(&app, &caller, asked, Work::CreateThread(Box::new(thread)), StatusCode::CREATED, move |outcome| {
        let sessions: Vec<_> = outcome.session.iter().cloned().collect();
        let session = session_of(outcome);
        let cursor = with.cursor(session.as_ref().map_or(0, |s| s.seq), outcome.pos);
        Some(CreatedThread { thread: view::thread(outcome.thread.as_deref()?, &sessions), session, cursor })
    })
    .await
}

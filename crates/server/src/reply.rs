//! Submits a mutation and answers it; an exact retry gets the recorded answer.

use std::sync::{Arc, OnceLock};

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use convene_core::{
    command::Command,
    ids::SessionId,
    rejection::Rejection,
    view::{self, SessionView},
};
use convene_engine::{Done, Error, Idempotency, Outcome, Work};
use serde::Serialize;

use crate::{
    app::App,
    auth::Caller,
    extract::Asked,
    refusal::{About, Refusal},
};

/// Tells that an answer is the recorded one.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What a change was about, for the audit log.
#[derive(Debug, Clone)]
pub struct Touched(pub String);

/// Decides something and answers with what `render` makes of the outcome. The answer is written in the transaction
/// that it tells of, so that a retry, also after a crash, gets the same bytes.
pub async fn change<T: Serialize>(
    app: &App,
    caller: &Caller,
    asked: Asked,
    work: Work,
    status: StatusCode,
    render: impl Fn(&Outcome) -> T + Send + Sync + 'static,
) -> Result<Response, Refusal> {
    let session = match &work {
        Work::Command { session, .. } => Some(*session),
        Work::Repair(repair) => Some(repair.session),
        Work::CreateSession(_)
        | Work::CreateThread(_)
        | Work::ChangeThread { .. }
        | Work::DeleteThread { .. }
        | Work::Tidy(_)
        | Work::Record
        | Work::AddToken(_)
        | Work::ChangeTokens(_)
        | Work::RevokeToken(_) => None,
    };
    // Our own types always serialize: string keys, finite numbers.
    let text = Arc::new(move |outcome: &Outcome| serde_json::to_string(&render(outcome)).unwrap_or_default());
    let recorded = Arc::new(OnceLock::new());
    let idempotency = asked.key.map(|key| {
        let (text, recorded) = (Arc::clone(&text), Arc::clone(&recorded));
        Idempotency {
            owner: caller.owner.clone(),
            key,
            request: asked.hash,
            render: Box::new(move |outcome| recorded.get_or_init(|| text(outcome)).clone()),
        }
    });
    match (app.engine.submit(work, idempotency).await, session) {
        (Ok(Done::Fresh(outcome)), _) => {
            let body = recorded.get().cloned().unwrap_or_else(|| text(&outcome));
            let mut response = json(status, body);
            let session = outcome.session.as_ref().map(|state| state.id.to_string());
            let thread = || outcome.thread.as_ref().map(|state| state.id.to_string());
            if let Some(id) = session.or_else(thread) {
                response.extensions_mut().insert(Touched(id));
            }
            Ok(response)
        }
        (Ok(Done::Replayed(body)), _) => Ok(replayed(status, body)),
        // It is as it was asked to be.
        (Err(Error::Rejected(Rejection::Nothing)), Some(session)) => {
            let published = app.engine.session(session).await?;
            let outcome = Outcome { pos: published.state.pos, session: Some(published.state), thread: None };
            Ok(json(status, text(&outcome)))
        }
        (Err(error), Some(session)) => Err(about(app, session).refuse(error)),
        (Err(error), None) => Err(error.into()),
    }
}

/// The recorded answer, if this is a retry. For whoever looks at something before it submits: what was looked at the first
/// time may be otherwise by now.
///
/// # Errors
/// If the key was used with another request.
pub async fn recorded(
    app: &App,
    caller: &Caller,
    asked: &Asked,
    status: StatusCode,
) -> Result<Option<Response>, Refusal> {
    let Some(key) = &asked.key else { return Ok(None) };
    Ok(app.engine.recorded(&caller.owner, key, &asked.hash).await?.map(|body| replayed(status, body)))
}

/// Answers with what was done in several transactions, or outside of the store, and records that for a retry. It is done
/// and said, also if it cannot be recorded.
pub async fn record<T: Serialize + Clone + Send + Sync + 'static>(
    app: &App,
    caller: &Caller,
    asked: Asked,
    answer: T,
) -> Response {
    if asked.key.is_some() {
        let recorded = answer.clone();
        let recorded = change(app, caller, asked, Work::Record, StatusCode::OK, move |_| recorded.clone()).await;
        match recorded {
            Ok(response) => return response,
            Err(refusal) => tracing::warn!(detail = refusal.problem.detail, "an answer is not recorded"),
        }
    }
    json(StatusCode::OK, serde_json::to_string(&answer).unwrap_or_default())
}

fn replayed(status: StatusCode, body: String) -> Response {
    let mut response = json(status, body);
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// Changes a session and answers with it.
pub async fn command(
    app: &App,
    caller: &Caller,
    asked: Asked,
    session: SessionId,
    command: Command,
) -> Result<Response, Refusal> {
    let work = Work::Command { session, command };
    change(app, caller, asked, work, StatusCode::OK, session_of).await
}

/// The session of an outcome as clients see it.
pub fn session_of(outcome: &Outcome) -> Option<SessionView> {
    outcome.session.as_deref().map(view::session)
}

/// An answer whose body is written already.
pub fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

fn about(app: &App, session: SessionId) -> About {
    let agent = app.engine.shared().session(session).map(|p| p.state.spec.agent.clone()).unwrap_or_default();
    About { session: Some(session), agent, now: Some(app.engine.now()) }
}

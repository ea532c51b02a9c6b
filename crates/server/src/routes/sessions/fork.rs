//! `POST /v1/sessions/{id}/fork`

use std::sync::Arc;

use axum::{Extension, extract::State, http::StatusCode, response::Response};
use convene_api::{
    body::{CreatedSession, ForkSession},
    problem::{Code, Problem},
};
use convene_core::{
    event::Fork,
    ids::SessionId,
    session::SessionState,
    spec::{Origin, SessionSpec},
};
use convene_engine::{NewSession, ThreadPlace, Work};

use super::spec::{TITLE_MAX, prompt, title};
use crate::{
    app::App,
    auth::Caller,
    extract::{Change, SessionName},
    refusal::Refusal,
    reply::{change, recorded, session_of},
};

/// Makes a session that goes on with the conversation of another one, in the same directory. The other one stays as it is.
///
/// The agent forks its own session where it can; else it gets a recap of what was said.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/fork", tag = "sessions", params(("id" = String, Path)), request_body = ForkSession,
    responses((status = 201, body = CreatedSession)),
)]
pub async fn fork_session(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    SessionName(id): SessionName,
    Change { body, asked }: Change<ForkSession>,
) -> Result<Response, Refusal> {
    if let Some(answer) = recorded(&app, &caller, &asked, StatusCode::CREATED).await? {
        return Ok(answer);
    }
    let published = app.engine.session(id).await?;
    let new = fork_of(&app, &caller, &published.state, body)?;
    let with = app.clone();
    change(&app, &caller, asked, Work::CreateSession(Box::new(new)), StatusCode::CREATED, move |outcome| {
        let session = session_of(outcome)?;
        let cursor = with.cursor(session.seq, outcome.pos);
        Some(CreatedSession { session, cursor })
    })
    .await
}

fn fork_of(app: &App, caller: &Caller, state: &SessionState, body: ForkSession) -> Result<NewSession, Problem> {
    if state.phase.turn().is_some() {
        // What the agent has of a turn that runs, nobody knows.
        let next = format!("wait until its turn has ended: `convene wait {}`", state.id.short());
        let fields = [("cmd", "fork".into()), ("state", state.phase.name().into()), ("next", next.into())];
        return Err(Problem::filled(Code::WrongState, fields));
    }
    let prompt = body.prompt.map(|input| prompt(app, input)).transpose()?;
    let wanted = title(body.title)?;
    let id = SessionId::new(app.engine.uuid());
    // An agent that is still to be told of the conversation has nothing to fork.
    let agent_session_id = state.agent.session_id.clone().filter(|_| !state.agent.recap_due);
    Ok(NewSession {
        id,
        spec: spec_of(app, state, id)?,
        thread: ThreadPlace::Existing(state.thread),
        owner: caller.owner.clone(),
        namespace: caller.namespace.to_owned(),
        origin: Origin::User,
        title: if wanted.is_empty() { title_of(&state.title) } else { wanted },
        labels: state.labels.clone(),
        prompt,
        fork: Some(Fork { session: state.id, seq: state.seq, agent_session_id }),
    })
}

/// The same spec, in the directory where the other session works now: agents look for their sessions there.
fn spec_of(app: &App, state: &SessionState, id: SessionId) -> Result<SessionSpec, Problem> {
    let mut spec = SessionSpec::clone(&Arc::clone(&state.spec));
    spec.worktree = None;
    spec.worker = state.pinned_worker().map(|worker| worker.to_string());
    // Values are locked away for one session alone.
    let locked = app.keys.seal.open(state.id, &mut spec).and_then(|()| app.keys.seal.close(id, &mut spec));
    locked.map_err(|error| {
        Problem::new(Code::SecretMissing, format!("a value of {} cannot be taken over: {error}", state.id))
    })?;
    Ok(spec)
}

fn title_of(title: &str) -> String {
    const MARK: &str = " (fork)";
    if title.ends_with(MARK) || title.is_empty() {
        return title.to_owned();
    }
    title.chars().take(TITLE_MAX - MARK.len()).chain(MARK.chars()).collect()
}

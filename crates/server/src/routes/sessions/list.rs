//! `GET /v1/sessions`

use axum::{Extension, Json, extract::State};
use convene_api::{
    body::Page,
    problem::{Code, Problem},
};
use convene_core::{
    ids::{SessionId, ThreadId},
    view::{self, Badge, SessionView},
};
use convene_engine::storage::SessionFilter;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    auth::Caller,
    extract::Params,
    refusal::Refusal,
    routes::paging::{before, cursor, limit},
};

/// The list's name in its cursors.
const LIST: &str = "sessions";

/// The states that a session can be in.
pub const STATES: [&str; 7] = ["pending", "starting", "idle", "running", "hibernated", "stopping", "stopped"];

/// Which sessions are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// In one of these states, separated by commas.
    state: Option<String>,
    /// Of this badge.
    badge: Option<Badge>,
    /// Of this agent.
    agent: Option<String>,
    /// Of this thread.
    thread: Option<ThreadId>,
    /// That this session spawned. None does so yet, so the list is empty.
    parent: Option<SessionId>,
    /// `true`: those that are put away; `any`: all; otherwise those that are not.
    archived: Option<String>,
    /// Whose title, directory or id holds this.
    q: Option<String>,
    /// At most so many; 100 by default.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// `row` leaves out large fields.
    view: Option<String>,
}

/// Sessions, newest first.
#[utoipa::path(
    get, path = "/v1/sessions", tag = "sessions", params(Wanted),
    responses((status = 200, body = Page<SessionView>)),
)]
pub async fn list_sessions(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Params(wanted): Params<Wanted>,
) -> Result<Json<Page<SessionView>>, Refusal> {
    let rows_only = match wanted.view.as_deref() {
        None | Some("full") => false,
        Some("row") => true,
        Some(other) => return Err(one_of("view", other, &["full", "row"]).into()),
    };
    let filter = SessionFilter {
        namespace: Some(caller.namespace.to_owned()),
        states: states(wanted.state.as_deref())?,
        badge: wanted.badge.map(|badge| badge.to_string()),
        agent: wanted.agent,
        thread: wanted.thread,
        archived: archived(wanted.archived.as_deref())?,
        text: wanted.q.filter(|q| !q.is_empty()),
        before: before(&app, LIST, wanted.cursor.as_deref())?,
        limit: limit(wanted.limit, 100, 500)?,
    };
    let epoch = app.engine.shared().epoch;
    if wanted.parent.is_some() {
        let pos = *app.engine.shared().feed.follow_all().borrow();
        return Ok(Json(Page { items: Vec::new(), next_cursor: None, pos, epoch }));
    }
    let page = app.engine.sessions(filter).await?;
    let items = page.items.iter().map(|p| view::session(&p.state));
    let items = if rows_only { items.map(row).collect() } else { items.collect() };
    let next_cursor = page.next.map(|pos| cursor(&app, LIST, &pos.to_string()));
    Ok(Json(Page { items, next_cursor, pos: page.pos, epoch }))
}

/// A session without what a row of a table does not show.
fn row(mut session: SessionView) -> SessionView {
    session.capabilities = None;
    session.auth_methods = std::sync::Arc::default();
    session.config_options = std::sync::Arc::default();
    session.commands = std::sync::Arc::default();
    session.result = None;
    session
}

fn states(wanted: Option<&str>) -> Result<Vec<String>, Problem> {
    let states: Vec<String> = wanted.map(|all| all.split(',').map(str::to_owned).collect()).unwrap_or_default();
    match states.iter().find(|s| !STATES.contains(&s.as_str())) {
        Some(other) => Err(one_of("state", other, &STATES)),
        None => Ok(states),
    }
}

/// The archive's part of the list.
pub fn archived(wanted: Option<&str>) -> Result<Option<bool>, Problem> {
    match wanted {
        None | Some("false") => Ok(Some(false)),
        Some("true") => Ok(Some(true)),
        Some("any") => Ok(None),
        Some(other) => Err(one_of("archived", other, &["true", "false", "any"])),
    }
}

/// A value that is none of those that are known.
pub fn one_of(field: &str, value: &str, known: &[&str]) -> Problem {
    let why = format!("{value} is not one of its values");
    Problem::filled(Code::InvalidRequest, [("field", field.into()), ("why", why.into()), ("allowed", known.into())])
}

//! `GET /v1/audit`

use axum::{Json, extract::State};
use convene_api::{
    body::AuditPage,
    problem::{Code, Problem},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::paging::limit;
use crate::{
    app::App,
    audit::{self, Wanted},
    extract::{Params, whole},
    refusal::Refusal,
};

/// Which lines are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WantedLines {
    /// Those after this place, the first ones of them.
    after: Option<u64>,
    /// Those before this place, the last ones of them.
    before: Option<u64>,
    /// At most so many, up to 1000; 100 by default.
    limit: Option<usize>,
    /// Of this actor: `owner`, `browser`, `token`, `attempt`, `worker`, `nobody`, or an owner's name, or a token's id or
    /// name.
    actor: Option<String>,
    /// Of this action, such as `sessions.create`, or of all that begin so, such as `sessions`.
    action: Option<String>,
}

/// Who did what: changes that were asked for and requests that were turned away, oldest first; the newest ones if no
/// place is named. Wants the scope `admin`.
#[utoipa::path(
    get, path = "/v1/audit", tag = "access", params(WantedLines),
    responses((status = 200, body = AuditPage)),
)]
pub async fn read_audit(
    State(app): State<App>,
    Params(wanted): Params<WantedLines>,
) -> Result<Json<AuditPage>, Refusal> {
    // A filter that nothing fits is no mistake of a program; a person is told what there is.
    let hint = wanted.action.as_deref().and_then(audit::unknown).map(|(why, near)| match near {
        Some(near) => format!("{why}; did you mean {near:?}?"),
        None => format!("{why}; lines without a filter show what there is"),
    });
    let forward = wanted.after.is_some();
    let limit = limit(wanted.limit, 100, 1000)?;
    let wanted = Wanted {
        after: whole("after", wanted.after)?,
        before: whole("before", wanted.before)?,
        limit,
        actor: wanted.actor,
        action: wanted.action,
    };
    let read = tokio::task::spawn_blocking(move || app.audit.read(&wanted));
    // It fails only when the runtime goes down.
    let stopping = |_| Problem::filled(Code::Unavailable, [("state", "stopping".into())]);
    let cannot = |error: std::io::Error| {
        Problem::filled(Code::StorageFailed, [("what", "the audit log".into()), ("cause", error.to_string().into())])
    };
    let (items, more) = read.await.map_err(stopping)?.map_err(cannot)?;
    let next = if forward { items.last() } else { items.first() };
    let next_cursor = next.filter(|_| more).map(|entry| entry.n.to_string());
    Ok(Json(AuditPage { items, next_cursor, hint }))
}

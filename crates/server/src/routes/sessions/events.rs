//! `GET /v1/sessions/{id}/events`: a page of the log, or the log as a stream.

use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use convene_api::{body::Page, frame::AnyEvent, problem::Problem};
use convene_core::{
    catalogue::nearest,
    event::{KnownEvent, wire_json},
    ids::{SessionId, TurnId},
};
use convene_engine::storage::{EventFilter, EventRow};
use serde::Deserialize;
use utoipa::IntoParams;

use super::list::limit;
use crate::{
    app::App,
    extract::{Params, SessionName},
    refusal::{Refusal, cursor_too_old, invalid, not_built},
    reply,
    stream::sse,
};

/// Which events are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Those after this `seq`.
    after: Option<u64>,
    /// Those before this `seq`: the last ones of them.
    before: Option<u64>,
    /// At most so many, up to 1000; 200 by default.
    limit: Option<usize>,
    /// Of these types, separated by commas.
    r#type: Option<String>,
    /// Of this turn.
    turn: Option<TurnId>,
    /// The epoch that `after` or `before` is of.
    epoch: Option<u64>,
    /// Whose text holds this; not built yet.
    q: Option<String>,
}

/// A page of a session's events; with `Accept: text/event-stream` the events after a cursor, then live.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/events", tag = "sessions", params(("id" = String, Path), Wanted, ("Last-Event-ID" = Option<u64>, Header, description = "Of a stream: goes before `after`.")),
    responses((status = 200, content((Page<AnyEvent> = "application/json"), (AnyEvent = "text/event-stream")))),
)]
pub async fn session_events(
    State(app): State<App>,
    SessionName(id): SessionName,
    Params(wanted): Params<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if wanted.q.is_some() {
        return Err(not_built("searching events", "read them and search").into());
    }
    let published = app.engine.session(id).await?;
    let epoch = app.engine.shared().epoch;
    if wanted.epoch.is_some_and(|of| of != epoch) {
        return Err(cursor_too_old("the cursor is of another log").into());
    }
    let kinds = kinds(wanted.r#type.as_deref())?;
    if wants_stream(&headers) {
        if wanted.before.is_some() || wanted.limit.is_some() {
            let field = if wanted.before.is_some() { "before" } else { "limit" };
            return Err(invalid(field, "a stream goes forward and has no limit").into());
        }
        let after = last_event_id(&headers)?.or(wanted.after).unwrap_or(0);
        if after > published.state.seq {
            return Err(cursor_too_old(format!("the log of {id} ends at {}", published.state.seq)).into());
        }
        let reader = app.engine.follow(id, after).await?;
        return Ok(sse::session(app, id, reader, kinds, wanted.turn).into_response());
    }
    let limit = limit(wanted.limit, 200, 1000)?;
    let newest = wanted.before.is_some() && wanted.after.is_none();
    let filter = EventFilter {
        after: wanted.after,
        before: wanted.before,
        kind: None,
        turn: wanted.turn,
        // One more tells whether there is a next page.
        limit: limit + 1,
        newest,
    };
    let mut rows = read(&app, id, filter, &kinds).await?;
    let more = rows.len() > limit;
    let next = if newest {
        rows.drain(..rows.len().saturating_sub(limit));
        rows.first().map(|row| row.seq)
    } else {
        rows.truncate(limit);
        rows.last().map(|row| row.seq)
    };
    let next = if more { next } else { None };
    Ok(reply::json(StatusCode::OK, page(id, &rows, next, published.state.pos, epoch)))
}

/// The types that are wanted: each must be one that this version knows.
fn kinds(wanted: Option<&str>) -> Result<Vec<String>, Problem> {
    let kinds: Vec<String> =
        wanted.unwrap_or_default().split(',').filter(|t| !t.is_empty()).map(str::to_owned).collect();
    let Some(unknown) = kinds.iter().find(|kind| !KnownEvent::TAGS.contains(&kind.as_str())) else { return Ok(kinds) };
    let problem = invalid("type", format!("no event is called {unknown}"));
    Err(match nearest(unknown, KnownEvent::TAGS.iter().copied()).first() {
        Some(near) => problem.hint(format!("did you mean {near}?")).with("near", *near),
        None => problem.with("known", KnownEvent::TAGS),
    })
}

/// Events of several types are as many reads, merged by their place.
async fn read(app: &App, id: SessionId, filter: EventFilter, kinds: &[String]) -> Result<Vec<EventRow>, Refusal> {
    if kinds.is_empty() {
        return Ok(app.engine.events(id, filter).await?);
    }
    let mut found = BTreeMap::new();
    for kind in kinds {
        let filter = EventFilter { kind: Some(kind.clone()), ..filter.clone() };
        found.extend(app.engine.events(id, filter).await?.into_iter().map(|row| (row.seq, row)));
    }
    let skip = if filter.newest { found.len().saturating_sub(filter.limit) } else { 0 };
    Ok(found.into_values().skip(skip).take(filter.limit).collect())
}

/// The page as text: events are stored as they are shown, so nothing is parsed.
fn page(id: SessionId, rows: &[EventRow], next: Option<u64>, pos: u64, epoch: u64) -> String {
    let size: usize = rows.iter().map(|row| row.data.len() + 160).sum();
    let mut text = String::with_capacity(size + 100);
    text.push_str(r#"{"items":["#);
    for (place, row) in rows.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        text.push_str(&wire_json(id, row.seq, row.pos, row.at, &row.data));
    }
    let next = next.map_or_else(|| "null".to_owned(), |seq| format!("\"{seq}\""));
    text.push_str(&format!(r#"],"next_cursor":{next},"pos":{pos},"epoch":{epoch}}}"#));
    text
}

/// Whether the caller asked for a stream.
pub fn wants_stream(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok());
    accepts.flat_map(|v| v.split(',')).any(|v| v.trim().starts_with("text/event-stream"))
}

/// Where a stream broke off, by the browser's own account.
pub fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(id) = headers.get("last-event-id") else { return Ok(None) };
    let id = id.to_str().unwrap_or_default();
    id.parse().map(Some).map_err(|_| invalid("last-event-id", format!("{id:?} is no cursor of this stream")))
}

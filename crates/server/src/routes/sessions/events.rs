//! `GET /v1/sessions/{id}/events`: a page of the log, or the log as a stream.

use std::collections::BTreeMap;

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use convene_api::{body::Page, frame::AnyEvent, problem::Problem};
use convene_core::{
    catalogue::nearest,
    event::{KnownEvent, wire_json},
    ids::{SessionId, TurnId},
};
use convene_engine::storage::{EventFilter, EventRow};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::search;
use crate::{
    app::App,
    auth::{self, Caller},
    extract::{Params, SessionName, whole},
    refusal::{Refusal, cursor_too_old, invalid},
    reply,
    routes::paging::limit,
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
    /// At most so many; 200 by default.
    #[param(minimum = 1, maximum = 1000, default = 200)]
    limit: Option<usize>,
    /// Of these types, separated by commas.
    r#type: Option<String>,
    /// Of this turn.
    turn: Option<TurnId>,
    /// `turn`: the page of the last events (before `before`, or of all) goes back further than `limit`, to where the turn
    /// that its first event belongs to was asked for; by 2000 events at most. A search goes back, and no further.
    #[param(inline)]
    snap: Option<Snap>,
    /// The epoch that `after` or `before` is of.
    epoch: Option<u64>,
    /// Whose texts hold this, letters of either case alike. A page looks at 20,000 events at most, and may have a
    /// `next_cursor` though it is not full.
    #[param(min_length = 1, max_length = 200)]
    q: Option<String>,
}

/// How much further back a page may go.
const SNAP_MAX: u64 = 2000;

/// Where a page begins.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Snap {
    /// With a whole turn.
    Turn,
}

/// A page of a session's events; with `Accept: text/event-stream` the events after a cursor, then live.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/events", tag = "sessions", params(("id" = String, Path), Wanted, ("Last-Event-ID" = Option<u64>, Header, description = "Of a stream: goes before `after`.")),
    responses((status = 200, content((Page<AnyEvent> = "application/json"), (AnyEvent = "text/event-stream")))),
)]
pub async fn session_events(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    SessionName(id): SessionName,
    Params(wanted): Params<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (after, before) = (whole("after", wanted.after)?, whole("before", wanted.before)?);
    let seen = last_event_id(&headers)?;
    let text = wanted.q.as_deref().map(search::text).transpose()?;
    let published = app.engine.session(id).await?;
    let epoch = app.engine.shared().epoch;
    if whole("epoch", wanted.epoch)?.is_some_and(|of| of != epoch) {
        return Err(cursor_too_old("the cursor is of another log").into());
    }
    let kinds = kinds(wanted.r#type.as_deref())?;
    if wants_stream(&headers) {
        let others = [("before", before.is_some()), ("limit", wanted.limit.is_some()), ("q", text.is_some())];
        let others = others.into_iter().chain([("snap", wanted.snap.is_some())]);
        refuse(others, "a stream goes forward, has no limit, and is not searched")?;
        let after = seen.or(after).unwrap_or(0);
        if after > published.state.seq {
            return Err(cursor_too_old(format!("the log of {id} ends at {}", published.state.seq)).into());
        }
        let reader = app.engine.follow(id, after).await?;
        let lease = auth::lease(&app, caller.shown);
        return sse::session(app, lease, id, reader, kinds, wanted.turn).await;
    }
    let limit = limit(wanted.limit, 200, 1000)?;
    let newest = wanted.snap.is_some() || (before.is_some() && after.is_none());
    let filter = EventFilter {
        after,
        before,
        kind: None,
        turn: wanted.turn,
        // One more tells whether there is a next page.
        limit: limit + 1,
        bytes: None,
        newest,
    };
    if let Some(text) = text {
        let (rows, next) = search::events(&app, id, filter, &kinds, &text).await?;
        return Ok(reply::json(StatusCode::OK, page(id, &rows, next, published.state.pos, epoch)));
    }
    let mut rows = read(&app, id, filter.clone(), &kinds).await?;
    let mut more = rows.len() > limit;
    let next = if newest {
        rows.drain(..rows.len().saturating_sub(limit));
        if wanted.snap.is_some() && more {
            more = snap(&app, id, &filter, &kinds, &mut rows).await?;
        }
        rows.first().map(|row| row.seq)
    } else {
        rows.truncate(limit);
        rows.last().map(|row| row.seq)
    };
    let next = if more { next } else { None };
    Ok(reply::json(StatusCode::OK, page(id, &rows, next, published.state.pos, epoch)))
}

/// Puts before a page what is wanted of the turn that its first event is of, from the prompt on, if that is not too far.
/// Says whether there may be more before it.
async fn snap(
    app: &App,
    id: SessionId,
    wanted: &EventFilter,
    kinds: &[String],
    rows: &mut Vec<EventRow>,
) -> Result<bool, Refusal> {
    let Some(first) = rows.first().map(|row| row.seq) else { return Ok(false) };
    let Some(turn) = rows.iter().find_map(|row| row.turn) else { return Ok(true) };
    let after = wanted.after.unwrap_or(0);
    let farthest = EventFilter {
        after: Some(after.max(first.saturating_sub(SNAP_MAX + 1))),
        before: Some(first),
        limit: usize::MAX,
        ..EventFilter::default()
    };
    let asked = EventFilter { turn: Some(turn), limit: 1, ..farthest.clone() };
    let asked = read(app, id, asked, &["turn_queued".to_owned()]).await?;
    let Some(begin) = asked.first().map(|row| row.seq) else { return Ok(true) };
    let whole = EventFilter { after: Some(begin - 1), turn: wanted.turn, ..farthest };
    rows.splice(..0, read(app, id, whole, kinds).await?);
    Ok(begin > after + 1)
}

/// Refuses what does not go with something else.
fn refuse(given: impl IntoIterator<Item = (&'static str, bool)>, why: &str) -> Result<(), Problem> {
    match given.into_iter().find(|(_, is_given)| *is_given) {
        Some((field, _)) => Err(invalid(field, why)),
        None => Ok(()),
    }
}

/// The types that are wanted: each must be one that this version knows.
fn kinds(wanted: Option<&str>) -> Result<Vec<String>, Problem> {
    let kinds: Vec<String> = wanted.map(|all| all.split(',').map(str::to_owned).collect()).unwrap_or_default();
    let Some(unknown) = kinds.iter().find(|kind| !KnownEvent::TAGS.contains(&kind.as_str())) else { return Ok(kinds) };
    let problem = invalid("type", format!("no event is called {unknown}"));
    Err(match nearest(unknown, KnownEvent::TAGS.iter().copied()).first() {
        Some(near) => problem.hint(format!("did you mean {near}?")).with("near", *near),
        None => problem.with("known", KnownEvent::TAGS),
    })
}

/// Events of several types are as many reads, merged by their place.
pub async fn read(app: &App, id: SessionId, filter: EventFilter, kinds: &[String]) -> Result<Vec<EventRow>, Refusal> {
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
    let cursor = id.parse().map_err(|_| invalid("last-event-id", format!("{id:?} is no cursor of this stream")))?;
    whole("last-event-id", Some(cursor))
}

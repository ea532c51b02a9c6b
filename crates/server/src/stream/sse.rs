//! Server-sent events: a session's log (`id:` is its `seq`), and the list (`id:` is its `pos`).

use std::{convert::Infallible, time::Duration};

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use convene_api::frame::{ListFrame, ServerFrame};
use convene_core::{
    event::wire_json,
    ids::{SessionId, TurnId},
};
use convene_engine::{LogReader, storage::SqliteReader};
use futures_util::stream;
use serde::Deserialize;
use utoipa::IntoParams;

use super::list::List;
use crate::{
    app::App,
    auth::{self, Caller, Lease},
    extract::{Params, whole},
    refusal::{Refusal, invalid},
    routes::sessions::events::{last_event_id, wants_stream},
};

/// How often a silent stream says that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Where the list goes on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Changes after this `pos`; from now on if absent.
    after: Option<u64>,
    /// The epoch that `after` is of.
    epoch: Option<u64>,
}

/// Everything that the caller may see, as it changes: after a gap each changed object once, as it is now.
#[utoipa::path(
    get, path = "/v1/events", tag = "streams", params(Wanted, ("Last-Event-ID" = Option<u64>, Header, description = "Goes before `after`.")),
    responses((status = 200, body = ListFrame, content_type = "text/event-stream")),
)]
pub async fn list_events(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Params(wanted): Params<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if headers.contains_key("accept") && !wants_stream(&headers) && !accepts_all(&headers) {
        return Err(invalid("accept", "this is a stream; ask for text/event-stream").into());
    }
    let (after, epoch) = (whole("after", wanted.after)?, whole("epoch", wanted.epoch)?);
    let list = List::open(&app, last_event_id(&headers)?.or(after), epoch)?;
    let lease = auth::lease(&app, caller.shown);
    let state = (app, lease, list, Vec::new().into_iter());
    let events = stream::unfold(state, |(app, mut lease, mut list, mut ready)| async move {
        loop {
            if let Some(super::list::Frame { pos, text }) = ready.next() {
                return Some((
                    Ok::<_, Infallible>(Event::default().id(pos.to_string()).data(text)),
                    (app, lease, list, ready),
                ));
            }
            let frames = tokio::select! {
                () = app.closing.cancelled() => return None,
                () = &mut lease => return None,
                frames = list.next() => frames.ok()?,
            };
            ready = frames.into_iter();
        }
    });
    Ok(sse(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))))
}

/// A session's events from a cursor on, for as long as the lease lasts.
///
/// # Errors
/// If the next events are lost, and nobody has repaired the log: a stream that ends where it begins would be opened again
/// and again.
pub async fn session(
    app: App,
    lease: Lease,
    id: SessionId,
    mut reader: LogReader<SqliteReader>,
    kinds: Vec<String>,
    turn: Option<TurnId>,
) -> Result<Response, Refusal> {
    let after = reader.after();
    let first = reader.read().await?;
    let state = (app, lease, reader, first.into_iter().peekable(), after);
    let events = stream::unfold(state, move |(app, mut lease, mut reader, mut ready, mut after)| {
        let kinds = kinds.clone();
        async move {
            loop {
                if let Some(next) = ready.peek().map(|row| row.seq).filter(|next| *next > after + 1) {
                    let hole = hole(id, after, next);
                    return Some((Ok::<_, Infallible>(hole), (app, lease, reader, ready, next - 1)));
                }
                if let Some(row) = ready.next() {
                    after = row.seq;
                    if turn.is_some_and(|turn| row.turn != Some(turn)) || !of_kind(&row.data, &kinds) {
                        continue;
                    }
                    let text = wire_json(id, row.seq, row.pos, row.at, &row.data);
                    let event = Event::default().id(row.seq.to_string()).data(text);
                    return Some((Ok(event), (app, lease, reader, ready, after)));
                }
                // An error ends the stream, and so does the end of the session; the reader comes back and is told.
                let rows = tokio::select! {
                    () = app.closing.cancelled() => return None,
                    () = &mut lease => return None,
                    rows = reader.next() => rows.ok()??,
                };
                ready = rows.into_iter().peekable();
            }
        }
    });
    Ok(sse(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))))
}

/// Tells, as an event of a kind of its own, what is lost: whoever comes back goes on behind it.
fn hole(topic: SessionId, after: u64, next: u64) -> Event {
    // Our own frames always serialize: string keys, finite numbers.
    let text = serde_json::to_string(&ServerFrame::Hole { topic, after, next }).unwrap_or_default();
    Event::default().event("hole").id((next - 1).to_string()).data(text)
}

fn accepts_all(headers: &HeaderMap) -> bool {
    headers.get_all("accept").iter().any(|v| v.to_str().is_ok_and(|v| v.contains("*/*")))
}

/// With what keeps proxies from holding it back.
fn sse(stream: impl IntoResponse) -> Response {
    let mut response = stream.into_response();
    let name = HeaderName::from_static("x-accel-buffering");
    response.headers_mut().insert(name, HeaderValue::from_static("no"));
    response
}

/// Whether an event, as it is stored, is of one of these types; all are if there are none.
pub fn of_kind(data: &str, kinds: &[String]) -> bool {
    #[derive(serde::Deserialize)]
    struct Tag<'a> {
        #[serde(borrow, rename = "type")]
        kind: std::borrow::Cow<'a, str>,
    }
    kinds.is_empty()
        || serde_json::from_str::<Tag<'_>>(data).is_ok_and(|tag| kinds.iter().any(|kind| *kind == tag.kind))
}

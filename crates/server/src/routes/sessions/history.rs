//! `GET /v1/sessions/{id}/history`

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use axum::{Json, extract::State};
use convene_api::{
    body::{History, HistoryTurn},
    problem::{Code, Problem},
};
use convene_core::{event::wire_json, ids::TurnId};
use convene_engine::storage::{EventFilter, EventRow};
use serde_json::value::RawValue;

use crate::{app::App, extract::SessionName, refusal::Refusal};

/// How many events are read at once.
const READ: usize = 2000;

/// A session's events by turn, in the order in which turns were first seen. What was taken back is left out.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/history", tag = "sessions", params(("id" = String, Path)),
    responses((status = 200, body = History)),
)]
pub async fn session_history(State(app): State<App>, SessionName(id): SessionName) -> Result<Json<History>, Refusal> {
    let published = app.engine.session(id).await?;
    let (last, pos) = (published.state.seq, published.state.pos);
    let is_cut = |row: &EventRow| published.state.rewound.iter().any(|cut| cut.holds(row.seq));
    let mut taken_back = HashSet::new();
    let mut turns: Vec<HistoryTurn> = Vec::new();
    let mut places: HashMap<Option<TurnId>, usize> = HashMap::new();
    let mut after = 0;
    while after < last {
        let filter = EventFilter { after: Some(after), before: Some(last + 1), limit: READ, ..EventFilter::default() };
        let rows = app.engine.events(id, filter).await?;
        let Some(end) = rows.last() else { break };
        after = end.seq;
        for row in rows {
            if is_cut(&row) {
                // Its prompt may have waited since before.
                taken_back.extend(row.turn.filter(|_| row.data.contains(r#""type":"turn_started""#)));
                continue;
            }
            let place = *places.entry(row.turn).or_insert_with(|| {
                turns.push(HistoryTurn { turn: row.turn, events: Vec::new() });
                turns.len() - 1
            });
            let event = RawValue::from_string(wire_json(id, row.seq, row.pos, row.at, &row.data))
                .map_err(|error| Problem::new(Code::SessionDamaged, format!("event {}: {error}", row.seq)))?;
            if let Some(turn) = turns.get_mut(place) {
                turn.events.push(Arc::from(event));
            }
        }
    }
    turns.retain(|turn| turn.turn.is_none_or(|id| !taken_back.contains(&id)));
    Ok(Json(History { turns, cursor: app.cursor(last, pos) }))
}

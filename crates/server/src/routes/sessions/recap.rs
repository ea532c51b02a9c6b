//! `GET /v1/sessions/{id}/recap`

use std::collections::{HashMap, HashSet, VecDeque};

use axum::{Json, extract::State};
use convene_api::body::{RecapMessage, SessionRecap};
use convene_core::{
    content::{Channel, Role, plain_text},
    event::{EventBody, EventData, KnownEvent, wire_json},
    ids::MessageId,
    view,
};
use convene_engine::storage::{EventFilter, EventRow};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::IntoParams;

use crate::{
    app::App,
    extract::{Params, SessionName},
    refusal::Refusal,
    routes::paging::limit,
};

/// How far back a log is read, in events.
const WINDOW: u64 = 5000;

/// How much of a message is told, in bytes.
const TEXT: usize = 16 * 1024;

/// Of what happens to a session beside the talk: what somebody who comes back wants to know.
const MARKERS: [&str; 12] = [
    "agent_auth_required",
    "agent_context_lost",
    "permission_requested",
    "repair_completed",
    "session_cleared",
    "session_hibernated",
    "session_recovered",
    "session_rewound",
    "session_stopped",
    "session_unhealthy",
    "turn_cancel_requested",
    "turn_ended",
];

/// How much is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// So many messages, and so many markers, at most; 20 by default.
    #[param(minimum = 1, maximum = 200, default = 20)]
    limit: Option<usize>,
}

/// What was said and what happened lately, what waits, and where to go on: enough to come back to a session. Looks at the
/// last 5,000 events; what was cleared or taken back is left out.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/recap", tag = "sessions", params(("id" = String, Path), Wanted),
    responses((status = 200, body = SessionRecap)),
)]
pub async fn session_recap(
    State(app): State<App>,
    SessionName(id): SessionName,
    Params(wanted): Params<Wanted>,
) -> Result<Json<SessionRecap>, Refusal> {
    let limit = limit(wanted.limit, 20, 200)?;
    let published = app.engine.session(id).await?;
    let state = &published.state;
    let after = state.cleared_seq.max(state.seq.saturating_sub(WINDOW));
    let filter =
        EventFilter { after: Some(after), before: Some(state.seq + 1), limit: usize::MAX, ..EventFilter::default() };
    let rows = app.engine.events(id, filter).await?;
    let mut told = Told { limit, messages: VecDeque::new(), places: HashMap::new(), first: 0 };
    let mut markers = VecDeque::new();
    let mut taken_back = HashSet::new();
    for row in &rows {
        let Ok(data) = EventData::from_json(&row.data) else { continue };
        if state.rewound.iter().any(|cut| cut.holds(row.seq)) {
            // Its prompt may have waited since before.
            taken_back.extend(row.turn.filter(|_| data.tag() == "turn_started"));
            continue;
        }
        if MARKERS.contains(&data.tag())
            && let Ok(marker) = RawValue::from_string(wire_json(id, row.seq, row.pos, row.at, &row.data))
        {
            markers.push_back(marker);
            if markers.len() > limit {
                markers.pop_front();
            }
        }
        told.take(row, &data);
    }
    told.messages.retain(|message| message.turn.is_none_or(|turn| !taken_back.contains(&turn)));
    Ok(Json(SessionRecap {
        session: view::session(state),
        messages: told.messages.into(),
        markers: markers.into(),
        pending: view::queue(state),
        cursor: app.cursor(state.seq, state.pos),
    }))
}

/// The last messages so far.
struct Told {
    limit: usize,
    messages: VecDeque<RecapMessage>,
    /// Where messages of the agent are, counted from the first that there ever was.
    places: HashMap<MessageId, usize>,
    /// How many were let go.
    first: usize,
}

impl Told {
    fn take(&mut self, row: &EventRow, data: &EventData) {
        let EventBody::Known(known) = &data.body else { return };
        if let KnownEvent::TurnQueued { content, .. } = known {
            self.begin(row, Role::User);
            self.say(&plain_text(content), None);
        } else if let KnownEvent::MessageAppended { message, role: Role::Agent, channel: Channel::Answer, content } =
            known
        {
            let text = content.as_text().unwrap_or_default();
            if !self.places.contains_key(message) {
                self.places.insert(*message, self.first + self.messages.len());
                self.begin(row, Role::Agent);
            }
            self.say(text, self.places.get(message).copied());
        }
    }

    fn begin(&mut self, row: &EventRow, role: Role) {
        let (turn, at, seq) = (row.turn, row.at, row.seq);
        self.messages.push_back(RecapMessage { turn, role, text: String::new(), cut: false, at, seq });
        if self.messages.len() > self.limit {
            self.messages.pop_front();
            self.first += 1;
        }
    }

    /// Adds to a message, or to the last one; to one that was let go nothing is added.
    fn say(&mut self, text: &str, place: Option<usize>) {
        let place = place.map_or(self.messages.len().checked_sub(1), |place| place.checked_sub(self.first));
        let Some(message) = place.and_then(|place| self.messages.get_mut(place)) else { return };
        let room = text.floor_char_boundary(TEXT.saturating_sub(message.text.len()));
        message.text.push_str(&text[..room]);
        message.cut |= room < text.len();
    }
}
